"""A fit of the interface model, ready to run: numbers and spectra as one prediction, its parameters, what follows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..config.cell_parameters import AREA, CELL, NOT_OF_THE_MODEL
from ..errors import FitError, ModelError
from ..units import unit_of
from .curvature import minimise_by_curvature
from .identifiability import determined_only
from .interface_loads import is_driven
from .interface_measured import Measured
from .interface_model import InterfaceModel, Solving
from .interface_spectra import MeasuredSpectra, area_of
from .problem import Array, Parameter, Problem
from .setup import Column, Quantity, Setup
from .student import minimise_student

if TYPE_CHECKING:
    from ..config.interface_fit import Datum, InterfaceFitConfig
    from ..config.interface_parameters import FittedPath

_MOST_DERIVED = 12
"""Interfaces of which derived numbers are listed; the rows of a long table stand in the table of interfaces."""


_SOLVES = 128
"""Solves that the numbers of a contact's arc remember: those of one pass of differences over all parameters."""


def interface_setup(config: InterfaceFitConfig) -> tuple[Setup, MeasuredSpectra]:
    """Return the fit of a configuration, ready to run, and its spectra, which know the model.

    Raises
    ------
    FitError
        A parameter needs an initial value, or the calibration is no neutral case.
    """
    try:
        model = InterfaceModel(config)
        base = model.base
    except ModelError as error:
        raise FitError(f"{config.model.source}: {error}") from None
    measured, spectra = Measured(config), MeasuredSpectra(config, model)
    parameters = tuple(_parameter(p, value) for p, value in zip(config.parameters, base.tolist(), strict=True))
    joint = _Joint(model, measured, spectra)
    names = list(config.interfaces)
    temperature = np.concatenate([[float(np.mean(d.temperatures)) for d in config.data], spectra.temperature])
    problem = Problem(
        parameters=parameters,
        predict=lambda values: joint.predict(values[None])[0],
        jacobian=joint.jacobian,
        predict_many=joint.draws,
        data=np.concatenate([measured.values, spectra.values]),
        sigma=np.concatenate([measured.sigma, spectra.sigma]),
        limit=np.concatenate([measured.limit, np.zeros(spectra.values.size, dtype=np.int8)])
        if np.any(measured.limit)
        else None,
        absolute_sigma=config.absolute_sigma,
        advise=lambda values, names: _advice(joint, values, names),
    )
    # Every part of a spectrum is a curve of its own, along which residuals may be systematic.
    curves = [f"{s.interface}: {part} Z" for s in spectra.spectra for part in ("Re", "Im")]
    sizes = [s.frequency.size for s in spectra.spectra for _ in range(2)]
    labels = [f"{d.interface}, {d.quantity}" for d in config.data]
    labels += [
        f"{s.path}, {part} Z at {f:.3g} Hz" for s in spectra.spectra for part in ("Re", "Im") for f in s.frequency
    ]
    series = np.concatenate([
        np.array([names.index(d.interface) for d in config.data], dtype=np.intp),
        np.repeat(np.arange(len(names), len(names) + len(sizes)), sizes).astype(np.intp),
    ])  # fmt: skip
    unique, index = np.unique(temperature, return_inverse=True)
    few = names if len(names) <= _MOST_DERIVED and config.data else []
    derived = tuple(q for name in few for q in _derived(model, config, name))
    driven = [s.interface for s in config.spectra if is_driven(config, s.interface)]
    seen = {s.interface: s.temperature for s in reversed(config.spectra) if s.interface not in driven}
    if len(seen) <= _MOST_DERIVED:
        derived += tuple(q for name, at_K in seen.items() for q in _contact_arc(model, config, name, at_K))
    codes = [_code(d) for d in config.data]
    for n in sizes[::2]:
        codes += [SPECTRUM_CODE] * n + [SPECTRUM_CODE + 1] * n
    columns = {
        "temperature": Column(values=temperature, unit="K", long_name="temperature, mean of those of a slope"),
        "quantity": Column(
            values=np.array(codes, dtype=float),
            unit="1",
            long_name="0 ln of an exchange current density [A m-2], 1 ln of a resistance [ohm m2], 2 energy [eV], "
            "3 ln of a capacitance [F m-2] (of a cell [ohm, F]; of ratios [1]), 4 and 5 real and imaginary part of "
            "an impedance over its measured modulus",
        ),
    }
    order = None
    if spectra.spectra:
        columns["frequency"] = Column(
            values=np.concatenate([np.full(len(config.data), np.nan), spectra.frequency]),
            unit="Hz",
            long_name="frequency of a spectrum",
        )
        order = np.concatenate([temperature[: len(config.data)], spectra.frequency])
    return (
        Setup(
            problem=problem,
            predict=lambda values, rows: joint.predict(values[None])[0][rows],
            columns=columns,
            quantity=Column(values=problem.data, unit="1", long_name="data in the form that is fitted (see quantity)"),
            series=series,
            series_names=(*names, *curves),
            temperature_index=index.astype(np.intp),
            temperatures=unique,
            derived=derived,
            search=partial(minimise_student, degrees=config.student, labels=labels)
            if config.student
            else minimise_by_curvature,
            order=order,
            warnings=tuple(spectra.warnings),
            notes=(
                *([LOGARITHMS] if config.data else []),
                *config.notes,
                *spectra.notes,
                *_nuisance(config),
                *_driven(config, driven),
            ),
        ),
        spectra,
    )


