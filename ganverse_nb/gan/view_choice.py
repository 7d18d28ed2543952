"""Choosing view codes: a closed path around the object that every content follows (section 3.1).

The paper's authors picked 39 random view codes by eye. Here a pose regressor looks, and three things are done that an
eye cannot do. A view code is a mean of many random codes seen from one side where that is steadier than any single one:
a mean keeps the view and loses the bodies that the single codes carry. Codes are scored on all contents, so that one
that turns half of them round is out. And neighbours are chosen together: their halfway code must look halfway.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.config import ViewConfig
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import check_split, crossed_pictures, sample_w
from ganverse_nb.gan.pose import PoseRegressor
from ganverse_nb.gan.viewpoints import ViewCodes, label_azimuth
from ganverse_nb.geometry.angles import angular_distance, circular_median, median_deviation

SCREENING = 8  # contents that every random code is looked at with
WIDTHS = (3.0, 5.0, 8.0)  # degrees, of the means' bell over azimuth
SLOPE_WIDTH = 30.0  # of the bell in which codes are fitted as a line over elevation
STEADY = (0.0, 0.9, 0.97)  # how steady the codes of a mean must be at least
SINGLES = 12  # random codes that stand beside the means of an asked azimuth
KEPT = 5  # alternatives per azimuth among which neighbours are matched
ELEVATION_COST = 0.01  # of a degree of wrong elevation, beside a cosine of the azimuth's error
SINGLE_COST = 0.03  # of a code on its own, for the body that it carries


@dataclass(frozen=True)
class Looks:
    """Where V view codes with C contents each look from.

    Attributes:
        direction: [V, C, 2] sine and cosine of the azimuth, times the regressor's confidence (at most 1).
        elevation: [V, C] degrees.
    """

    direction: Tensor
    elevation: Tensor

    @property
    def azimuth(self) -> Tensor:
        """[V, C] degrees."""
        return torch.rad2deg(torch.atan2(self.direction[..., 0], self.direction[..., 1]))

    def agreement(self, azimuth: Tensor) -> Tensor:
        """[V]: mean over contents of the cosine of the difference to the asked azimuths [V] in degrees."""
        angle = torch.deg2rad(azimuth)
        return (self.direction @ torch.stack([angle.sin(), angle.cos()], -1)[..., None]).squeeze(-1).mean(-1)


def choose_views(
    generator: Generator,
    regressor: PoseRegressor,
    config: ViewConfig,
    k: int,
    *,
    truncation: float = 1.0,
    seed: int = 0,
    provenance: dict[str, Any] | None = None,
    progress: bool = True,
) -> ViewCodes:
    """`config.views` codes around the object and `config.tier_views` on each tier, labelled with 12 bins of azimuth.

    They come from `config.candidates` random codes.

    Args:
        truncation: of the contents that every code must hold its view with.

    Raises:
        ValueError: this network has no such split layer.
    """
    check_split(generator, k)
    contents = sample_w(generator, config.contents, seed + 1, truncation)

    def look(codes: Tensor, count: int = len(contents)) -> Looks:
        return looks(generator, regressor, codes, contents[:count], k)

    random = Candidates.of(sample_w(generator, config.candidates, seed + 2), look, progress)
    asked = torch.arange(config.views) * (360.0 / config.views)
    middle = float(random.elevation.median())

    def score(found: Tensor, azimuth: Tensor, elevation: float) -> Tensor:
        seen = look(found)
        miss = (seen.elevation.mean(1) - elevation).abs()
        single = torch.arange(len(found)) < SINGLES
        return seen.agreement(azimuth.expand(len(found))) - ELEVATION_COST * miss - SINGLE_COST * single

    kept, scores = [], []
    for angle in tqdm(asked, desc="view codes", disable=not progress):
        found = random.near(float(angle))
        best = score(found, angle, middle).topk(min(KEPT, len(found)))
        kept.append(found[best.indices])
        scores.append(best.values)
    joints = []
    for i in tqdm(range(config.views), desc="neighbours", disable=not progress):
        one, two = kept[i], kept[(i + 1) % config.views]
        halfway = 0.5 * (one[:, None] + two[None]).flatten(0, 1)
        angle = asked[i] + 180.0 / config.views
        joints.append(look(halfway).agreement(angle.expand(len(halfway))).view(len(one), len(two)))
    chosen = [kept[i][j] for i, j in enumerate(best_cycle(scores, joints))]
    for tier in config.tiers:
        around = torch.arange(config.tier_views) * (360.0 / config.tier_views)
        for angle in tqdm(around, desc=f"{tier:.0f} degrees up", disable=not progress):
            found = random.at(float(angle), tier)
            chosen.append(found[score(found, angle, tier).argmax()])
    codes = torch.stack(chosen)
    seen = look(codes)
    center = circular_median(seen.azimuth)
    settings = {"candidates": config.candidates, "contents": config.contents, "truncation": truncation, "seed": seed}
    return ViewCodes(
        codes.cpu(),
        label_azimuth(center),
        center,
        median_deviation(seen.azimuth),
        seen.elevation.median(1).values,
        torch.arange(len(codes)) < config.views,
        k,
        {**settings, **(provenance or {})},
    )


def looks(generator: Generator, regressor: PoseRegressor, view_w: Tensor, content_w: Tensor, k: int) -> Looks:
    """Every view code [V, w_dim] with every content [C, w_dim], as the regressor reads their pictures."""
    directions, elevations = [], []
    for part in view_w.split(8):
        pose = regressor.pose(crossed_pictures(generator, part, content_w, k).flatten(0, 1).cpu())
        angle = torch.deg2rad(pose.azimuth)
        vector = torch.stack([angle.sin(), angle.cos()], -1) * pose.confidence.clamp(max=1.0)[:, None]
        directions.append(vector.view(len(part), -1, 2))
        elevations.append(pose.elevation.view(len(part), -1))
    return Looks(torch.cat(directions), torch.cat(elevations))


@dataclass(frozen=True)
class Candidates:
    """Random view codes [N, w_dim] and their means over some contents.

    Attributes:
        azimuth, elevation: [N] degrees.
        steadiness: [N] length of the mean direction: 1 where all contents are surely seen from one side.
    """

    codes: Tensor
    azimuth: Tensor
    elevation: Tensor
    steadiness: Tensor

    @classmethod
    def of(cls, codes: Tensor, look: Callable[[Tensor, int], Looks], progress: bool = True) -> Candidates:
        """`look(codes, count)` -> `Looks` with the first `count` contents."""
        parts = [
            look(part, SCREENING) for part in tqdm(codes.split(64), desc="random view codes", disable=not progress)
        ]
        mean = torch.cat([part.direction.mean(1) for part in parts])
        elevation = torch.cat([part.elevation.mean(1) for part in parts])
        return cls(codes, torch.rad2deg(torch.atan2(mean[:, 0], mean[:, 1])), elevation, mean.norm(dim=1))

    def near(self, azimuth: float) -> Tensor:
        """[M, w_dim] for one azimuth: the best codes on their own, then means of the codes there, at most 9."""
        off = angular_distance(self.azimuth, azimuth)
        found = [self.codes[i] for i in (off + 60.0 * (1.0 - self.steadiness)).argsort()[:SINGLES]]
        return torch.stack([*found, *(weight @ self.codes for weight in self._bells(off))])

    def at(self, azimuth: float, elevation: float) -> Tensor:
        """[M, w_dim] for one azimuth and elevation: the means of `around`, moved along the codes' line over elevation.

        The line is a weighted least squares fit: codes = a + b (elevation - its mean) in a wide bell over azimuth.
        """
        off = angular_distance(self.azimuth, azimuth)
        found = []
        wide = self._weight(off, SLOPE_WIDTH, 0.0)
        wide = wide / wide.sum()
        centred = self.elevation - wide @ self.elevation
        slope = (wide * centred) @ self.codes / ((wide * centred) @ centred).clamp_min(1e-6)
        for weight in self._bells(off):
            rise = elevation - weight @ self.elevation
            found += [weight @ self.codes + share * rise * slope for share in (0.7, 1.0, 1.4)]
        near = off + 60.0 * (1.0 - self.steadiness) + (self.elevation - elevation).abs()
        return torch.stack([*(self.codes[i] for i in near.argsort()[:SINGLES]), *found])

    def _bells(self, off: Tensor) -> list[Tensor]:
        """Weights [N] of the means, each summing to 1; none where nobody stands."""
        bells = [self._weight(off, width, least) for width in WIDTHS for least in STEADY]
        return [bell / bell.sum() for bell in bells if bell.sum() > 1e-3]

    def _weight(self, off: Tensor, width: float, least: float) -> Tensor:
        """[N] bell over azimuth, of codes at least so steady; steadier ones count more."""
        return torch.exp(-0.5 * (off / width).square()) * (self.steadiness >= least) * self.steadiness**4


def best_cycle(nodes: list[Tensor], joints: list[Tensor]) -> list[int]:
    """One alternative per place of a circle, such that the sum of all scores is largest.

    Args:
        nodes: for each of the n places the scores [m_i] of its alternatives.
        joints: for each place the scores [m_i, m_(i+1)] of being followed by an alternative of the next place.

    Returns:
        n indices; exact (dynamic programming from each alternative of the first place).
    """
    best, chosen = -float("inf"), [0] * len(nodes)
    for first in range(len(nodes[0])):
        total, back = nodes[0][first] + joints[0][first], []
        for here, onward in zip(nodes[1:], joints[1:], strict=True):
            total, before = ((total + here)[:, None] + onward).max(0)  # over the alternatives of this place
            back.append(before)
        if float(total[first]) > best:
            best, place = float(total[first]), first
            places = []
            for before in reversed(back):
                place = int(before[place])
                places.append(place)
            chosen = [first, *reversed(places)]
    return chosen
