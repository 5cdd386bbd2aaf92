"""Fits of result files as text, each by its kind."""

from __future__ import annotations

import os

from ..store.stored_fit import StoredFit, read_fits
from .kinds import REGISTRY, kind_of


def fit_table(path: str | os.PathLike[str]) -> str:
    """Return every fit of a file as a table.

    Parameters
    ----------
    path : str or path
        HDF5 file with a group ``fits``.

    Returns
    -------
    str
        Lines, one fit after the other; empty where there are none.

    Raises
    ------
    StoreError
        The file cannot be read.
    """
    return "\n\n".join(_text(stored) for stored in read_fits(path))


def _text(stored: StoredFit) -> str:
    if stored.kind not in REGISTRY:
        return f"fit {stored.name} ({stored.kind}): a kind of fit that this version does not know"
    return kind_of(stored.kind).text(stored)


__all__ = ["fit_table"]
