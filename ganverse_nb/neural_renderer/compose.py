"""A background kept as it is: the object of a rendered picture before the pixels that were given."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

FEATHER = 3  # pixels over which the object's outline is blended
SHADOW = 8  # the shadow reaches as far around the object as this share of the picture's side
BLUR = 5  # pixels that shadows are seen in


def keep_background(picture: Tensor, mask: Tensor, background: Tensor) -> Tensor:
    """Pictures [B, 3, R, R] whose background is the given one, exactly, where that is known.

    Inside the object's mask, and where the background is not known, as behind the object that it was read with, the
    rendered picture stays. Near the object the given background is darkened as much as the rendered one is darker:
    what is left there of the shadow.

    Args:
        picture: rendered, in [0, 1].
        mask: [B, 1, R, R] of its object, in [0, 1].
        background: [B, 4, R, R] from `mask_out`.
    """
    unknown = _grown((background[:, 3:] < 0.99).to(picture), FEATHER)  # the rim of a hole is neither
    wall = torch.where(unknown > 0, picture, background[:, :3])
    outside = (1 - unknown) * (1 - (mask > 0.5).to(picture))
    seen, given = (_blurred(x, outside).mean(1, keepdim=True) for x in (picture, wall))
    near = _feathered(_grown(mask, 2 * (picture.shape[-1] // SHADOW // 2) + 1), BLUR)
    wall = wall * (1 - near + near * (seen / given.clamp_min(1e-3)).clamp(0, 1))
    rendered = torch.maximum(mask, _feathered(mask, FEATHER))
    return torch.lerp(wall, picture, torch.maximum(rendered, _feathered(unknown, FEATHER) * unknown))


def _feathered(mask: Tensor, size: int) -> Tensor:
    return F.avg_pool2d(F.pad(mask, [size // 2] * 4, mode="replicate"), size, 1)


def _grown(mask: Tensor, size: int) -> Tensor:
    return F.max_pool2d(mask, size, 1, size // 2)


def _blurred(picture: Tensor, where: Tensor) -> Tensor:
    """Mean of the pixels in `where` around each."""
    pad = [BLUR // 2] * 4
    total = F.avg_pool2d(F.pad(picture * where, pad), BLUR, 1)
    return total / F.avg_pool2d(F.pad(where, pad), BLUR, 1).clamp_min(1e-3)
