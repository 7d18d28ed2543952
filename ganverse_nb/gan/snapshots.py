"""Pictures of a training: random samples, and view codes (columns) against content codes (rows)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import broadcast, mix, sample_w


def tile(images: Tensor, columns: int) -> Tensor:
    """[N, 3, H, W] -> [3, rows H, columns W] with white gaps of two pixels, row by row."""
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1), value=1.0)
    n, c, h, w = padded.shape
    grid = padded.view(n // columns, columns, c, h, w)
    return grid.permute(2, 0, 3, 1, 4).reshape(c, n // columns * h, columns * w)


@torch.no_grad()
def snapshot_grid(generator: Generator, seed: int, size: int = 8, split: int = 2) -> Tensor:
    """[3, H, W] in [0, 1]. Left: `size`^2 samples. Right: columns share the first `split` w, rows share the others."""
    w = sample_w(generator, size * size + 2 * size, seed + 1)
    plain, views, contents = w.split([size * size, size, size])
    crossed = mix(views.repeat(size, 1), contents.repeat_interleave(size, 0), split, generator.num_ws)
    pictures = generator.synthesize(generator.styles(torch.cat([broadcast(plain, generator.num_ws), crossed])))
    left, right = (tile(part, size) for part in pictures.cpu().split(size * size))
    return torch.cat([left, torch.ones(3, left.shape[1], 8), right], 2)


def save_grid(path: Path, generator: Generator, seed: int) -> None:
    """Write `snapshot_grid` as PNG, atomically."""
    pixels = snapshot_grid(generator, seed).permute(1, 2, 0).mul(255).round().to(torch.uint8).numpy()
    temporary = path.with_name(f".{path.name}.partial")
    Image.fromarray(np.ascontiguousarray(pixels)).save(temporary, format="PNG")
    os.replace(temporary, path)
