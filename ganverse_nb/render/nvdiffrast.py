"""nvdiffrast (Laine et al. 2020), where a person has installed it: CUDA, float32 only.

Its z-buffer serves as a backend of `rasterize`; its mipmapped textures and its antialiasing, which Warp has no kernels
for, are options of `render`.
"""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from ganverse_nb.geometry.mesh import corners
from ganverse_nb.render.autograd import first_order
from ganverse_nb.render.checks import check_finite

INSTALL = (
    "nvdiffrast is not installed: it needs a CUDA device and "
    "`pip install git+https://github.com/NVlabs/nvdiffrast.git --no-build-isolation`, "
    'or use backend="warp", which needs neither.'
)


@cache
def available() -> bool:
    """Whether nvdiffrast and its compiled part can be imported."""
    try:
        importlib.import_module("nvdiffrast.torch")
    except ImportError:
        return False
    return True


def rasterize(clip: Tensor, faces: Tensor, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """face_index [B, H, W] int64, barycentric [B, H, W, 3] and depth [B, H, W], differentiable in `clip` [B, V, 4].

    Raises:
        ImportError: nvdiffrast is missing; the message says what to install.
        ValueError: the tensors are not float32 on a CUDA device.
    """
    library = _library()
    _check_device(clip)
    position, triangles, ranges = _packed(clip, faces)
    seen, _ = library.rasterize(
        _context(clip.device), top_row_first(position), triangles, (height, width), ranges=ranges, grad_db=False
    )
    first, second, index = seen[..., 0], seen[..., 1], seen[..., 3].long() - 1
    barycentric = torch.stack([first, second, 1 - first - second], -1) * (index >= 0)[..., None]
    depth, _ = library.interpolate(position[..., 3:].contiguous(), seen, triangles)
    if ranges is not None:  # it counts the faces of all images
        index = torch.where(index >= 0, index - ranges[:, 0].to(index.device)[:, None, None], -1)
    return index, barycentric, depth[..., 0]


def sample_mipmapped(texture: Tensor, face_uvs: Tensor, clip: Tensor, faces: Tensor, height: int, width: int) -> Tensor:
    """[B, C, H, W] trilinear samples of `texture` [B or 1, C, Ht, Wt]: wraps in u, is clamped in v; not masked.

    `face_uvs` [F, 3, 2] or [B, F, 3, 2] go with `faces`. Mipmaps halve the texture for as long as its sides are even.
    Differentiable in the texture and, through uv and its footprint, in `clip`. Raises as `rasterize` does.
    """
    library = _library()
    _check_device(clip)
    check_finite("texture", texture)
    texture, clip = first_order(texture, clip)
    position, triangles, ranges = _packed(clip, faces)
    seen, slopes = library.rasterize(
        _context(clip.device), top_row_first(position), triangles, (height, width), ranges=ranges, grad_db=True
    )
    own = torch.arange(face_uvs.numel() // 2, dtype=torch.int32, device=clip.device).reshape(-1, 3)
    at_corners = face_uvs.reshape(-1, 2).contiguous()
    uv, footprint = library.interpolate(at_corners, seen, own, rast_db=slopes, diff_attrs="all")
    rows, columns = texture.shape[2:]
    u, v = uv.unbind(-1)
    v = (1 - v).clamp(0.5 / rows, 1 - 0.5 / rows)  # its v = 0 is the texture's first row; it wraps v too
    pixels = texture.permute(0, 2, 3, 1).contiguous()
    filtered = library.texture(
        pixels,
        torch.stack([u, v], -1),
        uv_da=footprint * footprint.new_tensor([1.0, 1.0, -1.0, -1.0]),
        filter_mode="linear-mipmap-linear",
        boundary_mode="wrap",
        max_mip_level=_halvings(rows, columns),
    )
    return filtered.permute(0, 3, 1, 2)


def antialias(color: Tensor, face_index: Tensor, barycentric: Tensor, clip: Tensor, faces: Tensor) -> Tensor:
    """`color` [B, C, H, W] with the silhouette's edges blended over a pixel; their gradient reaches `clip`.

    `face_index` and `barycentric` are those of the fragments. Values may leave the range of the colours a little.
    Raises as `rasterize` does.
    """
    library = _library()
    _check_device(clip)
    color, clip = first_order(color, clip)
    position, triangles, ranges = _packed(clip, faces)
    image = torch.arange(len(clip), device=clip.device)[:, None, None]
    seen, weights = face_index >= 0, barycentric.detach()
    point = (corners(clip.detach(), faces)[image, face_index.clamp(min=0)] * weights[..., None]).sum(-2)
    z = point[..., 2] / point[..., 3].where(seen, 1.0)
    number = face_index + 1 if ranges is None else face_index + 1 + ranges[:, 0].to(clip.device)[:, None, None]
    packed = torch.stack([weights[..., 0], weights[..., 1], z, number.where(seen, 0)], -1)
    pixels = color.permute(0, 2, 3, 1).contiguous()
    return library.antialias(pixels, packed.contiguous(), top_row_first(position), triangles).permute(0, 3, 1, 2)


def top_row_first(clip: Tensor) -> Tensor:
    """Clip space for a rasterizer whose row 0 is the bottom one, such that its row 0 becomes the top one.

    The only place where this project turns rows over. It mirrors y, which turns faces over too: no face is culled.
    """
    return clip * clip.new_tensor([1.0, -1.0, 1.0, 1.0])


def _packed(clip: Tensor, faces: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """Vertices, int32 triangles and their ranges (first, count) per image, None where the images share the faces."""
    if faces.ndim == 2 or len(faces) == 1:
        return clip, faces.reshape(-1, 3).to(torch.int32), None
    batch, vertices, count = len(clip), clip.shape[1], faces.shape[1]
    first = torch.arange(batch, device=faces.device)
    ranges = torch.stack([first * count, torch.full_like(first, count)], 1).to("cpu", torch.int32)
    return clip.reshape(-1, 4), (faces + first[:, None, None] * vertices).reshape(-1, 3).to(torch.int32), ranges


def _halvings(rows: int, columns: int) -> int:
    """How often both sides of a texture can be halved, a side of one texel staying as it is."""
    count = 0
    while (rows, columns) != (1, 1) and all(side == 1 or side % 2 == 0 for side in (rows, columns)):
        rows, columns, count = max(rows // 2, 1), max(columns // 2, 1), count + 1
    return count


def _check_device(clip: Tensor) -> None:
    if clip.device.type != "cuda" or clip.dtype != torch.float32:
        raise ValueError(f"nvdiffrast needs float32 on a CUDA device, got {clip.dtype} on {clip.device}.")


def _library() -> ModuleType:
    if not available():
        raise ImportError(INSTALL)
    return importlib.import_module("nvdiffrast.torch")


@cache
def _context(device: torch.device) -> Any:
    return _library().RasterizeCudaContext(device=device)
