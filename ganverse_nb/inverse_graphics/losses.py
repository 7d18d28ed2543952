"""Equation 1, term by term."""

from __future__ import annotations

from torch import Tensor

from ganverse_nb.geometry.overlap import soft_iou


def iou_loss(silhouette: Tensor, mask: Tensor) -> Tensor:
    """L_IOU(M, M'): mean over the batch of 1 - IoU."""
    return 1 - soft_iou(silhouette, mask).mean()


def color_loss(rendered: Tensor, image: Tensor, mask: Tensor) -> Tensor:
    """L_col: mean absolute difference [B, 3, H, W] inside `mask`, over the pixels of the whole picture.

    Renders have no background, so both pictures count inside the mask only; `mask` is the object's mask where the
    render covers it too, since uncovered pixels are the silhouette's business.
    """
    return ((rendered - image).abs() * mask).mean()


def albedo_prior(texture: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring pixels of textures [B, 3, Ht, Wt], which go on around in u.

    Paint is flat with few edges and light changes slowly, so that a texture pays for light that it contains.
    """
    around = (texture - texture.roll(1, -1)).abs().mean()
    return around + texture.diff(dim=-2).abs().mean()
