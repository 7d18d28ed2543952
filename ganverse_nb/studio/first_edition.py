"""How the first edition arranges and takes photographs: those that the bundled networks learned from, bit for bit."""

from __future__ import annotations

import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.render.rasterize import rasterize
from ganverse_nb.studio.cameras import sample_cameras
from ganverse_nb.studio.categories import CATEGORIES, StudioCategory, find_studio_category
from ganverse_nb.studio.photo_set import Photos, surface_points
from ganverse_nb.studio.sampling import Objects
from ganverse_nb.studio.scene import Scene, background, sample_scenes, shade_surface, shadow_on_ground
from ganverse_nb.studio.web import stretch_cars, web_cameras, web_scenes

SUPERSAMPLING = 3


def arrange(
    kind: StudioCategory, count: int, generator: torch.Generator, body_type: str | None = None, style: str = "studio"
) -> tuple[Objects, Scene, Camera]:
    """`count` random objects, scenes to put them in, and cameras."""
    objects = kind.sample(count, generator, body_type)
    if style == "web":
        objects = stretch_cars(objects, generator) if kind is CATEGORIES["car"] else objects
        return objects, web_scenes(count, generator), web_cameras(count, generator)
    return objects, sample_scenes(count, generator, kind.grounds), sample_cameras(count, generator, kind.aim)


@torch.no_grad()
def photograph(objects: Objects, scene: Scene, camera: Camera, resolution: int = 64, category: str = "car") -> Photos:
    """One photo per (object, scene, camera); the three are batches of one length."""
    kind = find_studio_category(category)
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
