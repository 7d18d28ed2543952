"""Masks of a generator's own pictures from its features: for categories that no segmenter knows.

A linear map of hypercolumns tells object from background in all pictures of a network (`gan.hypercolumns`). It is begun
with a few clicks in pictures of one content, or with clusters and no click, and then taught by itself: what it says of
random pictures is made to follow their colours and edges (`grabcut`), and it is fitted again to what is sure of that.
What holds for any picture of one object helps: its border shows mostly background.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ganverse_nb.gan.clicks import Clicks, clicked_codes, default_split
from ganverse_nb.gan.generator import Generator, resize_square
from ganverse_nb.gan.hypercolumns import Hypercolumns
from ganverse_nb.gan.latents import mix, sample_w
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.placement import at_home
from ganverse_nb.segmentation.detections import Detections
from ganverse_nb.segmentation.grabcut import agree, colour_odds, likeness
from ganverse_nb.segmentation.instances import instances

PICTURES = 32  # random ones that it learns from
PIXELS = 4000  # that each fit sees
RIM = 1 / 32  # of the picture's side, that counts as its border
RIM_PIXELS = 300  # of all borders, that stand beside the clicks as background
SURE = 0.3  # distance from 0.5 from which a pixel's label is believed
FIRST_RIDGE, RIDGE = 0.1, 3e-3  # of the fit to clicks, and of the later ones
CLICKS_SHARE = 0.3  # of all weight but theirs, that the clicks keep in later fits
CLUSTERS, CLUSTER_STEPS = 12, 12
SEED = 4_000_000  # of the pictures, added to the run's


class Round(NamedTuple):
    """One round of labelling the pictures and fitting to the labels.

    Attributes:
        own, colours, neighbours: weights of the map's own word (its log-odds at one deviation), of colours, of
            neighbours.
        divided: how far the map's zero goes to where its scores divide best. A few clicks are deep in the object, and
            what is fitted to them alone is too sure of the background near its outline.
    """

    own: float
    colours: float
    neighbours: float
    divided: float


# At first colours and neighbours lead, and objects come out a little too large; then the map has ever more to say.
ROUNDS = (Round(2, 1, 3, 1.0), *[Round(4, 0.3, 1, 0.5)] * 2, *[Round(6, 0.3, 1, 0)] * 4)
STARTS = (0.5, 1.0)  # shares of `Round.divided` that are tried
ON_EDGES = 0.9  # of the best change of colour across outlines, that larger objects must have


@dataclass(frozen=True)
class FeatureMasks:
    """What tells object from background in a generator's pictures.

    Attributes:
        columns: the features that are looked at.
        weight, bias: of the linear map; its sign tells.
        told: how it was begun, in words for a report.
        facts: what was counted on the way.
    """

    columns: Hypercolumns
    weight: Tensor
    bias: Tensor
    told: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Where the linear map lies."""
        return self.weight.device

    @at_home
    def cut(self, w_plus: Tensor) -> tuple[Tensor, Detections]:
        """Pictures [N, 3, H, W] in [0, 1] of codes [N, num_ws, w_dim], and what is found in them."""
        generator = self.columns.generator
        with torch.no_grad():
            pictures = generator.synthesize(generator.styles(w_plus))
            score = generator.crop(self.columns.scores(w_plus, self.weight, self.bias))
            found = instances(torch.sigmoid(score))
        return pictures, found


def masks_from_clicks(generator: Generator, clicks: Clicks, seed: int = 0) -> FeatureMasks:
    """Masks that begin with clicks.

    Raises:
        ClickError: the clicks are of another network. ExpectedError: they are all of one kind.
    """
    clicks.check(generator)
    if not clicks.complete:
        kind = "object" if all(p.object for p in clicks.points) else "background"
        where = "No click is there yet" if not clicks.points else f"All {len(clicks.points)} clicks are on the {kind}"
        raise ExpectedError(f"{where}: click on the object and on the background, ten points in all (notebook 02).")
    learning = _Learning(generator, seed, clicks.split_layer)
    features = learning.columns.features(clicked_codes(generator, clicks))
    view = torch.tensor([p.view for p in clicks.points])
    place = torch.tensor([[p.x, p.y] for p in clicks.points])
    values = learning.columns.at(features, view, place)
    labels = torch.tensor([1.0 if p.object else -1.0 for p in clicks.points])
    rim = learning.rim_values()
    on = labels > 0
    weights = torch.where(on, 1 / on.sum(), 0.5 / (~on).sum())
    sample = torch.cat([values, rim]), torch.cat([labels, -rim.new_ones(len(rim))])
    weight, bias = ridge(*sample, torch.cat([weights, rim.new_full((len(rim),), 0.5 / len(rim))]), FIRST_RIDGE)
    said = f"{len(clicks.points)} clicks in pictures of one content and the GAN's features"
    return learning.teach(learning.scores(weight, bias), said, (values, labels))


