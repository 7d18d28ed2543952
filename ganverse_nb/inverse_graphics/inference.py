"""From pictures to meshes and cameras with a trained model."""

from __future__ import annotations

import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.photo_camera import Opinion
from ganverse_nb.inverse_graphics.refine import place_hypotheses
from ganverse_nb.render.renderer import render
from ganverse_nb.runtime.placement import moved


def check_pictures(images: Tensor, masks: Tensor, resolution: int) -> None:
    """Raise a ValueError that says what is wrong with pictures or masks a network of this resolution is to take."""
    wanted = (3, resolution, resolution)
    if images.ndim != 4 or images.shape[1:] != wanted or masks.shape != (len(images), 1, *wanted[1:]):
        raise ValueError(
            f"Pictures must be [B, 3, {resolution}, {resolution}] with masks [B, 1, {resolution}, {resolution}], "
            f"got {tuple(images.shape)} and {tuple(masks.shape)}; resize them first."
        )
    if not images.is_floating_point() or images.min() < 0 or images.max() > 1:
        raise ValueError(f"Pictures must be floats in [0, 1], got {images.dtype}; divide bytes by 255.")
    empty = (masks.flatten(1).amax(1) <= 0.5).nonzero().flatten().tolist()
    if empty:
        raise ValueError(f"The mask of picture {empty[0]} is empty: nothing was found in it to reconstruct.")


def reconstruct(images: Tensor, masks: Tensor, model: InverseGraphicsModel, batch: int = 64) -> tuple[Mesh, Camera]:
    """Textured meshes [B] and cameras [B] for pictures [B, 3, R, R] in [0, 1] and masks [B, 1, R, R].

    Of the camera head's likeliest azimuths, the one from which the mesh looks most like the picture is taken; distance
    and place come from the box of the mask, where that is whole. For a picture of the dataset, `model.cameras(view)` is
    the better one.

    Raises:
        ValueError: wrong size or range, empty mask.
    """
    return reconstruct_and_compare(images, masks, model, batch)[:2]


@torch.no_grad()
def reconstruct_and_compare(
    images: Tensor, masks: Tensor, model: InverseGraphicsModel, batch: int = 64, opinion: Opinion | None = None
) -> tuple[Mesh, Camera, Tensor]:
    """What `reconstruct` gives, and [B] the IoU of masks and meshes from the best of the likeliest azimuths.

    Args:
        opinion: on the cameras of the pictures, where they are photographs.

    Raises:
        ValueError: as `reconstruct`.
    """
    check_pictures(images, masks, model.resolution)
    model.eval()
    device = model.cameras.azimuth.device
    meshes, cameras, overlaps = [], [], []
    for rows in torch.arange(len(images)).split(batch):
        image, mask = images[rows].to(device), (masks[rows] > 0.5).to(images.dtype).to(device)
        meshes.append(mesh := model.network(image, mask))
        reading = model.head.read(image, mask)
        if opinion is not None:
            reading = moved(opinion[rows], device).beside(reading)
        hypotheses = place_hypotheses(mesh, reading, image, mask)
        cameras.append(where_whole(mask, hypotheses.best(), reading.camera()))
        overlaps.append(hypotheses.iou.amax(1).cpu())
    vertices = torch.cat([m.vertices for m in meshes])
    texture = torch.cat([m.texture for m in meshes if m.texture is not None])
    camera = Camera.join(cameras)
    mesh = Mesh(vertices, meshes[0].faces, meshes[0].face_uvs, texture)
    return *moved((mesh, camera), images.device), torch.cat(overlaps)


def where_whole(masks: Tensor, camera: Camera, otherwise: Camera) -> Camera:
    """Cameras [B]: `camera` where the picture's border does not touch the mask, `otherwise` where it may cut it off."""
    border = torch.ones_like(masks[0, 0], dtype=torch.bool)
    border[1:-1, 1:-1] = False
    whole = (masks[:, 0, border] <= 0.5).all(1)
    pairs = ((getattr(camera, k), v) for k, v in otherwise.__dict__.items())
    return Camera(*(torch.where(whole if a.ndim == 1 else whole[:, None], a, b) for a, b in pairs))


def compare(mesh: Mesh, camera: Camera, images: Tensor, masks: Tensor) -> Tensor:
    """[B, 2] hard IoU, and mean absolute colour difference where both masks are set, of renders against pictures."""
    output = render(mesh, camera, images.shape[-1])
    both = output.mask * masks
    difference = ((output.rgb - images).abs() * both).flatten(1).sum(1) / (3 * both.flatten(1).sum(1)).clamp(min=1)
    return torch.stack([hard_iou(output.mask, masks), difference], 1)
