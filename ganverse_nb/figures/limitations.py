"""Figures of what does not work: failures (O), the score that tells them (ROC), light (K)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor

from ganverse_nb.evaluation.domain_check import INSIDE, DomainCheck
from ganverse_nb.evaluation.examples import at_ranks
from ganverse_nb.evaluation.failures import KindResult
from ganverse_nb.evaluation.light import LightScores, shading_of, true_light
from ganverse_nb.figures.grid import picture_grid
from ganverse_nb.figures.inverse import TURNS
from ganverse_nb.figures.style import BLACK, BLUE, GREEN, LIGHT, ORANGE, RED, plot_figure, styled
from ganverse_nb.figures.tables import number_table
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.render.light import lamp, white_light
from ganverse_nb.render.renderer import render
from ganverse_nb.render.shots import SUPERSAMPLING, orbit_views, plain, textured
from ganverse_nb.studio.lit import LitPhotos

RANKS = {"median": 0.5, "worst": 1.0}
BRIGHTEST = 2.4  # shading that is drawn white, in units of its mean all around
LAMPS = {"lamp left": (-0.8, 0.3, 0.5), "lamp right": (0.8, 0.3, 0.5)}  # in the camera's axes
NAMES = {"none": "without light", "light": "with light", "prior": "with light and prior"}


def failures(results: Mapping[str, KindResult], check: DomainCheck, size: int = 192) -> Figure:
    """Figure O: of every kind the median and the worst by Chamfer distance, beside the true shape.

    Args:
        check: with the scores of the same photographs, from the first on.
    """
    rows: list[list[Tensor | None]] = []
    labels: list[str] = []
    notes: dict[tuple[int, int], str] = {}
    for kind, result in results.items():
        chosen = at_ranks(result.chamfer, list(RANKS.values()))
        for name, index in zip(RANKS, chosen):
            one, mesh = result.photos[slice(index, index + 1)], result.mesh[index]
            same = textured(mesh, result.camera[index], size)[0]
            turned = textured(*orbit_views(mesh, TURNS[:3]), size)
            side = Camera.orbit(55.0, 18.0, 2.2)
            score = check.scores[kind][index]
            notes[len(rows), 0] = "not one object" if score is None else f"score {score:.1f}"
            notes[len(rows), 1] = f"IoU {result.iou[index]:.2f}"
            notes[len(rows), 5] = f"Chamfer {result.chamfer[index]:.3f}"
            rows.append([one.image()[0], same, *turned, plain(mesh, side, size)[0], plain(one.mesh(), side, size)[0]])
            labels.append(f"{kind},\n{name}")
    columns = ["photograph", "prediction", "", "", "", "shape", "true shape"]
    return picture_grid(
        rows,
        row_labels=labels,
        column_labels=columns,
        column_spans={(2, 4): "from other sides"},
        column_groups=[2, 5],
        notes=notes,
        size=size,
    )


@styled
def roc_curves(check: DomainCheck) -> Figure:
    """For every limit of the score: the share of each kind that is refused against that of usual photographs."""
    figure = plot_figure(4.2, 3.6)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=LIGHT, lw=1)
    for color, kind in zip((BLUE, ORANGE, GREEN, RED), check.ood_kinds):
        refused, found = check.roc(kind)
        axes.plot(refused, found, color=color, label=f"{kind}: area {check.separation(kind):.3f}")
        axes.plot([check.refused(INSIDE)], [check.refused(kind)], marker="o", ms=5, color=color, mec=BLACK, mew=0.6)
    axes.set(
        xlabel="usual photographs refused",
        ylabel="out-of-distribution objects refused",
        xlim=(-0.01, 1.01),
        ylim=(-0.01, 1.02),
        title="every limit of the score; dots: the limit in use",
    )
    axes.legend(loc="lower right")
    return figure


def light_pictures(images: Tensor, mesh: Mesh, camera: Camera, light: Tensor, size: int = 192) -> Figure:
    """Figure K: pictures [B, 3, R, R], predictions with light [B, 9] and without, the light, and other lights.

    Without light the object stands in an even one of the same brightness, which texture and light share as they like.
    """
    with_light, without = lit(mesh, camera, light, size), lit(mesh, camera, even(light), size)
    columns = [images, with_light, without, shaded(mesh, camera, light, size), balls(light, camera, size)]
    for direction in LAMPS.values():
        turned = 0.3 * white_light(light) + lamp(_in_world(camera, direction), 1.2)
        columns.append(lit(mesh, camera, brightness(light) * turned, size))
    rows = [list(row) for row in zip(*columns)]
    labels = ["input", "with light", "texture\nonly", "shading", "light", *(n.replace(" ", "\n") for n in LAMPS)]
    return picture_grid(rows, column_labels=labels, column_groups=[1, 3, 5], size=size)


def light_truth(
    photos: LitPhotos, predictions: Mapping[str, tuple[Mesh, Camera, Tensor]], scores: Mapping[str, LightScores]
) -> Figure:
    """Unlit colours, shading and light of photographs beside the true ones; one row for each training.

    Args:
        predictions: training -> meshes, cameras and light [B, 9].
        scores: training -> those of the same B photographs.
    """
    size = 128
    (albedo, shading, known), light = photos.intrinsic(), true_light(photos)
    mean = brightness(light)[:, :, None, None]
    surfaces = (photos.photos.image(), albedo * mean, shading / (BRIGHTEST * mean))
    true = [surface.clamp(0, 1) * known + (1 - known) for surface in surfaces]
    true.append(balls(light, photos.photos.camera, size))
    drawn = {
        name: [
            lit(mesh, camera, light, size),
            lit(mesh, camera, even(light), size),
            shaded(mesh, camera, light, size),
            balls(light, camera, size),
        ]
        for name, (mesh, camera, light) in predictions.items()
    }
    rows: list[list[Tensor | None]] = []
    notes: dict[tuple[int, int], str] = {}
    images = photos.photos.image()
    for index in range(len(photos)):
        rows.append([images[index], *(column[index] for column in true)])
        for name, columns in drawn.items():
            score = scores[name]
            values = {2: f"{score.albedo[index]:.3f}", 3: f"{100 * score.shading[index]:.0f} %"}
            if not math.isnan(float(score.direction[index])):
                values[4] = f"{score.direction[index]:.0f}°"
            notes |= {(len(rows), column): words for column, words in values.items()}
            rows.append([None, *(column[index] for column in columns)])
    return picture_grid(
        rows,
        row_labels=["truth", *(NAMES[name].replace("with light and", "with light\nand") for name in drawn)]
        * len(photos),
        column_labels=["photograph", "picture", "in even\nlight", "shading", "light"],
        row_groups=range(1 + len(drawn), len(rows), 1 + len(drawn)),
        column_groups=[1],
        notes=notes,
        size=size,
    )


def light_table(scores: Mapping[str, LightScores], overhead: Tensor) -> Figure:
    """Medians of the errors of every training; the last row is who says "from straight above" without looking."""
    nan = float("nan")
    shown = ("albedo", "shading", "direction", "spread", "true_spread", "contrast", "true_contrast")
    rows: list[tuple[str, Sequence[float]]] = []
    for name, score in scores.items():
        values = score.medians()
        rows.append((NAMES[name], [values[measure] for measure in shown]))
    rows.append(("straight above", [nan, nan, float(overhead.quantile(0.5)), nan, nan, nan, nan]))
    columns = ["colours", "shading", "direction (°)", "predicted", "true", "predicted", "true"]
    groups = {"error": (0, 2), "directions, from their mean (°)": (3, 4), "contrast of the shading": (5, 6)}
    formats = [".3f", ".3f", ".1f", ".1f", ".1f", ".3f", ".3f"]
    return number_table(columns, rows, groups=groups, formats=formats, total=False)


@torch.no_grad()
def lit(mesh: Mesh, camera: Camera, light: Tensor, size: int) -> Tensor:
    """[B, 3, size, size] in [0, 1]: the meshes on white, their textures in `light` [B, 9]."""
    output = render(mesh, camera, size * SUPERSAMPLING, light=light)
    return F.avg_pool2d(output.rgb + (1 - output.mask), SUPERSAMPLING).clamp(0, 1)


@torch.no_grad()
def shaded(mesh: Mesh, camera: Camera, light: Tensor, size: int) -> Tensor:
    """[B, 1, size, size] in [0, 1]: the shading alone, on white, as if all lights were as bright as a white room."""
    output = render(replace(mesh, texture=None, face_uvs=None), camera, size * SUPERSAMPLING)
    shading = (shading_of(output.normals, light / brightness(light)) / BRIGHTEST).clamp(0, 1)
    return F.avg_pool2d(shading * output.mask + (1 - output.mask), SUPERSAMPLING)


def brightness(light: Tensor) -> Tensor:
    """[B, 1] of light [B, 9]: its mean over all directions; 1 of a white room."""
    return light[:, :1] / white_light(light)[:, :1]


def even(light: Tensor) -> Tensor:
    """[B, 9] light of the same brightness from everywhere."""
    return brightness(light) * white_light(light)


def balls(light: Tensor, camera: Camera, size: int) -> Tensor:
    """[B, 1, size, size] a white ball in `light` [B, 9], as `camera` [B] sees it."""
    sphere = uv_sphere()
    meshes = Mesh(0.45 * sphere.vertices.expand(len(light), -1, -1), sphere.faces)
    return shaded(meshes, Camera.orbit(camera.azimuth, camera.elevation, 2.1), light, size)


def _in_world(camera: Camera, direction: tuple[float, float, float]) -> Tensor:
    """[B, 3] world directions of one in the axes of each camera (right, up, backward)."""
    return torch.einsum("bij,i->bj", camera.axes(), F.normalize(torch.tensor(direction), dim=0))
