"""The keypoint tool, clicked and typed into as its front end does it, without a kernel."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from ganverse_nb.gan.keypoints import KeypointAnnotation, Keypoints
from ganverse_nb.widgets import KeypointLabeller

NAMES = ("left_eye", "right_eye", "nose")


@pytest.fixture
def labeller(tmp_path):
    annotation = KeypointAnnotation(NAMES, 2, 8, tmp_path / "points.json", clock=lambda: 0.0)
    pictures = torch.tensor([0.2, 0.8])[:, None, None, None].expand(2, 3, 8, 8)
    return KeypointLabeller(annotation, pictures)


def send(labeller, **content):
    labeller.image._handle_custom_msg(content, [])  # as a message of the front end arrives


def shown(labeller):
    data = base64.b64decode(labeller.image.picture.removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(io.BytesIO(data)))


def test_a_click_places_the_chosen_point_saves_and_goes_on(labeller):
    assert (
        labeller.names.value == "left_eye" and shown(labeller).shape == (512, 512, 3) and shown(labeller)[0, 0, 0] == 51
    )
    send(labeller, click=[0.25, 0.5])
    saved = Keypoints.load(labeller.annotation.path)
    assert saved.places[0, 0].tolist() == [0.25, 0.5] and labeller.names.value == "right_eye"
    assert [(p["name"], p["place"], p["current"]) for p in labeller.image.points] == [("left_eye", [0.25, 0.5], False)]
    labeller.names.value = "left_eye"
    assert labeller.image.points[0]["current"] and "left_eye" in labeller.status.value
    send(labeller, click=[0.75, 1.0])
    assert Keypoints.load(labeller.annotation.path).places[0, 0].tolist() == [0.75, 1.0]


def test_after_the_last_point_comes_the_next_open_view(labeller):
    send(labeller, click=[0.1, 0.1])
    send(labeller, key="x")
    send(labeller, click=[0.3, 0.3])
    assert labeller.view == 1 and labeller.image.points == [] and shown(labeller)[0, 0, 0] == 204
    for _ in NAMES:
        labeller.buttons["x"].click()
    assert labeller.annotation.next_view is None and "everything is decided" in labeller.status.value
    assert "2 views done" in labeller.status.value


def test_undo_shows_what_it_took_back(labeller):
    send(labeller, click=[0.1, 0.1])
    send(labeller, key="n")
    assert labeller.view == 1
    send(labeller, key="u")
    assert labeller.view == 0 and labeller.names.value == "left_eye" and labeller.image.points == []
    send(labeller, key="p")
    assert labeller.view == 1
    send(labeller, key="?")
    assert labeller.errors == []


def test_an_interrupted_annotation_goes_on_at_the_first_open_view(labeller, tmp_path):
    for _ in NAMES:
        send(labeller, click=[0.5, 0.5])
    again = KeypointAnnotation(NAMES, 2, 8, tmp_path / "points.json")
    assert KeypointLabeller(again, labeller.pictures).view == 1
    with pytest.raises(ValueError, match="of 2 pictures of 8 px, these are 2 of 16"):
        KeypointLabeller(again, torch.zeros(2, 3, 16, 16))
