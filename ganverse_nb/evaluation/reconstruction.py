"""How well a trained inverse graphics model explains pictures: the rows `inverse.*` of the report."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.evaluation.metrics import ShapeError, shape_error
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.inverse_graphics.inference import compare, reconstruct
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.refine import refine_camera
from ganverse_nb.render.renderer import render
from ganverse_nb.runtime.placement import moved


@dataclass(frozen=True)
class DatasetScores:
    """Mean 2D IoU (hard, at 0.5) on contents never trained on, and mean colour error inside both masks.

    Attributes:
        same_view: prediction from view i rendered in view i; novel_view: rendered in view j, over all pairs i != j.
        color: mean absolute colour difference in the same view; novel_color: in the other views.
        per_view: [V] same-view IoU of each view code, NaN where no picture was kept.
        per_picture: [n] mean IoU in the other views of the prediction from each picture, in the order of
            `MultiViewDataset.kept_pictures`; NaN where its content has no other one.
        pictures: how many pictures of the same-view mean; pairs: of the novel-view mean.
    """

    same_view: float
    novel_view: float
    color: float
    novel_color: float
    per_view: Tensor
    per_picture: Tensor
    pictures: int
    pairs: int


@torch.no_grad()
def score_dataset(model: InverseGraphicsModel, dataset: MultiViewDataset, contents: Tensor) -> DatasetScores:
    """IoU of the kept pictures of `contents` in their own view and in every other kept view of the same content.

    Raises:
        ValueError: nothing of `contents` was kept.
    """
    model.eval()
    same: list[Tensor] = []
    novel: list[Tensor] = []
    per_picture: list[Tensor] = []
    view_of: list[Tensor] = []
    for content in contents.tolist():
        views = dataset.keep[content].nonzero().flatten()
        if len(views) == 0:
            continue
        images, masks = dataset.batch(torch.full_like(views, content), views)
        mesh, camera = model.network(images, masks), model.cameras(views)
        others: list[Tensor] = []
        for shift in range(len(views)):
            other = torch.roll(torch.arange(len(views)), -shift)
            scores = compare(mesh, camera[other], images[other], masks[other])
            (others if shift else same).append(scores)
        novel += others
        iou_of_others = [scores[:, 0] for scores in others] or [torch.full((len(views),), torch.nan)]
        per_picture.append(torch.stack(iou_of_others).mean(0))
        view_of.append(views)
    if not same:
        raise ValueError("None of these contents has a picture that passed the mask filter.")
    own, view = torch.cat(same), torch.cat(view_of)
    other_views = torch.cat(novel) if novel else torch.full((1, 2), torch.nan)
    per_view = torch.stack([own[view == v, 0].mean() for v in range(dataset.num_views)])
    means, other_means = own.mean(0).tolist(), other_views.mean(0).tolist()
    pairs = sum(len(n) for n in novel)
    return DatasetScores(
        means[0], other_means[0], means[1], other_means[1], per_view, torch.cat(per_picture), len(own), pairs
    )


@dataclass(frozen=True)
class FittedScores:
    """Mean 2D IoU (hard) of predictions where every picture has a camera of its own, fitted to its outline.

    Attributes:
        same_view, novel_view: as of `DatasetScores`.
    """

    same_view: float
    novel_view: float


def score_with_fitted_cameras(
    model: InverseGraphicsModel, dataset: MultiViewDataset, contents: Tensor, sources: int = 3
) -> FittedScores:
    """`score_dataset` without what its cameras cost: a view code turns no two contents by quite the same angle.

    Each prediction stays as it is; azimuth, elevation, distance and place of each picture's camera begin at those of
    its view code and move until the outlines agree (`refine_camera`).

    Args:
        sources: of how many of its pictures, evenly spread over its kept views, each content is predicted.

    Raises:
        ValueError: nothing of `contents` was kept.
    """
    model.eval()
    device = model.cameras.azimuth.device
    same: list[float] = []
    novel: list[Tensor] = []
    for content in contents.tolist():
        views = dataset.keep[content].nonzero().flatten()
        if len(views) == 0:
            continue
        images, masks = (t.to(device) for t in dataset.batch(torch.full_like(views, content), views))
        cameras = moved(model.cameras(views).detach(), device)
        for source in range(0, len(views), -(-len(views) // sources)):
            with torch.no_grad():
                mesh = model.network(images[source : source + 1], masks[source : source + 1])
            mesh = Mesh(mesh.vertices.expand(len(views), -1, -1).contiguous(), mesh.faces)
            fitted = refine_camera(mesh, cameras, masks, lens=False)
            overlap = hard_iou(render(mesh, fitted, dataset.resolution).mask, masks)
            same.append(float(overlap[source]))
            novel.append(torch.cat([overlap[:source], overlap[source + 1 :]]))
    if not same:
        raise ValueError("None of these contents has a picture that passed the mask filter.")
    return FittedScores(sum(same) / len(same), float(torch.cat(novel).mean()))


@dataclass(frozen=True)
class PhotoScores:
    """Reconstructions of photographs with the camera head's cameras.

    Attributes:
        iou: [N] hard IoU of the render against the true mask; color: [N] mean absolute colour difference.
        shape, shape_as_found: N errors against the true mesh after similarity alignment, and without any.
    """

    iou: Tensor
    color: Tensor
    shape: list[ShapeError]
    shape_as_found: list[ShapeError]


@torch.no_grad()
def score_photos(
    model: InverseGraphicsModel,
    images: Tensor,
    masks: Tensor,
    true_masks: Tensor,
    true_meshes: list[tuple[Tensor, Tensor]],
    seed: int = 0,
    points: int = 20_000,
) -> PhotoScores:
    """Reconstruct photographs [N, 3, R, R] in [0, 1] cut out by `masks` [N, 1, R, R] and compare with the truth.

    Args:
        true_meshes: (vertices [V, 3], faces [F, 3]) of the first n <= N photographs, for the 3D errors.
    """
    mesh, camera = reconstruct(images, masks, model)
    scores = compare(mesh, camera, images, true_masks)
    generator = torch.Generator().manual_seed(seed)
    found = {"similarity": [], "none": []}  # type: dict[str, list[ShapeError]]
    for index, true in enumerate(true_meshes):
        for align, errors in found.items():
            errors.append(shape_error((mesh.vertices[index], mesh.faces), true, generator, align, points))
    return PhotoScores(scores[:, 0], scores[:, 1], found["similarity"], found["none"])
