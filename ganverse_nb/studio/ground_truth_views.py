"""Photographs of objects that are then photographed from all sides: the truth about what the first picture hides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.studio.editions import check_edition
from ganverse_nb.studio.photos import Photos, arrange, check_order, join, photograph, photograph_orbit
from ganverse_nb.studio.sampling import Objects
from ganverse_nb.studio.scene import Scene

TURNS = (0.0, 45.0, 90.0, 135.0, 180.0, 225.0, 270.0, 315.0)
"""Azimuths of the further views, degrees from the first picture's."""
ELEVATION, DISTANCE = 12.0, 2.1
ABOVE_ELEVATION, ABOVE_DISTANCE = 75.0, 2.3  # of the last view
VIEWS = len(TURNS) + 1
ANGLES = torch.tensor([min(turn, 360 - turn) for turn in TURNS])
"""[VIEWS - 1] degrees between the first picture and each further view that is not from above."""


@dataclass(frozen=True)
class GroundTruthViews:
    """N photographs, and VIEWS further ones of each object in the same scene and light.

    Attributes:
        photos: N, by random cameras.
        views: N * VIEWS, those of one object after each other: TURNS at ELEVATION, the last one from above.
    """

    photos: Photos
    views: Photos

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, rows: Tensor) -> GroundTruthViews:
        further = (rows[:, None] * VIEWS + torch.arange(VIEWS)).flatten()
        return GroundTruthViews(self.photos[rows], self.views[further])

    def save(self, directory: Path) -> None:
        """Two archives in `directory`."""
        self.photos.save(directory / "photos")
        self.views.save(directory / "views")

    @classmethod
    def load(cls, directory: Path) -> GroundTruthViews:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: nothing is there.
        """
        return cls(Photos.load(directory / "photos"), Photos.load(directory / "views"))


def make_ground_truth_views(
    category: str, count: int, seed: int, resolution: int = 64, edition: int = 1
) -> GroundTruthViews:
    """`count` random objects with all their photographs; each depends on its number and `seed` alone.

    Raises:
        ValueError: unknown category or edition, or `count` is not positive.
    """
    check_order(category, count)
    check_edition(edition)
    photos, views = [], []
    for index in tqdm(range(count), desc="objects from all sides", unit="object"):
        objects, scene, camera = _arrange(category, index, seed, edition)
        photos.append(photograph(objects, scene, camera, resolution, category, edition))
        around = further_views(camera.azimuth)
        views.append(photograph_orbit(objects, scene, around, resolution, category, edition))
    return GroundTruthViews(join(photos), join(views))


def ground_truth_photo(category: str, index: int, seed: int, resolution: int, edition: int = 1) -> Photos:
    """Photograph `index` of `make_ground_truth_views` alone, at any resolution."""
    return photograph(*_arrange(category, index, seed, edition), resolution, category, edition)


def _arrange(category: str, index: int, seed: int, edition: int) -> tuple[Objects, Scene, Camera]:
    return arrange(category, 1, torch.Generator().manual_seed(seed * 1_000_003 + index), edition=edition)


def further_views(azimuth: Tensor) -> Camera:
    """The VIEWS cameras of one object whose first picture was taken from `azimuth` [1] (degrees)."""
    turn = torch.tensor([*TURNS, 0.0])
    elevation = torch.tensor([ELEVATION] * len(TURNS) + [ABOVE_ELEVATION])
    distance = torch.tensor([DISTANCE] * len(TURNS) + [ABOVE_DISTANCE])
    return Camera.orbit((azimuth + turn) % 360, elevation, distance)
