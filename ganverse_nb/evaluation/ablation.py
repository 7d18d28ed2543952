"""What each variant of the ablation study is measured by, and the pictures that Figures 6 and P show of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.evaluation.alignment import Similarity
from ganverse_nb.evaluation.examples import median_and_worst
from ganverse_nb.evaluation.ground_truth import GAUGE, score_meshes
from ganverse_nb.evaluation.reconstruction import score_dataset
from ganverse_nb.gan.viewpoints import BIN_DEGREES
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.inverse_graphics.inference import reconstruct
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.network import repeat_mesh
from ganverse_nb.inverse_graphics.perceptual import Features
from ganverse_nb.render.renderer import render
from ganverse_nb.runtime.files import content_of, read_json, write_json
from ganverse_nb.studio.ground_truth_views import TURNS, VIEWS, GroundTruthViews

OTHERS = 4  # further views in the pictures
PHOTO_VIEWS = (1, 3, 5, 7)  # of GroundTruthViews' further views
PHOTO_MEASURES = {
    "chamfer": "photo_chamfer",
    "f2": "photo_fscore",
    "iou": "photo_novel_view_iou",
    "color_hidden": "photo_hidden_color_error",
    "perceptual": "photo_perceptual_distance",
}


@dataclass(frozen=True)
class VariantScores:
    """One training, measured on held-out objects of the GAN, and on photographs whose truth is known.

    Attributes:
        same_view, novel_view: mean 2D IoU in the picture's own view and in the others, as `DatasetScores`; the cameras
            of the views are those that the training ended with.
        novel_color: mean colour difference in the other views, in [0, 1].
        per_picture: [n] `novel_view` of the prediction from each picture alone.
        photos: `TruthScores.values()` of m photographs, after the one similarity `gauge` from the world of the training
            to the true one, so that they do not depend on the cameras it learned; empty without a studio.
    """

    same_view: float
    novel_view: float
    novel_color: float
    per_picture: Tensor
    photos: dict[str, Tensor]
    gauge: Similarity

    def numbers(self) -> dict[str, float]:
        """The columns of the study's table; of photographs the medians, as in the rows `truth.*`."""
        found = {
            "same_view_iou": self.same_view,
            "novel_view_iou": self.novel_view,
            "novel_view_color_error": self.novel_color,
        }
        photos = {PHOTO_MEASURES[name]: self.photos[name] for name in PHOTO_MEASURES if name in self.photos}
        return found | {key: float(values.nanquantile(0.5)) for key, values in photos.items()}

    def rows(self) -> list[dict[str, Any]]:
        """`numbers` in the form that `spread.table` takes; None for what could not be measured."""
        return [{"key": k, "ours": v if v == v else None, "unit": ""} for k, v in self.numbers().items()]

    def save(self, path: Path) -> None:
        """Write JSON; NaN becomes null."""
        write_json(path, self, sealed=True)

    @classmethod
    def load(cls, path: Path) -> VariantScores:
        """What `save` wrote."""
        remedy = f"delete {path.parent} and run the same command again"
        with content_of(path, "set of scores", remedy):
            stored = read_json(path, remedy)
            gauge = stored.pop("gauge")
            rotation, translation = (torch.tensor(gauge[k], dtype=torch.float64) for k in ("rotation", "translation"))
            per_picture, photos = _tensor(stored.pop("per_picture")), stored.pop("photos")
            return cls(
                **{name: float("nan") if value is None else value for name, value in stored.items()},
                per_picture=per_picture,
                photos={name: _tensor(values) for name, values in photos.items()},
                gauge=Similarity(gauge["scale"], rotation, translation),
            )


def _tensor(values: Sequence[float | None]) -> Tensor:
    return torch.tensor([float("nan") if v is None else v for v in values])


def score_variant(
    model: InverseGraphicsModel,
    dataset: MultiViewDataset,
    photos: tuple[GroundTruthViews, Tensor] | None,
    features: Features | None = None,
    seed: int = 0,
) -> VariantScores:
    """Measure one training on the held-out contents of `dataset` and on photographs.

    Args:
        photos: with their masks [N, 1, R, R], none empty; None where there is no studio.
        features: of the perceptual distance; without them it is NaN.
        seed: of the points on the surfaces.

    Raises:
        ValueError: no held-out picture was kept.
    """
    scores = score_dataset(model, dataset, dataset.test_contents)
    values: dict[str, Tensor] = {}
    gauge = Similarity.identity()
    if photos is not None:
        truth, masks = photos
        mesh, _ = reconstruct(truth.photos.image(), masks, model)
        measured = score_meshes([mesh[i] for i in range(len(mesh))], truth, (GAUGE,), features, seed)[GAUGE]
        values, gauge = measured.values(), measured.transforms[0]
    return VariantScores(scores.same_view, scores.novel_view, scores.novel_color, scores.per_picture, values, gauge)


