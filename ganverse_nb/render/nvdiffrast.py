"""The z-buffer of nvdiffrast (Laine et al. 2020), where a person has installed it: CUDA, float32 only."""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

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
    triangles = faces.to(torch.int32)
    seen, _ = library.rasterize(_context(clip.device), top_row_first(clip), triangles, (height, width), grad_db=False)
    first, second, index = seen[..., 0], seen[..., 1], seen[..., 3].long() - 1
    barycentric = torch.stack([first, second, 1 - first - second], -1) * (index >= 0)[..., None]
    depth, _ = library.interpolate(clip[..., 3:].contiguous(), seen, triangles)
    return index, barycentric, depth[..., 0]


def top_row_first(clip: Tensor) -> Tensor:
    """Clip space for a rasterizer whose row 0 is the bottom one, such that its row 0 becomes the top one.

    The only place where this project turns rows over. It mirrors y, which turns faces over too: no face is culled.
    """
    return clip * clip.new_tensor([1.0, -1.0, 1.0, 1.0])


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
