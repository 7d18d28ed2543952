"""Equation 1, term by term."""

from __future__ import annotations

from torch import Tensor

EPSILON = 1e-6


def mask_iou(a: Tensor, b: Tensor) -> Tensor:
    """[B] intersection over union of soft masks [B, 1, H, W] in [0, 1]: sum ab / sum (a + b - ab)."""
    both = (a * b).flatten(1).sum(1)
    return both / ((a + b).flatten(1).sum(1) - both + EPSILON)


def iou_loss(silhouette: Tensor, mask: Tensor) -> Tensor:
    """L_IOU(M, M'): mean over the batch of 1 - IoU."""
    return 1 - mask_iou(silhouette, mask).mean()


def color_loss(rendered: Tensor, image: Tensor, mask: Tensor) -> Tensor:
    """L_col: mean absolute difference [B, 3, H, W] inside `mask`, over the pixels of the whole picture.

    Renders have no background, so both pictures count inside the mask only; `mask` is the object's mask where the
    render covers it too, since uncovered pixels are the silhouette's business.
    """
    return ((rendered - image).abs() * mask).mean()
