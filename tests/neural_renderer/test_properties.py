from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import detailed_sphere
from ganverse_nb.inverse_graphics.camera_head import CameraHead
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.network import InverseGraphicsNetwork
from ganverse_nb.neural_renderer.properties import (
    DISTANCES,
    Properties,
    PropertyEncoder,
    background_distance,
    concatenate,
    hide,
    mask_out,
)


def make(azimuth=0.0, shape=0.0, texture=0.0, background=0.0, batch=2) -> Properties:
    picture = torch.full((batch, 3, 4, 4), background)
    mask = torch.zeros(batch, 1, 4, 4)
    mask[..., :2] = 1
    vertices = torch.zeros(batch, 642, 3)
    vertices[..., 0] = shape
    camera = Camera.orbit(torch.full((batch,), azimuth))
    return Properties(camera, vertices, torch.full((batch, 3, 2, 4), texture), mask_out(picture, mask))


def test_mask_out_blanks_the_object_and_says_where():
    images = torch.rand(2, 3, 4, 4)
    mask = (torch.rand(2, 1, 4, 4) > 0.5).float()
    background = mask_out(images, mask)
    assert torch.equal(background[:, :3], torch.where(mask.bool(), 0.0, images))
    assert torch.equal(background[:, 3:], 1 - mask)
    with pytest.raises(ValueError, match="mask_out"):
        mask_out(images, mask[:1])


def test_hide_removes_a_further_area():
    background = mask_out(torch.ones(1, 3, 2, 2), torch.tensor([[[[1.0, 0], [0, 0]]]]))
    hidden = hide(background, torch.tensor([[[[0.0, 1], [0, 0]]]]))
    assert hidden[0, :, 0].abs().sum() == 0 and torch.equal(hidden[0, :, 1], torch.ones(4, 2))


def test_distances_are_what_their_names_say():
    a = make(azimuth=350.0, shape=0.1, texture=0.2, background=0.3)
    b = make(azimuth=20.0, shape=0.4, texture=0.7, background=0.1)
    expected = {"camera": 30.0, "shape": 0.3, "texture": 0.5, "background": 0.2}
    for name, distance in DISTANCES.items():
        torch.testing.assert_close(distance(a, b), torch.full((2,), expected[name]), msg=name)
        torch.testing.assert_close(distance(a, a), torch.zeros(2))


def test_background_distance_looks_only_where_both_are_known():
    a, b = make(background=0.5), make(background=0.5)
    spoiled = b.background.clone()
    spoiled[:, :3, :, :2] = 9.0  # behind the object
    assert background_distance(a, b.replace(background=spoiled)).max() == 0
    nothing = b.replace(background=torch.zeros_like(b.background))
    assert background_distance(a, nothing).max() == 0


def test_with_factor_takes_one_and_only_one():
    a, b = make(1.0, 0.1, 0.2, 0.3), make(2.0, 0.4, 0.5, 0.6)
    for factor in DISTANCES:
        c = a.with_factor(factor, b)
        for name, distance in DISTANCES.items():
            assert bool((distance(c, a) > 0).all()) == (name == factor)
            assert bool((distance(c, b) > 0).all()) == (name != factor)
    with pytest.raises(ValueError, match="Unknown factor"):
        a.with_factor("light", b)


def test_slicing_and_concatenating_are_inverse():
    a, b = make(1.0, 0.1, 0.2, 0.3), make(2.0, 0.4, 0.5, 0.6, batch=3)
    both = concatenate([a, b])
    assert len(both) == 5
    assert torch.equal(both[2:].shape, b.shape) and torch.equal(both[:2].camera.azimuth, a.camera.azimuth)
    assert len(both[3]) == 1
    with pytest.raises(ValueError, match="no properties"):
        concatenate([])


def test_a_finer_shape_is_a_finer_sphere_deformed():
    sphere = detailed_sphere(2)
    found = make().replace(shape=2 * sphere.vertices.expand(2, -1, -1)).mesh()
    assert torch.equal(found.faces, sphere.faces) and torch.equal(found.vertices[0], 2 * sphere.vertices[0])


def test_mesh_is_the_deformed_sphere():
    mesh = make().mesh()
    assert mesh.faces.shape == (1280, 3) and mesh.texture is not None
    with pytest.raises(ValueError, match="642"):
        make().replace(shape=torch.zeros(2, 5, 3)).mesh()


def test_encoder_of_the_trained_parts_reads_camera_shape_texture_and_background():
    torch.manual_seed(0)
    inverse = InverseGraphicsModel(InverseGraphicsNetwork(), CameraHead(), LearnableCameras(torch.arange(12))).eval()
    images = torch.rand(2, 3, 64, 64)
    masks = (torch.rand(2, 1, 64, 64) > 0.5).float()
    segmenter = SimpleNamespace(segment=lambda pictures: SimpleNamespace(mask=masks))
    with torch.no_grad():
        encoded, mesh = PropertyEncoder.of(inverse, segmenter)(images), inverse.network(images, masks)
        assert torch.equal(encoded.shape, mesh.vertices) and torch.equal(encoded.texture, mesh.texture)
        assert torch.equal(encoded.camera.azimuth, inverse.head(images, masks).azimuth)
    assert torch.equal(encoded.background[:, 3:], 1 - masks)


def test_without_a_camera_head_a_camera_must_be_given(world):
    images = world.draw(torch.rand(2, 3))
    blind = PropertyEncoder(world.infer, world.mask_of)
    with pytest.raises(ValueError, match="camera head"):
        blind(images)
    assert blind(images, camera=world.cameras()[:2]).camera.azimuth.tolist() == world.cameras().azimuth[:2].tolist()


def test_f_sees_pictures_of_another_size_at_the_one_that_it_knows(world):
    seen = []

    def infer(images, masks):
        seen.append((images, masks))
        return world.infer(images, masks)

    small = torch.linspace(0, 1, 16).expand(1, 3, 16, 16)
    mask = F.pad(torch.ones(1, 1, 8, 8), (4, 4, 4, 4))
    encoder = PropertyEncoder(infer, world.mask_of)
    found = encoder(small, mask, world.cameras()[:1], size=torch.tensor([0.5]))
    (images, masks), = seen  # fmt: skip
    assert masks[0, 0, 1:-1, 1:-1].min() == 1  # it fills the picture
    torch.testing.assert_close(F.avg_pool2d(images, 2)[..., 1:-1, 1:-1], small[..., 5:-5, 5:-5], atol=0.05, rtol=0)
    assert torch.equal(found.background, mask_out(small, mask))  # as it was
