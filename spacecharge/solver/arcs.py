"""Arcs of a spectrum: relaxation times grouped where an instrument sees them apart, and what each arc belongs to.

Two poles belong to different arcs where -Im Z of all poles (that of the capacitor in series left out) has a minimum
between them, at least a hundredth below the lower of the two maxima beside it. Two RC elements of equal resistance have
one where their times differ by more than (1 + sqrt 2)^2 = 5.8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..constants import BOLTZMANN, ELEMENTARY_CHARGE
from ..errors import ModelError
from ..model import StackParameters
from .network import EndKinds
from .relaxation import FAINT, RelaxationTimes, places_of, relaxation_times
from .small_signal import Laws

if TYPE_CHECKING:
    from .solution import Solution
    from .steady import SteadyState

Array = NDArray[np.float64]

DEPTH = 0.01
"""How far -Im Z falls between two arcs, over the lower of their maxima."""

PER_DECADE = 40
"""Frequencies at which maxima are looked for; each is refined."""

BEYOND = 3.0
"""Natural logarithm of how far beyond the outermost times they are looked for."""

MOST_ARCS = 8
"""Arcs of a point in a result file: the largest."""

MOST_TIMES = 64
"""Relaxation times of a point in a result file: the strongest."""

CLOSE = 0.01
"""Times of a result file that differ by less, relatively, are one."""

SEVERAL = "several places"


class Arc(NamedTuple):
    """One arc of a spectrum.

    Attributes
    ----------
    resistance : float
        Its width on the real axis: the sum of the strengths of its poles [ohm m2].
    capacitance : float
        1/(2 pi f R) of its peak [F m-2].
    frequency : float
        f, where -Im Z of its own poles is largest [Hz].
    place : str
        Where more than half of its power is dissipated: a place of :class:`~spacecharge.RelaxationTimes`, else
        ``all of`` a layer, else ``several places``.
    share : float
        How much of the power is dissipated there [1]; of several places, that of the largest.
    power : ndarray, shape (n_places,)
        Share of every place [1].
    """

    resistance: float
    capacitance: float
    frequency: float
    place: str
    share: float
    power: Array


def impedance_arcs(
    solution: Solution | SteadyState,
    *,
    ends: EndKinds | Mapping[str, EndKinds] = "reversible",
    charge_transfer: Laws = None,
    contact_resistance: ArrayLike | None = None,
) -> tuple[Arc, ...]:
    """Return the arcs of the spectrum of a stack, that of the lowest frequency first.

    Parameters
    ----------
    solution : Solution or SteadyState
        The state, at rest, with biased contacts, or with a current.
    ends, charge_transfer, contact_resistance : optional
        As for :func:`impedance`.

    Returns
    -------
    tuple of Arc
        Resistance, capacitance, peak frequency and place of each.

    Raises
    ------
    ModelError
        The spectrum about a current or a bias has an inductive loop, which no resistance beside a capacitance names,
        and as for :func:`relaxation_times`.

    Notes
    -----
    Poles belong to different arcs where -Im Z, without the capacitor in series, has a minimum between them that is a
    hundredth below the lower of the two maxima. A chain of poles without such a minimum (diffusion) is one arc. About a
    current or a bias poles of one arc may be negative and come in pairs; of the arc their sum counts.
    """
    return arcs_of(
        relaxation_times(solution, ends=ends, charge_transfer=charge_transfer, contact_resistance=contact_resistance)
    )


def arcs_of(times: RelaxationTimes) -> tuple[Arc, ...]:
    """Return the arcs of relaxation times, that of the lowest frequency first.

    Raises
    ------
    ModelError
        -Im Z of the poles is below 0 somewhere: an inductive loop.
    """
    size = np.abs(times.strength)
    seen = size > FAINT * size.sum()
    time, strength, power = times.time[seen], times.strength[seen], times.power[seen]
    found = []
    for group in _groups(time, strength):
        total = float(strength[group].sum().real)
        frequency = _peak(time[group], strength[group])
        share = np.asarray((strength[group] @ power[group]).real / total)
        place, part = _place(times.places, share)
        found.append(Arc(total, 1.0 / (2.0 * np.pi * frequency * total), frequency, place, part, share))
    return tuple(found)


def _imaginary(logs: Array, time: Array, strength: Array) -> Array:
    """Return -Im Z of some poles at angular frequencies given by their natural logarithms."""
    x = np.exp(logs)[:, None] * time
    if np.iscomplexobj(x):
        return np.asarray(-(strength / (1.0 + 1j * x)).sum(axis=1).imag)
    return np.asarray((strength * x / (1.0 + x**2)).sum(axis=1))


def _groups(time: Array, strength: Array) -> list[NDArray[np.int64]]:
    """Return the numbers of the poles of each arc; the slowest first."""
    if not time.size:
        return []
    rates = -np.log(np.abs(time))
    low, high = rates.min() - BEYOND, rates.max() + BEYOND
    logs = np.linspace(low, high, int((high - low) / np.log(10.0) * PER_DECADE) + 3)
    height = _imaginary(logs, time, strength)
    if height.min() < -DEPTH * height.max():
        hertz = float(np.exp(logs[np.argmin(height)]) / (2.0 * np.pi))
        raise ModelError(
            f"the spectrum about this state has an inductive loop (-Im Z below 0, at {hertz:.3g} Hz), which is no "
            "resistance beside a capacitance (its times and strengths: relaxation_times)",
            "impedance.arcs",
        )
    inner = height[1:-1]
    tops = (1 + np.flatnonzero((inner > height[:-2]) & (inner >= height[2:]))).tolist()
    while True:
        lows = [a + int(np.argmin(height[a:b])) for a, b in pairwise(tops)]
        shallow = [
            k for k, at in enumerate(lows) if height[at] > (1.0 - DEPTH) * min(height[tops[k]], height[tops[k + 1]])
        ]
        if not shallow:
            break
        k = shallow[0]
        del tops[k if height[tops[k]] < height[tops[k + 1]] else k + 1]
    arc = np.searchsorted(logs[lows], rates)
    groups = [np.flatnonzero(arc == k) for k in range(len(tops))]
    return [group for group in groups if group.size]


def _peak(time: Array, strength: Array) -> float:
    """Return the frequency at which -Im Z of some poles is largest [Hz]."""
    rates = -np.log(np.abs(time))
    logs = np.linspace(rates.min() - 1.0, rates.max() + 1.0, int(10.0 * (np.ptp(rates) + 2.0)) + 3)
    k = int(np.clip(np.argmax(_imaginary(logs, time, strength)), 1, logs.size - 2))
    low, high = logs[k - 1], logs[k + 1]
    for _ in range(60):
        middle = 0.5 * (low + high)
        # The slope of 1/(1 + i x) by ln x is -i x/(1 + i x)^2.
        x = 1j * np.exp(middle) * time
        rises = np.sum(strength * x / (1.0 + x) ** 2).imag > 0.0
        low, high = (middle, high) if rises else (low, middle)
    return float(np.exp(0.5 * (low + high)) / (2.0 * np.pi))


def _place(places: Mapping[str, str], share: Array) -> tuple[str, float]:
    """Return the place of an arc and its share of the power."""
    names, layers = list(places), list(places.values())
    best = int(np.argmax(share))
    if share[best] > 0.5:
        return names[best], float(share[best])
    for layer in filter(None, dict.fromkeys(layers)):
        whole = float(sum(part for part, of in zip(share, layers, strict=True) if of == layer))
        if whole > 0.5:
            return f"all of {layer}", whole
    return SEVERAL, float(share[best])


def place_names(parameters: StackParameters) -> tuple[str, ...]:
    """Return every name that the place of an arc of a stack can have."""
    return (*places_of(parameters), *(f"all of {layer}" for layer in parameters.layer_names), SEVERAL)


def stored_arcs(times: RelaxationTimes, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return what a result file keeps of the relaxation times of a point, by name; `names` of the places.

    Returns
    -------
    dict
        ``arc_resistance``, ``arc_capacitance``, ``arc_frequency``, ``arc_place`` (number of its name, -1 for none),
        ``arc_share`` (MOST_ARCS,), ``relaxation_time``, ``relaxation_strength`` (MOST_TIMES,), padded with NaN. No arcs
        where a spectrum has an inductive loop, no times where some come in pairs.
    """
    values = empty_arcs()
    try:
        arcs = arcs_of(times)
    except ModelError:
        arcs = ()
    kept = sorted(sorted(range(len(arcs)), key=lambda k: -arcs[k].resistance)[:MOST_ARCS])
    for row, arc in enumerate(arcs[k] for k in kept):
        for name in ("resistance", "capacitance", "frequency", "share"):
            values[f"arc_{name}"][row] = getattr(arc, name)
        values["arc_place"][row] = names.index(arc.place)
    if times.time.size and not np.iscomplexobj(times.time):
        begins = np.concatenate([[0], 1 + np.flatnonzero(np.diff(times.time) < -CLOSE * times.time[:-1])])
        strength, size = np.add.reduceat(times.strength, begins), np.abs(times.strength)
        middle = np.exp(np.add.reduceat(size * np.log(times.time), begins) / np.add.reduceat(size, begins))
        strongest = np.sort(np.argsort(-np.abs(strength), kind="stable")[:MOST_TIMES])
        values["relaxation_time"][: strongest.size] = middle[strongest]
        values["relaxation_strength"][: strongest.size] = strength[strongest]
    return values


