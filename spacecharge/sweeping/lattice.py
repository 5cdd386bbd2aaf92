"""The task of a configuration of lattice planes: the planes solved at every point of its sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..codes import Status
from ..config.lattice import LatticeConfig
from ..lattice import OUTPUTS, PROFILES, build_planes, solve_lattice_points, status_message
from ..store.layout import PLANES_GROUP, Coordinate, Layout, Variable
from .plan import axis_coordinates, file_attributes
from .task import chunk_points, failed_line, fingerprint_of

KIND = "lattice"
"""Root attribute ``kind`` of such a result file."""


@dataclass(frozen=True)
class LatticeTask:
    """Every point of a configuration's sweep; see :class:`~spacecharge.sweeping.task.Task`.

    Parameters
    ----------
    config : LatticeConfig
        What to solve.
    """

    config: LatticeConfig

    @cached_property
    def layout(self) -> Layout:
        """Axes, coordinates and variables of the result file."""
        config = self.config
        species = tuple(config.lattice.species)
        dropped = {"species"} if len(species) == 1 else set()
        coordinates = axis_coordinates(config)
        if not dropped:
            names = np.array(species, dtype=object)
            coordinates.append(Coordinate(name="species", values=names, long_name="species"))
        variables = [
            Variable(
                name=output.name,
                dims=tuple(d for d in output.dims if d not in dropped),
                units=output.units,
                long_name=output.long_name,
                dtype=output.dtype,
                attributes=dict(output.attributes),
            )
            for output in OUTPUTS
        ]
        if self.has_profiles:
            x = build_planes(config.lattice).x
            coordinates.append(
                Coordinate(name="x", values=x, units="m", long_name="position of the plane", group=PLANES_GROUP)
            )
            for profile in PROFILES:
                if profile.name != "x":
                    dims = tuple("x" if d == "plane" else d for d in profile.dims if d not in dropped)
                    variables.append(
                        Variable(
                            name=profile.name,
                            dims=dims,
                            units=profile.units,
                            long_name=profile.long_name,
                            group=PLANES_GROUP,
                        )
                    )
        return Layout(
            sweep=config.sweep.dims,
            shape=config.shape,
            coordinates=tuple(coordinates),
            variables=tuple(variables),
            attributes={**file_attributes(config), "kind": KIND, "carrier": str(config.lattice.carrier)},
        )

    @property
    def has_profiles(self) -> bool:
        """Whether profiles are written; those of a single solve always are."""
        return self.config.output.profiles or not self.config.shape

    @cached_property
    def chunk_points(self) -> int:
        """Points per chunk."""
        return chunk_points(self.layout.n_points, self.layout.bytes_per_point)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the planes and their numbers, the axes, the settings and the version."""
        config, lattice = self.config, self.config.lattice
        # The sites themselves, not the name of their file.
        numbers = [getattr(lattice, f.name) for f in fields(lattice) if f.name not in ("sites", "cache")]
        described = (
            __version__,
            KIND,
            lattice.site_list.items,
            numbers,
            config.sweep.mode,
            [(axis.path, axis.grid) for axis in config.axes],
            self.has_profiles,
            [v.path for v in self.layout.variables],
            self.chunk_points,
        )
        return fingerprint_of(described, config.axes)

    def evaluate(self, lo: int, hi: int) -> Mapping[str, NDArray[Any]]:
        """Return every output of points lo to hi - 1, by path."""
        swept = self.config.point_values(lo, hi)
        points = solve_lattice_points(self.config.lattice, swept, with_profiles=self.has_profiles)
        n = hi - lo
        values: dict[str, NDArray[Any]] = {}
        for variable in self.layout.variables:
            shape = self.layout.point_shape(variable)
            if not variable.group:
                values[variable.path] = _typed(points.scalars[variable.name], variable.dtype).reshape(n, *shape)
                continue
            whole = np.full((n, *shape), np.nan)
            for row, profile in enumerate(points.profiles):
                if profile:
                    whole[row] = profile[variable.name].reshape(shape)
            values[variable.path] = whole
        return values

    def explain(self, index: int, status: int) -> str:
        """Return one line about a failed point."""
        swept = self.config.point_values(index, index + 1)
        reason = status_message(status)
        if status == Status.INVALID_POINT:
            reason = solve_lattice_points(self.config.lattice, swept).reasons.get(0, reason)
        return failed_line(index, self.config.sweep.texts_at(index), reason)


def _typed(values: NDArray[np.float64], dtype: str) -> NDArray[Any]:
    """Return numbers in the type of their variable; counts that are not known are -1."""
    if dtype.startswith("f"):
        return values
    return np.where(np.isfinite(values), values, -1).astype(dtype)


__all__ = ["KIND", "LatticeTask"]
