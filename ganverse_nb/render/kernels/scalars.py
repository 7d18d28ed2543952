"""Comparisons without a branch or a call: wp.min and wp.max also look for NaN, wp.isfinite calls the C library."""

from functools import cache
from types import SimpleNamespace

import warp as wp

HUGE = 1e30


@cache
def scalars(real: type) -> SimpleNamespace:
    """`least`, `most` and `sane` for `real` = wp.float32 or wp.float64."""

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

    return SimpleNamespace(least=least, most=most, sane=sane)
