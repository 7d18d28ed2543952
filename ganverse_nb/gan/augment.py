"""DiffAugment (Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training").

A discriminator that sees a few hundred photos learns them by heart. Here it sees real and generated pictures only
after the same kind of random change; because the change is differentiable, the generator still learns through it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

SHIFT = 1 / 8  # largest translation, of the picture's side
HOLE = 1 / 2  # side of the cutout, of the picture's side
DRAWS = 7  # random numbers per picture


def parse_policy(policy: str) -> tuple[str, ...]:
    """ "color,translation,cutout", or some of them -> their names; "" -> none.

    Raises:
        ValueError: a name that is none of the three.
    """
    names = tuple(name.strip() for name in policy.split(",")) if policy.strip() else ()
    for name in names:
        if name not in _CHANGES:
            raise ValueError(f"Unknown augmentation {name!r}; the augmentations are {', '.join(_CHANGES)}.")
    return names


def augment(images: Tensor, policy: Sequence[str], uniform: Tensor) -> Tensor:
    """Pictures [B, 3, R, R] in [-1, 1], changed one by one; differentiable in the pictures, twice.

    Args:
        policy: the names of `parse_policy`, applied in this order. "color": brightness + U(-0.5, 0.5), then saturation
            x U(0, 2), then contrast x U(0.5, 1.5). "translation": by up to R / 8 pixels down and right, with zeros
            (grey) where the picture has gone. "cutout": a square of R / 2, anywhere with its centre in the picture,
            becomes zero.
        uniform: [B, 7] from U[0, 1), which decides everything random.

    Raises:
        ValueError: `uniform` has another shape.
    """
    if uniform.shape != (len(images), DRAWS):
        raise ValueError(f"Augmentation needs {DRAWS} random numbers per picture, got {tuple(uniform.shape)}.")
    for name in policy:
        images = _CHANGES[name](images, uniform)
    return images


def _color(images: Tensor, uniform: Tensor) -> Tensor:
    brightness, saturation, contrast = uniform[:, :3].to(images.dtype)[..., None, None, None].unbind(1)
    images = images + (brightness - 0.5)
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * (2.0 * saturation)
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (images - mean) * (0.5 + contrast)


def _translation(images: Tensor, uniform: Tensor) -> Tensor:
    size = images.shape[-1]
    reach = round(size * SHIFT)
    down, right = ((uniform[:, 3:5] * (2 * reach + 1)).long() - reach).unbind(1)
    place = torch.arange(size, device=images.device)
    sample = torch.arange(len(images), device=images.device)[:, None, None]
    rows, columns = (place - shift[:, None] + reach for shift in (down, right))
    padded = F.pad(images, (reach, reach, reach, reach)).permute(0, 2, 3, 1)
    return padded[sample, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _cutout(images: Tensor, uniform: Tensor) -> Tensor:
    size = images.shape[-1]
    hole = round(size * HOLE)
    first = (uniform[:, 5:7] * size).long() - hole // 2  # of the centre `first + hole // 2`, in 0..R-1
    place = torch.arange(size, device=images.device)
    row, column = ((place >= f[:, None]) & (place < f[:, None] + hole) for f in first.unbind(1))
    return images.masked_fill((row[:, :, None] & column[:, None, :])[:, None], 0.0)


_CHANGES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "color": _color,
    "translation": _translation,
    "cutout": _cutout,
}
