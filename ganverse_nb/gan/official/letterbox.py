"""Black bars: the official cars are 512x384 pictures on a black square, rows 64 to 447 of 512."""

from __future__ import annotations

import torch

from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import sample_w

CAR_SIDE, CAR_ROWS = 512, (64, 448)
SAMPLES = 3
BAR, PICTURE = -0.9, -0.7  # in [-1, 1]: every bar is darker, the picture beside them brighter
EDGE = 32  # that part of the side is looked at beside each bar


@torch.no_grad()
def picture_rows(
    generator: Generator, side: int = CAR_SIDE, rows: tuple[int, int] = CAR_ROWS
) -> tuple[int, int] | None:
    """The rows [first, last) that hold the picture, None if all do.

    Judged by what the network paints, since no file says it: bars that are black in every sample, beside rows that are
    on average not.
    """
    if generator.resolution != side:
        return None
    (top, bottom), edge = rows, side // EDGE
    bars, edges = [], []
    for one in sample_w(generator, SAMPLES, seed=0, psi=0.5).split(1):
        image = generator.synthesis(generator.styles(one), None)
        bars += [image[:, :, :top].mean(), image[:, :, bottom:].mean()]
        edges += [image[:, :, top : top + edge].mean(), image[:, :, bottom - edge : bottom].mean()]
    return rows if max(bars) < BAR and sum(edges) / len(edges) > PICTURE else None
