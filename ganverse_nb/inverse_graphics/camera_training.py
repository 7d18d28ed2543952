"""What the camera head learns from: pictures of the dataset and renders of f's own meshes, all with known cameras.

The dataset's pictures come with the optimised cameras of their view codes. The renders fill the angles between those,
at elevations, focal lengths and rolls that no view code has, of meshes stretched beyond what f has predicted. Both are
then treated as photographs are by cameras and segmenters (`augmentation`).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.views import orbit_of
from ganverse_nb.inverse_graphics.camera_head import DISTANCE, ELEVATION, SHIFT, CameraReading
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.windows import Pose, resampled
from ganverse_nb.render.light import lamp, white_light
from ganverse_nb.render.renderer import RenderOutput, render
from ganverse_nb.runtime.draws import Draws

SHARES, OFFSET = (0.5, 0.9), 0.08  # of the object's box in the window, and of its centre from the middle
HIGH_SHARE, LOW_ELEVATION = 0.45, 18.0  # share of the renders seen from high up, and where that begins, degrees
DISTANCES = (1.5, 5.0)  # world units: from a strong to a weak perspective
ROLL = 4.0  # degrees at most
STRETCH = (0.10, 0.15, 0.12)  # of a mesh's width, height and length, at most
TAPER = 0.3  # change of its width from the bottom to the top, per unit of height, at most
OTHER_TEXTURE, MIXED = (
    0.3,
    0.3,
)  # share of meshes with another's texture, or moved towards or past another's shape


def uniform(draws: Draws, low: float, high: float, *shape: int) -> Tensor:
    """Numbers between `low` and `high`."""
    return low + (high - low) * draws.rand(*shape)


def learned_pose(cameras: LearnableCameras, view: Tensor, mirrored: Tensor) -> Pose:
    """The pose of view codes `view` [B], of mirrored pictures where `mirrored` [B]; no gradients."""
    with torch.no_grad():
        sign = 1.0 - 2.0 * mirrored.float()
        shift = torch.stack([cameras.shift[view, 0] * sign, cameras.shift[view, 1]], 1)
        azimuth = torch.rad2deg(cameras.azimuth[view]) * sign
        return Pose(azimuth, torch.rad2deg(cameras.elevation[view]), cameras.log_distance[view].exp(), shift)


def random_share(count: int, draws: Draws) -> tuple[Tensor, Tensor]:
    """Shares [count] and offsets [count, 2] of an object's box in its window, for `Window.around`."""
    return uniform(draws, *SHARES, count), uniform(draws, -OFFSET, OFFSET, count, 2)


def varied(mesh: Mesh, draws: Draws) -> Mesh:
    """Meshes [B] stretched, tapered and mixed with each other, some with another's texture.

    The others may be those of other processes; no gradients.
    """
    count, like = len(mesh), mesh.vertices
    other, gather = draws.others(count).to(like.device), draws.team.gather

    def drawn(low: float, high: float, *shape: int) -> Tensor:
        return uniform(draws, low, high, count, *shape).to(like.device)

    share = drawn(0, 1, 1, 1) * (drawn(0, 1, 1, 1) < MIXED)
    vertices = like + share * (gather(like)[other] - like)
    vertices = vertices * (1 + drawn(-1, 1, 1, 3) * like.new_tensor(STRETCH))
    taper = 1 + drawn(-TAPER, TAPER, 1) * vertices[..., 1]
    vertices = torch.stack([vertices[..., 0] * taper, *vertices[..., 1:].unbind(-1)], -1)
    texture = mesh.texture
    if texture is not None:
        swapped = drawn(0, 1, 1, 1, 1) < OTHER_TEXTURE
        texture = torch.where(swapped, gather(texture)[other], texture)
    return Mesh(vertices, mesh.faces, mesh.face_uvs, texture)


def filling(mesh: Mesh, azimuth: Tensor, elevation: Tensor, distance: Tensor, share: Tensor, offset: Tensor) -> Camera:
    """Cameras [B] whose field of view makes the box of meshes [B] fill `share` [B] of the picture, `offset` beside it.

    Args:
        distance: [B] from the object; the nearer, the stronger the perspective.
        offset: [B, 2] of the box's centre from the picture's, as a share of the picture; x right, y up.
    """
    camera = Camera.orbit(azimuth, elevation, distance, 30.0)
    points = camera.to_view(mesh.vertices)
    slope = points[..., :2] / -points[..., 2:]
    low, high = slope.amin(1), slope.amax(1)
    half = (high - low).amax(1) / share / 2
    away = ((low + high) / 2 - 2 * offset * half[:, None]) * distance[:, None]
    right, up, _ = camera.axes().unbind(1)
    return camera.replace(fov=torch.rad2deg(2 * torch.atan(half)), target=away[:, :1] * right + away[:, 1:] * up)


