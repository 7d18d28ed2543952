"""Random measures out of tables of ranges, and how an animal is brought to its place in the world."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ganverse_nb.studio.cameras import reach, room

Objects = dict[str, Tensor]  # measures [B], colours [B, 3] and the like of a batch of objects of one category
Ranges = Mapping[str, tuple[float, float]]
AIM = 0.03  # cameras look at most this far beside an animal's middle, so that it can fill the picture


def uniform(count: int, generator: torch.Generator, low: float = 0.0, high: float = 1.0) -> Tensor:
    """[count] numbers in [low, high)."""
    return low + (high - low) * torch.rand(count, generator=generator)


def sample_measures(kinds: Mapping[str, Ranges], common: Ranges, kind: Tensor, generator: torch.Generator) -> Objects:
    """[B] each: the measures in `common`, from the ranges of the object's `kind` [B] where it has its own."""
    measures = {}
    for name in common:
        ranges = torch.tensor([own.get(name, common[name]) for own in kinds.values()])[kind]
        measures[name] = ranges[:, 0] + (ranges[:, 1] - ranges[:, 0]) * torch.rand(len(kind), generator=generator)
    return measures


def sample_types(count: int, names: tuple[str, ...], generator: torch.Generator, wanted: str | None) -> Tensor:
    """[count] int64 indices of `names`, or all of the `wanted` one.

    Raises:
        ValueError: `wanted` is none of `names`.
    """
    if wanted is not None and wanted not in names:
        raise ValueError(f"Unknown body type {wanted!r}; the studio builds {', '.join(names)}.")
    kind = torch.randint(len(names), (count,), generator=generator)
    return kind if wanted is None else torch.full_like(kind, names.index(wanted))


def sample_rows(table: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """[count, C] rows of `table` [N, C + 1], whose last column says how often each is drawn."""
    index = torch.multinomial(table[:, -1], count, replacement=True, generator=generator)
    return table[index, :-1]


def settle(vertices: Tensor, size: Tensor) -> Objects:
    """Where bodies built anywhere, [B, V, 3], go: `scale` [B], then `centre` [B, 3] is subtracted.

    They end centred, and at `size` [B] of 1 as large as every camera of the studio still sees whole. `floor` [B] is
    the height of their lowest points there.
    """
    low, high = vertices.amin(1), vertices.amax(1)
    middle = (low + high) / 2
    scale = size * room(AIM) / reach(vertices - middle[:, None])
    return {"scale": scale, "centre": scale[:, None] * middle, "floor": scale * (low - middle)[:, 1]}


def settled(vertices: Tensor, objects: Objects) -> Tensor:
    """[B, V, 3] world positions of points of the bodies that `objects` were settled from."""
    return vertices * objects["scale"][:, None, None] - objects["centre"][:, None]
