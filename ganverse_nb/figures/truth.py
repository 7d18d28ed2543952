"""Figures of reconstructions against the truth: distributions, errors by angle, examples, cameras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ganverse_nb.evaluation.camera_audit import SOURCES, CameraAudit
from ganverse_nb.evaluation.ground_truth import TruthScores
from ganverse_nb.figures.grid import degrees, picture_grid
from ganverse_nb.figures.style import BLACK, BLUE, FONT, GREEN, GREY, LIGHT, ORANGE, plot_figure, styled
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.render.shots import plain, textured
from ganverse_nb.studio.ground_truth_views import ANGLES, TURNS, VIEWS, GroundTruthViews

MEASURES = {
    "chamfer": "Chamfer-L1\n(of the length)",
    "f2": "F-score\nat 2 %",
    "normals": "normal\nconsistency",
    "volume_iou": "volumetric\nIoU",
}
ALIGNED = {"none": "as found", "gauge": "one gauge\nfor all", "similarity": "each\naligned"}
COLORS = (GREY, BLUE, GREEN, ORANGE)
SHOWN = (1, 3, 5, 7)  # of the further views: from the sides that the picture shows least and most
SHAPE_TURN = 45.0  # degrees from the picture, of the bare shapes


@styled
def truth_distributions(scores: Mapping[str, TruthScores]) -> Figure:
    """How the errors of the shape are spread, each reconstruction a dot, under each alignment."""
    figure = plot_figure(9.6, 2.7)
    names = [ALIGNED.get(how, how) for how in scores]
    for axes, (measure, label) in zip(figure.subplots(1, len(MEASURES)), MEASURES.items()):
        _dots(axes, [s.values()[measure] for s in scores.values()], names, COLORS)
        axes.set_title(label)
        axes.set_ylim({"normals": 0.5}.get(measure, 0), None if measure == "chamfer" else 1.02)
    return figure


@styled
def truth_by_angle(scores: Mapping[str, TruthScores], perceptual: str) -> Figure:
    """What other cameras see of the reconstructions, by the angle from the photograph's side, and from above.

    Args:
        scores: to compare, by name: alignments, or models.
        perceptual: which features the perceptual distance compares, in words.
    """
    figure = plot_figure(9.6, 2.6)
    titles = {"iou": "mask IoU", "psnr": "PSNR (dB)", "ssim": "SSIM", "perceptual": "perceptual distance"}
    order = ANGLES.unique()
    above = float(order[-1]) + 45
    for axes, (measure, title) in zip(figure.subplots(1, len(titles)), titles.items()):
        for color, (name, score) in zip(COLORS[1:], scores.items()):
            values = getattr(score, measure)
            sides = values[:, :-1]
            at = torch.stack([sides[:, angle == ANGLES].mean(1) for angle in order], 1)
            middle, low, high = (at.nanquantile(q, 0) for q in (0.5, 0.25, 0.75))
            axes.fill_between(order.tolist(), low.tolist(), high.tolist(), color=color, alpha=0.15, lw=0)
            axes.plot(order.tolist(), middle.tolist(), color=color, marker="o", ms=3.5, label=name)
            top = values[:, -1]
            low_top, middle_top, high_top = (float(top.nanquantile(q)) for q in (0.25, 0.5, 0.75))
            axes.vlines(above, low_top, high_top, color=color, alpha=0.4)
            axes.plot([above], [middle_top], color=color, marker="^", ms=5)
        axes.set_xticks([*order.tolist(), above], [*(f"{int(a)}°" for a in order), "above"])
        axes.tick_params(axis="x", labelsize=FONT - 2.5)
        axes.set(title=title, xlim=(-12, above + 16))
        axes.grid(axis="y")
    figure.axes[-1].set_xlabel(perceptual, fontsize=FONT - 3)
    figure.axes[0].set_xlabel("angle from the photograph")
    if len(scores) > 1:
        figure.axes[0].legend(loc="lower left")
    return figure


def truth_examples(
    photos: GroundTruthViews, mesh: Mesh, scores: TruthScores, examples: Mapping[str, int], size: int = 160
) -> Figure:
    """Chosen reconstructions beside the truth: the picture, four further views of both, and both bare shapes.

    Args:
        mesh: the N predictions; `scores.transforms` places them.
        examples: label -> which of the N.
    """
    rows: list[list[Tensor | None]] = []
    labels: list[str] = []
    notes: dict[tuple[int, int], str] = {}
    values = scores.values()
    for label, index in examples.items():
        start = index * VIEWS
        views = photos.views[torch.tensor([start + view for view in SHOWN])]
        placed = Mesh(scores.transforms[index](mesh[index].vertices), mesh.faces, mesh.face_uvs, mesh[index].texture)
        one = photos.photos[index : index + 1]
        side = Camera.orbit(one.camera.azimuth + SHAPE_TURN, 18.0, 2.2)
        found = textured(placed, views.camera, size)
        true = views.image() * views.masks + (1 - views.masks.float())
        notes |= {(len(rows), 1 + k): f"IoU {scores.iou[index, view]:.2f}" for k, view in enumerate(SHOWN)}
        notes[len(rows), 1 + len(SHOWN)] = f"Chamfer {values['chamfer'][index]:.3f}"
        rows.append([one.image()[0], *found, plain(placed, side, size)[0]])
        rows.append([None, *true, plain(one.mesh(), side, size)[0]])
        labels += [f"{label}:\nprediction", "photographs"]
    turns = [degrees(TURNS[view]) for view in SHOWN]
    return picture_grid(
        rows,
        row_labels=labels,
        column_labels=["photograph", *(f"+{turn}" for turn in turns), "shape"],
        notes=notes,
        row_groups=range(2, len(rows), 2),
        column_groups=[1, 1 + len(SHOWN)],
        size=size,
    )


@styled
def camera_audit(audit: CameraAudit) -> Figure:
    """Errors of the camera head and of refined cameras, front taken for rear, and the IoU that each camera gives."""
    figure = plot_figure(9.6, 2.7)
    angles, distances, confusion, overlap = figure.subplots(1, 4, width_ratios=(1.5, 0.9, 0.9, 1.2))
    kinds = list(audit.errors)
    columns = [(name, getattr(audit.errors[kind], name).abs()) for name in ("azimuth", "elevation") for kind in kinds]
    _dots(angles, [v for _, v in columns], [f"{n}\n{k}" for (n, _), k in zip(columns, 2 * kinds)], (BLUE, GREEN) * 2)
    angles.set_yscale("symlog", linthresh=10)
    angles.set_yticks([0, 2, 4, 6, 8, 10, 30, 90, 180], ["0", "2", "4", "6", "8", "10", "30", "90", "180"])
    angles.set(title="error (degrees)", ylim=(0, 180))
    _dots(distances, [100 * audit.errors[kind].distance.abs() for kind in kinds], kinds, (BLUE, GREEN))
    distances.set(title="error of distance (%)", ylim=(0, None))
    _confusion(confusion, audit.front_rear)
    _dots(overlap, [audit.iou[name] for name in SOURCES], SOURCES, (GREY, BLUE, GREEN))
    overlap.set(title="IoU, by camera")
    return figure


def _confusion(axes: Axes, counts: Tensor) -> None:
    axes.imshow(counts / counts.sum(1, keepdim=True).clamp(min=1), cmap="Blues", vmin=0, vmax=1.6)
    for row in range(2):
        for column in range(2):
            axes.text(column, row, str(int(counts[row, column])), ha="center", va="center", color=BLACK)
    axes.set_xticks([0, 1], ["front", "rear"])
    axes.set_yticks([0, 1], ["front", "rear"], rotation=90, va="center")
    axes.set(title="front and rear", xlabel="taken for", ylabel="shows")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def _dots(axes: Axes, columns: Sequence[Tensor], names: Sequence[str], colors: Sequence[str]) -> None:
    """Each number a dot, beside its neighbours where they are many, with quartiles and the median, which is named."""
    for place, (values, color) in enumerate(zip(columns, colors)):
        values = values[~values.isnan()]
        if len(values) == 0:
            continue
        generator = torch.Generator().manual_seed(0)
        aside = 0.34 * (torch.rand(len(values), generator=generator) - 0.5)
        axes.scatter((place + aside).tolist(), values.tolist(), s=7, color=color, alpha=0.55, lw=0)
        low, middle, high = (float(values.quantile(q)) for q in (0.25, 0.5, 0.75))
        axes.vlines(place + 0.27, low, high, color=color, lw=2.5)
        axes.plot([place + 0.27], [middle], marker="o", ms=5, color="white", mec=color, mew=1.4)
        axes.text(place + 0.33, middle, f" {middle:.3g}", fontsize=FONT - 2.5, va="center", color=BLACK)
    axes.set_xticks(range(len(names)), names, fontsize=FONT - 2.5)
    axes.set_xlim(-0.5, len(names) - 0.1)
    axes.grid(axis="y", color=LIGHT)
