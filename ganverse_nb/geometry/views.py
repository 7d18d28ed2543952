"""Cameras that people ask for: looking at a point, around the object, over a grid of views."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera, CameraModel, FreeCamera, common_batch

PARALLEL = 1e-6  # sine below which two directions count as one


def look_at(
    position: Tensor | Sequence[float],
    target: Tensor | Sequence[float] = (0.0, 0.0, 0.0),
    up: Tensor | Sequence[float] = (0.0, 1.0, 0.0),
    fov: Tensor | float = 30.0,
) -> FreeCamera:
    """Cameras at `position` [3] or [B, 3] with `target` in the middle of the picture and `up` upwards in it.

    `target` and `up` are [3] or [B, 3], `fov` a number or [B], in degrees. Differentiable in all of them.

    Raises:
        ValueError: shapes differ, a value is not finite, or `up` has no direction across the line of sight.
    """
    given = {"position": position, "target": target, "up": up}
    like = next((t for t in [*given.values(), fov] if isinstance(t, Tensor)), torch.zeros(()))
    dtype = like.dtype if like.is_floating_point() else torch.float32
    points = {k: torch.as_tensor(t, dtype=dtype, device=like.device).reshape(-1, 3) for k, t in given.items()}
    angle = torch.as_tensor(fov, dtype=dtype, device=like.device).reshape(-1)
    batch = common_batch("look_at", points | {"fov": angle})
    normalize = torch.nn.functional.normalize
    backward = normalize(points["position"] - points["target"], dim=-1).expand(batch, 3)
    side = torch.linalg.cross(normalize(points["up"], dim=-1).expand(batch, 3), backward, dim=-1)
    if (side.norm(dim=-1) < PARALLEL).any():
        raise ValueError("look_at: position must differ from target, and up must not point along the line of sight.")
    right = normalize(side, dim=-1)
    rotation = torch.stack([right, torch.linalg.cross(backward, right, dim=-1), backward], 1)
    return FreeCamera(rotation, points["position"].expand(batch, 3), angle.expand(batch))


def turntable(views: int = 8, elevation: float = 15.0, distance: float = 2.3, fov: float = 30.0) -> Camera:
    """`views` cameras evenly around the object, from azimuth 0 on.

    Raises:
        ValueError: no views.
    """
    if views < 1:
        raise ValueError(f"turntable: views must be positive, got {views}.")
    return Camera.orbit(torch.arange(views) * (360.0 / views), elevation, distance, fov)


def view_grid(
    azimuths: Sequence[float] | Tensor, elevations: Sequence[float] | Tensor, distance: float = 2.3, fov: float = 30.0
) -> Camera:
    """Cameras of every azimuth under every elevation: those of the first elevation come first, as rows of a picture.

    Raises:
        ValueError: no azimuths or no elevations.
    """
    columns = torch.as_tensor(azimuths, dtype=torch.float32).reshape(-1)
    rows = torch.as_tensor(elevations, dtype=torch.float32).reshape(-1)
    if columns.numel() == 0 or rows.numel() == 0:
        raise ValueError(f"view_grid: got {len(columns)} azimuths and {len(rows)} elevations; give at least one each.")
    return Camera.orbit(columns.repeat(len(rows)), rows.repeat_interleave(len(columns)), distance, fov)


def frustum(camera: CameraModel, depth: float = 0.2, aspect: float = 1.0) -> Tensor:
    """[B, 5, 3] what to draw of a camera: where it stands, and the corners of its picture `depth` world units ahead.

    The corners go round the picture from its upper left one, clockwise; `aspect` is its width / height.

    Raises:
        ValueError: cameras with parallel rays, which meet nowhere.
    """
    if camera.parallel:
        raise ValueError("frustum: cameras with parallel rays have none.")
    right, up, backward = camera.axes().unbind(1)
    reach = depth * torch.tan(torch.deg2rad(camera.fov) / 2)[:, None]
    ahead = camera.position - depth * backward
    signs = ((-1, 1), (1, 1), (1, -1), (-1, -1))
    corners = [ahead + reach * (x * aspect * right + y * up) for x, y in signs]
    return torch.stack([camera.position, *corners], 1)


def orbit_around(azimuth: Tensor, elevation: Tensor, distance: Tensor, fov: Tensor | float, shift: Tensor) -> Camera:
    """Cameras [B] whose target lies `shift` [B, 2] world units to the right of and above the object's centre."""
    camera = Camera.orbit(azimuth, elevation, distance, fov)
    right, up, _ = camera.axes().unbind(1)
    return camera.replace(target=shift[:, :1] * right + shift[:, 1:] * up)


def orbit_of(camera: Camera) -> tuple[Tensor, Tensor]:
    """Distances [B] and shifts [B, 2] with which `orbit_around`, at the same angles, gives the cameras [B] again.

    A target before or behind the object's centre goes into the distance.
    """
    right, up, backward = (camera.axes() @ camera.target[..., None])[..., 0].unbind(1)
    return camera.distance + backward, torch.stack([right, up], 1)


def mean_shift(cameras: Camera, count: int) -> Tensor:
    """[count, 2] the mean shift of cameras, see `orbit_of`: where objects usually stand."""
    return orbit_of(cameras)[1].mean(0).expand(count, 2)


def with_fov(camera: Camera, fov: float) -> Camera:
    """Cameras [B] with another field of view, moved so that what is around the object's centre stays as large."""
    distance, shift = orbit_of(camera)
    ratio = torch.tan(torch.deg2rad(camera.fov) / 2) / math.tan(math.radians(fov) / 2)
    return orbit_around(camera.azimuth, camera.elevation, distance * ratio, fov, shift)


def moved(
    camera: Camera,
    azimuth: Tensor | float | None = None,
    elevation: Tensor | float | None = None,
    distance: Tensor | float | None = None,
) -> Camera:
    """Cameras [B] moved around the object, which stays as far from the middle of the picture as it was.

    Args:
        azimuth, elevation, distance: the new ones in degrees and world units, a number or [B]; None: unchanged.
    """
    right, up, _ = camera.axes().unbind(1)
    shift = torch.stack([(camera.target * axis).sum(1) for axis in (right, up)], 1)
    new = {"azimuth": azimuth, "elevation": elevation, "distance": distance}
    given = {
        name: getattr(camera, name) if value is None else torch.as_tensor(value).to(camera.azimuth).expand(len(camera))
        for name, value in new.items()
    }
    return orbit_around(**given, fov=camera.fov, shift=shift)
