"""Masks of one category's objects in pictures by Mask R-CNN (He et al. 2017), COCO's or this project's own; and the one
place where a setting becomes a segmenter, of these or a foreground network."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ganverse_nb.categories import CATEGORIES, Category
from ganverse_nb.config import SegmenterConfig
from ganverse_nb.runtime.downloads import Weights
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.placement import at_home
from ganverse_nb.runtime.tensors import load_tensors, made_from, save_tensors
from ganverse_nb.segmentation.detections import Detections, bounding_boxes, merge_duplicates, paste
from ganverse_nb.segmentation.segmenter import PHOTOS_ADVICE, Segmenter

if TYPE_CHECKING:  # torchvision takes seconds to load, which what comes before the first masks need not wait for
    from torchvision.models.detection.mask_rcnn import MaskRCNN

COCO = Weights(
    "COCO's Mask R-CNN",
    "https://download.pytorch.org/models/maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth",  # torchvision's COCO_V1
    177,
    "take the package's own segmenter (--set segmenter.weights=bundled) or one of `ganverse train-segmenter`",
    "coco",
)
FORMAT = "ganverse_nb segmenter"
PHOTOGRAPHS = "photographs"  # the package's network for these
MARGIN = 6.0  # pixels of 128 round an object's box: a box that is a little wrong must not cut off the roof
COCO_AT_ONCE = 4  # pictures, scaled to 800 x 1067 pixels: half a gigabyte of memory each


class MaskRCNNSegmenter(Segmenter):
    """Mask R-CNN. Instances with a score of at least `threshold` count, repetitions of one object once.

    Attributes:
        network: torchvision's MaskRCNN in evaluation mode, answering as `WholePictures` says.
        label: the category's class id in the network.
    """

    def __init__(
        self, network: MaskRCNN, label: int, category: str, source: str, provenance: dict[str, Any] | None = None
    ) -> None:
        super().__init__(category, source, provenance)
        self.network, self.label = network.eval().requires_grad_(False), label

    def to(self, device: torch.device | str) -> MaskRCNNSegmenter:
        """This segmenter, moved."""
        self.network.to(device)
        return self

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return next(self.network.parameters()).device

    @at_home
    def levels(self, images: Tensor) -> list[Tensor]:
        """Maps of features [B, C, h, w] of pictures [B, 3, H, W] in [0, 1], from fine to coarse."""
        return list(self.network.backbone(self.network.transform(images)[0].tensors).values())

    def _segment(self, images: Tensor) -> Detections:
        n, _, height, width = images.shape
        transform = self.network.transform
        answers = self.network(images) if n else []
        chosen = [(a["labels"] == self.label) & (a["scores"] >= self.threshold) for a in answers]
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

    @torch.no_grad()
    @at_home
    def log_odds(self, images: Tensor, masks: Tensor) -> Tensor:
        """[B] those that the box head gives to the boxes of masks [B, 1, R, R] in pictures [B, 3, R, R] in [0, 1]."""
        network = self.network
        scale = network.transform.working_scale(*images.shape[-2:])
        boxes = bounding_boxes(masks[:, 0]) * scale
        room = boxes.new_tensor([-MARGIN, -MARGIN, MARGIN, MARGIN]) * network.transform.min_size[0] / 128
        answers = []
        for part, around in zip(images.float().split(64), (boxes + room).split(64), strict=True):
            seen, _ = network.transform(part)
            features = network.backbone(seen.tensors)
            around = around.clamp(min=0, max=float(max(seen.image_sizes[0])))
            pooled = network.roi_heads.box_roi_pool(features, [box[None] for box in around], seen.image_sizes)
            logits, _ = network.roi_heads.box_predictor(network.roi_heads.box_head(pooled))
            answers.append(torch.logit(logits.float().softmax(1)[:, self.label], eps=1e-6))
        return torch.cat([boxes.new_zeros(0), *answers])


def load_segmenter(category: str | Category = "car", weights: str | Path = "auto", download: bool = False) -> Segmenter:
    """The segmenter of `category`.

    Args:
        category: a name of the package's, or what is known of another one, whose word of COCO's is then looked for.
        weights: "bundled": this project's small network, trained on studio photos of 64 px, for what a GAN makes of
            them. "photographs": its network for photographs, which tells car, horse and bird apart. "coco":
            torchvision's maskrcnn_resnet50_fpn_v2, from torch's cache. "auto": the bundled one where the category has
            one, else COCO's. "rembg" or "rembg:NAME": a foreground network that rembg brings, "isnet-general-use" or
            NAME ("birefnet-general", "birefnet-general-lite"). "onnx:FILE": such a network of your own, one that takes
            and gives what ISNet does. Any other path: a file written by `train_segmenter`.
        download: whether COCO's or rembg's may be downloaded without asking, where it is not here.

    Raises:
        FileNotFoundError, ExpectedError: there are no such weights, or a package that reads them is missing; the
            message says how to get them.
        ValueError: unknown category, damaged file, a file for another category, or a name that rembg has not.

    Examples:
        >>> load_segmenter("car").segment(make_photos("car", 2, seed=3).image()).count.tolist()
        [1, 1]
    """
    if foreground_kind(weights):
        from ganverse_nb.segmentation.foreground import load_foreground

        return load_foreground(_name(category), str(weights), download)
    path = segmenter_file(category, weights)
    if path == COCO.path:
        return _load_coco(category, download)
    category = _name(category)
    from ganverse_nb.segmentation.photo_segmenter import is_photo_segmenter, load_photo_segmenter

    return load_photo_segmenter(category, path) if is_photo_segmenter(path) else _load_small(path, category)


def _name(category: str | Category) -> str:
    return category if isinstance(category, str) else category.name


def segmenter_file(category: str | Category, weights: str | Path = "auto") -> Path:
    """The file that `weights` of `load_segmenter` means; it need not be there.

    Raises:
        ExpectedError: it is one of rembg's, which knows where it keeps them and is not installed.
        ValueError: rembg has none of that name.
    """
    if foreground_kind(weights):
        from ganverse_nb.segmentation.foreground import foreground_file

        return foreground_file(str(weights))
    bundled = bundled_path(_name(category))
    if weights == "auto":
        weights = "bundled" if bundled.is_file() else "coco"
    return {"coco": COCO.path, "bundled": bundled, PHOTOGRAPHS: bundled_path(PHOTOGRAPHS)}.get(
        str(weights), Path(weights)
    )


def foreground_kind(weights: str | Path) -> str:
    """Which kind of foreground network a setting means: "rembg:NAME" or "onnx"; "" for any other setting.

    Raises:
        ValueError: rembg has none of that name.
    """
    kind, colon, name = str(weights).partition(":")
    if kind == "rembg":
        from ganverse_nb.segmentation.rembg_network import network_of

        return f"rembg:{network_of(str(weights)).key}"
    return kind if kind == "onnx" and colon else ""


def bundled_path(category: str) -> Path:
    """Where the package keeps the segmenter of `category`."""
    return Path(__file__).parents[1] / "weights" / f"segmenter-{category}.safetensors"


def photo_weights(category: str, weights: str = "auto", photographs: str = "auto") -> str:
    """The setting of `load_segmenter` that cuts out photographs, of the settings of a run.

    "auto" is the package's network for photographs, if it knows the category and the run has no segmenter of its own.
    """
    if photographs != "auto":
        return photographs
    return PHOTOGRAPHS if weights in ("auto", "bundled") and category in CATEGORIES else weights


def save_segmenter(
    path: Path, network: MaskRCNN, config: SegmenterConfig, category: str, provenance: dict[str, Any]
) -> None:
    """Write a network made by `small_mask_rcnn(config)` in half precision, whole or not at all."""
    facts = {"category": category, "config": asdict(config), "provenance": provenance}
    save_tensors(path, network.state_dict(), FORMAT, facts, half=True)


def _load_small(path: Path, category: str) -> MaskRCNNSegmenter:
    from ganverse_nb.segmentation.network import small_mask_rcnn

    tensors, metadata = load_tensors(path, FORMAT, "segmenter", "train one with `ganverse train-segmenter`")
    if metadata["category"] != category:
        raise ValueError(f"{path} is a segmenter for {metadata['category']}, not for {category}.")
    remedy = "another version of this package may have made it: train it again with `ganverse train-segmenter`"
    with made_from(tensors, path, "segmenter", remedy):
        settings = json.loads(metadata["config"])
        with torch.random.fork_rng(devices=[]):  # the initial weights are overwritten
            network = small_mask_rcnn(SegmenterConfig(**settings | {"widths": tuple(settings["widths"])}))
        network.load_state_dict(tensors)
        provenance, steps = dict(json.loads(metadata["provenance"])), int(settings["steps"])
    network.to(memory_format=torch.channels_last)
    photos = provenance.get("pictures", "studio photos" if category in CATEGORIES else "masked pictures of one's own")
    source = f"small Mask R-CNN trained for {steps} steps on {photos} ({path.name})"
    segmenter = MaskRCNNSegmenter(network, 1, category, source, provenance)
    segmenter.advice = PHOTOS_ADVICE
    return segmenter


def coco_label(category: str | Category) -> int:
    """The class id of a category in COCO's network.

    Raises:
        ExpectedError: neither its name nor what `Category.coco` says is one of COCO's words.
    """
    from torchvision.models.detection import MaskRCNN_ResNet50_FPN_V2_Weights

    words = MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1.meta["categories"]
    kind = CATEGORIES.get(category, Category(category)) if isinstance(category, str) else category
    word = kind.coco or kind.name.replace("_", " ")
    if word in words[1:]:
        return int(words.index(word))
    known = ", ".join(sorted(set(words[1:]) - {"N/A"}))
    began = f"COCO has no word {kind.coco!r}" if kind.coco else f"No segmenter knows {kind.name!r}"
    raise ExpectedError(
        f"{began}: pictures with an alpha channel or with masks beside them train one (`ganverse train-segmenter "
        f"--masks FOLDER`), rembg cuts out whatever stands in front (--set segmenter.weights=rembg), or the category's "
        f'file names what COCO calls it, as in coco = "cup"; COCO knows {known}.'
    )


def has_coco_label(category: str | Category) -> bool:
    """Whether COCO's network has a word for a category."""
    try:
        return coco_label(category) > 0
    except ExpectedError:
        return False


def _load_coco(category: str | Category, download: bool) -> MaskRCNNSegmenter:
    from torchvision.models.detection import maskrcnn_resnet50_fpn_v2

    label = coco_label(category)
    path = COCO.get(download)
    with torch.random.fork_rng(devices=[]):
        network = maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None)
    network.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    return coco_segmenter(network, label, _name(category))


def coco_segmenter(network: MaskRCNN, label: int, category: str) -> MaskRCNNSegmenter:
    """A segmenter of torchvision's maskrcnn_resnet50_fpn_v2, which takes whole batches of one size."""
    from ganverse_nb.segmentation.network import WholePictures

    old = network.transform
    network.transform = WholePictures(old.min_size[0], old.max_size, old.image_mean, old.image_std)
    segmenter = MaskRCNNSegmenter(network, label, category, "torchvision's maskrcnn_resnet50_fpn_v2, COCO_V1")
    segmenter.at_once = COCO_AT_ONCE
    return segmenter