LOGARITHMS = "exchange currents, resistances and capacitances are fitted as logarithms, activation energies as they are"

SPECTRUM_CODE = 4


def _nuisance(config: InterfaceFitConfig) -> list[str]:
    """Say which parameters are not of the model."""
    names = [p.name for p in config.parameters if p.of_cell]
    return [f"{NOT_OF_THE_MODEL}, but of the cell: {', '.join(names)}"] if names else []


def _driven(config: InterfaceFitConfig, names: Sequence[str]) -> list[str]:
    """Say what the table of interfaces is where spectra are about a bias or a load."""
    if not names:
        return []
    what = "a bias: the table of interfaces has kT/(e i0) and the space charge that the bias leaves, no differential"
    if config.model.load is not None:
        what = "a load: the table of interfaces is that at rest, no differential"
    return [f"{', '.join(dict.fromkeys(names))}: spectra about {what} resistances"]


class _Joint:
    """Numbers and spectra of interfaces as one prediction.

    Parameters
    ----------
    model : InterfaceModel
        Of the stack.
    measured : Measured
        Numbers.
    spectra : MeasuredSpectra
        Spectra.
    """

    def __init__(self, model: InterfaceModel, measured: Measured, spectra: MeasuredSpectra) -> None:
        self.model, self.measured, self.spectra = model, measured, spectra
        self.area = spectra.of_cell.get(AREA)
        self.tolerance_V = model.draw_tolerance_V(np.concatenate([measured.sigma, spectra.sigma]))

    def predict(self, rows: Array, solving: Solving | None = None) -> Array:
        """Return the data as the model has them for rows of parameters (n_rows, n_data)."""
        parts = []
        if self.measured.values.size:
            scalars = self.model.scalars(rows, self.measured.at, solving)
            parts.append(self.measured.prediction(scalars, area_of(self.spectra, rows)))
        if self.spectra.values.size:
            parts.append(self.spectra.prediction(rows, self.spectra.states(rows, solving)))
        return np.concatenate(parts, axis=1)

    def draws(self, rows: Array, n_threads: int) -> Array:
        """Return the same as exactly as the data can tell, for a sampler."""
        return self.predict(rows, Solving(self.tolerance_V, n_threads))

    def jacobian(self, values: Array) -> Array:
        """Return the derivatives of the prediction (n_data, n_parameters), in the units of the keys."""
        parts = []
        if self.measured.values.size:
            slopes = self.measured.jacobian(self.model.solve(values, self.measured.at, slopes=True))
            if self.area is not None:
                slopes[:, self.area] += self.measured.by_area / values[self.area]
            parts.append(slopes)
        if self.spectra.values.size:
            parts.append(self.spectra.jacobian(values))
        return np.concatenate(parts, axis=0)


def _advice(joint: _Joint, values: Array, names: Sequence[str]) -> str:
    """Say which products and quotients of parameters the data do determine."""
    every = [p.name for p in joint.model.config.parameters]
    places = [every.index(name) for name in names]
    sigma = np.concatenate([joint.measured.sigma, joint.spectra.sigma])
    by_log = joint.jacobian(values)[:, places] / sigma[:, None] * values[places]
    words = determined_only(by_log, names, values[places])
    return f"{words}: fix one" if words else ""


