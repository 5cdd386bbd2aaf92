"""Exchange intensities: convolution integrals, conservation, reciprocity, limits."""

import math

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad

from spacecharge.errors import ModelError
from spacecharge.nmr.diffusion import GEOMETRIES, released_fraction
from spacecharge.nmr.exchange import Exchange, exchange_intensities
from spacecharge.nmr.kinetics import kinetic_intensities, rate_matrix

RELATIVE = 1e-8


def release_rate(code, tau):
    """dF/dtau of a sink by its series, for tau above 1e-5; nothing of the package in it."""
    n = np.arange(1, 300)
    if code == 1:
        return 2 * np.sum(np.exp(-(((n - 0.5) * np.pi) ** 2) * tau))
    return 6 * np.sum(np.exp(-((n * np.pi) ** 2) * tau))


@pytest.mark.parametrize("geometry", ["slab", "sphere"])
@pytest.mark.parametrize(("r_a", "r_b"), [(3.0, 0.5), (0.5, 3.0)])
def test_unequal_t1_of_a_sink_is_the_convolution(geometry, r_a, r_b):
    code, d, a, t = GEOMETRIES[geometry], 2e-15, 80e-9, 0.7
    rate = d / a**2

    def integrand(u):
        # t' = u^2 takes the root singularity out of the release at short times.
        s = u * u
        tau = rate * s
        if tau < 1e-4:
            slope = (code / math.sqrt(math.pi * tau) - (3 if code == 3 else 0)) if tau > 0 else 0.0
            weighted = 2 * u * slope if tau > 0 else 2 * code / math.sqrt(math.pi * rate)
        else:
            weighted = 2 * u * release_rate(code, tau)
        return rate * weighted * math.exp(-r_a * s - r_b * (t - s))

    exact = quad(integrand, 0, math.sqrt(t), epsabs=0, epsrel=1e-11, limit=500)[0]
    shape = Exchange(geometry=geometry, size=a, boundary="sink")
    got = exchange_intensities(shape, [t], diffusivity=d, rate_a=r_a, rate_b=r_b)[0]
    assert got[1] == pytest.approx(exact, rel=RELATIVE, abs=0)
    kept = (1 - released_fraction([rate * t], geometry=geometry)[0]) * math.exp(-r_a * t)
    assert got[0] == pytest.approx(kept, rel=1e-7, abs=0)
    # The simple factors exp(-t/T1) are not a correction but another answer.
    simple = released_fraction([rate * t], geometry=geometry)[0] * math.exp(-r_a * t)
    assert abs(simple / exact - 1) > 0.2


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("boundary", ["barrier", "bath", "barrier_bath", "two_phase"])
def test_every_boundary_equals_laplace_inversion_in_extended_precision(geometry, boundary):
    d, a, h, ratio, r_a, r_b, d_b, a_b = 2e-15, 80e-9, 4e-8, 0.6, 1.3, 0.4, 5e-16, 120e-9
    shape = Exchange(geometry=geometry, size=a, boundary=boundary, geometry_b="sphere", size_b=a_b)
    has_barrier = boundary != "bath"
    nu = GEOMETRIES[geometry]

    def response(kind, x):
        if kind == 1:
            return x * mpmath.tanh(x)
        return x * mpmath.besseli(1, x) / mpmath.besseli(0, x) if kind == 2 else x * mpmath.coth(x) - 1

    def parts(s):
        p, q = s + r_a, s + r_b
        z = a / (d * response(nu, a * mpmath.sqrt(p / d))) + (1 / mpmath.mpf(h) if has_barrier else 0)
        if boundary in ("bath", "barrier_bath"):
            z += mpmath.mpf(nu) / a / (ratio * q)
        if boundary == "two_phase":
            z += a_b * nu * a_b / (ratio * a * 3 * d_b * response(3, a_b * mpmath.sqrt(q / d_b)))
        return p, q, mpmath.mpf(nu) / a / z

    for t in (1e-7, 0.02, 1.5):
        got = exchange_intensities(
            shape,
            [t],
            diffusivity=d,
            surface_exchange=h if has_barrier else None,
            ratio=ratio,
            rate_a=r_a,
            rate_b=r_b,
            diffusivity_b=d_b,
        )[0]
        with mpmath.workdps(30):
            crossed = mpmath.invertlaplace(
                lambda s: parts(s)[2] / (parts(s)[0] * parts(s)[1]), t, method="talbot", degree=36
            )
            kept = mpmath.invertlaplace(
                lambda s: (1 - parts(s)[2] / parts(s)[0]) / parts(s)[0], t, method="talbot", degree=36
            )
        assert got[1] == pytest.approx(float(crossed), rel=RELATIVE, abs=0)
        assert got[0] == pytest.approx(float(kept), rel=RELATIVE, abs=0)


@pytest.mark.parametrize("boundary", ["bath", "barrier_bath", "two_phase"])
def test_equal_t1_conserves_what_relaxation_leaves(boundary):
    shape = Exchange(
        geometry="cylinder", size=50e-9, boundary=boundary, size_spread=0.4, geometry_b="slab", size_b=1e-7
    )
    t = np.geomspace(1e-6, 20.0, 30)
    h = 1e-8 if "barrier" in boundary else None
    got = exchange_intensities(
        shape, t, diffusivity=1e-15, surface_exchange=h, ratio=2.0, rate_a=0.8, rate_b=0.8, diffusivity_b=3e-16
    )
    assert got[:, 0] + got[:, 1] == pytest.approx(np.exp(-0.8 * t), rel=1e-11, abs=0)
    assert got[:, 1] + got[:, 2] == pytest.approx(2.0 * np.exp(-0.8 * t), rel=1e-11, abs=0)


