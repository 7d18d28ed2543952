"""What was found in a batch of pictures, and which pictures the paper's filter lets through."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

NONE, MANY, SMALL = "no instance", "more than one instance", "mask too small"
RULES = (NONE, MANY, SMALL)  # the paper's
LARGE = "mask too large"


@dataclass(frozen=True)
class Detections:
    """The instances in B pictures of H x W pixels.

    Attributes:
        mask: [B, 1, H, W] float32, 0 or 1: the instance with the highest score; all 0 where nothing was found.
        count: [B] int64 how many instances, duplicates merged.
        score: [B] float32 in [0, 1] of that instance; 0 where nothing was found.
        box: [B, 4] float32 left, top, right, bottom of that instance in pixels; zeros where nothing was found.
    """

    mask: Tensor
    count: Tensor
    score: Tensor
    box: Tensor

    def __len__(self) -> int:
        return len(self.count)

    def __getitem__(self, index: slice | Tensor) -> Detections:
        return Detections(self.mask[index], self.count[index], self.score[index], self.box[index])


@dataclass(frozen=True)
class Kept:
    """The filter's verdict on B pictures.

    Attributes:
        keep: [B] bool.
        reason: for each picture the rule that removed it, "" where it stays.
    """

    keep: Tensor
    reason: list[str]

    @property
    def reasons(self) -> dict[str, int]:
        """How many pictures each rule removed; rules of the paper that removed none are there with 0."""
        return dict.fromkeys(RULES, 0) | Counter(reason for reason in self.reason if reason)


def keep(detections: Detections, minimum: float = 0.10, maximum: float = 1.0, one: bool = True) -> Kept:
    """The paper's filter (section 3.1): exactly one instance, whose mask covers at least `minimum` of the picture.

    Args:
        maximum: share of the picture that it may cover; the paper has no such bound.
        one: whether there must be no further instance; else the one with the highest score is taken.

    Raises:
        ValueError: `minimum` is not a share.
    """
    if not 0 <= minimum <= 1:
        raise ValueError(f"The smallest mask is a share of the picture, 0 to 1, not {minimum}.")
    area = detections.mask.mean((1, 2, 3))
    reason = []
    for count, share in zip(detections.count.tolist(), area.tolist()):
        size = SMALL if share < minimum else LARGE if share > maximum else ""
        reason.append(NONE if count < 1 else MANY if count > 1 and one else size)
    return Kept(torch.tensor([not r for r in reason], dtype=torch.bool), reason)


def merge_duplicates(masks: Tensor, overlap: float = 0.7) -> Tensor:
    """[B, K] bool: the instances that stay when each repetition of a better one goes.

    An instance repeats another where their masks share more than `overlap` of the smaller one: boxes do not tell,
    because two cars one behind the other have boxes that overlap and masks that do not.

    Args:
        masks: [B, K, H, W] of 0 and 1, the best instance first; an empty mask is no instance.
    """
    flat = masks.flatten(2)
    area = flat.sum(2)
    shared = flat @ flat.transpose(1, 2)
    smaller = torch.minimum(area[:, :, None], area[:, None, :]).clamp_min(1)
    repeats = shared / smaller > overlap
    stays = area > 0
    for k in range(1, masks.shape[1]):
        stays[:, k] &= ~(repeats[:, k, :k] & stays[:, :k]).any(1)
    return stays


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


def found_rows(found: Detections) -> tuple[Tensor, Tensor]:
    """Which pictures [n] have an object in them, and its masks [n, 1, H, W].

    Raises:
        ValueError: none has.
    """
    rows = (found.mask.flatten(1).amax(1) > 0.5).nonzero().flatten()
    if len(rows) == 0:
        raise ValueError("The segmenter found no object in any of the photographs.")
    return rows, found.mask[rows]


def paste(masks: Tensor, boxes: Tensor, scale: float, size: tuple[int, int]) -> Tensor:
    """[N, H, W] probabilities of the pixels of pictures of `size`.

    torchvision cuts its training targets with roi_align(aligned=False), which takes box coordinates for indices of
    pixels; this inverts exactly that.

    Args:
        masks: [N, 1, M, M] probabilities in the boxes.
        boxes: [N, 4] left, top, right, bottom in working pixels.
        scale: working pixels per pixel.
    """
    axes = []
    for axis, length in ((0, size[1]), (1, size[0])):
        at = (torch.arange(length, device=boxes.device) + 0.5) * scale - 0.5
        start, end = boxes[:, axis, None], boxes[:, axis + 2, None]
        axes.append((at - start) / (end - start).clamp_min(1e-3) * 2 - 1)
    x, y = axes
    grid = torch.stack([x[:, None, :].expand(-1, size[0], -1), y[:, :, None].expand(-1, -1, size[1])], -1)
    return F.grid_sample(masks, grid, align_corners=False)[:, 0]
