import math

import pytest
import torch

from ganverse_nb.evaluation.alignment import fit_similarity, icp, nearest
from ganverse_nb.evaluation.metrics import F_THRESHOLDS, shape_error
from ganverse_nb.evaluation.surfaces import sample_surface
from ganverse_nb.geometry.mesh import face_normals, uv_sphere
from ganverse_nb.geometry.overlap import hard_iou, soft_iou

CUBE_VERTICES = torch.tensor([[x, y, z] for x in (0.0, 1.0) for y in (0.0, 1.0) for z in (0.0, 1.0)])
CUBE_FACES = torch.tensor(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4]]
    + [[1, 5, 7], [1, 7, 3]]
)
CUBE = (CUBE_VERTICES, CUBE_FACES)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def rotation(degrees, axis):
    angle = math.radians(degrees)
    x, y, z = torch.nn.functional.normalize(torch.tensor(axis, dtype=torch.float64), dim=0).tolist()
    skew = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)
    return torch.eye(3, dtype=torch.float64) + math.sin(angle) * skew + (1 - math.cos(angle)) * skew @ skew


def test_hard_iou_cuts_at_one_half_and_soft_iou_does_not():
    a, b = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    a[..., :2], b[..., 1:3] = 0.6, 1.0
    assert hard_iou(a, b).item() == pytest.approx(1 / 3)
    assert soft_iou(a, b).item() == pytest.approx(4 * 0.6 / (8 * 0.6 + 8 - 4 * 0.6), abs=1e-4)


def test_iou_of_empty_masks_and_of_different_shapes():
    assert hard_iou(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)).item() == 1
    with pytest.raises(ValueError, match="one shape"):
        hard_iou(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 8, 8))


def test_surface_points_lie_on_the_surface_and_are_spread_by_area():
    stretched = CUBE_VERTICES * torch.tensor([4.0, 1.0, 1.0])
    points = sample_surface(stretched, CUBE_FACES, 20_000, rng()).points
    outside = torch.minimum(points, torch.tensor([4.0, 1.0, 1.0]) - points).abs().amin(1)
    assert outside.max() < 1e-5
    ends = ((points[:, 0] < 1e-5) | (points[:, 0] > 4 - 1e-5)).float().mean()
    assert ends.item() == pytest.approx(2 / 18, abs=0.01)
    with pytest.raises(ValueError, match="no area"):
        sample_surface(CUBE_VERTICES * 0, CUBE_FACES, 10, rng())


def test_nearest_is_what_all_distances_say():
    a, b = torch.rand(50, 3, generator=rng()), torch.rand(70, 3, generator=rng(1))
    distance, index = nearest(a, b)
    wanted = (a[:, None] - b[None]).norm(dim=-1).min(1)
    assert torch.allclose(distance, wanted.values, atol=1e-6) and torch.equal(index, wanted.indices)


def test_a_similarity_is_recovered_exactly_from_pairs_and_is_never_a_reflection():
    points = torch.randn(40, 3, dtype=torch.float64, generator=rng())
    turn, move = rotation(70, (1, 2, 0.5)), torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64)
    found = fit_similarity(points, 1.7 * points @ turn.T + move)
    assert found.scale == pytest.approx(1.7)
    assert torch.allclose(found.rotation, turn, atol=1e-9) and torch.allclose(found.translation, move, atol=1e-9)
    mirrored = fit_similarity(points, points * torch.tensor([-1.0, 1, 1], dtype=torch.float64))
    assert torch.det(mirrored.rotation).item() == pytest.approx(1)


def test_icp_brings_a_moved_turned_and_scaled_copy_back():
    box = sample_surface(CUBE_VERTICES * torch.tensor([1.0, 0.4, 0.6]), CUBE_FACES, 1500, rng()).points.double()
    moved = 0.85 * (box - 0.3) @ rotation(12, (0.2, 1, 0.1)).T + 0.35
    found = icp(moved, box, 60)
    assert found.scale == pytest.approx(1 / 0.85, rel=0.01)
    assert (found(moved) - box).norm(dim=1).mean() < 0.01


def test_the_error_of_a_sphere_of_another_size_is_the_difference_of_radii():
    sphere = uv_sphere(40, 64)
    true, grown = (sphere.vertices[0], sphere.faces), (1.06 * sphere.vertices[0], sphere.faces)
    error = shape_error(grown, true, rng(), align="none", points=8000)
    # Samples of the other sphere lie beside the nearest point, by a squared distance of 4 pi / 8000 / pi on average.
    assert error.chamfer_l1 == pytest.approx(0.5 * (0.06**2 + 4 / 8000) ** 0.5, rel=0.02)  # of the diameter
    assert error.f_score[1] < 0.02 and error.f_score[2] > 0.98
    aligned = shape_error(grown, true, rng(), align="similarity", points=8000)
    assert aligned.chamfer_l1 < 0.012 and aligned.scale == pytest.approx(1 / 1.06, rel=0.01)


def test_the_error_does_not_depend_on_the_units_and_vanishes_with_the_distance():
    small = (CUBE_VERTICES * 0.01 + 5, CUBE_FACES)
    same = shape_error(small, small, rng(), align="none", points=8000)
    assert same.chamfer_l1 == pytest.approx(0.5 * (6 / 8000) ** 0.5, rel=0.05) and same.f_score[2] > 0.99
    big = [(v * 300, f) for v, f in ((CUBE_VERTICES * 1.05, CUBE_FACES), CUBE)]
    a = shape_error(*big, rng(), align="none", points=4000)
    b = shape_error((CUBE_VERTICES * 1.05, CUBE_FACES), CUBE, rng(), align="none", points=4000)
    assert a.chamfer_l1 == pytest.approx(b.chamfer_l1, rel=1e-3)
    assert len(a.f_score) == len(F_THRESHOLDS)


def test_an_unknown_alignment_is_refused():
    with pytest.raises(ValueError, match="none, similarity"):
        shape_error(CUBE, CUBE, rng(), align="best")


def test_the_cube_of_these_tests_is_closed_and_faces_outwards():
    normals = face_normals(CUBE_VERTICES[None], CUBE_FACES)[0]
    centres = CUBE_VERTICES[CUBE_FACES].mean(1) - 0.5
    assert ((normals * centres).sum(1) > 0).all()
