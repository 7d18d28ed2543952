"""View codes without labels: the suggested ones put in order around the object, by how alike their pictures are.

What a person does with a click for each code (`widgets.ViewLabeller`) is guessed here from pictures alone: neighbours
on the circle look alike, and a view from the left is the mirror image of one from the right. Which way round the circle
goes, and which of its two symmetric views is the front, no picture tells: both stay unknown, and are said to be.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.config import ViewConfig
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import crossed_pictures, sample_w
from ganverse_nb.gan.suggest import TRUNCATION, silhouette_descriptor, suggest_view_codes
from ganverse_nb.gan.view_gate import Masks
from ganverse_nb.gan.viewpoints import ViewCodes, label_azimuth
from ganverse_nb.runtime.errors import ExpectedWarning

SIDE = 16  # pixels of the thumbnails that are compared
COLOR = 3.0  # weight of their colours beside the silhouette; with 1, a view from ahead is taken for one from behind
CONTENTS = 8  # objects that are seen in every view
NO_VIEW = 0.7  # share of the outlines' variance among random pictures that contents may make in one view
OFFSETS = 180  # places of the front that are tried, over the whole circle
UNKNOWN = "which way round the views go, and which end is the front, is unknown"


def suggested_views(
    generator: Generator, masks: Masks, split_layer: int, config: ViewConfig, *, symmetric: bool = True, seed: int = 0
) -> ViewCodes:
    """`config.views` codes in which outlines hold best (`suggest_view_codes`), in order (`ordered_views`).

    Where the first layers hardly hold the view at all, an `ExpectedWarning` says so before hours are spent.

    Raises:
        ValueError: too few codes in which the segmenter finds anything.
    """
    found = suggest_view_codes(
        generator,
        config.views,
        silhouette_descriptor(masks),
        split_layer,
        candidates=max(2 * config.views, min(config.candidates, 8 * config.views)),
        contents=min(config.contents, CONTENTS),
        seed=seed,
    )
    spread = float(found.spread.median())
    if spread > NO_VIEW:
        said = (
            f"The first {split_layer} layers of this GAN hardly hold the view: in one view outlines vary {spread:.2f} "
            "times as much as in random pictures, so that no 3D can be learned from them; train the GAN longer, or "
            "label view codes by hand (--views labelled)."
        )
        warnings.warn(said, ExpectedWarning, stacklevel=2)
    views = ordered_views(generator, found.codes, split_layer, masks, symmetric=symmetric, seed=seed)
    return replace(views, provenance=views.provenance | {"outline_spread": round(spread, 4)})


def ordered_views(
    generator: Generator, codes: Tensor, split_layer: int, masks: Masks, *, symmetric: bool = True, seed: int = 0
) -> ViewCodes:
    """View codes [N, w_dim] with guessed azimuths, from 0 on.

    The shortest closed path through their thumbnails is the circle, and azimuth grows with the way along it. Where
    objects are symmetric, azimuth 0 is put where mirrored views fit their opposites best.

    Args:
        masks: cuts the objects out, for instance `lambda x: segmenter.segment(x).mask`.
        symmetric: whether objects mirror each other in their middle plane.

    Raises:
        ValueError: fewer than four codes.
    """
    if len(codes) < 4:
        raise ValueError(f"{len(codes)} view codes are too few to go around an object; take at least four.")
    look = thumbnails(generator, codes, split_layer, masks, seed)
    order = shortest_cycle(torch.cdist(look.flatten(1), look.flatten(1)))
    look = look[order]
    step = (look - look.roll(-1, 0)).flatten(1).norm(dim=1)
    step = 0.5 * step + 0.5 * step.mean()  # random codes are not spread evenly, nor do pictures change evenly
    azimuth = 360.0 * (step.cumsum(0) - step) / step.sum()
    if symmetric:
        azimuth = (azimuth - symmetric_offset(look, azimuth)) % 360.0
    turn = azimuth.argsort()
    azimuth, chosen = azimuth[turn], codes.cpu()[order[turn]]
    unknown = torch.full((len(codes),), float("nan"))
    facts: dict[str, Any] = {"labelled_by": "nobody: ordered by the likeness of their pictures", "unknown": UNKNOWN}
    everywhere = torch.ones(len(codes), dtype=torch.bool)
    bins = label_azimuth(azimuth)
    return ViewCodes(chosen, bins, azimuth, unknown, unknown.clone(), everywhere, split_layer, facts)


def thumbnails(
    generator: Generator, codes: Tensor, split_layer: int, masks: Masks, seed: int = 0, contents: int = CONTENTS
) -> Tensor:
    """[N, 4 x contents, SIDE, SIDE] how the same objects look in each view: silhouettes, and colours in them.

    Each object is moved and scaled to fill its thumbnail, so that its place in the picture says nothing.
    """
    content_w = sample_w(generator, contents, seed + 1, TRUNCATION)
    found = []
    for part in codes.split(8):
        pictures = crossed_pictures(generator, part.to(content_w), content_w, split_layer).cpu()
        flat = pictures.flatten(0, 1)
        mask = masks(flat).cpu()
        found.append(framed(flat, mask).unflatten(0, pictures.shape[:2]).flatten(1, 2))
    return torch.cat(found)


def framed(pictures: Tensor, masks: Tensor) -> Tensor:
    """Masks [B, 1, H, W] and what they show of [B, 3, H, W], objects in the middle and of one area -> [B, 4, S, S]."""
    layers = torch.cat([masks, COLOR * (pictures - 0.5) * masks], 1)
    n, _, height, width = masks.shape
    weight = masks[:, 0].double()
    area = weight.sum((1, 2)).clamp_min(1e-9)
    places = [(torch.arange(size, dtype=torch.float64) + 0.5) / size * 2 - 1 for size in (width, height)]
    x, y = weight.sum(1) @ places[0] / area, weight.sum(2) @ places[1] / area
    half = (area / (height * width)).sqrt().clamp_min(0.05) * 1.8
    at = (torch.arange(SIDE, dtype=torch.float64) + 0.5) / SIDE * 2 - 1
    gy, gx = torch.meshgrid(at, at, indexing="ij")
    grid = torch.stack([gx * half[:, None, None] + x[:, None, None], gy * half[:, None, None] + y[:, None, None]], -1)
    return F.grid_sample(layers, grid.to(layers), align_corners=False)


def shortest_cycle(distance: Tensor) -> Tensor:
    """[N] the order of a short closed path through points of distances [N, N]: the nearest next, then 2-opt.

    Of all starts of the first step the shortest result is taken.
    """
    best, length = torch.arange(len(distance)), float("inf")
    table = distance.tolist()
    for start in range(len(distance)):
        path = _two_opt(_nearest(table, start), table)
        whole = sum(table[a][b] for a, b in zip(path, path[1:] + path[:1]))
        if whole < length - 1e-9:
            best, length = torch.tensor(path), whole
    return best


def _nearest(table: list[list[float]], start: int) -> list[int]:
    path, left = [start], set(range(len(table))) - {start}
    while left:
        path.append(min(left, key=lambda k: table[path[-1]][k]))
        left.remove(path[-1])
    return path


def _two_opt(path: list[int], table: list[list[float]]) -> list[int]:
    """Turns parts of a closed path round as long as that makes it shorter."""
    n, better = len(path), True
    while better:
        better = False
        for i in range(n - 1):
            for j in range(i + 2, n - (i == 0)):
                a, b, c, d = path[i], path[i + 1], path[j], path[(j + 1) % n]
                if table[a][c] + table[b][d] < table[a][b] + table[c][d] - 1e-9:
                    path[i + 1 : j + 1] = reversed(path[i + 1 : j + 1])
                    better = True
    return path


def symmetric_offset(look: Tensor, azimuth: Tensor) -> float:
    """Degrees at which the circle is symmetric: there the mirror image of every view is like the view as far beyond.

    Args:
        look: [N, C, S, S] thumbnails in order. azimuth: [N] degrees, growing.
    """
    flat, mirrored = look.flatten(1).double(), look.flip(-1).flatten(1).double()
    alike, beside = flat @ flat.t(), mirrored @ flat.t()  # all that is needed of the pictures
    costs = []
    for offset in torch.arange(OFFSETS) * (360.0 / OFFSETS):
        shares = interpolated(torch.eye(len(look)).to(alike), azimuth, (2 * offset - azimuth) % 360.0)
        costs.append(((shares @ alike) * shares).sum() - 2 * (shares * beside).sum())  # + sum of squares of `mirrored`
    cost = torch.stack(costs)
    both = cost + cost.roll(OFFSETS // 2)  # the front and the rear are symmetric together
    best = int(both[: OFFSETS // 2].argmin())
    best += OFFSETS // 2 if cost[best + OFFSETS // 2] < cost[best] else 0
    return best * 360.0 / OFFSETS


def interpolated(values: Tensor, azimuth: Tensor, at: Tensor) -> Tensor:
    """Values [N, D] at growing azimuths [N], linearly between neighbours on the circle, at others [M] -> [M, D]."""
    right = torch.searchsorted(azimuth.contiguous(), at.contiguous()) % len(azimuth)
    left = (right - 1) % len(azimuth)
    gap = (azimuth[right] - azimuth[left]) % 360.0
    share = ((at - azimuth[left]) % 360.0) / gap.clamp_min(1e-6)
    return values[left] + share.clamp(0, 1)[:, None] * (values[right] - values[left])
