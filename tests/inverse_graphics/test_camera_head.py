import math

import pytest
import torch

from ganverse_nb.geometry.angles import angular_distance
from ganverse_nb.inverse_graphics.camera_head import CameraHead, CameraReading
from ganverse_nb.inverse_graphics.windows import Pose, Window


def reading(*peaks, bins=24):
    """Two pictures whose azimuth bins have these (bin, logit), and a known rest."""
    logits = torch.zeros(2, bins)
    for k, height in peaks:
        logits[:, k] = height
    rest = Pose(
        torch.tensor([30.0, 40.0]), torch.tensor([5.0, 9.0]), torch.tensor([2.0, 2.5]), torch.tensor([[0.1, 0], [0, 0]])
    )
    return CameraReading(logits, torch.zeros(2, bins), rest, 30.0)


def test_hypotheses_are_the_peaks_and_the_mirror_image_of_the_first():
    seen = reading((2, 6.0), (12, 4.0), (17, 5.0))
    cameras = seen.hypotheses(4)
    azimuth = cameras.azimuth.reshape(4, 2).T
    assert angular_distance(azimuth, torch.tensor([[30, 255, 180, 150], [40, 255, 180, 140.0]])).max() < 1e-4
    assert cameras.elevation.reshape(4, 2)[3].tolist() == [5, 9] and cameras.distance.reshape(4, 2)[1].tolist() == [
        2,
        2.5,
    ]
    log_p = seen.log_probability(azimuth)
    assert (log_p[0, 0] > log_p[0, 1] > log_p[0, 2] > log_p[0, 3]) and log_p.shape == (2, 4)
    assert reading((2, 6.0)).hypotheses(1).azimuth.tolist() == pytest.approx([30, 40])
    assert reading((2, 6.0)).hypotheses(2).azimuth.tolist() == pytest.approx([30, 40, 150, 140])
    with pytest.raises(ValueError, match="at least one"):
        reading((2, 6.0)).hypotheses(0)


def test_probability_is_interpolated_round_the_circle():
    seen = reading((0, 9.0), (23, 9.0))
    between = seen.log_probability(torch.tensor([[352.5, -7.5, 0.0], [100.0, 352.5, 345.0]])).exp()
    assert between[0] == pytest.approx([between[0, 2].item()] * 3) and between[0, 2] == pytest.approx(0.5, abs=0.01)
    assert between[1, 0] < 0.001


def test_the_reading_of_a_picture_is_that_of_its_window_brought_back(world):
    dataset = world.dataset
    images, masks = dataset.batch(torch.tensor([0, 1]), torch.tensor([0, 3]))
    torch.manual_seed(0)
    head = CameraHead(fov=25.0)
    window = Window.around(masks, 0.7)
    inside = head.read_window(*window.cut(images, masks))
    assert torch.equal(inside.logits, head.read(images, masks).logits)
    camera = head(images, masks)
    again = window.inside(Pose(camera.azimuth, camera.elevation, camera.distance, torch.zeros(2, 2)), 25.0)
    assert torch.allclose(again.distance, inside.rest.distance) and torch.equal(camera.azimuth, inside.rest.azimuth)
    assert camera.fov.tolist() == [25, 25]


def test_the_same_object_smaller_and_elsewhere_is_read_alike(world):
    images, masks = world.dataset.batch(torch.tensor([0]), torch.tensor([2]))
    small = Window(torch.tensor([1.3]), torch.tensor([[0.2, 0.1]]))
    torch.manual_seed(0)
    head = CameraHead()
    with torch.no_grad():
        a, b = head(images, masks), head(*small.cut(images, masks))
    assert float(b.distance / a.distance) == pytest.approx(1.3, abs=0.04)
    assert float(angular_distance(a.azimuth, b.azimuth)) < 10


def test_azimuth_is_continuous_where_the_likeliest_bin_changes():
    head = CameraHead(bins=24)

    def azimuth(share):
        with torch.no_grad():
            head.out.weight.zero_()
            head.out.bias.zero_()
            head.out.bias[:24] = -9.0
            head.out.bias[5], head.out.bias[6] = math.log(1 - share), math.log(share)
        with torch.no_grad():
            return float(head.read_window(torch.zeros(1, 3, 64, 64), torch.ones(1, 1, 64, 64)).rest.azimuth)

    assert [azimuth(s) for s in (0.1, 0.49, 0.51, 0.9)] == pytest.approx([76.5, 82.35, 82.65, 88.5], abs=0.05)


def test_a_picture_without_an_object_has_a_camera_too():
    camera = CameraHead()(torch.zeros(2, 3, 64, 64), torch.zeros(2, 1, 64, 64))
    assert all(torch.isfinite(v).all() for v in camera.__dict__.values())
