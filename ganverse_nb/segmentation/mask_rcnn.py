"""Masks of one category's objects in pictures: Mask R-CNN (He et al. 2017), COCO's or this project's own."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ganverse_nb.config import SegmenterConfig
from ganverse_nb.runtime.downloads import Weights
from ganverse_nb.runtime.tensors import load_tensors, save_tensors
from ganverse_nb.segmentation.detections import Detections, merge_duplicates, paste

if TYPE_CHECKING:  # torchvision takes seconds to load, which what comes before the first masks need not wait for
    from torchvision.models.detection.mask_rcnn import MaskRCNN

COCO_LABELS = {"car": 3, "bird": 16, "horse": 19}
COCO = Weights(
    "COCO's Mask R-CNN",
    "https://download.pytorch.org/models/maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth",  # torchvision's COCO_V1
    177,
    "use the package's own segmenter (--set segmenter.weights=bundled) or one of `ganverse train-segmenter`",
)
FORMAT = "ganverse_nb segmenter"
THRESHOLD = 0.5


class Segmenter:
    """Finds the objects of one category.

    Attributes:
        network: torchvision's MaskRCNN in evaluation mode, answering as `WholePictures` says.
        label: the category's class id in the network.
        category: its name.
        source: which weights these are, in words for a report.
        provenance: how they were trained and what was measured; empty for COCO's.
    """

    def __init__(
        self, network: MaskRCNN, label: int, category: str, source: str, provenance: dict[str, Any] | None = None
    ):
        self.network = network.eval().requires_grad_(False)
        self.label, self.category, self.source = label, category, source
        self.provenance = provenance or {}

    def __repr__(self) -> str:
        return f"Segmenter({self.category}, {self.source})"

    def to(self, device: torch.device | str) -> Segmenter:
        """This segmenter, moved."""
        self.network.to(device)
        return self

    @torch.no_grad()
    def segment(self, images: Tensor, batch: int = 64) -> Detections:
        """The instances in `images` [B, 3, H, W], RGB in [0, 1]; `batch` pictures at a time.

        Instances with a score of at least 0.5 count, repetitions of one object once.

        Raises:
            ValueError: not pictures of that shape, type and range.
        """
        if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
            raise ValueError(
                f"Pictures must be [B, 3, H, W] float in [0, 1], got {tuple(images.shape)} {images.dtype}."
            )
        if len(images) and not (images.min() >= -1e-3 and images.max() <= 1 + 1e-3):
            raise ValueError(f"Pictures must be in [0, 1], got {images.min():.3g} to {images.max():.3g}.")
        found = [self._segment(part) for part in images.float().split(batch)]
        return Detections(
            *(torch.cat([getattr(part, name) for part in found]) for name in ("mask", "count", "score", "box"))
        )

    def _segment(self, images: Tensor) -> Detections:
        n, _, height, width = images.shape
        transform = self.network.transform
        answers = self.network(images) if n else []
        chosen = [(a["labels"] == self.label) & (a["scores"] >= THRESHOLD) for a in answers]
        most = max([1, *(int(c.sum()) for c in chosen)])
        masks = images.new_zeros(n, most, height, width)
        scores = images.new_zeros(n, most)
        for k, (answer, choice) in enumerate(zip(answers, chosen)):
            best_first = answer["scores"][choice].argsort(descending=True)
            boxes, soft = answer["boxes"][choice][best_first], answer["masks"][choice][best_first]
            pasted = paste(soft, boxes, transform.working_scale(height, width), (height, width))
            masks[k, : len(boxes)] = (pasted > 0.5).float()
            scores[k, : len(boxes)] = answer["scores"][choice][best_first]
        stays = merge_duplicates(masks)
        first = stays.float().argmax(1)
        found = stays.any(1)
        rows = torch.arange(n, device=images.device)
        mask = masks[rows, first] * found[:, None, None]
        return Detections(mask[:, None], stays.sum(1), scores[rows, first] * found, bounding_boxes(mask))


def bounding_boxes(masks: Tensor) -> Tensor:
    """[N, 4] left, top, right, bottom of masks [N, H, W] (right and bottom are the first pixel past it), 0 if empty."""
    sides = []
    for axis in (1, 2):
        inside = (masks > 0.5).any(axis)
        length = inside.shape[1]
        low = inside.float().argmax(1)
        high = length - inside.flip(1).float().argmax(1)
        present = inside.any(1)
        sides += [low * present, high * present]
    left, right, top, bottom = sides
    return torch.stack([left, top, right, bottom], 1).float()


def load_segmenter(category: str = "car", weights: str | Path = "auto", download: bool = False) -> Segmenter:
    """The segmenter of `category`.

    Args:
        weights: "bundled": this project's small network, trained on studio photos of 64 px. "coco": torchvision's
            maskrcnn_resnet50_fpn_v2, from torch's cache. "auto": the bundled one where the category has one, else
            COCO's. A path: a file written by `train_segmenter`.
        download: whether COCO's may be downloaded without asking, where torch's cache has it not.

    Raises:
        FileNotFoundError, ExpectedError: there are no such weights; the message says how to get them.
        ValueError: unknown category, damaged file, or a file for another category.
    """
    if category not in COCO_LABELS:
        raise ValueError(f"No segmenter knows {category!r}; the categories are {', '.join(COCO_LABELS)}.")
    path = segmenter_file(category, weights)
    return _load_coco(category, COCO.get(download)) if path == COCO.path else _load_small(path, category)


def segmenter_file(category: str, weights: str | Path = "auto") -> Path:
    """The file that `weights` of `load_segmenter` means; it need not be there."""
    bundled = bundled_path(category)
    if weights == "auto":
        weights = "bundled" if bundled.is_file() else "coco"
    return {"coco": COCO.path, "bundled": bundled}.get(str(weights), Path(weights))


def bundled_path(category: str) -> Path:
    """Where the package keeps the segmenter of `category`."""
    return Path(__file__).parents[1] / "weights" / f"segmenter-{category}.safetensors"


def save_segmenter(
    path: Path, network: MaskRCNN, config: SegmenterConfig, category: str, provenance: dict[str, Any]
) -> None:
    """Write a network made by `small_mask_rcnn(config)` in half precision, whole or not at all."""
    facts = {"category": category, "config": asdict(config), "provenance": provenance}
    save_tensors(path, network.state_dict(), FORMAT, facts, half=True)


def _load_small(path: Path, category: str) -> Segmenter:
    from ganverse_nb.segmentation.network import small_mask_rcnn

    tensors, metadata = load_tensors(path, FORMAT, "segmenter", "train one with `ganverse train-segmenter`")
    if metadata["category"] != category:
        raise ValueError(f"{path} is a segmenter for {metadata['category']}, not for {category}.")
    settings = json.loads(metadata["config"])
    try:
        with torch.random.fork_rng(devices=[]):  # the initial weights are overwritten
            network = small_mask_rcnn(SegmenterConfig(**settings | {"widths": tuple(settings["widths"])}))
        network.load_state_dict(tensors)
    except (TypeError, RuntimeError) as error:
        raise ValueError(
            f"{path} was made by another version of this package; train it again with `ganverse train-segmenter`."
        ) from error
    network.to(memory_format=torch.channels_last)
    steps = settings["steps"]
    source = f"small Mask R-CNN trained for {steps} steps on studio photos ({path.name})"
    return Segmenter(network, 1, category, source, json.loads(metadata["provenance"]))


def _load_coco(category: str, path: Path) -> Segmenter:
    from torchvision.models.detection import maskrcnn_resnet50_fpn_v2

    from ganverse_nb.segmentation.network import WholePictures

    with torch.random.fork_rng(devices=[]):
        network = maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None)
    network.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    old = network.transform
    network.transform = WholePictures(old.min_size[0], old.max_size, old.image_mean, old.image_std)
    return Segmenter(network, COCO_LABELS[category], category, "torchvision's maskrcnn_resnet50_fpn_v2, COCO_V1")
