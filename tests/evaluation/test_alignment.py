"""Similarities found again, from where shapes stand and from any pose; the gauge of many."""

import pytest
import torch

from ganverse_nb.evaluation.alignment import Similarity, align_points, common_gauge
from ganverse_nb.evaluation.surfaces import sample_surface
from ganverse_nb.geometry.mesh import uv_sphere


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def turn(degrees, axis):
    vector = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    x, y, z = (vector * torch.nn.functional.normalize(torch.tensor(axis, dtype=torch.float64), dim=0)).tolist()
    return torch.linalg.matrix_exp(torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64))


@pytest.fixture(scope="module")
def egg():
    """Points of a closed surface without any symmetry."""
    sphere = uv_sphere()
    vertices = sphere.vertices[0] * torch.tensor([0.2, 0.15, 0.5])
    bump = torch.exp(-(vertices - torch.tensor([0.1, 0.1, 0.35])).square().sum(1) / 0.02)
    vertices = vertices + bump[:, None] * torch.tensor([0.15, 0.22, 0.05])
    return sample_surface(vertices, sphere.faces, 1200, rng()).points.double()


def test_a_similarity_after_another_is_both():
    points = torch.randn(20, 3, dtype=torch.float64, generator=rng())
    a = Similarity(1.5, turn(40, (1, 0, 2)), torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64))
    b = Similarity(0.7, turn(-80, (0, 1, 1)), torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64))
    assert torch.allclose(b.after(a)(points), b(a(points)))
    assert torch.equal(Similarity.identity()(points), points)


def test_a_known_similarity_is_found_from_where_the_shape_stands(egg):
    moved = Similarity(0.8, turn(14, (0.2, 1, 0.3)), torch.tensor([0.1, -0.05, 0.2], dtype=torch.float64))(egg)
    assert (align_points(moved, egg, "none")(moved) - moved).abs().max() == 0
    found = align_points(moved, egg, "similarity")
    assert found.scale == pytest.approx(1 / 0.8, rel=5e-3)
    assert (found(moved) - egg).norm(dim=1).mean() < 5e-3


def test_a_shape_in_axes_of_its_own_is_found_from_any_pose_only(egg):
    moved = Similarity(30.0, turn(130, (0.5, 1, -0.7)), torch.tensor([5.0, -7.0, 2.0], dtype=torch.float64))(egg)
    assert (align_points(moved, egg, "similarity")(moved) - egg).norm(dim=1).mean() > 0.05
    found = align_points(moved, egg, "any_pose")
    assert found.scale == pytest.approx(1 / 30, rel=5e-3)
    assert (found(moved) - egg).norm(dim=1).mean() < 5e-3


def test_the_gauge_is_what_transforms_have_in_common():
    true = Similarity(1.1, turn(8, (0, 1, 0)), torch.tensor([0.0, 0.02, 0.01], dtype=torch.float64))
    generator = rng(3)
    noisy = []
    for _ in range(41):
        jitter = turn(float(2 * torch.randn(1, generator=generator)), torch.randn(3, generator=generator).tolist())
        shift = 0.02 * torch.randn(3, dtype=torch.float64, generator=generator)
        scale = true.scale * float(1 + 0.03 * torch.randn(1, generator=generator))
        noisy.append(Similarity(scale, jitter @ true.rotation, true.translation + shift))
    noisy[0] = Similarity(9.0, noisy[0].rotation, noisy[0].translation + 50)  # one that went astray changes little
    found = common_gauge(noisy)
    assert found.scale == pytest.approx(1.1, rel=0.02)
    assert torch.det(found.rotation).item() == pytest.approx(1)
    assert (found.rotation - true.rotation).norm() < 0.03 and (found.translation - true.translation).norm() < 0.02
    with pytest.raises(ValueError, match="no transforms"):
        common_gauge([])


def test_an_unknown_alignment_is_refused(egg):
    with pytest.raises(ValueError, match="none, similarity, any_pose"):
        align_points(egg, egg, "best")