def masks_from_clusters(generator: Generator, seed: int = 0) -> FeatureMasks:
    """Masks that begin with clusters (k-means) of features: those that the pictures' borders lack are the object.

    Raises:
        ExpectedError: the borders of the pictures have all clusters, or none.
    """
    learning = _Learning(generator, seed, default_split(generator))
    return learning.teach(learning.clustered(), "clusters of the GAN's features, without any label")


def ridge(values: Tensor, labels: Tensor, weights: Tensor, strength: float) -> tuple[Tensor, Tensor]:
    """Weight [C] and bias of the weighted least squares fit to labels [P] of values [P, C]."""
    weights = weights / weights.sum()
    middle, level = weights @ values, weights @ labels
    centred = values - middle
    square = (centred * weights[:, None]).t() @ centred
    square.diagonal().add_(strength)
    weight = torch.linalg.solve(square, centred.t() @ (weights * (labels - level)))
    return weight, level - middle @ weight


def divide(scores: Tensor, levels: int = 256) -> Tensor:
    """The number that divides scores best into two groups: between them is the most variance (Otsu 1979)."""
    low, high = scores.min(), scores.max()
    share = torch.histc(scores, levels, float(low), float(high)).double() / scores.numel()
    level = torch.linspace(float(low), float(high), levels, dtype=torch.float64, device=scores.device)
    below, mean = share.cumsum(0), (share * level).cumsum(0)
    between = (mean[-1] * below - mean).square() / (below * (1 - below)).clamp_min(1e-12)
    return level[between >= between.max() * (1 - 1e-6)].mean().to(scores)  # amid a gap, where there is one


