"""The task that a configuration describes: space-charge layers at every point of its sweep."""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..codes import NO_CAPACITANCE_UNDER_LOAD
from ..config import Config
from ..model import StackParameters
from ..model.species_axis import SpeciesAxis, species_axis
from ..solver.arcs import place_names
from ..solver.outputs import CELL_VOLTAGE, SENSITIVE, outputs_for
from ..store.layout import Coordinate, Layout, Variable
from ..store.provenance import provenance
from ..units import coordinate_name, unit_of
from .companions import companions
from .current import current_values, shown_beside
from .facts import equilibrium_voltage, facts_of, own_dimensions
from .task import chunk_points, failed_line, fingerprint_of
from .transfer import boundary_energies, transfer_tangents, transfer_values

if TYPE_CHECKING:
    from ..config.lattice import LatticeConfig
    from ..solver.packing import Observables

PROFILE_UNITS = {
    "potential": ("V", "electrostatic potential"),
    "occupancy": ("1", "occupancy"),
    "vacancy": ("1", "vacancy fraction"),
}

LOAD_PROFILE_UNITS = {
    "electrochemical_potential": ("V", "electrochemical potential over its charge"),
    "current_density": ("A m-2", "current density"),
}
"""What profiles hold under a load beside that: v and the current of each species."""

AT_REST_ONLY = ("static_capacitance", "differential_capacitance", "characteristic_frequency")
"""Variables that a state with current has not."""

MESH_POINTS = 512
"""The mesh of the profiles is made for so many points, spread over the sweep, its corners included."""