def _code(datum: Datum) -> int:
    return ("exchange", "resistance", "activation", "capacitance").index(datum.quantity.split("_")[0])


def _parameter(p: FittedPath, base: float) -> Parameter:
    start = p.fixed if p.fixed is not None else p.initial if p.initial is not None else base
    return Parameter(
        name=p.name,
        unit=CELL[p.name].unit if p.of_cell else unit_of(p.paths[0]).text or "1",
        initial=float(np.clip(start, p.minimum, p.maximum)),
        minimum=p.minimum,
        maximum=p.maximum,
        fixed=p.fixed is not None,
        log=p.log,
        long_name=f"{CELL[p.name].words} ({NOT_OF_THE_MODEL})" if p.of_cell else " = ".join(p.paths),
    )


def _point(config: InterfaceFitConfig, name: str, temperature: float) -> dict[str, Array]:
    """Return the numbers of one interface at one temperature, as a point of the model."""
    numbers = {**config.interfaces[name], "temperature_K": temperature}
    return {path: np.array([value]) for path, value in numbers.items()}


def _derived(model: InterfaceModel, config: InterfaceFitConfig, name: str) -> list[Quantity]:
    """Return what follows for one interface, at the temperature of the configuration."""
    at = _point(config, name, float(model.stack.temperature_K))
    wanted = [("total_resistance", "ohm m2", "total resistance")]
    if model.has_law:
        wanted.insert(0, ("exchange_current_density", "A m-2", "exchange current density"))
    if any(d.quantity.startswith("capacitance") for d in config.data):
        wanted.append(("capacitance", "F m-2", "differential capacitance"))

    def function(key: str) -> Any:
        return lambda values: float(model.solve(values, at).scalars[key][0])

    def many(key: str) -> Callable[[Array], Array]:
        return lambda rows: model.scalars(rows, at)[key][:, 0]

    return [
        Quantity(
            name=f"{key}_{name}", unit=unit, long_name=f"{words} of {name}", function=function(key), many=many(key)
        )
        for key, unit, words in wanted
    ]


def _contact_arc(model: InterfaceModel, config: InterfaceFitConfig, name: str, temperature: float) -> list[Quantity]:
    """Return resistance, capacitance and peak frequency of the arc of the contact, where it has a resistance.

    Charge transfer and space charge in series, beside the differential capacitance of the contact: its arc in a
    spectrum as long as that is far slower than the arcs of the layers.
    """
    at = _point(config, name, temperature)

    @lru_cache(maxsize=_SOLVES)
    def solved(values: tuple[float, ...]) -> tuple[float, float]:
        scalars = model.solve(values, at).scalars
        resistance = float(scalars["interface_resistance"][0])
        if model.has_law:
            resistance = float(np.nan_to_num(resistance) + scalars["charge_transfer_resistance"][0])
        return resistance, float(scalars["capacitance"][0])

    def parts(values: Array) -> tuple[float, float]:
        # Three quantities ask at the same parameters one after the other.
        return solved(tuple(map(float, values)))

    def frequency(values: Array) -> float:
        both = parts(values)
        # Where a search ends far off, the contact may be a short circuit.
        return 0.5 / (np.pi * both[0] * both[1]) if min(both) > 0.0 else math.nan

    resistance, capacitance = parts(model.base)
    if not (resistance > 0.0 and capacitance > 0.0):
        return []
    where = f"of the contact arc of {name} at {temperature:g} K"
    return [
        Quantity(
            name=f"contact_resistance_{name}",
            unit="ohm m2",
            long_name=f"resistance {where}",
            function=lambda values: parts(values)[0],
        ),
        Quantity(
            name=f"contact_capacitance_{name}",
            unit="F m-2",
            long_name=f"capacitance {where}",
            function=lambda values: parts(values)[1],
        ),
        Quantity(
            name=f"contact_frequency_{name}",
            unit="Hz",
            long_name=f"peak frequency {where}",
            function=frequency,
        ),
    ]


__all__ = ["interface_setup"]
