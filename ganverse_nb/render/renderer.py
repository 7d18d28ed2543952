"""One call from a mesh and cameras to pictures: DIB-R (Chen et al. 2019) with perspective-correct attributes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from ganverse_nb.geometry.camera import CameraModel
from ganverse_nb.geometry.mesh import Mesh, corners, vertex_normals
from ganverse_nb.render import nvdiffrast
from ganverse_nb.render.checks import NotFiniteError, check_finite, check_resolution
from ganverse_nb.render.light import sh_shading
from ganverse_nb.render.rasterize import Fragments, rasterize
from ganverse_nb.render.silhouette import CUT, SIGMA, Truncation, soft_silhouette
from ganverse_nb.render.texture import interpolate, sample_texture, texture_faces
from ganverse_nb.runtime.placement import at_work


@dataclass(frozen=True)
class RenderOutput:
    """B pictures of H x W pixels, row 0 on top. `silhouette` and `normals` are computed when first asked for.

    Attributes:
        rgb: [B, 3, H, W] in [0, 1]; 0 outside the object, or the background.
        fragments: face index, barycentrics and depth of each pixel.
        mesh: what was rendered, one mesh per picture or one for all.
        vertices_clip: [B, V, 4] its vertices in clip space.
        sigma: softness of the silhouette; `cut` and `truncation` its limits, see `soft_silhouette`.
    """

    rgb: Tensor
    fragments: Fragments
    mesh: Mesh
    vertices_clip: Tensor
    sigma: float = SIGMA
    cut: float = CUT
    truncation: Truncation | None = None

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
        limits = (self.sigma, self.cut, self.truncation)
        return soft_silhouette(self.vertices_clip, self.mesh.faces, self.face_index, *limits)

    @cached_property
    def normals(self) -> Tensor:
        """[B, 3, H, W] smooth unit normals in world axes, 0 outside."""
        return _normals(self.mesh, self.fragments).permute(0, 3, 1, 2)


@at_work
def render(
    mesh: Mesh,
    camera: CameraModel,
    resolution: int | tuple[int, int] = 64,
    *,
    background: Tensor | None = None,
    light: Tensor | None = None,
    sigma: float = SIGMA,
    cut: float = CUT,
    truncation: Truncation | None = None,
    backend: str = "auto",
    mipmaps: bool = False,
    antialias: bool = False,
) -> RenderOutput:
    """Render meshes with their texture: B meshes and B cameras, or one of either for all.

    Meshes of different topology go through `geometry.mesh.join_meshes` first.

    Differentiable in the vertices, the texture, the light, the background and the cameras.

    Args:
        mesh: with `texture` and `face_uvs`, or without a texture for a white surface.
        camera: any of `geometry.camera`: `Camera`, `FreeCamera` or `WeakPerspectiveCamera`.
        resolution: side of a square picture in pixels, or (H, W).
        background: [3] or [B or 1, 3] colour, or [B or 1, 3, H, W] picture behind the object; None leaves 0.
        light: [B or 1, 9] or [B or 1, 9, 3] spherical harmonic coefficients (`render.light`); the colour is then
            texture x irradiance / pi, clamped to [0, 1]. None shows the texture as it is.
        sigma: softness of the silhouette, `cut` the probability below which a face is out of its reach, and
            `truncation` kaolin's cut instead (see `soft_silhouette`).
        backend: see `rasterize`.
        mipmaps: filter the texture trilinearly, for textures finer than the picture; needs nvdiffrast.
        antialias: blend the colours across the object's edges; needs nvdiffrast.

    Raises:
        ValueError: shapes, dtypes or devices do not fit, or a value is not finite.
        ImportError: backend "nvdiffrast", mipmaps or antialias without nvdiffrast.

    Examples:
        >>> output = render(uv_sphere(), Camera.orbit(azimuth=30.0, elevation=10.0), resolution=128)
        >>> output.rgb.shape, output.silhouette.shape, output.depth.shape
        (torch.Size([1, 3, 128, 128]), torch.Size([1, 1, 128, 128]), torch.Size([1, 1, 128, 128]))
    """
    height, width = check_resolution(resolution)
    batch = max(len(mesh), len(camera))
    if len(mesh) not in (1, batch) or len(camera) not in (1, batch):
        raise ValueError(f"{len(mesh)} meshes and {len(camera)} cameras: give as many of both, or one of either.")
    for name, part in (("camera", camera.fov), ("texture", mesh.texture), ("light", light)):
        if part is not None and (part.dtype, part.device) != (mesh.vertices.dtype, mesh.vertices.device):
            here, there = f"{part.dtype} on {part.device}", f"{mesh.vertices.dtype} on {mesh.vertices.device}"
            raise ValueError(f"The {name} is {here}, the mesh's vertices are {there}; convert one of them.")
    if mesh.texture is not None and mesh.face_uvs is None:
        raise ValueError("The mesh has a texture but no face_uvs, which say where it goes; give both.")
    if mesh.face_uvs is not None:
        check_finite("face_uvs", mesh.face_uvs)
    clip = camera.to_clip(mesh.vertices, width / height).expand(batch, -1, -1).contiguous()
    try:
        fragments = rasterize(clip, mesh.faces, (height, width), backend, camera.parallel)
    except NotFiniteError:
        check_finite("The mesh's vertices", mesh.vertices)
        raise ValueError("The camera has a value that is not finite, or takes the vertices out of range.") from None
    if camera.parallel:
        away = corners(-camera.to_view(mesh.vertices)[..., 2:], mesh.faces)
        fragments = replace(fragments, depth=interpolate(away, fragments)[..., 0])
    color = _color(mesh, fragments, light, clip if mipmaps else None)
    if background is not None:
        color = color + (1 - fragments.mask) * _picture(background, fragments)
    if antialias:
        color = nvdiffrast.antialias(color, fragments.face_index, fragments.barycentric, clip, mesh.faces).clamp(0, 1)
    return RenderOutput(color, fragments, mesh, clip, sigma, cut, truncation)


def _color(mesh: Mesh, fragments: Fragments, light: Tensor | None, mipmapped: Tensor | None) -> Tensor:
    """[B, 3, H, W] colour of the surface, 0 where there is none; with mipmaps given the vertices in clip space."""
    if mesh.texture is None or mesh.face_uvs is None:
        color = fragments.mask.expand(-1, 3, -1, -1)
    elif mipmapped is not None:
        size = tuple(fragments.face_index.shape[1:])
        sampled = nvdiffrast.sample_mipmapped(mesh.texture, mesh.face_uvs, mipmapped, mesh.faces, *size)
        color = sampled * fragments.mask
    else:
        face_uvs = mesh.face_uvs if mesh.face_uvs.ndim == 4 else mesh.face_uvs[None]
        face_uvs = face_uvs.to(fragments.barycentric.dtype)
        if face_uvs.requires_grad:
            color = sample_texture(mesh.texture, interpolate(face_uvs, fragments), fragments.face_index)
        else:
            color = texture_faces(mesh.texture, face_uvs, fragments)
    if light is None:
        return color
    shading = sh_shading(_normals(mesh, fragments), light).permute(0, 3, 1, 2)
    return (color * shading).clamp(0, 1)


def _normals(mesh: Mesh, fragments: Fragments) -> Tensor:
    """[B, H, W, 3] unit normals in world axes, interpolated between the vertices."""
    at_corners = corners(vertex_normals(mesh.vertices, mesh.faces), mesh.faces)
    return torch.nn.functional.normalize(interpolate(at_corners, fragments), dim=-1)


def _picture(background: Tensor, fragments: Fragments) -> Tensor:
    """A colour or picture as something that broadcasts to [B, 3, H, W]."""
    batch, height, width = fragments.face_index.shape
    given = tuple(background.shape)
    if background.ndim in (1, 2) and background.shape[-1] == 3:
        background = background.reshape(-1, 3, 1, 1)
    fits = background.ndim == 4 and background.shape[1] == 3 and len(background) in (1, batch)
    if not fits or background.shape[2:] not in ((1, 1), (height, width)):
        sizes = f"[3], [1 or {batch}, 3] or [1 or {batch}, 3, {height}, {width}]"
        raise ValueError(f"background must be {sizes}, got {given}.")
    if (background.dtype, background.device) != (fragments.barycentric.dtype, fragments.barycentric.device):
        there = f"{fragments.barycentric.dtype} on {fragments.barycentric.device}"
        raise ValueError(f"The background is {background.dtype} on {background.device}, the picture {there}.")
    check_finite("background", background)
    return background
