"""Solve site planes: one problem, or all points of a sweep, and what the answers are called."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..codes import Status
from ..constants import BOLTZMANN, ELEMENTARY_CHARGE, NM, VACUUM_PERMITTIVITY
from ..errors import ConvergenceError, ModelError
from ..model.arrhenius import arrhenius
from ..model.numbers import ARRHENIUS_REFERENCE_K, number_of
from .kernels import layout as at
from .observables import OUTPUTS, PROFILES, Solved, profiles, scalars
from .planes import Planes, build_planes
from .problem import Lattice

Array = NDArray[np.float64]

GEOMETRY_KEYS = ("window_nm.0", "window_nm.1", "bulk_nm.0", "bulk_nm.1", "merge_nm")
"""Numbers that choose planes and weights: points that differ in one of them are solved on planes of their own."""

ADVICE: dict[Status, str] = {
    Status.SOLVED: "no potential moves by more than 1e-13 V",
    Status.NOT_CONVERGED: "no potentials balance the charges (too few sites for the fixed charge?), or no mole "
    "fractions give the bulk means asked for (does the bulk window reach into the boundary?)",
    Status.ACCURACY_NOT_REACHED: "rounding keeps the potentials moving; see potential_error_estimate",
}
"""What a status means for planes, where it is not what it means for stacks."""


def status_message(code: int) -> str:
    """Return the words of a status and what to try next."""
    status = Status(code)
    return f"{status.words}: {ADVICE.get(status, status.advice)}"


@dataclass(frozen=True, slots=True)
class LatticePoints:
    """Answers at the points of a sweep.

    Attributes
    ----------
    scalars : dict of ndarray, shape (n_points, ...)
        Observables by name; NaN where a point failed.
    profiles : list of dict of ndarray
        By plane, one entry per point; empty where a point failed. Only where asked for.
    reasons : dict of int to str
        Why a point is invalid, by its index.
    """

    scalars: dict[str, Array]
    profiles: list[dict[str, Array]]
    reasons: dict[int, str]


class LatticeSolution:
    """Equilibrium of lattice planes; read-only.

    Attributes
    ----------
    lattice : Lattice
        What was solved.
    status : int
        0 solved, 1 not converged, 4 limited by rounding.
    message : str
        What the status means.
    scalars : dict
        Every observable of the result file, by name (`barrier` [V], `resistivity_ratio_perpendicular` [1], ...).
    x, potential, charge : ndarray, shape (n_planes,)
        Position [m], potential [V] (mean over the bulk window: 0), charge [C m-2] of every plane.
    occupancy, vacancy : dict of str to ndarray, shape (n_planes,)
        Mole fraction and one minus it by species; NaN on planes without sites of it.
    """

    __slots__ = ("_lattice", "_profiles", "_scalars", "_status")

    def __init__(self, lattice: Lattice, points: LatticePoints) -> None:
        self._lattice = lattice
        self._profiles = points.profiles[0]
        self._scalars: dict[str, Any] = {name: values[0] for name, values in points.scalars.items()}
        self._status = int(self._scalars["status"])

    @property
    def lattice(self) -> Lattice:
        """What was solved."""
        return self._lattice

    @property
    def status(self) -> int:
        """0 solved, 1 not converged, 4 limited by rounding."""
        return self._status

    @property
    def message(self) -> str:
        """What the status means and what to try next."""
        return status_message(self.status)

    @property
    def scalars(self) -> dict[str, Any]:
        """Every observable of the result file, by name."""
        return self._scalars

    @property
    def x(self) -> Array:
        """Positions of the planes [m]."""
        return self._profiles["x"]

    @property
    def potential(self) -> Array:
        """Electrostatic potential of the planes [V]."""
        return self._profiles["potential"]

    @property
    def charge(self) -> Array:
        """Charge of the planes [C m-2]."""
        return self._profiles["charge"]

    @property
    def occupancy(self) -> dict[str, Array]:
        """Mole fractions by species [1]."""
        return dict(zip(self.lattice.species, self._profiles["occupancy"], strict=True))

    @property
    def vacancy(self) -> dict[str, Array]:
        """One minus the mole fractions, by species [1]."""
        return dict(zip(self.lattice.species, self._profiles["vacancy"], strict=True))

    def __repr__(self) -> str:
        s = self.scalars
        return (
            f"<LatticeSolution of {len(self.x)} planes at {self.lattice.temperature_K:g} K: {self.message}>\n"
            f"  barrier {s['barrier']:+.6f} V on planes of {self.lattice.carrier}, "
            f"{s['barrier_any_plane']:+.6f} V on any plane\n"
            f"  resistivity ratio {s['resistivity_ratio_perpendicular']:.6g} across, "
            f"{s['resistivity_ratio_parallel']:.6g} along {s['space_charge_width'] / NM:.4g} nm\n"
            f"  excess thickness {s['excess_thickness'] / NM:.6g} nm, "
            f"activation energy {s['apparent_activation_energy']:.4g} eV"
        )


def solve_lattice(lattice: Lattice) -> LatticeSolution:
    """Solve Poisson's equation on the planes of a grain boundary, with its defects in equilibrium.

    Parameters
    ----------
    lattice : Lattice
        The problem.

    Returns
    -------
    LatticeSolution
        Profiles by plane and observables.

    Raises
    ------
    ConvergenceError
        No potentials balance the charges.

    Notes
    -----
    Occupancies are x_j = m_j B_j/[1 + sum_k m_k (B_k - 1)] with B_j = exp(-(z_j e phi + E_seg,j)/kT), the sum over what
    moves on the same site; what is fixed there takes its sites away. Newton on all planes at once (the iteration of
    Wellock and Morgan, doi 10.21105/joss.01209, is damped instead).
    """
    points = solve_lattice_points(lattice, {}, with_profiles=True)
    status = Status(int(points.scalars["status"][0]))
    if not status.has_answer:
        raise ConvergenceError(points.reasons.get(0, status_message(status)), status)
    return LatticeSolution(lattice, points)


def solve_lattice_points(
    lattice: Lattice, overrides: Mapping[str, ArrayLike], *, with_profiles: bool = False
) -> LatticePoints:
    """Solve many points that differ in some numbers.

    Parameters
    ----------
    lattice : Lattice
        The problem.
    overrides : mapping of str to array_like, shape (n_points,)
        Numbers by their dotted keys (``temperature_K``, ``lattice.permittivity``, ``lattice.species.Vo.fraction``), all
        of one length.
    with_profiles : bool
        Whether to return the profiles by plane.

    Returns
    -------
    LatticePoints
        Observables, failed points as rows of NaN with their status.

    Raises
    ------
    ModelError
        A key is no number of the problem, or the arrays differ in length.
    """
    numbers = _Numbers(lattice, overrides)
    table, solved_values = numbers.table()
    n_points = numbers.n_points
    status = np.where([p in numbers.reasons for p in range(n_points)], float(at.INVALID), 0.0)
    shapes = {o.name: (len(lattice.species),) if o.dims else () for o in OUTPUTS}
    result = {name: np.full((n_points, *shape), np.nan) for name, shape in shapes.items()}
    found: list[dict[str, Array]] = [{} for _ in range(n_points)]
    geometries = numbers.geometries(status)
    result["status"] = status
    for rows, planes in geometries:
        for name, values in _solve_rows(lattice, planes, table, solved_values, rows, found, with_profiles).items():
            result[name][rows] = values
    return LatticePoints(result, found, numbers.reasons)


def _solve_rows(
    lattice: Lattice,
    planes: Planes,
    table: Array,
    physical: Mapping[str, Array],
    rows: NDArray[np.int64],
    found: list[dict[str, Array]],
    with_profiles: bool,
) -> dict[str, Array]:
    """Solve the points `rows` on one set of planes; return their observables, failed ones NaN."""
    from .kernels.closure import solve_many

    p, n, h = len(rows), len(planes.x), len(planes.entries)
    out = np.zeros((p, at.SCALARS))
    out_planes, out_entries = np.zeros((p, 2, n)), np.zeros((p, 3, h))
    solve_many(table[rows], planes.planes, planes.groups, planes.entries, planes.flags, out, out_planes, out_entries)
    solved = Solved(
        scalars=out,
        out_planes=out_planes,
        out_entries=out_entries,
        charge=physical["charge"][rows],
        cross_section=physical["cross_section"][rows],
        conductivity=physical["conductivity"][rows],
        carrier=list(lattice.species).index(str(lattice.carrier)),
    )
    with np.errstate(all="ignore"):
        values = scalars(solved, planes)
    failed = (out[:, at.STATUS] != at.SOLVED) & (out[:, at.STATUS] != at.INACCURATE)
    for name in values:
        if name not in ("status", "iterations"):
            values[name][failed] = np.nan
    if with_profiles:
        curves = profiles(solved, planes)
        for i, row in enumerate(rows):
            if not failed[i]:
                found[row] = {o.name: curves[o.name][i] for o in PROFILES}
    return values


class _Numbers:
    """The numbers of a problem at every point, ranges checked."""

    def __init__(self, lattice: Lattice, overrides: Mapping[str, ArrayLike]) -> None:
        self.lattice = lattice
        self.given = {key: np.atleast_1d(np.asarray(values, dtype=float)) for key, values in overrides.items()}
        lengths = {values.shape for values in self.given.values()}
        if len(lengths) > 1 or any(len(shape) != 1 for shape in lengths):
            raise ModelError(f"swept numbers need one common length, got {sorted(lengths)}", "sweep")
        self.n_points = next(iter(lengths))[0] if lengths else 1
        self.asked: dict[str, None] = {}
        self.reasons: dict[int, str] = {}

    def get(self, path: str, default: float) -> Array:
        """Return a number at every point, in the unit of its key; what is out of range makes the point invalid."""
        self.asked[path] = None
        if path not in self.given:
            return np.full(self.n_points, default)
        values = self.given[path].copy()
        number = number_of(path)
        for p in np.flatnonzero(number.outside(values)):
            message = f"{path}: {values[p]:g} is out of range (allowed: {number.allowed})"
            self.reasons.setdefault(int(p), message)
        return values

    def table(self) -> tuple[Array, dict[str, Array]]:
        """Return the points as the kernel takes them, and the physical numbers of the observables."""
        lattice, n = self.lattice, self.n_points
        temperature = self.get("temperature_K", lattice.temperature_K)
        cross_section = self.get("lattice.cross_section_nm2", lattice.cross_section_nm2) * NM**2
        permittivity = self.get("lattice.permittivity", lattice.permittivity)
        table = np.zeros((n, at.PER_SPECIES + at.SPECIES_COLUMNS * len(lattice.species)))
        with np.errstate(divide="ignore", invalid="ignore"):
            table[:, at.TEMPERATURE] = temperature
            table[:, at.BETA] = ELEMENTARY_CHARGE / (BOLTZMANN * temperature)
            table[:, at.COUPLING] = VACUUM_PERMITTIVITY * permittivity * cross_section / ELEMENTARY_CHARGE
        columns = {}
        for name, species in lattice.defects.items():
            path = f"lattice.species.{name}"
            frozen = (
                self.get(f"{path}.mobile.frozen_at_K", species.frozen_at)
                if isinstance(species.mobile, Mapping)
                else np.full(n, species.frozen_at)
            )
            columns[name] = (
                self.get(f"{path}.charge_number", species.charge_number),
                self.get(f"{path}.fraction", species.fraction),
                frozen,
            )
        self._fill_species(table, columns)
        conductivity = self._conductivity(temperature)
        self._check_used()
        charge = np.stack([columns[name][0] for name in lattice.species], axis=1)
        return table, {"charge": charge, "cross_section": cross_section, "conductivity": conductivity}

    def _fill_species(self, table: Array, columns: Mapping[str, tuple[Array, Array, Array]]) -> None:
        """Fill the species' columns; fractions that leave no free site make a point invalid."""
        lattice = self.lattice
        for label in dict.fromkeys(s.site for s in lattice.defects.values()):
            names = [name for name, s in lattice.defects.items() if s.site == label]
            total = np.sum([columns[name][1] for name in names], axis=0)
            for p in np.flatnonzero(total >= 1.0):
                reason = f"the fractions on {label} sites add up to {total[p]:g} (allowed: below 1)"
                self.reasons.setdefault(int(p), f"lattice.species: {reason}")
            for name in names:
                s = list(lattice.species).index(name)
                start = at.PER_SPECIES + at.SPECIES_COLUMNS * s
                charge, fraction, frozen = columns[name]
                with np.errstate(divide="ignore", invalid="ignore"):
                    odds = np.log(fraction / (1.0 - total))
                table[:, start : start + at.SPECIES_COLUMNS] = np.stack([charge, fraction, frozen, odds], axis=1)
        carrier = str(lattice.carrier)
        for p in np.flatnonzero(columns[carrier][1] == 0.0):
            reason = f"lattice.species.{carrier}.fraction: the species that carries the current needs one above 0"
            self.reasons.setdefault(int(p), reason)

    def _conductivity(self, temperature: Array) -> Array:
        """Return the conductivity of the grain at every point [S m-1]; NaN where none is given."""
        given, path = self.lattice.conductivity_S_per_m, "lattice.conductivity_S_per_m"
        if given is None:
            return np.full(self.n_points, np.nan)
        if not isinstance(given, Mapping):
            return self.get(path, float(given))
        value = self.get(f"{path}.value", given["value"])
        at_K = self.get(f"{path}.at_K", given.get("at_K", ARRHENIUS_REFERENCE_K))
        energy = self.get(f"{path}.activation_energy_eV", given.get("activation_energy_eV", 0.0))
        with np.errstate(all="ignore"):
            # The activation energy is that of sigma T, which is that of the diffusivity.
            result: Array = arrhenius(value * at_K / temperature, energy, temperature, at_K)
        return result

    def _check_used(self) -> None:
        for path in self.given:
            if path not in self.paths():
                near = difflib.get_close_matches(path, self.paths(), n=1)
                hint = f" (did you mean {near[0]}?)" if near else ""
                raise ModelError(f"is no number of this problem that can be swept{hint}", path)

    def paths(self) -> list[str]:
        """Return every path that may be swept; known when the table has been made."""
        return [*self.asked, *(f"lattice.{key}" for key in _geometry_keys(self.lattice) if key not in self.asked)]

    def geometries(self, status: Array) -> list[tuple[NDArray[np.int64], Planes]]:
        """Return the valid points in groups of one geometry; geometries that cannot be are marked in `status`."""
        swept = [key for key in GEOMETRY_KEYS if f"lattice.{key}" in self.given]
        if not swept:
            if "planes" not in self.lattice.cache:
                self.lattice.cache["planes"] = build_planes(self.lattice)
            return [(np.flatnonzero(status == 0.0), self.lattice.cache["planes"])]
        values = np.stack([self.get(f"lattice.{key}", 0.0) for key in swept], axis=1)
        unique, which = np.unique(values, axis=0, return_inverse=True)
        groups = []
        for k, row in enumerate(unique):
            rows = np.flatnonzero((which.reshape(-1) == k) & (status == 0.0))
            if len(rows):
                changed = dict(zip(swept, row, strict=True))
                try:
                    groups.append((rows, build_planes(_with_geometry(self.lattice, changed))))
                except ModelError as error:
                    status[rows] = at.INVALID
                    self.reasons.update((int(p), str(error)) for p in rows)
        return groups


def _geometry_keys(lattice: Lattice) -> tuple[str, ...]:
    """Return those of :data:`GEOMETRY_KEYS` that the problem has."""
    return tuple(k for k in GEOMETRY_KEYS if lattice.window_nm is not None or not k.startswith("window_nm"))


def lattice_paths(lattice: Lattice) -> list[str]:
    """Return the dotted paths of all numbers of a problem that a sweep may vary."""
    numbers = _Numbers(lattice, {})
    numbers.table()
    return numbers.paths()


def _with_geometry(lattice: Lattice, changes: Mapping[str, float]) -> Lattice:
    """Return the problem with some of :data:`GEOMETRY_KEYS` changed."""
    merged: dict[str, Any] = {}
    for key, value in changes.items():
        name, *index = key.split(".")
        if not index:
            merged[name] = float(value)
            continue
        interval = list(merged.get(name, getattr(lattice, name)))
        interval[int(index[0])] = float(value)
        merged[name] = tuple(interval)
    return lattice.replace(**merged)
