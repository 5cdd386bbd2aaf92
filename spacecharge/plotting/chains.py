"""Figures of chains of fits: what every step saw and found, and how far all of it is from the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .style import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..store.stored_fit import StoredFit


def chain_figure(stored: StoredFit) -> Figure:
    """Return a figure."""
    figure, _ = new_figure(2, 2, stored.title or stored.name)
    return figure
