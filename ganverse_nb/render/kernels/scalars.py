"""Comparisons without a branch or a call: wp.min and wp.max also look for NaN, wp.isfinite calls the C library."""

import math
from types import SimpleNamespace

import warp as wp

from ganverse_nb.runtime.threads import made_once

HUGE = 1e30


@made_once
def scalars(real: type) -> SimpleNamespace:
    """`least`, `most`, `sane` and `decay` for `real` = wp.float32 or wp.float64."""

    @wp.func
    def least(a: real, b: real):
        return wp.where(a < b, a, b)

    @wp.func
    def most(a: real, b: real):
        return wp.where(a > b, a, b)

    @wp.func
    def sane(a: real):
        """Whether a is a number, finite, and not so large that its square would not be."""
        return wp.abs(a) < real(HUGE)

    @wp.func
    def decay(a: real):
        """exp(-a) for a >= 0; inline in float32, for a call of the C library is none of SIMD.

        With n whole and |r| <= ln(2) / 2, exp(-a) = exp(r - n ln(2)): a short series, and a shift of the exponent.
        """
        if wp.static(real is not wp.float32):
            return wp.exp(-a)
        else:
            a = least(a, real(87.0))  # the smallest normal number
            n = wp.floor(a * real(1.0 / math.log(2.0)) + real(0.5))
            r = n * real(math.log(2.0)) - a
            tail = real(1.0 / 24.0) + r * (real(1.0 / 120.0) + r * real(1.0 / 720.0))
            series = real(1.0) + r * (real(1.0) + r * (real(0.5) + r * (real(1.0 / 6.0) + r * tail)))
            return series * wp.cast((127 - int(n)) << 23, wp.float32)

    return SimpleNamespace(least=least, most=most, sane=sane, decay=decay)
