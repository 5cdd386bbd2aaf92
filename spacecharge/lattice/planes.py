"""From a file of sites and a window to the arrays of the kernels: planes, spacings, weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..constants import NM
from ..errors import ModelError
from .kernels import layout as at
from .problem import Lattice
from .sites import Site, plane_positions

Array = NDArray[np.float64]

ODD_CHARGE = 0.05
"""A grain that is charged by more than this share of its ions' charges is worth a warning."""


@dataclass(frozen=True, slots=True)
class Planes:
    """Geometry of one window; `n` planes, `h` defects on kinds of sites.

    Attributes
    ----------
    x : ndarray, shape (n,)
        Positions [m].
    planes, groups, entries, flags : ndarray
        As the kernels take them (columns: ``lattice.kernels.layout``).
    species_of, plane_of : ndarray of int, shape (h,)
        Species (order of the problem) and plane of each entry.
    count_of : ndarray, shape (h,)
        Sites of each entry.
    carrier_planes : ndarray of int, shape (c,)
        Planes on which the carrier may stand.
    carrier_width : ndarray, shape (c,)
        Thickness that each of them stands for [m]; they add up to the length of a periodic cell.
    carrier_bulk : ndarray, shape (c,)
        Weights of the bulk mean [1].
    zero : ndarray, shape (c,)
        Weights of the potential above which the space-charge region begins [1].
    length : float
        Length of the window, half the end spacings included [m].
    """

    x: Array
    planes: Array
    groups: Array
    entries: Array
    flags: NDArray[np.int64]
    species_of: NDArray[np.int64]
    plane_of: NDArray[np.int64]
    count_of: Array
    carrier_planes: NDArray[np.int64]
    carrier_width: Array
    carrier_bulk: Array
    zero: Array
    length: float


def build_planes(lattice: Lattice) -> Planes:
    """Return the planes of the window of `lattice`.

    Raises
    ------
    ModelError
        The window holds too few planes, or the bulk window does not lie inside it.
    """
    uniform = lattice.closure == "uniform_background"
    periodic = lattice.boundary == "periodic"
    items = lattice.site_list.items
    position = np.array([site.x for site in items])
    count = np.array([float(site.count) for site in items])
    full, plane_in_full = plane_positions(position, count, lattice.merge_nm * NM)
    low, high = (-np.inf, np.inf) if lattice.window_nm is None else (w * NM for w in lattice.window_nm)
    inside = np.flatnonzero((full >= low) & (full <= high))
    if len(inside) < 3:
        raise ModelError(
            f"holds {len(inside)} planes, 3 are needed (the file reaches from {full[0] / NM:.4g} to "
            f"{full[-1] / NM:.4g} nm)",
            "lattice.window_nm",
        )
    first, last = int(inside[0]), int(inside[-1])
    x = full[first : last + 1]
    left, right, thickness = _spacings(full, first, last, uniform)
    n = len(x)
    kept = [(int(p) - first, site) for p, site in zip(plane_in_full, items, strict=True) if first <= p <= last]
    groups, entries = _groups(kept, list(lattice.species), lattice.site_charges, planes := np.zeros((n, 6)))
    share = 2.0 * thickness / (left + right)
    planes[:, at.LOWER], planes[:, at.UPPER] = share / left, share / right
    planes[:, at.SHARE] = thickness / thickness.sum()
    species_of = entries[:, at.SPECIES].astype(np.int64)
    plane_of = groups[entries[:, at.GROUP].astype(np.int64), at.PLANE].astype(np.int64)
    count_of = groups[entries[:, at.GROUP].astype(np.int64), at.COUNT]
    wrap = 0.5 * (left[0] + right[-1])
    length = float(x[-1] - x[0] + wrap)
    carrier = list(lattice.species).index(str(lattice.carrier))
    for s, (name, species) in enumerate(lattice.defects.items()):
        mine = np.unique(plane_of[species_of == s])
        weights = np.zeros(n)
        try:
            weights[mine] = _bulk_weights(lattice, x[mine], periodic, length, f"with sites of {name}")
        except ModelError:
            # A species of the boundary alone needs no bulk mean unless it has to meet one.
            if species.fraction > 0.0 and np.isfinite(species.frozen_at):
                raise
        sites = np.bincount(plane_of[species_of == s], weights=count_of[species_of == s], minlength=n)
        here = species_of == s
        entries[here, at.WEIGHT] = weights[plane_of[here]] * count_of[here] / sites[plane_of[here]]
        if s == carrier:
            carrier_planes, carrier_weights = mine, weights
    planes[:, at.GAUGE_CARRIER] = carrier_weights
    planes[:, at.GAUGE_ALL] = _bulk_weights(lattice, x, periodic, length, "")
    bulk = carrier_weights[carrier_planes]
    zero = np.zeros(len(carrier_planes))
    zero[0] = 1.0
    return Planes(
        x=x,
        planes=planes,
        groups=groups,
        entries=entries,
        flags=np.array([periodic, uniform], dtype=np.int64),
        species_of=species_of,
        plane_of=plane_of,
        count_of=count_of,
        carrier_planes=carrier_planes,
        carrier_width=_widths(x[carrier_planes], periodic, length),
        carrier_bulk=bulk,
        zero=zero if uniform else bulk,
        length=length,
    )


