import math
from dataclasses import replace

import pytest
import torch

from ganverse_nb.neural_renderer.mapping import CONTENT_FACTORS, MappingSizes, PropertyMapper
from ganverse_nb.neural_renderer.view_code import ViewPath


@pytest.fixture
def data(world):
    return world.training_set()[0]


@pytest.fixture
def mapping(world, data):
    return world.mapping_for(data, world.config())


def properties(data):
    return data.dataset.properties(torch.arange(0, 40, 9))


def test_gates_sum_to_one_and_start_undecided(mapping):
    torch.testing.assert_close(mapping.gates().sum(0), torch.ones(30))
    assert mapping.gate_entropy().item() == pytest.approx(math.log(3), abs=1e-6)
    assert mapping.decided()["all"] == 0.0


def test_decided_counts_the_dimensions_that_each_factor_owns(mapping):
    logits = torch.zeros(3, 30)
    logits[0, :3], logits[2, 3:12] = 20.0, 20.0
    mapping.gate_logits.data.copy_(logits)
    assert mapping.decided() == pytest.approx({"shape": 0.1, "texture": 0.0, "background": 0.3, "all": 0.4})


def test_content_code_is_the_gated_sum_of_equation_4(mapping, data):
    p = properties(data)
    mapping.gate_logits.data.normal_(generator=torch.Generator().manual_seed(0))
    codes = mapping.factor_codes(p.shape, p.texture, p.background)
    expected = sum(g * z for g, z in zip(mapping.gates(), codes, strict=True))
    found = mapping.content_code(p.shape, p.texture, p.background)
    torch.testing.assert_close(found, expected * mapping.content_deviation + mapping.content_mean)


@pytest.mark.parametrize("owner", range(3))
def test_a_dimension_owned_by_one_factor_is_independent_of_the_others(mapping, data, owner):
    p, other = properties(data), data.dataset.properties(torch.arange(100, 140, 9))
    mapping.gate_logits.data.zero_()[owner] = 60.0
    code = mapping.content_code(p.shape, p.texture, p.background)
    for factor in CONTENT_FACTORS:
        q = p.with_factor(factor, other)
        changed = not torch.equal(mapping.content_code(q.shape, q.texture, q.background), code)
        assert changed == (factor == CONTENT_FACTORS[owner])


def test_view_code_is_g_v_in_the_camera_dimensions_and_the_path_in_the_others(mapping, data):
    cameras = data.dataset.cameras
    code = mapping.view_code(cameras)
    others = torch.ones(20, dtype=torch.bool).index_fill(0, mapping.camera_dims, False)
    assert mapping.camera_dims.tolist() == [0, 1]
    torch.testing.assert_close(code[:, others], data.codes.view[:, others])
    mapped = mapping.g_v(mapping.camera_features(cameras))
    torch.testing.assert_close(
        code[:, mapping.camera_dims],
        mapped * data.codes.view[:, :2].std(0, correction=0) + data.codes.view[:, :2].mean(0),
    )


def test_view_code_of_rest_mean_keeps_the_other_dimensions_at_their_mean(world, data):
    torch.manual_seed(0)
    mapping = PropertyMapper.fit(
        data.codes.view,
        data.dataset.cameras,
        data.codes.content,
        data.dataset.shape(torch.arange(len(data.dataset))),
        texture=world.TEXTURE,
        resolution=world.SIDE,
        rest="mean",
        hidden=32,
    )
    code = mapping.view_code(data.dataset.cameras)
    others = torch.ones(20, dtype=torch.bool).index_fill(0, mapping.camera_dims, False)
    torch.testing.assert_close(code[:, others], data.codes.view.mean(0)[others].expand(8, -1))


def test_the_rest_of_a_trained_mapper_can_be_exchanged(mapping, data):
    cameras = data.dataset.cameras
    mean, before = mapping.with_rest("mean"), mapping.view_code(cameras)
    others = torch.ones(20, dtype=torch.bool).index_fill(0, mapping.camera_dims, False)
    code = mean.view_code(cameras)
    assert torch.equal(code[:, mapping.camera_dims], before[:, mapping.camera_dims])
    assert torch.equal(code[:, others], mapping.view_mean[others].expand(8, -1))
    assert torch.equal(mapping.view_code(cameras), before) and mapping.sizes.rest == "interpolate"
    with pytest.raises(ValueError, match="view_rest"):
        mapping.with_rest("median")


def test_styles_are_view_code_then_content_code(mapping, data):
    p = properties(data)
    styles = mapping(p.camera, p.shape, p.texture, p.background)
    torch.testing.assert_close(styles[:, :20], mapping.view_code(p.camera))
    torch.testing.assert_close(styles[:, 20:], mapping.content_code(p.shape, p.texture, p.background))


