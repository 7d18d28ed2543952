"""Where a photograph was taken from, by a network for photographs: the second opinion beside the camera head's.

The head knows the 64 px of a GAN's pictures. On photographs more can be seen: lamps, plates, eyes. This network has
learned from the studio's second edition, whose cameras are known, for all of the package's categories at once, and
looks at a window of 128 px in which every object is as large.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganverse_nb.categories import CATEGORIES
from ganverse_nb.inverse_graphics.camera_head import ELEVATION, CameraReading
from ganverse_nb.inverse_graphics.network import Encoder
from ganverse_nb.runtime.placement import at_home
from ganverse_nb.runtime.tensors import load_tensors, made_from, packed, save_tensors

FORMAT = "ganverse_nb photo camera"
TRUST = 0.8  # in an opinion, beside the head
FILE = Path(__file__).parents[1] / "weights" / "camera-photographs.safetensors"


@dataclass(frozen=True)
class PhotoCameraConfig:
    """The network that reads cameras off photographs, and its training on photos of the studio's second edition."""

    categories: tuple[str, ...] = tuple(CATEGORIES)  # whose cameras it reads
    resolution: int = 128
    channels: tuple[int, ...] = (16, 32, 64, 96, 128)
    code: int = 192
    bins: int = 24  # of azimuth
    photos: int = 5120  # of each category, less those whose object is cut off or small
    steps: int = 3200
    batch: int = 20  # of each category
    lr: float = 1.5e-3
    bf16: bool = True
    held_out: int = 256  # of each category's photos, the last ones
    evaluate_every: int = 400


@dataclass(frozen=True)
class Opinion:
    """What is read off B photographs.

    Attributes:
        logits, offsets: [B, K] of azimuth bins, as of `CameraReading`.
        elevation: [B] degrees.
    """

    logits: Tensor
    offsets: Tensor
    elevation: Tensor

    def __getitem__(self, rows: Tensor | slice) -> Opinion:
        return Opinion(self.logits[rows], self.offsets[rows], self.elevation[rows])

    @classmethod
    def join(cls, parts: Sequence[Opinion]) -> Opinion:
        """One after the other."""
        return cls(**{name: torch.cat([getattr(part, name) for part in parts]) for name in cls.__annotations__})

    def beside(self, reading: CameraReading) -> CameraReading:
        """What the camera head reads off the same B pictures, advised by this."""
        return reading.advised(self.logits, self.offsets, self.elevation, TRUST)


class PhotoCamera(nn.Module):
    """Windows [B, 3, R, R] in [0, 1] of photographs and their masks [B, 1, R, R] -> `Opinion` on each.

    The longer side of the object's box takes `camera_head.SHARE` of the window, which is black outside of the mask.
    """

    def __init__(self, config: PhotoCameraConfig) -> None:
        super().__init__()
        self.config, self.provenance = config, dict[str, Any]()
        self.encoder = Encoder(config.resolution, config.channels, config.code)
        self.out = nn.Linear(config.code, len(config.categories) * (2 * config.bins + 1))

    @property
    def resolution(self) -> int:
        """Width and height of the windows."""
        return self.config.resolution

    @at_home
    def forward(self, images: Tensor, masks: Tensor, kind: Tensor) -> Opinion:
        """Opinions on objects of categories number `kind` [B] of `config.categories`."""
        code = self.encoder(images, masks)
        with torch.autocast(code.device.type, enabled=False):
            raw = self.out(code.float()).view(len(images), len(self.config.categories), -1)
        chosen = raw[torch.arange(len(raw), device=raw.device), kind]
        logits, offsets, rest = chosen.split([self.config.bins, self.config.bins, 1], 1)
        return Opinion(logits, offsets, ELEVATION[0] + ELEVATION[1] * rest[:, 0])

    @torch.no_grad()
    def read(self, images: Tensor, masks: Tensor, category: str) -> Opinion:
        """Opinions on windows of objects of one of `config.categories`."""
        return self(images, masks, torch.full((len(images),), self.config.categories.index(category)))


def save_photo_camera(path: Path, network: PhotoCamera, provenance: dict[str, Any]) -> None:
    """Write a network in eight bits a number (`runtime.tensors.packed`), whole or not at all."""
    facts = {"config": asdict(network.config), "provenance": provenance}
    save_tensors(path, packed(network.state_dict()), FORMAT, facts)


def read_photo_camera(path: Path) -> PhotoCamera:
    """What `save_photo_camera` wrote.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged, or of another version.
    """
    what, remedy = "network for cameras of photographs", "train one with `ganverse train-camera`"
    tensors, metadata = load_tensors(path, FORMAT, what, remedy)
    with made_from(tensors, path, what, remedy):
        settings: dict[str, Any] = json.loads(metadata["config"])
        lists = {name: tuple(value) for name, value in settings.items() if isinstance(value, list)}
        with torch.random.fork_rng(devices=[]):  # the initial weights are overwritten
            network = PhotoCamera(PhotoCameraConfig(**settings | lists))
        network.load_state_dict(tensors)
        network.provenance = dict(json.loads(metadata["provenance"]))
    return network.eval().requires_grad_(False)


def load_photo_camera(category: str, setting: str = "auto") -> PhotoCamera | None:
    """The network that a setting `segmenter.photo_camera` means; None where none reads cameras of the category.

    Args:
        setting: "auto", the package's network, "none", or a file.

    Raises:
        FileNotFoundError, ValueError: the file is missing, damaged, or does not know the category.
    """
    if setting == "none" or (setting == "auto" and category not in CATEGORIES):
        return None
    network = read_photo_camera(FILE if setting == "auto" else Path(setting))
    if category not in network.config.categories:
        raise ValueError(f"{setting} reads cameras of {', '.join(network.config.categories)}, not of {category}.")
    return network
