"""Figures of inverse graphics: reconstructions (4), cameras before and after, photographs with their true shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes
from torch import Tensor

from ganverse_nb.evaluation.scorecard import CameraErrors, PhotoReport
from ganverse_nb.figures.grid import degrees, picture_grid
from ganverse_nb.figures.style import BLUE, GREEN, GREY, LIGHT, ORANGE, RED, plot_figure, styled
from ganverse_nb.figures.tables import number_table
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import crossed_pictures
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.geometry.angles import wrap_degrees
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.inverse_graphics.inference import compare
from ganverse_nb.inverse_graphics.network import InverseGraphicsNetwork
from ganverse_nb.inverse_graphics.training import PHASE
from ganverse_nb.render.shots import orbit_views, plain, textured
from ganverse_nb.runtime.checkpoints import read_metrics
from ganverse_nb.studio.photos import Photos

TURNS = [30.0, 110.0, 215.0, 310.0]


def reconstructions(images: Tensor, mesh: Mesh, camera: Camera, labels: Sequence[str] = (), size: int = 192) -> Figure:
    """Figure 4: picture, prediction in the same view, the prediction from four sides, and its texture.

    Args:
        images: [B, 3, R, R].
        mesh, camera: the B predictions and the cameras of the pictures.
    """
    same = textured(mesh, camera, size)
    turned = textured(*orbit_views(mesh, TURNS), size).view(len(mesh), len(TURNS), 3, size, size)
    assert mesh.texture is not None
    rows = [[images[i], same[i], *turned[i], letterboxed(mesh.texture[i])] for i in range(len(mesh))]
    columns = ["input", "prediction", "", "", "", "", "texture"]
    spans = {(2, 5): "the same prediction from other sides"}
    return picture_grid(
        rows, row_labels=labels, column_labels=columns, column_spans=spans, column_groups=[2, 6], size=size
    )


def starting_point(
    generator: Generator, views: ViewCodes, w: Tensor, distance: float, template: tuple[float, float, float]
) -> Figure:
    """Before training: an object w [1, w_dim] under every other view code, and the ellipsoid under their labels."""
    pictures = crossed_pictures(generator, views.codes[::2], w, views.split_layer)[:, 0]
    azimuth, network = views.labelled_azimuth[::2], InverseGraphicsNetwork(template=template)
    ellipsoid = Mesh(network.template[None], network.faces)
    start = plain(ellipsoid, Camera.orbit(azimuth, 0.0, distance))
    labels = ["GAN", "to be\ndeformed"]
    return picture_grid([list(pictures), list(start)], row_labels=labels, column_labels=[degrees(a) for a in azimuth])


def photo_reconstructions(photos: Photos, mesh: Mesh, camera: Camera, size: int = 192) -> Figure:
    """Photographs: prediction, other views, and the predicted shape beside the true one from the same side."""
    images, true_masks = photos.image(), photos.masks.float()
    overlap = compare(mesh, camera, images, true_masks)[:, 0].tolist()
    same = textured(mesh, camera, size)
    turned = textured(*orbit_views(mesh, TURNS[:3]), size).view(len(mesh), 3, 3, size, size)
    side = Camera.orbit(torch.full((len(mesh),), 55.0), 18.0, 2.2)
    shape = plain(mesh, side, size)
    true = plain(photos.mesh(), side, size)
    rows = [[images[i], same[i], *turned[i], shape[i], true[i]] for i in range(len(mesh))]
    columns = ["photograph", "prediction", "", "", "", "shape", "true shape"]
    spans = {(2, 4): "from other sides"}
    notes = {(i, 1): f"IoU {value:.2f}" for i, value in enumerate(overlap)}
    return picture_grid(rows, column_labels=columns, column_spans=spans, column_groups=[2, 5], notes=notes, size=size)


def letterboxed(texture: Tensor) -> Tensor:
    """A texture [3, H, W] in the middle of a white square."""
    height, width = texture.shape[-2:]
    side = max(height, width)
    square = torch.ones(3, side, side)
    top, left = (side - height) // 2, (side - width) // 2
    square[:, top : top + height, left : left + width] = texture
    return square


@styled
def cameras(errors: CameraErrors) -> Figure:
    """The azimuth of each view code's camera, as labelled and as optimised, against what the pictures show."""
    figure = plot_figure(8.4, max(3.3, 0.115 * len(errors.measured)))
    circle = figure.add_subplot(1, 2, 1, projection="polar")
    assert isinstance(circle, PolarAxes)
    lines = figure.add_subplot(1, 2, 2)
    circle.set_theta_zero_location("S")
    measured, labelled, optimised = (
        torch.deg2rad(a)
        for a in (errors.measured, errors.labelled - errors.before.offset, errors.optimised - errors.after.offset)
    )
    rings = {
        "coarse label": (0.55, ORANGE, labelled),
        "optimised": (0.8, BLUE, optimised),
        "measured": (1.0, GREY, measured),
    }
    for i in range(len(measured)):
        for inner, outer in (("coarse label", "optimised"), ("optimised", "measured")):
            (r0, _, a), (r1, _, b) = rings[inner], rings[outer]
            step = torch.deg2rad(wrap_degrees(torch.rad2deg(b[i] - a[i])))
            circle.plot([float(a[i]), float(a[i] + step)], [r0, r1], color=LIGHT, lw=0.9, zorder=1)
    for name, (radius, color, angle) in rings.items():
        circle.scatter(angle.tolist(), [radius] * len(angle), s=16, color=color, label=name, zorder=2)
    circle.set(ylim=(0, 1.05), yticks=[])
    circle.set_title("azimuth, seen from above", y=1.0, pad=17)  # above the label of the rear
    circle.set_xticks(torch.deg2rad(torch.arange(0, 360, 90.0)).tolist(), ["front", "90°", "rear", "270°"])
    circle.tick_params(pad=-1)
    circle.spines["polar"].set_visible(False)
    circle.legend(loc="center", bbox_to_anchor=(0.5, 0.5), handletextpad=0.1, borderpad=0)
    before, after = (
        wrap_degrees(a - errors.measured - e.offset).abs()
        for a, e in ((errors.labelled, errors.before), (errors.optimised, errors.after))
    )
    order = before.argsort(descending=True)
    rows = torch.arange(len(order)).tolist()
    lines.hlines(rows, before[order].tolist(), after[order].tolist(), color=LIGHT, lw=2, zorder=1)
    lines.scatter(
        before[order].tolist(), rows, color=ORANGE, s=22, zorder=2, label=f"label: mean {errors.before.mean:.1f}°"
    )
    lines.scatter(
        after[order].tolist(), rows, color=BLUE, s=22, zorder=3, label=f"optimised: mean {errors.after.mean:.1f}°"
    )
    lines.set_yticks(rows, [degrees(a) for a in errors.measured[order]], fontsize=6.5)
    lines.set(
        xlabel="error of azimuth (degrees)",
        ylabel="view, by its azimuth",
        xlim=(-0.3, 1.05 * float(torch.maximum(before, after).max())),
    )
    lines.set_title("error of each camera", pad=20)
    lines.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, borderaxespad=0.2)  # off the cameras
    lines.grid(axis="x")
    figure.draw_without_rendering()  # the labels round a circle move in the first drawing, and the layout with them
    return figure


