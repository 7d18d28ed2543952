"""Photographs with everything known: picture, mask, depth, camera, mesh, colours and keypoints."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, vertex_normals
from ganverse_nb.render.rasterize import rasterize
from ganverse_nb.studio.cameras import sample_cameras
from ganverse_nb.studio.categories import CATEGORIES, Category, find_category
from ganverse_nb.studio.material import SurfacePoints
from ganverse_nb.studio.sampling import Objects
from ganverse_nb.studio.scene import Scene, background, sample_scenes, shade_surface, shadow_on_ground
from ganverse_nb.studio.web import stretch_cars, web_cameras, web_scenes

SUPERSAMPLING = 3
BATCH = 16
FILE = "photos.safetensors"
STYLES = ("studio", "web")


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
    """

    images: Tensor
    masks: Tensor
    depth: Tensor
    camera: Camera
    objects: Objects
    category: str

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: slice | Tensor) -> Photos:
        objects = {k: v[index] for k, v in self.objects.items()}
        return Photos(
            self.images[index], self.masks[index], self.depth[index], self.camera[index], objects, self.category
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
    def _kind(self) -> Category:
        return CATEGORIES[self.category]

    def save(self, directory: Path) -> None:
        """Write `photos.safetensors` into `directory`, whole or not at all."""
        directory.mkdir(parents=True, exist_ok=True)
        tensors = {"images": self.images, "masks": self.masks, "depth": self.depth}
        tensors |= {f"camera.{k}": v for k, v in vars(self.camera).items()}
        tensors |= {f"{self._kind.plural}.{k}": v for k, v in self.objects.items()}
        partial = directory / f"{FILE}.partial"
        save_file({k: v.contiguous() for k, v in tensors.items()}, partial)
        os.replace(partial, directory / FILE)

    @classmethod
    def load(cls, directory: Path) -> Photos:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: there are no photos in `directory`.
            ValueError: they show nothing the studio knows.
        """
        path = Path(directory) / FILE
        if not path.is_file():
            raise FileNotFoundError(
                f"No photos at {path}; make them with studio.photos.make_photos(...).save(directory)."
            )
        tensors = load_file(path)

        def group(prefix: str) -> dict[str, Tensor]:
            return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

        camera = Camera(**group("camera."))
        for category, kind in CATEGORIES.items():
            if objects := group(f"{kind.plural}."):
                return cls(tensors["images"], tensors["masks"], tensors["depth"], camera, objects, category)
        raise ValueError(f"{path} holds photos of none of {', '.join(CATEGORIES)}; make them again.")


def make_photos(
    category: str,
    count: int,
    seed: int,
    resolution: int = 64,
    camera: Camera | None = None,
    body_type: str | None = None,
    style: str = "studio",
    per_camera: int = 1,
) -> Photos:
    """`count` photographs of random objects in random scenes, light and cameras.

    Args:
        camera: one camera per photo (or one for all) in place of random ones.
        body_type: one of the category's `types` (see `studio.categories`), or None for all of them.
        style: "studio"; or "web" for light, places, angles and cars outside of the studio's ranges (`studio.web`).
        per_camera: every so many photos in a row are taken by one random camera; divides 16.

    Raises:
        ValueError: unknown category, body type or style, or `count` is not positive.
    """
    check_order(category, count)
    if style not in STYLES:
        raise ValueError(f"Unknown style {style!r}; the studio's are {', '.join(STYLES)}.")
    if per_camera < 1 or BATCH % per_camera:
        raise ValueError(f"per_camera must divide {BATCH}, got {per_camera}.")
    kind = find_category(category)

    def arranged(some: slice, generator: torch.Generator) -> tuple[Objects, Scene, Camera]:
        size = some.stop - some.start
        objects, scene, own = arrange(kind, size, generator, body_type, style)
        own = own[torch.arange(size) // per_camera * per_camera]
        if camera is not None:
            own = camera[some] if len(camera) > 1 else camera[[0] * size]
        return objects, scene, own

    return photograph_batches(arranged, count, seed, resolution, category)


def photograph_batches(
    arranged: Callable[[slice, torch.Generator], tuple[Objects, Scene, Camera]],
    count: int,
    seed: int,
    resolution: int,
    category: str = "car",
) -> Photos:
    """`count` photographs of what `arranged` sets up for each slice of them, with a generator of the slice's own."""
    batches = []
    for start in range(0, count, BATCH):
        some = slice(start, min(start + BATCH, count))
        generator = torch.Generator().manual_seed(seed * 1_000_003 + start)
        batches.append(photograph(*arranged(some, generator), resolution, category))
    return join(batches)


def arrange(
    kind: Category, count: int, generator: torch.Generator, body_type: str | None = None, style: str = "studio"
) -> tuple[Objects, Scene, Camera]:
    """`count` random objects, scenes to put them in, and cameras."""
    objects = kind.sample(count, generator, body_type)
    if style == "web":
        objects = stretch_cars(objects, generator) if kind is CATEGORIES["car"] else objects
        return objects, web_scenes(count, generator), web_cameras(count, generator)
    return objects, sample_scenes(count, generator, kind.grounds), sample_cameras(count, generator, kind.aim)


def check_order(category: str, count: int) -> None:
    """Raises ValueError when the studio cannot make `count` photos of `category`."""
    find_category(category)
    if count < 1:
        raise ValueError(f"The studio was asked for {count} photos; ask for at least 1.")


def photograph_orbit(
    objects: Objects, scene: Scene, camera: Camera, resolution: int = 64, category: str = "car"
) -> Photos:
    """Every camera's photo of the one object and scene given ([1, ...] each)."""
    n = len(camera)
    repeat: Callable[[Tensor], Tensor] = lambda v: v.expand(n, *v.shape[1:])  # noqa: E731
    objects, scene = ({k: repeat(v) for k, v in group.items()} for group in (objects, scene))
    return photograph(objects, scene, camera, resolution, category)


@torch.no_grad()
def photograph(objects: Objects, scene: Scene, camera: Camera, resolution: int = 64, category: str = "car") -> Photos:
    """One photo per (object, scene, camera); the three are batches of one length."""
    kind = find_category(category)
    size = resolution * SUPERSAMPLING
    mesh = kind.mesh(objects)
    vertices, faces = mesh.vertices, mesh.faces
    seen = rasterize(camera.to_clip(vertices), faces, size)

    floor = kind.floor(objects)
    image = background(scene, camera, floor, _ground_shade(vertices, faces, scene, camera, floor, size))

    b, i, j = torch.nonzero(seen.face_index >= 0, as_tuple=True)
    points = surface_points(kind, mesh, b, seen.face_index[b, i, j], seen.barycentric[b, i, j])
    to_camera = torch.nn.functional.normalize(camera.position[b] - points.positions, dim=1)
    away = (points.normals * to_camera).sum(1, keepdim=True) < 0
    points = points._replace(normals=torch.where(away, -points.normals, points.normals))
    image[b, i, j] = shade_surface(scene, b, kind.paint(objects, points), points.normals, to_camera)

    pool = torch.nn.functional.avg_pool2d
    pictures = pool(image.permute(0, 3, 1, 2).clamp(0, 1), SUPERSAMPLING)
    coverage = pool(seen.mask, SUPERSAMPLING)
    depth = pool(seen.depth[:, None], SUPERSAMPLING) / coverage.clamp_min(1e-6)
    masks = (coverage >= 0.5).to(torch.uint8)
    return Photos((pictures * 255).round().to(torch.uint8), masks, (depth * masks).half(), camera, objects, category)


def surface_points(kind: Category, mesh: Mesh, owners: Tensor, face: Tensor, weights: Tensor) -> SurfacePoints:
    """P points of B meshes: whose they are [P], on which face [P], the weights of its corners [P, 3]."""
    corners, weights = mesh.faces[face], weights[:, :, None]
    positions = (mesh.vertices[owners[:, None], corners] * weights).sum(1)
    normals = (vertex_normals(mesh.vertices, mesh.faces)[owners[:, None], corners] * weights).sum(1)
    places = (kind.places()[corners] * weights).sum(1)
    normals = torch.nn.functional.normalize(normals, dim=1)
    return SurfacePoints(owners, kind.face_parts()[face], places, positions, normals)


def _ground_shade(vertices: Tensor, faces: Tensor, scene: Scene, camera: Camera, floor: Tensor, size: int) -> Tensor:
    """[B, 1, size, size] in [0, 1]: the soft shadow of the sun and the dark place under the object."""
    blur = lambda x, k: torch.nn.functional.avg_pool2d(x, k, 1, k // 2, count_include_pad=False)  # noqa: E731
    straight_up = torch.tensor([[0.0, 1.0, 0.0]]).expand(len(vertices), 3)
    masks = []
    for direction in (scene["sun"], straight_up):
        flat = shadow_on_ground(vertices, direction, floor)
        masks.append(rasterize(camera.to_clip(flat), faces, size // 2).mask)
    cast, contact = blur(blur(masks[0], 3), 5), blur(blur(masks[1], 5), 7)
    shade = torch.maximum(cast, 0.9 * contact)
    return torch.nn.functional.interpolate(shade, size=size, mode="bilinear", align_corners=False)


def join(batches: list[Photos]) -> Photos:
    """The photos of all batches, in order."""

    def cat(parts: Iterable[Tensor]) -> Tensor:
        return torch.cat(list(parts))

    return Photos(
        cat(p.images for p in batches),
        cat(p.masks for p in batches),
        cat(p.depth for p in batches),
        Camera(**{k: cat(getattr(p.camera, k) for p in batches) for k in vars(batches[0].camera)}),
        {k: cat(p.objects[k] for p in batches) for k in batches[0].objects},
        batches[0].category,
    )
