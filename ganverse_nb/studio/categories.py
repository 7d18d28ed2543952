"""What the studio can photograph: for each category how its objects are drawn at random, built and painted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.studio import bird_mesh, birds, car_mesh, cars, horse_mesh, horses
from ganverse_nb.studio.bird_plumage import bird_plumage
from ganverse_nb.studio.car_paint import car_paint
from ganverse_nb.studio.horse_coat import horse_coat
from ganverse_nb.studio.material import Material, SurfacePoints
from ganverse_nb.studio.sampling import AIM, Objects
from ganverse_nb.studio.scene import MEADOWS, ROADS


@dataclass(frozen=True)
class StudioCategory:
    """One kind of object.

    Attributes:
        plural: name of the objects in files of photos.
        types: names of its body types; `Objects["type"]` is an index of them.
        sample: (count, generator, body type or None for all) -> random objects.
        mesh: their surfaces [B, V, 3] in world space, all of one topology.
        face_parts: [F] int64, the part each face belongs to.
        places: [V, 3] where on its part each vertex is (`tubes.Layout.places`), or zeros.
        paint: materials of surface points.
        keypoint_names: of the K points of `keypoints`, which are [B, K, 3] in world space.
        floor: [B] height of the ground they stand on (or fly above).
        grounds: [N, 3] colours of the grounds they are found on.
        aim: how far beside the origin cameras may look.
    """

    plural: str
    types: tuple[str, ...]
    sample: Callable[[int, torch.Generator, str | None], Objects]
    mesh: Callable[[Objects], Mesh]
    face_parts: Callable[[], Tensor]
    places: Callable[[], Tensor]
    paint: Callable[[Objects, SurfacePoints], Material]
    keypoint_names: tuple[str, ...]
    keypoints: Callable[[Objects], Tensor]
    floor: Callable[[Objects], Tensor]
    grounds: Tensor
    aim: float = math.inf


CATEGORIES = {
    "car": StudioCategory(
        plural="cars",
        types=cars.TYPE_NAMES,
        sample=cars.sample_cars,
        mesh=car_mesh.car_mesh,
        face_parts=car_mesh.face_parts,
        places=car_mesh.places,
        paint=car_paint,
        keypoint_names=car_mesh.KEYPOINT_NAMES,
        keypoints=car_mesh.keypoints,
        floor=lambda objects: -cars.height(objects) / 2,
        grounds=ROADS,
    ),
    "horse": StudioCategory(
        plural="horses",
        types=horses.BUILD_NAMES,
        sample=horses.sample_horses,
        mesh=horse_mesh.horse_mesh,
        face_parts=lambda: horse_mesh.layout().parts,
        places=lambda: horse_mesh.layout().places,
        paint=horse_coat,
        keypoint_names=horse_mesh.KEYPOINT_NAMES,
        keypoints=horse_mesh.keypoints,
        floor=lambda objects: objects["floor"],
        grounds=MEADOWS,
        aim=AIM,
    ),
    "bird": StudioCategory(
        plural="birds",
        types=birds.KIND_NAMES,
        sample=birds.sample_birds,
        mesh=bird_mesh.bird_mesh,
        face_parts=lambda: bird_mesh.layout().parts,
        places=lambda: bird_mesh.layout().places,
        paint=bird_plumage,
        keypoint_names=bird_mesh.KEYPOINT_NAMES,
        keypoints=bird_mesh.keypoints,
        floor=lambda objects: objects["floor"],
        grounds=MEADOWS,
        aim=AIM,
    ),
}


def find_studio_category(name: str) -> StudioCategory:
    """The category of that name.

    Raises:
        ValueError: the studio has none; the message lists those it has.
    """
    if name not in CATEGORIES:
        raise ValueError(f"The studio has no {name!r}; it has {', '.join(CATEGORIES)}.")
    return CATEGORIES[name]