def _spacings(full: Array, first: int, last: int, uniform: bool) -> tuple[Array, Array, Array]:
    """Return the distances to the left and right neighbours of each plane and its thickness [m].

    The neighbours of the end planes are those of the file, outside the window. In a neutral cell both ends share the
    mean of the two distances, so that the cell closes. With a uniform background pyscses' rules hold: the two
    distances stand swapped in Poisson's equation, and the thickness of the last plane is that of the plane after it.
    """
    inner = np.diff(full[first : last + 1])
    before = full[first] - full[first - 1] if first > 0 else np.nan
    after = full[last + 1] - full[last] if last + 1 < len(full) else np.nan
    if uniform:
        if first < 1 or last + 2 >= len(full):
            raise ModelError(
                "closure: uniform_background takes its end spacings from the file outside the window: leave one plane "
                "before it and two after it",
                "lattice.window_nm",
            )
        left, right = np.concatenate([[after], inner]), np.concatenate([inner, [before]])
        ends = (full[first + 1] - full[first - 1]) / 2.0, (full[last + 2] - full[last]) / 2.0
        middle = (full[first + 2 : last + 1] - full[first : last - 1]) / 2.0
        return left, right, np.concatenate([[ends[0]], middle, [ends[1]]])
    known = [d for d in (before, after) if np.isfinite(d)] or [0.5 * (inner[0] + inner[-1])]
    wrap = float(np.mean(known))
    left, right = np.concatenate([[wrap], inner]), np.concatenate([inner, [wrap]])
    return left, right, 0.5 * (left + right)


def _groups(kept: list[tuple[int, Site]], names: list[str], charged: bool, planes: Array) -> tuple[Array, Array]:
    """Return groups and entries of the kernels; charges of the perfect lattice are added to `planes`."""
    groups: list[tuple[int, int, int, int]] = []
    entries: list[tuple[int, float, float, int]] = []
    for plane, site in kept:
        start = len(entries)
        entries += [(names.index(name), energy, 0.0, len(groups)) for name, energy in site.defects]
        groups.append((plane, start, len(entries), site.count))
        if charged:
            planes[plane, at.SITE_CHARGE] += site.charge * site.count
    return np.array(groups, dtype=float), np.array(entries, dtype=float)


def _widths(x: Array, periodic: bool, length: float) -> Array:
    """Return the thickness that each of some planes stands for: half the distance of its neighbours [m]."""
    if periodic:
        gap = length - (x[-1] - x[0])
        extended = np.concatenate([[x[0] - gap], x, [x[-1] + gap]])
    elif len(x) > 1:
        extended = np.concatenate([[2.0 * x[0] - x[1]], x, [2.0 * x[-1] - x[-2]]])
    else:
        return np.array([length])
    widths: Array = (extended[2:] - extended[:-2]) / 2.0
    return widths


