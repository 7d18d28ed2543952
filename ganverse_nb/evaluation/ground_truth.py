"""Reconstructions against the truth: shape, colour of the surface, and what other cameras see. Beyond the paper.

The studio knows the mesh and the paint of every object in its photographs, and photographs it again from other sides
(`studio.ground_truth_views`). Surfaces are compared on their outside: nobody can find what parts of a mesh hide in each
other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.evaluation.alignment import Similarity, align_points, common_gauge, nearest
from ganverse_nb.evaluation.canonical import canonical_mesh
from ganverse_nb.evaluation.metrics import ShapeError, longest_side, surface_error
from ganverse_nb.evaluation.pictures import on_white, psnr, ssim
from ganverse_nb.evaluation.surfaces import Samples, outer_faces, sample_surface, visible
from ganverse_nb.evaluation.volume import volume_iou
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.inverse_graphics.inference import reconstruct
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.perceptual import Features, perceptual_distance
from ganverse_nb.render.renderer import render
from ganverse_nb.render.texture import sample_texture
from ganverse_nb.segmentation.detections import found_rows
from ganverse_nb.segmentation.segmenter import Segmenter
from ganverse_nb.studio.ground_truth_views import VIEWS, GroundTruthViews
from ganverse_nb.studio.photos import SUPERSAMPLING, Photos

GAUGE = "gauge"
"""The alignment between "none" and "similarity": one similarity for all reconstructions of a model."""
POINTS, ASKED = 50_000, 8_000  # on each surface, and those that look for the nearest on the other one


@dataclass(frozen=True)
class TruthScores:
    """N reconstructions against the truth, under one alignment. What could not be measured is NaN.

    Attributes:
        shape: N errors of the surface.
        volume_iou: [N] volumetric IoU.
        color_visible, color_hidden: [N] mean absolute difference of colour in [0, 1] between the true unlit surface and
            the nearest predicted one, where the photograph shows it and where it does not. One gain per channel, fitted
            where it is visible, is taken off: textures contain the light.
        transforms: N similarities that brought the predictions to the truth.
        psnr, ssim, perceptual, iou: [N, VIEWS] of each further view on white; the last one is from above.
    """

    shape: list[ShapeError]
    volume_iou: Tensor
    color_visible: Tensor
    color_hidden: Tensor
    transforms: list[Similarity]
    psnr: Tensor
    ssim: Tensor
    perceptual: Tensor
    iou: Tensor

    def values(self) -> dict[str, Tensor]:
        """Every measure as [N], by a short name; views from the side are averaged, the one from above is apart."""
        scores = torch.tensor([error.f_score for error in self.shape])
        found = {"chamfer": torch.tensor([error.chamfer_l1 for error in self.shape])}
        found |= dict(zip(("f1", "f2", "f5"), scores.unbind(1)))
        found["normals"] = torch.tensor([error.normal_consistency for error in self.shape])
        found |= {name: getattr(self, name) for name in ("volume_iou", "color_visible", "color_hidden")}
        for name in ("psnr", "ssim", "perceptual", "iou"):
            views = getattr(self, name)
            found |= {name: views[:, :-1].mean(1), f"{name}_above": views[:, -1]}
        return found


@dataclass(frozen=True)
class Reconstructions:
    """N predictions of a model with their scores.

    Attributes:
        mesh, camera: as predicted.
        gauge: the one similarity between the model's world and the true one.
        scores: by alignment: "none", "gauge" and "similarity".
    """

    mesh: Mesh
    camera: Camera
    gauge: Similarity
    scores: dict[str, TruthScores]


def found_objects(segmenter: Segmenter, photos: GroundTruthViews) -> tuple[GroundTruthViews, Tensor]:
    """The n <= N photographs in which the segmenter finds an object, and their masks [n, 1, R, R].

    Raises:
        ValueError: it finds none.
    """
    rows, masks = found_rows(segmenter.segment(photos.photos.image()))
    return photos[rows], masks


def score_reconstructions(
    model: InverseGraphicsModel,
    photos: GroundTruthViews | Photos,
    masks: Tensor,
    features: Features | None = None,
    seed: int = 0,
    points: int = POINTS,
) -> Reconstructions:
    """Reconstruct photographs cut out by `masks` [N, 1, R, R] (none empty) and compare with all that is known.

    Args:
        photos: plain `Photos` have no further views; what those would show is NaN then.
        features: of the perceptual distance; without them it is NaN.
        points: on each surface.

    Raises:
        ValueError: wrong size of pictures or masks, an empty mask.
    """
    inputs = photos.photos if isinstance(photos, GroundTruthViews) else photos
    mesh, camera = reconstruct(inputs.image(), masks, model)
    scores = score_meshes(
        [mesh[i] for i in range(len(mesh))], photos, ("none", GAUGE, "similarity"), features, seed, points
    )
    return Reconstructions(mesh, camera, scores[GAUGE].transforms[0], scores)


def score_meshes(
    meshes: Sequence[Mesh],
    photos: GroundTruthViews | Photos,
    alignments: Sequence[str],
    features: Features | None = None,
    seed: int = 0,
    points: int = POINTS,
) -> dict[str, TruthScores]:
    """Compare one mesh (batch of 1, with or without a texture) per photograph with the truth.

    Scores are of the surface: its parts, their order, doubled faces and vertices that no face uses do not matter, and
    no units under any alignment but "none".

    Args:
        alignments: of `evaluation.alignment.ALIGNMENTS`, or "gauge".

    Raises:
        ValueError: not as many meshes as photographs, unknown alignment, a mesh without area.
    """
    inputs, views = (photos.photos, photos.views) if isinstance(photos, GroundTruthViews) else (photos, None)
    if len(meshes) != len(inputs):
        raise ValueError(f"score_meshes: {len(meshes)} meshes for {len(inputs)} photographs; give one for each.")
    meshes = [canonical_mesh(mesh.to("cpu")) for mesh in meshes]  # where the truth lies
    generator = torch.Generator().manual_seed(seed)
    true = [_true_surface(inputs, index, points, generator) for index in range(len(inputs))]
    samples = [_outer_samples(mesh, points, generator) for mesh in meshes]

    def aligned(how: str) -> list[Similarity]:
        pairs = zip(samples, true, strict=True)
        bar = tqdm(pairs, total=len(true), desc=f"alignment {how}", unit="mesh", leave=False)
        return [align_points(mine.points, theirs.samples.points, how) for mine, theirs in bar]

    transforms: dict[str, list[Similarity]] = {}
    for how in sorted(alignments, key=lambda a: a == GAUGE):  # the gauge is made of the others
        if how == GAUGE:
            single = transforms.get("similarity") or aligned("similarity")
            transforms[how] = [common_gauge(single)] * len(meshes)
        else:
            transforms[how] = aligned(how)
    return {how: _scores(meshes, samples, true, transforms[how], views, features) for how in alignments}


@dataclass(frozen=True)
class _TrueSurface:
    """Of one object: its mesh, points of its outside, their colours [P, 3] and whether the photo shows them [P]."""

    vertices: Tensor
    faces: Tensor
    samples: Samples
    albedo: Tensor
    shown: Tensor


def _true_surface(photos: Photos, index: int, points: int, generator: torch.Generator) -> _TrueSurface:
    mesh = photos[index : index + 1].mesh()
    vertices, faces = mesh.vertices[0], mesh.faces
    samples = sample_surface(vertices, faces, points, generator, outer_faces(vertices, faces))
    shown = visible(samples, vertices, faces, photos.camera[index])
    return _TrueSurface(vertices, faces, samples, photos.albedo(index, samples.face, samples.weights), shown)


def _outer_samples(mesh: Mesh, points: int, generator: torch.Generator) -> Samples:
    vertices = mesh.vertices[0]
    return sample_surface(vertices, mesh.faces, points, generator, outer_faces(vertices, mesh.faces))


def _scores(
    meshes: Sequence[Mesh],
    samples: list[Samples],
    true: list[_TrueSurface],
    transforms: list[Similarity],
    views: Photos | None,
    features: Features | None,
) -> TruthScores:
    shapes, volumes, colors, seen = [], [], [], []
    rows = tqdm(zip(meshes, samples, true, transforms, strict=True), "scores", len(meshes), unit="mesh", leave=False)
    for index, (mesh, mine, theirs, transform) in enumerate(rows):
        shapes.append(surface_error(mine, theirs.samples, transform, longest_side(theirs.vertices), ASKED))
        moved = transform(mesh.vertices)
        volumes.append(volume_iou((moved[0], mesh.faces), (theirs.vertices, theirs.faces)))
        colors.append(_color_errors(mesh, mine, theirs, transform))
        if views is None:
            seen.append(torch.full((4, VIEWS), torch.nan))
        else:
            placed = Mesh(moved, mesh.faces, mesh.face_uvs, mesh.texture)
            seen.append(_compare_views(placed, views[slice(index * VIEWS, (index + 1) * VIEWS)], features))
    visible_color, hidden_color = torch.tensor(colors).unbind(1)
    by_view = dict(zip(("psnr", "ssim", "perceptual", "iou"), torch.stack(seen).unbind(1)))
    return TruthScores(shapes, torch.tensor(volumes), visible_color, hidden_color, list(transforms), **by_view)


def _color_errors(mesh: Mesh, mine: Samples, true: _TrueSurface, transform: Similarity) -> tuple[float, float]:
    """Mean colour difference where the photograph shows the true surface, and where it does not."""
    if mesh.texture is None or mesh.face_uvs is None:
        return float("nan"), float("nan")
    uv = (mesh.face_uvs[mine.face] * mine.weights[..., None]).sum(1)
    color = sample_texture(mesh.texture, uv[None, None].contiguous())[0, :, 0].T
    there = nearest(true.samples.points[:ASKED].double(), transform(mine.points.double()))[1]
    predicted, albedo, shown = color[there], true.albedo[:ASKED], true.shown[:ASKED]
    gain = (predicted * albedo)[shown].sum(0) / predicted[shown].square().sum(0).clamp(min=1e-8)
    difference = ((predicted * gain).clamp(0, 1) - albedo).abs().mean(1)
    return float(difference[shown].mean()), float(difference[~shown].mean())


@torch.no_grad()
def _compare_views(mesh: Mesh, views: Photos, features: Features | None) -> Tensor:
    """[4, VIEWS] PSNR, SSIM, perceptual distance and mask IoU of one mesh in the true world against photographs."""
    resolution = views.images.shape[-1]
    output = render(mesh, views.camera, resolution * SUPERSAMPLING)
    coverage = F.avg_pool2d(output.mask, SUPERSAMPLING)  # as the studio's camera makes its pictures
    mask, true_mask = (coverage >= 0.5).float(), views.masks.float()
    rows = torch.full((4, len(views)), torch.nan)
    rows[3] = hard_iou(mask, true_mask)
    if mesh.texture is not None:
        color = F.avg_pool2d(output.rgb, SUPERSAMPLING) / coverage.clamp(min=1e-6)
        found, true = on_white(color, mask), on_white(views.image(), true_mask)
        rows[0], rows[1] = psnr(found, true), ssim(found, true)
        if features is not None:
            rows[2] = perceptual_distance(features, found, true)
    return rows
