import pytest
import torch

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.neural_renderer.view_code import CameraFeatures, ViewPath, camera_correlation, select_dimensions
from ganverse_nb.runtime.draws import Draws

AZIMUTH = torch.arange(12) * 30.0 + 7.0


def codes() -> torch.Tensor:
    """Dimension 0 is a sine of the azimuth with a phase, 1 noise, 2 constant, 3 the second harmonic."""
    angle = torch.deg2rad(AZIMUTH)
    noise = torch.randn(12, generator=torch.Generator().manual_seed(3))
    return torch.stack([3 * (angle + 0.4).sin() + 5, noise, torch.full((12,), 2.0), (2 * angle).cos()], 1)


def cameras(azimuth, elevation=12.0) -> Camera:
    """Cameras at those azimuths."""
    return Camera.orbit(torch.as_tensor(azimuth), torch.as_tensor(elevation))


def test_correlation_with_the_azimuth_is_one_for_a_sine_and_zero_for_a_constant_and_for_another_harmonic():
    found = camera_correlation(codes(), AZIMUTH)
    torch.testing.assert_close(found[[0, 2, 3]], torch.tensor([1.0, 0.0, 0.0]), atol=1e-4, rtol=0)
    assert 0.0 < found[1] < 0.9


def test_correlation_of_one_dimension_is_the_multiple_correlation_of_least_squares():
    values, angle = codes()[:, 1].double(), torch.deg2rad(AZIMUTH.double())
    design = torch.stack([torch.ones(12, dtype=torch.float64), angle.sin(), angle.cos()], 1)
    rest = values - design @ torch.linalg.lstsq(design, values[:, None]).solution[:, 0]
    expected = (1 - rest.square().sum() / (values - values.mean()).square().sum()).sqrt()
    torch.testing.assert_close(camera_correlation(codes(), AZIMUTH)[1].double(), expected, atol=1e-5, rtol=0)


def test_the_share_of_best_dimensions_is_selected_and_never_none():
    assert select_dimensions(codes(), AZIMUTH, 0.5).tolist() == [0, 1]
    assert select_dimensions(codes(), AZIMUTH, 0.01).tolist() == [0]
    with pytest.raises(ValueError, match="view_share"):
        select_dimensions(codes(), AZIMUTH, 0.0)
    with pytest.raises(ValueError, match="at least 4"):
        camera_correlation(codes()[:3], AZIMUTH[:3])


def test_path_meets_every_view_and_is_linear_between_them_also_across_360():
    view = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    path = ViewPath.through(view, cameras([350.0, 30.0, -180.0]))
    torch.testing.assert_close(path(cameras([350.0, 30.0, 180.0, -10.0, 390.0])), view[[0, 1, 2, 0, 1]])
    torch.testing.assert_close(path(cameras([0.0])), torch.lerp(view[0:1], view[1:2], 0.25))
    torch.testing.assert_close(path(cameras([265.0])), (view[2:3] + view[0:1]) / 2)


def test_path_has_no_jump_anywhere_even_where_views_nearly_coincide():
    view = torch.randn(7, 4, generator=torch.Generator().manual_seed(1))
    path = ViewPath.through(view, cameras([1.0, 55.0, 100.0, 101.0, 220.0, 280.0, 359.5]))
    around = path(cameras(torch.linspace(0, 360, 3601)))
    steps = (around[1:] - around[:-1]).norm(dim=1)  # 0.1 degrees each
    farthest = (view[:, None] - view).norm(dim=2).max()
    assert steps.max() < farthest * 0.1 / 3
    torch.testing.assert_close(around[0], around[-1])


def test_views_of_nearly_the_same_azimuth_become_one_knot():
    codes = torch.tensor([[0.0], [1.0], [4.0], [6.0]])
    path = ViewPath.through(codes, cameras([10.0, 11.0, 359.0, 1.0]))
    torch.testing.assert_close(path.azimuth, torch.tensor([0.0, 10.5]))
    torch.testing.assert_close(path.codes, torch.tensor([[5.0], [0.5]]))


def test_one_view_is_a_constant_path():
    path = ViewPath.through(torch.tensor([[3.0, 4.0]]), cameras([77.0]))
    torch.testing.assert_close(path(cameras([0.0, 200.0])), torch.tensor([[3.0, 4.0], [3.0, 4.0]]))


