"""Sweeps that stay in memory: a stack, some axes, a table; nothing is written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..config.axes import Axis, Sweep, listed_grid
from ..config.config import Config, OutputSettings, SolverSettings
from ..config.paths import is_material, normalised
from ..errors import ConfigError, ModelError, StoreError
from ..lattice import Lattice, lattice_paths
from ..model import Stack
from ..model.places import conducting_layers, numeric_paths
from ..store.columns import Rows
from ..store.layout import Coordinate, Layout, Variable
from ..units import display_of

if TYPE_CHECKING:
    import pandas
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..config.lattice import LatticeConfig

Array = NDArray[Any]
SHOWN = 3
"""Lines of variables that a printed table names at most, six names a line."""


SHOWN_LETTERS = 60
"""Letters that a message repeats of values that are no numbers."""


@dataclass(frozen=True, slots=True)
class SweepTable:
    """What a sweep in memory found: every observable at every point, as in a result file.

    Parameters
    ----------
    layout : Layout
        Axes, coordinates and variables, as a result file declares them.
    values : dict of str to ndarray
        SI values by path, shape (sweep axes ..., own dimensions ...).
    """

    layout: Layout
    values: dict[str, Array]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the variables."""
        return tuple(v.name for v in self.layout.variables if not v.group)

    @property
    def status(self) -> Array:
        """Status of every point; 0 is solved."""
        return self.values["status"]

    def __getitem__(self, name: str) -> Array:
        """Return a coordinate or variable in shown units (nm, V, Ohm cm2, uF/cm2)."""
        for coordinate in self.layout.coordinates:
            if coordinate.path == name:
                return _shown(np.asarray(coordinate.values), coordinate.units)
        for variable in self.layout.variables:
            if variable.path == name:
                return _shown(self.values[name], variable.units)
        known = ", ".join((*(c.path for c in self.layout.coordinates), *self.names))
        raise StoreError(f"the sweep has no variable {name} (it has {known})")

    def __repr__(self) -> str:
        axes = ", ".join(f"{name}: {n}" for name, n in zip(self.layout.sweep, self.layout.shape, strict=True))
        solved = int(np.count_nonzero(self.status == 0))
        lines = [", ".join(self.names[i : i + 6]) for i in range(0, len(self.names), 6)]
        more = ["..."] if len(lines) > SHOWN else []
        listed = "\n    ".join([*lines[:SHOWN], *more])
        return f"<SweepTable: {axes or 'one point'}; {solved} of {self.status.size} solved>\n    {listed}"

    def plot(self, y: str = "interface_resistance", *, x: str | None = None, ax: Axes | None = None) -> Figure:
        """Draw a column against an axis of the sweep, a line for every combination of the other axes.

        Parameters
        ----------
        y : str
            Column, with contact, side or layer in brackets where it has them (see :meth:`columns`).
        x : str, optional
            Axis along; default the first.
        ax : matplotlib.axes.Axes, optional
            Axes of your own; default a figure of its own.

        Returns
        -------
        matplotlib.figure.Figure
            The figure; nothing is written.

        Raises
        ------
        StoreError
            No such column or axis.
        """
        from ..plotting.tables import plot_columns

        return plot_columns(self.columns(), self.layout.sweep, self.layout.shape, y, x, ax)

    def to_xarray(self, *, units: Literal["display", "SI"] = "display") -> xarray.Dataset:
        """Return an xarray Dataset with the sweep axes as coordinates.

        Parameters
        ----------
        units : {"display", "SI"}
            nm, V, Ohm cm2 as tables show them, or SI; the attribute ``units`` says which.

        Returns
        -------
        xarray.Dataset
            As :func:`spacecharge.open_results` gives it for a file.

        Raises
        ------
        StoreError
            xarray is not installed, or `units` is neither.
        """
        try:
            import xarray
        except ImportError as error:
            raise StoreError("to_xarray needs the extra xarray: pip install 'spacecharge[xarray]'") from error
        if units not in ("display", "SI"):
            raise StoreError(f"to_xarray: units {units!r} is not known (allowed: display, SI)")

        def array(item: Coordinate | Variable, values: Array, dims: tuple[str, ...]) -> Any:
            shown = units == "display"
            unit = display_of(item.units).text if shown else item.units
            return (dims, _shown(values, item.units) if shown else values, {"units": unit, "long_name": item.long_name})

        coordinates = {
            c.name: array(c, np.asarray(c.values), (c.dimension or c.name,))
            for c in self.layout.coordinates
            if not c.group
        }
        variables = {
            v.name: array(v, self.values[v.path], (*self.layout.sweep, *v.dims))
            for v in self.layout.variables
            if not v.group
        }
        return xarray.Dataset(variables, coordinates)

    def to_dataframe(self) -> pandas.DataFrame:
        """Return a pandas table in shown units, one row a point.

        Returns
        -------
        pandas.DataFrame
            Swept coordinates first, then a column for each variable, with contact, side, layer and species in
            brackets where it has them; ``frame.attrs["units"]`` holds the unit of every column.

        Raises
        ------
        StoreError
            pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise StoreError("to_dataframe needs pandas: pip install 'spacecharge[xarray]'") from error
        columns = self.columns()
        frame = pandas.DataFrame({name: values for name, (values, _) in columns.items()})
        frame.attrs["units"] = {name: unit for name, (_, unit) in columns.items()}
        return frame

    def columns(self) -> dict[str, tuple[Array, str]]:
        """Return values and shown unit of every column of a table with one row a point, by name.

        Returns
        -------
        dict of str to (ndarray of shape (n_points,), str)
            Swept coordinates first; a variable has a column for each contact, side, layer and species.
        """
        layout = self.layout
        rows = Rows(layout.sweep, layout.shape, lambda dimension: np.asarray(layout.scale(dimension).values).tolist())
        shown: list[tuple[Coordinate | Variable, tuple[str, ...]]] = []
        for coordinate in layout.coordinates:
            axis = coordinate.dimension or coordinate.name
            if axis in layout.sweep and not coordinate.group and coordinate.name != "point":
                shown.append((coordinate, (axis,)))
        shown += [(v, (*layout.sweep, *v.dims)) for v in layout.variables if not v.group]
        return {
            title: (values, display_of(item.units).text)
            for item, dims in shown
            for title, values in rows.columns(item.name, dims, self[item.name])
        }


def sweep(
    subject: Stack | Config | Lattice | LatticeConfig,
    axes: Mapping[str, ArrayLike],
    *,
    mode: Literal["outer", "zip"] = "outer",
    tolerance_V: float = 1e-6,
    resistance_of: Sequence[str] = (),
    profiles: bool = False,
    sensitivities: Sequence[str] = (),
    workers: int | None = None,
) -> SweepTable:
    """Solve a stack, or lattice planes, at many values of its numbers and keep the answers in memory.

    Parameters
    ----------
    subject : Stack, Config, Lattice or LatticeConfig
        The stack or the planes, or a configuration whose charge transfer, tolerance and `resistance_of` then hold too.
    axes : mapping of str to array_like, shape (n,)
        Values by dotted path, in the unit of the key: ``{"electrode.potential_V": np.linspace(2.4, 3.4, 201)}``.
        Anything that NumPy makes an array of will do, a pandas Series too.
    mode : {"outer", "zip"}
        Every combination, the last axis fastest; or the first values together, the second values together ...
    tolerance_V : float
        Error wanted in the contact potentials [V].
    resistance_of : sequence of str
        Layers that count in `interface_resistance`; default: every layer with a diffusivity.
    profiles : bool
        Keep profiles too: ``table["profiles/electrode/potential"]``.
    sensitivities : sequence of str
        Dotted paths to differentiate every observable by: ``table["sensitivities/electrode_permittivity/charge"]``.
    workers : int, optional
        Threads; default: one per core that this process may use. No answer depends on it.

    Returns
    -------
    SweepTable
        ``table["interface_resistance"]`` in shown units, ``.to_dataframe()``, ``.to_xarray()``, ``.status``. A point
        that fails keeps its place: NaN and its status.

    Raises
    ------
    ModelError
        A path names no number of the stack, or its values are no row of finite numbers.
    ConfigError
        The axes of a zip have different lengths, or the configuration waits for a fit.

    Examples
    --------
    >>> import numpy as np, spacecharge as sc
    >>> stack = sc.Stack([sc.Layer(material="LixV2O5", name="electrode", potential_V=3.4, thickness_nm=30),
    ...                   sc.Layer(material="LAGP", name="electrolyte", thickness_nm=30)])
    >>> table = sc.sweep(stack, {"electrode.potential_V": np.linspace(2.4, 3.4, 5)})    # doctest: +SKIP
    """
    from . import available_cores, make_task

    base = _base(subject, tolerance_V)
    if isinstance(base, Config):
        resistance_of = resistance_of or base.output.resistance_of
    elif resistance_of or sensitivities:
        raise ModelError("lattice planes have neither resistance_of nor sensitivities", "sweep")
    made = tuple(_axis(base, path, values) for path, values in axes.items())
    if mode not in ("outer", "zip"):
        raise ConfigError([f"sweep: mode {mode!r} is not known (allowed: outer, zip)"])
    if mode == "zip" and len({axis.n for axis in made}) > 1:
        lengths = ", ".join(f"{axis.path}: {axis.n}" for axis in made)
        raise ConfigError([f"sweep: zip needs axes of one length, got {lengths}"])
    task = make_task(_replaced(base, Sweep(axes=made, mode=mode), profiles, tuple(resistance_of), tuple(sensitivities)))
    return _evaluated(task, workers or available_cores())


def _base(subject: Stack | Config | Lattice | LatticeConfig, tolerance_V: float) -> Config | LatticeConfig:
    """Return what is swept as a configuration without axes of its own."""
    empty = OutputSettings(path="", profiles=False, profile_nodes=None, resistance_of=(), sensitivities=())
    nameless = {
        "source": Path("sweep"),
        "title": "sweep in memory",
        "text": "",
        "sha256": hashlib.sha256(b"").hexdigest(),
        "sweep": Sweep(),
        "output": empty,
    }
    if isinstance(subject, Lattice):
        from ..config.lattice import LatticeConfig

        made: Config | LatticeConfig = LatticeConfig(lattice=subject, **nameless)  # type: ignore[arg-type]
        return made
    if isinstance(subject, Stack):
        nameless["output"] = replace(empty, resistance_of=conducting_layers(subject))
        return Config(base_stack=subject, solver=SolverSettings(tolerance_V=tolerance_V), **nameless)  # type: ignore[arg-type]
    return subject


def _replaced(
    base: Config | LatticeConfig,
    plan: Sweep,
    profiles: bool,
    resistance_of: tuple[str, ...],
    sensitivities: tuple[str, ...],
) -> Config | LatticeConfig:
    """Return a configuration with another plan and other outputs."""
    output = replace(base.output, profiles=profiles, resistance_of=resistance_of, sensitivities=sensitivities)
    return replace(base, sweep=plan, output=output)


def _axis(base: Config | LatticeConfig, path: str, values: ArrayLike) -> Axis:
    """Return one axis, checked; its values are kept in the order given."""
    if is_material(normalised(path)):
        # A layer in memory no longer knows which of its numbers came from its material.
        raise ModelError("materials are swept by a configuration: sc.run_sweep(sc.load_config({...}))", path)
    array = _numbers(path, values)
    if not isinstance(base, Config):
        return Axis(path=_known(path, lattice_paths(base.lattice)), grid=listed_grid(array), kind="lattice")
    known = numeric_paths(base.base_stack)
    if path == "solver.tolerance_V":
        return Axis(path=path, grid=listed_grid(array), kind="solver")
    if ".ocv." in path:
        return Axis(path=path, grid=listed_grid(array), kind="rebuild")
    if ".charge_transfer." in path and any(base.charge_transfer):
        return Axis(path=path, grid=listed_grid(array), kind="charge_transfer")
    if not _by_ocv(base.base_stack, path):
        _known(path, known)
    return Axis(path=path, grid=listed_grid(array), kind="stack")


def _numbers(path: str, values: ArrayLike) -> Array:
    """Return the values of an axis as numbers, in the order given."""
    needed = "finite numbers in one dimension are needed"
    try:
        given = np.atleast_1d(np.asarray(values))
        # A date would become the number of its day.
        array = given.astype(float) if given.dtype.kind in "biufOUS" else None
    except (TypeError, ValueError):
        array = None
    if array is None:
        raise ModelError(f"{needed}, got {str(values)[:SHOWN_LETTERS]}", path)
    if array.ndim != 1 or not array.size:
        raise ModelError(f"{needed}, at least one, got shape {array.shape}", path)
    if not np.isfinite(array).all():
        at = int(np.argmin(np.isfinite(array)))
        raise ModelError(f"{needed}, got {array[at]:g} at {at}", path)
    return array


def _known(path: str, known: Sequence[str]) -> str:
    """Return a path that exists; an error names the nearest one that does."""
    if path not in known:
        import difflib

        near = difflib.get_close_matches(path, known, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise ModelError(f"names no number that a sweep can vary{hint}", path)
    return path


def _by_ocv(stack: Stack, path: str) -> bool:
    """Return whether a path is a potential or composition that an ocv of the stack makes sense of."""
    name, _, key = path.rpartition(".")
    layer = name.partition(".")[0]
    return layer in stack.names and key in ("potential_V", "composition", "occupancy")


def _evaluated(task: Any, workers: int) -> SweepTable:
    """Evaluate every chunk of a task on threads and put the pieces together."""
    from .task import chunk_range, n_chunks

    layout: Layout = task.layout
    ranges = [chunk_range(task, chunk) for chunk in range(n_chunks(task))]
    if workers > 1 and len(ranges) > 1:
        with ThreadPoolExecutor(workers) as pool:
            pieces = list(pool.map(lambda span: task.evaluate(*span), ranges))
    else:
        pieces = [task.evaluate(*span) for span in ranges]
    values = {}
    for variable in layout.variables:
        joined = np.concatenate([np.asarray(piece[variable.path]) for piece in pieces])
        values[variable.path] = joined.reshape((*layout.shape, *joined.shape[1:]))
    return SweepTable(layout, values)


def _shown(values: Array, units: str) -> Array:
    display = display_of(units)
    return values * display.factor if values.dtype.kind == "f" and display.factor != 1.0 else values


__all__ = ["SweepTable", "sweep"]
