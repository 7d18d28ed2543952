"""What the second edition photographs: its own categories, and what its kernels and scenes need to know of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.render.launch import launch
from ganverse_nb.studio.categories import CATEGORIES, StudioCategory
from ganverse_nb.studio.material import Material, SurfacePoints
from ganverse_nb.studio.randomization import Randomization
from ganverse_nb.studio.sampling import Objects
from ganverse_nb.studio.second import car_body, car_types, flock, herd
from ganverse_nb.studio.second.car_columns import CAR_SIZES
from ganverse_nb.studio.second.columns import pack
from ganverse_nb.studio.second.kernels import surface
from ganverse_nb.studio.tubes import Layout


class Staged(NamedTuple):
    """B meshes as the camera meets them."""

    vertices: Tensor  # [B, V, 3]
    faces: Tensor  # [F, 3]
    parts: Tensor  # [F]
    places: Tensor  # [V, 3]
    own: int  # the first so many faces are the objects', the others belong to what goes with them


@dataclass(frozen=True)
class Subject:
    """A category of the second edition.

    Attributes:
        kind: as of the first edition; its `paint` is computed by the kernel that also paints photographs.
        sizes: the columns of the table of objects.
        ground: "road" or "meadow".
        metres: length of a world unit.
        sample: (count, generator, body type or None for all, knobs) -> random objects.
        company: meshes that go with the objects but are not part of them, and their topology.
    """

    kind: StudioCategory
    sizes: dict[str, int]
    ground: str
    metres: float
    sample: Callable[[int, torch.Generator, str | None, Randomization], Objects]

    company: Callable[[Objects], Mesh] | None = None
    company_layout: Callable[[], Layout] | None = None

    def staged(self, objects: Objects) -> Staged:
        """The objects with what goes with them."""
        mesh, parts, places = self.kind.mesh(objects), self.kind.face_parts(), self.kind.places()
        vertices, faces, own = mesh.vertices, mesh.faces, len(mesh.faces)
        if self.company is not None and self.company_layout is not None:
            other, layout = self.company(objects), self.company_layout()
            faces = torch.cat([faces, other.faces + vertices.shape[1]])
            vertices = torch.cat([vertices, other.vertices], 1)
            parts, places = torch.cat([parts, layout.parts]), torch.cat([places, layout.places])
        return Staged(vertices.contiguous(), faces, parts, places.contiguous(), own)

    def table(self, objects: Objects) -> Tensor:
        """[B, columns] what the kernels know of the objects."""
        return pack(objects, self.sizes)


def _painter(category: str) -> Callable[[Objects, SurfacePoints], Material]:
    def paint(objects: Objects, points: SurfacePoints) -> Material:
        made = torch.zeros(len(points.parts), 5)
        if len(made):
            launch(
                surface.kernels(category).paint,
                (len(made),),
                *(SUBJECTS[category].table(objects), points.owners.contiguous(), points.parts.contiguous()),
                *(points.places.contiguous(), points.positions.contiguous(), points.normals.contiguous(), made),
            )
        return Material(made[:, :3], made[:, 3], made[:, 4])

    return paint


SUBJECTS = {
    "car": Subject(
        replace(
            CATEGORIES["car"],
            types=car_types.TYPE_NAMES,
            sample=car_types.sample_cars,
            mesh=car_body.car_mesh,
            face_parts=car_body.face_parts,
            places=car_body.places,
            paint=_painter("car"),
            keypoint_names=car_body.KEYPOINT_NAMES,
            keypoints=car_body.keypoints,
            floor=lambda objects: -car_body.height(objects) / 2,
        ),
        CAR_SIZES,
        "road",
        4.6,
        car_types.sample_cars,
    ),
    "horse": Subject(
        replace(
            CATEGORIES["horse"],
            sample=herd.sample_horses,
            mesh=herd.horse_mesh,
            face_parts=lambda: herd.horse_layout().parts,
            places=lambda: herd.horse_layout().places,
            paint=_painter("horse"),
        ),
        herd.HORSE_SIZES,
        "meadow",
        2.2,
        herd.sample_horses,
        herd.rider_mesh,
        herd.rider_layout,
    ),
    "bird": Subject(
        replace(
            CATEGORIES["bird"],
            types=flock.FAMILY_NAMES,
            sample=flock.sample_birds,
            paint=_painter("bird"),
        ),
        flock.BIRD_SIZES,
        "meadow",
        1.0,
        flock.sample_birds,
    ),
}
