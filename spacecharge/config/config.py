"""A loaded configuration: the stack at its base point, the plan of the sweep, the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError, ModelError
from ..model import Stack, StackParameters, stack_parameters
from .axes import Axis, Sweep
from .build import FitReference, with_table_value
from .paths import TOLERANCE_PATH

Array = NDArray[np.float64]
Resolver = Callable[[FitReference], float | Mapping[str, float]]
_SHARED = frozenset({"statistics", "transport", "end_kind", "reasons", "layer_names", "species_names"})


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
    """

    path: str
    profiles: bool
    profile_nodes: int | None
    resistance_of: tuple[str, ...]
    sensitivities: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A configuration, checked as a whole; made by :func:`load_config`.

    Parameters
    ----------
    source : Path
        The file.
    title : str
        Title; the name of the file where none is given.
    text : str
        The file, verbatim.
    sha256 : str
        Digest of the text and of the table of points, if there is one.
    base_stack : Stack
        The stack at its base point, with placeholders for fitted numbers; use :attr:`stack`.
    sweep : Sweep
        The plan of the sweep.
    solver : SolverSettings
        Tolerance and limits.
    output : OutputSettings
        What is written.
    charge_transfer : tuple of mapping or None
        The validated keys ``charge_transfer`` of each inner contact, in the units of their names.
    fit_references : tuple of FitReference
        Numbers still to be taken from fits; see :meth:`with_fits`.
    """

    source: Path
    title: str
    text: str
    sha256: str
    base_stack: Stack
    sweep: Sweep
    solver: SolverSettings
    output: OutputSettings
    charge_transfer: tuple[Mapping[str, Any] | None, ...] = ()
    fit_references: tuple[FitReference, ...] = ()

    @property
    def stack(self) -> Stack:
        """The stack at its base point.

        Raises
        ------
        ConfigError
            Numbers are still to be taken from fits.
        """
        if self.fit_references:
            raise ConfigError(
                [f"{r.where}: {r.path}: the fit {r.file} has not been read yet" for r in self.fit_references]
            )
        return self.base_stack

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

    def with_fits(self, resolver: Resolver) -> Config:
        """Return a copy with every number that comes from a fit filled in.

        Parameters
        ----------
        resolver : callable
            Takes a :class:`FitReference`, returns a diffusivity [m2/s] or the keys of an Arrhenius law
            ``{value, at_K, activation_energy_eV}``.

        Returns
        -------
        Config
            Without references.

        Raises
        ------
        ConfigError
            A number is out of range; the message points at the reference.
        """
        stack = self.base_stack
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
        return replace(self, base_stack=stack, fit_references=())

    def point_values(self, lo: int, hi: int) -> dict[str, Array]:
        """Return the values of all axes at the points `lo` to `hi` - 1, in the unit of each key."""
        return self.sweep.values(lo, hi)

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
        values = self.sweep.values(lo, hi)
        over = {axis.path: values[axis.path] for axis in self.axes if axis.kind == "stack"}
        if not over:
            n = max(min(hi, self.n_points) - max(lo, 0), 0)
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
        return any(axis.kind == "rebuild" for axis in self.axes)

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
        over = self.point_overrides(lo, hi)
        if not self.has_slow_axes:
            return stack_parameters(self.stack, over)
        return self._rebuilt(over, lo, hi)

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
        from ..model.tangents import parameter_tangent

        over = self.point_overrides(lo, self.n_points if hi is None else hi)
        return {path: parameter_tangent(self.stack, path, over)[1] for path in self.output.sensitivities}

    def _rebuilt(self, over: dict[str, Array], lo: int, hi: int) -> StackParameters:
        """Return the parameters group by group of equal table values, each with a stack of its own."""
        values = self.sweep.values(lo, hi)
        slow = [axis for axis in self.axes if axis.kind == "rebuild"]
        table = np.column_stack([values[axis.path] for axis in slow])
        rows, group = np.unique(table, axis=0, return_inverse=True)
        arrays: dict[str, Any] = {}
        reasons: dict[str, None] = {}
        part: StackParameters | None = None
        for g, row in enumerate(rows):
            at = np.flatnonzero(group.ravel() == g)
            problem = ""
            stack = self.stack
            try:
                for axis, value in zip(slow, row, strict=True):
                    name, _, below = axis.path.partition(".")
                    layer = with_table_value(stack[name], below, float(value))
                    kept = tuple(layer if old.name == name else old for old in stack.layers)
                    stack = stack.replace(layers=kept)
            except ModelError as error:
                problem, stack = str(error), self.stack
            part = stack_parameters(stack, {path: column[at] for path, column in over.items()})
            if problem:
                part.invalid[:] = True
            reasons |= dict.fromkeys((problem,) if problem else part.reasons)
            for f in fields(part):
                if f.name not in _SHARED:
                    piece = getattr(part, f.name)
                    whole = arrays.setdefault(f.name, np.empty((group.size, *piece.shape[1:]), piece.dtype))
                    whole[at] = piece
        if part is None:
            return stack_parameters(self.stack, over)
        return replace(part, **arrays, reasons=tuple(reasons))

    def __repr__(self) -> str:
        return (
            f"<Config {self.title!r}: {' | '.join(self.base_stack.names)}, "
            f"{self.n_points} point{'s' if self.n_points != 1 else ''}>"
        )


__all__ = ["Config", "OutputSettings", "SolverSettings"]
