"""The published distances between sets of pictures, FID and KID on Inception's features, through `torch-fidelity`.

Inception's weights are not shipped with this package. Where torch's cache has them (`INCEPTION.find()`) they are used;
`evaluation.kid` needs no download, on features of our own.
Numbers compare with published ones only where the real pictures and their number are the same: FID falls with more
pictures, and official ones take 50,000 of each kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ganverse_nb.evaluation.kid import BATCH, sampled_pictures
from ganverse_nb.gan.generator import Generator
from ganverse_nb.runtime.downloads import Weights
from ganverse_nb.runtime.extras import require

INCEPTION = Weights(
    "Inception, for FID",
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    91,
    "do with KID on features of our own",
    "inception",
)
SUBSET_SIZE = 1000  # of KID, as torch-fidelity's default
LAYER = "2048"  # of Inception: the features before its last


@dataclass(frozen=True)
class InceptionDistance:
    """Attributes:
    fid: the Frechet Inception Distance (Heusel et al. 2017).
    kid, kid_deviation: the Kernel Inception Distance (Binkowski et al. 2018), over random subsets.
    real, generated: how many pictures of each kind.
    """

    fid: float
    kid: float
    kid_deviation: float
    real: int
    generated: int

    def __str__(self) -> str:
        return (
            f"FID {self.fid:.2f}, KID {1000 * self.kid:.2f} ± {1000 * self.kid_deviation:.2f} x 10^-3 on Inception's "
            f"features ({self.real} real, {self.generated} generated pictures)"
        )


def picture_distance(real: Tensor, generated: Tensor, weights: Path, seed: int = 0) -> InceptionDistance:
    """FID and KID between two sets of pictures, uint8 [N, 3, H, W]; `weights` are Inception's as torch-fidelity's.

    Raises:
        ValueError: fewer than two pictures, or not bytes.
    """
    require("eval", "FID", "torch_fidelity")
    from torch_fidelity import calculate_metrics

    for name, pictures in (("real", real), ("generated", generated)):
        if pictures.dtype != torch.uint8 or pictures.dim() != 4 or len(pictures) < 2:
            raise ValueError(f"{name} must be uint8 [N >= 2, 3, H, W], got {pictures.dtype} {tuple(pictures.shape)}.")
    found = calculate_metrics(
        input1=_Pictures(generated),
        input2=_Pictures(real),
        fid=True,
        kid=True,
        feature_layer_fid=LAYER,
        feature_layer_kid=LAYER,
        kid_subset_size=min(SUBSET_SIZE, len(real), len(generated)),
        feature_extractor_weights_path=str(weights),
        batch_size=BATCH,
        cuda=torch.cuda.is_available(),
        cache=False,
        rng_seed=seed,
        verbose=False,
    )
    return InceptionDistance(
        found["frechet_inception_distance"],
        found["kernel_inception_distance_mean"],
        found["kernel_inception_distance_std"],
        len(real),
        len(generated),
    )


def gan_distance(
    generator: Generator, photos: Tensor, weights: Path, seed: int = 0, pictures: int | None = None
) -> InceptionDistance:
    """FID and KID between a GAN's untruncated samples and real pictures, as many of the one as of the other.

    Args:
        photos: uint8 [N, 3, H, W].
        pictures: at most so many of each kind (default: as many as there are photos).
    """
    photos = photos[:pictures]
    return picture_distance(photos, sampled_pictures(generator, len(photos), seed), weights, seed)


class _Pictures(Dataset[Tensor]):
    def __init__(self, pictures: Tensor) -> None:
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Tensor:
        return self.pictures[index]
