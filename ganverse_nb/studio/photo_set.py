"""Photographs with everything known: picture, mask, depth, camera, mesh, colours and keypoints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera, RolledCamera
from ganverse_nb.geometry.mesh import Mesh, vertex_normals
from ganverse_nb.runtime.files import content_of
from ganverse_nb.runtime.tensors import load_tensors, save_tensors
from ganverse_nb.studio.categories import CATEGORIES, StudioCategory
from ganverse_nb.studio.editions import find_kind
from ganverse_nb.studio.material import SurfacePoints
from ganverse_nb.studio.sampling import Objects

FILE, FORMAT = "photos.safetensors", "ganverse_nb.photos/1"


@dataclass(frozen=True)
class Photos:
    """N photographs of known objects.

    Attributes:
        images: [N, 3, R, R] uint8 RGB.
        masks: [N, 1, R, R] uint8, 1 where the object covers at least half of the pixel.
        depth: [N, 1, R, R] float16, mean depth of the object within a pixel; 0 outside.
        camera: the N true cameras.
        objects: the N objects' measures and colours (see `studio.cars`, `studio.horses`, `studio.birds`).
        category: what they are.
        edition: of the studio that built and photographed them (`studio.editions`).

    In the second edition, masks and depth are those of the visible part: what stands in front of an object, as a rider
    does on a horse, is not the object, while its saddle and bridle are.
    """

    images: Tensor
    masks: Tensor
    depth: Tensor
    camera: Camera
    objects: Objects
    category: str
    edition: int = 1

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: slice | Tensor) -> Photos:
        objects = {k: v[index] for k, v in self.objects.items()}
        camera = self.camera[index]
        return replace(
            self,
            images=self.images[index],
            masks=self.masks[index],
            depth=self.depth[index],
            camera=camera,
            objects=objects,
        )

    def image(self) -> Tensor:
        """[N, 3, R, R] float32 in [0, 1]."""
        return self.images.float() / 255

    def mesh(self) -> Mesh:
        """The N true surfaces, [N, V, 3] in world space."""
        return self._kind.mesh(self.objects)

    def colors(self) -> Tensor:
        """[N, V, 3] unlit colours of the vertices of `mesh`."""
        mesh = self.mesh()
        count = mesh.vertices.shape[1]
        parts = torch.zeros(count, dtype=torch.int64)
        parts[mesh.faces.flatten()] = self._kind.face_parts().repeat_interleave(3)
        points = SurfacePoints(
            torch.arange(len(self)).repeat_interleave(count),
            parts.repeat(len(self)),
            self._kind.places().repeat(len(self), 1),
            mesh.vertices.reshape(-1, 3),
            vertex_normals(mesh.vertices, mesh.faces).reshape(-1, 3),
        )
        return self._kind.paint(self.objects, points).albedo.reshape(mesh.vertices.shape)

    def albedo(self, index: int, face: Tensor, weights: Tensor) -> Tensor:
        """[P, 3] unlit colours of points of object `index`: on `face` [P], with the weights of its corners [P, 3].

        Finer than `colors`: paint has edges within faces.
        """
        one = {k: v[[index]] for k, v in self.objects.items()}
        owners = torch.zeros(len(face), dtype=torch.int64)
        return self._kind.paint(one, surface_points(self._kind, self._kind.mesh(one), owners, face, weights)).albedo

    def keypoints(self) -> Tensor:
        """[N, K, 3] world positions of `keypoint_names`."""
        return self._kind.keypoints(self.objects)

    @property
    def keypoint_names(self) -> tuple[str, ...]:
        return self._kind.keypoint_names

    @property
    def types(self) -> tuple[str, ...]:
        """The body types of the category, which `objects["type"]` counts through."""
        return self._kind.types

    @property
    def _kind(self) -> StudioCategory:
        return find_kind(self.category, self.edition)

    def save(self, directory: Path) -> None:
        """Write `photos.safetensors` into `directory`, whole or not at all."""
        tensors = {"images": self.images, "masks": self.masks, "depth": self.depth}
        tensors |= {f"camera.{k}": v for k, v in vars(self.camera).items()}
        tensors |= {f"{self._kind.plural}.{k}": v for k, v in self.objects.items()}
        if self.edition != 1:  # photos of the first do not say so
            tensors["edition"] = torch.tensor(self.edition)
        save_tensors(directory / FILE, tensors, FORMAT)

    @classmethod
    def load(cls, directory: Path) -> Photos:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: there are no photos in `directory`.
            ValueError: the file is damaged, or they show nothing the studio knows.
        """
        path = Path(directory) / FILE
        if not path.is_file():
            raise FileNotFoundError(
                f"No photos at {path}; make them with studio.photos.make_photos(...).save(directory)."
            )
        remedy = f"delete {directory} and make them again"
        tensors, _ = load_tensors(path, FORMAT, "set of photos", remedy, unnamed=True)

        def group(prefix: str) -> dict[str, Tensor]:
            return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

        parts = group("camera.")
        with content_of(path, "set of photos", remedy):
            camera = RolledCamera(**parts) if "roll" in parts else Camera(**parts)
            edition = int(tensors.get("edition", torch.tensor(1)))
            images, masks, depth = (tensors[name] for name in ("images", "masks", "depth"))
            sizes = [images.shape[0], *images.shape[2:]]
            numbers = {len(part) for name, part in tensors.items() if name != "edition"}
            if numbers != {len(images)} or any([part.shape[0], *part.shape[2:]] != sizes for part in (masks, depth)):
                raise ValueError("its parts are of different sizes")
        for category, kind in CATEGORIES.items():
            if objects := group(f"{kind.plural}."):
                return cls(images, masks, depth, camera, objects, category, edition)
        raise ValueError(f"{path} holds photos of none of {', '.join(CATEGORIES)}; {remedy}.")


def surface_points(kind: StudioCategory, mesh: Mesh, owners: Tensor, face: Tensor, weights: Tensor) -> SurfacePoints:
    """P points of B meshes: whose they are [P], on which face [P], the weights of its corners [P, 3]."""
    corners, weights = mesh.faces[face], weights[:, :, None]
    positions = (mesh.vertices[owners[:, None], corners] * weights).sum(1)
    normals = (vertex_normals(mesh.vertices, mesh.faces)[owners[:, None], corners] * weights).sum(1)
    places = (kind.places()[corners] * weights).sum(1)
    normals = torch.nn.functional.normalize(normals, dim=1)
    return SurfacePoints(owners, kind.face_parts()[face], places, positions, normals)


def join(batches: list[Photos]) -> Photos:
    """The photos of all batches, in order."""

    def cat(parts: Iterable[Tensor]) -> Tensor:
        return torch.cat(list(parts))

    first = batches[0]
    return replace(
        first,
        images=cat(p.images for p in batches),
        masks=cat(p.masks for p in batches),
        depth=cat(p.depth for p in batches),
        camera=type(first.camera)(**{k: cat(getattr(p.camera, k) for p in batches) for k in vars(first.camera)}),
        objects={k: cat(p.objects[k] for p in batches) for k in first.objects},
    )
