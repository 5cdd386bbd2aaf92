"""Kernels of the exchange and relaxation curves: arrays in, arrays out; they never raise.

A geometry is its number of diffusing directions: 1 slab, 2 cylinder, 3 sphere. That number is also
the ratio of surface to volume times the size, so no second table is needed.
"""

from __future__ import annotations

import cmath
import math

import numpy as np
from numpy.typing import NDArray

from ..kernels._jit import kernel

SLAB, CYLINDER, SPHERE = 1, 2, 3

TALBOT_NODES = 28
"""Nodes of the full contour. The cotangent contour of Trefethen, Weideman and Schmelzer errs by
exp(-1.358 N): N = 28 gives 3e-17, while its largest weight exp(0.171 N) = 120 costs two digits of
rounding; fewer nodes lose truncation, more lose rounding."""


def _contour() -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return nodes z and weights exp(N z) dz/dtheta of the upper half of the contour."""
    n = TALBOT_NODES
    theta = np.pi * np.arange(1, n, 2) / n
    cotangent = 1.0 / np.tan(0.6407 * theta)
    z = 0.5017 * theta * cotangent - 0.6122 + 0.2645j * theta
    slope = 0.5017 * cotangent - 0.5017 * theta * 0.6407 * (1.0 + cotangent**2) + 0.2645j
    return n * z, np.exp(n * z) * slope


_Z, _WEIGHT = _contour()

_J0_ZEROS = np.array(
    [
        2.4048255576957728,
        5.5200781102863106,
        8.6537279129110122,
        11.791534439014281,
        14.930917708487785,
        18.071063967910922,
        21.211636629879258,
        24.352471530749302,
        27.493479132040254,
        30.634606468431975,
    ]
)


@kernel
def bessel_j0_zero(n: int) -> float:
    """Return the n-th positive zero of J0 (n from 1): tabled, then McMahon's expansion."""
    if n <= 10:
        return float(_J0_ZEROS[n - 1])
    beta = (n - 0.25) * math.pi
    w = 1.0 / (8.0 * beta)
    w2 = w * w
    correction = 1.0 + w2 * (-124.0 / 3.0 + w2 * (120928.0 / 15.0 - w2 * 401743168.0 / 105.0))
    return beta + w * correction


@kernel
def sink_fraction(geometry: int, tau: float) -> float:
    """Return the fraction gone through a surface held at zero, after tau = D t / a^2.

    The short-time forms are exact but for exp(-1/tau) (slab, sphere) or O(tau^3.5) (cylinder); above
    the hand-over the series is summed until its terms fall below rounding.
    """
    if tau <= 0.0:
        return 0.0
    root = math.sqrt(tau / math.pi)
    rest = 0.0
    if geometry == 1:
        if tau < 0.03:
            return 2.0 * root
        for n in range(40):
            b2 = ((n + 0.5) * math.pi) ** 2
            term = 2.0 / b2 * math.exp(-b2 * tau)
            rest += term
            if term < 1e-18:
                break
        return 1.0 - rest
    if geometry == 3:
        if tau < 0.03:
            return 6.0 * root - 3.0 * tau
        for n in range(1, 40):
            b2 = (n * math.pi) ** 2
            term = 6.0 / b2 * math.exp(-b2 * tau)
            rest += term
            if term < 1e-18:
                break
        return 1.0 - rest
    if tau < 1e-4:
        # Large-argument series of I1/I0 inverted term by term.
        return (
            4.0 * root - tau - tau * root / 3.0 - tau * tau / 8.0 - tau * tau * root * 5.0 / 24.0 - tau**3 * 13.0 / 96.0
        )
    for n in range(1, 400):
        b2 = bessel_j0_zero(n) ** 2
        term = 4.0 / b2 * math.exp(-b2 * tau)
        rest += term
        if term < 1e-18:
            break
    return 1.0 - rest


