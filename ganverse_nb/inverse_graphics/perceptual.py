"""L_percept of Eq 1: how differently two masked pictures look to a trained network.

The paper does not name its network. Where LPIPS (Zhang et al. 2018) is installed and its pretrained backbone on disk it
is used; else the features of the GAN's own discriminator, which has seen the same category.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.generator import resize_square
from ganverse_nb.runtime.downloads import Weights
from ganverse_nb.runtime.extras import missing_modules, require
from ganverse_nb.runtime.placement import at_home, device_of
from ganverse_nb.runtime.precision import bfloat16

VGG16 = Weights(
    "LPIPS' backbone, VGG16 on ImageNet",
    "https://download.pytorch.org/models/vgg16-397923af.pth",  # torchvision's VGG16_Weights.IMAGENET1K_V1
    528,
    "compare pictures by the GAN's discriminator (--set inverse.perceptual_backbone=discriminator)",
    "vgg16",
)
EPSILON = 1e-6


class Features(Protocol):
    """What pictures are compared by."""

    name: str
    """Which features these are, in words for a report."""

    def distance(self, a: Tensor, b: Tensor, /) -> Tensor:
        """[B] how different the pictures of each pair look: [B, 3, H, W] in [0, 1] both."""
        ...

    def distance_map(self, a: Tensor, b: Tensor, /) -> Tensor:
        """[B, 1, H, W] the same place by place: its mean is about the distance, for showing."""
        ...

    def describe(self, images: Tensor, /, last: bool = False) -> Tensor:
        """[B, D] the features of pictures [B, 3, H, W] in [0, 1], averaged over places; of the last layer or of all."""
        ...


def perceptual_loss(features: Features, rendered: Tensor, image: Tensor, mask: Tensor) -> Tensor:
    """Mean distance of a batch of pictures, both [B, 3, H, W] multiplied by `mask` [B, 1, H, W].

    Gradients reach `rendered` only.
    """
    return features.distance(rendered * mask, (image * mask).detach()).mean()


@torch.no_grad()
def perceptual_distance(features: Features, a: Tensor, b: Tensor) -> Tensor:
    """[B] the distance between whole pictures [B, 3, H, W], one number for each pair: for measuring."""
    return features.distance(a, b)


class LpipsFeatures:
    """LPIPS itself: the library's class and its own linear weights, over torchvision's VGG16.

    Args:
        download: whether the backbone may be downloaded without asking, where torch's cache has it not.

    Raises:
        ExpectedError: the library is not installed, or the backbone is not to be had.
    """

    name = "LPIPS (VGG16)"

    def __init__(self, download: bool = False) -> None:
        require("train", "LPIPS", "lpips")
        from lpips import LPIPS

        VGG16.get(download)  # from where LPIPS and torchvision take it
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():  # all random weights are overwritten
            warnings.filterwarnings("ignore", category=UserWarning, module="torchvision")  # LPIPS says `pretrained`
            self.network = LPIPS(net="vgg", verbose=False).requires_grad_(False)

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return device_of(self.network)

    def to(self, device: torch.device | str) -> LpipsFeatures:
        """These features, moved."""
        self.network.to(device)
        return self

    @at_home
    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        return self.network(a, b, normalize=True).flatten()

    @at_home
    def distance_map(self, a: Tensor, b: Tensor) -> Tensor:
        self.network.spatial = True
        try:
            return self.network(a, b, normalize=True)
        finally:
            self.network.spatial = False

    @at_home
    def describe(self, images: Tensor, last: bool = False) -> Tensor:
        return averaged(self.network.net.forward(self.network.scaling_layer(2 * images - 1)), last)


def chosen_backbone(backbone: str) -> str:
    """ "lpips" or "discriminator": of "auto", the one that this machine has."""
    return ("lpips" if has_lpips() else "discriminator") if backbone == "auto" else backbone


class DiscriminatorFeatures:
    """Features of a frozen discriminator, computed in bfloat16 where `bf16` and the processor has it.

    The distance is LPIPS' without learned weights: of feature vectors of unit length, squared, mean over places and
    layers. Square pictures of another size are scaled to the one it was trained with.
    """

    name = "the GAN's discriminator"

    def __init__(self, discriminator: Discriminator, bf16: bool = True) -> None:
        self.discriminator = discriminator.eval().requires_grad_(False)
        self.bf16 = bf16

    @property
    def device(self) -> torch.device:
        """Where the discriminator lies."""
        return device_of(self.discriminator)

    def to(self, device: torch.device | str) -> DiscriminatorFeatures:
        """These features, moved."""
        self.discriminator.to(device)
        return self

    @at_home
    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        return feature_distance(self.maps(a), self.maps(b))

    @at_home
    def distance_map(self, a: Tensor, b: Tensor) -> Tensor:
        layers = [(2 - 2 * cosine(x, y))[:, None] for x, y in zip(self.maps(a), self.maps(b), strict=True)]
        size = a.shape[-2:]
        return torch.stack([torch.nn.functional.interpolate(layer, size) for layer in layers]).mean(0)

    @at_home
    def describe(self, images: Tensor, last: bool = False) -> Tensor:
        return averaged(self.maps(images), last)

    @at_home
    def maps(self, images: Tensor) -> Sequence[Tensor]:
        """Feature maps [B, C_l, H_l, W_l] of pictures [B, 3, H, W] in [0, 1]."""
        images = resize_square(images, self.discriminator.resolution)
        with bfloat16(self.bf16, images.device):
            return self.discriminator.features(images)[1:]  # the first is a colour, which L_col compares


def averaged(layers: Sequence[Tensor], last: bool) -> Tensor:
    """[B, D] means over the places of feature maps [B, C_l, H_l, W_l], of all layers or of the last one."""
    return torch.cat([layer.float().mean((2, 3)) for layer in layers[-1 if last else 0 :]], 1)


def feature_distance(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    """[B] mean over layers and places of |x / |x| - y / |y||^2 between feature maps [B, C_l, H_l, W_l] of each pair."""
    return torch.stack([(2 - 2 * cosine(x, y)).flatten(1).mean(1) for x, y in zip(a, b, strict=True)]).mean(0)


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """[B, H, W] cosine of the angle between the feature vectors [B, C, H, W] of each place, summed up in float32.

    |a / |a| - b / |b||^2 = 2 - 2 cos: the same without two pictures of normalised features.
    """
    dot, aa, bb = (torch.sum(x * y, 1, dtype=torch.float32) for x, y in ((a, b), (a, a), (b, b)))
    return (dot + EPSILON) / ((aa + EPSILON) * (bb + EPSILON)).sqrt()


def has_lpips() -> bool:
    """Whether LPIPS can be used as things are: it is installed, and its backbone on disk.

    Raises:
        ExpectedError: the backbone's file is damaged.
    """
    return not missing_modules(["lpips"]) and VGG16.find() is not None


def perceptual_features(
    discriminator: Discriminator | None, backbone: str = "auto", download: bool = False
) -> Features:
    """The features for L_percept; `.name` says which they are, for the report.

    Args:
        discriminator: of the teacher GAN, or None.
        backbone: "discriminator", "lpips", or "auto": LPIPS if it is installed and its weights are on disk, else the
            discriminator.
        download: whether the weights of "lpips" may be downloaded without asking; "auto" downloads nothing.

    Raises:
        ValueError: unknown backbone, or "discriminator" without one.
        ExpectedError: "lpips" where it is not installed, or without its weights.
    """
    if backbone not in ("auto", "lpips", "discriminator"):
        raise ValueError(f"Unknown perceptual backbone {backbone!r}; give 'auto', 'lpips' or 'discriminator'.")
    if chosen_backbone(backbone) == "lpips":
        return LpipsFeatures(download)
    if discriminator is None:
        raise ValueError("Perceptual features need the GAN's discriminator here; the checkpoint has none.")
    return DiscriminatorFeatures(discriminator)
