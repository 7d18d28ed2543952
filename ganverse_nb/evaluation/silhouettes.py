"""One photograph's mesh, seen from the sides of other photographs of the same object: silhouettes compared."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.data.crops import boxes
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.geometry.views import moved
from ganverse_nb.render.renderer import render

NORMAL = 64  # pixels of a normalised silhouette
RENDERED = 192  # pixels of the turned object's picture
WIDER = 2.0  # how much more than the photograph a turned object is rendered in: its side is longer than its front
BATCH = 64


def box_normalised(masks: Tensor, size: int = NORMAL) -> Tensor:
    """[B, 1, size, size] of 0 and 1: masks [B, 1, H, H] without their place and size.

    The box of each is scaled by one factor, so that its longer side fills the square, and stands in its middle: the
    proportions of the box stay. An empty mask stays empty.
    """
    there = (masks > 0.5).flatten(1).any(1)
    result = masks.new_zeros(len(masks), 1, size, size)
    if there.any():
        center, side = boxes(masks[there])
        theta = masks.new_zeros(len(center), 2, 3)
        theta[:, 0, 0] = theta[:, 1, 1] = side
        theta[:, :, 2] = 2 * center - 1
        grid = F.affine_grid(theta, [len(center), 1, size, size], align_corners=False)
        result[there] = (F.grid_sample(masks[there].float(), grid, align_corners=False) > 0.5).to(masks.dtype)
    return result


def pairs_of_sides(objects: Sequence[str], azimuth: Sequence[float | None], others: int, seed: int = 0) -> Tensor:
    """[P, 2] rows of photographs of the same object: of each, with `others` (or as many as there are) of its others.

    Photographs of unknown azimuth are left out.
    """
    rng = random.Random(seed)
    of: dict[str, list[int]] = {}
    for row, (name, angle) in enumerate(zip(objects, azimuth, strict=True)):
        if angle is not None:
            of.setdefault(name, []).append(row)
    pairs = []
    for row, name in enumerate(objects):
        rest = [other for other in of.get(name, []) if other != row] if azimuth[row] is not None else []
        pairs += [(row, other) for other in rng.sample(rest, min(others, len(rest)))]
    return torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2)


@torch.no_grad()
def other_sides_iou(mesh: Mesh, camera: Camera, azimuth: Tensor, silhouettes: Tensor, pairs: Tensor) -> Tensor:
    """[P] hard IoU of normalised silhouettes: the mesh of one photograph turned to another's side, and that one's mask.

    Args:
        mesh, camera: [N] of the photographs.
        azimuth: [N] degrees, from where they were taken; only the differences count.
        silhouettes: [N, 1, S, S] true masks, see `box_normalised`.
        pairs: [P, 2] rows: from which, to which.
    """
    found = [torch.zeros(0)]
    for part in pairs.split(BATCH) if len(pairs) else ():
        start, end = part.unbind(1)
        turned = moved(camera[start], azimuth=camera.azimuth[start] + azimuth[end] - azimuth[start])
        wide = torch.rad2deg(2 * torch.atan(WIDER * torch.tan(torch.deg2rad(turned.fov) / 2)))
        shape = Mesh(mesh.vertices[start], mesh.faces)
        seen = render(shape, turned.replace(fov=wide), RENDERED).mask
        found.append(hard_iou(box_normalised(seen, silhouettes.shape[-1]), silhouettes[end]))
    return torch.cat(found)
