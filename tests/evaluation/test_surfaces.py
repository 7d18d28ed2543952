"""Points on the outside of meshes, and what a camera sees of them."""

import pytest
import torch

from ganverse_nb.evaluation.alignment import Similarity
from ganverse_nb.evaluation.metrics import longest_side, surface_error
from ganverse_nb.evaluation.surfaces import outer_faces, sample_surface, visible
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import uv_sphere

SPHERE = uv_sphere()
BALL, FACES = 0.5 * SPHERE.vertices[0], SPHERE.faces


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_samples_have_the_normals_and_weights_of_their_faces():
    found = sample_surface(BALL, FACES, 500, rng())
    assert torch.allclose((BALL[FACES[found.face]] * found.weights[..., None]).sum(1), found.points, atol=1e-6)
    assert torch.allclose(found.normals.norm(dim=1), torch.ones(500), atol=1e-5)
    assert (torch.nn.functional.normalize(found.points, dim=1) * found.normals).sum(1).min() > 0.98


def test_a_ball_within_a_ball_is_not_outside():
    both = torch.cat([BALL, 0.6 * BALL])
    faces = torch.cat([FACES, FACES + len(BALL)])
    outer = outer_faces(both, faces)
    assert outer[: len(FACES)].float().mean() > 0.95 and not outer[len(FACES) :].any()
    radius = sample_surface(both, faces, 300, rng(), outer).points.norm(dim=1)
    assert radius.min() > 0.48


def test_a_camera_sees_the_side_that_faces_it():
    found = sample_surface(BALL, FACES, 2000, rng())
    for azimuth, axis in ((0.0, 2), (90.0, 0)):
        camera = Camera.orbit(azimuth, 0.0, 2.5)
        shown = visible(found, BALL, FACES, camera)
        horizon = 0.5**2 / 2.5  # of a ball: where rays from the camera touch it
        clear = (found.points[:, axis] - horizon).abs() > 0.07
        assert torch.equal(shown[clear], (found.points[:, axis] > horizon)[clear])


def test_what_stands_in_front_hides():
    plate = BALL * torch.tensor([1.0, 1.0, 0.01]) + torch.tensor([0.5, 0.0, 0.7])  # hides the side of positive x
    vertices, faces = torch.cat([BALL, plate]), torch.cat([FACES, FACES + len(BALL)])
    found = sample_surface(vertices, faces, 3000, rng(), torch.arange(len(faces)) < len(FACES))
    shown = visible(found, vertices, faces, Camera.orbit(0.0, 0.0, 2.5))
    facing = found.points[:, 2] > 0.3
    assert shown[facing & (found.points[:, 0] < -0.05)].all()
    behind = facing & (found.points[:, 0] > 0.1) & (found.points[:, 1].abs() < 0.2)
    assert behind.sum() > 20 and not shown[behind].any()


def test_two_balls_are_as_far_apart_as_their_radii_say():
    true, grown = (sample_surface(s * BALL, FACES, 100_000, rng()) for s in (1.0, 1.05))
    error = surface_error(grown, true, Similarity.identity(), longest_side(BALL), 2000)
    assert error.chamfer_l1 == pytest.approx(0.025, rel=0.06)
    assert error.f_score[0] < 0.01 and error.f_score[2] == 1 and error.normal_consistency > 0.98
    back = Similarity(1 / 1.05, torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64))
    assert surface_error(grown, true, back, longest_side(BALL), 2000).f_score[0] > 0.999


def test_normals_turned_by_an_angle_are_as_consistent_as_its_cosine():
    flat = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    samples = sample_surface(flat, torch.tensor([[0, 1, 2]]), 400, rng())
    angle = torch.deg2rad(torch.tensor(60.0, dtype=torch.float64))
    c, s = angle.cos(), angle.sin()
    turned = Similarity(
        1.0, torch.stack([c, s * 0, s, s * 0, c * 0 + 1, s * 0, -s, s * 0, c]).view(3, 3), torch.zeros(3)
    )
    assert surface_error(samples, samples, turned, 1.0).normal_consistency == pytest.approx(0.5, abs=1e-6)
