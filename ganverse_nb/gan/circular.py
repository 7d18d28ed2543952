"""Statistics of angles in degrees."""

from __future__ import annotations

import torch
from torch import Tensor

from ganverse_nb.geometry.camera import wrap_degrees


def circular_median(angles: Tensor) -> Tensor:
    """[..., N] -> [...]: the one of the N angles with the smallest mean absolute difference to all of them.

    Unlike the mean direction it is not pulled by a few samples that face the other way.
    """
    differences = wrap_degrees(angles[..., :, None] - angles[..., None, :]).abs().mean(-1)
    return angles.gather(-1, differences.argmin(-1, keepdim=True)).squeeze(-1)


def median_deviation(angles: Tensor) -> Tensor:
    """[..., N] -> [...]: median absolute difference from the circular median."""
    center = circular_median(angles)
    return wrap_degrees(angles - center[..., None]).abs().median(-1).values


def circular_correlation(a: Tensor, b: Tensor) -> float:
    """Fisher and Lee's (1983) correlation of two lists of angles, in [-1, 1].

    Defined where angles fill the circle evenly (no mean direction is subtracted): the products of sines of all pairwise
    differences, sum_{i<j} sin(a_i - a_j) sin(b_i - b_j), over the root of both sums of squares.
    0 where one list does not vary.
    """
    x, y = (torch.deg2rad(v.double().flatten()) for v in (a, b))

    def pairs(p: Tensor, q: Tensor) -> Tensor:  # that sum in O(N), by the addition theorem
        ss, cc = (p.sin() * q.sin()).sum(), (p.cos() * q.cos()).sum()
        sc, cs = (p.sin() * q.cos()).sum(), (p.cos() * q.sin()).sum()
        return ss * cc - sc * cs

    xx, yy = pairs(x, x), pairs(y, y)
    if min(float(xx), float(yy)) < 1e-9 * len(x) ** 2:  # rounding leaves less than that of a list that does not vary
        return 0.0
    return float(pairs(x, y) / (xx * yy).sqrt())


def largest_gap(angles: Tensor) -> float:
    """The largest angle between neighbours on the circle; 360 for a single angle."""
    ordered = angles.double().remainder(360.0).sort().values
    gaps = torch.cat([ordered[1:] - ordered[:-1], ordered[:1] + 360.0 - ordered[-1:]])
    return float(gaps.max())
