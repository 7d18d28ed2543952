"""Measures on held-out contents. With `keep_best` they decide which state the joint stage keeps, and when it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ganverse_nb.neural_renderer.data import CHUNK, PropertyDataset
from ganverse_nb.neural_renderer.properties import DISTANCES, FACTORS, Properties, PropertyEncoder, concatenate

Render = Callable[[Properties], Tensor]


def swap_pairs(dataset: PropertyDataset, contents: Sequence[int], limit: int, seed: int) -> tuple[Tensor, Tensor]:
    """Rows of sources and donors: two different contents in the same view, `limit` pairs at most.

    Raises:
        ValueError: no view shows two of the contents.
    """
    sources, donors = [], []
    for rows in dataset.rows_by_view(contents).values():
        if len(rows) > 1:
            sources.append(rows)
            donors.append(rows.roll(1))
    if not sources:
        raise ValueError("Swaps need two held-out contents that are kept in the same view; there are none.")
    source, donor = torch.cat(sources), torch.cat(donors)
    chosen = torch.randperm(len(source), generator=torch.Generator().manual_seed(seed))[:limit]
    return source[chosen], donor[chosen]


@torch.no_grad()
def encode_rendered(render: Render, encoder: PropertyEncoder, target: Properties, known_camera: bool) -> Properties:
    """Properties predicted from the rendered pictures; the target's camera is taken where `known_camera`."""
    parts = []
    for rows in torch.arange(len(target)).split(CHUNK):
        part = target[rows]
        parts.append(encoder(render(part), camera=part.camera if known_camera else None))
    return concatenate(parts)


@torch.no_grad()
def swap_distances(
    render: Render,
    encoder: PropertyEncoder,
    source: Properties,
    donor: Properties,
    swapped: str,
    measured: Sequence[str],
) -> dict[str, tuple[float, float]]:
    """Swap one factor, render, and compare the properties predicted from the picture with donor and source.

    Returns:
        for every factor in `measured`: mean distance to the donor, mean distance to the source.
    """
    target = source.with_factor(swapped, donor)
    predicted = encode_rendered(render, encoder, target, known_camera="camera" not in measured)
    return {
        name: (float(DISTANCES[name](predicted, donor).mean()), float(DISTANCES[name](predicted, source).mean()))
        for name in measured
    }


@torch.no_grad()
def held_out_measure(
    render: Render, encoder: PropertyEncoder, dataset: PropertyDataset, sources: Tensor, donors: Tensor
) -> dict[str, float]:
    """Swap ratios (distance to donor / to source, Eq 6's aim) and how well pictures are reconstructed.

    Returns:
        `shape`, `texture`, `background`: ratios, below 1 where the swap moved the picture towards the donor.
        `reconstruction`: mean absolute pixel difference between a picture of the GAN and the render of its properties.
    """
    source, donor = dataset.properties(sources), dataset.properties(donors)
    measure = {}
    for factor in FACTORS[1:]:
        to_donor, to_source = swap_distances(render, encoder, source, donor, factor, [factor])[factor]
        measure[factor] = to_donor / max(to_source, 1e-9)
    rendered = torch.cat([render(source[rows]) for rows in torch.arange(len(source)).split(CHUNK)])
    measure["reconstruction"] = float((rendered - dataset.images(sources)).abs().mean())
    return measure


def score(measure: dict[str, float], start: dict[str, float]) -> float:
    """Lower is better: the mean swap ratio plus the reconstruction error, each as a share of its value at `start`.

    Both have equal weight, so that swaps which work on blurred or drifted pictures do not win.
    """
    factors = FACTORS[1:]
    swaps = sum(measure[f] for f in factors) / max(sum(start[f] for f in factors), 1e-9)
    return swaps + measure["reconstruction"] / max(start["reconstruction"], 1e-9)
