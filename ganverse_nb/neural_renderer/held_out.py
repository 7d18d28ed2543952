"""What the joint stage is judged by while it trains, on contents that it does not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.neural_renderer.consistency import asked_cameras, consistency, shots
from ganverse_nb.neural_renderer.data import CHUNK, PropertyDataset
from ganverse_nb.neural_renderer.properties import FACTORS, PropertyEncoder
from ganverse_nb.neural_renderer.swaps import Render, swap_distances, swap_pairs

PAIRS, SIDES, SCALES = 32, 8, (0.8, 1.0)
TURNED = 2.0  # degrees


@dataclass(frozen=True)
class HeldOut:
    """Pictures of contents that are not trained on.

    Attributes:
        dataset: holds them.
        sources, donors: rows of pictures of two contents in one view, to swap between.
        objects: rows of one picture of each content, to turn.
    """

    dataset: PropertyDataset
    sources: Tensor
    donors: Tensor
    objects: Tensor

    @classmethod
    def of(cls, dataset: PropertyDataset, contents: Sequence[int], seed: int) -> HeldOut:
        """Raises a ValueError where no view shows two of the contents."""
        shown = dataset.usable(contents)
        objects = dataset.sample_rows(shown, torch.Generator().manual_seed(seed))
        return cls(dataset, *swap_pairs(dataset, contents, PAIRS, seed), objects)

    @property
    def cameras(self) -> Camera:
        """Those that objects are turned to."""
        return asked_cameras(self.dataset.cameras, SIDES, (0.0,), SCALES)

    @torch.no_grad()
    def measure(self, render: Render, encoder: PropertyEncoder) -> dict[str, float]:
        """Lower is better, for each of these.

        Returns:
            `swap`: distance to the donor over that to the source of what was swapped, mean of shape, texture and
                background (Eq 6's aim); `outline`: 1 - IoU with the silhouette of the mesh that was asked for;
            `color`, `shape_spread`, `texture_spread`, `azimuth`: see `Consistency`; the latter, the median error of
                what the camera head reads, in degrees and at least `TURNED`, below which the head sees no difference;
            `reconstruction`: mean absolute difference of a picture of the GAN and the render of its properties.
        """
        source, donor = self.dataset.properties(self.sources), self.dataset.properties(self.donors)
        ratios = []
        for factor in FACTORS[1:]:
            to_donor, to_source = swap_distances(render, encoder, source, donor, factor, [factor])[factor]
            ratios.append(to_donor / max(to_source, 1e-9))
        rendered = torch.cat([render(source[rows]) for rows in torch.arange(len(source)).split(CHUNK)])
        turned = shots(render, self.dataset.properties(self.objects), self.cameras)
        found = consistency(turned, encoder, usual=self.dataset.cameras.distance.mean()).numbers()
        return {
            "swap": sum(ratios) / len(ratios),
            "outline": 1 - found["overlap"],
            **{name: found[name] for name in ("color", "shape_spread", "texture_spread")},
            "azimuth": max(TURNED, found["azimuth_error_deg"]),
            "reconstruction": float((rendered - self.dataset.images(self.sources)).abs().mean()),
        }


def score(measure: dict[str, float], start: dict[str, float]) -> float:
    """Mean of all measures, each as a share of its value at `start`; 1 there, and lower is better.

    Blurred or drifted pictures, on which swaps and spreads may look good, lose by their reconstruction.
    """
    return sum(measure[name] / max(start[name], 1e-9) for name in start) / len(start)