def test_views_off_the_orbit_give_the_slope_over_elevation():
    """Codes that are a closed path plus a rise that turns with the azimuth are met everywhere."""
    rng = torch.Generator().manual_seed(2)
    knots, slope = torch.randn(12, 5, generator=rng), torch.randn(3, 5, generator=rng)
    around = cameras(AZIMUTH, 12.0)
    path = ViewPath.through(knots, around)
    off = cameras([7.0, 100.0, 180.0, 250.0, 322.0, 40.0] * 2, [5.0] * 6 + [21.0] * 6)
    angle = torch.deg2rad(off.azimuth)
    rise = torch.stack([torch.ones(12), angle.sin(), angle.cos()], 1) * (off.elevation - 12)[:, None]
    codes = torch.cat([knots, path(off.replace(elevation=torch.full((12,), 12.0))) + rise @ slope])
    both = Camera.orbit(torch.cat([AZIMUTH, off.azimuth]), torch.cat([around.elevation, off.elevation]))
    path = ViewPath.through(codes, both, torch.arange(24) < 12)
    torch.testing.assert_close(path.slope, slope, atol=0.05, rtol=0.05)
    torch.testing.assert_close(path(both)[:12], knots, atol=1e-4, rtol=0)
    assert (
        (path(both)[12:] - codes[12:]).abs().max()
        < 0.5
        < (path(both)[12:] - path(off.replace(elevation=torch.full((12,), 12.0)))).abs().max()
    )


def test_gradient_of_the_path_with_respect_to_the_camera():
    codes = torch.randn(5, 3, dtype=torch.float64)
    azimuth = torch.tensor([0.0, 80.0, 170.0, 300.0, 60.0], dtype=torch.float64)
    views = Camera.orbit(azimuth, torch.tensor([9.0, 11.0, 12.0, 10.0, 20.0], dtype=torch.float64))
    path = ViewPath.through(codes, views, torch.arange(5) < 4)
    azimuth, elevation = (
        torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in ([20.0, 100.0, 310.0], [5.0, 10.0, 15.0])
    )
    assert torch.autograd.gradcheck(lambda a, e: path(Camera.orbit(a, e)), (azimuth, elevation), eps=1e-4)


def test_camera_features_repeat_after_a_turn_and_are_standardised():
    views = Camera.orbit(AZIMUTH, torch.linspace(3, 25, 12), torch.linspace(2.1, 2.5, 12))
    features = CameraFeatures(harmonics=2)
    features.fit(views)
    values = features(views)
    assert values.shape == (12, features.size)
    torch.testing.assert_close(values[:, 4:].mean(0), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(values[:, 4:].std(0, correction=0)[0], torch.tensor(1.0))
    torch.testing.assert_close(features(views.replace(azimuth=AZIMUTH - 360)), values, atol=1e-5, rtol=1e-5)
    angle = torch.deg2rad(AZIMUTH)
    torch.testing.assert_close(
        values[:, :4], torch.stack([f(h * angle) for f in (torch.sin, torch.cos) for h in (1, 2)], 1)
    )


def test_cameras_that_do_not_differ_in_height_do_not_divide_by_zero():
    features = CameraFeatures(harmonics=1)
    features.fit(Camera.orbit(AZIMUTH, 8.0, 2.3))
    assert torch.isfinite(features(Camera.orbit(AZIMUTH, 9.0, 2.4))).all()


def test_jitter_moves_elevation_and_scale_by_their_spread_and_nothing_else():
    few = Camera.orbit(AZIMUTH, torch.linspace(3, 25, 12), torch.linspace(2.1, 2.5, 12))
    features = CameraFeatures(harmonics=1)
    features.fit(few)
    many = few[torch.arange(12).repeat(500)]
    moved = features.jitter(many, 0.5, Draws(torch.Generator().manual_seed(0)))
    assert torch.equal(moved.azimuth, many.azimuth)
    change = (features(moved) - features(many))[:, 2:]
    torch.testing.assert_close(change.std(0), torch.full((2,), 0.5), rtol=0.05, atol=0)
    torch.testing.assert_close(change.mean(0), torch.zeros(2), rtol=0, atol=0.03)