@kernel
def sink_fractions(geometry: int, tau: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Fill `out` (n,) with the sink fraction at `tau` (n,)."""
    for i in range(tau.size):
        out[i] = sink_fraction(geometry, tau[i])


@kernel
def surface_response(geometry: int, x: complex) -> complex:
    """Return G = x f'(x)/f(x) of the regular solution f: x tanh x, x I1/I0, x coth x - 1.

    Small x by power series (the closed forms cancel), large x with decaying exponentials only; the
    Bessel ratio by its continued fraction, which holds for every x, and by its asymptote beyond 60.
    """
    x2 = x * x
    if geometry == 2:
        size = abs(x)
        if size > 60.0:
            y = 1.0 / x
            tail = 25.0 / 128.0 + y * (13.0 / 32.0 + y * (1073.0 / 1024.0 + y * 103.0 / 32.0))
            return x * (1.0 - y * (0.5 + y * (0.125 + y * (0.125 + y * tail))))
        n = 12 + int(size)
        ratio = complex(2.0 * n)
        for k in range(n - 1, 0, -1):
            ratio = 2.0 * k + x2 / ratio
        return x2 / ratio
    if abs(x) < 1.0:
        sine = complex(0.0)
        cosine = complex(0.0)
        difference = complex(0.0)
        term = complex(1.0)
        for k in range(10):
            # term = x^(2k) / (2k+1)!
            sine += term
            cosine += term * (2 * k + 1)
            difference += term * (2 * k)
            term = term * x2 / ((2 * k + 2) * (2 * k + 3))
        if geometry == 1:
            return x2 * sine / cosine
        return difference / sine
    decay = cmath.exp(-2.0 * x)
    if geometry == 1:
        return x * (1.0 - decay) / (1.0 + decay)
    return x * (1.0 + decay) / (1.0 - decay) - 1.0


Particles = tuple[int, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""The particles A: geometry; sizes and weights (n_sizes,), which average over them; D and 1/T1 (n,)."""

Surroundings = tuple[int, float, int, float, NDArray[np.float64], NDArray[np.float64]]
"""What lies around them, B: 0 a far side that stays empty (sink), 1 a well-mixed bath, 2 a second diffusing phase; its
equilibrium magnetisation over that of A; geometry and size of its particles; D and 1/T1 there (n,)."""


@kernel
def exchange_curves(
    time: NDArray[np.float64],
    particles: Particles,
    barrier: NDArray[np.float64],
    surroundings: Surroundings,
    out: NDArray[np.float64],
) -> None:
    """Fill `out` (n, 3) with the magnetisation A to A, A to B, B to B after `time` (n,).

    Everything in units of the equilibrium magnetisation of A. `barrier` (n,) is 1/h, zero for none.
    """
    geometry, sizes, weights, diffusivity, rate_a = particles
    boundary, ratio, geometry_b, size_b, diffusivity_b, rate_b = surroundings
    for i in range(time.size):
        t = time[i]
        if t <= 0.0:
            out[i, 0] = 1.0
            out[i, 1] = 0.0
            out[i, 2] = ratio if boundary > 0 else math.nan
            continue
        # The slower of the two decays is taken out before the inversion, so that a long mixing time
        # does not leave a small number as the difference of large ones.
        slowest = min(rate_a[i], rate_b[i])
        excess_a = rate_a[i] - slowest
        excess_b = rate_b[i] - slowest
        kept = 0.0
        crossed = 0.0
        stayed_b = 0.0
        for k in range(_Z.size):
            s = _Z[k] / t
            weight = _WEIGHT[k]
            p = s + excess_a
            q = s + excess_b
            root = cmath.sqrt(p / diffusivity[i])
            other = complex(barrier[i])
            for j in range(sizes.size):
                a = sizes[j]
                z = a / (diffusivity[i] * surface_response(geometry, a * root)) + other
                rate = geometry / a
                if boundary == 1:
                    z += rate / (ratio * q)
                elif boundary == 2:
                    share = ratio * a * geometry_b / (geometry * size_b)
                    response = surface_response(geometry_b, size_b * cmath.sqrt(q / diffusivity_b[i]))
                    z += size_b / (share * diffusivity_b[i] * response)
                passed = rate / (p * z)
                kept += weights[j] * (weight * ((1.0 - passed) / p)).imag
                crossed += weights[j] * (weight * (passed / q)).imag
                if boundary > 0:
                    back = rate / (q * z)
                    stayed_b += weights[j] * (weight * ((ratio - back) / q)).imag
        scale = 2.0 / t * math.exp(-slowest * t)
        out[i, 0] = scale * kept
        out[i, 1] = scale * crossed
        out[i, 2] = scale * stayed_b if boundary > 0 else math.nan


@kernel
def anderson_weiss_root(y: float) -> float:
    """Return x > 0 with exp(-x) - 1 + x = y, for y from 0 to the largest float."""
    if y <= 0.0:
        return 0.0
    x = math.sqrt(2.0 * y) + y / 3.0 if y < 1.0 else y + 1.0
    for _ in range(60):
        if x < 0.05:
            value = x * x * (0.5 - x * (1 / 6 - x * (1 / 24 - x * (1 / 120 - x * (1 / 720 - x / 5040)))))
        else:
            value = math.expm1(-x) + x
        step = (value - y) / -math.expm1(-x)
        x -= step
        if abs(step) <= 4e-16 * x:
            break
    return x


@kernel
def anderson_weiss_roots(y: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Fill `out` (n,) with the roots at `y` (n,)."""
    for i in range(y.size):
        out[i] = anderson_weiss_root(y[i])
