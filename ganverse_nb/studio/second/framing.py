"""Where the photographer of the second edition stands: from any side and height, near and far, with many lenses."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera, RolledCamera
from ganverse_nb.studio.randomization import Randomization
from ganverse_nb.studio.sampling import uniform

STEEPEST_ROLL = 8.0


def sample_cameras(
    vertices: Tensor, generator: torch.Generator, knobs: Randomization, per_camera: int = 1
) -> RolledCamera:
    """Cameras for objects with `vertices` [B, V, 3], every `per_camera` of which in a row share one.

    Azimuths are spread evenly, elevations lie within `knobs.elevation`. The distance is `knobs.stretch` times the one
    from which the object just fits into the picture from all sides, but never so small that it is cut off, unless
    `knobs.cut_off` wants it so. The object is moved within the room that is left.
    """
    count = len(vertices) // per_camera
    points = vertices.reshape(count, -1, 3)
    azimuth, elevation = uniform(count, generator, 0, 360), _elevations(count, generator, knobs)
    low, high = (math.log(math.tan(math.radians(angle / 2))) for angle in knobs.fov)
    tangent = uniform(count, generator, low, high).exp()
    roll = knobs.roll * torch.randn(count, generator=generator).clamp(-STEEPEST_ROLL, STEEPEST_ROLL)
    roll = roll.clamp(-STEEPEST_ROLL, STEEPEST_ROLL)
    low, high = (math.log(stretch) for stretch in knobs.stretch)
    stretch = uniform(count, generator, low, high).exp()
    place = uniform(2 * count, generator, -1, 1).view(count, 2) * knobs.off_centre
    cut = (uniform(count, generator) < knobs.cut_off)[:, None]

    fov = torch.rad2deg(2 * tangent.atan())
    looking = RolledCamera.turn(Camera.orbit(azimuth, elevation, 1.0, fov), roll)
    axes = looking.axes()
    x, y, near = (points @ axes.transpose(1, 2)).unbind(-1)
    room = (knobs.fill * tangent)[:, None]

    def bounds(v: Tensor, distance: Tensor) -> tuple[Tensor, Tensor]:
        """How far the camera may move along `v` [count, points] until the object touches either border."""
        return (v + room * near).amax(1) - room[:, 0] * distance, (v - room * near).amin(1) + room[:, 0] * distance

    fits = [(b - a) / (2 * room[:, 0]) for a, b in (_extent(v, room * near) for v in (x, y))]
    radius = points.norm(dim=-1).amax(1)
    all_round = radius * (1 + 1 / room[:, 0] ** 2).sqrt()
    distance = torch.maximum(stretch * all_round, torch.maximum(*fits))
    distance = torch.where(cut[:, 0], torch.maximum(0.75 * distance, 1.2 * radius), distance)
    shift = []
    for axis, v in enumerate((x, y)):
        first, last = bounds(v, distance)
        middle, half = (first + last) / 2, ((last - first) / 2).clamp_min(0)
        beyond = torch.where(cut[:, 0], 0.3 * radius, torch.zeros_like(radius))
        shift.append(middle + place[:, axis] * (half + beyond))
    target = shift[0][:, None] * axes[:, 0] + shift[1][:, None] * axes[:, 1]
    camera = RolledCamera.turn(Camera.orbit(azimuth, elevation, distance, fov, target), roll)
    return camera[torch.arange(count).repeat_interleave(per_camera)]


def _extent(v: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    return (v - slope).amin(1), (v + slope).amax(1)


def _elevations(count: int, generator: torch.Generator, knobs: Randomization) -> Tensor:
    """[count] degrees within the range, most of them near `elevation_mean`."""
    low, high = knobs.elevation
    share = -torch.log1p(-uniform(count, generator, 0, 1 - math.exp(-(high - low) / knobs.elevation_mean)))
    return low + (share * knobs.elevation_mean).clamp(0, high - low)
