"""Cameras with known errors, found through a known gauge; cameras refined back to where the outline was made."""

import pytest
import torch

from ganverse_nb.evaluation.alignment import Similarity
from ganverse_nb.evaluation.camera_audit import audit_cameras, front_rear, pose_errors
from ganverse_nb.geometry.camera import Camera, FreeCamera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.inverse_graphics.cameras import orbit_around
from ganverse_nb.inverse_graphics.refine import refine_camera
from ganverse_nb.studio.photos import make_photos

AZIMUTH = torch.tensor([10.0, 100.0, 190.0, 355.0])


def gauge(scale, degrees):
    angle = torch.deg2rad(torch.tensor(float(degrees), dtype=torch.float64))
    c, s, o = angle.cos(), angle.sin(), torch.zeros((), dtype=torch.float64)
    return Similarity(
        scale, torch.stack([c, o, s, o, o + 1, o, -s, o, c]).view(3, 3), torch.zeros(3, dtype=torch.float64)
    )


def test_errors_are_those_put_in_and_the_gauge_is_none_of_them():
    true = Camera.orbit(AZIMUTH, 10.0, 2.0)
    found = Camera.orbit(AZIMUTH + torch.tensor([3.0, -4.0, 180.0, 7.0]) - 25, 12.0, 2.2 / 1.25)
    errors = pose_errors(found, true, gauge(1.25, 25))
    assert torch.allclose(errors.azimuth.abs(), torch.tensor([3.0, 4.0, 180.0, 7.0]), atol=1e-3)
    assert errors.azimuth[:2].tolist() == [pytest.approx(3, abs=1e-3), pytest.approx(-4, abs=1e-3)]
    assert torch.allclose(errors.elevation, torch.full((4,), 2.0), atol=1e-3)
    assert torch.allclose(errors.distance, torch.full((4,), 0.1), atol=1e-4)
    assert errors.front_back_flipped.tolist() == [False, False, True, False]


def test_the_angle_of_a_rotation_is_the_turn_of_the_camera():
    true = Camera.orbit(AZIMUTH, 20.0, 2.0)
    rolled = FreeCamera.like(true).turned(torch.tensor([[0.0, 0.0, 15.0]]))
    found = pose_errors(true, true, Similarity.identity())
    assert found.rotation.max() < 0.1
    trace = (rolled.axes() * true.axes()).sum((1, 2))
    assert torch.rad2deg(torch.acos((trace - 1) / 2)).max() == pytest.approx(15, abs=1e-2)
    turned = Camera.orbit(AZIMUTH, 35.0, 2.0)
    assert torch.allclose(pose_errors(turned, true, Similarity.identity()).rotation, torch.full((4,), 15.0), atol=0.05)


def test_front_and_rear_are_counted_where_they_are_clear():
    azimuth = torch.tensor([0.0, 40.0, 330.0, 180.0, 150.0, 90.0])
    error = torch.tensor([5.0, 170.0, 0.0, 0.0, -140.0, 180.0])  # the side view does not count
    assert front_rear(azimuth, error).tolist() == [[2, 1], [1, 1]]


@pytest.fixture(scope="module")
def photos():
    return make_photos("car", 6, seed=3)


@pytest.fixture(scope="module")
def shifted(photos):
    """Cameras that stand beside the true ones."""
    generator = torch.Generator().manual_seed(0)

    def off(amount, *more):
        return amount * (2 * torch.rand(len(photos), *more, generator=generator) - 1)

    c = photos.camera
    return orbit_around(c.azimuth + off(14), c.elevation + off(4), c.distance * (1 + off(0.05)), 30.0, off(0.04, 2))


def test_refined_cameras_go_back_to_where_the_outline_was_made(photos, shifted):
    mesh = photos.mesh()
    audit = audit_cameras(mesh, shifted, photos, photos.masks.float(), Similarity.identity())
    assert (audit.iou["true"] > 0.97).all()
    assert audit.iou["predicted"].mean() < 0.85 and audit.iou["refined"].mean() > 0.93
    before, after = (audit.errors[kind].azimuth.abs().mean() for kind in ("predicted", "refined"))
    assert before > 4 and after < 2
    assert audit.errors["refined"].rotation.mean() < 0.6 * audit.errors["predicted"].rotation.mean()


def test_a_refinement_never_overlaps_less_and_no_steps_change_nothing(photos, shifted):
    masks, mesh = photos.masks.float(), photos.mesh()
    same = refine_camera(mesh, shifted, masks, steps=0)
    assert torch.allclose(same.position, shifted.position, atol=1e-4)
    assert torch.allclose(same.axes(), shifted.axes(), atol=1e-5)
    audit = audit_cameras(mesh, photos.camera, photos, masks, Similarity.identity())
    assert (audit.iou["refined"] >= audit.iou["predicted"] - 1e-6).all()


def test_numbers_that_do_not_match_are_refused(photos):
    mesh, masks = photos.mesh(), photos.masks.float()
    with pytest.raises(ValueError, match="5 masks"):
        refine_camera(mesh, photos.camera, masks[:5])
    with pytest.raises(ValueError, match="5 photographs"):
        audit_cameras(mesh, photos.camera, photos[slice(0, 5)], masks, Similarity.identity())
    assert isinstance(mesh, Mesh)
