"""The guide: one Markdown page a question, shipped with the package and printed by ``spacecharge guide``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ..errors import ConfigError

FOLDER = Path(__file__).parent

FIRST = ("first_cell", "python", "sweeps", "results", "figures")
"""Pages that a newcomer wants first, in this order; the others follow by name."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the guide.

    Parameters
    ----------
    topic : str
        What ``spacecharge guide TOPIC`` takes: the name of the file without its ending.
    title : str
        First heading.
    question : str
        What the page answers, its first line in italics.
    """

    topic: str
    title: str
    question: str


def pages() -> list[Page]:
    """Return every page, those for newcomers first."""
    topics = sorted(path.stem for path in FOLDER.glob("*.md"))
    ordered = [t for t in FIRST if t in topics] + [t for t in topics if t not in FIRST]
    found = []
    for topic in ordered:
        title, _, rest = read_page(topic).partition("\n")
        question = next(line for line in rest.splitlines() if line.strip())
        found.append(Page(topic, title.removeprefix("# "), question.strip("*")))
    return found


def read_page(topic: str) -> str:
    """Return the Markdown of one page.

    Raises
    ------
    ConfigError
        There is no such page; the message names the nearest one.
    """
    known = {path.stem: path for path in FOLDER.glob("*.md")}
    wanted = topic.removesuffix(".md").replace("-", "_")
    if wanted not in known:
        raise not_known("guide", "page", topic, wanted, sorted(known))
    return known[wanted].read_text(encoding="utf-8")


def not_known(command: str, what: str, given: str, wanted: str, known: Sequence[str]) -> ConfigError:
    """Return the error that a page or an example does not exist, with the nearest one and all of them."""
    close = get_close_matches(wanted, known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return ConfigError([f"{command}: no {what} {given!r} ({hint}{what}s: {', '.join(known)})"])


__all__ = ["FOLDER", "Page", "not_known", "pages", "read_page"]
