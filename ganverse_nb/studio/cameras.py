"""Where the studio's photographer stands, and how large an object may be to stay in the picture."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera

FOV = 30.0  # degrees
ELEVATIONS, DISTANCES = (3.0, 25.0), (0.95 * 2.1, 1.05 * 2.1)


def sample_cameras(count: int, generator: torch.Generator, aim: float = math.inf) -> Camera:
    """Cameras as a photographer walks round the object: azimuth all round, elevation 3 to 25 degrees.

    They look at a random point near the origin, at most `aim` from it.
    """

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)

    target = 0.02 * torch.randn(count, 3, generator=generator)
    target = target * (aim / target.norm(dim=1, keepdim=True)).clamp_max(1)
    return Camera.orbit(uniform(0, 360), uniform(*ELEVATIONS), 2.1 * uniform(0.95, 1.05), FOV, target)


def reach(vertices: Tensor) -> Tensor:
    """[B] how far objects with `vertices` [B, V, 3] reach towards the edges of the pictures taken of them.

    Cameras that aim at most `aim` beside the origin see all of an object whose reach is at most `room(aim)`. The reach
    is linear in the object's size.
    """
    azimuth, elevation = torch.meshgrid(torch.arange(0.0, 360.0, 15.0), torch.tensor(ELEVATIONS), indexing="ij")
    right, up, backward = Camera.orbit(azimuth.flatten(), elevation.flatten(), 2.1, FOV).axes().unbind(1)
    half = math.radians(FOV / 2)
    edges = torch.cat([math.cos(half) * way + math.sin(half) * backward for way in (right, -right, up, -up)])
    return (vertices @ edges.T).amax((1, 2))


def room(aim: float) -> float:
    """The largest `reach` that is seen whole from the nearest camera."""
    return DISTANCES[0] * math.sin(math.radians(FOV / 2)) - aim
