"""Cameras refined at test time: the predicted shape stays, its camera moves until the outlines agree.

An outline knows little of front and rear, so that several azimuths are tried, and what tells them apart is how well
the reconstruction's colours agree with the picture as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.data.crops import boxes
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.overlap import hard_iou, soft_iou
from ganverse_nb.geometry.views import orbit_around, orbit_of
from ganverse_nb.inverse_graphics.camera_head import CameraReading
from ganverse_nb.inverse_graphics.network import repeat_mesh
from ganverse_nb.render.renderer import render
from ganverse_nb.render.silhouette import hardening

STEPS = 60
LEARNING_RATE = 0.25  # in the units below
UNITS = (10.0, 5.0, 0.1, 0.05, 0.05)  # degrees of azimuth and elevation, logarithm of the distance, shift right and up
LENS = 0.3  # unit of the logarithm of the field of view's width
LENSES = (8.0, 56.0)  # degrees of field of view
LENS_PRIOR = 0.002  # weight, beside 1 - IoU, of the square of its move in that unit: an outline knows little of it
TURN_PRIOR = 0.003  # the same of the azimuth's: a wrong shape's outline fits best from a wrong side
SIGMA = 1e-3  # softness of the silhouette at the start, see `hardening`
HYPOTHESES = 4  # azimuths that are tried
COLOR, PRIOR = 2.0, 0.02  # weights, beside the IoU, of the colour difference and of the head's log-probability
TEMPERATURE = 0.05  # of the score: a difference that decides clearly
PLACINGS = 3  # perspective changes a little with every move


@dataclass(frozen=True)
class Hypotheses:
    """K refined cameras for each of B pictures, the best one first.

    Attributes:
        cameras: [K * B], the best one of every picture, then the second best ...
        weight: [B, K] how far each is to be believed; they add up to 1.
        iou: [B, K] hard IoU of each.
    """

    cameras: Camera
    weight: Tensor
    iou: Tensor

    def best(self) -> Camera:
        """[B] of each picture."""
        return self.cameras[: len(self.weight)]


def refine_camera(mesh: Mesh, camera: Camera, masks: Tensor, steps: int = STEPS, lens: bool = True) -> Camera:
    """Cameras [B] moved by gradient descent until the silhouettes of the meshes [B] fit `masks` [B, 1, R, R].

    Azimuth, elevation, distance and the place in the picture move, and the field of view, with which the distance
    changes so that the object stays as large: photographs have any perspective. Of all cameras on the way, the first
    one included, each object keeps the one whose silhouette overlaps most. An outline knows little of front and rear: a
    camera that begins on the wrong side stays there.

    Args:
        lens: whether the field of view moves.

    Raises:
        ValueError: not as many masks as meshes and cameras.
    """
    if not len(mesh) == len(camera) == len(masks):
        raise ValueError(f"refine_camera: {len(mesh)} meshes, {len(camera)} cameras and {len(masks)} masks.")
    shape = Mesh(mesh.vertices.detach(), mesh.faces)
    distance, shift = orbit_of(camera)
    slope = torch.tan(torch.deg2rad(camera.fov) / 2)
    size, lens_units = (distance * slope).log(), (LENS if lens else 0.0,)
    start = torch.cat([torch.stack([camera.azimuth, camera.elevation, size], 1), shift, slope.log()[:, None]], 1)
    start, units = start.detach(), start.new_tensor(UNITS + lens_units)
    widest, narrowest = (math.log(math.tan(math.radians(degrees) / 2)) for degrees in LENSES[::-1])
    moved = torch.zeros_like(start, requires_grad=True)

    def seen_by(values: Tensor) -> Camera:
        opened = values[:, 5].clamp(narrowest, widest).exp() if lens else slope.detach()
        fov = torch.rad2deg(2 * opened.atan()) if lens else camera.fov.detach()
        return orbit_around(values[:, 0], values[:, 1], values[:, 2].exp() / opened, fov, values[:, 3:5])

    optimizer = torch.optim.Adam([moved], lr=LEARNING_RATE)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps))
    best, best_overlap = start.clone(), start.new_full((len(start),), -1.0)
    for step in range(steps + 1):
        values = start + moved * units
        sigma = hardening(step / max(1, steps), SIGMA)
        output = render(shape, seen_by(values), masks.shape[-1], sigma=sigma)
        better = (overlap := soft_iou(output.mask, masks)) > best_overlap
        best[better], best_overlap[better] = values.detach()[better], overlap[better]
        optimizer.zero_grad()
        misfit = 1 - soft_iou(output.silhouette, masks)
        held = TURN_PRIOR * moved[:, 0].square() + LENS_PRIOR * moved[:, 5].square()
        (misfit + held).sum().backward()
        optimizer.step()
        slower.step()
    return seen_by(best)


@torch.no_grad()
def place_by_box(mesh: Mesh, camera: Camera, masks: Tensor) -> Camera:
    """Cameras [B] at the same angles whose distance and place make the boxes of meshes [B] those of `masks`.

    Size and place are thereby read off the mask itself: nothing is left of them for a network to guess.

    Args:
        camera: [B] with perspective.
        masks: [B, 1, R, R], none of them empty.
    """
    center, side = boxes(masks)
    wanted, fov = (2 * center - 1) * center.new_tensor([1.0, -1.0]), float(camera.fov[0])
    slope = math.tan(math.radians(fov) / 2)
    distance, shift = orbit_of(camera)
    for _ in range(PLACINGS):
        clip = orbit_around(camera.azimuth, camera.elevation, distance, fov, shift).to_clip(mesh.vertices)
        ndc = clip[..., :2] / clip[..., 3:]
        low, high = ndc.amin(1), ndc.amax(1)
        distance = distance * (high - low).amax(1) / (2 * side)
        shift = shift - (wanted - (low + high) / 2) * (distance * slope)[:, None]
    return orbit_around(camera.azimuth, camera.elevation, distance, fov, shift)


def place_hypotheses(
    mesh: Mesh, reading: CameraReading, images: Tensor, masks: Tensor, count: int = HYPOTHESES
) -> Hypotheses:
    """The likeliest azimuths of each picture, placed by the box of its mask, ordered by how well all agrees.

    Args:
        mesh: [B] that f has made of the pictures, textured.
        reading: of the pictures by the camera head.
        images, masks: [B, 3, R, R] in [0, 1] and [B, 1, R, R].
        count: hypotheses for each picture.

    Raises:
        ValueError: see `CameraReading.hypotheses`.
    """
    cameras = reading.hypotheses(count)
    tried = len(cameras) // len(images)
    placed = place_by_box(repeat_mesh(mesh, tried), cameras, masks.repeat(tried, 1, 1, 1))
    return _weigh(mesh, placed, reading, images, masks)


def refine_hypotheses(
    mesh: Mesh, reading: CameraReading, images: Tensor, masks: Tensor, count: int = HYPOTHESES, steps: int = STEPS
) -> Hypotheses:
    """Those of `place_hypotheses`, each refined by the outline before they are compared.

    Raises:
        ValueError: see `CameraReading.hypotheses`, `refine_camera`.
    """
    start = reading.hypotheses(count)
    tried = len(start) // len(images)
    many, wide_masks = repeat_mesh(mesh, tried), masks.repeat(tried, 1, 1, 1)
    cameras = refine_camera(many, place_by_box(many, start, wide_masks), wide_masks, steps)
    return _weigh(mesh, cameras, reading, images, masks)


@torch.no_grad()
def _weigh(mesh: Mesh, cameras: Camera, reading: CameraReading, images: Tensor, masks: Tensor) -> Hypotheses:
    """Cameras [K * B] by the agreement of renders and pictures in outline and colour, and by the head's opinion."""
    number, tried = len(images), len(cameras) // len(images)
    wide, wide_masks = images.repeat(tried, 1, 1, 1), masks.repeat(tried, 1, 1, 1)
    output = render(repeat_mesh(mesh, tried), cameras, images.shape[-1])
    both = output.mask * wide_masks
    color = ((output.rgb - wide).abs() * both).sum((1, 2, 3)) / (3 * both.sum((1, 2, 3))).clamp(min=1)
    iou, color = (t.reshape(tried, number).T for t in (hard_iou(output.mask, wide_masks), color))
    prior = reading.log_probability(cameras.azimuth.reshape(tried, number).T)
    weight, order = ((iou - COLOR * color + PRIOR * prior) / TEMPERATURE).softmax(1).sort(1, descending=True)
    place = order * number + torch.arange(number, device=order.device)[:, None]
    return Hypotheses(cameras[place.T.flatten()], weight, iou.gather(1, order))
