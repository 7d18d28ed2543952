"""Further photographs of the objects of photographs."""

import pytest
import torch

from ganverse_nb.geometry.angles import wrap_degrees
from ganverse_nb.studio.ground_truth_views import (
    ABOVE_ELEVATION,
    TURNS,
    VIEWS,
    GroundTruthViews,
    ground_truth_photo,
    make_ground_truth_views,
)


@pytest.fixture(scope="module")
def truth():
    return make_ground_truth_views("horse", 2, seed=5, resolution=32)


def test_views_turn_about_the_same_object_from_the_photograph_on(truth):
    assert len(truth) == 2 and len(truth.views) == 2 * VIEWS
    for index in range(2):
        here = slice(index * VIEWS, (index + 1) * VIEWS)
        turn = wrap_degrees(truth.views.camera.azimuth[here] - truth.photos.camera.azimuth[index])
        assert torch.allclose(wrap_degrees(turn - torch.tensor([*TURNS, 0.0])), torch.zeros(VIEWS), atol=1e-3)
        true = truth.photos.mesh().vertices[index]
        assert torch.allclose(truth.views.mesh().vertices[here], true.expand(VIEWS, -1, -1), atol=1e-6)
    assert truth.views.camera.elevation[VIEWS - 1] == ABOVE_ELEVATION
    area = truth.views.masks.flatten(1).float().mean(1)
    edge = torch.cat([truth.views.masks[:, 0, [0, -1]].flatten(1), truth.views.masks[:, 0, :, [0, -1]].flatten(1)], 1)
    assert area.min() > 0.03 and not edge.any()


def test_a_photograph_alone_is_the_same_and_archives_come_back(truth, tmp_path):
    assert torch.equal(ground_truth_photo("horse", 1, 5, 32).images, truth.photos.images[1:])
    truth.save(tmp_path)
    found = GroundTruthViews.load(tmp_path)
    assert torch.equal(found.views.images, truth.views.images) and torch.equal(found.photos.masks, truth.photos.masks)
    second = found[torch.tensor([1])]
    assert torch.equal(second.views.images, truth.views.images[VIEWS:])
    with pytest.raises(FileNotFoundError):
        GroundTruthViews.load(tmp_path / "nowhere")


def test_unlit_colors_of_surface_points_are_those_of_the_vertices_there(truth):
    photos = truth.photos
    corner = torch.eye(3)[torch.zeros(200, dtype=torch.int64)]
    face = torch.arange(200) * 7
    at_points = photos.albedo(1, face, corner)
    at_vertices = photos.colors()[1, photos.mesh().faces[face, 0]]
    assert (at_points - at_vertices).abs().mean() < 0.02
