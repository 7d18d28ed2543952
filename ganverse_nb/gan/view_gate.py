"""The view gate: which layers hold the view (section 3.1).

The paper finds by eye that the first four layers of its network control the viewpoint.
Here a pose regressor measures it: for every split layer k, how far the azimuth spreads over contents while the view
code stays, against how much of the shapes' variety is left to the content code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.config import ViewConfig
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import check_split, crossed_pictures, sample_w
from ganverse_nb.gan.pose import PoseRegressor
from ganverse_nb.gan.shape_variety import ShapeVariety, shape_variety
from ganverse_nb.geometry.angles import circular_correlation, circular_median, largest_gap, median_deviation

Masks = Callable[[Tensor], Tensor]
"""Pictures [B, 3, H, W] in [0, 1] -> masks [B, 1, H, W] in [0, 1]."""

STEADY = 15.0  # degrees
MASKED_VIEWS = 12  # views whose masks are measured: enough for a mean, few enough for a slow segmenter


@dataclass(frozen=True)
class SplitMeasure:
    """What split layer k means for a teacher; angles in degrees.

    Attributes:
        split_layer: k.
        deviation: median over random view codes of the median deviation of azimuth over contents.
        steady_share: share of those codes with a deviation below 15 degrees.
        correlation: Fisher-Lee circular correlation of the azimuths of two contents under the same view code.
        chosen_views, chosen_deviation, chosen_worst, chosen_gap: the best code per bin: how many bins are filled,
            median and largest deviation, largest gap between neighbours.
        shape: spread of the masks over contents in chosen views, None if not measured.
    """

    split_layer: int
    deviation: float
    steady_share: float
    correlation: float
    chosen_views: int
    chosen_deviation: float
    chosen_worst: float
    chosen_gap: float
    shape: ShapeVariety | None = None

    def as_row(self) -> dict[str, Any]:
        """Plain numbers, the shape's with the prefix `shape_`."""
        row = {key: value for key, value in asdict(self).items() if key != "shape"}
        if self.shape is not None:
            row |= {f"shape_{key}": value for key, value in asdict(self.shape).items()}
        return row


def view_azimuths(
    generator: Generator,
    regressor: PoseRegressor,
    view_w: Tensor,
    content_w: Tensor,
    k: int,
    progress: bool = False,
) -> Tensor:
    """Azimuth in degrees [V, C] of every view code with every content code."""
    rows = [
        regressor.pose(crossed_pictures(generator, part, content_w, k).flatten(0, 1).cpu()).azimuth.view(len(part), -1)
        for part in tqdm(view_w.split(8), desc=f"view codes, k = {k}", disable=not progress)
    ]
    return torch.cat(rows)


def best_per_bin(azimuth: Tensor, deviation: Tensor, bin_degrees: float) -> Tensor:
    """Indices of the candidate with the smallest deviation in each filled bin, in the order of azimuth (0 first).

    Args:
        azimuth, deviation: [N] degrees.
    """
    angle = azimuth.remainder(360.0)
    bins = (angle / bin_degrees).floor()
    best = []
    for number in bins.unique():
        members = torch.nonzero(bins == number).squeeze(1)
        best.append(members[deviation[members].argmin()])
    chosen = torch.stack(best)
    return chosen[angle[chosen].argsort()]


def measure_views(
    generator: Generator,
    regressor: PoseRegressor,
    config: ViewConfig,
    *,
    truncation: float = 1.0,
    seed: int = 0,
    masks: Masks | None = None,
    progress: bool = True,
) -> list[SplitMeasure]:
    """The curve over the split layer k: stability of the view against variety of shape.

    Args:
        truncation: of the contents.
        seed: decides the codes; the same for every k, so that only k changes along the curve.
        masks: measures shapes too, on the chosen views.

    Raises:
        ValueError: a split layer of the configuration that this network does not have.
    """
    check_split(generator, *config.split_layers)
    views = sample_w(generator, config.measured, seed)
    contents = sample_w(generator, config.contents, seed + 1, truncation)
    measures = []
    for k in config.split_layers:
        azimuth = view_azimuths(generator, regressor, views, contents, k, progress)
        deviation, center = median_deviation(azimuth), circular_median(azimuth)
        chosen = best_per_bin(center, deviation, config.bin_degrees)
        shape = None
        if masks is not None:
            shape = view_shape_variety(generator, views[chosen], contents, k, masks)
        measures.append(
            SplitMeasure(
                split_layer=k,
                deviation=float(deviation.median()),
                steady_share=float((deviation < STEADY).float().mean()),
                correlation=circular_correlation(azimuth[:, :-1], azimuth[:, 1:]),
                chosen_views=len(chosen),
                chosen_deviation=float(deviation[chosen].median()),
                chosen_worst=float(deviation[chosen].max()),
                chosen_gap=largest_gap(center[chosen]),
                shape=shape,
            )
        )
    return measures


def view_shape_variety(generator: Generator, view_w: Tensor, content_w: Tensor, k: int, masks: Masks) -> ShapeVariety:
    """Spread of shapes over contents [C, w_dim], on at most 12 of the view codes [V, w_dim], spread evenly."""
    count = min(MASKED_VIEWS, len(view_w))
    picked = view_w[torch.linspace(0, len(view_w) - 1, count).round().long()]
    cut = [masks(crossed_pictures(generator, one, content_w, k)[0]) for one in picked.split(1)]
    return shape_variety(torch.stack(cut).cpu())
