"""Square windows of masked pictures that show an object at a stated size, and cameras moved into and out of them.

A camera head that sees every object filling the same share of its picture need not know the world's sizes and places:
those follow from the window.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.data.crops import boxes
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.views import orbit_around


@dataclass(frozen=True)
class Pose:
    """Cameras as `LearnableCameras` has them: degrees, world units; all [B], shift [B, 2] right and up."""

    azimuth: Tensor
    elevation: Tensor
    distance: Tensor
    shift: Tensor

    def camera(self, fov: float) -> Camera:
        return orbit_around(self.azimuth, self.elevation, self.distance, fov, self.shift)

    def joined(self, other: Pose) -> Pose:
        """These and, after them, the other ones."""
        return Pose(**{name: torch.cat([value, getattr(other, name)]) for name, value in self.__dict__.items()})


def resampled(images: Tensor, masks: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Masked pictures [B, 3, R, R] and masks [B, 1, R, R] of 0 and 1 under `theta` [B, 2, 3], as of `F.affine_grid`.

    Black outside of the mask, and nothing of what is there is mixed into the object's edge.
    """
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    both = F.grid_sample(torch.cat([images * masks, masks], 1), grid, align_corners=False)
    coverage = both[:, 3:]
    mask = (coverage > 0.5).to(images.dtype)
    return both[:, :3] / coverage.clamp(min=0.5) * mask, mask


@dataclass(frozen=True)
class Window:
    """Windows of B pictures, in normalised coordinates of the picture: x right, y up, the picture from -1 to 1.

    Attributes:
        scale: [B] side of the window as a share of the picture's.
        middle: [B, 2] of the window.
    """

    scale: Tensor
    middle: Tensor

    @classmethod
    def around(cls, masks: Tensor, share: Tensor | float, offset: Tensor | float = 0.0) -> Self:
        """The windows in which the longer side of the box of masks [B, 1, R, R] is `share` (number or [B]) of the side.

        Args:
            offset: [B, 2] of the box's centre from the window's middle, as a share of the window; x right, y up.

        Raises:
            ValueError: an empty mask.
        """
        center, side = boxes(masks)
        scale = side / share
        up = torch.tensor([1.0, -1.0], device=masks.device)
        return cls(scale, (2 * center - 1) * up - 2 * offset * scale[:, None])

    def cut(self, images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Masked pictures [B, 3, R, R] and masks [B, 1, R, R] of the windows; black outside of the mask."""
        theta = torch.zeros(len(images), 2, 3, device=images.device)
        theta[:, 0, 0] = theta[:, 1, 1] = self.scale
        theta[:, :, 2] = self.middle * torch.tensor([1.0, -1.0], device=images.device)  # grid_sample counts y down
        return resampled(images, masks, theta)

    def inside(self, pose: Pose, fov: float) -> Pose:
        """The pose under which an object appears in the window as it does in the picture under `pose`.

        Exact where the object is flat and small; an object in a corner is seen a little from the side.
        """
        world = pose.distance * math.tan(math.radians(fov) / 2)
        return Pose(pose.azimuth, pose.elevation, pose.distance * self.scale, pose.shift + self.middle * world[:, None])

    def outside(self, pose: Pose, fov: float) -> Pose:
        """The inverse of `inside`."""
        distance = pose.distance / self.scale
        world = distance * math.tan(math.radians(fov) / 2)
        return Pose(pose.azimuth, pose.elevation, distance, pose.shift - self.middle * world[:, None])
