"""What an answer owes to assumed values: each run through its plausible range, and all of them at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..config.assumed import Assumed, assumed_values
from ..config.config import Config
from ..errors import ConfigError, StoreError
from ..model import Stack
from .in_memory import SweepTable, sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..config.lattice import LatticeConfig

Array = NDArray[np.float64]

DECADE = 10.0
"""A range of positive numbers wider than this is run through in equal ratios."""

LEVELS = (0.0, 0.05, 0.5, 0.95, 1.0)
"""Quantiles of a band: lowest, 5 %, median, 95 %, highest."""

Y = "interface_resistance"


@dataclass(frozen=True, slots=True)
class Run:
    """One assumed value, run through its range.

    Parameters
    ----------
    assumed : Assumed
        What was varied; everything else keeps its value.
    values : ndarray, shape (n,)
        From the lowest to the highest plausible value, in the unit of the key.
    y : ndarray, shape (n,)
        The answer, in its shown unit; NaN where the solve failed.
    """

    assumed: Assumed
    values: Array
    y: Array

    @property
    def span(self) -> tuple[float, float]:
        """Lowest and highest answer within the range."""
        return float(np.nanmin(self.y)), float(np.nanmax(self.y))


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What an answer owes to what is assumed.

    Parameters
    ----------
    title : str
        Of the configuration.
    name, unit : str
        The answer that is looked at, and its shown unit.
    base : float
        The answer with every value as the library has it.
    runs : tuple of Run
        One for each assumed value, that with the largest effect first.
    axis, axis_unit : str
        Axis of the band; empty where the configuration sweeps nothing.
    axis_values : ndarray, shape (n_axis,)
        Its values in the shown unit.
    band : ndarray, shape (n_axis, 5)
        Lowest, 5 %, median, 95 % and highest answer over the samples; empty without samples.
    n_samples, n_failed : int
        Samples of the band, and how many of all their solves failed.
    """

    title: str
    name: str
    unit: str
    base: float
    runs: tuple[Run, ...]
    axis: str = ""
    axis_unit: str = ""
    axis_values: Array = field(default_factory=lambda: np.empty(0))
    band: Array = field(default_factory=lambda: np.empty((0, len(LEVELS))))
    n_samples: int = 0
    n_failed: int = 0

    def plot(self) -> Figure:
        """Draw the tornado, and the band beside it where there is one; nothing is written.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.
        """
        from ..plotting.assumptions import assumptions_figure

        return assumptions_figure(self)

    def __str__(self) -> str:
        from ..report.assumptions import assumptions_text

        return assumptions_text(self)


def assume(
    config: Config | LatticeConfig | Stack | str | os.PathLike[str],
    *,
    y: str = Y,
    num: int = 11,
    samples: int = 0,
    seed: int = 1,
    workers: int | None = None,
) -> Assumptions:
    """Run every assumed value of a configuration through its plausible range.

    Parameters
    ----------
    config : Config, Stack or path
        What to look at; planes of sites assume nothing and are refused. The axes of a configuration play no part in the
        one-at-a-time runs, which start from its base point, of swept materials that of the layer itself; the first axis
        of numbers is the axis of the band.
    y : str
        The answer: a variable, with contact, side or layer in brackets where it has them
        (``space_charge_width[electrode|electrolyte, right]``).
    num : int
        Values of each range, its ends included.
    samples : int
        Latin-hypercube samples of all assumed values at once, for the band; 0: no band.
    seed : int
        Of the samples.
    workers : int, optional
        Threads.

    Returns
    -------
    Assumptions
        Table, figure and band.

    Raises
    ------
    ConfigError
        Nothing is assumed, or the configuration is broken.
    StoreError
        There is no such answer.

    Notes
    -----
    Ranges are those of the materials library. A positive range wider than a decade is run through in equal ratios,
    others in equal steps; the samples are uniform in the same measure. Latin hypercube: McKay, Beckman and Conover,
    Technometrics 21, 239 (1979), by ``scipy.stats.qmc``.
    """
    from ..config import load_config
    from ..config.lattice import LatticeConfig

    subject = config if isinstance(config, (Config, Stack, LatticeConfig)) else load_config(config)
    if isinstance(subject, LatticeConfig):
        # Says that planes are no stack; they take nothing from the materials library.
        subject = subject.stack
    if isinstance(subject, Config):
        assumed = assumed_values(subject.base_stack, [axis for axis in subject.axes if not axis.layers])
    else:
        assumed = assumed_values(subject)
    if not assumed:
        raise ConfigError(["nothing is assumed: every value in use has a source, is given, or is swept"])
    title = subject.title if isinstance(subject, Config) else " | ".join(subject.names)

    def solved(axes: dict[str, Any], mode: str = "outer") -> SweepTable:
        return sweep(subject, axes, mode=mode, workers=workers)  # type: ignore[arg-type]  # one of two words

    base, unit, name = _column(solved({}), y)
    runs = []
    for item in assumed:
        values = _through(item, np.linspace(0.0, 1.0, num))
        answers, _, _ = _column(solved({item.path: values}), y)
        runs.append(Run(item, values, answers))
    runs.sort(key=lambda run: -_effect(run, float(base[0])))
    result = Assumptions(title, name, unit, float(base[0]), tuple(runs))
    return _with_band(result, subject, assumed, solved, samples, seed, y) if samples else result