def empty_arcs() -> dict[str, NDArray[Any]]:
    """Return the same for a point without an answer."""
    arcs = ("arc_resistance", "arc_capacitance", "arc_frequency", "arc_share")
    values: dict[str, NDArray[Any]] = {name: np.full(MOST_ARCS, np.nan) for name in arcs}
    values["arc_place"] = np.full(MOST_ARCS, -1, dtype=np.int32)
    return values | {name: np.full(MOST_TIMES, np.nan) for name in ("relaxation_time", "relaxation_strength")}


def arc_energies(low: Mapping[str, Array], here: Mapping[str, Array], high: Mapping[str, Array], steps: Array) -> Array:
    """Return d ln(R/T)/d(1/kT) of every arc from those just below and above its temperature, shape (MOST_ARCS,) [eV].

    NaN where the neighbours show other arcs; `steps`: the three temperatures [K].
    """
    same = [np.array_equal(here["arc_place"], other["arc_place"]) for other in (low, high)]
    if not all(same):
        return np.full(MOST_ARCS, np.nan)
    change = np.log(low["arc_resistance"] / high["arc_resistance"]) - np.log(steps[0] / steps[2])
    return np.asarray(change / (1.0 / steps[0] - 1.0 / steps[2]) * BOLTZMANN / ELEMENTARY_CHARGE)


__all__ = [
    "MOST_ARCS", "MOST_TIMES", "Arc", "arc_energies", "arcs_of", "empty_arcs", "impedance_arcs", "place_names",
    "stored_arcs",
]  # fmt: skip
