"""One call from a mesh and cameras to pictures: DIB-R (Chen et al. 2019) with perspective-correct attributes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, vertex_normals
from ganverse_nb.render.checks import check_resolution
from ganverse_nb.render.light import sh_shading
from ganverse_nb.render.rasterize import Fragments, rasterize
from ganverse_nb.render.silhouette import CUT, SIGMA, soft_silhouette
from ganverse_nb.render.texture import interpolate, sample_texture


@dataclass(frozen=True)
class RenderOutput:
    """B pictures of H x W pixels, row 0 on top. `silhouette` and `normals` are computed when first asked for.

    Attributes:
        rgb: [B, 3, H, W] in [0, 1]; 0 outside the object, or the background.
        fragments: face index, barycentrics and depth of each pixel.
        mesh: what was rendered, one mesh per picture or one for all.
        vertices_clip: [B, V, 4] its vertices in clip space.
        sigma: softness of the silhouette.
    """

    rgb: Tensor
    fragments: Fragments
    mesh: Mesh
    vertices_clip: Tensor
    sigma: float = SIGMA
    cut: float = CUT

    @property
    def face_index(self) -> Tensor:
        """[B, H, W] int64, -1 where no face is seen."""
        return self.fragments.face_index

    @property
    def mask(self) -> Tensor:
        """[B, 1, H, W] 1 where the object is seen, else 0; carries no gradient."""
        return self.fragments.mask

    @property
    def depth(self) -> Tensor:
        """[B, 1, H, W] distance along the camera's axis in world units, 0 outside."""
        return self.fragments.depth[:, None]

    @cached_property
    def silhouette(self) -> Tensor:
        """[B, 1, H, W] soft mask in [0, 1], see `soft_silhouette`: the way for a mask to move the vertices."""
        return soft_silhouette(self.vertices_clip, self.mesh.faces, self.face_index, self.sigma, self.cut)

    @cached_property
    def normals(self) -> Tensor:
        """[B, 3, H, W] smooth unit normals in world axes, 0 outside."""
        return _normals(self.mesh, self.fragments).permute(0, 3, 1, 2)


def render(
    mesh: Mesh,
    camera: Camera,
    resolution: int | tuple[int, int] = 64,
    *,
    background: Tensor | None = None,
    light: Tensor | None = None,
    sigma: float = SIGMA,
    cut: float = CUT,
    backend: str = "auto",
) -> RenderOutput:
    """Render meshes with their texture: B meshes and B cameras, or one of either for all.

    Differentiable in the vertices, the texture, the light, the background and the cameras.

    Args:
        mesh: with `texture` and `face_uvs`, or without either for a white surface.
        camera: perspective cameras.
        resolution: side of a square picture in pixels, or (H, W).
        background: [3] or [B or 1, 3] colour, or [B or 1, 3, H, W] picture behind the object; None leaves 0.
        light: [B or 1, 9] or [B or 1, 9, 3] spherical harmonic coefficients (`render.light`); the colour is then
            texture x irradiance / pi, clamped to [0, 1]. None shows the texture as it is.
        sigma: softness of the silhouette, `cut` the probability below which a face is out of its reach.
        backend: see `rasterize`.

    Raises:
        ValueError: shapes, dtypes or devices do not fit, or a value is not finite.
        ImportError: backend "nvdiffrast" without nvdiffrast.
    """
    height, width = check_resolution(resolution)
    batch = max(len(mesh), len(camera))
    if len(mesh) not in (1, batch) or len(camera) not in (1, batch):
        raise ValueError(f"{len(mesh)} meshes and {len(camera)} cameras: give as many of both, or one of either.")
    for name, part in (("camera", camera.azimuth), ("texture", mesh.texture), ("light", light)):
        if part is not None and (part.dtype, part.device) != (mesh.vertices.dtype, mesh.vertices.device):
            here, there = f"{part.dtype} on {part.device}", f"{mesh.vertices.dtype} on {mesh.vertices.device}"
            raise ValueError(f"The {name} is {here}, the mesh's vertices are {there}; convert one of them.")
    if (mesh.texture is None) != (mesh.face_uvs is None):
        raise ValueError("The mesh has only one of texture and face_uvs; a textured mesh needs both.")
    clip = camera.to_clip(mesh.vertices, width / height).expand(batch, -1, -1).contiguous()
    fragments = rasterize(clip, mesh.faces, (height, width), backend)
    color = _color(mesh, fragments, light)
    if background is not None:
        color = color + (1 - fragments.mask) * _picture(background, batch)
    return RenderOutput(color, fragments, mesh, clip, sigma, cut)


def _color(mesh: Mesh, fragments: Fragments, light: Tensor | None) -> Tensor:
    """[B, 3, H, W] colour of the surface, 0 where there is none."""
    if mesh.texture is None or mesh.face_uvs is None:
        color = fragments.mask.expand(-1, 3, -1, -1)
    else:
        uv = interpolate(mesh.face_uvs[None].to(fragments.barycentric.dtype), fragments)
        color = sample_texture(mesh.texture, uv, fragments.face_index)
    if light is None:
        return color
    shading = sh_shading(_normals(mesh, fragments), light).permute(0, 3, 1, 2)
    return (color * shading).clamp(0, 1)


def _normals(mesh: Mesh, fragments: Fragments) -> Tensor:
    """[B, H, W, 3] unit normals in world axes, interpolated between the vertices."""
    corners = vertex_normals(mesh.vertices, mesh.faces)[:, mesh.faces]
    return torch.nn.functional.normalize(interpolate(corners, fragments), dim=-1)


def _picture(background: Tensor, batch: int) -> Tensor:
    """A colour or picture as something that broadcasts to [B, 3, H, W]."""
    if background.ndim in (1, 2) and background.shape[-1] == 3:
        background = background.reshape(-1, 3, 1, 1)
    if background.ndim != 4 or background.shape[1] != 3 or len(background) not in (1, batch):
        raise ValueError(
            f"background must be [3], [1 or {batch}, 3] or [1 or {batch}, 3, H, W], got {tuple(background.shape)}."
        )
    return background
