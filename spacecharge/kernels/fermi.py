"""The Fermi-Dirac integral of order 1/2, its derivative and its inverse, for degenerate electrons and holes.

    F(eta) = (2/sqrt(pi)) int_0^inf sqrt(x)/[1 + exp(x - eta)] dx,     n = N_c F(eta),     F -> exp(eta) far below 0

Below 0 it is t = exp(eta) times a polynomial in t; up to 32 a polynomial on each of five pieces; above, Sommerfeld's
series. The polynomials interpolate at 22 Chebyshev points, computed with forty digits; what they leave out is below
2e-17 of F, so that rounding decides: 1e-15 of F and of its derivative (`tests/kernels/test_fermi.py`, against mpmath).
The only singularities lie at eta = +- i pi, which is what the pieces keep their distance to.
"""

from __future__ import annotations

import math

import numpy as np

from ._jit import inlined, kernel

# Middles and half lengths of the pieces from 0 on; the first row of the table is that in t, on 0 <= t <= 1.
_PIECES = np.array([[1.0, 1.0], [3.0, 1.0], [6.0, 2.0], [12.0, 4.0], [24.0, 8.0]])
LARGEST = 32.0
"""From here on Sommerfeld's series: its last term is 2e-15 of the sum, exp(-32) is left out."""

# Coefficients of 1, s, s^2, ...; s from -1 to 1 over the piece.
_TABLE = np.array(
    [
        [
            0.8597746431611585,
            -0.11227016719921243,
            0.021530739964745322,
            -0.004827346678429649,
            0.0011795616850102306,
            -0.00030446779893230714,
            8.164260590466623e-05,
            -2.251619478958882e-05,
            6.345306617549191e-06,
            -1.8190768731866068e-06,
            5.288089178644585e-07,
            -1.555129584841154e-07,
            4.618597071112728e-08,
            -1.3830208124431071e-08,
            4.1625868883664355e-09,
            -1.2633101238582315e-09,
            3.9603448452557087e-10,
            -1.2153538980459426e-10,
            2.9637930337086466e-11,
            -9.135055225709717e-12,
            6.119791264793178e-12,
            -1.911695350243804e-12,
        ],
        [
            1.5756407761513003,
            1.0270571254743508,
            0.22286247010605037,
            0.001764799300814969,
            -0.004195062041692999,
            0.0005083483076314493,
            0.00012689195589924928,
            -4.596358298123809e-05,
            -5.467371741869679e-07,
            2.9466884023751765e-06,
            -4.254836740614284e-07,
            -1.31387724733032e-07,
            5.073657644496824e-08,
            1.0980444886128998e-09,
            -3.868296386666807e-09,
            5.590712900089444e-10,
            1.9840699926963955e-10,
            -7.537306854972856e-11,
            -3.5607918227592906e-12,
            6.1493066176953e-12,
            -3.3882083852931004e-13,
            -2.9743372691526144e-13,
        ],
        [
            4.487547421351709,
            1.8534850886015177,
            0.17975657988291782,
            -0.009696754230192998,
            0.0003838863814784756,
            0.00012804492352187162,
            -4.3176186375612624e-05,
            6.9495129878900545e-06,
            -3.329540030368641e-07,
            -1.622680489421237e-07,
            5.640601015840946e-08,
            -9.171457198644157e-09,
            2.9211441957743404e-10,
            2.9404397826168227e-10,
            -9.569624751377877e-11,
            1.4864541097048735e-11,
            -1.531854021471696e-13,
            -6.077185171390793e-13,
            1.8850947051618014e-13,
            -2.7090240240638626e-14,
            -2.476429153838589e-15,
            1.5695798206231108e-15,
        ],
        [
            11.446599782570889,
            5.454297102882636,
            0.48185344408287795,
            -0.03177067009752046,
            0.004739891571933707,
            -0.0008020693101192266,
            0.00010771834306597526,
            -1.0862393852702326e-06,
            -6.086284682647603e-06,
            2.776051964584349e-06,
            -8.565299220840149e-07,
            2.075729414053528e-07,
            -3.8332640767457194e-08,
            3.730737928523808e-09,
            8.929084530220881e-10,
            -6.803704156590734e-10,
            2.566389689581658e-10,
            -7.391064697124044e-11,
            1.856311293720293e-11,
            -3.138912946520927e-12,
            -6.237220399798023e-13,
            3.813207575764262e-13,
        ],
        [
            31.540203287044243,
            15.589072927701757,
            1.3151057045320773,
            -0.07604920422652425,
            0.01024033738699832,
            -0.0019136013179265928,
            0.00043255176618982126,
            -0.00010941215091960898,
            2.901779503869633e-05,
            -7.6115791210719005e-06,
            1.868140606557303e-06,
            -3.9931385392080623e-07,
            6.23759566682526e-08,
            -3.468333673884549e-10,
            -5.154007745741603e-09,
            2.903819878088959e-09,
            -1.1957480843692355e-09,
            4.17397984307034e-10,
            -1.226990275388535e-10,
            3.815597773900094e-11,
            -1.5665342973080214e-11,
            3.812948464564452e-12,
        ],
        [
            88.63622935766197,
            44.19143416964953,
            3.6933090597992067,
            -0.20700396138640184,
            0.02626660946032196,
            -0.004472892461806555,
            0.0008948143575610423,
            -0.00019877335679742073,
            4.762184069481248e-05,
            -1.2101655051583036e-05,
            3.229542043878284e-06,
            -8.994969361638629e-07,
            2.6033083247813205e-07,
            -7.794442522221387e-08,
            2.398231465181751e-08,
            -7.542271360733135e-09,
            2.4257693035487642e-09,
            -7.652072871400545e-10,
            2.1629545205734802e-10,
            -6.86241101385534e-11,
            3.0163967774098234e-11,
            -7.593416376448905e-12,
        ],
    ]
)

