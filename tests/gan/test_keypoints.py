"""Keypoints survive files, mistakes and pauses; what does not fit is refused by name."""

from __future__ import annotations

import json

import pytest
import torch

from ganverse_nb.gan.checkpoint import bundled
from ganverse_nb.gan.keypoints import KeypointAnnotation, KeypointError, Keypoints, bundled_keypoints
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.geometry.angles import wrap_degrees
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.runtime.files import read_json, sha256

NAMES = ("left_eye", "right_eye", "nose")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def begin(tmp_path):
    def start(names=NAMES, views=3, size=64, content=(0.5, -1.25), clock=None, **facts):
        path = tmp_path / "here" / "keypoints.json"
        return KeypointAnnotation(names, views, size, path, torch.tensor(content), facts, clock or Clock())

    return start


def test_every_click_is_saved_and_read_back(begin):
    annotation = begin(teacher="abc")
    annotation.place(0, "left_eye", 0.25, 0.5)
    annotation.not_seen(0, "nose")
    annotation.place(2, "right_eye", 1.0, 0.125)
    found = Keypoints.load(annotation.path, views=3, picture_size=64, made_from={"teacher": "abc"})
    assert found.names == NAMES and found.pairs == [(0, 1)] and found.content.tolist() == [0.5, -1.25]
    assert found.places[0, 0].tolist() == [0.25, 0.5] and found.places[2, 1].tolist() == [1.0, 0.125]
    assert found.placed.tolist() == [[True, False, False], [False] * 3, [False, True, False]]
    assert found.decided.tolist() == [[True, False, True], [False] * 3, [False, True, False]]
    raw = json.loads(annotation.path.read_text())["views"]
    assert raw == [{"left_eye": [16.0, 32.0], "nose": None}, {}, {"right_eye": [64.0, 8.0]}]


def test_it_goes_on_where_it_stopped_and_long_pauses_count_as_a_minute(begin):
    clock = Clock()
    annotation = begin(clock=clock)
    assert annotation.next_view == 0 and annotation.next_open(0) == "left_eye"
    clock.now += 2.5
    annotation.place(0, "left_eye", 0.5, 0.5)
    assert annotation.next_open(0, "left_eye") == "right_eye"
    clock.now += 3600
    annotation.not_seen(0, "right_eye")
    annotation.place(0, "nose", 0.1, 0.2)
    again = begin()
    assert again.next_view == 1 and again.next_open(0) is None and again.keypoints.seconds == pytest.approx(62.5)
    assert torch.equal(again.keypoints.placed, annotation.keypoints.placed)


def test_undo_brings_back_what_was_there(begin):
    annotation = begin()
    assert annotation.undo() is None
    annotation.place(1, "nose", 0.25, 0.75)
    annotation.place(1, "nose", 0.5, 0.5)
    assert annotation.undo() == (1, "nose") and begin().keypoints.places[1, 2].tolist() == [0.25, 0.75]
    assert annotation.undo() == (1, "nose") and not begin().keypoints.decided.any()


def test_what_does_not_fit_is_one_sentence_with_the_file_and_the_cure(begin):
    annotation = begin(teacher="abc")
    annotation.place(0, "nose", 0.1, 0.1)
    path = annotation.path
    with pytest.raises(ValueError, match="no point 'ear'; the points are left_eye, right_eye, nose"):
        annotation.place(0, "ear", 0.1, 0.1)
    with pytest.raises(ValueError, match=r"nose lies outside of the picture, at \(1.20, 0.10\)"):
        annotation.place(0, "nose", 1.2, 0.1)
    with pytest.raises(ValueError, match="no view 3; the views are 0 to 2"):
        annotation.not_seen(3, "nose")
    for wanted, words in (
        ({"views": 5}, "points of 3 views, there are 5 view codes; annotate those"),
        ({"picture_size": 128}, "in pictures of 64 px, these have 128; annotate"),
        ({"made_from": {"teacher": "other"}}, "in other pictures .teacher differs.; annotate"),
    ):
        with pytest.raises(KeypointError, match=f"keypoints.json .*{words}"):
            Keypoints.load(path, **wanted)
    for other, words in (({"names": NAMES[:2]}, "other names"), ({"content": (0.5, 1.0)}, "another object")):
        with pytest.raises(KeypointError, match=f"keypoints.json holds points .*{words}; give another path"):
            begin(**other)
    with pytest.raises(KeypointError, match="keypoints.json: Every view needs 4 placed points"):
        annotation.keypoints.motion(torch.zeros(3), path)
    content = read_json(path)
    path.write_text(json.dumps(content | {"views": [{"ear": [1, 2]}, {}, {}]}))
    with pytest.raises(KeypointError, match="keypoints.json places ear, which its `names` lack; add or rename"):
        Keypoints.load(path)
    for wrong in ({"views": [{"nose": "here"}, {}, {}]}, {"seconds": "nonsense"}, {"picture_size": 1e300}):
        path.write_text(json.dumps(content | wrong))
        with pytest.raises(KeypointError, match="keypoints.json is damaged"):
            Keypoints.load(path)
    path.write_text("{}")
    with pytest.raises(KeypointError, match="is no file of keypoints"):
        Keypoints.load(path)
    with pytest.raises(FileNotFoundError, match="KeypointLabeller"):
        Keypoints.load(path.with_name("none.json"))
    with pytest.raises(FileNotFoundError, match="no keypoints for cat .the package has them for: bird, car, horse"):
        bundled_keypoints("cat")


@pytest.mark.parametrize(("category", "count", "fewest"), [("car", 20, 5), ("horse", 11, 4), ("bird", 7, 4)])
def test_the_bundled_points_are_of_the_bundled_network_and_say_who_placed_them(category, count, fewest):
    made_from = {"teacher": sha256(bundled(category, "teacher")), "views_file": sha256(bundled(category, "views"))}
    views = ViewCodes.load(category)
    found = Keypoints.load(bundled_keypoints(category), views=len(views), picture_size=64, made_from=made_from)
    assert len(set(found.names)) == len(found.names) == count and found.decided.all()
    assert found.placed.sum(1).min() >= fewest and found.placed.sum(0).min() >= 2  # else a camera or a point is free
    assert all(name.replace("right_", "left_") in found.names for name in found.names)
    assert found.seconds > 0 and "not by a person" in found.facts["made_by"]


def test_cameras_come_out_of_points_placed_through_the_annotation(tmp_path):
    """Points of a known body, projected by known cameras and placed as clicks of a pixel of 64."""
    body = {"front_wheel": (0.2, -0.15, 0.3), "back_wheel": (0.2, -0.15, -0.3), "light": (0.15, 0.0, 0.48)}
    body |= {"roof": (0.14, 0.18, 0.1), "window": (0.14, 0.17, -0.35)}
    names = [f"{side}_{part}" for part in body for side in ("left", "right")]
    points = torch.tensor([[x * sign, y, z] for x, y, z in body.values() for sign in (1, -1)])
    true = Camera.orbit(torch.arange(10) * 36.0 + 4, torch.linspace(6, 18, 10), 2.3)
    annotation = KeypointAnnotation(names, 10, 64, tmp_path / "points.json")
    for view, places in enumerate(true.to_image(points[None])):
        for name, (x, y) in zip(names, ((places * 64).round() / 64).tolist()):
            annotation.place(view, name, x, y)
    motion = Keypoints.load(annotation.path).motion((true.azimuth / 30).round() * 30)
    assert wrap_degrees(motion.azimuth - true.azimuth).abs().max() < 3
    assert (motion.elevation - true.elevation).abs().max() < 3
