"""Whether a picture is one that inverse graphics can be trusted with; cues, their usual range, one score.

The paper's f answers any picture, a horse's too, with a car. Here a few cues say how far a picture is from those that
it can explain, each measured against photographs that no network of the run has seen:

* instances: there is exactly one object (the paper's filter, section 3.1); without that there is no score;
* doubt: the odds, by the box head of a network that knows the category, against what was cut out, whoever did it; left
  out where no network here knows the category;
* border: the share of the object's outline that lies on the border of the photograph;
* misfit: 1 - IoU of the mask and the reconstruction, from the best of the camera head's likeliest azimuths.

Of the photographs, the median of each cue is 0 and its 99 % quantile 1. The worst cue of all but two in a hundred of
them stays below some score, and the limit is one and a half times that: they are the studio's, and those of the world
differ more from them than they from each other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ganverse_nb.inverse_graphics.inference import reconstruct_and_compare
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.sight import Sight
from ganverse_nb.runtime.files import content_of
from ganverse_nb.runtime.tensors import load_tensors, save_tensors
from ganverse_nb.segmentation.detections import MANY, NONE

USUAL, KEPT = 0.99, 0.98  # quantiles: of each cue, and of the score of photographs that are to pass
ALLOWANCE = 1.5  # photographs of the world differ more from the studio's than those from each other
FEWEST = 12  # photographs
# Where photographs hardly differ in a cue, this much of it still counts as usual.
SMALLEST_SPREAD = {"doubt": 0.5, "border": 0.02, "misfit": 0.02}
FORMAT = "ganverse_nb domain 2"
REASONS = {  # cue -> what is said when it is above the limit; of several the first here
    "border": "the {category} is cut off by the border of the picture",
    "doubt": "the object does not look like a {category}",
    "misfit": "the reconstruction does not cover the {category}",
}


@dataclass(frozen=True)
class Verdict:
    """What is thought of one picture.

    Attributes:
        score: of the worst cue; 0 is usual, infinite where there is not exactly one object.
        limit: the score above which a picture is out of domain.
        scores: of each cue; empty where there is not exactly one object.
        reason: why the picture is out of domain, in words; "" where it is not.
    """

    score: float
    limit: float
    scores: Mapping[str, float]
    reason: str

    @property
    def in_domain(self) -> bool:
        """Whether the reconstruction can be trusted."""
        return not self.reason

    def __str__(self) -> str:
        score = f"{self.score:.1f}" if math.isfinite(self.score) else "infinite"
        numbers = f"score {score}, limit {self.limit:.1f}"
        return f"in domain ({numbers})" if self.in_domain else f"out of domain: {self.reason} ({numbers})"


def read_cues(
    sight: Sight, model: InverseGraphicsModel, overlap: Tensor | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """Which [n] of the pictures show exactly one object, and the raw cues of these, [n] each.

    Args:
        overlap: [N] as `reconstruct_and_compare` gives it, where that is known; of pictures without an object anything.
    """
    rows = (sight.count == 1).nonzero().flatten()
    if overlap is not None:
        overlap = overlap[rows]
    elif len(rows):
        overlap = reconstruct_and_compare(sight.images[rows], sight.masks[rows], model)[2]
    else:
        overlap = torch.zeros(0)
    values = {"border": sight.border[rows], "misfit": 1 - overlap}
    return rows, values if sight.doubt is None else values | {"doubt": sight.doubt[rows]}


@dataclass(frozen=True)
class Domain:
    """What is usual; see the module.

    Attributes:
        category: of the objects.
        median, spread: of each cue; `(value - median) / spread` is its score.
        limit: the score above which a picture is out of domain.
    """

    category: str
    median: Mapping[str, float]
    spread: Mapping[str, float]
    limit: float

    @classmethod
    def fit(cls, sight: Sight, model: InverseGraphicsModel, category: str) -> Domain:
        """The domain of photographs of whole objects, none of which a network has learned from.

        Raises:
            ValueError: too few of them show exactly one object.
        """
        rows, values = read_cues(sight, model)
        if len(rows) < FEWEST:
            raise ValueError(f"One object was found in {len(rows)} of {len(sight)} photos; {FEWEST} are needed.")
        median = {name: float(value.median()) for name, value in values.items()}
        spread = {
            name: max(float(value.quantile(USUAL)) - median[name], SMALLEST_SPREAD[name])
            for name, value in values.items()
        }
        scores = torch.stack([(value - median[name]) / spread[name] for name, value in values.items()])
        return cls(category, median, spread, ALLOWANCE * max(1.0, float(scores.amax(0).quantile(KEPT))))

    def judge(self, sight: Sight, model: InverseGraphicsModel, overlap: Tensor | None = None) -> list[Verdict]:
        """The verdict on each picture of a sight; `overlap` as in `read_cues`."""
        rows, values = read_cues(sight, model, overlap)
        table = {
            name: ((value - self.median[name]) / self.spread[name]).tolist()
            for name, value in values.items()
            if name in self.median
        }
        verdicts = [
            Verdict(math.inf, self.limit, {}, NONE if count == 0 else f"{MANY} ({count})")
            for count in sight.count.tolist()
        ]
        for place, row in enumerate(rows.tolist()):
            scores = {name: column[place] for name, column in table.items()}
            reasons = [words for name, words in REASONS.items() if scores.get(name, 0.0) > self.limit]
            reason = reasons[0].format(category=self.category) if reasons else ""
            verdicts[row] = Verdict(max(scores.values()), self.limit, scores, reason)
        return verdicts

    def save(self, path: Path) -> None:
        """Write a safetensors file, whole or not at all."""
        names = list(self.median)
        values = [[self.median[name] for name in names], [self.spread[name] for name in names]]
        facts = {"category": self.category, "cues": names}
        tensors = {"median": torch.tensor(values[0]), "spread": torch.tensor(values[1])}
        save_tensors(path, tensors | {"limit": torch.tensor(self.limit)}, FORMAT, {"facts": facts})

    @classmethod
    def load(cls, path: Path) -> Domain:
        """What `save` wrote.

        Raises:
            FileNotFoundError: no such file.
            ValueError: not such a file, or damaged.
        """
        remedy = "run the stage domain again"
        tensors, metadata = load_tensors(path, FORMAT, "domain", remedy)
        with content_of(path, "domain", remedy):
            facts = json.loads(metadata["facts"])
            median, spread = (dict(zip(facts["cues"], tensors[n].tolist(), strict=True)) for n in ("median", "spread"))
            return cls(facts["category"], median, spread, float(tensors["limit"]))
