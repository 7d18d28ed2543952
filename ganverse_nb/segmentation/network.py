"""A Mask R-CNN for one object in a small picture: torchvision's detector on a backbone of a few thin convolutions.

Differences from the COCO model, all for pictures of 64 px on two CPU cores: proposals come from one coarse level, where
a picture has 576 anchors; masks are read from the finest level and are 56 x 56, because a car is about 50 px wide.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNN, MaskRCNNPredictor
from torchvision.models.detection.rpn import RPNHead
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import MultiScaleRoIAlign

from ganverse_nb.config import SegmenterConfig

FINE, MIDDLE, COARSE = "fine", "middle", "coarse"
MEAN, STD = [0.5, 0.5, 0.5], [0.25, 0.25, 0.25]
ANCHOR_SIZES, ANCHOR_RATIOS = (40, 64, 96), (0.45, 0.75, 1.1)  # of 128 px; height / width: from the side to head-on
BOX_POOL, MASK_POOL = 7, 28
PADDING = 32
Module = TypeVar("Module", bound=nn.Module)


def small_mask_rcnn(config: SegmenterConfig) -> MaskRCNN:
    """A new network for one class (label 1), weights drawn from torch's global generator."""
    backbone = ThinBackbone(config.widths, config.fine_channels, config.coarse_channels)
    scale = config.working_size / 128
    anchors = CoarseAnchors((tuple(int(s * scale) for s in ANCHOR_SIZES),), (ANCHOR_RATIOS,))
    hidden = config.mask_channels
    network = MaskRCNN(
        backbone,
        min_size=config.working_size,
        rpn_anchor_generator=anchors,
        rpn_head=CoarseHead(config.coarse_channels, anchors.num_anchors_per_location()[0]),
        rpn_pre_nms_top_n_train=100,
        rpn_pre_nms_top_n_test=200,
        rpn_post_nms_top_n_train=40,
        rpn_post_nms_top_n_test=20,
        rpn_fg_iou_thresh=0.6,
        rpn_batch_size_per_image=48,
        box_roi_pool=MultiScaleRoIAlign([MIDDLE], BOX_POOL, 2),
        box_head=TwoMLPHead(config.fine_channels * BOX_POOL**2, 128),
        box_predictor=FastRCNNPredictor(128, 2),
        box_score_thresh=0.3,
        box_detections_per_img=5,
        box_batch_size_per_image=8,  # two of them positive, so two masks per picture and step
        mask_roi_pool=MultiScaleRoIAlign([FINE], MASK_POOL, 1),
        mask_head=WholeObjectHead(config.fine_channels, hidden),
        mask_predictor=MaskRCNNPredictor(hidden, hidden, 2),
    )
    network.transform = WholePictures(config.working_size, 2 * config.working_size, MEAN, STD)
    return network


class ThinBackbone(nn.Module):
    """Four levels of halved size, then top-down again, as in a feature pyramid.

    forward: pictures [B, 3, H, W] -> {"fine": [B, fine, H/2, W/2] for masks, "middle": [B, fine, H/4, W/4] for boxes,
    "coarse": [B, coarse, H/16, W/16] for proposals}.
    """

    def __init__(self, widths: tuple[int, ...], fine: int, coarse: int):
        super().__init__()
        self.out_channels = coarse
        self.stem = nn.Sequential(conv(3, widths[0], stride=2), conv(widths[0], widths[0]))
        self.stages = nn.ModuleList(
            nn.Sequential(conv(a, b, stride=2), Residual(b)) for a, b in zip(widths[:-1], widths[1:])
        )
        self.coarse = conv(widths[-1], coarse, kernel=1)
        self.lateral = nn.ModuleList(nn.Conv2d(width, fine, 1) for width in widths)
        self.smooth = nn.ModuleList(conv(fine, fine) for _ in widths[:-1])

    def forward(self, images: Tensor) -> OrderedDict[str, Tensor]:
        levels = [self.stem(images)]
        for stage in self.stages:
            levels.append(stage(levels[-1]))
        top = middle = self.lateral[-1](levels[-1])
        for k in range(len(levels) - 2, -1, -1):
            top = F.interpolate(top, scale_factor=2.0, mode="nearest")
            middle, top = top, self.smooth[k](top + self.lateral[k](levels[k]))
        return OrderedDict([(FINE, top), (MIDDLE, middle), (COARSE, self.coarse(levels[-1]))])


class Residual(nn.Module):
    """Two 3 x 3 convolutions round a shortcut."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = conv(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution with batch normalisation and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def without_norms(network: Module) -> Module:
    """A trained network whose batch normalisations are part of the convolutions before them, for use alone.

    Its answers are the same to float rounding, at three quarters of the time.
    """
    network.eval()
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential):
            for place, (layer, norm) in enumerate(list(pairwise(module))):
                if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                    module[place], module[place + 1] = fuse_conv_bn_eval(layer, norm), nn.Identity()
    return network


class WholeObjectHead(nn.Module):
    """Features of boxes [N, inputs, 28, 28] -> [N, hidden, 28, 28], each seeing its whole box.

    Of two cars in one box, the one to cut out is the one that fills it: that takes a look at the box from afar, which
    torchvision's stack of 3 x 3 convolutions has at 14 x 14 but not at 28 x 28.
    """

    def __init__(self, inputs: int, hidden: int):
        super().__init__()
        self.near = conv(inputs, hidden)
        self.far = nn.Sequential(conv(hidden, 2 * hidden), conv(2 * hidden, 2 * hidden), conv(2 * hidden, hidden))
        self.both = conv(hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        near = self.near(x)
        far = F.interpolate(self.far(F.avg_pool2d(near, 4)), scale_factor=4.0, mode="bilinear", align_corners=False)
        return self.both(near + far)


class CoarseAnchors(AnchorGenerator):
    """Anchors on the last level only."""

    def forward(self, image_list: ImageList, feature_maps: list[Tensor]) -> list[Tensor]:
        return super().forward(image_list, feature_maps[-1:])


class CoarseHead(RPNHead):
    """Proposals from the last level only."""

    def forward(self, x: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        return super().forward(x[-1:])


class WholePictures(GeneralizedRCNNTransform):
    """Scales and normalises a batch of pictures of one size at once; targets are expected at the working size.

    The network's answer stays as it is, boxes in working pixels and masks in their boxes: torchvision rounds boxes
    down to whole pixels before it pastes, which is a visible shift in a picture of 64 px. See `paste`.
    """

    def working_scale(self, height: int, width: int) -> float:
        """Working pixels per pixel."""
        return min(self.min_size[-1] / min(height, width), self.max_size / max(height, width))

    def forward(
        self, images: Tensor, targets: list[dict[str, Tensor]] | None = None
    ) -> tuple[ImageList, list[dict[str, Tensor]] | None]:
        height, width = images.shape[-2:]
        scale = self.working_scale(height, width)
        size = (round(height * scale), round(width * scale))
        mean = torch.tensor(self.image_mean, device=images.device)[:, None, None]
        std = torch.tensor(self.image_std, device=images.device)[:, None, None]
        x = (images - mean) / std
        if size != (height, width):
            x = F.interpolate(x, size=size, mode="bilinear", align_corners=False, antialias=scale < 1)
        x = F.pad(x, (0, -size[1] % PADDING, 0, -size[0] % PADDING))
        return ImageList(x.contiguous(memory_format=torch.channels_last), [size] * len(images)), targets

    def postprocess(
        self, result: list[dict[str, Tensor]], image_shapes: list[tuple[int, int]], original: list[tuple[int, int]]
    ) -> list[dict[str, Tensor]]:
        return result
