"""Exchange intensities of two-dimensional exchange NMR from diffusion between a particle and its surroundings.

A is the particle, B what lies outside: a sink, a well-mixed bath, or a second diffusing phase, each
with or without a barrier at the surface. Longitudinal relaxation acts while the spins mix; with equal
T1 it multiplies every intensity alike, with unequal T1 it is part of the diffusion problem.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ModelError
from .diffusion import geometry_code, size_average
from .kernels import exchange_curves, sink_fractions

BOUNDARIES = ("sink", "barrier", "bath", "barrier_bath", "two_phase")
"""What the surface of A looks onto. `two_phase` takes a barrier as well, if one is given."""

WEIGHTINGS = ("volume", "number")
"""What the median of a size distribution counts."""

_KERNEL_BOUNDARY = {"sink": 0, "barrier": 0, "bath": 1, "barrier_bath": 1, "two_phase": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Shape and surroundings of the particle; what does not change with temperature.

    Parameters
    ----------
    geometry : {'slab', 'cylinder', 'sphere'}
        Shape of A.
    size : float
        Radius or HALF thickness of A [m]; the median where sizes spread.
    boundary : {'sink', 'barrier', 'bath', 'barrier_bath', 'two_phase'}
        What the surface of A looks onto.
    size_spread : float
        Standard deviation of ln(size) of a lognormal distribution [1].
    weighting : {'volume', 'number'}
        What `size` is the median of: of the signal, to which a particle contributes by its volume, or of the numbers
        of particles, as an image of them is counted. The median by volume is exp(n spread^2) times that by number,
        n = 3 for spheres, 2 for cylinders of one length, 1 for slabs of one area: at a spread of 0.4 the diffusivity
        of spheres changes by exp(6 spread^2) = 2.6.
    geometry_b : str
        Shape of B (`two_phase`).
    size_b : float
        Radius or half thickness of B [m] (`two_phase`).
    """

    geometry: str
    size: float
    boundary: str = "sink"
    size_spread: float = 0.0
    weighting: str = "volume"
    geometry_b: str = "slab"
    size_b: float = 1e-6

    def __post_init__(self) -> None:
        geometry_code(self.geometry)
        geometry_code(self.geometry_b)
        if self.boundary not in BOUNDARIES:
            raise ModelError(f"{self.boundary!r} is no boundary (allowed: {', '.join(BOUNDARIES)})")
        if not (self.size > 0.0 and self.size_b > 0.0):
            raise ModelError("the size of a particle must be above 0")
        if self.weighting not in WEIGHTINGS:
            raise ModelError(f"{self.weighting!r} is no weighting (allowed: {', '.join(WEIGHTINGS)})")
        if not 0.0 <= self.size_spread <= 2.0:
            raise ModelError(f"the size spread is {self.size_spread:g} (allowed: 0 to 2)")

    @property
    def signal_median(self) -> float:
        """Median size of the signal [m]."""
        if self.weighting == "volume":
            return self.size
        return self.size * math.exp(geometry_code(self.geometry) * self.size_spread**2)

    @property
    def has_capacity(self) -> bool:
        """Whether B holds a finite magnetisation, so that spins come back."""
        return _KERNEL_BOUNDARY[self.boundary] > 0


def exchange_intensities(
    exchange: Exchange,
    time: ArrayLike,
    *,
    diffusivity: ArrayLike,
    surface_exchange: ArrayLike | None = None,
    ratio: float = 1.0,
    rate_a: ArrayLike = 0.0,
    rate_b: ArrayLike = 0.0,
    diffusivity_b: ArrayLike = 1.0,
) -> NDArray[np.float64]:
    """Return diagonal and cross intensities after the mixing time.

    Parameters
    ----------
    exchange : Exchange
        Shape, size and surroundings.
    time : array_like, shape (n,)
        Mixing times [s].
    diffusivity : array_like, shape (n,) or scalar
        D in A [m^2/s].
    surface_exchange : array_like, shape (n,) or scalar, optional
        Transfer coefficient h of the barrier [m/s]; default: no barrier.
    ratio : float
        Equilibrium magnetisation of B over that of A [1].
    rate_a, rate_b : array_like, shape (n,) or scalar
        Longitudinal relaxation rates 1/T1 of A and B [1/s].
    diffusivity_b : array_like, shape (n,) or scalar
        D in B [m^2/s] (`two_phase`).

    Returns
    -------
    ndarray, shape (n, 3)
        A to A, A to B (equal to B to A), B to B, in units of the equilibrium magnetisation of A; B to
        B is NaN for a sink.

    Notes
    -----
    Laplace domain, p = s + R_A, q = s + R_B: the flux per area is 1/(V p Z) with
    Z = a/(D G) + 1/h + Z_B, G = x f'/f at x = a sqrt(p/D); Z_B is 0 (sink), S/(ratio V q) (bath) or
    that of the second particle. Inverted on the contour of [2]_. A sink without barrier and with equal
    T1 uses the closed forms.

    References
    ----------
    .. [1] J. Crank, The Mathematics of Diffusion (1975), chapters 2, 4-6.
    .. [2] L. N. Trefethen, J. A. C. Weideman, T. Schmelzer, BIT 46, 653 (2006), section 3.
    """
    # Copies, always: views that are read-only or strided would make the kernel compile anew.
    times = np.array(np.atleast_1d(time), dtype=np.float64, order="C")
    shape = times.shape

    def column(value: ArrayLike) -> NDArray[np.float64]:
        return np.array(np.broadcast_to(np.asarray(value, dtype=np.float64), shape), order="C")

    d, r_a, r_b = column(diffusivity), column(rate_a), column(rate_b)
    barrier = np.zeros(shape) if surface_exchange is None else 1.0 / column(surface_exchange)
    code = geometry_code(exchange.geometry)
    sizes, weights = size_average(exchange.signal_median, exchange.size_spread)
    if exchange.boundary == "sink" and surface_exchange is None and np.array_equal(r_a, r_b):
        gone = np.zeros(shape)
        part = np.empty(shape)
        for size, weight in zip(sizes, weights, strict=True):
            sink_fractions(code, d * times / size**2, part)
            gone += weight * part
        decay = np.exp(-r_a * times)
        return np.column_stack([(1.0 - gone) * decay, gone * decay, np.full(shape, np.nan)])
    out = np.empty((times.size, 3))
    boundary, code_b = _KERNEL_BOUNDARY[exchange.boundary], geometry_code(exchange.geometry_b)
    surroundings = (boundary, float(ratio), code_b, float(exchange.size_b), column(diffusivity_b), r_b)
    exchange_curves(times, (code, sizes, weights, d, r_a), barrier, surroundings, out)
    return out


def biot_number(exchange: Exchange, diffusivity: float, surface_exchange: float) -> float:
    """Return h a / D: far below 1 only the rate nu h / a shows in the data, far above 1 only D [1]."""
    return surface_exchange * exchange.size / diffusivity
