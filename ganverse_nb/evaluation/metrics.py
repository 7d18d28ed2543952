"""3D error between meshes."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from ganverse_nb.evaluation.alignment import Similarity, align_points, nearest
from ganverse_nb.evaluation.surfaces import Samples, sample_surface

F_THRESHOLDS = (0.01, 0.02, 0.05)


@dataclass(frozen=True)
class ShapeError:
    """How far two surfaces are apart, in units of the longest side of the true one's bounding box.

    Attributes:
        chamfer_l1: mean of the two mean nearest distances (predicted to true, true to predicted).
        f_score: at each of F_THRESHOLDS (1, 2, 5 % of that side): harmonic mean of the shares of points closer than it.
        scale: of the alignment.
        normal_consistency: mean over both directions of |cosine| between the normals of nearest points, in [0, 1].
    """

    chamfer_l1: float
    f_score: tuple[float, ...]
    scale: float = 1.0
    normal_consistency: float = float("nan")

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def shape_error(
    predicted: tuple[Tensor, Tensor],
    true: tuple[Tensor, Tensor],
    generator: torch.Generator,
    align: str = "similarity",
    points: int = 20_000,
) -> ShapeError:
    """Error of one predicted mesh (vertices [V, 3], faces [F, 3]) against the true one.

    Args:
        align: "none" compares them as they stand; "similarity" moves, turns and scales the prediction first, because
            cameras found without labels leave that freedom; "any_pose" from any orientation (see `align_points`).
        points: on each surface. Two samplings of one surface are about 0.5 sqrt(area / points) apart.

    Raises:
        ValueError: unknown alignment, a mesh without area.
    """
    target = sample_surface(*true, points, generator)
    source = sample_surface(*predicted, points, generator)
    transform = align_points(source.points, target.points, align)
    return surface_error(source, target, transform, longest_side(true[0]))


def longest_side(vertices: Tensor) -> float:
    """Of the bounding box of `vertices` [V, 3]."""
    return float((vertices.amax(0) - vertices.amin(0)).max())


def surface_error(
    predicted: Samples, true: Samples, transform: Similarity, size: float, asked: int | None = None
) -> ShapeError:
    """Error of points of a predicted surface, moved by `transform`, against points of a true one.

    Args:
        size: longest side of the true one.
        asked: how many of the points on each surface look for the nearest among all points of the other; all if None.
    """
    source, target = transform(predicted.points.double()), true.points.double()
    to_true, there = nearest(source[:asked], target)
    to_predicted, here = nearest(target[:asked], source)
    scores = []
    for threshold in F_THRESHOLDS:
        precision = (to_true < threshold * size).double().mean()
        recall = (to_predicted < threshold * size).double().mean()
        scores.append(float(2 * precision * recall / (precision + recall).clamp(min=1e-12)))
    chamfer = float(to_true.mean() + to_predicted.mean()) / (2 * size)
    turned, normals = predicted.normals.double() @ transform.rotation.double().T, true.normals.double()
    forth, back = (turned[:asked] * normals[there]).sum(1).abs(), (turned[here] * normals[:asked]).sum(1).abs()
    return ShapeError(chamfer, tuple(scores), transform.scale, float((forth.mean() + back.mean()) / 2))