@dataclass(frozen=True)
class InterfaceTask:
    """Every point of a configuration's sweep; see :class:`~spacecharge.sweeping.task.Task`.

    Parameters
    ----------
    config : Config
        Without references to fits (see :meth:`Config.with_fits`).
    """

    config: Config

    @cached_property
    def layout(self) -> Layout:
        """Axes, coordinates and variables of the result file."""
        base = self.config.parameters(0, 1)
        names = {
            "layer": ("layer", base.layer_names),
            "contact": ("contact, left | right", base.contact_names),
            "side": ("side of the contact", ("left", "right")),
            "species": ("species", self._species.names if base.n_species > 1 else base.species_names),
        }
        # A species axis only where there are several; no contact axis where there is no contact.
        sizes = {name: len(values) for name, (_, values) in names.items()}
        dropped = {"species"} if sizes["species"] == 1 else set()
        coordinates = axis_coordinates(self.config)
        coordinates += companions(self.config, zipped=self.config.sweep.mode != "outer")
        for name, (long_name, values) in names.items():
            if sizes[name] and name not in dropped:
                text = np.array(values, dtype=object)
                coordinates.append(Coordinate(name=name, values=text, long_name=long_name))
        for coordinate in own_dimensions(self.config):
            coordinates.append(coordinate)
            sizes[coordinate.name] = len(coordinate.values)
        variables = []
        for output in outputs_for(facts_of(self.config)):
            dims = tuple(d for d in output.dims if d not in dropped)
            if all(sizes[d] for d in dims):
                variables.append(
                    Variable(
                        name=output.name,
                        dims=dims,
                        units=output.units,
                        long_name=output.long_name,
                        dtype=output.dtype,
                        attributes=dict(output.attributes) | self._counted(output.name),
                    )
                )
        for path in self.config.output.sensitivities:
            variables += _slopes(self.config, path, variables)
        if self.profile_x is not None:
            species = () if sizes["species"] == 1 else ("species",)
            for layer, x in zip(base.layer_names, self.profile_x, strict=True):
                group = f"profiles/{layer}"
                coordinates.append(
                    Coordinate(name="x", values=x, units="m", long_name="distance from the first contact", group=group)
                )
                fields = PROFILE_UNITS | (LOAD_PROFILE_UNITS if self.config.load is not None else {})
                for name, (units, long_name) in fields.items():
                    dims = ("x",) if name == "potential" else (*species, "x")
                    variables.append(Variable(name=name, dims=dims, units=units, long_name=long_name, group=group))
        return Layout(
            sweep=self.config.sweep.dims,
            shape=self.config.shape,
            coordinates=tuple(coordinates),
            variables=tuple(variables),
            attributes=file_attributes(self.config) | shown_beside(self.config),
        )

    def _counted(self, name: str) -> dict[str, Any]:
        """Return what one variable says of itself: layers it was summed over, names it counts, why it has no values."""
        layers = self.config.output.resistance_of
        if name == "arc_place":
            return {"names": list(place_names(self.config.parameters(0, 1)))}
        if self.config.load is not None and name in AT_REST_ONLY:
            return {"comment": NO_CAPACITANCE_UNDER_LOAD}
        return {"layers": list(layers)} if name == "interface_resistance" and layers else {}

    @cached_property
    def profile_x(self) -> tuple[NDArray[np.float64], ...] | None:
        """One mesh per layer [m] for the profiles of all points; None without profiles."""
        config = self.config
        # A single solve is looked at, and its profiles are small.
        if not (config.output.profiles or not config.shape):
            return None
        from ..solver.equilibrium import profile_mesh

        nodes = config.output.profile_nodes
        return profile_mesh(_spread(config), **({} if nodes is None else {"n_per_layer": nodes}))

    @cached_property
    def chunk_points(self) -> int:
        """Points per chunk."""
        return chunk_points(self.layout.n_points, self.layout.bytes_per_point)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the stack with its materials and fits, the axes, the settings and the version."""
        config = self.config
        output = config.output
        described = (
            __version__,
            config.base_stack,
            config.sweep.mode,
            [(axis.path, axis.grid, axis.layers) for axis in config.axes],
            config.solver,
            (output.profiles, output.profile_nodes, output.resistance_of, output.sensitivities),
            config.charge_transfer,
            (config.load, config.impedance),
            [v.path for v in self.layout.variables],
            self.chunk_points,
        )
        if not self._species.is_plain and any(c.name == "species" for c in self.layout.coordinates):
            # A file begun before the axis went by name has other values under the same names.
            return fingerprint_of((*described, self._species), config.axes)
        return fingerprint_of(described, config.axes)

    @cached_property
    def _paths(self) -> tuple[str, ...]:
        """Paths of the variables of the file."""
        return tuple(variable.path for variable in self.layout.variables)

    def evaluate(self, lo: int, hi: int) -> Mapping[str, NDArray[Any]]:
        """Return every output of points lo to hi - 1, by path."""
        from ..solver.equilibrium import solve_points

        config = self.config
        parameters = config.parameters(lo, hi)
        points = solve_points(
            parameters,
            tolerance_V=config.tolerance(lo, hi),
            resistance_of=config.output.resistance_of,
            # The sweep runs several chunks at a time: threads inside a chunk would only compete.
            n_threads=1,
            profile_x=None if config.load is not None else self.profile_x,
            tangents=config.tangents(lo, hi) | transfer_tangents(config, lo, hi),
        )
        # What is not written is not read, either.
        solved = cast("Observables", points.scalars)
        values: ChainMap[str, Any] = ChainMap({}, cast("MutableMapping[str, Any]", solved))
        if CELL_VOLTAGE.exists(facts_of(config)):
            values[CELL_VOLTAGE.name] = equilibrium_voltage(config, parameters)
        values |= current_values(config, lo, hi, parameters, values, self.profile_x)
        values |= transfer_values(config, lo, hi, parameters, values, points.sensitivities)
        values |= boundary_energies(config, parameters, values, points.sensitivities)
        for path in config.output.sensitivities:
            slopes = points.sensitivities[path]
            values |= {f"{_slope_group(config, path)}/{name}": array for name, array in slopes.items()}
        for layer, profile in zip(config.base_stack.names, points.profiles, strict=False):
            values |= {f"profiles/{layer}/{name}": array for name, array in profile.items()}
        # A solve has every observable; a file those that say something of its cell.
        made = values.maps[0]
        made.update(solved.some(path for path in self._paths if path not in made))
        found = {path: made[path] for path in self._paths}
        return found if self._species.is_plain else found | self._by_name(parameters, found)

    @cached_property
    def _species(self) -> SpeciesAxis:
        """The species axis."""
        return species_axis([layer.species_names for layer in self.config.base_stack.layers])

    def _by_name(self, parameters: StackParameters, values: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return the variables with a species axis that layers count differently, by the names of the axis."""
        planes = np.arange(parameters.n_layers + 1)[parameters.contact_planes]
        # A current is that of the species of the layer left of its contact.
        left, right = planes - 1, np.where(planes < parameters.n_layers, planes, -1)
        layers = {
            ("contact", "side", "species"): np.stack([left, right], axis=1),
            ("contact", "species"): left,
            ("layer", "species"): np.arange(parameters.n_layers),
        }
        found = {}
        for variable in self.layout.variables:
            if "species" in variable.dims:
                of_profile = variable.group.startswith("profiles/")
                name = variable.group.partition("/")[2]
                at = np.array(parameters.layer_names.index(name)) if of_profile else layers[variable.dims]
                found[variable.path] = self._species.by_name(values[variable.path], at)
        return found

    def explain(self, index: int, status: int) -> str:
        """Return one line about a failed point."""
        from ..solver.reasons import failure_message

        config = self.config
        parameters = config.parameters(index, index + 1)
        return failed_line(index, config.sweep.texts_at(index), failure_message(parameters, status))


