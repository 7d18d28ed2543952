"""Bringing one shape onto another: similarities, iterated closest points, and the gauge common to many shapes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ganverse_nb.runtime.extras import require

ALIGNMENTS = ("none", "similarity", "any_pose")
ALIGNING_POINTS = 4000  # the error of an alignment is far below the distance of so many points
OTHER_UNITS = 2.0  # no error of a reconstruction in the true units makes it so much larger or smaller
FEW_POINTS, FEW_ITERATIONS, FINALISTS = 400, 12, 3  # of the search over orientations


@dataclass(frozen=True)
class Similarity:
    """x -> scale * rotation @ x + translation."""

    scale: float
    rotation: Tensor  # [3, 3]
    translation: Tensor  # [3]

    def __call__(self, points: Tensor) -> Tensor:
        rotation, translation = self.rotation.to(points.dtype), self.translation.to(points.dtype)
        return self.scale * points @ rotation.T + translation

    def after(self, first: Similarity) -> Similarity:
        """The similarity that does `first`, then this one."""
        return Similarity(self.scale * first.scale, self.rotation @ first.rotation, self(first.translation))

    @classmethod
    def identity(cls) -> Similarity:
        return cls(1.0, torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64))


def nearest(points: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Distance [N] from each of `points` [N, 3] to the nearest of `others` [M, 3], and which one [N]."""
    require("eval", "The alignment of meshes", "scipy")
    from scipy.spatial import cKDTree

    distance, index = cKDTree(others.double().numpy()).query(points.double().numpy())
    return torch.from_numpy(np.asarray(distance)).to(points.dtype), torch.from_numpy(np.asarray(index))


def fit_similarity(source: Tensor, target: Tensor) -> Similarity:
    """The similarity that brings `source` [N, 3] onto `target` [N, 3] with least squares (Umeyama 1991)."""
    mean_s, mean_t = source.mean(0), target.mean(0)
    s, t = source - mean_s, target - mean_t
    u, d, vt = torch.linalg.svd(t.T @ s)
    sign = torch.ones(3, dtype=source.dtype)
    sign[2] = torch.sign(torch.det(u) * torch.det(vt))
    rotation = u @ torch.diag(sign) @ vt
    scale = float((d * sign).sum() / s.square().sum())
    return Similarity(scale, rotation, mean_t - scale * rotation @ mean_s)


def icp(source: Tensor, target: Tensor, iterations: int = 30) -> Similarity:
    """Similarity that brings points `source` [N, 3] onto `target` [M, 3]: iterated closest points, from where they are.

    Each iteration pairs the points in both directions: from the source alone, a smaller and smaller copy would fit
    ever better. Stops when the transform no longer moves anything.
    """
    total = Similarity(1.0, torch.eye(3, dtype=source.dtype), torch.zeros(3, dtype=source.dtype))
    moved, size = source, (target.amax(0) - target.amin(0)).max()
    for _ in range(iterations):
        _, forth = nearest(moved, target)
        _, back = nearest(target, moved)
        total = fit_similarity(torch.cat([source, source[back]]), torch.cat([target[forth], target]))
        before, moved = moved, total(source)
        if (moved - before).norm(dim=1).max() < 1e-6 * size:
            break
    return total


def align_points(source: Tensor, target: Tensor, how: str) -> Similarity:
    """The similarity, in double precision, that brings points `source` [N, 3] of one surface onto those of another.

    Args:
        how: "none": they stay; "similarity": `icp` from where they stand, or, where their sizes are more than a factor
            of OTHER_UNITS apart, from the target's centre and size; "any_pose": the best `icp` of 48 starts, the
            24 turns of a cube, each also turned by 45 degrees about y, for meshes whose axes are not known. Shapes that
            look alike from two sides, as cars from front and rear, may be matched the wrong way round.

    Raises:
        ValueError: unknown alignment.
    """
    if how not in ALIGNMENTS:
        raise ValueError(f"Unknown alignment {how!r}; give one of {', '.join(ALIGNMENTS)}.")
    source, target = source[:ALIGNING_POINTS].double(), target[:ALIGNING_POINTS].double()
    if how == "none":
        return Similarity.identity()
    if how == "any_pose":
        return _search(source, target)
    start, scale = Similarity.identity(), _spread(target) / _spread(source)
    if not 1 / OTHER_UNITS < scale < OTHER_UNITS:
        start = Similarity(scale, start.rotation, target.mean(0) - scale * source.mean(0))
    return icp(start(source), target).after(start)


def common_gauge(transforms: Sequence[Similarity]) -> Similarity:
    """The one similarity nearest to all of `transforms`: median scale and translation, mean rotation.

    A world learned from pictures without cameras is known up to one similarity; this is that of a whole model, where
    the similarities of its single predictions would also correct their errors.

    Raises:
        ValueError: no transforms.
    """
    if not transforms:
        raise ValueError("common_gauge: there are no transforms.")
    u, _, vt = torch.linalg.svd(torch.stack([t.rotation for t in transforms]).double().mean(0))
    flip = torch.diag(torch.tensor([1.0, 1.0, float(torch.det(u @ vt).sign())], dtype=torch.float64))
    translation = torch.stack([t.translation for t in transforms]).double().quantile(0.5, 0)
    scale = torch.tensor([t.scale for t in transforms], dtype=torch.float64).quantile(0.5)
    return Similarity(float(scale), u @ flip @ vt, translation)


def _spread(points: Tensor) -> float:
    """The root mean square distance of `points` [N, 3] from their centre."""
    return float((points - points.mean(0)).square().sum(1).mean().sqrt())


def _search(source: Tensor, target: Tensor) -> Similarity:
    """The best alignment from any of 48 orientations, centres and sizes matched at the start."""
    scale, half = _spread(target) / _spread(source), 0.5**0.5
    yaw = torch.tensor([[half, 0, half], [0, 1, 0], [-half, 0, half]], dtype=torch.float64)
    starts = []
    for rotation in _cube_turns():
        for turn in (rotation, yaw @ rotation):
            starts.append(Similarity(scale, turn, target.mean(0) - scale * turn @ source.mean(0)))
    ranked = sorted(
        (_improved(s, source[:FEW_POINTS], target[:FEW_POINTS], FEW_ITERATIONS) for s in starts), key=lambda r: r[0]
    )
    return min((_improved(s, source, target, 30) for _, s in ranked[:FINALISTS]), key=lambda r: r[0])[1]


def _improved(start: Similarity, source: Tensor, target: Tensor, iterations: int) -> tuple[float, Similarity]:
    """`start` improved by `icp`, after how far apart it leaves the points."""
    better = icp(start(source), target, iterations).after(start)
    moved = better(source)
    return float(nearest(moved, target)[0].mean() + nearest(target, moved)[0].mean()), better


def _cube_turns() -> list[Tensor]:
    """The 24 rotations that bring the axes onto axes."""
    turns = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            matrix = torch.zeros(3, 3, dtype=torch.float64)
            matrix[torch.arange(3), torch.tensor(order)] = torch.tensor(signs, dtype=torch.float64)
            if torch.det(matrix) > 0:
                turns.append(matrix)
    return turns