def _bulk_weights(lattice: Lattice, x: Array, periodic: bool, length: float, which: str) -> Array:
    """Return the weights of the bulk mean over planes at `x`, shape of `x` [1].

    They are the thicknesses of the planes in the bulk window. With a uniform background pyscses' rule holds: the first
    plane of the window is left out, and the first one counted has its thickness.
    """
    low, high = (b * NM for b in lattice.bulk_nm)
    a, b = int(np.searchsorted(x, low, "left")), int(np.searchsorted(x, high, "right"))
    weights = np.zeros(len(x))
    if lattice.closure == "uniform_background":
        if a < 1 or b >= len(x) or b - a < 3:
            raise ModelError(
                f"needs three planes {which} in it, and one before and after it inside the window (closure: "
                f"uniform_background averages as pyscses does); it holds {b - a}",
                "lattice.bulk_nm",
            )
        weights[a + 1 : b] = (x[a + 2 : b + 1] - x[a : b - 1]) / 2.0
        weights[a + 1] = (x[a + 1] - x[a - 1]) / 2.0
        weights[b - 1] = (x[b] - x[b - 2]) / 2.0
    else:
        if b - a < 1:
            raise ModelError(f"holds no plane {which} of the window", "lattice.bulk_nm")
        weights[a:b] = _widths(x, periodic, length)[a:b]
    total: Array = weights / weights.sum()
    return total


def summary_of(lattice: Lattice) -> Iterator[tuple[str, str]]:
    """Yield label and text of what a problem holds, and of what is odd about it."""
    planes = build_planes(lattice)
    window = "" if lattice.window_nm is None else f", {lattice.window_nm[0]:g} to {lattice.window_nm[1]:g} nm"
    yield "sites", f"{lattice.site_list.source}: {len(planes.x)} planes in the window{window}"
    yield "grain", f"{lattice.bulk_nm[0]:g} to {lattice.bulk_nm[1]:g} nm"
    yield "temperature", f"{lattice.temperature_K:g} K"
    for name, species in lattice.defects.items():
        state = "mobile" if species.frozen_at == 0.0 else "fixed"
        if np.isfinite(species.frozen_at) and species.frozen_at > 0.0:
            state = f"frozen below {species.frozen_at:g} K"
        role = ", the carrier" if name == lattice.carrier else ""
        where = f"on {species.site}, charge {species.charge_number:+g}, fraction {species.fraction:g}"
        yield "species", f"{name}: {where}, {state}{role}"
    charges = ", with the charges of the perfect lattice" if lattice.site_charges else ""
    closure = f", closure {lattice.closure}" if lattice.boundary == "periodic" else ""
    yield "boundary", f"{lattice.boundary}{closure}{charges}"
    for note in notes_of(lattice):
        yield "warning", note


def notes_of(lattice: Lattice) -> tuple[str, ...]:
    """Return what a reader of the results has to know about the numbers that went in, a line each."""
    positive, negative = _grain_charges(lattice, build_planes(lattice))
    if abs(positive - negative) <= ODD_CHARGE * max(positive, negative):
        return ()
    return (
        f"at the mole fractions given the grain is charged: {positive:.4g} against -{negative:.4g} e/nm3 in its "
        "window; check fractions, charge numbers and site_charges",
    )


def _grain_charges(lattice: Lattice, planes: Planes) -> tuple[float, float]:
    """Return positive and negative charge density of the grain at the mole fractions given [e/nm3].

    Sublattices are averaged each with its own weights, since a window rarely holds whole formula units.
    """
    positive, negative = 0.0, 0.0
    species = list(lattice.defects.values())
    volume = lattice.cross_section_nm2 * planes.planes[:, at.SHARE] * planes.length / NM
    for s, defect in enumerate(species):
        here = planes.species_of == s
        # Sites per length of the window, all of it: ends cut a plane at most.
        density = planes.count_of[here].sum() / volume.sum()
        charge = density * defect.fraction * defect.charge_number
        positive, negative = positive + max(charge, 0.0), negative - min(charge, 0.0)
    if lattice.site_charges:
        charges = planes.planes[:, at.SITE_CHARGE]
        positive += charges[charges > 0].sum() / volume.sum()
        negative -= charges[charges < 0].sum() / volume.sum()
    return positive, negative