@styled
def training_curves(metrics: Path, perceptual_after: int, steps: int) -> Figure:
    """Terms of Eq 1 over the training of f, from the stage's metrics file."""
    rows = [row for row in read_metrics(metrics, PHASE) if "iou" in row and row["step"] <= steps]
    figure = plot_figure(9.6, 2.4)
    names = {"iou": (BLUE, "1 − IoU"), "color": (GREEN, "colour (L1)"), "perceptual": (RED, "perceptual")}
    for axes, (name, (color, label)) in zip(figure.subplots(1, 3), names.items()):
        here = [(row["step"], row[name]) for row in rows if name in row]
        axes.plot(
            [step for step, _ in here],
            [value for _, value in here],
            color=color,
            lw=1.2,
            marker="." if len(here) < 5 else "",
        )
        axes.axvline(perceptual_after, color=GREY, lw=0.8, ls=":")
        axes.set(title=label, xlabel="step", xlim=(0, steps), ylim=(0, None))
        axes.grid(axis="y")
    return figure


def photo_table(report: PhotoReport) -> Figure:
    """Reconstruction error on photographs by body type: overlap in the picture, and 3D error against the true mesh."""
    rows = [
        (name, [r["photos"], r["iou"], r["meshes"], *_shape(r, "_as_found"), *_shape(r, "")])
        for name, r in report.rows()
    ]
    columns = ["photos", "IoU", "meshes", "Chamfer", "F 2 %", "F 5 %", "Chamfer", "F 2 %", "F 5 %"]
    groups = {"2D": (0, 1), "3D, as found": (2, 5), "3D, after similarity alignment": (6, 8)}
    return number_table(
        columns, rows, groups=groups, formats=["d", ".3f", "d", ".4f", ".3f", ".3f", ".4f", ".3f", ".3f"]
    )


def _shape(row: Mapping[str, Any], label: str) -> list[float]:
    return [row[f"chamfer{label}"], row[f"f2{label}"], row[f"f5{label}"]]