class _Learning:
    """The random pictures of one network, and what is done with them."""

    def __init__(self, generator: Generator, seed: int, split_layer: int) -> None:
        self.rng = torch.Generator().manual_seed(SEED + seed)
        view, content = (sample_w(generator, PICTURES, self.rng) for _ in range(2))
        codes = mix(view, content, split_layer, generator.num_ws)
        self.columns = Hypercolumns(generator, codes)
        self.features, side = self.columns.features(codes), self.columns.side
        with torch.no_grad():
            pictures = generator.synthesize(generator.styles(codes))
        self.pictures = resize_square(generator.uncrop(pictures), side)
        self.alike = likeness(self.pictures)
        self.picture = torch.zeros(1, side, side, dtype=torch.bool, device=pictures.device)  # without bars
        first, last = (round(row * side / generator.resolution) for row in generator.rows or (0, generator.resolution))
        self.picture[:, first:last] = True
        self.rim, deep = self.picture.clone(), max(1, round(RIM * side))
        self.rim[:, first + deep : last - deep, deep:-deep] = False

    def scores(self, weight: Tensor, bias: Tensor) -> Tensor:
        return self.columns.linear(self.features, weight, bias)

    def values(self, index: Tensor) -> Tensor:
        """[P, C]: the hypercolumns of pixels [P] of all pictures, counted row by row."""
        side = self.columns.side
        place = torch.stack([index % side, index // side % side], 1)
        return self.columns.at(self.features, index // side**2, (place + 0.5) / side)

    def some(self, among: Tensor, count: int) -> Tensor:
        """[P] at most `count` of the pixels of a mask [B or 1, 1, side, side]."""
        index = among.expand(PICTURES, 1, -1, -1).flatten().nonzero()[:, 0]
        return index[torch.randperm(len(index), generator=self.rng)[:count].to(index.device)]

    def rim_values(self) -> Tensor:
        return self.values(self.some(self.rim[None], RIM_PIXELS))

    def clustered(self) -> Tensor:
        """[B, 1, side, side]: 1 where a pixel belongs to a cluster of the object, else -1."""
        index = self.some(self.picture[None], PIXELS)
        values = self.values(index)
        centres = values[torch.randperm(len(values), generator=self.rng)[:CLUSTERS].to(values.device)]
        for _ in range(CLUSTER_STEPS):
            nearest = torch.cdist(values, centres).argmin(1)
            of = torch.nn.functional.one_hot(nearest, CLUSTERS).to(values)
            centres = torch.where(of.sum(0)[:, None] > 0, (of.t() @ values) / of.sum(0).clamp_min(1)[:, None], centres)
        everywhere = of.mean(0)
        rim = torch.cdist(self.rim_values(), centres).argmin(1)
        at_rim = torch.bincount(rim, minlength=CLUSTERS) / len(rim)
        objects = at_rim < 0.25 * everywhere
        if not objects.any() or objects.all():
            raise ExpectedError(
                "No cluster of this GAN's features keeps away from the borders of its pictures, so that nothing tells "
                "the object: click on it in notebook 02 (segmenter.weights=clicks)."
            )
        # a linear map cannot follow clusters; what they say is fitted at once, as any other label is
        labels = torch.where(objects[nearest], 1.0, -1.0)
        weight, bias = ridge(values, labels, torch.ones_like(labels), RIDGE)
        return self.scores(weight, bias)

    def teach(self, scores: Tensor, told: str, clicks: tuple[Tensor, Tensor] | None = None) -> FeatureMasks:
        """The map that scores [B, 1, side, side] of the pictures lead to.

        Begun with a zero that makes objects large, they may grow into the ground; begun with one that makes them small,
        they may lose their legs. So both are tried, and the larger objects are taken unless their outlines leave the
        edges of the pictures.
        """
        tried = []
        for start in STARTS:
            weight, bias = self._taught(scores, start, clicks)
            mask = (self.scores(weight, bias) > 0) & self.picture
            tried.append((float(mask.float().mean()), self._on_edges(mask), weight, bias))
        best = max(on_edges for _, on_edges, *_ in tried)
        area, on_edges, weight, bias = max(found for found in tried if found[1] >= ON_EDGES * best)
        return FeatureMasks(self.columns, weight, bias, told, {"area": area, "on_edges": on_edges})

    def _taught(self, scores: Tensor, start: float, clicks: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        for own, colours, neighbours, divided in ROUNDS:
            scores = scores - start * divided * divide(scores[:, self.picture])
            odds = own * scores / scores[:, self.picture].std()
            inside = torch.sigmoid(odds)
            for _ in range(2):
                inside = torch.where(self.rim, 0.5 * inside, inside) * self.picture
                seen = odds + colours * colour_odds(self.pictures, inside)
                inside = agree(seen, self.alike, neighbours, 3)
            index = self.some(((inside - 0.5).abs() > SURE) & self.picture, PIXELS)
            labels = torch.where(inside.flatten()[index] > 0.5, 1.0, -1.0)
            values, weights = self.values(index), torch.ones_like(labels) / len(labels)
            if clicks is not None:
                values, labels = torch.cat([values, clicks[0]]), torch.cat([labels, clicks[1]])
                share = weights.new_full((len(clicks[1]),), CLICKS_SHARE / len(clicks[1]))
                weights = torch.cat([weights, share])
            weight, bias = ridge(values, labels, weights, RIDGE)
            scores = self.scores(weight, bias)
        return weight, bias

    def _on_edges(self, mask: Tensor) -> float:
        """How much colours change across the outlines of masks [B, 1, side, side], of the change between neighbours."""
        change = crossed = 0.0
        for axis in (2, 3):
            step = self.pictures.diff(dim=axis).abs().sum(1, keepdim=True)
            step = step / step.mean((1, 2, 3), keepdim=True).clamp_min(1e-6)
            border = mask.float().diff(dim=axis).abs()
            change, crossed = change + float((step * border).sum()), crossed + float(border.sum())
        return change / max(crossed, 1.0)
