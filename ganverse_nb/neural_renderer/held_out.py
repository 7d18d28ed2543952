"""The measure on held-out contents that decides when the joint stage stops and which state is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ganverse_nb.neural_renderer.bank import CHUNK, PropertyBank
from ganverse_nb.neural_renderer.observer import Observer
from ganverse_nb.neural_renderer.properties import DISTANCES, FACTORS, Properties, concatenate

Render = Callable[[Properties], Tensor]


def swap_pairs(bank: PropertyBank, contents: Sequence[int], limit: int, seed: int) -> tuple[Tensor, Tensor]:
    """Rows of sources and donors: two different contents in the same view, `limit` pairs at most.

    Raises:
        ValueError: no view shows two of the contents.
    """
    sources, donors = [], []
    for rows in bank.rows_by_view(contents).values():
        if len(rows) > 1:
            sources.append(rows)
            donors.append(rows.roll(1))
    if not sources:
        raise ValueError("Swaps need two held-out contents that are kept in the same view; there are none.")
    source, donor = torch.cat(sources), torch.cat(donors)
    chosen = torch.randperm(len(source), generator=torch.Generator().manual_seed(seed))[:limit]
    return source[chosen], donor[chosen]


@torch.no_grad()
def observe_in_chunks(render: Render, observer: Observer, asked: Properties, known_camera: bool) -> Properties:
    """Properties seen in the rendered pictures; the asked camera stands for the seen one where `known_camera`."""
    parts = []
    for rows in torch.arange(len(asked)).split(CHUNK):
        part = asked[rows]
        parts.append(observer(render(part), camera=part.camera if known_camera else None))
    return concatenate(parts)


@torch.no_grad()
def swap_distances(
    render: Render, observer: Observer, source: Properties, donor: Properties, swapped: str, measured: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """Swap one factor, look at the picture, and compare what is seen with donor and source.

    Returns:
        for every factor in `measured`: mean distance to the donor, mean distance to the source.
    """
    seen = observe_in_chunks(render, observer, source.with_factor(swapped, donor), "camera" not in measured)
    return {
        name: (float(DISTANCES[name](seen, donor).mean()), float(DISTANCES[name](seen, source).mean()))
        for name in measured
    }


@torch.no_grad()
def held_out_measure(
    render: Render, observer: Observer, bank: PropertyBank, sources: Tensor, donors: Tensor
) -> dict[str, float]:
    """Swap ratios (distance to donor / to source, Eq 6's aim) and how well a picture's own properties give it back.

    Returns:
        `shape`, `texture`, `background`: ratios, below 1 where the swap moved the picture towards the donor.
        `reconstruction`: mean absolute pixel difference to the GAN's own picture.
    """
    source, donor = bank.properties(sources), bank.properties(donors)
    measure = {}
    for factor in FACTORS[1:]:
        to_donor, to_source = swap_distances(render, observer, source, donor, factor, [factor])[factor]
        measure[factor] = to_donor / max(to_source, 1e-9)
    rendered = torch.cat([render(source[rows]) for rows in torch.arange(len(source)).split(CHUNK)])
    measure["reconstruction"] = float((rendered - bank.images(sources)).abs().mean())
    return measure


def score(measure: dict[str, float], start: dict[str, float]) -> float:
    """Lower is better: the mean swap ratio plus the loss of fidelity, each as a share of its value at `start`.

    Both count alike, so a swap that works on blurred or drifted pictures does not win.
    """
    factors = FACTORS[1:]
    swaps = sum(measure[f] for f in factors) / max(sum(start[f] for f in factors), 1e-9)
    return swaps + measure["reconstruction"] / max(start["reconstruction"], 1e-9)
