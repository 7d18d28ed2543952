"""Figures of the GAN as a data generator: layers (A), aligned views (2), all views (B), dataset (C), the view gate."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.projections.polar import PolarAxes
from torch import Tensor

from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.evaluation.view_gate import ViewGate
from ganverse_nb.figures.grid import degrees, picture_grid, seen_from, wrapped
from ganverse_nb.figures.style import BLACK, BLUE, GREEN, GREY, LIGHT, ORANGE, RED, plot_figure, styled
from ganverse_nb.gan.viewpoints import ViewCodes


def samples(pictures: Tensor | Sequence[Tensor], columns: int = 8) -> Figure:
    """N pictures [3, R, R] in rows of `columns`."""
    return picture_grid(wrapped(list(pictures), columns), size=128)


def same_view(generated: Tensor, photographs: Tensor, columns: int = 8) -> Figure:
    """Contents [N, 3, R, R] under one view code above photographs [M, 3, R, R] by one camera: variety of shape."""
    rows = [*wrapped(list(generated), columns), *wrapped(list(photographs), columns)]
    border = -(-len(generated) // columns)
    labels = [
        "GAN,\none view code" if row == 0 else "photographs,\none camera" if row == border else ""
        for row in range(len(rows))
    ]
    return picture_grid(rows, row_labels=labels, row_groups=[border], size=128)


def layers(blocks: Sequence[tuple[int, Tensor]], own: Sequence[tuple[int, Tensor]], pictures: Tensor) -> Figure:
    """Figure A: what each block adds, for B samples.

    Args:
        blocks: from `gan.layers.block_pictures`: (resolution r, [B, 3, r, r]) from the first block to the last.
        own: the same in the blocks' own colours, in a second row under each sample.
        pictures: [B, 3, R, R] what the network makes of them.
    """
    rows: list[list[Tensor | None]] = []
    for index, picture in enumerate(pictures):
        rows.append([*(block[index] for _, block in blocks), picture])
        rows.append([*(block[index] for _, block in own), None])
    columns = [f"block {number}\n{r} × {r}" for number, (r, _) in enumerate(blocks, 1)] + ["picture\n"]
    names = ["through the\nlast ToRGB", "through its\nown ToRGB"] * len(pictures)
    between = range(2, len(rows), 2)
    return picture_grid(
        rows, row_labels=names, column_labels=columns, row_groups=between, column_groups=[len(blocks)], size=128
    )


def layer_swaps(pictures: Sequence[Tensor], split_layers: Sequence[int], chosen: int) -> Figure:
    """The same two codes, crossed at every layer: which layers carry the view and which the object.

    Args:
        pictures: the picture of the content code's own w, those of the crossings in the order of `split_layers`, and
            that of the view code's own w, [3, R, R] each.
        split_layers: how many layers took the view code.
        chosen: the split that is used from here on.
    """
    middle = [f"k = {k}" + (" (chosen)" if k == chosen else "") for k in split_layers]
    labels = ["content code\nalone", *(f"\n{words}" for words in middle), "view code\nalone"]
    return picture_grid([list(pictures)], column_labels=labels, column_groups=[1, len(pictures) - 1])


def aligned_views(pictures: Tensor, azimuth: Tensor, size: int = 128) -> Figure:
    """Figure 2: one view code per column, one content code per row.

    Args:
        pictures: [contents, views, 3, R, R].
        azimuth: [views] degrees, the label of each column.
    """
    rows = [list(row) for row in pictures]
    labels = [f"content {index}" for index in range(1, len(rows) + 1)]
    return picture_grid(rows, row_labels=labels, column_labels=[degrees(a) for a in azimuth], size=size)


def all_views(pictures: Tensor, views: ViewCodes, columns: int = 8) -> Figure:
    """Figure B: objects [contents, V, 3, R, R] in every chosen view, with measured azimuth and elevation."""
    rows: list[list[Tensor | None]] = []
    notes, groups = {}, []
    for number, seen in enumerate(pictures):
        if number:
            groups.append(len(rows))
        for index, (angle, height) in enumerate(zip(views.azimuth, views.elevation)):
            notes[len(rows) + index // columns, index % columns] = seen_from(angle, height)
        rows += wrapped(list(seen), columns)
    return picture_grid(rows, notes=notes, row_groups=groups, size=144)


def dataset_overview(dataset: MultiViewDataset, contents: Sequence[int], views: Sequence[int]) -> Figure:
    """Figure C: contents x views with the outline that the segmenter drew; pictures the filter removed are faded."""
    rows = []
    for content in contents:
        view = torch.tensor(list(views))
        images, masks = dataset.batch(torch.full_like(view, content), view)
        kept = dataset.keep[content, view]
        rows.append([outlined(i, m) if k else 0.25 * i + 0.75 for i, m, k in zip(images, masks, kept)])
    labels = [f"{30 * int(dataset.azimuth_bin[v])}°" for v in views]
    return picture_grid(rows, row_labels=[f"content {c + 1}" for c in contents], column_labels=labels, size=128)


def outlined(image: Tensor, mask: Tensor, color: tuple[float, float, float] = (0.9, 0.62, 0.0)) -> Tensor:
    """A picture [3, R, R], twice as large, with the border of its mask [1, R, R] drawn outside of it."""
    large = torch.nn.functional.interpolate(image[None], scale_factor=2, mode="nearest")[0]
    inside = torch.nn.functional.interpolate(mask[None], scale_factor=2, mode="nearest")
    border = (torch.nn.functional.max_pool2d(inside, 3, 1, 1) - inside)[0]
    return large * (1 - border) + torch.tensor(color)[:, None, None] * border


@styled
def view_gate(gate: ViewGate, views: ViewCodes) -> Figure:
    """Why the view code ends where it does: steadiness of the view, variety of shape, and the chosen views."""
    figure = plot_figure(9.6, 2.9)
    places = figure.add_gridspec(1, 3, width_ratios=[1, 1, 0.8])
    steady, variety = figure.add_subplot(places[0]), figure.add_subplot(places[1])
    circle = figure.add_subplot(places[2], projection="polar")
    assert isinstance(circle, PolarAxes)
    k = [row["split_layer"] for row in gate.rows]
    steady.plot(k, [row["deviation"] for row in gate.rows], color=GREY, marker="o", ms=4, label="random view codes")
    chosen = [row["chosen_deviation"] for row in gate.rows]
    steady.plot(k, chosen, color=BLUE, marker="o", ms=4, label="best code of each bin")
    steady.axhline(5, color=BLACK, lw=0.8, ls=":")
    steady.annotate("5°", (k[0], 5), ha="left", va="bottom", fontsize=7.5, xytext=(0, 1), textcoords="offset points")
    steady.set(xlabel="layers in the view code, k", ylabel="azimuth over contents:\nmedian deviation (degrees)")
    steady.set(title="Does the view hold?", ylim=(0, None), xticks=k)
    steady.legend(loc="upper right")
    if all("shape_silhouette" in row for row in gate.rows):
        shapes = [row["shape_silhouette"] for row in gate.rows]
        variety.plot(k, shapes, color=GREEN, marker="o", ms=4, label="GAN, one random view")
    variety.plot(
        [views.split_layer], [gate.chosen.silhouette], color=BLUE, marker="D", ms=5, ls="", label="a chosen view"
    )
    variety.axhline(gate.photos.silhouette, color=BLACK, lw=1.0, ls="--", label="photographs, one camera")
    variety.set(xlabel="layers in the view code, k", ylabel="outlines over contents:\nmean of 1 − IoU", ylim=(0, None))
    variety.set(title="Does the content keep the shape?", xticks=k)
    variety.set(ylim=(0, 1.4 * variety.get_ylim()[1]))  # room for the legend above the line
    variety.legend(loc="upper right")
    for axes in (steady, variety):
        axes.axvspan(views.split_layer - 0.3, views.split_layer + 0.3, color=ORANGE, alpha=0.22, lw=0)
        axes.grid(axis="y")
    compass(circle, views)
    figure.draw_without_rendering()  # the labels round a circle move in the first drawing, and the layout with them
    return figure


def compass(axes: PolarAxes, views: ViewCodes) -> None:
    """The chosen views on a circle seen from above, front at the bottom; length and colour tell how steady they are."""
    axes.set_theta_zero_location("S")
    limit = max(15.0, float(views.deviation.max()) * 1.1)
    angle = torch.deg2rad(views.azimuth)
    colors = [BLUE if value <= 6 else ORANGE if value <= 15 else RED for value in views.deviation.tolist()]
    axes.bar(angle.tolist(), [limit] * len(views), width=0.02, color=LIGHT)
    axes.bar(angle.tolist(), views.deviation.tolist(), width=0.1, color=colors)
    axes.set(ylim=(0, limit))
    axes.set_title(f"{len(views)} chosen views", y=1.0, pad=17)  # above the label of the rear
    axes.set_xticks(torch.deg2rad(torch.arange(0, 360, 90.0)).tolist(), ["front", "90°", "rear", "270°"])
    axes.tick_params(pad=0)
    ticks = [5, 10, 15]
    axes.set_yticks(
        ticks, [f"{t}°" for t in ticks], fontsize=6.5, path_effects=[withStroke(linewidth=2, foreground="white")]
    )
    axes.yaxis.set_zorder(3)
    axes.set_rlabel_position(135)
    axes.grid(lw=0.5)
    axes.spines["polar"].set_visible(False)


@styled
def kept_pictures(dataset: MultiViewDataset) -> Figure:
    """How many pictures each view keeps, and how many each rule of the filter removed."""
    counts = dataset.counts()
    figure = plot_figure(9.6, 2.5)
    views, rules = figure.subplots(1, 2, width_ratios=[3, 1])
    kept = counts["kept_per_view"]
    places = range(len(kept))
    views.bar(places, [counts["contents"]] * len(kept), color=LIGHT, width=0.8, label="made")
    views.bar(places, kept, color=BLUE, width=0.8, label="kept")
    views.set_xticks(places, [f"{30 * b}°" for b in dataset.azimuth_bin.tolist()], rotation=90)
    views.set(xlabel="view code, by its coarse label", ylabel="pictures", title="Pictures of each view")
    views.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2, handlelength=1.0)
    names = list(counts["removed"])
    rules.barh(range(len(names)), list(counts["removed"].values()), color=ORANGE, height=0.6)
    for row, value in enumerate(counts["removed"].values()):
        rules.text(value, row, f" {value}", va="center", fontsize=8)
    rules.set_yticks(range(len(names)), names)
    rules.invert_yaxis()
    rules.set_xlim(0, max(4.0, 1.3 * max(counts["removed"].values(), default=0)))
    rules.xaxis.get_major_locator().set_params(integer=True)
    views.yaxis.get_major_locator().set_params(integer=True)
    share = counts["kept"] / counts["pictures"]
    rules.set(xlabel="pictures removed", title=f"{share:.0%} of {counts['pictures']} kept")
    return figure
