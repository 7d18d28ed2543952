"""Bad input to the renderer, in one sentence each."""

from __future__ import annotations

import torch
from torch import Tensor


def check_resolution(resolution: int | tuple[int, int]) -> tuple[int, int]:
    """(H, W) of an int or a pair; ValueError unless both are positive."""
    height, width = (resolution, resolution) if isinstance(resolution, int) else resolution
    if height < 1 or width < 1:
        raise ValueError(f"resolution must be a positive number of pixels or a pair (H, W) of them, got {resolution}.")
    return height, width


def check_clip(vertices_clip: Tensor, faces: Tensor) -> None:
    """ValueError with one sentence when the vertices or faces cannot be rendered."""
    if vertices_clip.ndim != 3 or vertices_clip.shape[-1] != 4:
        raise ValueError(f"vertices_clip must be [B, V, 4], got {tuple(vertices_clip.shape)}.")
    if vertices_clip.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"vertices_clip must be float32 or float64, got {vertices_clip.dtype}.")
    if faces.ndim != 2 or faces.shape[-1] != 3 or faces.dtype != torch.int64:
        raise ValueError(f"faces must be [F, 3] int64, got {tuple(faces.shape)} {faces.dtype}.")
    if faces.device != vertices_clip.device:
        raise ValueError(f"vertices are on {vertices_clip.device} but faces on {faces.device}; move one of them.")
    if vertices_clip.numel() == 0 or faces.numel() == 0:
        raise ValueError(f"Nothing to render: vertices are {tuple(vertices_clip.shape)}, faces {tuple(faces.shape)}.")
    low, high = faces.aminmax()
    if low < 0 or high >= vertices_clip.shape[1]:
        raise ValueError(f"faces name vertices {low} to {high}, but there are {vertices_clip.shape[1]}.")
    if not torch.isfinite(vertices_clip).all():
        raise ValueError("vertices_clip holds a value that is not finite.")
