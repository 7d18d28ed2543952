"""What DIB-R, the second renderer of the same scene, tells the joint stage about a picture; not in the paper.

Eq 6 asks that f reads the properties off the picture again. That leaves it open where the object is and how large: f
sees masked pictures and is not perfect. The mesh that was asked for says it, pixel by pixel.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.config import StyleGANRConfig
from ganverse_nb.geometry.overlap import soft_iou
from ganverse_nb.neural_renderer.properties import Properties
from ganverse_nb.render.renderer import render
from ganverse_nb.runtime.team import Team

BLUR = 4  # pixels a side that colours are averaged over: what the GAN adds in detail is its own
SEAM = 3  # pixels around the object that belong to neither


def scene_loss(
    images: Tensor, masks: Tensor, target: Properties, config: StyleGANRConfig, team: Team | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """Weighted sum, and its parts, of what pictures [B, 3, R, R] and soft masks [B, 1, R, R] have wrong of a scene.

    The silhouette (1 - soft IoU), the colours inside both outlines, and those of the known background outside both,
    the last two as mean absolute differences of blurred pictures. Gradients reach pictures and masks only, so that the
    mesh's own outline can be as sharp as it is: a soft one is larger than the object, and so would pictures' objects
    be. Processes of `team` have shares of the pictures.
    """
    team = team or Team()
    with torch.no_grad():
        dibr = render(target.mesh(), target.camera, images.shape[-1])
        found = (masks > 0.5).to(images)
        inside = dibr.mask * found
        around = F.max_pool2d(torch.maximum(dibr.mask, found), SEAM, 1, SEAM // 2)
        outside = target.background[:, 3:] * (1 - around)
    parts = {
        "silhouette": (1 - soft_iou(masks, dibr.mask)).mean(),
        "colors": blurred_difference(images, dibr.rgb, inside, team),
        "surroundings": blurred_difference(images, target.background[:, :3], outside, team),
    }
    loss = sum(getattr(config, f"weight_{name}") * value for name, value in parts.items())
    return torch.as_tensor(loss), {name: value.detach() for name, value in parts.items()}


def blurred_difference(a: Tensor, b: Tensor, where: Tensor, team: Team) -> Tensor:
    """Mean absolute difference of pictures [B, 3, R, R] within `where` [B, 1, R, R], after averaging over `BLUR`.

    Among processes it is over the pixels of all of them, so that their mean is that of the whole batch.
    """
    first, second, weight = (F.avg_pool2d(x, BLUR) for x in (a * where, b * where, where))
    return team.size * (first - second).abs().sum() / (a.shape[1] * team.sum(weight.sum())).clamp_min(1.0)
