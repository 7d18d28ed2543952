"""Split layer and view codes of any generator, with a pose regressor or with nothing but silhouettes.

The paper's authors found both by eye (section 3.1). What their eyes compared is computed here: whatever of a picture
stays when the content code changes belongs to the view code. What is compared is a *descriptor* of the picture: the
azimuth that a pose regressor reads, or, for a network nobody has labels for, the moments of the silhouette.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import check_split, crossed_pictures, sample_w
from ganverse_nb.gan.pose import PoseRegressor
from ganverse_nb.gan.view_gate import Masks

Descriptor = Callable[[Tensor], Tensor]
"""Pictures [B, 3, H, W] in [0, 1] -> numbers [B, D] that tell views apart, of similar size in all columns."""

ODD, NEIGHBOURS = 0.25, 3  # of the consistent codes those are left out that have fewer than so many like them
SEEN = 0.75  # of a view code's contents, in which an object must be found
TRUNCATION = 1.0  # of contents, as the multi-view dataset draws them


def azimuth_descriptor(regressor: PoseRegressor) -> Descriptor:
    """Sine and cosine of the azimuth that the regressor reads."""

    def describe(pictures: Tensor) -> Tensor:
        angle = torch.deg2rad(regressor.pose(pictures.cpu()).azimuth)
        return torch.stack([angle.sin(), angle.cos()], 1)

    return describe


def silhouette_descriptor(masks: Masks) -> Descriptor:
    """`silhouette_moments` of what `masks` cuts out, for instance `lambda x: segmenter.segment(x).mask`."""
    return lambda pictures: silhouette_moments(masks(pictures).cpu())


def silhouette_moments(masks: Tensor) -> Tensor:
    """[B, 1, H, W] in [0, 1] -> [B, 7]: shape of the outline wherever it is and however large.

    The normalised central moments mu_pq / area^(1 + (p + q) / 2) of second and third order: width, lean and height,
    then the four that change sign when the picture is mirrored or turned upside down, so that left differs from right.
    The front and the rear of a box have the same outline: only a person or a regressor tells them apart. Empty masks
    give zeros.

    Raises:
        ValueError: not [B, 1, H, W].
    """
    if masks.dim() != 4 or masks.shape[1] != 1:
        raise ValueError(f"Masks must be [B, 1, H, W], got {tuple(masks.shape)}.")
    weight = masks[:, 0].double()
    rows, columns = (torch.arange(n, dtype=torch.float64) + 0.5 for n in weight.shape[1:])
    area = weight.sum((1, 2)).clamp_min(1e-9)
    x = columns - (weight.sum(1) @ columns / area)[:, None]  # [B, W] from the centroid, to the right
    y = (weight.sum(2) @ rows / area)[:, None] - rows  # [B, H] from the centroid, upwards

    def moment(p: int, q: int) -> Tensor:
        return torch.einsum("bhw,bw,bh->b", weight, x**p, y**q) / area ** (1 + (p + q) / 2)

    orders = ((2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3))
    # a disc has 0.08, 0, 0.08; signed roots of the third order are of that size too
    second, third = ([moment(p, q) for p, q in orders if p + q == order] for order in (2, 3))
    return torch.stack([*second, *(m.sign() * m.abs().pow(2 / 3) for m in third)], 1).float()


@dataclass(frozen=True)
class SplitSuggestion:
    """What `suggest_split_layer` found.

    Attributes:
        split_layer: k.
        view_share: for each k looked at, the share of the descriptor's variance that the view code explains, in [0, 1].
    """

    split_layer: int
    view_share: dict[int, float]


def view_share(described: Tensor) -> float:
    """[V, C, D] descriptors of V view codes with C contents -> share of their variance between the views, in [0, 1].

    1 where the content changes nothing, 0 where the view code says no more than chance: the spread of the views' means
    that C contents bring about by themselves is taken off. Columns that vary more count more.
    """
    within = described.var(1).mean(0).sum()
    between = (described.mean(1).var(0).sum() - within / described.shape[1]).clamp_min(0)
    return float(between / (between + within).clamp_min(1e-12))


def suggest_split_layer(
    generator: Generator,
    describe: Descriptor,
    layers: Sequence[int] | None = None,
    *,
    hold: float = 0.8,
    views: int = 32,
    contents: int = 8,
    seed: int = 0,
    progress: bool = True,
) -> SplitSuggestion:
    """The smallest k whose first layers hold the view: every further one would take shape from the content code.

    Args:
        describe: `azimuth_descriptor` or `silhouette_descriptor`.
        layers: which k to look at, by default the first half of the network's.
        hold: the share of the variance that the view code must explain, of what it explains with the most layers.
        views, contents: how many random codes are crossed for each k.

    Raises:
        ValueError: a k that the network does not have.
    """
    layers = tuple(layers or range(1, max(2, generator.num_ws // 2 + 1)))
    check_split(generator, *layers)
    view_w = sample_w(generator, views, seed)
    content_w = sample_w(generator, contents, seed + 1, TRUNCATION)
    shares = {
        k: view_share(_described(generator, describe, view_w, content_w, k))
        for k in tqdm(layers, desc="split layers", disable=not progress)
    }
    most = max(shares.values())
    return SplitSuggestion(min(k for k, share in shares.items() if share >= hold * most), shares)


@dataclass(frozen=True)
class ViewSuggestion:
    """View codes for a person to label, the most consistent first.

    Attributes:
        codes: [N, w_dim].
        spread: [N] mean squared distance of the contents' descriptors from their mean, ascending; in units of the
            variance between random pictures, so that 1 is no view at all.
        described: [N, D] mean descriptor of each.
        split_layer: k.
    """

    codes: Tensor
    spread: Tensor
    described: Tensor
    split_layer: int

    def __len__(self) -> int:
        return len(self.codes)


def suggest_view_codes(
    generator: Generator,
    n: int,
    describe: Descriptor,
    split_layer: int,
    *,
    candidates: int = 256,
    contents: int = 8,
    consistent: float = 0.5,
    seed: int = 0,
    progress: bool = True,
) -> ViewSuggestion:
    """`n` random view codes in which objects look most consistent (section 3.1) and which differ among themselves.

    Of `candidates` random codes the `consistent` share with the smallest spread over contents is kept, but for the
    fourth of them that are least like any others, which a young GAN has drawn badly rather than from a side of its own;
    of those the first is the most consistent one, and each further one is the farthest from all before it.

    Codes in whose pictures `describe` mostly finds nothing (zeros, as of empty masks) are no views.

    Raises:
        ValueError: fewer candidates than asked for, a k that the network does not have, or pictures with nothing to
            describe.
    """
    check_split(generator, split_layer)
    kept = round(candidates * consistent)
    if not 1 <= n <= kept:
        raise ValueError(f"{n} of the most consistent {kept} of {candidates} codes: ask for fewer or give more.")
    codes = sample_w(generator, candidates, seed + 2)
    content_w = sample_w(generator, contents, seed + 1, TRUNCATION)
    parts = [
        _described(generator, describe, part, content_w, split_layer)
        for part in tqdm(codes.split(16), desc="random view codes", disable=not progress)
    ]
    described = torch.cat(parts)
    spread = described.var(1).sum(1) / described.flatten(0, 1).var(0).sum().clamp_min(1e-12)
    seen = (described != 0).any(2).float().mean(1) >= SEEN
    if int(seen.sum()) < n:
        raise ValueError(
            f"The segmenter finds an object in most pictures of only {int(seen.sum())} of {candidates} random view "
            f"codes, and {n} are wanted: train the GAN longer, or take another segmenter (segmenter.weights)."
        )
    steady = spread.masked_fill(~seen, torch.inf).argsort()[: max(n, min(kept, int(seen.sum())))]
    mean = described.mean(1)
    steady = usual(mean, steady, n)
    chosen = [int(steady[0])]
    while len(chosen) < n:
        distance = torch.cdist(mean[steady], mean[chosen]).amin(1)
        chosen.append(int(steady[distance.argmax()]))
    index = torch.tensor(chosen)
    index = index[spread[index].argsort()]
    return ViewSuggestion(codes[index.to(codes.device)], spread[index], mean[index], split_layer)


def usual(described: Tensor, index: Tensor, n: int) -> Tensor:
    """The rows `index` of descriptors [N, D] but for the share ODD whose few nearest others are the farthest away.

    Fewer are left out so that `n` remain; the order stays.
    """
    distance = torch.cdist(described[index], described[index])
    lonely = distance.sort(1).values[:, min(NEIGHBOURS, len(index) - 1)]
    kept = lonely.argsort()[: max(n, round((1 - ODD) * len(index)))]
    return index[kept.sort().values]


def _described(generator: Generator, describe: Descriptor, view_w: Tensor, content_w: Tensor, k: int) -> Tensor:
    """[V, C, D]."""
    pictures = crossed_pictures(generator, view_w, content_w, k)
    return torch.stack([describe(one) for one in pictures]).float().cpu()
