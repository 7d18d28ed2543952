"""Tables of numbers as papers set them: three rules, grouped columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from ganverse_nb.figures.style import BLACK, CAPTION, FONT, GREY, MARGIN, empty_figure, inches_axes, styled, text_size

LINE = 0.21  # inches
PAD = 0.16


@styled
def number_table(
    columns: Sequence[str],
    rows: Sequence[tuple[str, Sequence[float | str]]],
    *,
    formats: Sequence[str],
    groups: Mapping[str, tuple[int, int]] | None = None,
    total: bool = True,
    title: str = "",
) -> Figure:
    """Rows (name, numbers) under column names; `-` where a number is not known (NaN), words as they are.

    Args:
        formats: of each column, as in ".3f".
        groups: a title over a range of columns (first, last).
        total: the last row is a total, set apart.
        title: above the table.

    Raises:
        ValueError: a row of another length than the columns.
    """
    wrong = [name for name, values in rows if len(values) != len(columns)]
    if wrong or len(formats) != len(columns):
        raise ValueError(f"number_table: {len(columns)} columns need as many formats and numbers (row {wrong}).")
    cells = [[_cell(v, f) for v, f in zip(values, formats)] for _, values in rows]
    name_room = max(text_size(name)[0] for name, _ in rows) + PAD
    widths = [max(text_size(t)[0] for t in [name, *column]) + PAD for name, column in zip(columns, zip(*cells))]
    groups = groups or {}
    for group, (first, last) in groups.items():
        lacking = text_size(group, bold=True)[0] + PAD - sum(widths[first : last + 1])
        for column in range(first, last + 1):
            widths[column] += max(0.0, lacking) / (last - first + 1)
    starts = {first for first, _ in groups.values()}
    gaps = [0.12 if column in starts else 0.0 for column in range(len(columns))]
    rights, x = [], MARGIN + name_room
    for gap, width in zip(gaps, widths):
        x += gap + width
        rights.append(x)
    lines = len(rows) + 1 + bool(groups) + bool(title)
    height = lines * LINE + 2 * MARGIN + 0.2
    figure = empty_figure(max(x, MARGIN + text_size(title, bold=True)[0]) + MARGIN, height)
    axes = inches_axes(figure)
    y = height + CAPTION - MARGIN
    end = rights[-1]
    if title:
        y -= LINE
        axes.text(MARGIN, y + 0.06, title, ha="left", va="bottom", fontweight="bold")
    axes.hlines(y, MARGIN, end, color=BLACK, lw=1.2)
    if groups:
        y -= LINE
        for group, (first, last) in groups.items():
            left = rights[first] - widths[first] + PAD / 2
            axes.text(
                (left + rights[last]) / 2, y + LINE / 2 - 0.02, group, ha="center", va="center", fontweight="bold"
            )
            axes.hlines(y, left, rights[last], color=GREY, lw=0.5)
    y -= LINE
    for name, right in zip(columns, rights):
        axes.text(right, y + LINE / 2 - 0.02, name, ha="right", va="center")
    y -= 0.04
    axes.hlines(y, MARGIN, end, color=BLACK, lw=0.7)
    for index, ((name, _), texts) in enumerate(zip(rows, cells)):
        last = total and index == len(rows) - 1
        if last:
            y -= 0.04
            axes.hlines(y, MARGIN, end, color=GREY, lw=0.5)
        y -= LINE
        weight = "bold" if last else "normal"
        axes.text(MARGIN, y + LINE / 2 - 0.02, name, ha="left", va="center", fontweight=weight, fontsize=FONT)
        for text, right in zip(texts, rights):
            axes.text(right, y + LINE / 2 - 0.02, text, ha="right", va="center", fontweight=weight, fontsize=FONT)
    y -= 0.03
    axes.hlines(y, MARGIN, end, color=BLACK, lw=1.2)
    return figure


def _cell(value: float | str, layout: str) -> str:
    if isinstance(value, str):
        return value
    return "–" if isinstance(value, float) and math.isnan(value) else format(value, layout)
