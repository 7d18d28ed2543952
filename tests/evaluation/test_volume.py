"""Volumes of boxes and spheres, common and not."""

import math

import pytest
import torch

from ganverse_nb.evaluation.volume import inside_grid, is_closed, volume_iou
from ganverse_nb.geometry.mesh import uv_sphere
from ganverse_nb.studio.photos import make_photos

CORNERS = torch.tensor([[x, y, z] for x in (0.0, 1.0) for y in (0.0, 1.0) for z in (0.0, 1.0)])
FACES = torch.tensor(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4]]
    + [[1, 5, 7], [1, 7, 3]]
)


def box(size, at=(0.0, 0.0, 0.0)):
    return CORNERS * torch.tensor(size) + torch.tensor(at), FACES


def both(*meshes):
    starts = torch.tensor([0, *(len(v) for v, _ in meshes)]).cumsum(0)
    return torch.cat([v for v, _ in meshes]), torch.cat([f + s for (_, f), s in zip(meshes, starts)])


def test_a_box_fills_exactly_its_cells():
    vertices, faces = box((3.0, 2.0, 4.0), (1.0, 0.0, 2.0))
    grid = inside_grid(vertices, faces, [6, 4, 8])
    wanted = torch.zeros(6, 4, 8, dtype=torch.bool)
    wanted[1:4, 0:2, 2:6] = True
    assert torch.equal(grid, wanted)
    assert torch.equal(inside_grid(vertices, faces.flip(1), [6, 4, 8]), wanted)  # all faces clockwise


def test_a_sphere_has_the_volume_of_a_sphere():
    sphere = uv_sphere(40, 64)
    grid = inside_grid(20 * sphere.vertices[0] + 20, sphere.faces, [40, 40, 40])
    assert grid.sum().item() == pytest.approx(4 / 3 * math.pi * 20**3, rel=0.01)


@pytest.mark.parametrize(
    ("a", "b", "wanted"),
    [
        (box((1.0, 1.0, 1.0)), box((1.0, 1.0, 1.0)), 1.0),
        (box((1.0, 1.0, 1.0)), box((1.0, 1.0, 1.0), (0.5, 0.0, 0.0)), 1 / 3),
        (box((2.0, 2.0, 2.0)), box((1.0, 1.0, 1.0), (0.5, 0.5, 0.5)), 1 / 8),
        (box((1.0, 1.0, 1.0)), box((1.0, 1.0, 1.0), (3.0, 0.0, 0.0)), 0.0),
    ],
)
def test_volumes_of_boxes_in_common(a, b, wanted):
    assert volume_iou(a, b) == pytest.approx(wanted, abs=0.03)


def test_overlapping_parts_count_once_and_cavities_not_at_all():
    cross = both(box((3.0, 1.0, 1.0), (0.0, 1.0, 0.0)), box((1.0, 3.0, 1.0), (1.0, 0.0, 0.0)))
    assert inside_grid(cross[0] * 4, cross[1], [12, 12, 4]).sum().item() == 5 * 4**3
    hole = (box((1.0, 1.0, 1.0), (1.0, 1.0, 1.0))[0], FACES.flip(1))
    hollow = both(box((3.0, 3.0, 3.0)), hole)
    assert inside_grid(hollow[0] * 4, hollow[1], [12, 12, 12]).sum().item() == 26 * 4**3


def test_a_small_hole_does_little_and_an_open_surface_has_no_volume():
    sphere = uv_sphere()
    vertices, faces = sphere.vertices[0], sphere.faces
    assert volume_iou((vertices, faces[:-3]), (vertices, faces)) > 0.97
    half = faces[(vertices[faces].mean(1)[:, 1] > 0) & (vertices[faces].mean(1)[:, 0] > 0)]
    assert not is_closed(half) and math.isnan(volume_iou((vertices, half), (vertices, faces)))


@pytest.mark.parametrize("category", ["car", "horse", "bird"])
def test_objects_of_the_studio_have_volumes(category):
    mesh = make_photos(category, 1, seed=1, resolution=16).mesh()
    one = (mesh.vertices[0], mesh.faces)
    assert volume_iou(one, one) == 1
    grown = (1.1 * mesh.vertices[0], mesh.faces)
    assert volume_iou(one, grown) < 0.85
