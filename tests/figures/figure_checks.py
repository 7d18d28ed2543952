"""What tests of figures look at."""

from __future__ import annotations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def texts(figure: Figure) -> list[str]:
    """The words in the plots of a figure; titles and labels of axes are not among them."""
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def pixels(figure: Figure) -> np.ndarray:
    """[H, W, 3] uint8 of the figure as it is drawn."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def cropped(figure: Figure) -> bool:
    """Whether anything touches the figure's edge."""
    shown = pixels(figure)
    return any((edge != 255).any() for edge in (shown[0], shown[-1], shown[:, 0], shown[:, -1]))
