"""The two tables' arithmetic, and meshes that are brought from one world into another."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from ganverse_nb.data.annotated import AnnotatedPhotos
from ganverse_nb.evaluation.metrics import Similarity
from ganverse_nb.evaluation.photo_comparison import (
    annotation_table,
    fit_gauge,
    found_photos,
    moved,
    novel_view_iou,
    overlap,
    photo_test_set,
)
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.geometry.overlap import soft_iou
from ganverse_nb.render.renderer import render
from tests.certain import CertainHead


def body(count=8, size=1.0):
    """Bodies higher behind than in front, of slightly different widths, with a texture."""
    sphere = uv_sphere()
    x, y, z = sphere.vertices.unbind(-1)
    width = torch.linspace(0.16, 0.22, count)[:, None]
    vertices = size * torch.stack(
        [x * width, (y * (0.16 + 0.06 * (z < 0))).expand(count, -1), z.expand(count, -1) * 0.45], -1
    )
    return Mesh(vertices, sphere.faces, sphere.face_uvs, torch.full((count, 3, 8, 16), 0.5))


def yaw(degrees):
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return torch.tensor([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])


def test_the_gauge_between_two_worlds_is_found():
    mesh, camera = body(), Camera.orbit(torch.arange(8) * 45.0 + 10, 10.0, 2.1)
    true = Similarity(1.08, yaw(7.0), torch.tensor([0.0, 0.03, -0.02]))
    masks = render(moved(mesh, true), camera, 64).mask
    found = fit_gauge(mesh, camera, masks)
    turn = math.degrees(math.atan2(float(found.rotation[0, 2]), float(found.rotation[0, 0])))
    assert turn == pytest.approx(7.0, abs=1.0)
    assert found.scale == pytest.approx(1.08, abs=0.02)
    assert torch.allclose(found.translation, true.translation, atol=0.01)


def test_equal_shapes_overlap_from_all_sides_and_others_by_their_size():
    mesh, half = body(3), body(3, size=0.5)
    assert torch.equal(novel_view_iou(mesh, mesh), torch.ones(3, 8))
    assert novel_view_iou(half, mesh).mean().item() == pytest.approx(0.25, abs=0.03)
    turned = replace(mesh, vertices=mesh.vertices @ yaw(30.0).T)
    assert novel_view_iou(turned, mesh).max() < 0.95


class Known:
    """A model that always predicts the truth, in a world turned by `degrees`."""

    resolution = 64

    def __init__(self, mesh, camera, degrees):
        self.mesh, self.seen, self.degrees, self.cameras = mesh, camera, degrees, self
        self.azimuth, self.head = camera.azimuth, CertainHead(self.turned)

    def eval(self):
        return self

    def network(self, images, masks):
        return replace(self.mesh, vertices=self.mesh.vertices @ yaw(self.degrees).T)

    def turned(self, images, masks):
        return self.seen.replace(azimuth=self.seen.azimuth + self.degrees)


def test_a_cell_of_table_1b_is_full_overlap_for_the_truth_in_the_right_world():
    mesh, camera = body(), Camera.orbit(torch.arange(8) * 45.0 + 20, 10.0, 2.1)
    output = render(mesh, camera, 64)
    photos = AnnotatedPhotos((output.rgb * 255).byte(), output.mask.byte(), camera, torch.arange(8), ("",) * 8, {})
    test = photo_test_set(photos)
    model = Known(mesh, camera, 40.0)
    without = overlap(model, test)
    back = overlap(model, test, Similarity(1.0, yaw(-40.0), torch.zeros(3)))
    assert without.head_hard > 0.94 and back.head_hard == without.head_hard
    assert back.hard > 0.99 and without.hard < 0.85
    assert back.soft < back.hard and back.pictures == 8 and "keypoints" in back.camera
    assert back.soft == pytest.approx(float(soft_iou(output.silhouette, output.mask).mean()), abs=2e-3)


def test_photographs_in_which_nothing_is_found_are_left_out():
    images = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
    images[[0, 2]] = 255
    true = torch.ones(3, 1, 8, 8, dtype=torch.uint8)
    photos = AnnotatedPhotos(
        images, true, Camera.orbit(torch.arange(3.0)), torch.tensor([5, 7, 9]), ("a", "b", "c"), {}
    )

    class White:
        def segment(self, pictures):
            return SimpleNamespace(mask=pictures[:, :1] * 0.9)

    found, masks = found_photos(photos, White())
    assert found.files == ("a", "c") and found.index.tolist() == [5, 9] and found.camera.azimuth.tolist() == [0.0, 2.0]
    _, given, wanted = photo_test_set(found, masks).batch(torch.arange(2))
    assert torch.equal(given, torch.full((2, 1, 8, 8), 0.9)) and wanted.sum() == 128
    with pytest.raises(ValueError, match="no object in any"):
        found_photos(photos[torch.tensor([1])], White())


def test_table_1a_counts_pictures_and_the_papers_hours():
    camera = Camera.orbit(torch.zeros(30))
    blank = torch.zeros(30, 1, 4, 4, dtype=torch.uint8)
    photos = AnnotatedPhotos(blank.expand(-1, 3, -1, -1), blank, camera, torch.arange(30), ("",) * 30, {})

    class Dataset:
        keep, num_views = torch.tensor([[True, True, False]]), 39

    table = annotation_table(photos, Dataset())
    assert table["photographs"] == {"pictures": 30, "hours": pytest.approx(2.0)}
    assert table["GAN"] == {"pictures": 2, "hours": pytest.approx(1 / 60)}
    assert annotation_table(photos, Dataset())["photographs"]["hours"] / 30 * 4175 == pytest.approx(278, abs=1)
