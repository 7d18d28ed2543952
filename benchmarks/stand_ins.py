"""Stand-ins for what nobody may ship: NVIDIA's networks, COCO's Mask R-CNN. True architectures, made-up numbers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import torch
from torch import Tensor

from ganverse_nb.gan.annotation import ViewAnnotation
from ganverse_nb.gan.checkpoint import save_networks
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import sample_w
from ganverse_nb.gan.official.letterbox import CAR_ROWS
from ganverse_nb.inverse_graphics.perceptual import LpipsFeatures
from ganverse_nb.segmentation.mask_rcnn import COCO, MaskRCNNSegmenter, coco_segmenter

FEATURE_MAPS = {"config-e": 8192, "config-f": 16384}  # fmap_base of the official code
BOX = 0.7  # side of the rectangle that the stand-in for COCO's finds, as a share of the picture's
LOGIT = 10.0


def official_channels(config: str, resolution: int, share: int = 1) -> list[int]:
    """Feature channels at 4, 8, ... px of an official configuration, or that `share` of them."""
    base = FEATURE_MAPS[config]
    return [min(2 * base // 2**i, 512) // share for i in range(2, resolution.bit_length())]


def write_official(path: Path, config: str, resolution: int, letterboxed: bool = False, share: int = 1) -> Path:
    """An official StyleGAN2 as its training begins: random weights, codes of 512 numbers, eight mapping layers.

    Args:
        letterboxed: as the 512 x 384 car is.
        share: of the channels, for tests.
    """
    rows = CAR_ROWS if letterboxed else None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        generator = Generator(resolution, 512, 512, 8, official_channels(config, resolution, share), rows=rows)
    save_networks(path, generator, None, {"made_by": "random weights"}, half=False)
    return path


def write_labels(path: Path, gan: Path, count: int, split_layer: int = 4) -> Path:
    """Random view codes of a network, labelled as if they went around the object."""
    from ganverse_nb.gan.checkpoint import load_generator

    labels = ViewAnnotation(sample_w(load_generator(gan), count, 7), split_layer, path)
    for view in range(count):
        labels.label(view * 12 // count)
    return path


def coco_stand_in(shapes: Sequence[tuple[str, Tensor]], label: int) -> dict[str, Tensor]:
    """Numbers for torchvision's Mask R-CNN with which it finds one object of class `label` in every picture.

    It is a rectangle in the middle, `BOX` as wide and high as the picture. Nothing is learned: all weights are zero,
    and biases make every anchor grow to the whole picture, every proposal shrink to the rectangle, every mask full.

    Args:
        shapes: names and values of the network's state. What is constant takes no room in a file.
    """
    boxes, classes = torch.zeros(91, 4), torch.full((91,), -LOGIT)
    boxes[:, 2:] = 5 * torch.tensor(BOX).log()  # the coder divides by five
    classes[label] = LOGIT
    told = {
        "rpn.head.bbox_pred.bias": torch.tensor([0.0, 0.0, LOGIT, LOGIT]).repeat(3),  # three anchors at every place
        "roi_heads.box_predictor.cls_score.bias": classes,
        "roi_heads.box_predictor.bbox_pred.bias": boxes.flatten(),
        "roi_heads.mask_predictor.mask_fcn_logits.bias": torch.full((91,), LOGIT),
    }
    constant = partial(torch.full, ())
    made = {}
    for name, value in shapes:
        filled = constant(1.0 if name.endswith("running_var") else 0.0).to(value.dtype).expand(value.shape)
        made[name] = told.get(name, filled)
    assert set(told) <= set(made)
    return made


def untrained_coco() -> MaskRCNNSegmenter:
    """torchvision's Mask R-CNN as its training begins: it proposes as many boxes as a trained one."""
    from torchvision.models.detection import maskrcnn_resnet50_fpn_v2

    segmenter = coco_segmenter(maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None), 3, "car")
    segmenter.source = "untrained"
    return segmenter


@cache
def untrained_lpips() -> LpipsFeatures:
    """LPIPS over a VGG16 of random weights."""
    from lpips import LPIPS

    features = LpipsFeatures.__new__(LpipsFeatures)
    features.network = LPIPS(net="vgg", pnet_rand=True, verbose=False).requires_grad_(False)
    return features


def write_coco(network: torch.nn.Module, label: int) -> Path:
    """`coco_stand_in` where COCO's weights would lie, in torch's cache."""
    path = COCO.path
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(coco_stand_in(list(network.state_dict().items()), label), path)
    return path
