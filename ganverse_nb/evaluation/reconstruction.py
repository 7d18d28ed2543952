"""How well a trained inverse graphics model explains pictures: the rows `inverse.*` of the report."""

from __future__ import annotations

from collections.abc import Iterator
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

SOURCES = 3  # pictures of an object that it is predicted from, where every camera is fitted


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
    for views, images, masks in _kept(dataset, contents):
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


def score_with_fitted_cameras(model: InverseGraphicsModel, dataset: MultiViewDataset, contents: Tensor) -> FittedScores:
    """`score_dataset` without what its cameras cost: a view code turns no two contents by quite the same angle.

    Each prediction stays as it is; azimuth, elevation, distance and place of each picture's camera begin at those of
    its view code and move until the outlines agree (`refine_camera`). Each content is predicted from `SOURCES` of its
    pictures at most, evenly spread over its kept views.

    Raises:
        ValueError: nothing of `contents` was kept.
    """
    model.eval()
    device = model.cameras.azimuth.device
    same: list[Tensor] = []
    novel: list[Tensor] = []
    for views, images, masks in _kept(dataset, contents):
        count = len(views)
        sources = torch.arange(0, count, -(-count // SOURCES))
        with torch.no_grad():
            predicted, cameras = model.network(images[sources], masks[sources]), model.cameras(views)
        mesh = Mesh(predicted.vertices.repeat_interleave(count, 0), predicted.faces)
        pairs = cameras[torch.arange(count).repeat(len(sources))], masks.repeat(len(sources), 1, 1, 1)
        mesh, camera, wanted = moved((mesh, *pairs), device)  # once, not in every step
        seen = render(mesh, refine_camera(mesh, camera, wanted, lens=False), dataset.resolution).mask
        overlap = hard_iou(seen, wanted).view(len(sources), count).cpu()
        own = sources[:, None] == torch.arange(count)
        same.append(overlap[own])
        novel.append(overlap[~own])
    return FittedScores(float(torch.cat(same).mean()), float(torch.cat(novel).mean()))


def _kept(dataset: MultiViewDataset, contents: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Of each content that has any: its kept views [V], and their pictures and masks.

    Raises:
        ValueError: none has.
    """
    kept = [content for content in contents.tolist() if dataset.keep[content].any()]
    if not kept:
        raise ValueError("None of these contents has a picture that passed the mask filter.")
    for content in kept:
        views = dataset.keep[content].nonzero().flatten()
        yield views, *dataset.batch(torch.full_like(views, content), views)


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
