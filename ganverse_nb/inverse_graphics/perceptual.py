"""L_percept of Eq 1: distance between deep features of two masked pictures.

The paper does not name its network. Where LPIPS' pretrained backbone is on disk it is used; else the features of the
GAN's own discriminator, which has seen the same category. Nothing is downloaded here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.generator import resize_square
from ganverse_nb.runtime.precision import bfloat16


class Features(Protocol):
    """Pictures [B, 3, H, W] in [0, 1] -> feature maps [B, C_l, H_l, W_l]."""

    name: str
    """Which features these are, in words for a report."""

    def __call__(self, images: Tensor, /) -> Sequence[Tensor]: ...


EPSILON = 1e-6
BACKBONE = "vgg16-397923af.pth"


def perceptual_loss(features: Features, rendered: Tensor, image: Tensor, mask: Tensor) -> Tensor:
    """Mean over layers of the squared distance between feature vectors of unit length, mean over places and batch.

    Both pictures [B, 3, H, W] are multiplied by `mask` [B, 1, H, W]. The distance of Zhang et al. 2018 (LPIPS) without
    its learned weights. Gradients reach `rendered` only.
    """
    with torch.no_grad():
        wanted = features(image * mask)
    given = features(rendered * mask)
    return torch.stack([(2 - 2 * cosine(g, w)).mean() for g, w in zip(given, wanted, strict=True)]).mean()


@torch.no_grad()
def perceptual_distance(features: Features, a: Tensor, b: Tensor) -> Tensor:
    """[B] the same distance between whole pictures [B, 3, H, W], one number for each pair: for measuring."""
    return torch.stack([(2 - 2 * cosine(x, y)).flatten(1).mean(1) for x, y in zip(features(a), features(b))]).mean(0)


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """[B, H, W] cosine of the angle between the feature vectors [B, C, H, W] of each place, summed up in float32.

    |a / |a| - b / |b||^2 = 2 - 2 cos: the same without two pictures of normalised features.
    """
    dot, aa, bb = (torch.sum(x * y, 1, dtype=torch.float32) for x, y in ((a, b), (a, a), (b, b)))
    return (dot + EPSILON) / ((aa + EPSILON) * (bb + EPSILON)).sqrt()


class DiscriminatorFeatures:
    """Features of a frozen discriminator, computed in bfloat16 where `bf16` and the processor has it.

    Square pictures of another size are scaled to the one it was trained with.
    """

    name = "the GAN's discriminator"

    def __init__(self, discriminator: Discriminator, bf16: bool = True) -> None:
        self.discriminator = discriminator.eval().requires_grad_(False)
        self.bf16 = bf16

    def __call__(self, images: Tensor) -> Sequence[Tensor]:
        images = resize_square(images, self.discriminator.to(images.device).resolution)
        with bfloat16(self.bf16, images.device):
            return self.discriminator.features(images)[1:]  # the first is a colour, which L_col compares


class LpipsFeatures:
    """The five feature maps of a pretrained VGG16 that LPIPS compares; its learned channel weights are left out."""

    name = "VGG16 on ImageNet, compared as LPIPS does"

    def __init__(self, weights: Path) -> None:
        from torchvision.models import vgg16

        network = vgg16(weights=None)
        network.load_state_dict(torch.load(weights, weights_only=True, map_location="cpu"))
        self.layers = network.features.eval().requires_grad_(False)
        self.mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
        self.std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)

    def __call__(self, images: Tensor) -> Sequence[Tensor]:
        self.layers.to(images.device)
        x, found = (images - self.mean.to(images.device)) / self.std.to(images.device), []
        for index, layer in enumerate(self.layers):
            x = layer(x)
            if index in (3, 8, 15, 22, 29):
                found.append(x)
        return found


def lpips_weights() -> Path | None:
    """Where the pretrained backbone lies, or None."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / BACKBONE
    return path if path.is_file() else None


def perceptual_features(discriminator: Discriminator | None, backbone: str = "auto") -> Features:
    """The features for L_percept; `.name` says which they are, for the report.

    Args:
        discriminator: of the teacher GAN, or None.
        backbone: "discriminator", "lpips", or "auto": LPIPS if its weights are on disk, else the discriminator.

    Raises:
        ValueError: unknown backbone, or "discriminator" without one.
        FileNotFoundError: "lpips" without weights on disk.
    """
    if backbone not in ("auto", "lpips", "discriminator"):
        raise ValueError(f"Unknown perceptual backbone {backbone!r}; give 'auto', 'lpips' or 'discriminator'.")
    weights = lpips_weights()
    if backbone == "lpips" and weights is None:
        where = Path(torch.hub.get_dir()) / "checkpoints" / BACKBONE
        raise FileNotFoundError(f"LPIPS needs {where}; download it from torchvision or use backbone='discriminator'.")
    if weights is not None and backbone != "discriminator":
        return LpipsFeatures(weights)
    if discriminator is None:
        raise ValueError("Perceptual features need the GAN's discriminator here; the checkpoint has none.")
    return DiscriminatorFeatures(discriminator)
