"""How large, and where, objects stand in the pictures that f has learned from; and windows that show others like that.

The cameras of the view codes all stand about as far away, so that f reads an object's size off its size in the picture,
and the camera head has seen little else. A photograph shows its object at any size and anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ganverse_nb.data.crops import boxes
from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.geometry.angles import angular_distance
from ganverse_nb.runtime.files import content_of
from ganverse_nb.runtime.tensors import load_tensors, save_tensors

CONTENTS = 50  # of the dataset, the last ones: enough for quantiles, few enough for large pictures
FORMAT = "ganverse_nb framing 1"
USUAL = 0.02  # of the dataset's pictures have smaller objects, and as many larger ones, than what counts as usual


@dataclass(frozen=True)
class Framing:
    """What is usual in V views.

    Attributes:
        azimuth: [V] degrees.
        side: [V, 3] of the longer side of an object's box, as a share of the picture: smallest, median, largest.
        center: [V, 2] (x, y) of its centre, median.
        away: the largest usual distance of a centre from that.
    """

    azimuth: Tensor
    side: Tensor
    center: Tensor
    away: float

    @classmethod
    def of(cls, dataset: MultiViewDataset, azimuth: Tensor) -> Framing:
        """The framing of the kept pictures of a dataset whose views look from `azimuth` [V] degrees."""
        content, view = dataset.kept_pictures(torch.arange(len(dataset))[-CONTENTS:])
        centers, sides = boxes(dataset.masks[content, view])
        seen = view.unique()
        quantiles = torch.tensor([USUAL, 0.5, 1 - USUAL])
        side = torch.stack([sides[view == v].quantile(quantiles) for v in seen])
        center = torch.stack([centers[view == v].median(0).values for v in seen])
        place = torch.searchsorted(seen, view)
        away = (centers - center[place]).norm(dim=1).quantile(1 - USUAL)
        return cls(azimuth[seen], side, center, float(away))

    def save(self, path: Path) -> None:
        """Write a safetensors file, whole or not at all."""
        tensors = {"azimuth": self.azimuth, "side": self.side, "center": self.center}
        save_tensors(path, tensors | {"away": torch.tensor(self.away)}, FORMAT)

    @classmethod
    def load(cls, path: Path) -> Framing:
        """What `save` wrote.

        Raises:
            FileNotFoundError: no such file.
            ValueError: not such a file, or damaged.
        """
        remedy = "run the stage framing again"
        tensors, _ = load_tensors(path, FORMAT, "framing", remedy)
        with content_of(path, "framing", remedy):
            azimuth, side, center, away = (tensors[name] for name in ("azimuth", "side", "center", "away"))
            views = len(azimuth)
            shapes = [tuple(part.shape) for part in (azimuth, side, center, away)]
            if views < 1 or shapes != [(views,), (views, 3), (views, 2), ()]:
                raise ValueError(f"its parts are of the shapes {', '.join(map(str, shapes))}")
            return cls(azimuth.float(), side.float(), center.float(), float(away))

    def window(self, mask: Tensor, azimuth: float) -> tuple[float, float, float] | None:
        """The square of a picture that shows its object as usual: left, top and side as shares of the picture.

        Args:
            mask: [1, 1, R, R] of the object.
            azimuth: from where it is seen, degrees; the nearest view says what is usual.

        Returns:
            None where the picture does so already.
        """
        (center,), (side,) = boxes(mask)
        view = angular_distance(self.azimuth, azimuth).argmin()
        smallest, median, largest = self.side[view].tolist()
        usual = smallest <= float(side) <= largest
        if usual and float((center - self.center[view]).norm()) <= self.away:
            return None
        scale = 1.0 if usual else float(side) / median  # a size that f can read is not taken from it
        left, top = (center - scale * self.center[view]).tolist()
        return left, top, scale
