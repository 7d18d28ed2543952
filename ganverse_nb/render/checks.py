"""Bad input to the renderer, in one sentence each."""

from __future__ import annotations

import torch
from torch import Tensor

MOST_PIXELS = 2**31 - 1  # what the kernels' 32 bit thread indices can count


class NotFiniteError(ValueError):
    """An argument holds a NaN or an infinite value."""


def finite(tensor: Tensor) -> bool:
    """Whether every value is finite: seen in one sum, unless that overflows."""
    tensor = tensor.detach()
    return bool(torch.isfinite(tensor.sum())) or bool(torch.isfinite(tensor).all())


def check_finite(name: str, tensor: Tensor) -> None:
    """NotFiniteError, a ValueError, when `tensor` is not finite."""
    if not finite(tensor):
        raise NotFiniteError(f"{name} {tuple(tensor.shape)} holds a value that is not finite.")


def check_resolution(resolution: int | tuple[int, int]) -> tuple[int, int]:
    """(H, W) of an int or a pair; ValueError unless both are positive whole numbers."""
    sides = (resolution, resolution) if isinstance(resolution, int) else resolution
    whole = isinstance(sides, (tuple, list)) and len(sides) == 2 and all(type(s) is int and s > 0 for s in sides)
    if not whole or sides[0] * sides[1] > MOST_PIXELS:
        raise ValueError(f"resolution must be a positive number of pixels or a pair (H, W) of them, got {resolution}.")
    return sides[0], sides[1]


def check_clip(vertices_clip: Tensor, faces: Tensor) -> None:
    """ValueError with one sentence when the vertices or faces cannot be rendered."""
    if vertices_clip.ndim != 3 or vertices_clip.shape[-1] != 4:
        raise ValueError(f"vertices_clip must be [B, V, 4], got {tuple(vertices_clip.shape)}.")
    if vertices_clip.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"vertices_clip must be float32 or float64, got {vertices_clip.dtype}.")
    if faces.ndim not in (2, 3) or faces.shape[-1] != 3 or faces.dtype != torch.int64:
        raise ValueError(f"faces must be [F, 3] int64, got {tuple(faces.shape)} {faces.dtype}.")
    if faces.ndim == 3 and len(faces) not in (1, len(vertices_clip)):
        raise ValueError(f"faces must be of 1 or {len(vertices_clip)} meshes, got {tuple(faces.shape)}.")
    if faces.device != vertices_clip.device:
        raise ValueError(f"vertices are on {vertices_clip.device} but faces on {faces.device}; move one of them.")
    if vertices_clip.numel() == 0 or faces.numel() == 0:
        raise ValueError(f"Nothing to render: vertices are {tuple(vertices_clip.shape)}, faces {tuple(faces.shape)}.")
    low, high = faces.aminmax()
    if low < 0 or high >= vertices_clip.shape[1]:
        raise ValueError(f"faces name vertices {low} to {high}, but there are {vertices_clip.shape[1]}.")
    check_finite("vertices_clip", vertices_clip)


def own_faces(faces: Tensor) -> Tensor:
    """[B or 1, F, 3] contiguous faces, as the kernels take them."""
    return (faces if faces.ndim == 3 else faces[None]).contiguous()
