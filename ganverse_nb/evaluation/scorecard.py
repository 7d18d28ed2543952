"""The numbers that the notebooks report, measured on what no network was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.evaluation.disentanglement import Measure
from ganverse_nb.evaluation.metrics import ShapeError
from ganverse_nb.evaluation.reconstruction import PhotoScores, score_photos
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import sample_w
from ganverse_nb.gan.pose import PoseRegressor
from ganverse_nb.gan.view_gate import view_azimuths
from ganverse_nb.gan.viewpoints import BIN_DEGREES, ViewCodes
from ganverse_nb.geometry.angles import (
    AngleError,
    angle_error,
    circular_median,
    largest_gap,
    median_deviation,
    wrap_degrees,
)
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.neural_renderer.data import Pictures, PropertyDataset
from ganverse_nb.neural_renderer.properties import Properties, concatenate, mask_out
from ganverse_nb.neural_renderer.renderer import StyleGANR
from ganverse_nb.neural_renderer.swaps import swap_pairs
from ganverse_nb.render.renderer import render
from ganverse_nb.segmentation.detections import keep
from ganverse_nb.segmentation.segmenter import Segmenter
from ganverse_nb.studio.photos import Photos

FRESH_CONTENTS = 7919  # added to a run's seed for contents that no choice was made with
THREE_QUARTERS = 45.0  # degrees
BATCH = 64


@dataclass(frozen=True)
class ViewReadings:
    """The chosen views, read off pictures of contents that were not looked at when they were chosen.

    Attributes:
        azimuth: [V] degrees, circular median over contents.
        deviation: [V] degrees, median absolute deviation from it.
    """

    azimuth: Tensor
    deviation: Tensor

    @property
    def largest_gap(self) -> float:
        """Largest difference of azimuth between neighbouring views, degrees."""
        return largest_gap(self.azimuth)

    @property
    def median_deviation(self) -> float:
        """Median over the views, degrees."""
        return float(self.deviation.median())


def read_views(
    generator: Generator, regressor: PoseRegressor, views: ViewCodes, contents: int, psi: float, seed: int
) -> ViewReadings:
    """Measure the chosen views again, on `contents` fresh contents truncated by `psi`."""
    content_w = sample_w(generator, contents, seed + FRESH_CONTENTS, psi)
    azimuth = view_azimuths(generator, regressor, views.codes, content_w, views.split_layer)
    return ViewReadings(circular_median(azimuth), median_deviation(azimuth))


@dataclass(frozen=True)
class CameraErrors:
    """The cameras of the view codes before and after they were optimised, against what their pictures show.

    Attributes:
        labelled, optimised, measured: [V] azimuth in degrees: 30 x the coarse label, the optimised camera, and the
            circular median of the pose regressor's readings of the view's pictures.
        before, after: errors of the first two against the third, one rotation common to all views taken off, because
            cameras learned from pictures are known up to it only.
    """

    labelled: Tensor
    optimised: Tensor
    measured: Tensor
    before: AngleError
    after: AngleError


@torch.no_grad()
def camera_errors(model: InverseGraphicsModel, dataset: MultiViewDataset, regressor: PoseRegressor) -> CameraErrors:
    """How far the cameras are from the views that the pose regressor reads off all kept pictures.

    Views without a kept picture have no reading and are left out.

    Raises:
        ValueError: no picture was kept.
    """
    views = dataset.keep.any(0).nonzero().flatten()
    if len(views) == 0:
        raise ValueError("Not one picture of the multi-view dataset was kept; look at its masks.")
    readings = []
    for view in views:
        contents = dataset.keep[:, view].nonzero().flatten()
        images, _ = dataset.batch(contents, torch.full_like(contents, int(view)))
        readings.append(circular_median(regressor.pose(images).azimuth))
    measured = torch.stack(readings)
    labelled = dataset.azimuth_bin[views].float() * BIN_DEGREES
    optimised = model.cameras(views).azimuth
    before, after = angle_error(labelled, measured), angle_error(optimised, measured)
    return CameraErrors(labelled, optimised, measured, before, after)


def clear_photos(segmenter: Segmenter, photos: Photos, count: int) -> tuple[Photos, Tensor]:
    """The first `count` of `photos` that pass the mask filter (fewer if fewer do), and their masks [n, 1, R, R].

    Raises:
        ValueError: none passes.
    """
    found = segmenter.segment(photos.image())
    rows = keep(found).keep.nonzero().flatten()[:count]
    if len(rows) == 0:
        raise ValueError("The segmenter found no object in any of the photos.")
    return photos[rows], found.mask[rows]


@dataclass(frozen=True)
class PhotoReport:
    """Reconstructions of photographs that no network was trained on.

    Attributes:
        found: [N] bool, where the segmenter found an object.
        iou: [N] hard IoU of the render (camera of the camera head) against the true mask; 0 where nothing was found.
        azimuth: [n] degrees, read by the camera head for the n found photos; `true_azimuth` [n].
        scores: of the found photos; 3D errors of the first of them.
        body_type: [N] index of the true body type, one of `type_names`.
    """

    found: Tensor
    iou: Tensor
    azimuth: Tensor
    true_azimuth: Tensor
    scores: PhotoScores
    body_type: Tensor
    type_names: tuple[str, ...]

    @property
    def azimuth_error(self) -> AngleError:
        """Of the camera head, one common rotation taken off."""
        return angle_error(self.azimuth, self.true_azimuth)

    def rows(self) -> list[tuple[str, dict[str, float]]]:
        """Means by body type and of all, for a table: photos, IoU, and 3D errors as found and after alignment."""
        shaped = self.body_type[self.found][: len(self.scores.shape)]
        rows = []
        for name, kind in [*((n, k) for k, n in enumerate(self.type_names)), ("all", None)]:
            here = torch.ones_like(self.found) if kind is None else self.body_type == kind
            meshes = torch.ones_like(shaped, dtype=torch.bool) if kind is None else shaped == kind
            index = meshes.nonzero().flatten().tolist()
            row = {"photos": int(here.sum()), "iou": float(self.iou[here].mean()), "meshes": len(index)}
            for label, errors in (("", self.scores.shape), ("_as_found", self.scores.shape_as_found)):
                row |= {f"{key}{label}": value for key, value in mean_shape([errors[i] for i in index]).items()}
            rows.append((name, row))
        return rows


def mean_shape(errors: list[ShapeError]) -> dict[str, float]:
    """Mean Chamfer distance and F-scores; NaN of none."""
    if not errors:
        return dict.fromkeys(("chamfer", "f1", "f2", "f5"), float("nan"))
    chamfer = sum(e.chamfer_l1 for e in errors) / len(errors)
    scores = torch.tensor([e.f_score for e in errors]).mean(0).tolist()
    return {"chamfer": chamfer, **dict(zip(("f1", "f2", "f5"), scores, strict=True))}


@torch.no_grad()
def score_test_photos(
    model: InverseGraphicsModel, segmenter: Segmenter, photos: Photos, meshes: int, seed: int = 0
) -> PhotoReport:
    """Reconstruct all `photos` from the segmenter's masks; the first `meshes` found ones are compared in 3D too.

    Raises:
        ValueError: the segmenter found nothing in any of them.
    """
    images, true_masks = photos.image(), photos.masks.float()
    masks = segmenter.segment(images).mask
    found = masks.flatten(1).amax(1) > 0.5
    rows = found.nonzero().flatten()
    if len(rows) == 0:
        raise ValueError("The segmenter found no object in any of the test photos.")
    mesh = photos.mesh()
    truth = [(mesh.vertices[i], mesh.faces) for i in rows[:meshes].tolist()]
    scores = score_photos(model, images[rows], masks[rows], true_masks[rows], truth, seed)
    overlap = torch.zeros(len(photos)).index_copy(0, rows, scores.iou)
    azimuth = torch.cat([model.head(i, m).azimuth for i, m in zip(images[rows].split(64), masks[rows].split(64))])
    truth_azimuth, kinds = photos.camera.azimuth[rows], photos.objects["type"]
    return PhotoReport(found, overlap, azimuth, truth_azimuth, scores, kinds, photos.types)


@torch.no_grad()
def held_out_properties(
    model: InverseGraphicsModel, dataset: MultiViewDataset, seed: int = 0, limit: int = 96
) -> tuple[Properties, Tensor]:
    """Properties and picture [B, 3, R, R] of one kept picture, drawn at random, of each held-out content.

    Args:
        limit: contents at most, evenly spread: 300 of the paper's size, with their backgrounds, take 3 GB.

    Raises:
        ValueError: no held-out content has a kept picture.
    """
    contents = dataset.test_contents[dataset.keep[dataset.test_contents].any(1)]
    if len(contents) == 0:
        raise ValueError("No held-out content has a picture that passed the mask filter.")
    if len(contents) > limit:
        contents = contents[torch.linspace(0, len(contents) - 1, limit).long()]
    rng = torch.Generator().manual_seed(seed)
    view = torch.multinomial(dataset.keep[contents].float(), 1, generator=rng)[:, 0]
    found, shown = [], []
    for content, seen in zip(contents.split(BATCH), view.split(BATCH), strict=True):
        images, masks = dataset.batch(content, seen)
        found.append(properties_of(model.network(images, masks), model, seen, images, masks))
        shown.append(images)
    return concatenate(found), torch.cat(shown)


def properties_of(mesh: Mesh, model: InverseGraphicsModel, view: Tensor, images: Tensor, masks: Tensor) -> Properties:
    """Predictions of f with the optimised cameras of the view codes [B] that the pictures were made with."""
    assert mesh.texture is not None
    return Properties(model.cameras(view).detach(), mesh.vertices, mesh.texture, mask_out(images, masks))


@torch.no_grad()
def held_out_in_one_view(
    model: InverseGraphicsModel, dataset: MultiViewDataset, count: int
) -> tuple[Properties, Tensor]:
    """Properties and pictures [count, 3, R, R] of held-out contents under one view code, near three quarters front.

    Raises:
        ValueError: no view was kept of so many held-out contents.
    """
    keep = dataset.keep[dataset.test_contents]
    views = (keep.sum(0) >= count).nonzero().flatten()
    if len(views) == 0:
        raise ValueError(f"No view was kept of {count} held-out contents; make the dataset larger.")
    turn = wrap_degrees(model.cameras(views).azimuth - THREE_QUARTERS).abs()
    view = views[turn.argmin()]
    contents = dataset.test_contents[keep[:, view]][:count]
    view = view.expand(count)
    images, masks = dataset.batch(contents, view)
    return properties_of(model.network(images, masks), model, view, images, masks), images


def azimuth_reader(regressor: PoseRegressor) -> Measure:
    """Pictures -> azimuth [B] in degrees, as `azimuth_sweep` takes it."""
    return lambda images: regressor.pose(images).azimuth


def elevation_reader(regressor: PoseRegressor) -> Measure:
    """Pictures -> elevation [B] in degrees, as `elevation_sweep` takes it."""
    return lambda images: regressor.pose(images).elevation


def held_out_pairs(
    model: InverseGraphicsModel, dataset: MultiViewDataset, limit: int = 96, seed: int = 0
) -> tuple[Properties, Properties]:
    """Sources and donors for swaps: two held-out contents in the same view, at most `limit` pairs.

    Raises:
        ValueError: no view was kept of two held-out contents.
    """
    test = dataset.test_contents
    pictures = Pictures.of_dataset(dataset.images, dataset.masks, dataset.keep, test)
    properties = PropertyDataset(pictures, model.network, model.cameras().detach(), progress=False)
    sources, donors = swap_pairs(properties, range(len(test)), limit, seed)
    return properties.properties(sources), properties.properties(donors)


@torch.no_grad()
def dual_overlap(model: StyleGANR, segmenter: Segmenter, properties: Properties) -> Tensor:
    """[B] IoU of the object found in StyleGAN-R's picture with DIB-R's render of the same properties."""
    dibr = render(properties.mesh(), properties.camera, model.resolution)
    return hard_iou(segmenter.segment(model.synthesize(properties)).mask, dibr.mask)
