from types import SimpleNamespace

import pytest
import torch

from ganverse_nb.inverse_graphics.camera_head import CameraHead
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.network import InverseGraphicsNetwork
from ganverse_nb.neural_renderer.observer import Observer


def test_observer_of_the_trained_parts_reads_camera_shape_texture_and_background():
    torch.manual_seed(0)
    inverse = InverseGraphicsModel(InverseGraphicsNetwork(), CameraHead(), LearnableCameras(torch.arange(12))).eval()
    images = torch.rand(2, 3, 64, 64)
    masks = (torch.rand(2, 1, 64, 64) > 0.5).float()
    segmenter = SimpleNamespace(segment=lambda pictures: SimpleNamespace(mask=masks))
    with torch.no_grad():
        seen, mesh = Observer.of(inverse, segmenter)(images), inverse.network(images, masks)
        assert torch.equal(seen.shape, mesh.vertices) and torch.equal(seen.texture, mesh.texture)
        assert torch.equal(seen.camera.azimuth, inverse.head(images, masks).azimuth)
    assert torch.equal(seen.background[:, 3:], 1 - masks)


def test_without_a_camera_head_a_camera_must_be_given(world):
    images = world.paint(torch.rand(2, 3))
    blind = Observer(world.infer, world.mask_of)
    with pytest.raises(ValueError, match="camera head"):
        blind(images)
    assert blind(images, camera=world.cameras()[:2]).camera.azimuth.tolist() == world.cameras().azimuth[:2].tolist()
