"""Settings of the solver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SolverOptions:
    """Settings of a solve; the defaults serve all cases of the documented ranges.

    Parameters
    ----------
    width_fraction : float
        Share of min(theta_b, 1 - theta_b) by which theta must be off bulk to belong to the space-charge region.
    resolution : float
        Size of the elements of the first mesh: steps of Delta up to this number, steps of the exponential
        tail in Debye lengths; holds at 1e-6 V and scales as tolerance^(1/8), the formal order of the elements being 8.
    safety : float
        Error estimate over the change between the last two meshes. In the asymptotic range the change exceeds the
        error of the finer mesh 2^7 times; on coarse meshes the first halvings may gain as little as a factor of
        four, and 1 keeps the estimate honest there too (measured on thousands of random cases).
    max_refinements : int
        Halvings of the first mesh before the status becomes 4.
    resistance_tolerance : float
        Aim for the change of resistances between the last two meshes, in units of tolerance_V e/kT (R depends
        exponentially on e phi/kT). Missing it refines the mesh further but is no failure: the estimate says it.
    start : {"estimate", "flat"}
        First Newton iterate: thick-layer estimate, or every layer at its bulk.
    """

    width_fraction: float = 0.01
    resolution: float = 2.0
    safety: float = 1.0
    max_refinements: int = 6
    resistance_tolerance: float = 20.0
    start: str = "estimate"

    def __post_init__(self) -> None:
        if not 0.0 < self.width_fraction < 1.0:
            raise ModelError("must lie between 0 and 1", "width_fraction")
        if not 0.0 < self.resolution <= 6.0:
            raise ModelError("must lie between 0 and 6", "resolution")
        if self.start not in ("estimate", "flat"):
            raise ModelError("allowed: estimate, flat", "start")
        if not 1 <= self.max_refinements <= 12:
            raise ModelError("must lie between 1 and 12", "max_refinements")

    def packed(self) -> Array:
        """Return the options as the kernels take them.

        Returns
        -------
        ndarray, shape (7,)
            In the order of ``kernels.poisson_boltzmann``, static capacitances switched on.
        """
        return np.array(
            [
                self.width_fraction,
                self.resolution,
                self.safety,
                float(self.max_refinements),
                1.0,
                self.resistance_tolerance,
                1.0 if self.start == "flat" else 0.0,
            ]
        )
