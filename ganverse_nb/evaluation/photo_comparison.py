"""Trained on a GAN's pictures or on annotated photographs: Tables 1a and 1b, and the overlap from other sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ganverse_nb.data.annotated import AnnotatedPhotos
from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.evaluation.alignment import Similarity
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.overlap import hard_iou, soft_iou
from ganverse_nb.inverse_graphics.inference import reconstruct
from ganverse_nb.inverse_graphics.losses import iou_loss
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.render.renderer import render
from ganverse_nb.render.silhouette import SIGMA, hardening
from ganverse_nb.segmentation.detections import found_rows
from ganverse_nb.segmentation.segmenter import Segmenter

HOURS_PER_PHOTO = 4 / 60  # section 4.1: 3 to 5 minutes to mark one object's keypoints
HOURS_PER_VIEW = 1 / 60 / 39  # one minute for the 39 views of the car
NOVEL_AZIMUTHS = tuple(range(0, 360, 45))
NOVEL_ELEVATION, NOVEL_DISTANCE = 12.0, 2.2


@dataclass(frozen=True)
class TestSet:
    """N pictures to reconstruct, which need not fit into memory.

    Attributes:
        batch: rows [B] -> images [B, 3, R, R] and masks [B, 1, R, R], what the networks get, and true masks, what
            renders are held against.
        camera: the cameras that the set comes with, in its own world.
        source: what those cameras are, in words.
    """

    __test__ = False  # no test class, whatever pytest thinks of the name

    batch: Callable[[Tensor | slice], tuple[Tensor, Tensor, Tensor]]
    camera: Camera
    source: str

    def __len__(self) -> int:
        return len(self.camera)


@dataclass(frozen=True)
class Overlap:
    """Mean 2D IoU of N renders in the input's view, hard (masks at 0.5) and soft (silhouettes).

    Attributes:
        hard, soft: with the set's own cameras; head_hard, head_soft: with those of the model's camera head.
        camera: what the set's cameras are.
    """

    hard: float
    soft: float
    head_hard: float
    head_soft: float
    pictures: int
    camera: str


def gan_test_set(dataset: MultiViewDataset, model: InverseGraphicsModel, contents: Tensor | None = None) -> TestSet:
    """The kept pictures of `contents` (the held-out ones by default), with the optimised cameras of their views."""
    content, view = dataset.kept_pictures(dataset.test_contents if contents is None else contents)

    def batch(rows: Tensor | slice) -> tuple[Tensor, Tensor, Tensor]:
        images, masks = dataset.batch(content[rows], view[rows])
        return images, masks, masks

    return TestSet(batch, model.cameras(view).detach(), "optimised with the GAN-model")


def found_photos(photos: AnnotatedPhotos, segmenter: Segmenter) -> tuple[AnnotatedPhotos, Tensor]:
    """The photographs [n] in which the segmenter finds an object, and its masks [n, 1, R, R].

    Raises:
        ValueError: it finds none.
    """
    rows, masks = found_rows(segmenter.segment(photos.images.float() / 255))
    return photos[rows], masks


def photo_test_set(photos: AnnotatedPhotos, masks: Tensor | None = None) -> TestSet:
    """Annotated photographs; the networks get `masks` [N, 1, R, R], the annotated ones where None."""
    every = torch.arange(len(photos))

    def batch(rows: Tensor | slice) -> tuple[Tensor, Tensor, Tensor]:
        images, true = photos.batch(every[rows], every[rows])
        return images, true if masks is None else masks[rows], true

    return TestSet(batch, photos.camera, "fitted to annotated keypoints")


def fit_gauge(mesh: Mesh, camera: Camera, masks: Tensor, steps: int = 80, lr: float = 0.01) -> Similarity:
    """The similarity under which predicted meshes [B], seen by `camera` [B], meet the outlines `masks` [B, 1, R, R].

    A model learns its cameras and shapes in a world of its own, known up to a similarity. Before its meshes are looked
    at with cameras of another world, this takes them there; it is the same for all objects of the model.
    """
    turn = torch.zeros(3, requires_grad=True)
    log_scale = torch.zeros(1, requires_grad=True)
    shift = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.Adam([turn, log_scale, shift], lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=lr / 50)

    def similarity() -> tuple[Tensor, Tensor]:
        x, y, z = turn
        zero = torch.zeros(())
        skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).view(3, 3)
        return torch.linalg.matrix_exp(skew), log_scale.exp()

    vertices = mesh.vertices.detach()
    for step in range(steps):
        rotation, scale = similarity()
        sigma = hardening(step / max(1, steps), SIGMA)
        here = replace(mesh, vertices=scale * vertices @ rotation.T + shift)
        loss = iou_loss(render(here, camera, masks.shape[-1], sigma=sigma).silhouette, masks)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    rotation, scale = similarity()
    return Similarity(scale.item(), rotation.detach(), shift.detach())


def gauge_to(model: InverseGraphicsModel, to: TestSet, seed: int = 0, pictures: int = 48) -> Similarity:
    """The gauge of `model` towards the world of some pictures, which must not be those that are tested on."""
    rows = torch.randperm(len(to), generator=torch.Generator().manual_seed(seed))[:pictures]
    images, masks, true = to.batch(rows)
    mesh, _ = reconstruct(images, masks, model)
    return fit_gauge(mesh, to.camera[rows], true)


def moved(mesh: Mesh, gauge: Similarity | None) -> Mesh:
    """Meshes in the world that `gauge` leads to."""
    return mesh if gauge is None else replace(mesh, vertices=gauge(mesh.vertices))


@torch.no_grad()
def overlap(model: InverseGraphicsModel, test: TestSet, gauge: Similarity | None = None, batch: int = 64) -> Overlap:
    """One cell of Table 1b.

    Args:
        gauge: from the model's world to the one of the set's cameras; None where these are the same.
    """
    rows = []
    for index in torch.arange(len(test)).split(batch):
        images, masks, true = test.batch(index)
        mesh, head = reconstruct(images, masks, model)
        known = render(moved(mesh, gauge), test.camera[index], true.shape[-1])
        own = render(mesh, head, true.shape[-1])
        rows.append(
            torch.stack([f for out in (known, own) for f in (hard_iou(out.mask, true), soft_iou(out.silhouette, true))])
        )
    hard, soft, head_hard, head_soft = torch.cat(rows, 1).mean(1).tolist()
    return Overlap(hard, soft, head_hard, head_soft, len(test), test.source)


@torch.no_grad()
def novel_view_iou(mesh: Mesh, true: Mesh, resolution: int = 64) -> Tensor:
    """[B, 8] hard IoU of predicted and true meshes, both seen by the same eight cameras around the object.

    Unlike the overlap in the input's view, this sees the sides that the picture did not show.
    """
    found = []
    for azimuth in NOVEL_AZIMUTHS:
        camera = Camera.orbit(torch.full((len(mesh),), float(azimuth)), NOVEL_ELEVATION, NOVEL_DISTANCE)
        found.append(hard_iou(render(mesh, camera, resolution).mask, render(true, camera, resolution).mask))
    return torch.stack(found, 1)


def annotation_table(photos: AnnotatedPhotos, dataset: MultiViewDataset) -> dict[str, dict[str, float]]:
    """Table 1a: pictures and hours of annotation, at the paper's rates for keypoints and for view labels."""
    kept = int(dataset.keep.sum())
    return {
        "photographs": {"pictures": len(photos), "hours": len(photos) * HOURS_PER_PHOTO},
        "GAN": {"pictures": kept, "hours": dataset.num_views * HOURS_PER_VIEW},
    }


