"""Points on surfaces: spread evenly, with normals, on the outside alone where asked for."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import directions, face_normals
from ganverse_nb.geometry.views import view_grid
from ganverse_nb.render.rasterize import rasterize

OUTSIDE_RESOLUTION = 96
NEAR_ENOUGH = 0.015  # of the distance: how far behind what a camera sees a point still counts as seen


@dataclass(frozen=True)
class Samples:
    """N points of one mesh.

    Attributes:
        points, normals: [N, 3] in its own space, normals of the faces, of unit length.
        face: [N] int64 and weights: [N, 3], which face they are on and the weights of its corners.
    """

    points: Tensor
    normals: Tensor
    face: Tensor
    weights: Tensor

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, index: Tensor) -> Samples:
        return Samples(self.points[index], self.normals[index], self.face[index], self.weights[index])


def sample_surface(
    vertices: Tensor, faces: Tensor, count: int, generator: torch.Generator, of: Tensor | None = None
) -> Samples:
    """`count` points spread evenly by area over one mesh: vertices [V, 3], faces [F, 3]; `of` [F] bool leaves some out.

    Raises:
        ValueError: the mesh has no area.
    """
    normals = face_normals(vertices[None].double(), faces)[0]  # squares of a small unit vanish in float32
    area = normals.norm(dim=-1)
    if of is not None:
        area = area * of
    if not area.sum() > 0:
        raise ValueError("sample_surface: the mesh has no area.")
    face = torch.multinomial(area, count, replacement=True, generator=generator)
    u, v = torch.rand(2, count, generator=generator, dtype=vertices.dtype)
    root = u.sqrt()
    weights = torch.stack([1 - root, root * (1 - v), root * v], 1)
    points = (vertices[faces[face]] * weights[..., None]).sum(1)
    return Samples(points, directions(normals[face]).to(vertices.dtype), face, weights)


def outside_cameras(vertices: Tensor) -> Camera:
    """26 cameras that see all of a mesh [V, 3] from all sides, above and below."""
    low, high = vertices.amin(0), vertices.amax(0)
    radius = float((high - low).norm()) / 2
    around = view_grid(range(0, 360, 45), (-40.0, 5.0, 45.0), distance=4.2 * radius)
    poles = view_grid([0.0], (-90.0, 90.0), distance=4.2 * radius)
    both = Camera.join([around, poles])
    return both.replace(target=both.target + (low + high) / 2)


def outer_faces(vertices: Tensor, faces: Tensor) -> Tensor:
    """[F] bool: the faces of one mesh that are seen from outside, as pixels of the cameras `outside_cameras`.

    Meshes made of parts hide a part of their surface in each other; nobody's reconstruction has that.
    """
    low, high = vertices[faces].amin((0, 1)), vertices[faces].amax((0, 1))
    side = (high - low).max().clamp(min=torch.finfo(vertices.dtype).tiny)
    unit = (vertices - (low + high) / 2) / side  # in any other, the planes of the cameras would cut it off
    clip = outside_cameras(unit[faces.unique()]).to_clip(unit[None]).contiguous()
    found = rasterize(clip, faces, OUTSIDE_RESOLUTION).face_index
    outer = torch.zeros(len(faces), dtype=torch.bool)
    outer[found[found >= 0]] = True
    return outer


def visible(samples: Samples, vertices: Tensor, faces: Tensor, camera: Camera, resolution: int = 256) -> Tensor:
    """[N] bool: which points of a mesh one camera sees: they face it, and nothing of the mesh is in front of them."""
    clip = camera.to_clip(vertices[None]).contiguous()
    depth = rasterize(clip, faces, resolution).depth[:, None]
    at = camera.to_clip(samples.points[None])[0]
    place = at[:, :2] / at[:, 3:] * at.new_tensor([1.0, -1.0])
    seen = torch.nn.functional.grid_sample(depth, place[None, None], mode="nearest", align_corners=False)[0, 0, 0]
    facing = ((camera.position - samples.points) * samples.normals).sum(1) > 0
    return facing & (seen > 0) & (at[:, 3] < seen * (1 + NEAR_ENOUGH))
