"""Figures of camera initialisation: keypoints (D), cameras before and after, both models (E), Table A, recovery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from mpl_toolkits.mplot3d import Axes3D
from mpl_toolkits.mplot3d.art3d import Line3DCollection
from torch import Tensor

from ganverse_nb.evaluation.camera_initialization import CameraDifference, align_cameras
from ganverse_nb.figures.grid import degrees, picture_grid
from ganverse_nb.figures.style import BLACK, BLUE, GREEN, GREY, LIGHT, ORANGE, PURPLE, RED, plot_figure, styled
from ganverse_nb.figures.tables import number_table
from ganverse_nb.gan.keypoints import Keypoints
from ganverse_nb.geometry.camera import Camera, CameraModel
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.structure_from_motion import Motion
from ganverse_nb.render.shots import orbit_views, textured

SIZE = 256  # pixels of a picture with points drawn on it
TURNS = [20.0, 110.0, 200.0, 290.0]


def annotated_views(pictures: Tensor, points: Keypoints, labels: Tensor, views: Sequence[int]) -> Figure:
    """Figure D: the points of one object, drawn on it and, unchanged, on other objects under the same view codes.

    Args:
        pictures: [contents, V, 3, R, R], the annotated object first.
        labels: [V] degrees, the coarse labels.
        views: which of the V to show.
    """
    colors = _side_colors(points.names)
    rows = []
    for seen in pictures:
        rows.append([with_points(seen[v], points.places[v], colors) for v in views])
    names = ["annotated\nobject", *[f"object {k}" for k in range(2, len(rows) + 1)]]
    columns = [degrees(labels[v]) for v in views]
    return picture_grid(rows, row_labels=names, column_labels=columns, row_groups=[1], size=SIZE // 2)


def reprojections(
    pictures: Tensor, points: Keypoints, motion: Motion, views: Sequence[int], columns: int = 6
) -> Figure:
    """The annotated object [V, 3, R, R]: each placed point and a line to where its 3D point projects.

    Outliers are purple and named where there are one or two.
    """
    cells, notes = [], {}
    found = motion.camera.to_image(motion.points[None].nan_to_num())
    colors = _side_colors(points.names)
    for number, v in enumerate(views):
        wrong = motion.outlier[v]
        drawn = [PURPLE if bad else color for bad, color in zip(wrong.tolist(), colors)]
        placed = torch.where(points.placed[v][:, None], found[v], torch.nan)
        cells.append(with_points(pictures[v], points.places[v], drawn, placed))
        error = float((motion.error[v] * points.picture_size).nanmean())
        named = [points.names[k].replace("_", " ") for k in wrong.nonzero().flatten().tolist()]
        named = named if len(named) <= 2 else [f"{len(named)} outliers"]
        notes[number // columns, number % columns] = "\n".join([*named, f"{error:.1f} px"])
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    return picture_grid(rows, notes=notes, size=SIZE)


@styled
def keypoint_errors(points: Keypoints, motion: Motion) -> Figure:
    """How far every placed point is from its 3D point's projection, in pixels; outliers in purple, with their views."""
    error = motion.error * points.picture_size
    shown = [k for k in range(len(points.names)) if bool(points.placed[:, k].any())]
    figure = plot_figure(7.6, 0.17 * len(shown) + 0.5)
    axes = figure.subplots()
    for row, k in enumerate(shown):
        for bad, color in ((False, BLUE), (True, PURPLE)):
            views = (points.placed[:, k] & (motion.outlier[:, k] == bad)).nonzero().flatten().tolist()
            axes.scatter([float(error[v, k]) for v in views], [row] * len(views), s=9, color=color, alpha=0.75, lw=0)
            if bad and views:
                views.sort(key=lambda v: float(error[v, k]))
                last, text = (float(error[views[-1], k]), row), ", ".join(map(str, views))
                axes.annotate(text, last, (4, -2), textcoords="offset points", fontsize=6)
        axes.plot([float(error[:, k].nanmedian())] * 2, [row - 0.35, row + 0.35], color=BLACK, lw=1.2)
    axes.set_yticks(range(len(shown)), [points.names[k].replace("_", " ") for k in shown], fontsize=7.5)
    axes.invert_yaxis()
    axes.set(
        xlabel=f"distance in pixels of {points.picture_size}; bar: median; purple: outliers, with their views",
        xlim=(0, None),
    )
    axes.grid(axis="x")
    return figure


