"""Whether the out-of-domain score tells photographs from pictures that should be refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import Tensor

from ganverse_nb.data.pictures import as_image
from ganverse_nb.evaluation.out_of_distribution import ood_pictures
from ganverse_nb.inverse_graphics.domain import Verdict
from ganverse_nb.inverse_graphics.reconstructor import Reconstructor
from ganverse_nb.runtime.files import content_of, read_json, write_json
from ganverse_nb.studio.photos import make_photos

INSIDE = "photographs"


@dataclass(frozen=True)
class DomainCheck:
    """Scores of fresh photographs and of out-of-distribution pictures.

    Attributes:
        limit: the score above which a picture is refused.
        scores: kind of picture -> score of each; None where the segmenter did not find exactly one object.
    """

    limit: float
    scores: dict[str, list[float | None]]

    def refused(self, kind: str) -> float:
        """The share of the pictures of a kind that are refused."""
        scores = self.scores[kind]
        return sum(score is None or score > self.limit for score in scores) / len(scores)

    def separation(self, kind: str) -> float:
        """The chance that a picture of a kind scores above a photograph, ties half: the area under the ROC curve."""
        ours, theirs = ([math.inf if s is None else s for s in self.scores[k]] for k in (INSIDE, kind))
        return sum((b > a) + 0.5 * (b == a) for a in ours for b in theirs) / (len(ours) * len(theirs))

    def roc(self, kind: str) -> tuple[list[float], list[float]]:
        """The ROC curve: shares of the photographs and of a kind refused, for every limit from the highest score down.

        `separation` is the area under it.
        """
        ours, theirs = ([math.inf if s is None else s for s in self.scores[k]] for k in (INSIDE, kind))
        limits = sorted({*ours, *theirs}, reverse=True)
        shares = [[sum(s >= limit for s in scores) / len(scores) for limit in limits] for scores in (ours, theirs)]
        return [0.0, *shares[0]], [0.0, *shares[1]]

    @property
    def ood_kinds(self) -> list[str]:
        """The kinds that should be refused."""
        return [kind for kind in self.scores if kind != INSIDE]

    @property
    def ood_refused(self) -> float:
        """The share of out-of-distribution pictures that are refused; every kind counts the same."""
        return sum(self.refused(kind) for kind in self.ood_kinds) / len(self.ood_kinds)

    def save(self, path: Path) -> None:
        write_json(path, asdict(self), sealed=True)

    @classmethod
    def load(cls, path: Path) -> DomainCheck:
        remedy = f"delete {path.parent} and run the same command again"
        with content_of(path, "check of a domain", remedy):
            return cls(**read_json(path, remedy))


def check_domain(
    reconstructor: Reconstructor, category: str, count: int, seed: int, resolution: int, edition: int = 1
) -> DomainCheck:
    """`count` fresh photographs of `category`, and as many of each kind of `ood_pictures`, judged."""
    kinds = {INSIDE: make_photos(category, count, seed, resolution, edition=edition).image()}
    kinds |= ood_pictures(category, count, seed, resolution, edition)
    return judge_kinds(reconstructor, kinds)


def judge_kinds(reconstructor: Reconstructor, kinds: Mapping[str, Tensor]) -> DomainCheck:
    """The pictures [N, 3, R, R] in [0, 1] of each kind, judged; one of the kinds is `INSIDE`.

    Raises:
        ValueError: none is.
    """
    if INSIDE not in kinds:
        raise ValueError(f"judge_kinds: scores mean something beside usual pictures only; give some as {INSIDE!r}.")
    judged = {kind: reconstructor.judge([as_image(image) for image in images]) for kind, images in kinds.items()}
    scores = {kind: [_finite(v) for v in verdicts] for kind, verdicts in judged.items()}
    return DomainCheck(reconstructor.domain.limit, scores)


def _finite(verdict: Verdict) -> float | None:
    return verdict.score if math.isfinite(verdict.score) else None
