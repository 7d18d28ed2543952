"""The studio's multi-view pictures are of one object each, by the cameras that were asked for."""

import pytest
import torch

from ganverse_nb.data.studio_views import studio_views
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.studio.photos import make_photos


def test_each_object_is_seen_by_every_camera():
    camera = Camera.orbit(torch.tensor([0.0, 88.0, 344.0]), 10.0, 2.1)
    dataset = studio_views("car", 3, camera, seed=5, resolution=32)
    assert dataset.images.shape == (3, 3, 3, 32, 32) and dataset.keep.all()
    assert dataset.azimuth_bin.tolist() == [0, 3, 11] and dataset.test_contents.tolist() == [2]
    width = dataset.masks[:, :, 0].amax(2).sum(-1).float()
    assert (width[:, 1] > 1.4 * width[:, 0]).all()  # a car is longer than wide
    paint = (dataset.images.float() * dataset.masks).sum((-1, -2))
    hue = paint / paint.sum(-1, keepdim=True)  # one object, one hue from all sides
    assert (hue - hue.mean(1, keepdim=True)).abs().mean() < 0.3 * (hue.mean(1) - hue.mean((0, 1))).abs().mean()
    again = studio_views("car", 3, camera, seed=5, resolution=32)
    assert torch.equal(again.images, dataset.images)


def test_what_cannot_be_made_is_one_sentence():
    camera = make_photos("car", 1, 0, 16).camera
    with pytest.raises(ValueError, match="1 contents leave none to hold out; ask for at least 2"):
        studio_views("car", 1, camera, 0)
    with pytest.raises(ValueError, match="The studio has no 'boat'"):
        studio_views("boat", 4, camera, 0)
