"""How a variable of a result is declared, and what the readers of the kernel's output rows see."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from ..codes import Status
from ..errors import ModelError
from ..kernels import rows as k
from ..model import StackParameters

if TYPE_CHECKING:
    from .solution import Solution

Array = NDArray[np.float64]
_SOLVED, _INACCURATE = int(Status.SOLVED), int(Status.ACCURACY_NOT_REACHED)


def output_width(parameters: StackParameters) -> int:
    """Return the length of an output row."""
    return k.output_size(parameters.n_layers, parameters.n_species)


class Rows:
    """Output rows of the kernel, taken apart; each part is made when a reader first asks for it.

    Parameters
    ----------
    out : ndarray, shape (n_points, output_width)
        Rows filled by the kernel.
    parameters : StackParameters
        The points; for derivatives of rows their derivatives.
    resistance_of : sequence of str or None
        Layers that count in resistances of contacts and of the interface; None: every layer with a diffusivity.
    """

    def __init__(self, out: Array, parameters: StackParameters, resistance_of: Sequence[str] | None) -> None:
        self.out = out
        self.parameters = parameters
        self.resistance_of = resistance_of

    def head(self, column: int) -> Array:
        """Return a number of the whole, shape (n_points,)."""
        return np.asarray(self.out[:, column])

    def counts(self, column: int) -> NDArray[np.int32]:
        """Return whole numbers of the whole, 0 where a point has none, shape (n_points,)."""
        values = self.out[:, column]
        return np.asarray((np.nan_to_num(values) if np.isnan(values).any() else values).astype(np.int32))

    @cached_property
    def has_answer(self) -> NDArray[np.bool_]:
        """Whether observables stand behind the status of a point, shape (n_points,)."""
        status = self.out[:, k.STATUS]
        return np.asarray((status == _SOLVED) | (status == _INACCURATE))

    @cached_property
    def all_answered(self) -> bool:
        """Whether every point has an answer."""
        return bool(self.has_answer.all())

    @cached_property
    def blocks(self) -> Array:
        """Numbers of the layers, shape (n_points, n_layers, block_size)."""
        p = self.parameters
        size = k.block_size(p.n_species)
        blocks = self.out[:, k.HEAD_SIZE : k.HEAD_SIZE + p.n_layers * size]
        return np.asarray(blocks.reshape(p.n_points, p.n_layers, size))

    @cached_property
    def faces(self) -> Array:
        """Numbers of the left and right face of every layer, shape (n_points, n_layers, 2, ...); NaN at free ends."""
        p = self.parameters
        return np.asarray(self.blocks[:, :, k.FACE_START :].reshape(p.n_points, p.n_layers, 2, -1))

    @cached_property
    def contact_planes(self) -> slice:
        """Contacts among the planes, found once for all readers."""
        return self.parameters.contact_planes

    @cached_property
    def sides(self) -> Array:
        """Numbers of the faces at the contacts, shape (n_points, n_contacts, 2, ...); side 0 lies to the left."""
        p = self.parameters
        faces = self.faces
        planes = np.full((p.n_points, p.n_layers + 1, 2, faces.shape[-1]), np.nan)
        planes[:, 1:, 0] = faces[:, :, 1]
        planes[:, :-1, 1] = faces[:, :, 0]
        return planes[:, self.contact_planes]

    def of_species(self, column: int) -> Array:
        """Return a number of the species at the contacts, shape (n_points, n_contacts, 2[, n_species])."""
        p = self.parameters
        columns = self.sides[..., k.FACE_SPECIES :].reshape(*self.sides.shape[:3], p.n_species, k.FACE_SPECIES_SIZE)
        if p.n_species == 1:
            columns = columns[..., 0, :]
        return np.asarray(columns[..., column])

    def of_own_species(self, values: Array) -> Array:
        """Return numbers of the species at the contacts, NaN where the layer on that side lacks the species."""
        p = self.parameters
        if p.n_species == 1:
            return values
        own = np.ones((p.n_points, p.n_layers + 1, 2, p.n_species), dtype=bool)
        own[:, 1:, 0] = own[:, :-1, 1] = p.site_density > 0.0
        return np.where(own[:, self.contact_planes], values, np.nan)

    @cached_property
    def neutral(self) -> Array:
        """Neutral bulk of the layer on each side against that of the last one [V], shape (n_points, n_contacts, 2)."""
        p = self.parameters
        neutral = np.full((p.n_points, p.n_layers + 1, 2), np.nan)
        lifted = p.neutral_potential
        against_last = lifted - lifted[:, -1:]
        neutral[:, 1:, 0] = against_last
        neutral[:, :-1, 1] = against_last
        return neutral[:, self.contact_planes]

    def capacitance(self, column: int) -> Array:
        """Return a capacitance of the contacts, shape (n_points, n_contacts)."""
        p = self.parameters
        start = k.HEAD_SIZE + p.n_layers * k.block_size(p.n_species)
        planes = self.out[:, start:].reshape(p.n_points, p.n_layers + 1, k.PLANE_SIZE)
        return np.asarray(planes[:, self.contact_planes, column])

    @cached_property
    def counted(self) -> NDArray[np.bool_]:
        """Which layers count, shape (n_layers,)."""
        return counted_layers(self.parameters, self.resistance_of)

    @cached_property
    def contact_resistance(self) -> Array:
        """Both regions of every contact over the layers that count [ohm m2]: (n_points, n_contacts), 0 for none."""
        p = self.parameters
        of_plane = np.zeros((p.n_layers + 1, 2), dtype=bool)
        of_plane[1:, 0] = self.counted
        of_plane[:-1, 1] = self.counted
        resistance = self.sides[..., k.FACE_RESISTANCE]
        counts = of_plane[self.contact_planes] & ~np.isnan(resistance)
        return np.asarray(np.where(counts, resistance, 0.0).sum(axis=2))


def counted_layers(parameters: StackParameters, resistance_of: Sequence[str] | None) -> NDArray[np.bool_]:
    """Return which layers count in the interface resistance.

    Raises
    ------
    ModelError
        A name is that of no layer.
    """
    p = parameters
    if resistance_of is None:
        return np.asarray(np.isfinite(p.diffusivity).any(axis=(0, 2)))
    counted = np.zeros(p.n_layers, dtype=bool)
    for name in resistance_of:
        if name not in p.layer_names:
            raise ModelError(f"no layer {name!r} (layers: {', '.join(p.layer_names)})", "output.resistance_of")
        counted[p.layer_names.index(name)] = True
    return counted


Reader = Callable[[Rows], Array]
Slope = Callable[[Rows, Rows], Array]


@dataclass(frozen=True, slots=True)
class Output:
    """Declaration of one variable of a result.

    Parameters
    ----------
    name : str
        Name in files and in Python.
    dims : tuple of str
        Dimensions after the sweep axes: ``contact``, ``side``, ``layer``, ``species``, and whatever else the task
        has a coordinate for (``frequency``, always last). A species axis falls away where there is only one species.
    units : str
        SI units as written in the file.
    long_name : str
        What a plot axis says.
    dtype : str
        ``f8`` or ``i4``.
    read : callable, optional
        Takes :class:`Rows`, returns the values; None where something else than the kernel's rows gives them.
    slope : callable, optional
        Takes the rows and their derivatives, returns the derivative; by default the reader of the derivatives, which is
        right for everything linear in the rows.
    is_sensitive : bool
        Whether sensitivities are computed of it.
    needs : str
        What a task must have for the variable to exist (``charge_transfer``, ``frequency`` ...); empty for always.
    attributes : mapping
        Further attributes of the dataset.
    """

    name: str
    dims: tuple[str, ...]
    units: str
    long_name: str
    dtype: str = "f8"
    read: Reader | None = field(default=None, compare=False)
    slope: Slope | None = field(default=None, compare=False)
    is_sensitive: bool = False
    needs: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def exists(self, facts: Collection[str]) -> bool:
        """Say whether a task of which these facts hold has the variable."""
        return not self.needs or self.needs in facts

    def shape(self, parameters: StackParameters) -> tuple[int, ...]:
        """Return the shape of its values at one point; dimensions of its own (``frequency``) have none here."""
        p = parameters
        sizes = {"contact": len(p.contact_names), "side": 2, "layer": p.n_layers, "species": p.n_species}
        return tuple(sizes[d] for d in self.dims if d != "species" or p.n_species > 1)


_SHAPES = {"contact": "n_contacts", "side": "2", "layer": "n_layers", "species": "[n_species]"}


class Registry:
    """Collects the outputs that decorated readers declare, in their order."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []

    def __call__(
        self,
        dims: tuple[str, ...],
        units: str,
        long_name: str,
        *,
        dtype: str = "f8",
        slope: Slope | bool = True,
        needs: str = "",
        attributes: Mapping[str, Any] | None = None,
    ) -> Callable[[Reader], Callable[[Solution], Array]]:
        """Declare the decorated reader an output; in its place stands the plain function of a solution.

        Parameters
        ----------
        dims, units, long_name, dtype, needs, attributes
            As :class:`Output` takes them.
        slope : callable or bool
            As :class:`Output` takes it; True for what is linear in the rows, False for what no sensitivities are
            computed of. Integers have none.
        """

        def declared(read: Reader) -> Callable[[Solution], Array]:
            name = read.__name__
            own = slope if callable(slope) else None
            sensitive = dtype == "f8" and slope is not False
            self.outputs.append(
                Output(name, dims, units, long_name, dtype, read, own, sensitive, needs, dict(attributes or {}))
            )

            def plain(solution: Solution) -> Array:
                return np.asarray(solution.scalars[name])

            plain.__name__ = plain.__qualname__ = name
            plain.__module__ = read.__module__
            plain.__doc__ = _documented(read.__doc__ or "", dims, units)
            return plain

        return declared


