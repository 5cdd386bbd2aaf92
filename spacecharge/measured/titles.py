"""When two column titles are the same, and which titles machines give to a quantity."""

from __future__ import annotations

import unicodedata


def plain_title(title: str) -> str:
    """Return a title without what does not tell it apart: both micro signs, both minus signs, repeated blanks."""
    if title.isascii() and "  " not in title:
        return title.strip()
    return " ".join(unicodedata.normalize("NFKC", title).replace("\u2212", "-").split())


def same_title(one: str, other: str) -> bool:
    """Tell whether two titles are the same column."""
    return one == other or plain_title(one) == plain_title(other)


__all__ = ["plain_title", "same_title"]
