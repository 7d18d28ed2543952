"""Grids of pictures as papers print them: tight, pixel-exact, with labelled rows and columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from torch import Tensor

from ganverse_nb.figures.style import BLACK, CAPTION, DPI, FONT, MARGIN, empty_figure, inches_axes, styled, text_size

Cell = tuple[int, int]  # row, column
GAP = 3  # pixels between pictures
GROUP_GAP = 22  # pixels before a row or column that begins a group


@dataclass(frozen=True)
class Frame:
    """A coloured box around one picture."""

    row: int
    column: int
    color: str


@styled
def picture_grid(
    rows: Sequence[Sequence[Tensor | None]],
    *,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    column_spans: Mapping[tuple[int, int], str] | None = None,
    notes: Mapping[Cell, str] | None = None,
    frames: Sequence[Frame] = (),
    row_groups: Sequence[int] = (),
    column_groups: Sequence[int] = (),
    size: int = 192,
    title: str = "",
) -> Figure:
    """Pictures [3, h, w] or [1, h, w] in [0, 1] in rows; None leaves a place empty.

    Args:
        column_spans: labels over several columns (first, last), in the place of theirs.
        notes: short words in the lower left corner of a picture.
        row_groups, column_groups: rows and columns before which there is more room.
        size: side of every picture in pixels of the saved figure. Smaller pictures are enlarged without smoothing
            where their side divides it, so that every pixel of a 64 px picture stays visible; others are resampled.

    Raises:
        ValueError: no pictures, or more labels than rows or columns.
    """
    count = max((len(row) for row in rows), default=0)
    if count == 0:
        raise ValueError("picture_grid: there are no pictures.")
    if len(row_labels) > len(rows) or len(column_labels) > count:
        raise ValueError(
            f"picture_grid: {len(row_labels)} row and {len(column_labels)} column labels for {len(rows)} x {count}."
        )
    tops = _offsets(len(rows), size, row_groups)
    lefts = _offsets(count, size, column_groups)
    canvas = np.full((tops[-1] + size, lefts[-1] + size, 3), 255, dtype=np.uint8)
    for down, pictures in zip(tops, rows):
        for across, picture in zip(lefts, pictures):
            if picture is not None:
                canvas[down : down + size, across : across + size] = to_pixels(picture, size)

    side_room = max([text_size(label)[0] for label in row_labels], default=0.0)
    side_room += 0.08 if side_room else 0.0
    spans = dict(column_spans or {})
    above = [*column_labels, *spans.values()]
    top_room = max([text_size(label)[1] for label in above], default=0.0) + (0.04 if above else 0.0)
    title_room = text_size(title, FONT + 1, bold=True)[1] + 0.06 if title else 0.0
    high, wide = canvas.shape[0] / DPI, canvas.shape[1] / DPI
    width = max(wide + side_room + 2 * MARGIN, text_size(title, FONT + 1, bold=True)[0] + 2 * MARGIN)
    figure = empty_figure(width, high + top_room + title_room + 2 * MARGIN)
    axes = inches_axes(figure)
    left, bottom = MARGIN + side_room, MARGIN + CAPTION
    axes.imshow(canvas, extent=(left, left + wide, bottom, bottom + high), interpolation="nearest", aspect="auto")
    axes.set(xlim=(0, width), ylim=(0, figure.get_size_inches()[1]))

    def place(row: int, column: int) -> tuple[float, float]:
        """Lower left corner of a picture in inches."""
        return left + lefts[column] / DPI, bottom + high - (tops[row] + size) / DPI

    side = size / DPI
    for index, label in enumerate(row_labels):
        axes.text(left - 0.06, place(index, 0)[1] + side / 2, label, ha="right", va="center", multialignment="right")
    for index, label in enumerate(column_labels):
        axes.text(place(0, index)[0] + side / 2, bottom + high + 0.03, label, ha="center", va="bottom")
    for (first, last), label in spans.items():
        center = (place(0, first)[0] + place(0, last)[0] + side) / 2
        axes.text(center, bottom + high + 0.03, label, ha="center", va="bottom")
    for (row, column), words in (notes or {}).items():
        x, y = place(row, column)
        _note(axes, x + 0.03, y + 0.03, words)
    for frame in frames:
        x, y = place(frame.row, frame.column)
        axes.add_patch(Rectangle((x, y), side, side, fill=False, edgecolor=frame.color, linewidth=2.2))
    if title:
        top = bottom + high + top_room + 0.05
        axes.text(MARGIN, top, title, ha="left", va="bottom", fontsize=FONT + 1, fontweight="bold")
    return figure


def wrapped(pictures: Sequence[Tensor | None], columns: int) -> list[list[Tensor | None]]:
    """A list of pictures as rows of `columns`."""
    return [list(pictures[start : start + columns]) for start in range(0, len(pictures), columns)]


def to_pixels(picture: Tensor, size: int) -> np.ndarray:
    """[3 or 1, h, w] in [0, 1] -> uint8 [size, size, 3]."""
    image = picture.detach().float().cpu()[None]
    if size % image.shape[-1] == 0 and image.shape[-1] == image.shape[-2]:
        image = F.interpolate(image, (size, size), mode="nearest")
    else:
        image = F.interpolate(image, (size, size), mode="bilinear", antialias=True, align_corners=False)
    pixels = (image[0].clamp(0, 1) * 255).round().byte().expand(3, -1, -1)
    return pixels.permute(1, 2, 0).numpy()


def degrees(angle: Tensor | float) -> str:
    """An angle as a label: whole degrees, 0 to 359."""
    return f"{round(float(angle)) % 360}°"


def seen_from(azimuth: Tensor | float, elevation: Tensor | float, between: str = ", ") -> str:
    """Both angles in words, as in "35°, 12° up"; without an elevation that is not known."""
    height = float(elevation)
    return degrees(azimuth) if math.isnan(height) else f"{degrees(azimuth)}{between}{height:.0f}° up"


def _offsets(count: int, size: int, groups: Sequence[int]) -> list[int]:
    places, position = [], 0
    for index in range(count):
        if index:
            position += size + (GROUP_GAP if index in groups else GAP)
        places.append(position)
    return places


def _note(axes: Axes, x: float, y: float, words: str) -> None:
    outline = [withStroke(linewidth=2.0, foreground="white")]
    axes.text(x, y, words, ha="left", va="bottom", fontsize=FONT - 2.5, color=BLACK, path_effects=outline)
