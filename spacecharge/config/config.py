"""A loaded configuration: the stack at its base point, the plan of the sweep, the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, ModelError
from ..model import Stack, StackParameters, stack_parameters
from .assumed import Assumed, assumed_values
from .axes import Axis, Index, Sweep, closed_grid
from .build import FitReference
from .notes import notes_of
from .paths import TOLERANCE_PATH, allowed_range
from .rebuilt import put_together, rebuilt_stacks

Array = NDArray[np.float64]
Resolver = Callable[[FitReference], float | Mapping[str, float]]
SigmaOf = Callable[[FitReference, str], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SolverSettings:
    """How exactly to solve.

    Parameters
    ----------
    tolerance_V : float
        Error allowed in the contact potential [V].
    """

    tolerance_V: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSettings:
    """What is written, and where.

    Parameters
    ----------
    path : str
        Result file, relative to the working directory.
    profiles : bool
        Whether profiles are written.
    profile_nodes : int, optional
        Nodes of a profile for each layer; None leaves them to the solver.
    resistance_of : tuple of str
        Layers of the interface resistance.
    sensitivities : tuple of str
        Dotted paths to differentiate by.
    reference_lines : tuple of (str, float, float, str, str)
        Variable, lowest and highest value [SI], their SI unit and words: what figures draw beside the variable.
    """

    path: str
    profiles: bool
    profile_nodes: int | None
    resistance_of: tuple[str, ...]
    sensitivities: tuple[str, ...]
    reference_lines: tuple[tuple[str, float, float, str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSettings:
    """What drives a current.

    Parameters
    ----------
    current_density : float or None
        [A m-2]
    voltage : float or None
        [V]; one of the two is given.
    components : tuple of str, optional
        What the ends exchange; None for every component.
    """

    current_density: float | None
    voltage: float | None
    components: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpedanceSettings:
    """A spectrum.

    Parameters
    ----------
    frequency_Hz : tuple of float
        Frequencies in rising order [Hz].
    ends : mapping
        ``{left, right}`` as :func:`spacecharge.impedance` takes them.
    electrode_area : float or None
        [m2]
    series_resistance : float
        [ohm m2]
    arcs : bool or None
        Whether relaxation times and arcs are asked for; None: where they are cheap.
    """

    frequency_Hz: tuple[float, ...]
    ends: Mapping[str, Any]
    electrode_area: float | None
    series_resistance: float
    arcs: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedConfig:
    """What every configuration of a run has: its file, the plan of its sweep, and what to write.

    Parameters
    ----------
    source : Path
        The file.
    title : str
        Title; the name of the file where none is given.
    text : str
        The file, verbatim.
    sha256 : str
        Digest of the text and of the files that it names (table of points, sites).
    sweep : Sweep
        The plan of the sweep.
    output : OutputSettings
        What is written.
    """

    source: Path
    title: str
    text: str
    sha256: str
    sweep: Sweep
    output: OutputSettings

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes of the sweep in the order of the file."""
        return self.sweep.axes

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the results' sweep axes; empty for a single solve."""
        return self.sweep.shape

    @property
    def n_points(self) -> int:
        """Number of points; 1 for a single solve."""
        return self.sweep.n_points

    def point_values(self, lo: int, hi: int) -> dict[str, Array]:
        """Return the values of all axes at the points `lo` to `hi` - 1, in the unit of each key."""
        return self.sweep.values(lo, hi)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(CheckedConfig):
    """A configuration, checked as a whole; made by :func:`load_config`.

    Parameters
    ----------
    source, title, text, sha256, sweep, output
        As :class:`CheckedConfig` has them.
    base_stack : Stack
        The stack at its base point, with placeholders for fitted numbers; use :attr:`stack`.
    solver : SolverSettings
        Tolerance and limits.
    charge_transfer : tuple of mapping or None
        The validated keys ``charge_transfer`` of each inner contact, in the units of their names.
    fit_references : tuple of FitReference
        Numbers still to be taken from fits; see :meth:`with_fits`.
    load : LoadSettings or None
        A steady current or voltage at every point; swept values stand in :meth:`point_values`.
    impedance : ImpedanceSettings or None
        The spectrum of every point.
    """

    base_stack: Stack
    solver: SolverSettings
    charge_transfer: tuple[Mapping[str, Any] | None, ...] = ()
    fit_references: tuple[FitReference, ...] = ()
    load: LoadSettings | None = None
    impedance: ImpedanceSettings | None = None

    @property
    def stack(self) -> Stack:
        """The stack at its base point, with the numbers that come from fits read from their files.

        Raises
        ------
        ConfigError
            A fit that it refers to cannot be used.
        """
        if self.fit_references:
            from ..fitting.from_fit import with_fits

            try:
                return with_fits(self).base_stack
            except ConfigError as error:
                raise ConfigError([f"{line}; the fit has not been read yet" for line in error.problems]) from None
        return self.base_stack

    @property
    def lattice(self) -> NoReturn:
        """A stack has no planes of sites.

        Raises
        ------
        ConfigError
            Always.
        """
        raise ConfigError([f"{self.source}: describes a stack of layers (.stack), no lattice planes"])

    @property
    def assumed(self) -> tuple[Assumed, ...]:
        """Every value in use that the materials library marks assumed and no axis varies."""
        return assumed_values(self.base_stack, self.axes)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the results has to know about the numbers that went in or are left out, a line each."""
        return notes_of(self)

    def with_fits(self, resolver: Resolver, sigma_of: SigmaOf | None = None) -> Config:
        """Return a copy with every number that comes from a fit filled in, and the axes around such numbers closed.

        Parameters
        ----------
        resolver : callable
            Takes a :class:`FitReference`, returns a diffusivity [m2/s] or the keys of an Arrhenius law
            ``{value, at_K, activation_energy_eV}``.
        sigma_of : callable, optional
            Takes a :class:`FitReference` and ``value`` or ``activation_energy_eV``, returns one sigma of it; needed
            where an axis is ``within_sigma``.

        Returns
        -------
        Config
            Without references.

        Raises
        ------
        ConfigError
            A number is out of range, or has no error to be swept within; the message points at the place.
        """
        stack, axes = self.base_stack, self.axes
        for reference in self.fit_references:
            name, _, below = reference.path.partition(".")
            layer, law = stack[name], resolver(reference)
            try:
                if below.startswith("species."):
                    label = below.split(".")[1]
                    every = {k: dict(v) for k, v in (layer.species or {}).items()}
                    every[label]["diffusivity_m2_per_s"] = law
                    layer = layer.replace(species=every)
                else:
                    layer = layer.replace(diffusivity_m2_per_s=law)
            except ModelError as error:
                raise ConfigError([f"{reference.where}: {error}"]) from None
            stack = stack.replace(layers=tuple(layer if old.name == name else old for old in stack.layers))
            axes = tuple(_of_fit(axis, reference, law, sigma_of) for axis in axes)
        return replace(self, base_stack=stack, fit_references=(), sweep=replace(self.sweep, axes=axes))

    def with_axis_closed(self, path: str, value: float, sigma: float, *, log: bool) -> Config:
        """Return a copy in which an open axis has its values; see :func:`close_axis`."""
        axes = tuple(close_axis(a, value, sigma, log=log) if a.path == path else a for a in self.axes)
        return replace(self, sweep=replace(self.sweep, axes=axes))

    def point_overrides(self, lo: int, hi: int) -> dict[str, Array]:
        """Return what :func:`~spacecharge.model.stack_parameters` lays over the stack.

        Parameters
        ----------
        lo, hi : int
            Range of point numbers in row-major order, the last axis fastest.

        Returns
        -------
        dict of str to ndarray, shape (hi - lo,)
            By dotted path, in the unit of each key. Never empty, so that the number of points shows:
            the temperature stands in where no number of the stack is swept. Axes of the kinds
            ``rebuild``, ``solver`` and ``charge_transfer`` are left out: see :meth:`parameters`,
            :meth:`tolerance` and :meth:`point_values`.
        """
        return self._overrides(self.sweep.values(lo, hi), max(min(hi, self.n_points) - max(lo, 0), 0))

    def _overrides(self, values: Mapping[str, Array], n: int) -> dict[str, Array]:
        """Return the overrides of `n` points with these swept values."""
        over = {axis.over or axis.path: values[axis.path] for axis in self.axes if axis.kind == "stack"}
        if not over:
            over["temperature_K"] = np.full(n, float(self.base_stack.temperature_K))
        return over

    def tolerance(self, lo: int, hi: int) -> float | Array:
        """Return the tolerance [V]: a number, or one per point if it is swept."""
        if any(axis.path == TOLERANCE_PATH for axis in self.axes):
            return self.sweep.values(lo, hi)[TOLERANCE_PATH]
        return self.solver.tolerance_V

    @property
    def has_slow_axes(self) -> bool:
        """Whether the stack is built anew for values of an axis (numbers inside an ocv)."""
        return bool(self.sweep.rebuilt_by)

    def parameters(self, lo: int = 0, hi: int | None = None) -> StackParameters:
        """Return the SI arrays of the points `lo` to `hi` - 1.

        Parameters
        ----------
        lo, hi : int
            Range of point numbers; default: all points.

        Returns
        -------
        StackParameters
            With ``n_points == hi - lo``; points out of range are marked as invalid.

        Raises
        ------
        ConfigError
            Numbers are still to be taken from fits.
        """
        hi = self.n_points if hi is None else hi
        return self.parameters_at(np.arange(max(lo, 0), min(hi, self.n_points), dtype=np.int64))

    def parameters_at(self, points: Index) -> StackParameters:
        """Return the SI arrays of the points with these numbers; see :meth:`parameters`."""
        values = self.sweep.values_at(points)
        over = self._overrides(values, points.size)
        if self.has_slow_axes:
            together = put_together(rebuilt_stacks(self.stack, self.axes, values), stack_parameters, over)
            if together is not None:
                return together
        return stack_parameters(self.stack, over)

    def tangents(self, lo: int = 0, hi: int | None = None) -> dict[str, StackParameters]:
        """Return the derivatives of the SI arrays with respect to the numbers of ``output.sensitivities``.

        Parameters
        ----------
        lo, hi : int
            Range of point numbers; default: all points.

        Returns
        -------
        dict of str to StackParameters
            By dotted path; empty where no sensitivities are asked for.
        """
        if not self.output.sensitivities:
            return {}
        return {path: self.tangent(path, lo, hi) for path in self.output.sensitivities}

    def tangent(self, path: str, lo: int = 0, hi: int | None = None) -> StackParameters:
        """Return the derivative of the SI arrays with respect to one number; see :meth:`tangents`.

        Where the stack is built anew for values of an axis, each point has that of its own stack.
        """
        from ..model.tangents import parameter_tangent

        points = np.arange(max(lo, 0), min(self.n_points if hi is None else hi, self.n_points), dtype=np.int64)
        values = self.sweep.values_at(points)
        over = self._overrides(values, points.size)

        def slopes(stack: Stack, over: Mapping[str, Array]) -> StackParameters:
            return parameter_tangent(stack, path, over)[1]

        if self.has_slow_axes:
            together = put_together(rebuilt_stacks(self.stack, self.axes, values), slopes, over)
            if together is not None:
                return together
        return slopes(self.stack, over)

    def __repr__(self) -> str:
        return (
            f"<Config {self.title!r}: {' | '.join(self.base_stack.names)}, "
            f"{self.n_points} point{'s' if self.n_points != 1 else ''}>"
        )


def close_axis(axis: Axis, value: float, sigma: float, *, log: bool, over: str = "") -> Axis:
    """Return an axis that waited for a fit, with its values; one that did not as it is.

    Parameters
    ----------
    axis : Axis
        The axis.
    value, sigma : float
        Of the fit, in the unit of the key.
    log : bool
        Evenly in the logarithm.
    over : str
        The path that ``stack_parameters`` takes, where it is another.

    Raises
    ------
    ConfigError
        The number has no error, or its values leave the allowed range.
    """
    if not axis.grid.is_open:
        return axis
    try:
        grid = closed_grid(axis.grid, value, sigma, log=log)
    except ValueError as error:
        raise ConfigError([f"{axis.where}: sweep.{axis.path}: {error}"]) from None
    low, high = allowed_range(axis.path)
    if not low <= grid.low <= grid.high <= high:
        bad = grid.low if grid.low < low else grid.high
        message = f"{axis.grid.within_sigma:g} sigma of the fit reach to {bad:g} (allowed: {low:g} to {high:g})"
        raise ConfigError([f"{axis.where}: sweep.{axis.path}: {message}"])
    return replace(axis, grid=grid, over=over)


def _of_fit(axis: Axis, reference: FitReference, law: float | Mapping[str, float], sigma_of: SigmaOf | None) -> Axis:
    """Return an axis around a number of this reference with its values, any other as it is."""
    below = axis.path.removeprefix(reference.path)
    if not axis.grid.is_open or below not in ("", ".value", ".activation_energy_eV"):
        return axis
    if below == ".activation_energy_eV":
        energy = law.get("activation_energy_eV") if isinstance(law, Mapping) else None
        if energy is None:
            message = f"{reference.parameter} of {reference.file} has no activation energy"
            raise ConfigError([f"{axis.where}: sweep.{axis.path}: {message}"])
        return close_axis(axis, energy, sigma_of(reference, "activation_energy_eV") if sigma_of else np.nan, log=False)
    # A number takes the axis itself, a law takes it as its value.
    value, over = (law["value"], ".value") if isinstance(law, Mapping) else (law, "")
    sigma = sigma_of(reference, "value") if sigma_of else np.nan
    return close_axis(axis, value, sigma, log=True, over=reference.path + over)


__all__ = ["CheckedConfig", "Config", "OutputSettings", "SolverSettings", "close_axis"]
