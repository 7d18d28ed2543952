"""What is closed is gone: no live widget is left of it, and nothing keeps it in memory."""

import gc
import weakref
from datetime import UTC, datetime

import ipywidgets
import pytest
import torch
from ipywidgets.widgets.widget import _instances as live  # the registry: it keeps every widget that is not closed

from ganverse_nb.evaluation.user_study.ballot import Ballot
from ganverse_nb.evaluation.user_study.survey import Comparison, write_survey
from ganverse_nb.gan.annotation import ViewAnnotation
from ganverse_nb.gan.keypoints import KeypointAnnotation
from ganverse_nb.gan.latents import sample_w
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.inverse_graphics.domain import Verdict
from ganverse_nb.inverse_graphics.reconstruction import Reconstruction
from ganverse_nb.widgets import (
    ControlPanel,
    FitView,
    KeypointLabeller,
    LayerPanel,
    PhotoUpload,
    StudyVoting,
    ViewLabeller,
)

GOOD, BAD = Verdict(0.4, 2.0, {}, ""), Verdict(7.0, 2.0, {}, "the object does not look like a car")


def result(path, verdict=GOOD):
    return Reconstruction(path.name, torch.rand(1, 3, 8, 8), torch.ones(1, 1, 8, 8), verdict, None, None)


def give(upload, name="car.jpg", content=b"bytes"):
    file = {"name": name, "type": "image/jpeg", "size": len(content), "last_modified": datetime.now(UTC)}
    upload.button.value = (file | {"content": memoryview(content)},)


def control_panel(scene, folder):
    return ControlPanel(scene, folder)


def fit_view(scene, folder):
    return FitView(torch.ones(2, 1, 8, 8), Camera.orbit(torch.tensor([0.0, 90.0])))


def keypoint_labeller(scene, folder):
    return KeypointLabeller(KeypointAnnotation(("nose",), 1, 8, folder / "points.json"), torch.rand(1, 3, 8, 8))


def layer_panel(scene, folder):
    angles = torch.tensor([0.0, 90.0])
    codes = sample_w(scene.model.generator, 2, 0)
    views = ViewCodes(codes, (angles / 30).long(), angles, angles * 0, angles * 0 + 12, angles > -1, 2)
    return LayerPanel(scene.model.generator, views)


def photo_upload(scene, folder):
    upload = PhotoUpload(result, lambda _: ControlPanel(scene, folder))
    give(upload)
    assert isinstance(upload.body.children[1], ControlPanel)
    return upload


def study_voting(scene, folder):
    views = torch.rand(2, 6, 3, 8, 8)
    survey = write_survey(folder / "study", [Comparison(torch.rand(3, 8, 8), views, views)], ("x", "y"))
    return StudyVoting(Ballot(survey, folder / "anna.json", "anna"))


def view_labeller(scene, folder):
    annotation = ViewAnnotation(torch.rand(2, 3), 2, folder / "views.safetensors")
    return ViewLabeller(annotation, lambda code: torch.zeros(4, 4, 3).byte().numpy())


PANELS = (control_panel, fit_view, keypoint_labeller, layer_panel, photo_upload, study_voting, view_labeller)


@pytest.mark.parametrize("make", PANELS)
def test_a_closed_panel_leaves_nothing(make, scene, tmp_path):
    before = dict(live)
    panel = make(scene, tmp_path)
    assert len(live) > len(before) + 5
    seen = weakref.ref(panel)
    panel.close()
    panel.close()  # nothing more to do
    assert live == before
    del panel
    gc.collect()
    assert seen() is None, "something keeps the closed panel"


def test_the_next_photo_replaces_the_last_ones_controls(scene, tmp_path):
    panels = []

    def controls(_):
        panel = ControlPanel(scene, tmp_path)
        panels.append(weakref.ref(panel))
        return ipywidgets.HBox([panel])

    before = dict(live)
    upload = PhotoUpload(result, controls)
    counts = []
    for number in range(4):
        give(upload, f"{number}.png")
        counts.append(len(live))
    assert len(set(counts)) == 1 and not upload.errors
    gc.collect()
    assert [panel() is None for panel in panels] == [True, True, True, False]
    assert upload.button.value == (), "the file stays in memory"
    upload.close()
    gc.collect()
    assert live == before and panels[-1]() is None


def test_a_photo_that_fails_takes_the_last_ones_controls_with_it_and_leaves_none(scene, tmp_path):
    def controls(result):
        panel = ControlPanel(scene, tmp_path)
        if result.name == "bad.png":
            raise ValueError("no object was found")
        return panel

    upload = PhotoUpload(lambda path: result(path, BAD if path.name == "dog.png" else GOOD), controls)
    empty = dict(live)
    give(upload, "good.png")
    assert len(live) > len(empty) + 50
    give(upload, "bad.png")
    assert live == empty and upload.result is None and upload.errors == ["no object was found"]
    assert upload.status.value == "no object was found" and not upload.body.children
    give(upload, "dog.png")
    assert len(live) == len(empty) + 2, "the photo alone, with its layout"
    upload.close()


def test_a_picture_that_was_put_off_is_called_off(scene, tmp_path):
    waiting = set()

    def later(seconds, action):
        waiting.add(action)
        return lambda: waiting.discard(action)

    panel = ControlPanel(scene, tmp_path, later=later)
    panel.controls["azimuth_deg"].value = 20
    assert len(waiting) == 1
    panel.close()
    assert not waiting
