"""A prediction fitted to its photograph: camera, shape and texture moved until the picture looks like it."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.deformation import mirror_vertices, symmetric_smoothing
from ganverse_nb.geometry.losses import flatten_loss, laplacian_loss, movement_loss
from ganverse_nb.geometry.mesh import Mesh, detail_of, detailed_sphere
from ganverse_nb.geometry.overlap import soft_iou
from ganverse_nb.geometry.views import orbit_around, orbit_of
from ganverse_nb.inverse_graphics.photo_texture import TEXTURE_SIZE, project_texture
from ganverse_nb.inverse_graphics.refine import UNITS
from ganverse_nb.render.renderer import render
from ganverse_nb.render.silhouette import hardening

RESOLUTION = 128  # of the silhouettes at most: finer ones move nothing that the smoothing would let through
STEPS, LEARNING_RATE = 80, 0.02  # in world units before the smoothing, and in UNITS of the camera
SMOOTHING = 16.0
WEIGHT_MOVEMENT, WEIGHT_LAPLACIAN, WEIGHT_FLATTEN = 200.0, 100.0, 0.1  # with less, other views get worse
SIGMA = (1e-3, 3e-5)  # softness of the silhouette, start and end: a sharper one makes other sides worse
SYMMETRIC = 1e-3  # world units within which a shape counts as its own mirror image


def fit_photo(
    mesh: Mesh, camera: Camera, picture: Tensor, mask: Tensor, texture_size: tuple[int, int] = TEXTURE_SIZE
) -> tuple[Mesh, Camera]:
    """Predictions [B] of f and their cameras [B], fitted to the photos: shapes, then textures.

    Args:
        mesh: as f predicts it, with its texture.
        camera: refined by the outline (`refine_hypotheses`, `refine_camera`); it moves a little with the shape.
        picture: [B, 3, H, W] in [0, 1], the window of the photo that f saw, at any resolution.
        mask: [B, 1, h, w] of the object in it, at the same or another resolution.

    Returns:
        meshes with textures of `texture_size`, see `project_texture`, and cameras.

    Raises:
        ValueError: not as many of one as of the others, or a mesh without a texture.
    """
    picture, mask = (x.to(mesh.vertices.device) for x in (picture, mask))
    mesh, camera = fit_shape(mesh, camera, _outline(mask))
    return project_texture(mesh, camera, picture, mask, is_symmetric(mesh), texture_size), camera


def fit_shape(mesh: Mesh, camera: Camera, masks: Tensor, steps: int = STEPS) -> tuple[Mesh, Camera]:
    """Meshes and cameras [B] moved a little until the silhouettes fit `masks` [B, 1, R, R]; the textures stay.

    The vertices move with their neighbours as those of f do, mirrored where the prediction is symmetric, and no further
    from the prediction than the overlap is worth: what the photo does not show must not be paid for what it shows.
    Size and place of a shape stay as predicted: one picture cannot tell them from the camera's, which move.

    Raises:
        ValueError: not as many masks as meshes and cameras, or meshes that are no deformed spheres.
    """
    if not len(mesh) == len(camera) == len(masks):
        raise ValueError(f"fit_shape: {len(mesh)} meshes, {len(camera)} cameras and {len(masks)} masks.")
    start, faces = mesh.vertices.detach(), mesh.faces
    middle = start - start.mean(1, keepdim=True)
    detail = detail_of(start.shape[1])
    smooth, mirror = _smoothing(detail).to(start), _mirror(detail).to(start.device)
    symmetric = is_symmetric(mesh)
    away, shift = orbit_of(camera)
    pose = torch.cat([torch.stack([camera.azimuth, camera.elevation, away.log()], 1), shift], 1).detach()
    units, fov = pose.new_tensor(UNITS), camera.fov.detach()
    pushed, turned = torch.zeros_like(start, requires_grad=True), torch.zeros_like(pose, requires_grad=True)

    def moved() -> tuple[Tensor, Camera]:
        offsets = smooth @ pushed
        if symmetric:
            offsets = 0.5 * (offsets + mirrored(offsets, mirror))
        offsets = offsets - offsets.mean(1, keepdim=True)
        growth = (offsets * middle).sum((1, 2), keepdim=True) / middle.square().sum((1, 2), keepdim=True)
        values = pose + turned * units
        now = orbit_around(values[:, 0], values[:, 1], values[:, 2].exp(), fov, values[:, 3:])
        return offsets - growth * middle, now

    optimizer = torch.optim.Adam([pushed, turned], lr=LEARNING_RATE)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps))
    for step in range(steps):
        offsets, now = moved()
        vertices = start + offsets
        sigma = hardening(step / max(1, steps), *SIGMA)
        seen = render(Mesh(vertices, faces), now, masks.shape[-1], sigma=sigma)
        shape = WEIGHT_MOVEMENT * movement_loss(offsets) + WEIGHT_LAPLACIAN * laplacian_loss(offsets, faces)
        shape = shape + WEIGHT_FLATTEN * flatten_loss(vertices, faces)
        optimizer.zero_grad()
        (len(mesh) * shape + (1 - soft_iou(seen.silhouette, masks)).sum()).backward()
        optimizer.step()
        slower.step()
    with torch.no_grad():
        offsets, now = moved()
    return replace(mesh, vertices=start + offsets), now


def is_symmetric(mesh: Mesh) -> bool:
    """Whether deformed spheres are their own mirror images at x = 0.

    Raises:
        ValueError: they have another number of vertices.
    """
    mirror = _mirror(detail_of(mesh.vertices.shape[1])).to(mesh.vertices.device)
    return bool((mirrored(mesh.vertices, mirror) - mesh.vertices).abs().max() < SYMMETRIC)


def mirrored(vectors: Tensor, mirror: Tensor) -> Tensor:
    """[B, V, 3] positions or movements mirrored at x = 0, each at the vertex that is there."""
    return vectors[:, mirror] * vectors.new_tensor([-1.0, 1.0, 1.0])


def _outline(mask: Tensor) -> Tensor:
    """The mask as the silhouettes are to be."""
    if mask.shape[-1] > RESOLUTION:
        mask = F.interpolate(mask, (RESOLUTION, RESOLUTION), mode="bilinear", antialias=True, align_corners=False)
    return (mask > 0.5).float()


@lru_cache
def _mirror(detail: int) -> Tensor:
    return mirror_vertices(detailed_sphere(detail).vertices[0])


@lru_cache
def _smoothing(detail: int) -> Tensor:
    """`smoothing_matrix`, the same on both sides (as f has it), over as much of the sphere whatever its detail."""
    return symmetric_smoothing(detailed_sphere(detail).faces, _mirror(detail), SMOOTHING * detail**2)
