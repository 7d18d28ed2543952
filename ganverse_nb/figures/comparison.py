"""Figures of the comparison with a network trained on photographs: 5, F and G, and Tables 1a and 1b."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor

from ganverse_nb.data.annotated import AnnotatedPhotos, KeypointPhotos
from ganverse_nb.evaluation.photo_comparison import Comparison
from ganverse_nb.figures.grid import degrees, picture_grid
from ganverse_nb.figures.inverse import letterboxed
from ganverse_nb.figures.style import ORANGE, SKY
from ganverse_nb.figures.tables import number_table
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.render.shots import orbit_views, textured

SIX = [30.0, 90.0, 150.0, 210.0, 270.0, 330.0]


def annotated_photos(
    clicked: KeypointPhotos, fitted: AnnotatedPhotos, shape: Mapping[str, Tensor], size: int = 192
) -> Figure:
    """Photographs [N] with their marked keypoints, and with the keypoint shape under the camera fitted to them.

    Args:
        fitted: those of the photographs that a camera was found for; the others are shown with a note.
        shape: keypoint name -> [3].
    """
    points = torch.stack([shape[name] for name in clicked.keypoint_names])
    projected = dict(zip(fitted.index.tolist(), fitted.camera.to_image(points[None]), strict=True))
    rows: list[list[Tensor | None]] = [[], []]
    notes = {}
    for n in range(len(clicked)):
        picture = F.interpolate(clicked.images[n : n + 1].float() / 255, (size, size), mode="nearest")[0]
        seen = clicked.visible[n]
        rows[0].append(marked(picture, clicked.points[n][seen], ORANGE))
        rows[1].append(marked(picture, projected[n][seen], SKY) if n in projected else picture)
        if n not in projected:
            notes[1, n] = "left out"
    return picture_grid(rows, row_labels=["marked\nkeypoints", "fitted\ncamera"], notes=notes, size=size)


def marked(picture: Tensor, points: Tensor, color: str) -> Tensor:
    """A copy of a picture [3, S, S] with a square dot, dark around, at every one of `points` [K, 2] in [0, 1]."""
    picture, side = picture.clone(), picture.shape[-1]
    rgb = torch.tensor([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])[:, None, None]
    for x, y in (points * side).long().clamp(4, side - 5).tolist():
        picture[:, y - 4 : y + 5, x - 4 : x + 5] = 0.1
        picture[:, y - 3 : y + 4, x - 3 : x + 4] = rgb
    return picture


def model_comparison(
    images: Tensor, predictions: Mapping[str, tuple[Mesh, Camera]], texture: bool = True, size: int = 144
) -> Figure:
    """Figures 5, F and G: for every picture one row per model: prediction in its view, texture map, six views.

    Args:
        images: [B, 3, R, R].
        predictions: model -> the B meshes and cameras that it predicts.
    """
    rows: list[list[Tensor | None]] = []
    shots = {}
    for name, (mesh, camera) in predictions.items():
        six = textured(*orbit_views(mesh, SIX), size).view(len(mesh), len(SIX), 3, size, size)
        shots[name] = (textured(mesh, camera, size), six, mesh.texture)
    for index, image in enumerate(images):
        for number, (same, six, maps) in enumerate(shots.values()):
            assert maps is not None
            middle = [letterboxed(maps[index])] if texture else []
            rows.append([image if number == 0 else None, same[index], *middle, *six[index]])
    first = 3 if texture else 2
    columns = ["input", "prediction", *(["texture"] if texture else []), *(degrees(a) for a in SIX)]
    groups = list(range(len(predictions), len(rows), len(predictions)))
    return picture_grid(
        rows,
        row_labels=list(predictions) * len(images),
        column_labels=columns,
        column_groups=[1, first],
        row_groups=groups,
        size=size,
    )


def annotation_costs(table: Mapping[str, Mapping[str, float]]) -> Figure:
    """Table 1a: pictures and annotation, ours beside the paper's."""
    paper = {"photographs": (4175, 275.0), "GAN": (55_429, 1 / 60)}
    rows = []
    for name, ours in table.items():
        pictures, hours = paper[name]
        rows.append((name, [int(ours["pictures"]), 60 * ours["hours"], pictures, 60 * hours]))
    columns = ["pictures", "annotation (min)", "pictures", "annotation (min)"]
    groups = {"ours": (0, 1), "paper": (2, 3)}
    return number_table(columns, rows, formats=[",d", ",.0f", ",d", ",.0f"], groups=groups, total=False)


def overlap_table(comparison: Comparison) -> Figure:
    """Table 1b, with the camera's source, and the overlap in other views that the paper could not measure."""
    rows = []
    for model, label in (("photo", "trained on photographs"), ("GAN", "trained on GAN pictures")):
        numbers = []
        for place in ("photo", "GAN"):
            cell = comparison.cells[model, place]
            numbers += [cell.hard, cell.soft, cell.head_hard, cell.head_soft]
        rows.append((label, [*numbers, float(comparison.novel[model].mean())]))
    columns = ["hard", "soft", "hard*", "soft*"] * 2 + ["eight views"]
    groups = {"2D IoU, photographs": (0, 3), "2D IoU, GAN pictures": (4, 7), "true shape": (8, 8)}
    return number_table(columns, rows, formats=[".3f"] * 9, groups=groups, total=False)
