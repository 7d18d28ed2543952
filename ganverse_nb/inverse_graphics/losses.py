"""Equation 1, term by term."""

from __future__ import annotations

from torch import Tensor

from ganverse_nb.geometry.losses import flatten_loss, laplacian_loss, movement_loss
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.overlap import soft_iou
from ganverse_nb.render.renderer import RenderOutput


def loss_terms(output: RenderOutput, images: Tensor, masks: Tensor, mesh: Mesh, offsets: Tensor) -> dict[str, Tensor]:
    """The terms of Eq 1 but for the perceptual one, by the names of their weights in the configuration.

    Args:
        output: the render of predictions, to be compared with `images` [kB, 3, R, R] and `masks` [kB, 1, R, R].
        mesh: the B predictions, each seen k times; `offsets` [B, V, 3] are their movement from the template.
    """
    return {
        "iou": iou_loss(output.silhouette, masks),
        "color": color_loss(output.rgb, images, masks * output.mask),
        "laplacian": laplacian_loss(offsets, mesh.faces),
        "flatten": flatten_loss(mesh.vertices, mesh.faces),
        "movement": movement_loss(offsets),
    }


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
