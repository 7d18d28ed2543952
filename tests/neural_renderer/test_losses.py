import copy

import pytest
import torch

from ganverse_nb.geometry.views import orbit_around, orbit_of
from ganverse_nb.neural_renderer.consistency import asked_cameras
from ganverse_nb.neural_renderer.losses import Reference, code_loss, cycle_loss, draw_cameras, draw_scenes


@pytest.fixture
def data(world):
    return world.training_set()[0]


@pytest.fixture
def reference(world, data):
    mapping = world.mapping_for(data, world.config()).requires_grad_(False)
    return Reference(mapping, float(mapping.shape_deviation) ** 2, data.texture_variance())


def test_equation_5_of_the_mean_code_is_the_variance_of_the_codes(world, data):
    """A network that always predicts the mean explains no variance: each part is 1 in its units."""
    mapping = world.mapping_for(data, world.config())
    for parameter in mapping.parameters():
        parameter.data.zero_()
    loss, parts = code_loss(mapping, data, world.config(batch=4000), torch.Generator().manual_seed(0), 0.5)
    assert parts["content"] == pytest.approx(1.0, abs=0.05) and parts["view"] == pytest.approx(1.0, abs=0.05)
    torch.testing.assert_close(loss, parts["content"] + parts["view"] + 0.5 * torch.tensor(3.0).log())


def test_equation_5_trains_every_parameter(world, data):
    mapping = world.mapping_for(data, world.config())
    code_loss(mapping, data, world.config(), torch.Generator().manual_seed(0), 0.1)[0].backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in mapping.parameters())


def test_equation_6_is_zero_where_the_targets_are_predicted(world, data, reference):
    target = draw_scenes(data, world.config(batch=6), torch.Generator().manual_seed(0))
    loss, parts = cycle_loss(target, target, reference, world.config())
    assert loss.item() == 0.0 and set(parts) == {"shape", "texture", "background", "same_background", "camera"}
    assert "camera" not in cycle_loss(target, target, reference, world.config(weight_camera=0.0))[1]


def test_equation_6_in_units_of_the_data(world, data, reference):
    """Independent random pictures are two variances apart in shape and texture."""
    settings = world.config(batch=2000)
    target, predicted = (draw_scenes(data, settings, torch.Generator().manual_seed(s)) for s in (0, 1))
    _, parts = cycle_loss(target, predicted, reference, settings)
    assert parts["shape"] == pytest.approx(2.0, rel=0.1) and parts["texture"] == pytest.approx(2.0, rel=0.1)
    assert parts["background"] > 0 and parts["same_background"] == 0


def test_scenes_pair_one_camera_and_background_with_two_shapes_and_textures(world, data):
    scenes = draw_scenes(data, world.config(batch=8), torch.Generator().manual_seed(0))
    first, second = scenes[:4], scenes[4:]
    assert torch.equal(first.background, second.background)
    assert torch.equal(first.camera.azimuth, second.camera.azimuth)
    assert not torch.equal(first.shape, second.shape) and not torch.equal(first.texture, second.texture)


def test_background_terms_cannot_be_met_by_a_g_b_that_collapses(world, data, reference):
    """The trap: with the g_b in training on both sides, a constant g_b would be the best one."""
    target, predicted = (data.dataset.properties(torch.tensor(rows)) for rows in ([0, 8], [16, 24]))
    live = copy.deepcopy(reference.mapping).requires_grad_(True)
    before = cycle_loss(target, predicted, reference, world.config())[1]["background"]
    for parameter in live.g_b.parameters():
        parameter.data.zero_()
    assert cycle_loss(target, predicted, reference, world.config())[1]["background"] == before > 0
    assert Reference(live, 1.0, 1.0).background_distance(target.background, predicted.background) == 0


def test_hidden_silhouettes_never_add_anything_to_a_background(world, data):
    contents, rng = torch.arange(12), torch.Generator().manual_seed(0)
    whole = data.draw_background(contents, 0.0, rng)
    torch.testing.assert_close(whole[:, 3:].mean(), torch.tensor(0.75))
    hidden = data.draw_background(contents, 1.0, rng)
    assert (hidden[:, 3:] <= whole[:, 3:]).all()


def test_drawn_cameras_fill_the_circle_and_the_ranges_of_elevation_and_scale(world):
    views, settings = world.cameras(), world.config(scales=(0.8, 1.25), elevation_reach=2.0)
    cameras = draw_cameras(views, 2000, settings, torch.Generator().manual_seed(0))
    assert torch.histc(cameras.azimuth, 12, 0, 360).min() > 120
    low, high = float(views.elevation.min()) - 2, float(views.elevation.max()) + 2
    assert torch.histc(cameras.elevation, 5, low, high).min() > 330
    shares = cameras.distance[:, None] / views.distance
    assert ((shares > 0.79) & (shares < 1.26)).any(1).all()
    assert cameras.distance.min() < 1.9 < 2.7 < cameras.distance.max()
    same = draw_cameras(views, 50, world.config(scales=(1.0, 1.0)), torch.Generator().manual_seed(0))
    assert torch.isin(same.distance, views.distance).all()


def test_drawn_and_asked_cameras_look_where_objects_usually_stand(world):
    """Where an object stands in the picture is nothing that the renderer is told: another place could not be met."""
    views = world.cameras()
    shift = torch.linspace(-0.02, 0.06, 2 * len(views)).reshape(-1, 2)
    views = orbit_around(views.azimuth, views.elevation, views.distance, views.fov, shift)
    drawn = draw_cameras(views, 40, world.config(), torch.Generator().manual_seed(0))
    for cameras in (drawn, asked_cameras(views, 8)):
        away, beside = orbit_of(cameras)
        torch.testing.assert_close(beside, shift.mean(0).expand(len(cameras), 2))
        torch.testing.assert_close(away, cameras.distance)


def test_camera_term_is_zero_at_the_target_and_largest_opposite(world, data, reference):
    settings = world.config(weight_camera=1.0)
    target = data.dataset.properties(torch.tensor([0, 1]))
    for turn, rise, expected in ((0.0, 0.0, 0.0), (90.0, 0.0, 3.0), (180.0, 0.0, 6.0), (0.0, 30.0, 4.0)):
        camera = target.camera
        camera = camera.replace(azimuth=camera.azimuth + turn, elevation=camera.elevation + rise)
        predicted = target.replace(camera=camera)
        assert cycle_loss(target, predicted, reference, settings)[1]["camera"].item() == pytest.approx(
            expected, abs=1e-5
        )
