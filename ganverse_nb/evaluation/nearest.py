"""The network most like some photos, for a training to begin with: its features need not be learned anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.config import GanConfig
from ganverse_nb.evaluation.kid import Kid, SegmenterFeatures, gan_kid
from ganverse_nb.gan.beginning import can_begin
from ganverse_nb.gan.checkpoint import load_generator

PICTURES = 500  # of each kind; nearest and next nearest are apart by many deviations


def nearest_gan(
    sources: Sequence[str | Path],
    photos: Tensor,
    config: GanConfig,
    seed: int = 0,
    pictures: int = PICTURES,
    progress: bool = True,
) -> dict[str | Path, Kid]:
    """KID of each network that a training with `config` can begin with, the nearest first; none may be able to.

    Args:
        sources: bundled names or files.
        photos: uint8 [N, 3, R, R], N at least 2; they are scaled to what a network makes.

    Raises:
        FileNotFoundError, CheckpointError: a source that cannot be used.
    """
    able = [source for source in sources if can_begin(source, config)]
    features = SegmenterFeatures() if able else None
    found = {}
    for source in tqdm(able, desc="networks to begin with", disable=not progress):
        generator = load_generator(source)
        found[source] = gan_kid(generator, _scaled(photos, generator.picture_size), features, seed, pictures)
    return dict(sorted(found.items(), key=lambda one: one[1].value))


def _scaled(photos: Tensor, size: tuple[int, int]) -> Tensor:
    """uint8 [N, 3, H, W]."""
    if tuple(photos.shape[2:]) == size:
        return photos
    parts = [F.interpolate(part.float(), size, mode="bilinear", antialias=True) for part in photos.split(256)]
    return torch.cat([part.round().clamp(0, 255).byte() for part in parts])
