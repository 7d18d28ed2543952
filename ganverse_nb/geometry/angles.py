"""Angles in degrees: wrapped, compared, and their statistics on the circle."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


def wrap_degrees(angle: Tensor) -> Tensor:
    """The same angle in [-180, 180)."""
    return (angle + 180.0) % 360.0 - 180.0


def angular_distance(a: Tensor, b: Tensor | float) -> Tensor:
    """Absolute difference of angles the short way round, 0 to 180."""
    return wrap_degrees(a - b).abs()


def angle_between(a: Tensor, b: Tensor) -> Tensor:
    """[B] degrees between unit vectors [B, n], exact for small angles too."""
    return torch.rad2deg(2 * torch.atan2((a - b).norm(dim=-1), (a + b).norm(dim=-1)))


# ---- errors of lists of angles


@dataclass(frozen=True)
class AngleError:
    """Errors of angles in degrees after `offset`, the one rotation common to all, was taken off."""

    mean: float
    median: float
    maximum: float
    offset: float


def angle_error(predicted: Tensor, reference: Tensor, align: bool = True) -> AngleError:
    """How far angles [N] (degrees) are from the reference [N], on the circle.

    Cameras learned from pictures are known up to one rotation of the world, so with `align` that gauge is taken off:
    the rotation with the smallest mean absolute error, which is always one of the N differences.

    Raises:
        ValueError: empty or of different length.
    """
    if predicted.shape != reference.shape or predicted.ndim != 1 or len(predicted) == 0:
        raise ValueError(f"angle_error: two lists of one length, got {predicted.shape} and {reference.shape}.")
    difference = wrap_degrees(predicted.double() - reference.double())
    offset = torch.zeros((), dtype=torch.float64)
    if align:
        costs = angular_distance(difference[:, None], difference[None]).mean(0)
        offset = difference[costs.argmin()]
    error = angular_distance(difference, offset)
    return AngleError(float(error.mean()), float(error.quantile(0.5)), float(error.max()), float(offset))


# ---- statistics


def circular_median(angles: Tensor) -> Tensor:
    """[..., N] -> [...]: the one of the N angles with the smallest mean absolute difference to all of them.

    Unlike the mean direction it is not pulled by a few samples that face the other way.
    """
    differences = angular_distance(angles[..., :, None], angles[..., None, :]).mean(-1)
    return angles.gather(-1, differences.argmin(-1, keepdim=True)).squeeze(-1)


def median_deviation(angles: Tensor) -> Tensor:
    """[..., N] -> [...]: median absolute difference from the circular median."""
    return angular_distance(angles, circular_median(angles)[..., None]).median(-1).values


def concentration(angles: Tensor) -> float:
    """Length of the mean direction of angles of any shape: 1 if all are the same, near 0 if they are random."""
    angle = torch.deg2rad(angles.double().flatten())
    return float((angle.cos().mean().square() + angle.sin().mean().square()).sqrt())


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
