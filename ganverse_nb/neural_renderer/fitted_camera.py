"""From where a picture shows an object that is known: DIB-R's render of it is laid over the picture.

A camera head has to guess the shape as well: a small car that is near looks like a large one further away, and an
outline hardly knows its elevation. Where mesh and texture are given, as to StyleGAN-R, only the camera is unknown.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.overlap import soft_iou
from ganverse_nb.geometry.views import moved
from ganverse_nb.neural_renderer.properties import Properties, concatenate
from ganverse_nb.render.renderer import render
from ganverse_nb.render.silhouette import hardening

STEPS, LEARNING_RATE = 30, 0.25
UNITS = (5.0, 5.0, 0.1)  # degrees of azimuth and elevation, logarithm of the distance
SIGMA = 3e-4  # softness of the silhouette at the start, see `hardening`
COLOR = 4.0  # weight of the mean absolute colour difference beside 1 - IoU
BLURS = (1, 2, 4)  # pixels a side that colours are averaged over
AT_ONCE = 16  # pictures at least, where there are more batches: four alone take as long


@torch.enable_grad()
def fitted_camera(known: Properties, images: torch.Tensor, masks: torch.Tensor, start: Camera) -> Camera:
    """Cameras [B] from which renders of the known meshes agree best with pictures in outline and colour.

    Args:
        known: B meshes; of their cameras the field of view is kept, and how far beside the object they look.
        images, masks: [B, 3, R, R] in [0, 1] and [B, 1, R, R] of the object.
        start: azimuth, elevation and distance to begin at; a camera that begins on the wrong side stays there.
    """
    first = torch.stack([start.azimuth, start.elevation, start.distance.log()], 1).detach()
    units, mesh = first.new_tensor(UNITS), known.mesh()
    change = torch.zeros_like(first, requires_grad=True)
    optimizer = torch.optim.Adam([change], lr=LEARNING_RATE)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)

    def camera() -> Camera:
        azimuth, elevation, size = (first + change * units).unbind(1)
        return moved(known.camera, azimuth, elevation, size.exp())

    for step in range(STEPS):
        output = render(mesh, camera(), images.shape[-1], sigma=hardening(step / STEPS, SIGMA))
        both = (output.mask * masks).detach()
        difference = sum(_difference((output.rgb - images) * both, both, side) for side in BLURS) / len(BLURS)
        optimizer.zero_grad()
        (1 - soft_iou(output.silhouette, masks) + COLOR * difference).sum().backward()
        optimizer.step()
        slower.step()
    return camera().detach()


class FittedCameras:
    """`fitted_camera` of batch after batch; small ones are fitted together."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Properties, torch.Tensor, torch.Tensor, Camera]] = []
        self._found: list[Camera] = []

    def add(self, known: Properties, images: torch.Tensor, masks: torch.Tensor, start: Camera) -> None:
        """A batch, as `fitted_camera` takes it."""
        self._waiting.append((known, images, masks, start))
        if sum(len(batch[0]) for batch in self._waiting) >= AT_ONCE:
            self._fit()

    def all(self) -> list[Camera]:
        """Those of each batch, in the order that they came in."""
        if self._waiting:
            self._fit()
        return self._found

    def _fit(self) -> None:
        known, images, masks, start = zip(*self._waiting, strict=True)
        found = fitted_camera(concatenate(known), torch.cat(images), torch.cat(masks), Camera.join(start))
        self._found += [found[rows] for rows in torch.arange(len(found)).split([len(batch) for batch in known])]
        self._waiting = []


def _difference(difference: torch.Tensor, where: torch.Tensor, side: int) -> torch.Tensor:
    """[B] mean absolute difference [B, 3, R, R], averaged over `side` pixels, within `where` [B, 1, R, R]."""
    blurred, weight = F.avg_pool2d(difference, side), F.avg_pool2d(where, side)
    return blurred.abs().sum((1, 2, 3)) / (3 * weight.sum((1, 2, 3))).clamp_min(1)