def axis_coordinates(config: Config | LatticeConfig) -> list[Coordinate]:
    """Return the coordinates of the sweep axes."""
    if not config.shape:
        return []
    zipped = config.sweep.mode != "outer"
    coordinates = []
    if zipped:
        number = np.arange(config.n_points, dtype=np.int64)
        coordinates.append(Coordinate(name="point", values=number, long_name="number of the point"))
    for axis in config.axes:
        coordinates.append(
            Coordinate(
                name=axis.name,
                values=axis.si_values,
                units=axis.si_unit,
                long_name=axis.long_name,
                dimension="point" if zipped else "",
                names=axis.names,
            )
        )
    return coordinates


def _slope_group(config: Config, path: str) -> str:
    """Return the group of the file that holds the derivatives with respect to `path`."""
    parts = path.split(".")
    n_names = 0 if parts[0] not in config.base_stack.names else 3 if parts[1] == "species" else 1
    return f"sensitivities/{coordinate_name(path, n_names)}"


def _slopes(config: Config, path: str, variables: list[Variable]) -> list[Variable]:
    """Return the derivatives of the plain variables with respect to the number `path`, in SI units."""
    unit = unit_of(path).si
    return [
        Variable(
            name=variable.name,
            dims=variable.dims,
            units=variable.units if unit == "1" else f"({variable.units}) / ({unit})",
            long_name=f"derivative of {variable.long_name} with respect to {path}",
            group=_slope_group(config, path),
        )
        for variable in variables
        if variable.name in SENSITIVE and not variable.group
    ]


def file_attributes(config: Config | LatticeConfig) -> dict[str, Any]:
    """Return the root attributes of a result file."""
    said = {
        "assumed": [item.line for item in config.assumed],
        "notes": list(config.notes),
    }
    return {
        # An attribute of HDF5 cannot be an empty list of texts.
        **{name: lines for name, lines in said.items() if lines},
        "Conventions": "CF-1.10",
        "title": config.title,
        "config_yaml": config.text,
        "config_sha256": config.sha256,
        **provenance(),
    }


def _spread(config: Config) -> Any:
    """Return the parameters of the corners of the sweep and of points spread over it."""
    n = config.n_points
    if n <= MESH_POINTS:
        return config.parameters(0, n)
    chosen = set(np.linspace(0, n - 1, MESH_POINTS // 2, dtype=np.int64).tolist())
    if config.sweep.mode == "outer" and 2 ** len(config.shape) <= MESH_POINTS // 2:
        for corner in np.ndindex(*(2,) * len(config.shape)):
            at = [(size - 1) * end for size, end in zip(config.shape, corner, strict=True)]
            chosen.add(sum(i * math.prod(config.shape[k + 1 :]) for k, i in enumerate(at)))
    return config.parameters_at(np.array(sorted(chosen), dtype=np.int64))
