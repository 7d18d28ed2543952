"""What photographs have close to an object and nobody must take for it: lettering right behind it, its shadow below."""

from __future__ import annotations

import string
from functools import lru_cache

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ganverse_nb.segmentation.composites import blur, chance, uniform

LETTERED_SHARE, SHADOW_SHARE = 0.25, 0.5
WORDS, LONGEST = 256, 9  # words that are drawn once, and letters of one
SIGNS = string.ascii_uppercase * 2 + string.ascii_lowercase + string.digits
DARKNESS = (0.15, 0.85)  # of a shadow


def lettered(pictures: Tensor, objects: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures [B, 3, R, R] in [0, 1], some with large letters of any colour behind `objects` [B, 1, R, R]."""
    count, _, size, _ = pictures.shape
    words = _words(size)
    word = words[torch.randint(len(words), (count,), generator=generator)]
    word = torch.where(chance(count, 0.4, generator), F.max_pool2d(word, 3, 1, 1), word)
    wide, tall = uniform(count, 0.7, 3.0, generator), uniform(count, 0.7, 2.0, generator)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = 1 / wide.flatten(), 1 / tall.flatten()
    top = _place(objects) + 0.25 * torch.randn(count, 2, generator=generator)
    theta[:, :, 2] = -top / torch.stack([wide.flatten(), tall.flatten()], 1)
    letters = F.grid_sample(
        word, F.affine_grid(theta, [count, 1, size, size], align_corners=False), align_corners=False
    )
    colour = uniform(count, 0, 1, generator, 3)
    colour = torch.where(chance(count, 0.7, generator), colour.mean(1, keepdim=True), colour)
    alpha = letters * (1 - objects) * uniform(count, 0.6, 1.0, generator) * chance(count, LETTERED_SHARE, generator)
    return pictures + alpha * (colour - pictures)


def shadowed(grounds: Tensor, objects: Tensor, generator: torch.Generator) -> Tensor:
    """Grounds [B, 3, R, R] in [0, 1], some darker below what `objects` [B, 1, R, R] will stand on."""
    count, size = len(grounds), grounds.shape[-1]
    rows = torch.arange(size).view(1, 1, size, 1)
    bottom = (objects.amax(3, keepdim=True) * rows).amax(2, keepdim=True)
    height = objects.amax(3, keepdim=True).sum(2, keepdim=True)
    low = objects * (rows > bottom - 0.3 * height)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = uniform(count, 0.8, 1.0, generator).flatten(), 1.0
    theta[:, 0, 2] = 0.1 * torch.randn(count, generator=generator)
    theta[:, 1, 2] = -uniform(count, 0.01, 0.12, generator).flatten()
    grid = F.affine_grid(theta, [count, 1, size, size], align_corners=False)
    below = F.avg_pool2d(F.grid_sample(low, grid, align_corners=False), 5, 1, 2)
    soft = blur(below, uniform(count, 0.5, 3.0, generator).flatten())
    dark = soft * uniform(count, *DARKNESS, generator) * chance(count, SHADOW_SHARE, generator)
    return grounds * (1 - dark)


def _place(objects: Tensor) -> Tensor:
    """[B, 2] the middle of the upper edge of objects' boxes in [-1, 1], x right and y down; of none, the middle."""
    size = objects.shape[-1]
    at = (torch.arange(size) + 0.5) / size * 2 - 1
    columns, rows = (objects.amax(dim).flatten(1) > 0.5 for dim in (2, 3))
    left, right = (torch.where(columns, at, sign * 2.0) for sign in (1, -1))
    top = torch.where(rows, at, 2.0).amin(1)
    place = torch.stack([(left.amin(1) + right.amax(1)) / 2, top], 1)
    return place * rows.any(1, keepdim=True)


@lru_cache
def _words(size: int) -> Tensor:
    """[WORDS, 1, size, size] white words in the middle of black squares, as wide as these."""
    generator = torch.Generator().manual_seed(0)
    words = []
    for _ in range(WORDS):
        length = int(torch.randint(1, LONGEST + 1, (), generator=generator))
        text = "".join(SIGNS[k] for k in torch.randint(len(SIGNS), (length,), generator=generator).tolist())
        picture = Image.new("L", (size, size))
        draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size / 2)
        left, top, right, bottom = draw.textbbox((0, 0), text, font)
        font = ImageFont.load_default(size / 2 * min(1.5, size / max(right - left, 1)))
        draw.text((size / 2, size / 2), text, 255, font, "mm")
        words.append(
            torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(1, size, size).float() / 255
        )
    return torch.stack(words)