def _documented(text: str, dims: tuple[str, ...], units: str) -> str:
    """Return a docstring with what goes in and comes out before its notes."""
    head, notes, rest = inspect.cleandoc(text).partition("Notes\n-----")
    shape = ", ".join(_SHAPES[d] for d in dims).replace(", [", "[, ")
    shape += "," if len(dims) == 1 else ""
    lines = [
        head.rstrip(),
        "Parameters\n----------\nsolution : Solution\n    As :func:`spacecharge.solve` returns it.",
        f"Returns\n-------\nndarray, shape ({shape})\n    [{units}]; NaN where a side or layer has no such number.",
    ]
    return "\n\n".join(lines) + (f"\n\n{notes}{rest}" if notes else "") + "\n"


class Observed:
    """An observable as a property of a solution."""

    def __init__(self, function: Callable[[Solution], Array]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    @overload
    def __get__(self, solution: None, owner: type) -> Observed: ...
    @overload
    def __get__(self, solution: Solution, owner: type) -> Array: ...
    def __get__(self, solution: Solution | None, owner: type) -> Array | Observed:
        """Return the values for a solution."""
        return self if solution is None else self.function(solution)


__all__ = [
    "Observed",
    "Output",
    "Registry",
    "Rows",
    "counted_layers",
    "output_width",
]
