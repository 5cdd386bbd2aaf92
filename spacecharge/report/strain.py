"""Where the model is strained: which flag, at what share of the points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..codes import Validity
from ..store.read import Results

VARIABLE = "validity"


def strained_shares(flags: NDArray[np.integer]) -> dict[Validity, float]:
    """Return the share of points with each flag, flags that nobody has left out; failed points have none."""
    known = np.asarray(flags).ravel()
    known = known[known >= 0]
    shares = {flag: float(np.mean((known & int(flag)) != 0)) for flag in Validity} if known.size else {}
    return {flag: share for flag, share in shares.items() if share > 0.0}


def validity_lines(results: Results) -> list[str]:
    """Return a line for each flag that points of a file have: its words, and the share of points."""
    if VARIABLE not in results or not results.n_points:
        return []
    return share_lines(results[VARIABLE])


def share_lines(flags: NDArray[np.integer]) -> list[str]:
    """Return the same for flags at hand."""
    return [f"{flag.words} at {share:.0%} of the points" for flag, share in strained_shares(flags).items()]


__all__ = ["share_lines", "strained_shares", "validity_lines"]
