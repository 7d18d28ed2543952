"""A camera for a picture that comes without one.

The paper's f predicts shape and texture only and leaves open where a photograph's camera comes from. Here a small
network learns it, without any label of a photograph: from the dataset's pictures with the optimised cameras of their
view codes, and from renders of the predicted meshes under random cameras, which fill the angles between the codes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.views import orbit_around
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.network import Encoder


class CameraHead(nn.Module):
    """Masked pictures [B, 3, R, R] and masks [B, 1, R, R] -> Camera [B].

    Azimuth as a (sine, cosine) pair, so that it has no jump; elevation, distance and shift relative to typical values.
    """

    def __init__(
        self,
        resolution: int = 64,
        *,
        channels: tuple[int, ...] = (24, 48, 96, 128),
        code: int = 128,
        elevation: float = 10.0,
        distance: float = 2.3,
        fov: float = 30.0,
    ) -> None:
        super().__init__()
        self.settings = {
            "resolution": resolution,
            "channels": list(channels),
            "code": code,
            "elevation": elevation,
            "distance": distance,
            "fov": fov,
        }
        self.typical = (elevation, math.log(distance), fov)
        self.encoder = Encoder(resolution, tuple(channels), code)
        self.out = nn.Linear(code, 6)

    def forward(self, images: Tensor, masks: Tensor) -> Camera:
        return self.camera(self.raw(images, masks))

    def raw(self, images: Tensor, masks: Tensor) -> Tensor:
        """[B, 6] sine, cosine (not normalised), elevation, log distance, shift x, y in the units of `targets`."""
        code = self.encoder(images, masks)
        with torch.autocast(code.device.type, enabled=False):
            return self.out(code.float())

    def camera(self, raw: Tensor) -> Camera:
        """The camera that `raw` [B, 6] stands for."""
        elevation, log_distance, fov = self.typical
        azimuth = torch.rad2deg(torch.atan2(raw[:, 0], raw[:, 1]))
        height = elevation + 10.0 * raw[:, 2]
        return orbit_around(azimuth, height, (log_distance + 0.1 * raw[:, 3]).exp(), fov, 0.05 * raw[:, 4:])

    def targets(self, azimuth: Tensor, elevation: Tensor, distance: Tensor, shift: Tensor) -> Tensor:
        """[B, 6] what `raw` should be for cameras of these angles (degrees), distances and shifts [B, 2]."""
        typical_elevation, log_distance, _ = self.typical
        angle = torch.deg2rad(azimuth)
        parts = [
            angle.sin(),
            angle.cos(),
            (elevation - typical_elevation) / 10.0,
            (distance.log() - log_distance) / 0.1,
        ]
        return torch.cat([torch.stack(parts, 1), shift / 0.05], 1)


@dataclass(frozen=True)
class Pose:
    """Camera parameters as `LearnableCameras` has them: degrees, world units; all [B], shift [B, 2]."""

    azimuth: Tensor
    elevation: Tensor
    distance: Tensor
    shift: Tensor

    def camera(self, fov: float) -> Camera:
        return orbit_around(self.azimuth, self.elevation, self.distance, fov, self.shift)


def learned_pose(cameras: LearnableCameras, view: Tensor, mirrored: Tensor) -> Pose:
    """The pose of view codes `view` [B], of mirrored pictures where `mirrored` [B]; no gradients."""
    with torch.no_grad():
        sign = 1.0 - 2.0 * mirrored.float()
        shift = torch.stack([cameras.shift[view, 0] * sign, cameras.shift[view, 1]], 1)
        azimuth = torch.rad2deg(cameras.azimuth[view]) * sign
        return Pose(azimuth, torch.rad2deg(cameras.elevation[view]), cameras.log_distance[view].exp(), shift)


def random_pose(cameras: LearnableCameras, count: int, generator: torch.Generator) -> Pose:
    """Poses of any azimuth, with elevations, distances and shifts a little beyond those of the learned cameras."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=generator)

    with torch.no_grad():
        elevation, distance = torch.rad2deg(cameras.elevation), cameras.log_distance.exp()
        return Pose(
            uniform(-180, 180, count),
            uniform(float(elevation.min()) - 4, float(elevation.max()) + 4, count),
            uniform(float(distance.min()) * 0.95, float(distance.max()) * 1.05, count),
            uniform(-0.05, 0.05, count, 2),
        )


def jitter(
    images: Tensor, masks: Tensor, generator: torch.Generator, scale: float = 0.1, move: float = 0.08
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pictures and masks enlarged by up to `scale` and moved by up to `move` (of half a picture) at random.

    Returns:
        images, masks, zoom [B], offset [B, 2]: a point at NDC p lands at zoom * p + offset (y up).
    """
    count = len(images)
    zoom = (1 + scale * (2 * torch.rand(count, generator=generator) - 1)).to(images.device)
    offset = (move * (2 * torch.rand(count, 2, generator=generator) - 1)).to(images.device)
    theta = torch.zeros(count, 2, 3, device=images.device)
    theta[:, 0, 0] = theta[:, 1, 1] = 1 / zoom
    theta[:, 0, 2] = -offset[:, 0] / zoom
    theta[:, 1, 2] = offset[:, 1] / zoom  # grid_sample counts y down
    grid = nn.functional.affine_grid(theta, list(images.shape), align_corners=False)
    both = nn.functional.grid_sample(torch.cat([images * masks, masks], 1), grid, align_corners=False)
    coverage = both[:, 3:]
    mask = (coverage > 0.5).to(images.dtype)
    return both[:, :3] / coverage.clamp(min=0.5) * mask, mask, zoom, offset


def jitter_pose(pose: Pose, zoom: Tensor, offset: Tensor, fov: float) -> Pose:
    """The pose under which the object appears as `jitter` has moved it (exact where the object is flat and small)."""
    distance = pose.distance / zoom
    world = distance * math.tan(math.radians(fov) / 2)
    return Pose(pose.azimuth, pose.elevation, distance, pose.shift - offset * world[:, None])
