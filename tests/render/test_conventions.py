"""The lines of docs/conventions.md that no other test holds, each on an example that a person can work out."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.render.light import sh_shading
from ganverse_nb.render.rasterize import rasterize
from ganverse_nb.render.renderer import render
from ganverse_nb.render.silhouette import CUT, SIGMA, soft_silhouette
from ganverse_nb.render.texture import sample_texture
from ganverse_nb.studio.car_mesh import car_mesh
from ganverse_nb.studio.cars import sample_cars

ONE_FACE = torch.tensor([[0, 1, 2]])


def test_convention_the_world_is_right_handed() -> None:
    """Seen from the front, with +x right and +y up, +z comes towards the viewer: x cross y is z."""
    right, up, backward = Camera.orbit(0.0).axes()[0]
    torch.testing.assert_close(torch.stack([right, up, backward]), torch.eye(3))
    torch.testing.assert_close(torch.linalg.cross(right, up), backward)


def test_convention_objects_are_centred_and_about_one_long() -> None:
    vertices = car_mesh(sample_cars(20, torch.Generator().manual_seed(0))).vertices
    low, high = vertices.amin(1), vertices.amax(1)
    assert ((low + high) / 2).abs().max() < 0.03
    longest = (high - low).amax(1)
    assert longest.min() > 0.6 and longest.max() < 1.05 and longest.median() > 0.85
    assert ((high - low).argmax(1) == 2).all()  # a car is longest from rear to front


def test_convention_the_target_is_in_the_middle_and_up_is_up() -> None:
    target = torch.tensor([[0.3, -0.2, 0.1]]).expand(5, 3)
    camera = Camera.orbit(
        torch.tensor([0.0, 77, 180, 240, 359]), torch.tensor([0.0, 30, -40, 80, 5]), 2.0, 30.0, target
    )
    middle, above = camera.to_image(torch.stack([target, target + torch.tensor([0.0, 0.1, 0.0])], 1)).unbind(1)
    torch.testing.assert_close(middle, torch.full((5, 2), 0.5))
    torch.testing.assert_close(above[:, 0], torch.full((5,), 0.5))
    assert (above[:, 1] < 0.5).all()


def test_convention_x_is_divided_by_the_aspect() -> None:
    """At half the vertical field of view above and right of the axis: y / w = 1, and x / w = H / W."""
    edge = 2 * math.tan(math.radians(15))
    clip = Camera.orbit(0.0, 0.0, 2.0, 30.0).to_clip(torch.tensor([[[edge, edge, 0.0]]]), aspect=2.0)[0, 0]
    torch.testing.assert_close(clip[:2] / clip[3], torch.tensor([0.5, 1.0]))


@pytest.mark.parametrize(("row", "column"), [(0, 0), (1, 4), (3, 5), (2, 2)])
def test_convention_pixel_centres(row: int, column: int) -> None:
    """A small face around x = (2 j + 1) / W - 1, y = 1 - (2 i + 1) / H is seen there and nowhere else."""
    height, width = 4, 6
    x, y = (2 * column + 1) / width - 1, 1 - (2 * row + 1) / height
    around = torch.tensor([[-0.05, -0.05], [0.05, -0.05], [0.0, 0.05]]) / torch.tensor([width, height])
    clip = torch.cat([torch.tensor([x, y]) + around, torch.tensor([[0.0, 1.0]]).expand(3, 2)], 1)[None]
    seen = rasterize(clip, ONE_FACE, (height, width)).face_index[0] >= 0
    assert seen.nonzero().tolist() == [[row, column]]


def test_convention_pictures_masks_and_depth() -> None:
    sphere = uv_sphere()
    mesh = replace(sphere, vertices=0.4 * sphere.vertices, texture=torch.rand(1, 3, 8, 16))
    out = render(mesh, Camera.orbit(torch.tensor([0.0, 90.0]), 0.0, 2.0), (24, 32), sigma=1e-2)
    assert out.rgb.shape == (2, 3, 24, 32) and out.rgb.dtype == torch.float32
    assert out.rgb.min() >= 0 and out.rgb.max() <= 1
    assert out.mask.shape == out.silhouette.shape == out.depth.shape == (2, 1, 24, 32)
    assert out.mask.unique().tolist() == [0, 1]
    assert out.silhouette.min() >= 0 and out.silhouette.max() <= 1
    assert ((out.silhouette > 0.01) & (out.silhouette < 0.99)).any()
    assert (out.depth[out.mask == 0] == 0).all() and (out.face_index[out.mask[:, 0] == 0] == -1).all()


def test_convention_depth_is_along_the_axis() -> None:
    """A wall 2 in front of the camera is 2 away in every pixel, in the corners too."""
    wall = torch.tensor([[[-5.0, -5, 0], [5, -5, 0], [5, 5, 0], [-5, 5, 0]]])
    mesh = Mesh(wall, torch.tensor([[0, 1, 2], [0, 2, 3]]))
    depth = render(mesh, Camera.orbit(0.0, 0.0, 2.0, 60.0), 16).depth
    torch.testing.assert_close(depth, torch.full_like(depth, 2.0))


def test_convention_both_sides_are_drawn() -> None:
    clip = torch.tensor([[[-1.0, -1, 0, 1], [1, -1, 0, 1], [0, 1, 0, 1]]])
    front, back = rasterize(clip, ONE_FACE, 16), rasterize(clip, ONE_FACE.flip(1), 16)
    assert front.mask.sum() > 50 and torch.equal(front.mask, back.mask)


def test_convention_of_equally_near_faces_the_first_wins() -> None:
    clip = torch.tensor([[[-1.0, -1, 0, 1], [1, -1, 0, 1], [0, 1, 0, 1]]])
    assert rasterize(clip, torch.tensor([[0, 1, 2], [1, 2, 0], [2, 0, 1]]), 16).face_index.unique().tolist() == [-1, 0]


def test_convention_barycentrics_are_perspective_correct() -> None:
    """Half way on the picture between ends at depth 1 and 3, the nearer end weighs 3/4: b_k is divided by w_k."""
    clip = torch.tensor([[[-1.0, -1, 0, 1], [3, -3, 0, 3], [0, 1, 0, 1]]])  # the edge y / w = -1, from depth 1 to 3
    seen = rasterize(clip, ONE_FACE, (4001, 1))
    weights = seen.barycentric[0, -1, 0]
    torch.testing.assert_close(weights, torch.tensor([0.75, 0.25, 0.0]), atol=1e-3, rtol=0)
    torch.testing.assert_close(seen.depth[0, -1, 0], torch.tensor(1.5), atol=2e-3, rtol=0)


def test_convention_textures_wrap_in_u_and_are_clamped_in_v() -> None:
    texture = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 1, 2, 2)
    uv = torch.tensor([[0.25, 0.75], [1.25, 0.75], [-0.75, 0.75], [0.0, 0.75], [0.25, 7.0], [0.25, -7.0]])
    found = sample_texture(texture, uv[None, None]).flatten()
    torch.testing.assert_close(found, torch.tensor([1.0, 1.0, 1.0, 1.5, 1.0, 3.0]))


def test_convention_sphere_size_and_shared_seam() -> None:
    sphere = uv_sphere()
    assert sphere.vertices.shape == (1, 642, 3) and sphere.faces.shape == (1280, 3)
    used = {}
    for vertex, u in zip(sphere.faces.flatten().tolist(), sphere.face_uvs[..., 0].flatten().tolist()):
        used.setdefault(vertex, set()).add(round(u, 6))
    rear = [v for v, us in used.items() if {0.0, 1.0} <= us]
    assert len(rear) == 20  # one in every ring, seen from either side
    assert (sphere.vertices[0, rear, 2] < 0).all() and sphere.vertices[0, rear, 0].abs().max() < 1e-6


def test_convention_silhouette_lengths_are_half_picture_heights() -> None:
    """1 - prod(1 - exp(-d^2 / sigma)) at the pixels right of an edge, in a picture twice as wide as high."""
    assert SIGMA == 1 / 7000 and CUT == 1e-4
    clip = torch.tensor([[[-0.5, -9.0, 0, 1], [0, -9, 0, 1], [0, 9, 0, 1]]], dtype=torch.float64)
    twice = torch.tensor([[0, 1, 2], [0, 1, 2]])
    height, width, sigma = 32, 64, 4e-3
    covered = rasterize(clip, twice, (height, width)).face_index
    found = soft_silhouette(clip, twice, covered, sigma)[0, 0, height // 2, width // 2 :]
    distance = (torch.arange(3, dtype=torch.float64) + 0.5) * 2 / height  # a pixel is 2 / H wide, whatever the width
    torch.testing.assert_close(found[:3], 1 - (1 - torch.exp(-(distance**2) / sigma)) ** 2)
    pixel = soft_silhouette(clip, twice[:1], covered)[0, 0, height // 2, width // 2]
    torch.testing.assert_close(pixel, torch.exp(-7000 * distance[0] ** 2))


def test_convention_light_is_radiance_over_pi() -> None:
    """A white room of radiance 1 leaves a texture as it is: L_0 = sqrt(4 pi). The fourth number is light from +x."""
    normals = torch.tensor([[[1.0, 0, 0], [-1, 0, 0], [0, 1, 0]]])
    room = torch.zeros(1, 9)
    room[0, 0] = math.sqrt(4 * math.pi)
    torch.testing.assert_close(sh_shading(normals, room), torch.ones(1, 3, 1))
    from_x = torch.zeros(1, 9)
    from_x[0, 3] = 1.0
    right, left, top = sh_shading(normals, from_x)[0, :, 0]
    assert right > 0.3 and torch.isclose(left, -right) and top.abs() < 1e-6
