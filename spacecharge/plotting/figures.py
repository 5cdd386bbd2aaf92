"""The figure of a result file: lines, a map, or profiles, as the file and the options ask."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..constants import CM2
from ..errors import StoreError
from ..report.view import View
from ..store.files import replacing, system_errors
from ..store.read import read_results
from ..store.target import output_file, refuse_replacing
from .currents import bias_axis, has_capacitance, plot_capacitance, plot_currents
from .expression import parse
from .nyquist import has_spectra, plot_spectra
from .references import draw_references
from .relaxation import NAMES as RELAXATION
from .relaxation import plot_relaxation
from .style import DPI, single_column, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOWEST_DPI, HIGHEST_DPI = 30, 2400

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
    relative_to: str | None = None,
    style: FigureStyle | None = None,
    overwrite: bool = False,
) -> Path:
    """Draw the points of a result file and save the figure; fits are drawn by :mod:`spacecharge.plotting.fits`.

    Parameters
    ----------
    path : path
        Result file.
    output : path, optional
        Figure, its suffix decides the format (png, pdf, svg); default: the result file's name, with ``_profiles`` or
        the name of `y` where one is asked for, and ``.png``.
    x, y : str, optional
        Axis to draw along; variable to draw (also ``layer_resistance:coating``, and sums with ``+``).
    select : sequence of str
        ``AXIS=VALUE``.
    profiles : bool
        Draw profiles of potential and occupancy instead of scalars.
    relative_to : str, optional
        ``AXIS=VALUE``: draw `y` over its value there, everything else equal.
    style : FigureStyle, optional
        Width and resolution.
    overwrite : bool
        Replace an existing figure.

    Returns
    -------
    Path
        The figure.

    Raises
    ------
    StoreError
        The file cannot be read, has no such variable, or the figure exists already or cannot be written.
    """
    results = read_results(path)
    target = Path(output) if output is not None else default_target(results.path, "profiles" if profiles else y)
    # Before the figure is drawn, which takes a second.
    figure_file(target, overwrite=overwrite)
    style = style or FigureStyle()
    view = View(results, select)
    title = str(results.attributes.get("title", results.path.stem))
    with single_column(style.width == "single"):
        if results.attributes.get("kind") == "lattice" and not y:
            figure = _lattice_figure(view, x, title, profiles=profiles)
        elif not profiles and y in RELAXATION:
            figure = plot_relaxation(view, title=title)
        elif not profiles and not y and has_capacitance(view):
            figure = plot_capacitance(view, x=x, title=title)
        elif not profiles and not y and has_spectra(view):
            figure = _spectra(view, title)
        elif not profiles and not y and x is None and bias_axis(view):
            figure = plot_currents(view, title=title)
        elif profiles or not view.axes:
            from .profiles import plot_profiles

            figure = plot_profiles(view, title=title)
        elif _is_map(view) and x is None and relative_to is None:
            from .maps import plot_map

            figure = plot_map(view, y=y, title=title)
        else:
            from .lines import plot_sweep

            figure = plot_sweep(view, x=x, y=y, title=title, relative_to=relative_to)
            if y and relative_to is None:
                draw_references(figure.axes[0], view, [term.path for term in parse(view, y)])
    save(figure, target, dpi=style.dpi, caption=caption(view, title), overwrite=overwrite)
    return target


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureStyle:
    """Size of a figure.

    Parameters
    ----------
    width : {"double", "single"}
        Over both columns of a journal (7.2 inch), or one (3.5 inch): panels then stand below each other.
    dpi : int
        Dots per inch of a PNG.
    """

    width: str = "double"
    dpi: int = DPI

    def __post_init__(self) -> None:
        if self.width not in ("double", "single"):
            raise StoreError(f"--width {self.width}: is not known (allowed: double, single)")
        if not LOWEST_DPI <= self.dpi <= HIGHEST_DPI:
            raise StoreError(f"--dpi {self.dpi}: is out of range (allowed: {LOWEST_DPI} to {HIGHEST_DPI})")


def default_target(path: Path, what: str | None) -> Path:
    """Return the name of a figure beside its result file; what it shows stands in the name."""
    words = re.sub(r"[^\w]+", "_", what or "").strip("_")
    return path.with_name(f"{path.stem}_{words}.png" if words else f"{path.stem}.png")


def caption(view: View, title: str) -> str:
    """Return what a figure's file says about itself: title, selection, what is assumed."""
    parts = [title, *(f"{q.label} = {q.values[0]:.6g} {q.display.text}".rstrip() for q in view.chosen)]
    assumed = view.results.attributes.get("assumed", ())
    if len(assumed):
        parts.append("assumed: " + "; ".join(str(line) for line in assumed))
    return ". ".join(parts)