def seen_at(camera: Camera, fov: float) -> Pose:
    """The pose at which a camera of field of view `fov` degrees shows a flat, small object as `camera` [B] does."""
    distance, shift = orbit_of(camera)
    nearer = torch.tan(torch.deg2rad(camera.fov) / 2) / math.tan(math.radians(fov) / 2)
    return Pose(camera.azimuth, camera.elevation, distance * nearer, shift)


def random_renders(
    mesh: Mesh,
    resolution: int,
    elevations: tuple[float, float],
    fov: float,
    draws: Draws,
    azimuth: Tensor | None = None,
    placed: tuple[Tensor, Tensor] | None = None,
    lit: float = 0.6,
) -> tuple[Tensor, Tensor, Pose]:
    """Pictures [B, 3, R, R] and masks [B, 1, R, R] of meshes [B] from anywhere, and their poses at `fov`.

    Args:
        elevations: lowest and highest, degrees.
        azimuth: [B] degrees; default any.
        placed: shares [B] and offsets [B, 2] of the objects' boxes, as of `Window.around`; default `random_share`.
        lit: how much a lamp and its absence may change the colours, 0 to 1.
    """
    count, device = len(mesh), mesh.vertices.device
    low, high = elevations
    middle = min(max(LOW_ELEVATION, low), high)
    from_above = draws.rand(count) < HIGH_SHARE
    elevation = torch.where(from_above, uniform(draws, middle, high, count), uniform(draws, low, middle, count))
    distance = uniform(draws, math.log(DISTANCES[0]), math.log(DISTANCES[1]), count).exp()
    azimuth = uniform(draws, -180, 180, count) if azimuth is None else azimuth
    where = (t.to(device) for t in (azimuth, elevation, distance, *(placed or random_share(count, draws))))
    camera = filling(mesh, *where)
    towards = F.normalize(draws.randn(count, 3) + torch.tensor([0.0, 1.0, 0.0]), dim=1)
    ambient = uniform(draws, 1 - lit, 1.0, count, 1)
    direct = uniform(draws, 0.0, 1.5 * lit, count, 1)
    light = white_light(towards) * ambient + lamp(towards) * direct
    with torch.no_grad():
        shown = render(mesh, camera, resolution, light=light.to(device))
    images, masks = rolled(shown, uniform(draws, -ROLL, ROLL, count).to(device))
    return images, masks, seen_at(camera, fov)


def rolled(shown: RenderOutput, degrees: Tensor) -> tuple[Tensor, Tensor]:
    """Masked pictures and masks of renders [B], turned in the picture by `degrees` [B]."""
    angle = torch.deg2rad(degrees)
    theta = torch.zeros(len(angle), 2, 3, device=angle.device)
    theta[:, 0, 0] = theta[:, 1, 1] = angle.cos()
    theta[:, 0, 1], theta[:, 1, 0] = -angle.sin(), angle.sin()
    return resampled(shown.rgb, shown.mask, theta)


def reading_loss(reading: CameraReading, pose: Pose) -> dict[str, Tensor]:
    """How far readings of windows [B] are from the true poses [B].

    The cross entropy of the two nearest bins, their offsets, and the other parameters in the head's units.
    """
    terms = azimuth_terms(reading.logits, reading.offsets, pose.azimuth)
    rest = F.smooth_l1_loss(_units(reading.rest), _units(pose), beta=0.2)
    return terms | {"head_rest": rest}


def azimuth_terms(logits: Tensor, offsets: Tensor, azimuth: Tensor) -> dict[str, Tensor]:
    """How far bins [B, K] of azimuth and the places in them are from the true `azimuth` [B] degrees."""
    bins = logits.shape[1]
    place = (azimuth % 360) / (360.0 / bins)
    low, share = place.floor().long() % bins, place - place.floor()
    high, log_p = (low + 1) % bins, logits.log_softmax(1)

    def at(values: Tensor, where: Tensor) -> Tensor:
        return values.gather(1, where[:, None])[:, 0]

    entropy = -((1 - share) * at(log_p, low) + share * at(log_p, high)).mean()
    near = torch.stack([at(offsets, low), at(offsets, high)])
    placed = F.smooth_l1_loss(near, torch.stack([share, share - 1]), beta=0.1)
    return {"head_azimuth": entropy, "head_offset": placed}


def _units(pose: Pose) -> Tensor:
    """[B, 4] elevation, log distance and shift in the head's units."""
    elevation = (pose.elevation - ELEVATION[0]) / ELEVATION[1]
    distance = (pose.distance.log() - math.log(DISTANCE[0])) / DISTANCE[1]
    return torch.cat([torch.stack([elevation, distance], 1), pose.shift / SHIFT], 1)
