"""A photograph projected onto a mesh: textures that show what the camera saw, and what fits to it elsewhere."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.geometry.camera import CameraModel
from ganverse_nb.geometry.mesh import Mesh, corners, vertex_normals
from ganverse_nb.render.rasterize import Fragments, rasterize
from ganverse_nb.render.renderer import render
from ganverse_nb.render.texture import interpolate

TEXTURE_SIZE = (256, 512)
FACING = (0.1, 0.4)  # cosine between surface and line of sight: nothing is taken below the first, all from the second
SHIFT = 0.5  # of the difference in colour that the prediction takes on where nothing is seen; more shows up elsewhere
DEPTH_RESOLUTION, DEPTH_SLACK = 512, 0.02  # of the z-buffer; world units, below what is thin in an object
EDGE = 1 / 64  # of the picture: so near to the outline a pixel may be mixed with the background


def project_texture(
    mesh: Mesh,
    camera: CameraModel,
    picture: Tensor,
    mask: Tensor,
    symmetric: bool = True,
    size: tuple[int, int] = TEXTURE_SIZE,
) -> Mesh:
    """The meshes [B] with textures [B, 3, *size] that show `picture` where the cameras [B] see it.

    A texel that is not seen takes what is seen of its mirror image (`symmetric`), else the texture that the mesh has,
    shifted in colour towards what is seen around it.

    Args:
        mesh: with a texture; for `symmetric` a deformed `uv_sphere`, whose texture's left half mirrors the right one.
        picture: [B, 3, H, W] in [0, 1]; what is painted on the surface contains its light.
        mask: [B, 1, h, w] of the object in it, at the same or another resolution.

    Raises:
        ValueError: a mesh without a texture, or not as many of one as of the others.
    """
    if mesh.texture is None:
        raise ValueError("project_texture: the mesh has no texture to show where the photo does not see it; give one.")
    predicted = F.interpolate(mesh.texture, size, mode="bicubic", align_corners=False).clamp(0, 1)
    seen, weight = seen_texels(mesh, camera, picture, mask, size)
    if symmetric:
        other, also = seen.flip(-1), (1 - weight) * weight.flip(-1)
        seen = (weight * seen + also * other) / (weight + also).clamp(min=1e-6)
        weight = weight + also
    difference = seen - predicted
    beside = _around(difference, weight)  # the difference itself where it is seen
    texture = predicted + SHIFT * beside + (1 - SHIFT) * weight * difference
    return replace(mesh, texture=texture.clamp(0, 1))


def seen_texels(
    mesh: Mesh, camera: CameraModel, picture: Tensor, mask: Tensor, size: tuple[int, int] = TEXTURE_SIZE
) -> tuple[Tensor, Tensor]:
    """Colours [B, 3, *size] that pictures show of texels, and how far to trust them [B, 1, *size] in [0, 1].

    0 where a texel is hidden, turned away or outside the picture; less than 1 where it is seen at a grazing angle.

    Raises:
        ValueError: not as many of one as of the others, or a mesh without `face_uvs`.
    """
    if not len(mesh) == len(camera) == len(picture) == len(mask):
        counts = f"{len(mesh)} meshes, {len(camera)} cameras, {len(picture)} pictures and {len(mask)} masks"
        raise ValueError(f"Each photo goes onto one mesh through one camera, got {counts}.")
    if mask.shape[-2:] != picture.shape[-2:]:
        mask = F.interpolate(mask, picture.shape[-2:], mode="bilinear", align_corners=False)
    texels = _texels(mesh, size)
    points = interpolate(corners(mesh.vertices, mesh.faces), texels).flatten(1, 2)
    normals = interpolate(corners(vertex_normals(mesh.vertices, mesh.faces), mesh.faces), texels).flatten(1, 2)
    aspect = picture.shape[-1] / picture.shape[-2]
    at = (2 * camera.to_image(points, aspect) - 1)[:, None]  # [B, 1, N, 2] as grid_sample takes it
    toward = F.normalize(camera.position[:, None] - points, dim=-1)
    facing = (F.normalize(normals, dim=-1) * toward).sum(-1)

    surface = render(Mesh(mesh.vertices, mesh.faces), camera, (DEPTH_RESOLUTION, round(DEPTH_RESOLUTION * aspect)))
    nearest = _sample(surface.depth, at, "nearest")[:, 0]
    away = -camera.to_view(points)[..., 2]
    visible = (nearest > 0) & (away < nearest + DEPTH_SLACK)
    weight = visible * _step(facing, *FACING)

    edge = round(EDGE * mask.shape[-1])
    inside = 1 - F.max_pool2d((mask <= 0.5).to(picture.dtype), 2 * edge + 1, 1, edge)
    colors = _sample(spread(picture, inside), at, "bilinear")  # the background is nowhere in it
    there = texels.mask
    colors, weight = colors.unflatten(-1, size), weight[:, None].unflatten(-1, size)
    return _around(colors, there), _around(weight, there)  # texels beside a face are mixed into those of the face


def spread(values: Tensor, weights: Tensor) -> Tensor:
    """[B, C, H, W] `values` where `weights` [B, 1, H, W] are 1, going on smoothly to where they are 0.

    A pyramid: what has no weight takes the weighted mean of ever larger surroundings (push-pull, Gortler et al. 1996).
    """
    height, width = values.shape[-2:]
    if height == width == 1:
        return values
    odd = (0, width % 2, 0, height % 2)
    total, weight = F.pad(values * weights, odd), F.pad(weights, odd)
    share = F.avg_pool2d(weight, 2)
    coarse = F.avg_pool2d(total, 2) / share.clamp(min=1e-8)
    below = spread(coarse, (4 * share).clamp(max=1))
    surroundings = F.interpolate(below, scale_factor=2, mode="bilinear", align_corners=False)[..., :height, :width]
    return weights * values + (1 - weights) * surroundings


def _around(values: Tensor, weights: Tensor) -> Tensor:
    """`spread` on a texture, whose last column continues with its first."""
    half = values.shape[-1] // 2
    wide = spread(*(F.pad(x, (half, half, 0, 0), mode="circular") for x in (values, weights)))
    return wide[..., half : half + values.shape[-1]]


def _texels(mesh: Mesh, size: tuple[int, int]) -> Fragments:
    """The face that each texel [B, *size] belongs to, and where on it."""
    if mesh.face_uvs is None or mesh.face_uvs.ndim != 3:
        raise ValueError("A photo goes onto meshes that share their faces and have face_uvs; give those.")
    flat = 2 * mesh.face_uvs.reshape(1, -1, 2).to(mesh.vertices.dtype) - 1
    clip = torch.cat([flat, torch.zeros_like(flat[..., :1]), torch.ones_like(flat[..., :1])], -1)
    own = torch.arange(clip.shape[1], device=clip.device).view(-1, 3)
    found = rasterize(clip, own, size, parallel=True)
    one = (found.face_index, found.barycentric, found.depth)
    return Fragments(*(t.expand(len(mesh), *t.shape[1:]).contiguous() for t in one))


def _sample(image: Tensor, at: Tensor, mode: str) -> Tensor:
    """[B, C, N] of pictures [B, C, H, W] at [B, 1, N, 2], which is 0 outside of them for the nearest pixel."""
    padding = "zeros" if mode == "nearest" else "border"
    return F.grid_sample(image, at, mode=mode, padding_mode=padding, align_corners=False)[:, :, 0]


def _step(value: Tensor, low: float, high: float) -> Tensor:
    """0 below `low`, 1 above `high`, smooth between."""
    t = ((value - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)