def _lattice_figure(view: View, x: str | None, title: str, *, profiles: bool) -> Figure:
    """Draw lattice planes: profiles by plane, a map of the excess thickness, or what a sweep says."""
    from .planes import plot_lattice_sweep, plot_planes

    if profiles or not view.axes:
        return plot_planes(view, title=title)
    if _is_map(view) and x is None:
        from .maps import plot_map

        return plot_map(view, y="excess_thickness", title=title)
    return plot_lattice_sweep(view, x=x, title=title)


def _spectra(view: View, title: str) -> Figure:
    """Draw the spectra of a file, with the series resistance and the area that its configuration names."""
    said = view.results.attributes
    if "electrode_area_m2" in said and view.area_cm2 is None:
        view.area_cm2 = float(said["electrode_area_m2"]) / CM2
    return plot_spectra(view, title=title, series_resistance=float(said.get("series_resistance_ohm_m2", 0.0)))


def _is_map(view: View) -> bool:
    return len(view.axes) == 2 and min(view.shape) >= MAP_VALUES


CAPTION_KEYS = {"png": "Description", "pdf": "Subject", "svg": "Description"}
"""Where each format has a place for a caption."""


MAKER = "spacecharge"
"""What a PNG of ours says under "Software", by which it is known as one that may be drawn anew."""

_MAKER_WITHIN = 1024
"""The texts of a PNG stand before its picture, the maker first [bytes]."""


def is_own_figure(path: Path) -> bool:
    """Say whether a file is a PNG that this package drew.

    Parameters
    ----------
    path : Path
        Existing file.

    Returns
    -------
    bool
        False too where it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return b"Software\0" + MAKER.encode() in file.read(_MAKER_WITHIN)
    except OSError:
        return False


def figure_file(target: Path, *, overwrite: bool) -> Path:
    """Return the file that the name of a figure means; see :func:`spacecharge.store.target.output_file`.

    Parameters
    ----------
    target : Path
        Name of the figure.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    StoreError
        The suffix names no format, the file exists already, or none can have this name.
    """
    from matplotlib.backend_bases import FigureCanvasBase

    refuse_replacing(target, overwrite=overwrite)
    if target.suffix.lstrip(".").lower() not in FigureCanvasBase.get_supported_filetypes():
        raise StoreError(f"{target}: the suffix must name a format of figures (png, pdf, svg)")
    return output_file(target)


def save(figure: Figure, target: Path, *, dpi: int = DPI, caption: str = "", overwrite: bool = True) -> None:
    """Save a figure under its name when it is complete.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    target : Path
        File; its suffix decides the format.
    dpi : int
        Dots per inch of a PNG.
    caption : str
        Text that the file carries along.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    StoreError
        The suffix names no format, the file exists already, or cannot be written.
    SystemStop
        The disk takes no more; what stood there is left as it was.
    """
    suffix = target.suffix.lstrip(".").lower()
    target = figure_file(target, overwrite=overwrite)
    with system_errors(target, lambda: "free some space and draw again"):
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as temporary, styled(), warnings.catch_warnings():
            # A letter that the font lacks, or a control character, is drawn as a box: no reason for a page of warnings.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            key = CAPTION_KEYS.get(suffix)
            metadata = {key: caption} if key and caption else {}
            if suffix == "png":
                metadata["Software"] = MAKER
            figure.savefig(temporary, format=suffix, dpi=dpi, metadata=metadata)
