"""The package's own segmenter of photographs, `segmenter.photographs`: a small U-Net that tells categories apart."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ganverse_nb.categories import CATEGORIES
from ganverse_nb.runtime.files import sha256
from ganverse_nb.runtime.placement import at_home
from ganverse_nb.runtime.tensors import load_tensors, made_from, packed, save_tensors
from ganverse_nb.segmentation.detections import Detections
from ganverse_nb.segmentation.instances import instances
from ganverse_nb.segmentation.network import without_norms
from ganverse_nb.segmentation.photo_network import PhotoNetwork
from ganverse_nb.segmentation.segmenter import PHOTOS_ADVICE, Segmenter

FORMAT = "ganverse_nb photo segmenter"
WORKING = 128  # pixels of the shorter side that the network sees, as it was trained
SURE = 0.4  # probability from which a pixel is an object's: photographs are less sure than the studio's photos
PROMINENCE = 0.3  # of the largest object's pixels: what has fewer is background


@dataclass(frozen=True)
class PhotoSegmenterConfig:
    """The small U-Net that cuts out photographs, trained on composites of the studio's second edition."""

    categories: tuple[str, ...] = tuple(CATEGORIES)  # that it tells apart
    widths: tuple[int, ...] = (24, 48, 96, 160, 192)  # channels at 1/2, 1/4, ... of 128 px
    resolution: int = 128
    photos: int = 5120  # of each category
    scenes: int = 2400  # without an object
    steps: int = 7000
    cycles: int = 2  # of the learning rate, down to nothing and up again
    batch: int = 16
    lr: float = 3e-3
    bf16: bool = True
    held_out: int = 128  # of each category's photos, the last ones: for the IoU that is logged
    evaluate_every: int = 500
    begin: str = ""  # checksum of the network that the training goes on from; "": a random one

    def going_on(self, path: Path) -> PhotoSegmenterConfig:
        """The same from a trained network on: a shorter and gentler training, its widths and categories.

        Raises:
            FileNotFoundError, ValueError: no such file, or no segmenter of photographs.
        """
        _, settings, _ = _read(path)
        categories, widths = tuple(settings["categories"]), tuple(settings["widths"])
        return replace(self, categories=categories, widths=widths, steps=2600, cycles=1, lr=1.5e-3, begin=sha256(path))


class PhotoSegmenter(Segmenter):
    """Of the pixels of the category, or of one like it, what hangs together and no seam divides is an object.

    The largest is taken.

    Args:
        network: what it was trained to be; `categories` are its labels, in order.
        category: of the objects that are looked for.
    """

    advice = PHOTOS_ADVICE

    def __init__(
        self,
        network: PhotoNetwork,
        categories: tuple[str, ...],
        category: str,
        source: str,
        provenance: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(category, source, provenance)
        self.network, self.label = network.eval().requires_grad_(False), categories.index(category) + 1
        kin = CATEGORIES[category].kin if category in CATEGORIES else ""  # parts of one animal are taken for another's
        alike = {category, *(one.name for one in CATEGORIES.values() if kin and one.kin == kin)}
        self.labels = [label for label, name in enumerate(categories, 1) if name in alike]

    def to(self, device: torch.device | str) -> PhotoSegmenter:
        """This segmenter, moved."""
        self.network.to(device)
        return self

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return next(self.network.parameters()).device

    def _segment(self, images: Tensor) -> Detections:
        inside, seam = self.probabilities(images)
        return instances(inside, seam, PROMINENCE, SURE)

    @at_home
    def probabilities(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 1, H, W] of the category or one like it, and of a seam, for pictures [B, 3, H, W]."""
        if not len(images):
            return images[:, :1], images[:, :1]
        every, seam = self._every(images)
        return every[:, self.labels].sum(1, keepdim=True), seam

    @torch.no_grad()
    @at_home
    def log_odds(self, images: Tensor, masks: Tensor) -> Tensor:
        """[B] of the category's mean probability inside masks [B, 1, R, R] of pictures [B, 3, R, R] in [0, 1]."""
        found = [images.new_zeros(0)]
        for part, mask in zip(images.float().split(64), masks.split(64), strict=True):
            if len(part):
                inside = self._every(part)[0][:, self.label, None]
                found.append((inside * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3)).clamp_min(1e-6))
        return torch.logit(torch.cat(found), eps=1e-4)

    @torch.no_grad()
    def _every(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities [B, 1 + categories, H, W] of nothing and of each category, and [B, 1, H, W] of a seam.

        Both sides of a mirror agree.
        """
        working = self._working(images)
        both = self.network(torch.cat([working, working.flip(-1)]))
        logits, seam = ((a + b.flip(-1)) / 2 for a, b in (part.chunk(2) for part in both))
        logits, seam = (F.interpolate(part, images.shape[-2:], mode="bilinear") for part in (logits, seam))
        return logits.softmax(1), seam.sigmoid()

    def _working(self, images: Tensor) -> Tensor:
        """Pictures [B, 3, h, w] as the network takes them: WORKING pixels, more along a longer side."""
        height, width = images.shape[-2:]
        step = self.network.step
        scale = WORKING / min(height, width)
        size = [max(step, round(side * scale / step) * step) for side in (height, width)]
        return F.interpolate(images, size, mode="bilinear", antialias=scale < 1, align_corners=False)


def save_photo_segmenter(
    path: Path, network: PhotoNetwork, config: PhotoSegmenterConfig, provenance: dict[str, Any]
) -> None:
    """Write a network in eight bits a number (`runtime.tensors.packed`), whole or not at all."""
    facts = {"config": asdict(config), "provenance": provenance}
    save_tensors(path, packed(network.state_dict()), FORMAT, facts)


def is_photo_segmenter(path: Path) -> bool:
    """Whether a file says of itself that it is one; False where it cannot be read."""
    try:
        with safe_open(path, "pt") as file:
            return bool((file.metadata() or {}).get("format") == FORMAT)
    except (OSError, SafetensorError):
        return False


def load_photo_segmenter(category: str, path: Path) -> PhotoSegmenter:
    """What `save_photo_segmenter` wrote, looking for `category`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged, of another version, or it does not know the category.
    """
    network, settings, provenance = _read(path)
    categories = tuple(settings["categories"])
    if category not in categories:
        raise ValueError(f"{path} is a segmenter for {', '.join(categories)}, not for {category}.")
    network = without_norms(network).to(memory_format=torch.channels_last)
    source = f"small U-Net trained for {settings['steps']} steps on composites of studio photos ({path.name})"
    return PhotoSegmenter(network, categories, category, source, provenance)


def begin_network(path: Path) -> PhotoNetwork:
    """The network of a file as its training left it, to go on from.

    Raises:
        FileNotFoundError, ValueError: no such file, or no segmenter of photographs.
    """
    return _read(path)[0]


def _read(path: Path) -> tuple[PhotoNetwork, dict[str, Any], dict[str, Any]]:
    """Network, settings and provenance of a file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged, or of another version.
    """
    remedy = "train one with `ganverse train-segmenter --photographs`"
    tensors, metadata = load_tensors(path, FORMAT, "segmenter of photographs", remedy)
    with made_from(tensors, path, "segmenter of photographs", remedy):
        settings: dict[str, Any] = json.loads(metadata["config"])
        settings["steps"] = int(settings["steps"])
        provenance = dict(json.loads(metadata["provenance"]))
        with torch.random.fork_rng(devices=[]):  # the initial weights are overwritten
            network = PhotoNetwork(len(settings["categories"]), tuple(settings["widths"]))
        network.load_state_dict(tensors)
    return network, settings, provenance
