"""Branch-free exponential and inverse cube root: LLVM vectorises the loops that call them.

Held to a few units in the last place against mpmath by ``tests/kernels/test_elementary.py``.
"""

from __future__ import annotations

from ._jit import bits_of, float_of, inlined

_LOG2E = 1.4426950408889634
_LN2_HIGH = 0.6931471803691238
_LN2_LOW = 1.9082149292705877e-10
# Adding 1.5 * 2^52 leaves the nearest integer in the low bits of the sum.
_ROUND = 6755399441055744.0
LOWEST_EXPONENT = -708.0
"""Below this exp underflows into denormals; arguments are clamped to it."""


@inlined
def exp_nonpositive(x):
    """Return ``exp(x)`` and ``expm1(x)`` for ``x <= 0``, both to full relative accuracy.

    Cody-Waite reduction and a Taylor polynomial on ``|r| <= ln(2)/2`` (first term left out: 4e-18).
    """
    x = max(x, LOWEST_EXPONENT)
    shifted = x * _LOG2E + _ROUND
    k = shifted - _ROUND
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    p = 1.6059043836821613e-10
    p = p * r + 2.08767569878681e-09
    p = p * r + 2.505210838544172e-08
    p = p * r + 2.755731922398589e-07
    p = p * r + 2.7557319223985893e-06
    p = p * r + 2.48015873015873e-05
    p = p * r + 0.0001984126984126984
    p = p * r + 0.001388888888888889
    p = p * r + 0.008333333333333333
    p = p * r + 0.041666666666666664
    p = p * r + 0.16666666666666666
    p = p * r + 0.5
    p = p * r * r + r
    scale = float_of((bits_of(shifted) + 1023) << 52)
    return scale + scale * p, (scale - 1.0) + scale * p


@inlined
def inverse_cube_root(x):
    """Return ``x^(-1/3)`` for ``1e-307 < x <= 1``: a linear guess in the exponent, then two refinements.

    The guess is off by at most 3.5 %; the refinements are of fourth order, so the second is exact to rounding.
    """
    r = float_of(int(6.14261265415795e18 - 0.3333333333333333 * float(bits_of(x))))
    e = 1.0 - x * r * r * r
    r = r + r * e * (0.3333333333333333 + e * (0.2222222222222222 + e * 0.1728395061728395))
    e = 1.0 - x * r * r * r
    return r + r * e * (0.3333333333333333 + e * (0.2222222222222222 + e * 0.1728395061728395))
