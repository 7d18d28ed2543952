"""What surfaces are made of, and where on an object a painter finds a point."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Material(NamedTuple):
    """Of P surface points."""

    albedo: Tensor  # [P, 3] in [0, 1]
    gloss: Tensor  # [P] strength of the highlight
    mirror: Tensor  # [P] share of the surroundings that is reflected (glass)


class SurfacePoints(NamedTuple):
    """P points of the surfaces of a batch of objects."""

    owners: Tensor  # [P] int64, which object
    parts: Tensor  # [P] int64, which of the category's parts
    places: Tensor  # [P, 3] where on the part: see `tubes.Layout.places`; 0 in categories without it
    positions: Tensor  # [P, 3] world space
    normals: Tensor  # [P, 3] unit length, outwards


def cover(albedo: Tensor, where: Tensor, color: tuple[float, ...] | Tensor) -> Tensor:
    """`albedo` [P, 3] with `color` ([3] or [P, 3]) at the points `where` [P] is true."""
    color = torch.as_tensor(color, dtype=albedo.dtype)
    return torch.where(where[:, None], color, albedo)
