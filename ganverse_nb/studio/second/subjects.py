"""What the second edition photographs: its own categories, and what its kernels and scenes need to know of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.render.launch import launch
from ganverse_nb.studio.categories import Category
from ganverse_nb.studio.material import Material, SurfacePoints
from ganverse_nb.studio.randomization import Randomization
from ganverse_nb.studio.sampling import Objects
from ganverse_nb.studio.scene import ROADS
from ganverse_nb.studio.second import car_body, car_types
from ganverse_nb.studio.second.car_columns import CAR_SIZES
from ganverse_nb.studio.second.columns import pack
from ganverse_nb.studio.second.kernels import picture


@dataclass(frozen=True)
class Subject:
    """A category of the second edition.

    Attributes:
        kind: as of the first edition; its `paint` is computed by the kernel that also paints photographs.
        sizes: the columns of the table of objects.
        ground: "road" or "meadow".
        metres: length of a world unit.
    """

    kind: Category
    sizes: dict[str, int]
    ground: str
    metres: float
    sample: Callable[[int, torch.Generator, str | None, Randomization], Objects]

    def table(self, objects: Objects) -> Tensor:
        """[B, columns] what the kernels know of the objects."""
        return pack(objects, self.sizes)


def _painter(category: str) -> Callable[[Objects, SurfacePoints], Material]:
    def paint(objects: Objects, points: SurfacePoints) -> Material:
        made = torch.zeros(len(points.parts), 5)
        if len(made):
            launch(
                picture.kernels(category).paint,
                (len(made),),
                *(SUBJECTS[category].table(objects), points.owners.contiguous(), points.parts.contiguous()),
                *(points.places.contiguous(), points.positions.contiguous(), points.normals.contiguous(), made),
            )
        return Material(made[:, :3], made[:, 3], made[:, 4])

    return paint


SUBJECTS = {
    "car": Subject(
        Category(
            plural="cars",
            types=car_types.TYPE_NAMES,
            sample=car_types.sample_cars,
            mesh=car_body.car_mesh,
            face_parts=car_body.face_parts,
            places=car_body.places,
            paint=_painter("car"),
            keypoint_names=car_body.KEYPOINT_NAMES,
            keypoints=car_body.keypoints,
            floor=lambda objects: -car_body.height(objects) / 2,
            grounds=ROADS,
        ),
        CAR_SIZES,
        "road",
        4.6,
        car_types.sample_cars,
    ),
}
