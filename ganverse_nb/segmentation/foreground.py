"""Masks of whatever stands in front, by networks that know no category (ISNet, BiRefNet): photographs' own segmenter.

They see the whole photograph at their own resolution, where a mask is finest, take seconds for each, and leave it to
the domain check to tell what it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from ganverse_nb.segmentation.cutout import Cutout
from ganverse_nb.segmentation.detections import Detections
from ganverse_nb.segmentation.instances import instances
from ganverse_nb.segmentation.mask_rcnn import PHOTOGRAPHS, load_segmenter, photo_weights
from ganverse_nb.segmentation.onnx_network import OnnxNetwork
from ganverse_nb.segmentation.rembg_network import network_of, open_rembg
from ganverse_nb.segmentation.segmenter import Segmenter

SHOWN_FROM = 8  # pictures: fewer need no progress bar


class ForegroundSegmenter(Segmenter):
    """A foreground network in the place of a segmenter.

    Instances are what hangs together of its foreground, see `instances`. Whether they are of the category, the
    package's network for photographs tells, whoever made the mask.

    Args:
        network: the foreground network.
        category: of the objects that are looked for; the network does not know it.
        source: which network this is, in words for a report.
    """

    def __init__(self, network: OnnxNetwork, category: str, source: str) -> None:
        super().__init__(category, source)
        self.network, self._device = network, torch.device("cpu")

    def to(self, device: torch.device | str) -> ForegroundSegmenter:
        """This segmenter, moved but for onnxruntime's networks: it chooses their device by itself."""
        self._device = torch.device(device)
        return self

    def _segment(self, images: Tensor) -> Detections:
        size, confidence = (images.shape[-1], images.shape[-2]), []
        quiet = len(images) < SHOWN_FROM
        for image in tqdm(images, desc="cutting out", unit="picture", leave=False, disable=quiet):
            pixels = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
            answer = torch.from_numpy(self.network.confidence(Image.fromarray(pixels)))
            confidence.append(
                F.interpolate(answer[None, None], size=size[::-1], mode="bilinear", antialias=True, align_corners=False)
            )
        stacked = torch.cat(confidence) if confidence else images.new_zeros(0, 1, *size[::-1])
        return instances(stacked.to(images.device))

    def cut_out(self, photo: Image.Image) -> Cutout:
        """The largest thing in front of a photograph, which the network sees once, at its own resolution."""
        confidence = Image.fromarray(np.round(self.network.confidence(photo) * 255).astype(np.uint8))
        return Cutout.of_foreground(confidence.resize(photo.size, Image.Resampling.BILINEAR))

    def cut_outs(self, photos: Sequence[Image.Image]) -> list[Cutout]:
        """`cut_out` of each, one after the other."""
        return [self.cut_out(photo) for photo in photos]

    def log_odds(self, images: Tensor, masks: Tensor) -> Tensor | None:
        """Those of the package's network for photographs; None for a category that it does not know."""
        return None if self._own is None else self._own.to(self._device).log_odds(images, masks)

    @cached_property
    def _own(self) -> Segmenter | None:
        known = photo_weights(self.category) == PHOTOGRAPHS
        return load_segmenter(self.category, PHOTOGRAPHS) if known else None


def load_foreground(category: str, weights: str, download: bool = False) -> ForegroundSegmenter:
    """The segmenter that "rembg", "rembg:NAME" or "onnx:FILE" means.

    Raises:
        ExpectedError: a package is missing, or rembg's network is not here and may not be downloaded.
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged or holds another kind of network, or rembg has none of that name.
    """
    if weights.startswith("rembg"):
        network = network_of(weights)
        return ForegroundSegmenter(open_rembg(network, download), category, f"foreground network {network.key} (rembg)")
    path = foreground_file(weights)
    return ForegroundSegmenter(OnnxNetwork.load(path), category, f"foreground network {path.name}")


def foreground_file(weights: str) -> Path:
    """The file that "rembg", "rembg:NAME" or "onnx:FILE" means; it need not be there.

    Raises:
        ExpectedError: it is one of rembg's, which knows where it keeps them and is not installed.
        ValueError: rembg has none of that name.
    """
    if weights.startswith("rembg"):
        return network_of(weights).path
    return Path(weights.removeprefix("onnx:")).expanduser()