def _with_band(
    result: Assumptions,
    config: Config | Stack,
    assumed: Sequence[Assumed],
    solved: Any,
    samples: int,
    seed: int,
    y: str,
) -> Assumptions:
    """Return the result with the band of all assumed values along the first axis of the configuration."""
    from scipy.stats import qmc

    points = qmc.LatinHypercube(len(assumed), rng=np.random.default_rng(seed)).random(samples)
    drawn = {item.path: _through(item, points[:, k]) for k, item in enumerate(assumed)}
    axes_of_numbers = [a for a in config.axes if not a.layers] if isinstance(config, Config) else []
    axis = axes_of_numbers[0] if axes_of_numbers else None
    along = np.empty(0) if axis is None else np.asarray(axis.values)
    n_axis = max(1, along.size)
    axes = {path: np.repeat(values, n_axis) for path, values in drawn.items()}
    if axis is not None:
        axes[axis.path] = np.tile(along, samples)
    table = solved(axes, "zip")
    answers = _column(table, y)[0].reshape(samples, n_axis)
    with np.errstate(invalid="ignore"):
        band = np.nanquantile(answers, LEVELS, axis=0).T
    shown = ("", "", np.empty(0)) if axis is None else (axis.path, axis.unit, along)
    failed = int(np.count_nonzero(table.status))
    return replace(
        result, axis=shown[0], axis_unit=shown[1], axis_values=shown[2], band=band, n_samples=samples, n_failed=failed
    )


def _through(item: Assumed, share: Array) -> Array:
    """Return values of a range: `share` from 0 at its lowest to 1 at its highest."""
    if item.low > 0.0 and item.high / item.low > DECADE:
        return np.asarray(item.low * (item.high / item.low) ** share)
    return np.asarray(item.low + (item.high - item.low) * share)


def _effect(run: Run, base: float) -> float:
    """Return how far an answer moves within a range: in decades where it is positive, else against its base."""
    if not np.isfinite(run.y).any():
        return float("inf")
    low, high = run.span
    if low > 0.0:
        return float(np.log10(high / low))
    return (high - low) / max(abs(base), 1e-300)


def _column(table: SweepTable, y: str) -> tuple[Array, str, str]:
    """Return values, unit and full name of an answer."""
    columns = table.columns()
    names = [name for name in columns if name == y] or [name for name in columns if name.partition("[")[0] == y]
    if len(names) != 1:
        known = ", ".join(names or (name for name in columns if "[" not in name))
        raise StoreError(f"--y {y}: {'one of several is needed' if names else 'no such answer'} ({known})")
    values, unit = columns[names[0]]
    return np.asarray(values, dtype=float), unit, names[0]


__all__ = ["Assumptions", "Run", "assume"]
