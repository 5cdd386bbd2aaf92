"""What a kind of fit declares about itself; everything else of the package asks the registry.

A kind is one module of :mod:`spacecharge.fitting.kinds` that ends in ``KIND = Kind(...)``, and one line of its
registry. ``spacecharge fit``, ``check``, ``schema``, ``show`` and ``plot``, ``sc.fit``, the store and sweeps over
fits then know it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import ArrayLike

from ..store.stored_fit import FitTable, StoredFit

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ..config import Config
    from ..document.problems import Problems
    from ..document.yaml import Document
    from .problem import Estimate
    from .setup import Setup


class Outcome(Protocol):
    """What a fit of any kind returns."""

    @property
    def name(self) -> str:
        """Name in the result file."""

    @property
    def kind(self) -> str:
        """Name of the kind."""

    @property
    def title(self) -> str:
        """Title of figures."""

    @property
    def text(self) -> str:
        """The configuration, verbatim."""

    @property
    def estimate(self) -> Estimate | None:
        """Values and covariance; None where no parameters were fitted."""

    @property
    def tables(self) -> Mapping[str, FitTable]:
        """Tables to store, the empty name for the group itself."""

    @property
    def texts(self) -> Mapping[str, Sequence[str]]:
        """Texts to store."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader has to know."""

    @property
    def n_failed(self) -> int:
        """Points of a model that were not solved; the program's exit code is 1 where there are any."""

    def to_json(self) -> dict[str, Any]:
        """Return the object that ``spacecharge fit --json`` prints."""

    def stored(self) -> StoredFit:
        """Return the content of the group ``fits/NAME``, for tables and figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One line, or one set of points, of a panel.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        In SI.
    label : str
        For the legend; empty for none.
    style : {'points', 'line', 'dashed', 'steps', 'band', 'marks'}
        ``band`` fills between `lower` and `upper`; ``marks`` are larger open points on a line.
    sigma : array_like, shape (n,), optional
        Error bars.
    lower, upper : array_like, shape (n,), optional
        Of a band.
    colour : int
        Number of a colour of the palette.
    """

    x: ArrayLike
    y: ArrayLike
    label: str = ""
    style: str = "line"
    sigma: ArrayLike | None = None
    lower: ArrayLike | None = None
    upper: ArrayLike | None = None
    colour: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel of a figure, described; :mod:`spacecharge.plotting` draws it.

    Parameters
    ----------
    x, y : str
        What the axes are, in words.
    x_unit, y_unit : str
        Their SI units; the figure shows display units.
    curves : sequence of Curve
        What is drawn.
    x_log, y_log : bool
        Logarithmic axes.
    zero : bool
        A thin line at zero.
    """

    x: str
    y: str
    x_unit: str
    y_unit: str
    curves: Sequence[Curve]
    x_log: bool = False
    y_log: bool = False
    zero: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of fit.

    Parameters
    ----------
    name : str
        As in ``fit: NAME``.
    words : str
        What it fits, in half a line.
    keys : type
        Pydantic model of the whole configuration, for the schema.
    check : callable
        ``check(document, problems) -> config or None``. The configuration has ``name``, ``kind``, ``title``,
        ``output``, ``path``, ``text``, ``raw`` and, where `sweeps` is not empty, ``sweep``; it is a dataclass.
    run : callable
        ``run(config) -> Outcome``.
    summary : callable
        ``summary(config)`` yields label and text of the lines of ``spacecharge check``.
    runs : callable, optional
        ``runs(config) -> Config`` of the stack that the fit solves; ``check`` describes it too.
    text : callable
        ``text(stored) -> str``, the tables of ``spacecharge fit`` and ``show``.
    panels : callable, optional
        ``panels(stored) -> sequence of Panel``: the figure, described.
    figure : str
        Instead: ``module:function`` of :mod:`spacecharge.plotting`, called with the stored fit; ``fits:fit_figure``
        draws a ``Setup`` whose columns have a mixing time, a delay or else a temperature.
    sweeps : tuple of str
        Sections of the configuration whose keys may be swept; empty for none.
    build : callable, optional
        ``build(config) -> Setup``; sweeps need it.
    draws : bool
        ``spacecharge fit -o FILE`` draws the figure beside the file.
    solves : bool
        The fit runs the solver, whose first call compiles.
    """

    name: str
    words: str
    keys: type[BaseModel]
    check: Callable[[Document, Problems], Any]
    run: Callable[[Any], Outcome]
    summary: Callable[[Any], Iterator[tuple[str, str]]]
    text: Callable[[StoredFit], str]
    runs: Callable[[Any], Config] | None = None
    panels: Callable[[StoredFit], Sequence[Panel]] | None = None
    figure: str = ""
    sweeps: tuple[str, ...] = ()
    build: Callable[[Any], Setup] | None = None
    draws: bool = False
    solves: bool = False


__all__ = ["Curve", "Kind", "Outcome", "Panel"]