def with_points(picture: Tensor, places: Tensor, colors: Sequence[str], projected: Tensor | None = None) -> Tensor:
    """A picture [3, R, R] enlarged to `SIZE`, with a dot at each place [K, 2] (in [0, 1]; NaN: none) and a line from
    there to where it is `projected` [K, 2]."""
    large = torch.nn.functional.interpolate(picture[None], (SIZE, SIZE), mode="bilinear", align_corners=False)[0]
    row, column = torch.meshgrid(torch.arange(SIZE) + 0.5, torch.arange(SIZE) + 0.5, indexing="ij")
    pixels = torch.stack([column, row], -1)
    for k, color in enumerate(colors):
        if places[k].isnan().any():
            continue
        ink = torch.tensor([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        at = places[k] * SIZE
        end = at if projected is None else projected[k] * SIZE
        along = ((pixels - at) @ (end - at) / (end - at).square().sum().clamp(min=1e-6)).clamp(0, 1)
        from_line = (pixels - at - along[..., None] * (end - at)).norm(dim=-1)
        from_dot = (pixels - at).norm(dim=-1)
        for distance, radius, paint in (
            (from_dot, 6.0, torch.ones(3)),
            (from_line, 1.5, ink),
            (from_dot, 4.5, ink),
        ):
            cover = (radius + 0.5 - distance).clamp(0, 1)
            large = large * (1 - cover) + paint[:, None, None] * cover
    return large


def _side_colors(names: Sequence[str]) -> list[str]:
    return [BLUE if name.startswith("left") else ORANGE if name.startswith("right") else GREEN for name in names]


@styled
def camera_sets(
    start: tuple[CameraModel, CameraModel], end: tuple[CameraModel, CameraModel], points: Tensor | None = None
) -> Figure:
    """Frusta of the keypoints' and the labels' cameras, before and after training, in one world.

    Args:
        start, end: (from the keypoints, from the labels); the second of `end` is aligned with the first.
        points: [K, 3] the keypoints in 3D, shown before training.
    """
    figure = plot_figure(8.6, 3.5)
    names = {"keypoints": BLUE, "coarse labels": ORANGE}
    for place, (title, (keypoint, label)) in enumerate({"before training": start, "after training": end}.items(), 1):
        axes = figure.add_subplot(1, 2, place, projection="3d")
        assert isinstance(axes, Axes3D)
        label = align_cameras(label, keypoint) if place == 2 else label
        for cameras, color in ((keypoint, BLUE), (label, ORANGE)):
            axes.add_collection3d(Line3DCollection(_frusta(cameras), colors=color, linewidths=0.7))
        joined = torch.stack([keypoint.position, label.position], 1)[..., [2, 0, 1]]
        axes.add_collection3d(Line3DCollection(joined.tolist(), colors=GREY, linewidths=0.5))
        if place == 1 and points is not None:
            x, y, z = points[~points.isnan().any(-1)][:, [2, 0, 1]].T.tolist()
            axes.scatter(x, y, z, s=5, color=BLACK, depthshade=False)
        _arrange(axes, keypoint, title)
    handles = [Line2D([], [], color=color, label=name) for name, color in names.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure


def _frusta(cameras: CameraModel, depth: float = 0.28) -> list[list[list[float]]]:
    """Line segments of a pyramid per camera, in the plot's axes (z, x, y of the world: its height is the plot's)."""
    right, up, backward = cameras.axes().unbind(1)
    half = depth * torch.tan(torch.deg2rad(cameras.fov) / 2)[:, None]
    eye = cameras.position
    corners = [eye - depth * backward + half * (a * right + b * up) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    edges = [(eye, c) for c in corners] + list(zip(corners, corners[1:] + corners[:1]))
    return torch.cat([torch.stack(edge, 1)[..., [2, 0, 1]] for edge in edges]).tolist()


def _arrange(axes: Axes3D, cameras: CameraModel, title: str) -> None:
    reach = float(cameras.position.norm(dim=-1).max())
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), zlim=(-0.25 * reach, 0.55 * reach))
    axes.set_box_aspect((2, 2, 0.8), zoom=1.32)
    axes.view_init(elev=48, azim=35)
    axes.set(xticks=[], yticks=[], zticks=[])
    axes.set_axis_off()
    axes.set_title(title, y=0.98)
    for artist in axes.collections:
        artist.set_clip_on(False)
    circle = torch.deg2rad(torch.arange(0, 361, 5.0))
    axes.plot((reach * circle.cos()).tolist(), (reach * circle.sin()).tolist(), 0.0, color=LIGHT, lw=0.8, zorder=0)
    for angle, name in ((0, "front"), (90, "left"), (180, "rear"), (270, "right")):
        turn = torch.deg2rad(torch.tensor(float(angle)))
        x, y = (0.5 * reach * turn.cos()).item(), (0.5 * reach * turn.sin()).item()
        axes.text(x, y, 0.0, name, ha="center", va="center", color=GREY, fontsize=8)


def two_models(images: Tensor, predictions: Mapping[str, tuple[Mesh, Camera]], size: int = 160) -> Figure:
    """Figure E: pictures [B, 3, R, R], and what each model makes of them, in the same view and from four sides."""
    rows: list[list[Tensor | None]] = []
    labels: list[str] = []
    shots = {}
    for name, (mesh, camera) in predictions.items():
        turned = textured(*orbit_views(mesh, TURNS), size).view(len(mesh), len(TURNS), 3, size, size)
        shots[name] = (textured(mesh, camera, size), turned)
    for i, image in enumerate(images):
        for number, (name, (same, turned)) in enumerate(shots.items()):
            rows.append([image if number == 0 else None, same[i], *turned[i]])
            labels.append(name)
    spans = {(2, 1 + len(TURNS)): "multiple views of the predicted shape and texture"}
    return picture_grid(
        rows,
        row_labels=labels,
        column_labels=["input", "prediction"],
        column_spans=spans,
        column_groups=[1, 2],
        row_groups=list(range(len(shots), len(rows), len(shots))),
        size=size,
    )


def table_a(
    annotation: Mapping[str, float],
    training: Mapping[str, float],
    ious: Mapping[str, float],
    difference: Mapping[str, CameraDifference],
) -> Figure:
    """Table A: what each initialisation costs and reaches, and how far the cameras are apart after training.

    Args:
        annotation, training: initialisation -> minutes; NaN where it was not measured.
        ious: initialisation -> 2D IoU.
        difference: "raw" and "aligned".
    """
    nothing = [float("nan")] * 9
    rows = [(f"{name}s", [annotation[name], training[name], ious[name], *nothing[3:]]) for name in ious]
    for name, d in difference.items():
        values = [d.axis_mean, d.axis_max, d.angle_mean, d.angle_max, d.turn_mean, d.turn_max]
        rows.append((f"cameras, {name}", [*nothing[:3], *values]))
    columns = ["annotation", "training", "2D IoU", *["mean", "max"] * 3]
    groups = {"minutes and overlap": (0, 2), "axis (°)": (3, 4), "angle (°)": (5, 6), "whole turn (°)": (7, 8)}
    return number_table(columns, rows, formats=[".1f", ".1f", ".3f", *[".2f"] * 6], groups=groups, total=False)


@styled
def recovery_curves(curves: Mapping[float, Sequence[Mapping[str, float]]]) -> Figure:
    """Errors of azimuth and elevation over the steps of trainings that began with wrong cameras."""
    figure = plot_figure(7.6, 2.7)
    left, right = figure.subplots(1, 2)
    for axes, key, title in ((left, "azimuth_error", "azimuth"), (right, "elevation_error", "elevation")):
        assert isinstance(axes, Axes)
        for (noise, rows), color in zip(curves.items(), (BLUE, ORANGE, GREEN, RED)):
            steps = [row["step"] for row in rows]
            axes.plot(steps, [row[key] for row in rows], color=color, marker="o", ms=3, label=f"up to ±{noise:.0f}°")
        axes.set(xlabel="step", ylim=(0, None), title=title)
        axes.grid(axis="y")
    left.set_ylabel("mean error over views (degrees)")
    left.legend(title="azimuth wrong at the start", title_fontsize=8)
    return figure