def test_gradients_with_respect_to_every_property(world, data):
    mapping = world.mapping_for(data, world.config(hidden=8)).double()
    p = data.dataset.properties(torch.tensor([3]))
    azimuth = p.camera.azimuth.double() + 11
    elevation, distance = p.camera.elevation.double() + 1.3, p.camera.distance.double()
    scale = torch.tensor(1.1, dtype=torch.float64)

    def styles(azimuth, elevation, distance, scale, shade, around):
        camera = p.camera.replace(azimuth=azimuth, elevation=elevation, distance=distance)
        texture = p.texture.double() * shade
        return mapping(camera, p.shape.double() * scale, texture, p.background.double() * around)

    inputs = [azimuth, elevation, distance, scale, scale * 0.7, scale * 0.8]
    assert torch.autograd.gradcheck(styles, [x.clone().requires_grad_() for x in inputs], eps=1e-6, atol=1e-6)


def test_texture_encoder_wraps_around_the_object(mapping):
    """A texture turned by the stride of the encoder gives features turned as well: no seam is special."""
    encoder = mapping.g_t
    texture = torch.rand(1, 3, 8, 16, generator=torch.Generator().manual_seed(0))
    features = []
    encoder.head = torch.nn.Identity()
    for turn in (0, 2):
        features.append(encoder(texture.roll(turn, -1)).view(1, -1, 4, 8))
    torch.testing.assert_close(features[0].roll(1, -1), features[1])


def test_sizes_survive_json_and_unknown_rests_are_refused(mapping):
    assert MappingSizes.from_json(mapping.sizes.as_json()) == mapping.sizes
    with pytest.raises(ValueError, match="view_rest"):
        MappingSizes.from_json({**mapping.sizes.as_json(), "rest": "median"})


def test_as_many_cameras_as_view_codes(world, data):
    with pytest.raises(ValueError, match="as many cameras"):
        PropertyMapper.fit(
            data.codes.view,
            data.dataset.cameras[:5],
            data.codes.content,
            data.dataset.shape(torch.arange(len(data.dataset))),
            texture=(8, 16),
            resolution=16,
        )


def test_the_offset_begins_as_nothing_and_follows_the_camera_alone(world, data):
    plain = world.mapping_for(data, world.config())
    offset = PropertyMapper(replace(plain.sizes, offset=8))
    offset.offset_features.fit(data.dataset.cameras)
    offset.load_state_dict(plain.state_dict(), strict=False)
    properties = data.dataset.properties(torch.arange(4))
    given = (properties.camera, properties.shape, properties.texture, properties.background)
    torch.testing.assert_close(offset(*given), plain(*given))
    torch.nn.init.normal_(offset.offset[-1].weight)
    moved = offset(*given) - plain(*given)
    assert moved.abs().min(1).values.max() > 0  # view and content code alike
    other = data.dataset.properties(torch.arange(8, 12))
    same_camera = (properties.camera, other.shape, other.texture, other.background)
    torch.testing.assert_close(offset(*same_camera) - plain(*same_camera), moved, atol=1e-5, rtol=1e-4)
    older = {name: value for name, value in plain.sizes.as_json().items() if name != "offset"}
    assert MappingSizes.from_json(older) == plain.sizes  # files that know no offset


def test_features_are_zoomed_as_the_camera_comes_nearer(world):
    data = world.training_set()[0]
    cameras, scale = data.dataset.cameras, torch.tensor([0.75, 1.0, 1.33])
    path = ViewPath.through(torch.rand(len(cameras), 7), cameras.replace(distance=torch.linspace(2, 3, len(cameras))))
    mapping = world.mapping_for(data, world.config())
    mapping.path.load_state_dict(path.state_dict() | {"codes": mapping.path.codes, "slope": mapping.path.slope})
    there = 1 / mapping.path.nearness_at(cameras.azimuth[:3])  # how far away the views at these azimuths were
    assert there.unique().numel() == 3
    camera = cameras[torch.arange(3)].replace(distance=there / scale)
    assert mapping.zoom(camera) is None  # as in Eq 3
    zoom = mapping.with_zoom(8).zoom(camera)
    assert zoom.side == 8
    torch.testing.assert_close(zoom.factor, scale)
    usual = 1 / float((1 / cameras.distance).mean())  # f knows one size
    torch.testing.assert_close(mapping.size(camera), usual / camera.distance)
    assert mapping.sizes.zoom == 0  # the other one is a copy
