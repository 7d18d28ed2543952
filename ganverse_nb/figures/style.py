"""What all figures share: colours that colour-blind readers can tell apart, fonts, sizes, room for a caption."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

# Okabe and Ito (2008)
BLUE, ORANGE, GREEN, RED, SKY, PURPLE, BLACK = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#56B4E9",
    "#CC79A7",
    "#222222",
)
GREY, LIGHT = "#8C8C8C", "#E4E4E4"
FACTOR_COLORS = {"camera": GREY, "shape": RED, "texture": GREEN, "background": SKY}

DPI = 200
FONT = 9.0  # points
MARGIN = 0.06  # inches around everything
CAPTION = 0.2  # inches kept free at the bottom of every figure for the line that says what made it

STYLE: Any = {  # matplotlib's type of this differs between its versions
    "font.family": "DejaVu Sans",
    "font.size": FONT,
    "axes.titlesize": FONT,
    "axes.titleweight": "bold",
    "axes.labelsize": FONT,
    "axes.linewidth": 0.7,
    "axes.edgecolor": "#555555",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": LIGHT,
    "grid.linewidth": 0.6,
    "xtick.labelsize": FONT - 1,
    "ytick.labelsize": FONT - 1,
    "legend.fontsize": FONT - 1,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "savefig.dpi": DPI,
}

P = ParamSpec("P")


def styled(function: Callable[P, Figure]) -> Callable[P, Figure]:
    """The function, drawing in the style of all figures; the caller's own settings of matplotlib stay untouched."""

    @wraps(function)
    def drawn(*arguments: P.args, **options: P.kwargs) -> Figure:
        with rc_context(STYLE):
            return function(*arguments, **options)

    return drawn


def empty_figure(width: float, height: float) -> Figure:
    """A figure of this size in inches plus the caption's strip; not known to pyplot, so nothing shows it twice."""
    return Figure((width, height + CAPTION), dpi=DPI, facecolor="white")


def plot_figure(width: float, height: float) -> Figure:
    """A figure for axes that arrange themselves, above the caption's strip."""
    figure = empty_figure(width, height)
    strip = CAPTION / (height + CAPTION)
    figure.set_layout_engine("constrained", rect=(0, strip, 1, 1 - strip), w_pad=0.05, h_pad=0.05)
    return figure


def inches_axes(figure: Figure) -> Axes:
    """Axes over the whole figure without ticks, in inches from the lower left corner."""
    width, height = figure.get_size_inches()
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.set_axis_off()
    return axes


def text_size(text: str, size: float = FONT, bold: bool = False) -> tuple[float, float]:
    """Width and height in inches that a label takes, lines included."""
    if not text.strip():
        return 0.0, 0.0
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    lines = text.split("\n")
    width = max(TextPath((0, 0), line, size=size, prop=font).get_extents().width if line else 0.0 for line in lines)
    return width / 72, len(lines) * size * 1.25 / 72
