"""Whether a picture is one that inverse graphics can be trusted with; cues, their usual range, one score.

The paper's f answers any picture, a horse's too, with a car. Here a few cues say how far a picture is from those that
it can explain, each measured against photographs that no network of the run has seen:

* instances: the segmenter finds exactly one object (the paper's filter, section 3.1); without that there is no score;
* doubt: the segmenter's log-odds against the object it found; left out where the mask comes from somebody who does not
  tell a category from other things: a foreground network, or a person;
* border: the share of the object's outline that lies on the border of the picture;
* misfit: 1 - IoU of the mask and the reconstruction, rendered with the predicted camera;
* appearance: how unusual the segmenter's features are inside the mask (Mahalanobis distance, Lee et al. 2018).

Of the photographs, one half tells what features are usual, the other how each cue spreads (0 is its median, 1 its 99 %
quantile) and where the limit is: the worst cue of all but two in a hundred of them stays below it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.inverse_graphics.inference import compare, reconstruct
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.runtime.tensors import load_tensors, save_tensors
from ganverse_nb.segmentation.detections import MANY, NONE, Detections
from ganverse_nb.segmentation.segmenter import Segmenter

USUAL, KEPT = 0.99, 0.98  # quantiles: of each cue, and of the score of photographs that are to pass
SHRINKAGE = 0.1  # of the features' covariance towards a multiple of the identity
FEWEST = 12  # photographs
EDGE = 2  # pixels that count as the picture's border: masks end a little before it
BATCH = 64
# Where photographs hardly differ in a cue, this much of it still counts as usual.
SMALLEST_SPREAD = {"doubt": 0.5, "border": 0.02, "misfit": 0.02, "appearance": 0.5}
FORMAT = "ganverse_nb domain 1"
REASONS = {  # cue -> what is said when it is above the limit; of several the first here
    "border": "the {category} is cut off by the border of the picture",
    "appearance": "the object does not look like a {category}",
    "doubt": "the segmenter is not sure that it is a {category}",
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


@dataclass(frozen=True)
class RawScores:
    """The raw cues of the n of B pictures with exactly one object: `rows` [n] says which, each of `values` is [n]."""

    found: Detections
    rows: Tensor
    values: dict[str, Tensor]
    features: Tensor


@torch.no_grad()
def read_scores(
    images: Tensor, segmenter: Segmenter, model: InverseGraphicsModel, found: Detections | None = None
) -> RawScores:
    """The cues of pictures [B, 3, R, R] in [0, 1], but for the appearance, which takes the usual `features` [n, D].

    Args:
        found: the objects, where another than the segmenter has cut them out.
    """
    judged = found is None and segmenter.knows_category
    found = segmenter.segment(images) if found is None else found
    rows = (found.count == 1).nonzero().flatten()
    if len(rows) == 0:
        names = ("doubt", "border", "misfit") if judged else ("border", "misfit")
        return RawScores(found, rows, {name: torch.zeros(0) for name in names}, torch.zeros(0, 0))
    pictures, masks = images[rows], found.mask[rows]
    mesh, camera = reconstruct(pictures, masks, model)
    overlap = compare(mesh, camera, pictures, masks)[:, 0]
    doubt = {"doubt": -torch.logit(found.score[rows], eps=1e-6)} if judged else {}
    values = doubt | {"border": on_border(masks), "misfit": 1 - overlap}
    parts = zip(pictures.split(BATCH), masks.split(BATCH))
    return RawScores(found, rows, values, torch.cat([segmenter.features(p, m) for p, m in parts]))


def on_border(masks: Tensor) -> Tensor:
    """[B] share of the outline of masks [B, 1, H, W] that lies within `EDGE` pixels of the border, 0 to 1."""
    padded = F.pad(masks, (1,) * 4)
    inner = -F.max_pool2d(-padded, 3, 1, 1)[..., 1:-1, 1:-1]
    outline = masks - inner
    outside = torch.ones_like(masks)
    outside[..., EDGE:-EDGE, EDGE:-EDGE] = 0
    return (outline * outside).sum((1, 2, 3)) / outline.sum((1, 2, 3)).clamp_min(1)


@dataclass(frozen=True)
class Domain:
    """What is usual; see the module.

    Attributes:
        category: of the objects.
        mean, precision: [D], [D, D] of the features of usual photographs.
        median, spread: of each cue; `(value - median) / spread` is its score.
        limit: the score above which a picture is out of domain.
    """

    category: str
    mean: Tensor
    precision: Tensor
    median: Mapping[str, float]
    spread: Mapping[str, float]
    limit: float

    @classmethod
    def fit(cls, images: Tensor, segmenter: Segmenter, model: InverseGraphicsModel) -> Domain:
        """The domain of photographs [N, 3, R, R] in [0, 1] of whole objects, none of which a network has learned from.

        Raises:
            ValueError: too few of them show exactly one object.
        """
        raw = read_scores(images, segmenter, model)
        count = len(raw.rows)
        if count < FEWEST:
            found = f"The segmenter found one object in {count} of {len(images)} photos; {FEWEST} are needed."
            raise ValueError(f"{found} {segmenter.advice}".strip())
        half = count // 2
        mean, precision = _gaussian(raw.features[:half])
        values = _with_appearance(raw, mean, precision)
        median = {name: float(value[half:].median()) for name, value in values.items()}
        spread = {
            name: max(float(value[half:].quantile(USUAL)) - median[name], SMALLEST_SPREAD[name])
            for name, value in values.items()
        }
        scores = torch.stack([(value[half:] - median[name]) / spread[name] for name, value in values.items()])
        return cls(segmenter.category, mean, precision, median, spread, max(1.0, float(scores.amax(0).quantile(KEPT))))

    def judge(
        self, images: Tensor, segmenter: Segmenter, model: InverseGraphicsModel, found: Detections | None = None
    ) -> list[Verdict]:
        """The verdict on each of the pictures [B, 3, R, R] in [0, 1].

        Args:
            found: the objects, where another than the segmenter has cut them out.
        """
        raw = read_scores(images, segmenter, model, found)
        values = _with_appearance(raw, self.mean, self.precision)
        table = {
            name: ((value - self.median[name]) / self.spread[name]).tolist()
            for name, value in values.items()
            if name in self.median  # doubt is not, in the domain of a foreground network
        }
        verdicts = [
            Verdict(math.inf, self.limit, {}, NONE if count == 0 else f"{MANY} ({count})")
            for count in raw.found.count.tolist()
        ]
        for place, row in enumerate(raw.rows.tolist()):
            scores = {name: column[place] for name, column in table.items()}
            reasons = [words for name, words in REASONS.items() if scores.get(name, 0.0) > self.limit]
            reason = reasons[0].format(category=self.category) if reasons else ""
            verdicts[row] = Verdict(max(scores.values()), self.limit, scores, reason)
        return verdicts

    def save(self, path: Path) -> None:
        """Write a safetensors file, whole or not at all."""
        facts = {
            "category": self.category,
            "median": dict(self.median),
            "spread": dict(self.spread),
            "limit": self.limit,
        }
        save_tensors(path, {"mean": self.mean, "precision": self.precision}, FORMAT, {"facts": facts})

    @classmethod
    def load(cls, path: Path) -> Domain:
        """What `save` wrote.

        Raises:
            FileNotFoundError: no such file.
            ValueError: not such a file, or damaged.
        """
        tensors, metadata = load_tensors(path, FORMAT, "domain", "run the stage domain again")
        return cls(mean=tensors["mean"], precision=tensors["precision"], **json.loads(metadata["facts"]))


def _with_appearance(raw: RawScores, mean: Tensor, precision: Tensor) -> dict[str, Tensor]:
    if len(raw.rows) == 0:
        return raw.values | {"appearance": torch.zeros(0)}
    away = (raw.features - mean).double()
    distance = torch.einsum("bi,ij,bj->b", away, precision.double(), away).clamp_min(0).sqrt()
    return raw.values | {"appearance": distance.float()}


def _gaussian(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [D] and inverse of the shrunk covariance [D, D] of features [N, D]."""
    mean = features.mean(0)
    centred = (features - mean).double()
    covariance = centred.T @ centred / len(features)
    scale = covariance.diagonal().mean().clamp_min(1e-12)
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * scale * torch.eye(len(covariance), dtype=torch.float64)
    return mean, torch.linalg.inv(shrunk).float().contiguous()