def median_and_worst_of(scores: Sequence[Tensor]) -> dict[str, int]:
    """Which picture is the median and which the worst by the mean of `scores` [n] over the variants: none chooses.

    Args:
        scores: of each variant, the larger the better.

    Raises:
        ValueError: no number to choose by.
    """
    middle, worst = median_and_worst(-torch.stack(list(scores)).mean(0))
    return {"median": middle, "worst": worst}


@dataclass(frozen=True)
class Example:
    """One object in 1 + K views, the first of which was shown to the network, and what each variant makes of it.

    Attributes:
        pictures: [1 + K, 3, R, R]; turns: K degrees of azimuth from the first view.
        meshes: variant -> mesh (batch of 1) and the cameras [1 + K] of the views in its world.
        overlap: variant -> [1 + K] IoU with the masks of the pictures.
        true: the true mesh and its cameras, where they are known.
    """

    pictures: Tensor
    turns: list[float]
    meshes: Mapping[str, tuple[Mesh, Camera]]
    overlap: Mapping[str, Tensor]
    true: tuple[Mesh, Camera] | None = None


@torch.no_grad()
def gan_example(models: Mapping[str, InverseGraphicsModel], dataset: MultiViewDataset, picture: int) -> Example:
    """Held-out picture number `picture` of `kept_pictures`, and kept ones of its content from all around it.

    Raises:
        ValueError: the content has no other picture.
    """
    content, view = (t[picture : picture + 1] for t in dataset.kept_pictures(dataset.test_contents))
    others = dataset.keep[content[0]].nonzero().flatten()
    others = others[others != view]
    if len(others) == 0:
        raise ValueError(f"Picture {picture} is the only one of its content that was kept; choose another.")
    turn = (dataset.azimuth_bin[others] - dataset.azimuth_bin[view]) % 12
    count = min(OTHERS, len(others))
    spread = turn.argsort(stable=True)[((torch.arange(count) + 0.5) * len(others) / count).long()]
    views = torch.cat([view, others[spread]])
    images, masks = dataset.batch(content.expand(len(views)), views)
    meshes = {variant: (m.network(images[:1], masks[:1]), m.cameras(views)) for variant, m in models.items()}
    turns = (BIN_DEGREES * turn[spread]).tolist()
    return Example(images, turns, meshes, _overlap(meshes, masks))


@torch.no_grad()
def photo_example(
    models: Mapping[str, InverseGraphicsModel],
    gauges: Mapping[str, Similarity],
    photos: tuple[GroundTruthViews, Tensor],
    index: int,
) -> Example:
    """Photograph number `index` with further ones of its object, and reconstructions brought into the true world."""
    truth, cut = photos
    one = truth.photos[index : index + 1]
    seen = truth.views[torch.tensor([index * VIEWS + view for view in PHOTO_VIEWS])]
    camera = Camera.join([one.camera, seen.camera])
    masks = torch.cat([one.masks, seen.masks]).float()
    pictures = torch.cat([one.image(), seen.image() * masks[1:] + (1 - masks[1:])])
    meshes = {}
    for variant, model in models.items():
        mesh, _ = reconstruct(one.image(), cut[index : index + 1], model)
        meshes[variant] = (replace(mesh, vertices=gauges[variant](mesh.vertices)), camera)
    turns = [TURNS[view] for view in PHOTO_VIEWS]
    return Example(pictures, turns, meshes, _overlap(meshes, masks), (one.mesh(), camera))


def _overlap(meshes: Mapping[str, tuple[Mesh, Camera]], masks: Tensor) -> dict[str, Tensor]:
    views, size = len(masks), masks.shape[-1]
    return {variant: hard_iou(render(repeat_mesh(m, views), c, size).mask, masks) for variant, (m, c) in meshes.items()}
