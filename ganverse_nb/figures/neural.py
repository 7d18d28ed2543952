"""Figures of StyleGAN-R: dual renderers (7), latent codes (8), camera (9, L), swaps (10, 11), measurements."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ganverse_nb.evaluation.consistency import RendererScores
from ganverse_nb.evaluation.disentanglement import AzimuthSweep, SwapReport
from ganverse_nb.evaluation.latent_editing import TurnedPictures
from ganverse_nb.figures.grid import Frame, degrees, picture_grid
from ganverse_nb.figures.style import BLUE, FACTOR_COLORS, GREY, LIGHT, ORANGE, plot_figure, styled
from ganverse_nb.figures.tables import number_table
from ganverse_nb.geometry.angles import wrap_degrees
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.views import moved
from ganverse_nb.neural_renderer.properties import Properties
from ganverse_nb.neural_renderer.renderer import StyleGANR, render_both
from ganverse_nb.render.shots import textured

CONTENT = ("shape", "texture", "background")


def every(properties: Properties, camera: Camera) -> Properties:
    """One object (the first of `properties`) under each of the cameras."""
    rows = torch.zeros(len(camera), dtype=torch.int64)
    return properties[rows].replace(camera=camera)


def dual_renderer(
    renderers: Mapping[str, StyleGANR],
    images: Tensor,
    properties: Properties,
    azimuths: Sequence[float],
    size: int = 192,
) -> Figure:
    """Figure 7: DIB-R above StyleGAN-R for each picture: in its own view, then all round at its elevation.

    Args:
        renderers: what each row below DIB-R's is called -> its renderer.
        images: [B, 3, R, R] the pictures that `properties` were read from.
    """
    rows: list[list[Tensor | None]] = []
    labels: list[str] = []
    for index in range(len(images)):
        own = properties[index].camera
        turned = moved(own[torch.zeros(len(azimuths), dtype=torch.int64)], torch.tensor(azimuths).float())
        views = [every(properties[index], own), every(properties[index], turned)]
        dibr = [picture for p in views for picture in textured(p.mesh(), p.camera, size)]
        rows.append([images[index], *dibr])
        labels.append("DIB-R")
        for name, renderer in renderers.items():
            rows.append([None, *(picture for p in views for picture in render_both(renderer, p).image)])
            labels.append(name)
    columns = ["input", "same view", *(degrees(a) for a in azimuths)]
    each = 1 + len(renderers)
    groups = [index * each for index in range(1, len(images))]
    return picture_grid(
        rows, row_labels=labels, column_labels=columns, row_groups=groups, column_groups=[1, 2], size=size
    )


def _repeat(camera: Camera, count: int) -> dict[str, Tensor]:
    return {name: getattr(camera, name)[[0] * count] for name in ("elevation", "distance", "fov", "target")}


def latent_manipulation(images: Tensor, ways: Mapping[str, TurnedPictures], size: int = 160) -> Figure:
    """Figure 8: pictures [N, 3, R, R], as each way gives them back in their own view, and as it turns them."""
    rows: list[list[Tensor | None]] = []
    for index, image in enumerate(images):
        for number, way in enumerate(ways.values()):
            rows.append([image if number == 0 else None, way.own[index], *way.turned[index]])
    azimuth = next(iter(ways.values())).azimuth
    return picture_grid(
        rows,
        row_labels=[*ways] * len(images),
        column_labels=["input", "same view", *(degrees(float(a)) for a in azimuth)],
        row_groups=[len(ways) * index for index in range(1, len(images))],
        column_groups=[1, 2],
        size=size,
    )


def shown_cameras(cameras: Camera, renderer: StyleGANR, count: int = 7) -> dict[str, list[float]]:
    """The controls of `camera_controller` in equal steps: a half turn, the elevations that the views of `cameras` have
    shown, and the scales of these views and those that the renderer was asked for in its training."""
    usual = cameras.distance.mean()
    scales = torch.cat([usual / cameras.distance, usual.new_tensor(renderer.notes.get("scales", []))])
    ranges = {"azimuths": torch.tensor([-90.0, 90.0]), "scales": scales, "elevations": cameras.elevation}
    steps = {name: torch.linspace(float(v.min()), float(v.max()), count) for name, v in ranges.items()}
    steps["distances"] = usual.cpu() / steps.pop("scales")
    return {name: values.tolist() for name, values in steps.items()}


def camera_controller(
    renderer: StyleGANR,
    images: Tensor,
    properties: Properties,
    *,
    azimuths: Sequence[float],
    distances: Sequence[float],
    elevations: Sequence[float],
    tuned: Sequence[StyleGANR] = (),
    size: int = 192,
) -> Figure:
    """Figures 9, L, M: one control of the camera at a time, for each picture [B, 3, R, R]; lists of equal length.

    Args:
        tuned: a renderer tuned to each picture, whose rows stand below those of `renderer`.

    Raises:
        ValueError: lists of different lengths.
    """
    count = len(azimuths)
    if not count == len(distances) == len(elevations):
        raise ValueError("camera_controller: give as many azimuths, distances and elevations.")
    rows: list[list[Tensor | None]] = []
    notes: dict[tuple[int, int], str] = {}
    labels: list[str] = []
    for index in range(len(images)):
        own = properties[index].camera
        kept = {"azimuth": own.azimuth[[0] * count], **_repeat(own, count)}
        turned = wrap_degrees(own.azimuth + torch.tensor(azimuths))
        sweeps = [
            ("azimuth", {"azimuth": turned}, [f"{a:+.0f}°" for a in azimuths]),
            (
                "scale",
                {"distance": torch.tensor(distances).float()},
                [f"{float(own.distance) / d:.2f} ×" for d in distances],
            ),
            ("elevation", {"elevation": torch.tensor(elevations).float()}, [f"{e:.0f}°" for e in elevations]),
        ]
        for label, model in _plain_and_tuned(renderer, tuned, index):
            for number, (control, change, words) in enumerate(sweeps):
                pictures = render_both(model, every(properties[index], Camera(**{**kept, **change}))).image
                notes |= {(len(rows), column + 1): text for column, text in enumerate(words)}
                rows.append([images[index] if number == 0 and not label else None, *pictures])
                labels.append(f"{control}\n{label}" if label else control)
    groups = [len(rows) // len(images) * index for index in range(1, len(images))]
    return picture_grid(
        rows, row_labels=labels, column_labels=["input"], notes=notes, row_groups=groups, column_groups=[1], size=size
    )


def manipulation(renderer: StyleGANR, images: Tensor, properties: Properties, size: int = 192) -> Figure:
    """Figure 10: three objects; the shape of the first, the texture of the second, the background of the third for all.

    Boxes mark the donors, which the swap leaves as they are.

    Raises:
        ValueError: not three objects.
    """
    if len(images) != 3:
        raise ValueError(f"manipulation: figure 10 has three objects, got {len(images)}.")
    columns = [images, render_both(renderer, properties).image]
    frames = []
    for number, factor in enumerate(CONTENT):
        donor = properties[[number] * 3]
        columns.append(render_both(renderer, properties.with_factor(factor, donor)).image)
        color = FACTOR_COLORS[factor]
        frames += [Frame(number, 0, color), Frame(number, 2 + number, color)]
    rows = [[column[row] for column in columns] for row in range(3)]
    labels = ["sampled", "re-rendered", *(f"{factor}\nof {number}" for number, factor in enumerate(CONTENT, 1))]
    return picture_grid(
        rows, row_labels=["1", "2", "3"], column_labels=labels, frames=frames, column_groups=[2], size=size
    )


def photo_editing(
    renderer: StyleGANR,
    images: Tensor,
    properties: Properties,
    donor_images: Tensor,
    donors: Properties,
    tuned: Sequence[StyleGANR] = (),
    size: int = 192,
) -> Figure:
    """Figure 11: photographs [B, 3, R, R], rendered again, with shape, texture and background of a donor each.

    Args:
        tuned: a renderer tuned to each photograph, whose row stands below that of `renderer`.
    """
    rows: list[list[Tensor | None]] = []
    labels: list[str] = []
    for index in range(len(images)):
        own, donor = properties[index], donors[index]
        scenes = [own, *(own.with_factor(factor, donor) for factor in CONTENT)]
        for label, model in _plain_and_tuned(renderer, tuned, index):
            pictures = [render_both(model, scene).image[0] for scene in scenes]
            ends = [None, None] if label else [images[index], donor_images[index]]
            rows.append([ends[0], *pictures, ends[1]])
            labels.append(label)
    each = len(rows) // len(images)
    columns = ["photograph", "re-rendered", "shape", "texture", "background", "donor"]
    frames = [Frame(each * index, 5, GREY) for index in range(len(images))]
    groups = [each * index for index in range(1, len(images))] if each > 1 else ()
    return picture_grid(
        rows,
        row_labels=labels if each > 1 else (),
        column_labels=columns,
        frames=frames,
        row_groups=groups,
        column_groups=[2, 5],
        size=size,
    )


def _plain_and_tuned(renderer: StyleGANR, tuned: Sequence[StyleGANR], index: int) -> list[tuple[str, StyleGANR]]:
    """The renderers of a picture, by what is added to the labels of their rows."""
    return [("", renderer), ("tuned", tuned[index])] if tuned else [("", renderer)]


@styled
def azimuth_control(sweeps: Mapping[str, AzimuthSweep]) -> Figure:
    """Target against measured azimuth, and the error along the circle; the first sweep is drawn as points."""
    figure = plot_figure(8.6, 3.6)
    scatter, error = figure.subplots(1, 2, width_ratios=[1, 1.25])
    colors = dict(zip(sweeps, (BLUE, ORANGE, GREY)))
    scatter.plot([0, 360], [0, 360], color=GREY, lw=0.8, ls="--", zorder=1)
    name, sweep = next(iter(sweeps.items()))
    miss = wrap_degrees(sweep.measured - sweep.target)  # drawn beside the diagonal where it is near, not a turn away
    near = torch.where(miss.abs() < 90, sweep.target + miss, sweep.measured.remainder(360))
    scatter.scatter(sweep.target.flatten().tolist(), near.flatten().tolist(), s=5, color=colors[name], alpha=0.35, lw=0)
    ticks = list(range(0, 361, 90))
    scatter.set(xlabel="target azimuth (degrees)", ylabel="measured azimuth (degrees)", xlim=(-8, 368), xticks=ticks)
    low, high = min(-20.0, float(near.min()) - 8), max(380.0, float(near.max()) + 8)
    scatter.set(ylim=(low, high), yticks=[t for t in range(-180, 541, 90) if low <= t <= high])
    scatter.set_title(f"correlation {sweep.correlation:.3f}")
    for label, one in sweeps.items():
        target = one.target[:, 0].tolist()
        median = one.error.median(1).values
        error.plot(
            target, median.tolist(), color=colors[label], label=f"{label}: median {float(one.error.median()):.1f}°"
        )
        if label == name:
            inner, outer = one.error.quantile(torch.tensor([0.1, 0.9]), dim=1)
            error.fill_between(target, inner.tolist(), outer.tolist(), color=colors[label], alpha=0.18, lw=0)
    error.axhline(6, color="black", lw=0.8, ls=":")
    error.set(xlabel="target azimuth (degrees)", ylabel="error (degrees)", xlim=(0, 360), xticks=ticks)
    error.set(ylim=(0, 1.25 * error.get_ylim()[1]), title="error: median, and 10 to 90 % of the contents")
    error.legend(loc="upper right")
    error.grid(axis="y")
    return figure


@styled
def swap_matrix(report: SwapReport) -> Figure:
    """How far each measured factor moves from source to donor when one is swapped, and how far the camera turns."""
    figure = plot_figure(5.0, 2.7)
    axes = figure.subplots()
    factors = range(1, 4)  # pairs are in one view, so that there is no camera to swap
    moved = report.moved[1:, 1:]
    image = axes.imshow(moved.tolist(), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, swapped in enumerate(factors):
        for column in range(3):
            value = float(moved[row, column])
            color = "white" if value > 0.6 else "black"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=color)
        turned = float(report.to_source[swapped, 0])
        axes.text(3, row, f"{turned:.1f}°", ha="center", va="center")
    axes.set_xlim(-0.5, 3.5)
    axes.set_xticks(range(4), [*CONTENT, "camera turns by"])
    axes.set_yticks(range(3), CONTENT)
    axes.set(xlabel="measured", ylabel="swapped", title="from source (0) to donor (1)")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    figure.colorbar(image, ax=axes, shrink=0.85).outline.set_edgecolor(LIGHT)
    return figure


CONSISTENCY = {  # name of a number -> column, format
    "overlap": ("outline IoU", ".3f"),
    "color": ("colour", ".3f"),
    "perceptual": ("perceptual", ".3f"),
    "shape_spread": ("shape", ".4f"),
    "texture_spread": ("texture", ".4f"),
    "background_spread": ("background", ".4f"),
    "azimuth_error_deg": ("azimuth (°)", ".1f"),
    "azimuth_error_p90_deg": ("p90 (°)", ".1f"),
    "elevation_gain": ("elevation", ".2f"),
    "scale_gain": ("scale", ".2f"),
    "fitted_azimuth_error_deg": ("azimuth (°)", ".1f"),
    "fitted_elevation_gain": ("elevation", ".2f"),
    "fitted_scale_gain": ("scale", ".2f"),
    "kid": ("own features", ".2f"),
    "perceptual_kid": ("perceptual", ".2f"),
    "grain_kid": ("grain", ".2f"),
}


def consistency_table(scores: RendererScores) -> Figure:
    """Figure J as numbers: pictures against the scene that was asked for, objects against themselves, and cameras."""
    rows = [
        (name, [numbers.get(key, math.nan) * (1000 if "kid" in key else 1) for key in CONSISTENCY])
        for name, numbers in scores.numbers.items()
    ]
    columns, formats = zip(*CONSISTENCY.values())
    groups = {
        "picture and scene": (0, 2),
        "spread over views": (3, 5),
        "error, read": (6, 7),
        "gain, read": (8, 9),
        "error and gain, fitted": (10, 12),
        "KID x 1000": (13, 15),
    }
    return number_table(columns, rows, formats=formats, groups=groups, total=False)
