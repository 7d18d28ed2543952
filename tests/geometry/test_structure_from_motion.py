"""Structure from motion finds cameras and points that are known, through noise, gaps and outliers."""

from __future__ import annotations

import math

import pytest
import torch

from ganverse_nb.geometry.angles import wrap_degrees
from ganverse_nb.geometry.structure_from_motion import structure_from_motion
from ganverse_nb.geometry.views import orbit_around

VIEWS, PAIRS = 12, [(0, 1), (2, 3), (4, 5), (6, 7)]
NAMES = [f"{side}_{part}" for part in ("wheel", "light", "roof", "mirror") for side in ("left", "right")]


@pytest.fixture
def scene():
    """Mirrored points of a body one long, and cameras all round it; their targets' mean is the origin."""
    generator = torch.Generator().manual_seed(3)
    left = torch.tensor([[0.2, -0.15, 0.3], [0.15, 0.0, 0.48], [0.15, 0.18, 0.1], [0.18, 0.05, -0.4]])
    points = torch.stack([left, left * torch.tensor([-1.0, 1.0, 1.0])], 1).view(8, 3)

    def spread(low, high):
        return low + (high - low) * torch.rand(VIEWS, generator=generator)

    azimuth = torch.arange(VIEWS) * 30.0 + spread(-6, 6)
    distance = spread(2.0, 2.4)
    distance = distance / distance.log().mean().exp() * 2.3
    camera = orbit_around(azimuth, spread(4, 22), distance, 30.0, torch.zeros(VIEWS, 2))
    return camera, points


def project(scene):
    camera, points = scene
    return camera.to_image(points[None]).clone()


def labels(camera):
    return (camera.azimuth / 30).round() * 30


def errors(motion, scene):
    camera, points = scene
    turn = wrap_degrees(motion.azimuth - camera.azimuth).abs().max()
    rise = (motion.elevation - camera.elevation).abs().max()
    return float(turn), float(rise), float((motion.points - points).norm(dim=-1).max())


def test_exact_points_give_the_exact_cameras_and_points(scene):
    motion = structure_from_motion(project(scene), labels(scene[0]), names=NAMES, pairs=PAIRS, aim=None)
    turn, rise, away = errors(motion, scene)
    assert turn < 0.02 and rise < 0.02 and away < 1e-3
    assert motion.error.max() < 1e-5 and not motion.outlier.any()
    assert (motion.camera.position - scene[0].position).norm(dim=-1).max() < 5e-3


@pytest.mark.parametrize("wrong", [15.0, 30.0])
def test_it_does_not_matter_where_the_search_begins(scene, wrong):
    off = wrong * (2 * torch.rand(VIEWS, generator=torch.Generator().manual_seed(1)) - 1)
    motion = structure_from_motion(project(scene), scene[0].azimuth + off, pairs=PAIRS)
    turn, _, away = errors(motion, scene)
    assert turn < 0.1 and away < 2e-3


def test_noise_gaps_and_outliers(scene):
    """Half a pixel of 64 of noise, a third of the points unseen, and three points in a wrong place."""
    generator = torch.Generator().manual_seed(0)
    places = project(scene) + 0.5 / 64 * torch.randn(VIEWS, 8, 2, generator=generator)
    for view in range(VIEWS):
        places[view, torch.randperm(8, generator=generator)[:2]] = math.nan
    wrong = [(0, 0), (4, 3), (9, 6)]
    for view, point in wrong:
        places[view, point] = project(scene)[view, point] + torch.tensor([0.12, -0.08])
    motion = structure_from_motion(places, labels(scene[0]), names=NAMES, pairs=PAIRS)
    turn, rise, away = errors(motion, scene)
    assert turn < 6 and rise < 6 and away < 0.05
    assert all(motion.outlier[view, point] for view, point in wrong)
    assert motion.outlier.sum() <= len(wrong) + 2
    assert torch.equal(motion.error.isnan(), places.isnan().any(-1))
    assert 0.2 / 64 < motion.error.nanmedian() < 0.8 / 64


def test_without_pairs_the_mean_azimuth_is_that_of_the_start(scene):
    start = scene[0].azimuth + 7.0
    motion = structure_from_motion(project(scene), start, aim=None)
    assert wrap_degrees(motion.azimuth - start).mean().abs() < 0.02
    assert wrap_degrees(motion.azimuth - scene[0].azimuth - 7).abs().max() < 0.05
    assert motion.distance.log().mean().exp() == pytest.approx(2.3, abs=1e-3)
    assert motion.camera.target.mean(0).norm() < 1e-3


def test_what_the_points_leave_open_is_one_sentence(scene):
    camera, points = scene
    places = project(scene)
    few = places.clone()
    few[3, :5] = math.nan
    with pytest.raises(ValueError, match="needs 4 placed points, view 3 has 3; place more there"):
        structure_from_motion(few, labels(camera))
    once = places.clone()
    once[1:, 7] = math.nan
    with pytest.raises(ValueError, match="in one view only: right_mirror; place it in another view"):
        structure_from_motion(once, labels(camera), names=NAMES)
    near = camera.replace(azimuth=40 + camera.azimuth / 360, elevation=torch.full((VIEWS,), 10.0))
    with pytest.raises(ValueError, match="from one side only.*left_wheel.*at least 10 degrees apart"):
        structure_from_motion(near.to_image(points[None]), near.azimuth, names=NAMES)
    line = torch.linspace(-0.5, 0.5, 8)[:, None] * torch.tensor([0.3, 0.2, 1.0])
    with pytest.raises(ValueError, match="leave a camera open"):
        structure_from_motion(camera.to_image(line[None]), labels(camera), aim=None)
    with pytest.raises(ValueError, match=r"places must be \[12, 3, 2\], got \(12, 8, 2\)"):
        structure_from_motion(places, labels(camera), names=["a", "b", "c"])
    left = places.clone()
    left[:, 1::2] = math.nan
    with pytest.raises(ValueError, match="No point is placed on both sides"):
        structure_from_motion(left, labels(camera), names=NAMES, pairs=PAIRS)


def test_points_that_are_placed_nowhere_stay_unknown(scene):
    places = project(scene)
    places[:, 5] = math.nan
    motion = structure_from_motion(places, labels(scene[0]), names=NAMES, pairs=PAIRS)
    assert motion.points[5].isnan().all() and not motion.points[:5].isnan().any()
    assert errors(motion, scene)[0] < 0.1
