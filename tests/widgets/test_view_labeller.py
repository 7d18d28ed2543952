"""The labelling tool, clicked and typed into as a front end does it, without a kernel."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from ganverse_nb.gan.annotation import LEFT_OUT, UNLABELLED, ViewAnnotation
from ganverse_nb.gan.checkpoint import load_generator
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.widgets import ViewLabeller, sample_pictures
from ganverse_nb.widgets.view_labeller import KEYS, PLACES


@pytest.fixture
def labeller(tmp_path):
    codes = torch.arange(4.0)[:, None].expand(4, 3) * 10
    annotation = ViewAnnotation(codes, 2, tmp_path / "views.safetensors", clock=lambda: 0.0)
    return ViewLabeller(annotation, lambda code: np.full((4, 4, 3), int(code[0]), np.uint8))


def shown(labeller):
    return int(np.asarray(Image.open(io.BytesIO(labeller.picture.value)))[0, 0, 0])


def test_a_click_labels_saves_and_goes_on(labeller):
    assert shown(labeller) == 0
    labeller.bins[3].click()
    labeller.bins[0].click()
    assert labeller.annotation.labels.tolist() == [3, 0, UNLABELLED, UNLABELLED] and shown(labeller) == 20
    assert ViewCodes.load(labeller.annotation.path).azimuth_bin.tolist() == [0, 3]
    assert labeller.bins[3].button_style == "success" and labeller.bins[4].button_style == ""
    assert "3 of 4" in labeller.status.value and "30°, 60°, 120°" in labeller.status.value


def test_keys(labeller):
    labeller.typed.set_state({"value": "0"})  # as the front end does it
    assert labeller.annotation.labels[0] == 9 and labeller.typed.value == ""
    labeller.typed.value = "="
    labeller.typed.value = "x"
    labeller.typed.value = "?"
    assert labeller.annotation.labels.tolist() == [9, 11, LEFT_OUT, UNLABELLED]
    labeller.typed.value = "u"
    assert labeller.annotation.current == 2 and shown(labeller) == 20


def test_when_all_is_done_only_undo_is_left(labeller):
    for _ in range(4):
        labeller.leave_out.click()
    assert "All 4 view codes are labelled" in labeller.status.value
    assert all(button.disabled for button in (*labeller.bins, labeller.leave_out)) and not labeller.undo.disabled
    with pytest.raises(ValueError, match="All 4"):
        labeller.typed.value = "1"
    assert len(labeller.errors) == 1 and "All 4" in labeller.status.value
    labeller.undo.click()
    assert not labeller.bins[0].disabled and labeller.annotation.current == 3


def test_convention_buttons_stand_where_the_camera_does():
    """Seen from above with the front towards the reader: 0 degrees below, 90 on the right, 180 above, 270 left."""
    assert len(set(PLACES)) == len(KEYS) == 12
    center = np.array([3, 3])
    for index, (row, column) in enumerate(PLACES):
        down, right = np.array([row, column]) - center
        angle = np.degrees(np.arctan2(right, down)) % 360
        assert abs((angle - 30 * index + 180) % 360 - 180) <= 15.1


def test_samples_are_of_the_same_objects_for_every_code():
    generator = load_generator("car")
    show = sample_pictures(generator, 2, contents=4)
    codes = ViewCodes.load("car").codes
    one, again, other = show(codes[0]), show(codes[0]), show(codes[12])
    assert one.dtype == np.uint8 and one.shape == (132, 522, 3)
    assert (one == again).all() and (one != other).mean() > 0.3
