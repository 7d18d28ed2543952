"""Swaps between held-out contents: what they move, and what they leave alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ganverse_nb.neural_renderer.data import CHUNK, PropertyDataset
from ganverse_nb.neural_renderer.properties import DISTANCES, Properties, PropertyEncoder, concatenate

Render = Callable[[Properties], Tensor]
"""Properties -> pictures [B, 3, R, R] in [0, 1]; `StyleGANR.synthesize`."""


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
