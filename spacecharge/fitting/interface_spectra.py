"""Measured spectra of interfaces as data of a fit: both parts over the measured modulus, and what the model says."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..config.cell_parameters import AREA
from ..constants import CM2
from ..errors import FitError, ModelError
from ..measured.kramers_kronig import KramersKronig, kramers_kronig
from ..solver.small_signal import VANISHING
from .cell import cell_impedance
from .problem import Array

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..config.interface_fit import InterfaceFitConfig
    from ..config.interface_spectra import MeasuredSpectrum
    from .interface_model import InterfaceModel, Solving

Complex = NDArray[np.complex128]

STEP = 1e-3
"""Relative step of a derivative of a spectrum: its square, 1e-6, is what is lost, and so is 1e-9 V over 25 mV by it."""

SYSTEMATIC = -4.5
"""Standard deviations of neighbouring residuals below noise from which on a spectrum breaks the relations."""

SMALL = 1e-3
"""Residuals below this break nothing that an instrument would resolve."""

LEAST_SIGMA = 1e-4
"""Over the modulus: weights of spectra that a computer made stay finite."""


class States(NamedTuple):
    """What the model has at the points of the spectra, before the cell.

    Attributes
    ----------
    stack : list of ndarray of complex, shape (n_rows, n_frequencies)
        One per spectrum [ohm m2].
    contact : list of (resistance, capacitance)
        Of the contact, (n_rows,) each [ohm m2, F m-2].
    end : list of (resistance, capacitance) or None
        Limits at low frequencies, where a constant phase of a blocking end needs them.
    """

    stack: list[Complex]
    contact: list[tuple[Array, Array]]
    end: list[tuple[Array, Array] | None]


class MeasuredSpectra:
    """The spectra of a configuration and what the model says of them.

    Parameters
    ----------
    config : InterfaceFitConfig
        Checked.
    model : InterfaceModel
        Of the stack.

    Raises
    ------
    FitError
        A spectrum breaks the Kramers-Kronig relations by more than its bound.
    """

    def __init__(self, config: InterfaceFitConfig, model: InterfaceModel) -> None:
        self.config, self.model = config, model
        self.spectra = config.spectra
        self.names = [p.name for p in config.parameters]
        self.of_cell = {p.name: k for k, p in enumerate(config.parameters) if p.of_cell}
        self.in_model = [k for k, p in enumerate(config.parameters) if p.paths]
        self.of_stack = [k for k in self.in_model if config.parameters[k].fixed is None]
        self.blocking = "blocking_phase_exponent" in self.of_cell
        self.tests = [_tested(spectrum) for spectrum in self.spectra]
        sigmas = [_sigma(spectrum, test) for spectrum, test in zip(self.spectra, self.tests, strict=True)]
        parts = [s.impedance / np.abs(s.impedance) for s in self.spectra]
        self.values = np.concatenate([_parts(z) for z in parts]) if parts else np.zeros(0)
        self.sigma = np.concatenate(sigmas) if sigmas else np.zeros(0)
        self.frequency = _both(self.spectra, lambda s: s.frequency)
        self.temperature = _both(self.spectra, lambda s: np.full(s.frequency.size, s.temperature))
        self._seen: tuple[tuple[bytes, float | None], States] | None = None
        entries = [config.interfaces[s.interface] for s in self.spectra]
        self.at = {path: np.array([e[path] for e in entries]) for path in (entries[0] if entries else {})}
        self.at["temperature_K"] = np.array([s.temperature for s in self.spectra])

    def states(self, rows: Array, solving: Solving | None = None) -> States:
        """Solve the model for every row of parameters (n_rows, n_parameters) at every spectrum."""
        own = rows[:, self.in_model]
        if rows.shape[0] > 1 and (own == own[0]).all():
            # Only the cell differs.
            return _repeated(self.states(rows[:1], solving), rows.shape[0])
        key = own.tobytes(), solving.tolerance_V if solving else None
        # Threads of a sampler share this: one look, and whatever was found goes together.
        seen = self._seen
        if seen is not None and seen[0] == key:
            return seen[1]
        omega = [2.0 * np.pi * s.frequency for s in self.spectra]
        if self.blocking:
            omega = [np.append(w, VANISHING) for w in omega]
        try:
            found, resistance, capacitance = self.model.spectra(rows, self.at, omega, solving)
        except ModelError as error:
            raise FitError(f"{self.config.path}: {error}") from None
        n, n_rows = len(self.spectra), rows.shape[0]
        stack = [np.array([found[r * n + i] for r in range(n_rows)]) for i in range(n)]
        ends: list[tuple[Array, Array] | None] = [None] * n
        if self.blocking:
            ends = [(z[:, -1].real, -1.0 / (VANISHING * z[:, -1].imag)) for z in stack]
            stack = [z[:, :-1] for z in stack]
        contact = [(resistance.reshape(n_rows, n)[:, i], capacitance.reshape(n_rows, n)[:, i]) for i in range(n)]
        states = States(stack, contact, ends)
        self._seen = key, states
        return states

    def prediction(self, rows: Array, states: States | None = None) -> Array:
        """Return the data as the model has them, for rows of parameters (n_rows, n_data)."""
        states = self.states(rows) if states is None else states
        parts = []
        for i, s in enumerate(self.spectra):
            z = self._seen_by_instrument(i, rows, states, 2.0 * np.pi * s.frequency) / np.abs(s.impedance)
            parts.append(np.concatenate([z.real, z.imag], axis=1))
        return np.concatenate(parts, axis=1) if parts else np.zeros((rows.shape[0], 0))

    def impedances(self, rows: Array, i: int) -> Complex:
        """Return what an instrument sees of spectrum `i` (n_rows, n_frequencies), in the unit of the data."""
        return self._seen_by_instrument(i, rows, self.states(rows), 2.0 * np.pi * self.spectra[i].frequency)

    def _seen_by_instrument(self, i: int, rows: Array, states: States, omega: Array) -> Complex:
        cell = self.cell(rows)
        per_area = self.spectra[i].per_area
        return cell_impedance(cell, omega, states.stack[i], states.contact[i], states.end[i], per_area=per_area)

    def cell(self, rows: Array) -> dict[str, Array]:
        """Return the parameters of the cell of every row, with what the section ``impedance`` says (n_rows,)."""
        cell = {name: rows[:, k] for name, k in self.of_cell.items()}
        settings = self.config.model.impedance
        if settings is not None:
            n = rows.shape[0]
            if AREA not in cell and settings.electrode_area is not None:
                cell[AREA] = np.full(n, settings.electrode_area / CM2)
            if "series_resistance_ohm_cm2" not in cell and settings.series_resistance:
                cell["series_resistance_ohm_cm2"] = np.full(n, settings.series_resistance / CM2)
        return cell

    def jacobian(self, values: Array) -> Array:
        """Return the derivatives of the prediction by the parameters (n_data, n_parameters).

        Differences: those by numbers of the stack solve it again, all in one call; those by the cell are closed.
        """
        out = np.zeros((self.values.size, values.size))
        if not self.spectra:
            return out
        base = self.states(values[None])
        for k in self.of_cell.values():
            if self.config.parameters[k].fixed is None:
                out[:, k] = self._by_cell(values, k, base)
        if self.of_stack:
            steps = [self._step(values, k) for k in self.of_stack]
            moved = np.repeat(values[None], 2 * len(steps), axis=0)
            for row, (k, (low, high)) in enumerate(zip(self.of_stack, steps, strict=True)):
                moved[2 * row, k], moved[2 * row + 1, k] = low, high
            found = self.prediction(moved)
            for row, (k, (low, high)) in enumerate(zip(self.of_stack, steps, strict=True)):
                out[:, k] = (found[2 * row + 1] - found[2 * row]) / (high - low)
        self._seen = (values[None, self.in_model].tobytes(), None), base
        return out

    def _by_cell(self, values: Array, k: int, base: States) -> Array:
        low, high = self._step(values, k, 1e-5)
        moved = np.repeat(values[None], 2, axis=0)
        moved[0, k], moved[1, k] = low, high
        below, above = self.prediction(moved, _repeated(base, 2))
        return np.asarray((above - below) / (high - low))

    def _step(self, values: Array, k: int, relative: float = STEP) -> tuple[float, float]:
        """Return two values about a parameter, within its bounds."""
        p, value = self.config.parameters[k], float(values[k])
        size = relative * max(abs(value), 0.0 if p.log else 1e-3)
        return max(value - size, p.minimum), min(value + size, p.maximum)

    @property
    def notes(self) -> list[str]:
        """How the files were read, and the outcome of the tests that were passed."""
        found = [note for s in self.spectra for note in s.notes]
        for s, test in zip(self.spectra, self.tests, strict=True):
            if not _broken(s, test):
                found.append(f"{s.path}: Kramers-Kronig test passed: {_words(test)}")
        if any(s.sigma is None for s in self.spectra):
            found.append("spectra without errors: both parts count by the modulus, with the scatter about that series")
        return found

    @property
    def warnings(self) -> list[str]:
        """The outcome of the tests that were not passed."""
        return [
            f"{s.path}: the spectrum breaks the Kramers-Kronig relations: {_words(test)} (bound: {s.warn_above:g}, or "
            f"{-SYSTEMATIC:g} standard deviations): it drifts, or is not linear; what is fitted to it means little"
            for s, test in zip(self.spectra, self.tests, strict=True)
            if _broken(s, test)
        ]


def _repeated(states: States, n: int) -> States:
    """Return the states of one row of parameters for `n` rows that differ in the cell only."""
    return States(
        [np.repeat(z, n, axis=0) for z in states.stack],
        [(np.repeat(r, n), np.repeat(c, n)) for r, c in states.contact],
        [None if end is None else (np.repeat(end[0], n), np.repeat(end[1], n)) for end in states.end],
    )


def _tested(spectrum: MeasuredSpectrum) -> KramersKronig:
    test = _series(spectrum.frequency.tobytes(), spectrum.impedance.tobytes(), spectrum.elements_per_decade)
    if test.rms > spectrum.refuse_above:
        raise FitError(
            f"{spectrum.path}: the spectrum breaks the Kramers-Kronig relations: {_words(test)} (allowed: up to "
            f"{spectrum.refuse_above:g}, kramers_kronig.refuse_above); leave out frequencies (frequency_range_Hz)"
        )
    return test


@lru_cache(maxsize=64)
def _series(frequency: bytes, impedance: bytes, per_decade: float) -> KramersKronig:
    """Return the series of a spectrum; a chain asks for that of the same file at every refit."""
    return kramers_kronig(
        np.frombuffer(frequency), np.frombuffer(impedance, dtype=np.complex128), per_decade=per_decade
    )  # fmt: skip


def _broken(spectrum: MeasuredSpectrum, test: KramersKronig) -> bool:
    return test.rms > spectrum.warn_above or (test.order < SYSTEMATIC and test.rms > SMALL)


def _words(test: KramersKronig) -> str:
    order = f", systematic by {-test.order:.1f} standard deviations" if test.order < SYSTEMATIC else ""
    return (
        f"residuals {test.rms:.2g} of the modulus (rms), {test.largest:.2g} at most{order}, with {test.n_elements} "
        f"elements (mu {test.mu:.2f})"
    )


def _sigma(spectrum: MeasuredSpectrum, test: KramersKronig) -> Array:
    """Return one sigma of real and imaginary parts over the modulus (2 n,)."""
    if spectrum.sigma is None:
        return np.full(2 * spectrum.frequency.size, max(test.noise, LEAST_SIGMA))
    return np.asarray((spectrum.sigma / np.abs(spectrum.impedance)[:, None]).T.ravel())


def _parts(z: Complex) -> Array:
    return np.concatenate([z.real, z.imag])


def _both(spectra: tuple[MeasuredSpectrum, ...], of: Callable[[MeasuredSpectrum], Array]) -> Array:
    """Return a number of every frequency for both parts of every spectrum."""
    return np.concatenate([np.tile(of(s), 2) for s in spectra]) if spectra else np.zeros(0)


def area_of(spectra: MeasuredSpectra, rows: Array) -> Array:
    """Return the electrode area of every row of parameters [m2]; 1 where none is given."""
    cell = spectra.cell(rows)
    return CM2 * cell[AREA] if AREA in cell else np.ones(rows.shape[0])


__all__ = ["MeasuredSpectra", "States", "area_of"]
