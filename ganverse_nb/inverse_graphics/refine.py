"""Cameras refined at test time: the predicted shape stays, its camera moves until the outlines agree."""

from __future__ import annotations

import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.overlap import soft_iou
from ganverse_nb.geometry.views import orbit_around
from ganverse_nb.render.renderer import render

STEPS = 60
LEARNING_RATE = 0.25  # in the units below
UNITS = (10.0, 5.0, 0.1, 0.05, 0.05)  # degrees of azimuth and elevation, logarithm of the distance, shift right and up
SIGMA = (1e-3, 3e-5)  # softness of the silhouette, start and end: a soft outline fits a smaller object best


def refine_camera(mesh: Mesh, camera: Camera, masks: Tensor, steps: int = STEPS) -> Camera:
    """Cameras [B] moved by gradient descent until the silhouettes of the meshes [B] fit `masks` [B, 1, R, R].

    Azimuth, elevation, distance and the place in the picture move; the field of view stays. Of all cameras on the way,
    the first one included, each object keeps the one whose silhouette overlaps most. An outline knows little of front
    and rear: a camera that begins on the wrong side stays there.

    Raises:
        ValueError: not as many masks as meshes and cameras.
    """
    if not len(mesh) == len(camera) == len(masks):
        raise ValueError(f"refine_camera: {len(mesh)} meshes, {len(camera)} cameras and {len(masks)} masks.")
    shape = Mesh(mesh.vertices.detach(), mesh.faces)
    right, up, ahead = (camera.axes() @ camera.target[..., None])[..., 0].unbind(1)  # a target beside the axis only
    start = torch.stack([camera.azimuth, camera.elevation, (camera.distance + ahead).log(), right, up], 1).detach()
    units, fov = start.new_tensor(UNITS), float(camera.fov[0])
    moved = torch.zeros_like(start, requires_grad=True)
    optimizer = torch.optim.Adam([moved], lr=LEARNING_RATE)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps))
    best, best_overlap = start.clone(), start.new_full((len(start),), -1.0)
    for step in range(steps + 1):
        values = start + moved * units
        now = orbit_around(values[:, 0], values[:, 1], values[:, 2].exp(), fov, values[:, 3:])
        sigma = SIGMA[0] * (SIGMA[1] / SIGMA[0]) ** min(1.0, step / max(1, 0.7 * steps))
        output = render(shape, now, masks.shape[-1], sigma=sigma)
        better = (overlap := soft_iou(output.mask, masks)) > best_overlap
        best[better], best_overlap[better] = values.detach()[better], overlap[better]
        optimizer.zero_grad()
        (1 - soft_iou(output.silhouette, masks)).sum().backward()
        optimizer.step()
        slower.step()
    return orbit_around(best[:, 0], best[:, 1], best[:, 2].exp(), fov, best[:, 3:])