# 2 eta(2 n) (3/2)(1/2)(-1/2)... of A. Sommerfeld, Z. Phys. 47, 1 (1928): F = eta^(3/2)/Gamma(5/2) sum of c_n eta^(-2n).
_SERIES = np.array(
    [
        1.0, 1.2337005501361697, 1.0654119331844016, 9.701518554959128, 242.71504814667833, 11865.691745445623,
        958843.3951441107, 115801357.47490658, 19542370099.7268,
    ]
)  # fmt: skip
_GAMMA_5_2 = 1.329340388179137

# Gauss-Legendre nodes and weights on (0, 1): five of them integrate the derivative over |Delta| < 1/4 to 1e-17.
_NODES = np.array([0.046910077030668, 0.23076534494715845, 0.5, 0.7692346550528415, 0.953089922969332])
_WEIGHTS = np.array(
    [0.11846344252809454, 0.23931433524968324, 0.28444444444444444, 0.23931433524968324, 0.11846344252809454]
)
NEAR = 0.25

INVERSE_ITERATIONS = 30


@kernel
def fermi_half(eta):
    """Return F(eta) and its derivative, the integral of order -1/2."""
    if eta >= LARGEST:
        inverse, value, slope = 1.0 / (eta * eta), 0.0, 0.0
        for n in range(8, -1, -1):
            value = value * inverse + _SERIES[n]
            slope = slope * inverse + (1.5 - 2.0 * n) * _SERIES[n]
        scale = math.sqrt(eta) / _GAMMA_5_2
        return scale * eta * value, scale * slope
    piece, s, half = 0, 0.0, 1.0
    t = math.exp(min(eta, 0.0))
    if eta <= 0.0:
        s = 2.0 * t - 1.0
    else:
        piece = 1
        while piece < 5 and eta > _PIECES[piece - 1, 0] + _PIECES[piece - 1, 1]:
            piece += 1
        half = _PIECES[piece - 1, 1]
        s = (eta - _PIECES[piece - 1, 0]) / half
    value, slope = 0.0, 0.0
    for k in range(21, -1, -1):
        slope = slope * s + value
        value = value * s + _TABLE[piece, k]
    if piece == 0:
        return t * value, t * (value + 2.0 * t * slope)
    return value, slope / half


@kernel
def fermi_inverse(share):
    """Return eta of F(eta) = `share`: Newton on its logarithm, from W. B. Joyce and R. W. Dixon's start."""
    if share < 8.0:
        # Appl. Phys. Lett. 31, 354 (1977), its first term.
        eta = math.log(share) + 0.35355339059327373 * share
    else:
        eta = (_GAMMA_5_2 * share) ** (2.0 / 3.0)
    for _ in range(INVERSE_ITERATIONS):
        value, slope = fermi_half(eta)
        step = math.log(value / share) * value / slope
        eta -= step
        if abs(step) <= 4e-16 * max(1.0, abs(eta)):
            break
    return eta


@kernel
def fermi_point(delta, theta_b, eta_b):
    """Return F, F - F_b and dF/d Delta at eta_b + Delta, F_b = `theta_b`.

    Near the bulk the difference is the integral of the derivative, which does not cancel.
    """
    value, slope = fermi_half(eta_b + delta)
    if abs(delta) >= NEAR:
        return value, value - theta_b, slope
    mean = 0.0
    for k in range(5):
        _, part = fermi_half(eta_b + _NODES[k] * delta)
        mean += _WEIGHTS[k] * part
    return value, delta * mean, slope


@inlined
def fermi_response(theta):
    """Return dF/d eta where F = `theta`."""
    _, slope = fermi_half(fermi_inverse(theta))
    return slope
