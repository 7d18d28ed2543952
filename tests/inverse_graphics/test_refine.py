import pytest
import torch

from ganverse_nb.data.crops import boxes
from ganverse_nb.geometry.angles import angular_distance
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.inverse_graphics.camera_head import CameraReading
from ganverse_nb.inverse_graphics.network import repeat_mesh
from ganverse_nb.inverse_graphics.refine import place_by_box, place_hypotheses, refine_camera, refine_hypotheses
from ganverse_nb.inverse_graphics.windows import Pose
from ganverse_nb.render.renderer import render

AZIMUTH = torch.tensor([25.0, 100.0, 205.0])


@pytest.fixture(scope="module")
def shown(world):
    mesh = repeat_mesh(world.lump(), 3)
    camera = Camera.orbit(AZIMUTH, 10.0, 2.4, target=(0.03, -0.05, 0.02))
    return mesh, camera, render(mesh, camera, 64)


def test_a_camera_is_placed_by_the_box_of_the_mask(shown):
    mesh, camera, output = shown
    elsewhere = Camera.orbit(AZIMUTH, 10.0, 3.5, target=(-0.2, 0.1, 0.1))
    placed = place_by_box(mesh, elsewhere, output.mask)
    assert hard_iou(render(mesh, elsewhere, 64).mask, output.mask).max() < 0.5
    again = render(mesh, placed, 64).mask
    assert hard_iou(again, output.mask).min() > 0.93
    assert (boxes(again)[0] - boxes(output.mask)[0]).abs().max() < 1.5 / 64
    assert torch.equal(placed.azimuth, camera.azimuth) and placed.distance.numpy() == pytest.approx(2.4, abs=0.12)


def test_a_refined_camera_shows_a_known_object_as_large_as_it_is(shown):
    """A soft silhouette is larger than the object, and a camera that is fitted by one stands too far away."""
    mesh, camera, output = shown
    start = camera.replace(azimuth=camera.azimuth + 5, elevation=camera.elevation + 3)
    found = refine_camera(mesh, start, output.mask, lens=False)
    seen = render(mesh, found, 64).mask
    assert hard_iou(seen, output.mask).min() > 0.98
    assert (seen.sum((1, 2, 3)) / output.mask.sum((1, 2, 3)) - 1).abs().max() < 0.015


def test_colours_tell_front_from_rear_and_the_outline_gives_the_degrees(shown):
    """The head is wrong by 12 degrees, or takes the front for the rear; the lump is dark in front, bright behind."""
    mesh, camera, output = shown
    wrong = torch.stack([AZIMUTH[0] + 12, 180 - AZIMUTH[1], 180 - AZIMUTH[2]])
    logits = torch.zeros(3, 24)
    logits[torch.arange(3), (wrong % 360 / 15).round().long() % 24] = 4.0
    pose = Pose(wrong, torch.full((3,), 4.0), torch.full((3,), 2.0), torch.zeros(3, 2))
    reading = CameraReading(logits, torch.zeros(3, 24), pose, 30.0)
    placed = place_hypotheses(mesh, reading, output.rgb, output.mask, count=3).best()
    assert angular_distance(placed.azimuth, camera.azimuth).max() < 30  # the right side, unrefined
    found = refine_hypotheses(mesh, reading, output.rgb, output.mask, count=3)
    assert angular_distance(found.best().azimuth, camera.azimuth).max() < 4
    assert (found.iou[:, 0] > 0.95).all() and torch.allclose(found.weight.sum(1), torch.ones(3))
    assert (found.weight[:, 0] >= found.weight[:, 1]).all() and len(found.cameras) == 9
    one = refine_hypotheses(mesh, reading, output.rgb, output.mask, count=1).best()
    assert angular_distance(one.azimuth[2:], camera.azimuth[2:]).min() > 90


@pytest.mark.parametrize(("fov", "distance"), [(58.0, 1.35), (10.0, 7.5)])
def test_the_lens_moves_towards_the_one_whose_perspective_the_outline_shows(world, fov, distance):
    """Photographs taken from close by and from afar: the head, which knows one field of view, cannot say so."""
    mesh = repeat_mesh(world.lump(), 2)
    camera = Camera.orbit(torch.tensor([35.0, 150.0]), 12.0, distance, fov=fov)
    mask = render(mesh, camera, 64).mask
    guess = place_by_box(mesh, Camera.orbit(camera.azimuth + 6, 8.0, 2.4), mask)
    kept, found = (refine_camera(mesh, guess, mask, lens=lens) for lens in (False, True))
    assert torch.equal(kept.fov, guess.fov)
    assert ((found.fov - guess.fov) / (fov - guess.fov) > 0.05).all()
    iou = [hard_iou(render(mesh, each, 64).mask, mask) for each in (kept, found)]
    assert iou[1].mean() > iou[0].mean() and iou[1].min() > 0.93
