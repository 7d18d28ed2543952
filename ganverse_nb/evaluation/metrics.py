"""2D overlap, 3D error between meshes, and errors of angles."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from ganverse_nb.geometry.camera import wrap_degrees
from ganverse_nb.geometry.mesh import face_normals
from ganverse_nb.inverse_graphics.losses import mask_iou

ALIGNMENTS = ("none", "similarity")
F_THRESHOLDS = (0.01, 0.02, 0.05)


def iou(a: Tensor, b: Tensor, soft: bool = False) -> Tensor:
    """[B] intersection over union of masks [B, 1, H, W]; `soft` takes sums of products instead of a cut at 0.5.

    Two empty masks agree: 1 (hard only).

    Raises:
        ValueError: shapes differ.
    """
    if a.shape != b.shape:
        raise ValueError(f"iou: the masks must have one shape, got {tuple(a.shape)} and {tuple(b.shape)}.")
    if soft:
        return mask_iou(a.float(), b.float())
    first, second = a.flatten(1) > 0.5, b.flatten(1) > 0.5
    union = (first | second).sum(1)
    return torch.where(union > 0, (first & second).sum(1) / union.clamp(min=1), torch.ones(len(a)))


def sample_surface(vertices: Tensor, faces: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """[count, 3] points spread evenly by area over the surface of one mesh: vertices [V, 3], faces [F, 3].

    Raises:
        ValueError: the mesh has no area.
    """
    area = face_normals(vertices[None], faces)[0].norm(dim=-1)
    if not area.sum() > 0:
        raise ValueError("sample_surface: the mesh has no area.")
    face = torch.multinomial(area.double(), count, replacement=True, generator=generator)
    u, v = torch.rand(2, count, generator=generator, dtype=vertices.dtype)
    root = u.sqrt()
    a, b, c = vertices[faces[face]].unbind(1)
    return (1 - root)[:, None] * a + (root * (1 - v))[:, None] * b + (root * v)[:, None] * c


def nearest(points: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Distance [N] from each of `points` [N, 3] to the nearest of `others` [M, 3], and which one [N]."""
    from scipy.spatial import cKDTree

    distance, index = cKDTree(others.double().numpy()).query(points.double().numpy())
    return torch.from_numpy(np.asarray(distance)).to(points.dtype), torch.from_numpy(np.asarray(index))


@dataclass(frozen=True)
class Similarity:
    """x -> scale * rotation @ x + translation."""

    scale: float
    rotation: Tensor  # [3, 3]
    translation: Tensor  # [3]

    def __call__(self, points: Tensor) -> Tensor:
        return self.scale * points @ self.rotation.T + self.translation


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
    moved = source
    for _ in range(iterations):
        _, forth = nearest(moved, target)
        _, back = nearest(target, moved)
        total = fit_similarity(torch.cat([source, source[back]]), torch.cat([target[forth], target]))
        before, moved = moved, total(source)
        if (moved - before).norm(dim=1).max() < 1e-6:
            break
    return total


@dataclass(frozen=True)
class ShapeError:
    """How far two surfaces are apart, in units of the longest side of the true one's bounding box.

    Attributes:
        chamfer_l1: mean of the two mean nearest distances (predicted to true, true to predicted).
        f_score: at each of F_THRESHOLDS (1, 2, 5 % of that side): harmonic mean of the shares of points closer than it.
        scale: of the alignment.
    """

    chamfer_l1: float
    f_score: tuple[float, ...]
    scale: float = 1.0

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
        align: "none" compares them as they stand; "similarity" moves, turns and scales the prediction by `icp` first,
            because cameras found without labels leave that freedom.
        points: on each surface. Two samplings of one surface are about 0.5 sqrt(area / points) apart.

    Raises:
        ValueError: unknown alignment, a mesh without area.
    """
    if align not in ALIGNMENTS:
        raise ValueError(f"Unknown alignment {align!r}; give one of {', '.join(ALIGNMENTS)}.")
    target = sample_surface(*true, points, generator).double()
    low, high = true[0].amin(0).double(), true[0].amax(0).double()
    size = (high - low).max()
    target = (target - (low + high) / 2) / size
    source = (sample_surface(*predicted, points, generator).double() - (low + high) / 2) / size
    scale = 1.0
    if align == "similarity":
        few = slice(0, min(points, 4000))
        transform = icp(source[few], target[few])
        source, scale = transform(source), transform.scale
    to_true, to_predicted = nearest(source, target)[0], nearest(target, source)[0]
    scores = []
    for threshold in F_THRESHOLDS:
        precision, recall = (to_true < threshold).double().mean(), (to_predicted < threshold).double().mean()
        scores.append(float(2 * precision * recall / (precision + recall).clamp(min=1e-12)))
    return ShapeError(float((to_true.mean() + to_predicted.mean()) / 2), tuple(scores), scale)


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
        costs = wrap_degrees(difference[:, None] - difference[None]).abs().mean(0)
        offset = difference[costs.argmin()]
    error = wrap_degrees(difference - offset).abs()
    return AngleError(float(error.mean()), float(error.quantile(0.5)), float(error.max()), float(offset))
