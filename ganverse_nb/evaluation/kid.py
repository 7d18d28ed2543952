"""The Kernel Inception Distance (Binkowski et al. 2018), on this project's own features instead of Inception's.

Inception's weights cannot be shipped, so the pictures are described by the backbone of the bundled segmenter. It was
trained on studio photos, never on a GAN's pictures, to find outlines: a discriminator's features are what its generator
learned to satisfy, and a pose regressor's ignore colour and shape. The numbers compare GANs with each other when the
real pictures and the features are the same; they say nothing beside published KIDs.

Measured against 600 studio photos, x 10^-3: other photos 0.1, the bundled car GAN 0.4 to 0.7, photos without colour
1.2, the same 20 photos again and again 1.6, photos blurred over 3, 5 and 9 pixels 9, 33 and 133. Colour counts for
little.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.categories import DEFAULT
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import pictures_of, sample_w
from ganverse_nb.segmentation.mask_rcnn import MaskRCNNSegmenter, load_segmenter

DEGREE = 3
SUBSETS, SUBSET_SIZE = 50, 500
PICTURES = 1000  # of each kind, at most: a quarter of a minute on one core at 64 px
BATCH = 64
PLACES = 2  # features are averaged over the quarters of a picture, so that they know where something is


@dataclass(frozen=True)
class Kid:
    """A distance between two sets of pictures; 0 on average when both are drawn alike, so it may be negative.

    Attributes:
        value: mean over the subsets of the unbiased squared MMD.
        deviation: standard deviation over the subsets.
        features: which features it was measured on, in words.
        real, generated: how many pictures of each kind.
    """

    value: float
    deviation: float
    features: str
    real: int
    generated: int

    def __str__(self) -> str:
        return f"{1000 * self.value:.2f} ± {1000 * self.deviation:.2f} x 10^-3 on own features ({self.features})"


class SegmenterFeatures:
    """Pictures [N, 3, H, W] in [0, 1] -> features [N, D]: every level of a segmenter's backbone, averaged."""

    def __init__(self) -> None:
        bundled = load_segmenter(DEFAULT, "bundled")
        assert isinstance(bundled, MaskRCNNSegmenter)
        self.segmenter = bundled
        self.name = f"backbone of the segmenter: {self.segmenter.source}"

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        levels = self.segmenter.levels(images)
        return torch.cat([F.adaptive_avg_pool2d(level.float(), PLACES).flatten(1) for level in levels], 1)


def polynomial_kernel(x: Tensor, y: Tensor) -> Tensor:
    """(x . y / D + 1)^3 for every pair of [N, D] and [M, D] -> [N, M]."""
    return (x @ y.T / x.shape[1] + 1.0) ** DEGREE


def squared_mmd(x: Tensor, y: Tensor) -> Tensor:
    """The unbiased estimate of the squared maximum mean discrepancy of features [N, D] and [M, D].

    Raises:
        ValueError: fewer than two of either, or features of different sizes.
    """
    if min(len(x), len(y)) < 2 or x.shape[1:] != y.shape[1:] or x.dim() != 2:
        raise ValueError(f"Features must be two [N >= 2, D], got {tuple(x.shape)} and {tuple(y.shape)}.")
    xx, yy, xy = polynomial_kernel(x, x), polynomial_kernel(y, y), polynomial_kernel(x, y)
    within = [(k.sum() - k.diagonal().sum()) / (len(k) * (len(k) - 1)) for k in (xx, yy)]
    return within[0] + within[1] - 2.0 * xy.mean()


def kernel_distance(
    real: Tensor, generated: Tensor, seed: int = 0, subsets: int = SUBSETS, subset_size: int = SUBSET_SIZE
) -> tuple[float, float]:
    """Mean and standard deviation of `squared_mmd` over random subsets of features [N, D] and [M, D], in float64.

    Smaller sets than `subset_size` are halved, so that subsets differ.

    Raises:
        ValueError: as `squared_mmd`.
    """
    rng = torch.Generator().manual_seed(seed)
    size = max(2, min(subset_size, len(real) // 2, len(generated) // 2))
    x, y = real.double(), generated.double()
    found = torch.stack(
        [squared_mmd(*(v[torch.randperm(len(v), generator=rng)[:size]] for v in (x, y))) for _ in range(subsets)]
    )
    return float(found.mean()), float(found.std())


def gan_kid(
    generator: Generator,
    photos: Tensor,
    features: SegmenterFeatures | None = None,
    seed: int = 0,
    pictures: int = PICTURES,
) -> Kid:
    """KID on own features between a GAN's untruncated samples and real pictures, as many of the one as of the other.

    Args:
        photos: uint8 [N, 3, H, W], best ones that the GAN was not trained on.
        seed: decides the samples, the subsets, and which photos are used where there are more than `pictures`.

    Raises:
        ValueError: another size than the GAN's, or fewer than two photos.
    """
    size = generator.picture_size
    if photos.dtype != torch.uint8 or photos.dim() != 4 or tuple(photos.shape[2:]) != size or len(photos) < 2:
        raise ValueError(f"Photos must be uint8 [N >= 2, 3, {size[0]}, {size[1]}], got {tuple(photos.shape)}.")
    features = features or SegmenterFeatures()
    photos = photos[torch.randperm(len(photos), generator=torch.Generator().manual_seed(seed))[:pictures]]
    real = torch.cat([features(part.float() / 255) for part in photos.split(BATCH)])
    samples = sampled_pictures(generator, len(photos), seed)
    generated = torch.cat([features(part.float() / 255) for part in samples.split(BATCH)])
    value, deviation = kernel_distance(real, generated, seed)
    return Kid(value, deviation, features.name, len(real), len(generated))


@torch.no_grad()
def sampled_pictures(generator: Generator, count: int, seed: int) -> Tensor:
    """Untruncated samples in the 8 bits that photos have: uint8 [count, 3, H, W]."""
    parts = [pictures_of(generator, w).mul(255).round().byte() for w in sample_w(generator, count, seed).split(BATCH)]
    return torch.cat(parts).cpu()
