"""Cameras of photographs from annotated keypoints, against one keypoint shape for all objects of a category.

How a photograph of Pascal3D+ gets its camera (section 4.1 takes the keypoints; the steps are those of CMR, Kanazawa et
al. 2018): a weak-perspective fit over a grid of directions, which cannot be trapped on the wrong side of the object,
then least squares over the whole camera from the best two directions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.geometry.angles import angular_distance
from ganverse_nb.geometry.camera import Camera

LONG_LENS = 3.0
"""Degrees: the field of view for photographs of unknown lens. It is weak perspective to within a percent."""
MINIMUM_POINTS = 4
ITERATIONS = 40
STEP = 1e-6  # of numerical derivatives, in double precision
APART = 60.0  # degrees of azimuth between the two directions that least squares begins from


@dataclass(frozen=True)
class KeypointFit:
    """N cameras and how well each explains its keypoints.

    Attributes:
        camera: the cameras, without roll.
        error: [N] mean squared distance between seen keypoints and their projections, in squares of the picture's side;
            infinite where the best camera would stand upside down.
    """

    camera: Camera
    error: Tensor


def fit_cameras(points: Tensor, visible: Tensor, shape: Tensor, fov: float = LONG_LENS) -> KeypointFit:
    """The cameras under which `shape` [K, 3] projects onto the keypoints of N photographs with least squares.

    Args:
        points: [N, K, 2] picture coordinates in [0, 1], x to the right, y down from row 0, as `Camera.to_image`;
            anything where a keypoint is not visible.
        visible: [N, K] bool.
        fov: vertical field of view of all photographs, in degrees.

    Raises:
        ValueError: shapes that do not fit each other, or a photograph with fewer than 4 visible keypoints.
    """
    count, names = len(points), len(shape)
    if points.shape != (count, names, 2) or visible.shape != (count, names) or shape.shape != (names, 3):
        raise ValueError(
            f"fit_cameras: points [N, K, 2], visible [N, K] and shape [K, 3] must go together, "
            f"got {tuple(points.shape)}, {tuple(visible.shape)} and {tuple(shape.shape)}."
        )
    few = (visible.sum(1) < MINIMUM_POINTS).nonzero().flatten().tolist()
    if few:
        raise ValueError(
            f"Photograph {few[0]} has {int(visible[few[0]].sum())} visible keypoints and a camera needs "
            f"{MINIMUM_POINTS}; leave it out."
        )
    seen = visible.bool()
    plane = torch.stack([2 * points[..., 0] - 1, 1 - 2 * points[..., 1]], -1).double()
    plane = torch.where(seen[..., None], plane, torch.zeros((), dtype=torch.float64))
    world = shape.double()
    fits = [_least_squares(start, plane, seen, world, fov) for start in _starts(plane, seen, world, fov).unbind(1)]
    found = torch.where((fits[0][1] <= fits[1][1])[:, None], fits[0][0], fits[1][0])
    cost = torch.minimum(fits[0][1], fits[1][1]).masked_fill(found[:, 1].abs() > math.pi / 2, math.inf)
    azimuth, elevation, log_distance, *shift = found.float().unbind(1)
    camera = Camera.orbit(torch.rad2deg(azimuth) % 360, torch.rad2deg(elevation), log_distance.exp(), fov)
    right, up, _ = camera.axes().unbind(1)
    camera = camera.replace(target=shift[0][:, None] * right + shift[1][:, None] * up)
    return KeypointFit(camera, (cost / seen.sum(1) / 4).float())


def _starts(plane: Tensor, seen: Tensor, shape: Tensor, fov: float) -> Tensor:
    """[N, 2, 5] cameras to begin from: the best direction of a grid under weak perspective, and the best far from it.

    Scale and shift of a given direction are linear, so that every direction is tried in closed form.
    """
    azimuth, elevation = (
        t.flatten() for t in torch.meshgrid(torch.arange(0.0, 360, 10), torch.arange(-10.0, 61, 10), indexing="ij")
    )
    axes = Camera.orbit(azimuth, elevation).axes().double()
    flat = torch.einsum("hij,kj->hki", axes[:, :2], shape)  # [H, K, 2]
    weight = seen.double() / seen.sum(1, keepdim=True)  # [N, K]
    mean_flat = torch.einsum("nk,hki->nhi", weight, flat)
    mean_plane = torch.einsum("nk,nki->ni", weight, plane)
    cross = torch.einsum("nk,hki,nki->nh", weight, flat, plane) - (mean_flat * mean_plane[:, None]).sum(-1)
    spread = torch.einsum("nk,hki->nh", weight, flat.square()) - mean_flat.square().sum(-1)
    scale = (cross / spread.clamp(min=1e-12)).clamp(min=1e-3)  # half pictures per world unit; never mirrored
    residual = -2 * scale * cross + scale.square() * spread
    first = residual.argmin(1)
    apart = angular_distance(azimuth[None], azimuth[first][:, None])
    second = residual.masked_fill(apart < APART, math.inf).argmin(1)
    starts = []
    for best in (first, second):
        rows = torch.arange(len(plane))
        size = scale[rows, best]
        shift = mean_flat[rows, best] - mean_plane / size[:, None]
        distance = 1 / (size * math.tan(math.radians(fov) / 2))
        angles = torch.deg2rad(torch.stack([azimuth[best], elevation[best]], 1)).double()
        starts.append(torch.cat([angles, distance.log()[:, None], shift], 1))
    return torch.stack(starts, 1)


def _project(camera: Tensor, shape: Tensor, focal: float) -> Tensor:
    """[N, K, 2] where cameras [N, 5] of `_starts` see `shape` [K, 3], in half pictures, y up."""
    azimuth, elevation, log_distance, *shift = camera[..., None].unbind(1)
    sin_az, cos_az, sin_el, cos_el = azimuth.sin(), azimuth.cos(), elevation.sin(), elevation.cos()
    x, y, z = shape.unbind(-1)
    outward = sin_az * x + cos_az * z
    right, up = cos_az * x - sin_az * z - shift[0], cos_el * y - sin_el * outward - shift[1]
    depth = (log_distance.exp() - cos_el * outward - sin_el * y).clamp(min=0.05)
    return focal * torch.stack([right, up], -1) / depth[..., None]


def _least_squares(start: Tensor, plane: Tensor, seen: Tensor, shape: Tensor, fov: float) -> tuple[Tensor, Tensor]:
    """Levenberg and Marquardt's method on N cameras at once: cameras [N, 5], sums of squares [N] in half pictures."""
    focal = 1 / math.tan(math.radians(fov) / 2)

    def residuals(camera: Tensor) -> Tensor:
        return ((_project(camera, shape, focal) - plane) * where[..., None]).flatten(1)

    where = seen.to(start)
    found, damping = start, torch.full((len(start), 1), 1e-3, dtype=start.dtype)
    error = residuals(found)
    offsets = STEP * torch.eye(start.shape[1], dtype=start.dtype)
    for _ in range(ITERATIONS):
        columns = [(residuals(found + offset) - residuals(found - offset)) / (2 * STEP) for offset in offsets]
        jacobian = torch.stack(columns, 2)
        normal = jacobian.transpose(1, 2) @ jacobian
        ridge = torch.diag_embed(damping * normal.diagonal(dim1=1, dim2=2) + 1e-12)
        step = torch.linalg.solve(normal + ridge, (jacobian.transpose(1, 2) @ error[..., None]))[..., 0]
        trial = found - step
        trial_error = residuals(trial)
        better = (trial_error.square().sum(1) < error.square().sum(1))[:, None]
        found, error = torch.where(better, trial, found), torch.where(better, trial_error, error)
        damping = torch.where(better, damping / 5, damping * 5).clamp(1e-9, 1e9)
    return found, error.square().sum(1)
