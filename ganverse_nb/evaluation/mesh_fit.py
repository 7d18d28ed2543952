"""A mesh fitted to masks against the object that the masks are of, on the whole way."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.evaluation.metrics import shape_error
from ganverse_nb.geometry.camera import CameraModel
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.render.fitting import MeshFit
from ganverse_nb.render.renderer import render

POINTS = 4000  # on each surface: two samplings of one surface of a car are 0.006 apart


@dataclass(frozen=True)
class FitErrors:
    """What a fit is worth where no mask has shown the object.

    Attributes:
        iou: [S + 1] overlap with the true silhouettes after every step, mean over the cameras.
        views: [V] overlap after the last step, by camera.
        chamfer: step -> Chamfer-L1 to the true mesh where both stand, as a share of its longest side.
    """

    iou: Tensor
    views: Tensor
    chamfer: dict[int, float]


@torch.no_grad()
def score_fit(fit: MeshFit, true: Mesh, camera: CameraModel, every: int = 10, resolution: int = 64) -> FitErrors:
    """Compare every step of a fit with one `true` mesh, seen by V cameras that the fit knows nothing of.

    Args:
        every: how many steps are between two of which the Chamfer distance is measured; the last one is.
    """
    steps = len(fit.iou)
    wanted = render(true, camera, resolution).mask
    views = [hard_iou(render(fit.at([step]), camera, resolution).mask, wanted) for step in range(steps)]
    surface = (true.vertices[0], true.faces)
    chamfer = {}
    for step in sorted({*range(0, steps, every), steps - 1}):
        random = torch.Generator().manual_seed(0)
        ours = (fit.vertices[step], fit.start.faces)
        chamfer[step] = shape_error(ours, surface, random, align="none", points=POINTS).chamfer_l1
    return FitErrors(torch.stack(views).mean(1), views[-1], chamfer)