def test_two_phases_do_not_care_which_is_called_a():
    one = Exchange(geometry="sphere", size=60e-9, boundary="two_phase", geometry_b="slab", size_b=90e-9)
    other = Exchange(geometry="slab", size=90e-9, boundary="two_phase", geometry_b="sphere", size_b=60e-9)
    t = np.geomspace(1e-5, 5.0, 12)
    a = exchange_intensities(one, t, diffusivity=1e-15, ratio=1.7, rate_a=2.0, rate_b=0.3, diffusivity_b=4e-16)
    b = exchange_intensities(other, t, diffusivity=4e-16, ratio=1 / 1.7, rate_a=0.3, rate_b=2.0, diffusivity_b=1e-15)
    # In units of the other magnetisation: B to A of one is A to B of the other.
    assert a[:, 1] == pytest.approx(1.7 * b[:, 1], rel=1e-10, abs=0)
    assert a[:, 0] == pytest.approx(1.7 * b[:, 2], rel=1e-9, abs=0)


def test_fast_second_phase_is_a_bath():
    t = np.geomspace(1e-4, 2.0, 8)
    two = Exchange(geometry="sphere", size=60e-9, boundary="two_phase", geometry_b="slab", size_b=90e-9)
    bath = Exchange(geometry="sphere", size=60e-9, boundary="bath")
    a = exchange_intensities(two, t, diffusivity=1e-15, ratio=1.7, rate_a=2.0, rate_b=0.3, diffusivity_b=1e-3)
    b = exchange_intensities(bath, t, diffusivity=1e-15, ratio=1.7, rate_a=2.0, rate_b=0.3)
    assert a == pytest.approx(b, rel=1e-9, abs=0)


def test_barrier_between_well_mixed_sites_is_two_site_kinetics():
    h, a, ratio, r_a, r_b = 1e-8, 60e-9, 0.8, 1.1, 0.2
    t = np.geomspace(1e-3, 10.0, 12)
    shape = Exchange(geometry="sphere", size=a, boundary="barrier_bath")
    got = exchange_intensities(shape, t, diffusivity=1e-4, surface_exchange=h, ratio=ratio, rate_a=r_a, rate_b=r_b)
    leaving = 3 * h / a
    exchange = np.array([[0.0, leaving * (1 + 1 / ratio)], [leaving * (1 + 1 / ratio), 0.0]])
    kinetic = kinetic_intensities(rate_matrix(exchange, [1.0, ratio]), [r_a, r_b], [1.0, ratio], t)
    # The Biot number is 6e-12: the particle is well mixed.
    assert got[:, 0] == pytest.approx(kinetic[:, 0, 0], rel=1e-9, abs=0)
    assert got[:, 1] == pytest.approx(kinetic[:, 1, 0], rel=1e-9, abs=0)
    assert got[:, 2] == pytest.approx(kinetic[:, 1, 1], rel=1e-9, abs=0)


def test_zero_mixing_time_has_no_cross_peak():
    shape = Exchange(geometry="slab", size=1e-7, boundary="bath")
    assert exchange_intensities(shape, [0.0], diffusivity=1e-15, ratio=2.0)[0] == pytest.approx(
        [1.0, 0.0, 2.0], rel=1e-6, abs=0
    )


def test_closed_form_and_contour_agree_for_a_sink():
    t = np.geomspace(1e-9, 30.0, 40)
    shape = Exchange(geometry="sphere", size=55e-9, boundary="sink", size_spread=0.3)
    closed = exchange_intensities(shape, t, diffusivity=1e-16, rate_a=0.5, rate_b=0.5)
    contour = exchange_intensities(shape, t, diffusivity=1e-16, rate_a=0.5, rate_b=0.5 + 1e-13)
    assert closed[:, :2] == pytest.approx(contour[:, :2], rel=1e-9, abs=1e-13)


def test_bad_shapes_are_refused():
    with pytest.raises(ModelError, match="boundary"):
        Exchange(geometry="slab", size=1e-7, boundary="wall")
    with pytest.raises(ModelError, match="size"):
        Exchange(geometry="slab", size=0.0)
    with pytest.raises(ModelError, match="spread"):
        Exchange(geometry="slab", size=1e-7, size_spread=3.0)


def test_typical_calls_compile_each_kernel_once():
    from spacecharge.nmr import kernels
    from spacecharge.nmr.relaxation import anderson_weiss_t2

    if not hasattr(kernels.exchange_curves, "nopython_signatures"):
        pytest.skip("the kernels are not compiled in this lane")
    frozen = np.array([0.1, 0.2, 0.3])
    frozen.flags.writeable = False
    for time in (0.1, [0.1], np.linspace(0, 1, 9)[::2], frozen, np.array([1, 2])):
        for boundary in ("sink", "bath", "two_phase"):
            shape = Exchange(geometry="sphere", size=50e-9, boundary=boundary)
            exchange_intensities(shape, time, diffusivity=1e-15, ratio=1, rate_a=1, rate_b=np.float32(2))
        released_fraction(time, geometry="slab")
        released_fraction(time, geometry="slab", biot=1, ratio=2)
        anderson_weiss_t2(np.asarray(time) + 1, 1e9)
    for kernel in (kernels.exchange_curves, kernels.sink_fractions, kernels.anderson_weiss_roots):
        assert len(kernel.nopython_signatures) == 1, kernel
