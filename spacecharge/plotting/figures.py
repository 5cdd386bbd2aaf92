"""The figure of a result file: lines, a map, or profiles, as the file and the options ask."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import StoreError
from ..report.view import View
from ..store.read import read_results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAP_VALUES = 13
"""Two axes with at least so many values each make a map, fewer make lines."""


def plot_file(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    x: str | None = None,
    y: str | None = None,
    select: Sequence[str] = (),
    profiles: bool = False,
) -> Path:
    """Draw the points of a result file and save the figure; fits are drawn by :mod:`spacecharge.plotting.fits`.

    Parameters
    ----------
    path : path
        Result file.
    output : path, optional
        Figure, its suffix decides the format (png, pdf, svg); default: the result file's name with
        ``.png``.
    x, y : str, optional
        Axis to draw along; variable to draw (also ``layer_resistance:coating``, and sums with ``+``).
    select : sequence of str
        ``AXIS=VALUE``.
    profiles : bool
        Draw profiles of potential and occupancy instead of scalars.

    Returns
    -------
    Path
        The figure.

    Raises
    ------
    StoreError
        The file cannot be read, has no such variable, or the figure cannot be written.
    """
    results = read_results(path)
    target = Path(output) if output is not None else results.path.with_suffix(".png")
    view = View(results, select)
    title = str(results.attributes.get("title", results.path.stem))
    if results.attributes.get("kind") == "lattice" and not y:
        figure = _lattice_figure(view, x, title, profiles=profiles)
    elif profiles or not view.axes:
        from .profiles import plot_profiles

        figure = plot_profiles(view, title=title)
    elif _is_map(view) and x is None:
        from .maps import plot_map

        figure = plot_map(view, y=y, title=title)
    else:
        from .lines import plot_sweep

        figure = plot_sweep(view, x=x, y=y, title=title)
    save(figure, target)
    return target


def _lattice_figure(view: View, x: str | None, title: str, *, profiles: bool) -> Figure:
    """Draw lattice planes: profiles by plane, a map of the excess thickness, or what a sweep says."""
    from .planes import plot_lattice_sweep, plot_planes

    if profiles or not view.axes:
        return plot_planes(view, title=title)
    if _is_map(view) and x is None:
        from .maps import plot_map

        return plot_map(view, y="excess_thickness", title=title)
    return plot_lattice_sweep(view, x=x, title=title)


def _is_map(view: View) -> bool:
    return len(view.axes) == 2 and min(view.shape) >= MAP_VALUES


def save(figure: Figure, target: Path) -> None:
    """Save a figure under its name when it is complete.

    Raises
    ------
    StoreError
        The suffix names no format, or the file cannot be written.
    """
    known = figure.canvas.get_supported_filetypes()
    suffix = target.suffix.lstrip(".").lower()
    if suffix not in known:
        raise StoreError(f"{target}: the suffix must name a format of figures (png, pdf, svg)")
    temporary = target.with_name(f".{target.name}.tmp-{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        from .style import styled

        with styled():
            figure.savefig(temporary, format=suffix)
        os.replace(temporary, target)
    except OSError as error:
        raise StoreError(f"{target}: cannot be written ({error.strerror or error})") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