@dataclass(frozen=True)
class Comparison:
    """Table 1b and the novel views of both models on the same photographs.

    Attributes:
        cells: (model, test set) -> overlap; the names are "photo" and "GAN".
        gauges: the same keys -> the gauge that brought the model's meshes into the set's world, where one was needed.
        novel: model -> [B, 8] IoU with the true meshes of photographs; NaN where these are not known.
    """

    cells: Mapping[tuple[str, str], Overlap]
    gauges: Mapping[tuple[str, str], Similarity]
    novel: Mapping[str, Tensor]


def compare_models(
    models: Mapping[str, InverseGraphicsModel],
    tests: Mapping[str, TestSet],
    training: Mapping[str, TestSet],
    true: Mesh | None,
    seed: int = 0,
) -> Comparison:
    """Both models on both test sets, and the first photographs' meshes against the true ones.

    Args:
        models, tests, training: by the name of what was trained on, "photo" and "GAN". `training` has pictures to find
            the gauges with.
        true: the meshes [B] of the first B photographs of the test set, in the world of their true cameras; None where
            they are not known, which leaves `novel` without numbers.
    """
    cells, gauges, novel = {}, {}, {}
    for name, model in models.items():
        for place, test in tests.items():
            if place != name:
                gauges[name, place] = gauge_to(model, training[place], seed)
            cells[name, place] = overlap(model, test, gauges.get((name, place)))
        novel[name] = torch.full((1, len(NOVEL_AZIMUTHS)), torch.nan)
        if true is not None:
            images, masks, _ = tests["photo"].batch(slice(len(true)))
            mesh, _ = reconstruct(images, masks, model)
            novel[name] = novel_view_iou(moved(mesh, gauges.get((name, "photo"))), true)
    return Comparison(cells, gauges, novel)
