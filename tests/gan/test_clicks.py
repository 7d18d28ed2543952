"""Clicks on object and background: kept as they are made, and refused with a sentence where they cannot be used."""

import json
from dataclasses import replace

import pytest
import torch

from ganverse_nb.gan.clicks import Click, ClickAnnotation, ClickError, Clicks, clicked_codes, default_split
from ganverse_nb.gan.generator import Generator
from ganverse_nb.runtime.tensors import weights_of


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(0)
    return Generator(16, 8, 8, 2, (6, 5, 4), rows=(4, 12)).eval().requires_grad_(False)


def test_every_click_is_kept_at_once_and_an_annotation_goes_on(generator, tmp_path):
    path, time = tmp_path / "run" / "clicks.json", iter([0.0, 3.0, 100.0, 200.0, 200.0, 204.0])
    annotation = ClickAnnotation(generator, path, seed=3, clock=lambda: next(time))
    assert annotation.pictures().shape == (10, 3, 16, 16) and annotation.clicks.split_layer == 1
    annotation.add(0, 0.5, 0.4, True)
    assert not annotation.clicks.complete
    annotation.add(1, 0.1, 0.3, False)
    saved = Clicks.load(path, generator)
    assert saved.points == (Click(0, 0.5, 0.4, True), Click(1, 0.1, 0.3, False)) and saved.complete
    assert saved.seconds == 63.0  # of a pause no more than a minute
    assert annotation.undo() == Click(1, 0.1, 0.3, False) and len(Clicks.load(path).points) == 1
    again = ClickAnnotation(generator, path, seed=3, clock=lambda: 0.0)
    assert again.clicks.points == (Click(0, 0.5, 0.4, True),)
    torch.testing.assert_close(clicked_codes(generator, again.clicks), clicked_codes(generator, annotation.clicks))
    with pytest.raises(ClickError, match="other pictures"):
        ClickAnnotation(generator, path, seed=4)
    again.undo()
    assert not path.exists() and again.undo() is None


def test_pictures_share_their_content_and_differ_in_the_view(generator):
    codes = clicked_codes(generator, Clicks(weights_of(generator), 0, default_split(generator)))
    assert (codes[0, 1:] == codes[1, 1:]).all() and not torch.equal(codes[0, 0], codes[1, 0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"network": "crc32:00000000"}, "another network; click in those of this one"),
        ({"colour": "red"}, "has an entry 'colour'"),
        ({"seed": None}, "is damaged"),
        ({"format": "ganverse_nb.keypoints/1"}, "no file of clicks"),
        ({"split_layer": 9}, "no split layer 9"),
        ({"clicks": [{"view": 0, "x": 0.5, "y": 1.5, "object": True}]}, "Click 1 .* lies outside of the picture"),
        ({"clicks": [{"view": 0, "x": 0.5, "y": 0.1, "object": True}]}, "click 1 lies on the bars"),
        ({"clicks": [{"view": 99, "x": 0.5, "y": 0.5, "object": True}]}, "in view 99, and the views are 0 to 9"),
        ({"clicks": [{"view": 0, "x": 0.5, "y": 0.5, "object": "car"}]}, "says 'car' where true"),
        ({"clicks": [{"view": 0, "x": 0.5}]}, "is damaged"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(generator, tmp_path, change, words):
    path = tmp_path / "clicks.json"
    Clicks(weights_of(generator), 0, 1, (Click(0, 0.5, 0.5, True),)).save(path)
    content = json.loads(path.read_text())
    content.pop("checksum")
    path.write_text(json.dumps(content | change))
    with pytest.raises(ClickError, match=words) as caught:
        Clicks.load(path, generator)
    assert "\n" not in str(caught.value)


def test_a_file_that_lacks_an_entry_is_torn_or_is_not_there(generator, tmp_path):
    path = tmp_path / "clicks.json"
    Clicks(weights_of(generator), 0, 1).save(path)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"seed": 5}))
    with pytest.raises(ClickError, match="has changed since it was written"):
        Clicks.load(path)
    path.write_text(json.dumps({k: v for k, v in content.items() if k not in ("checksum", "clicks")}))
    with pytest.raises(ClickError, match="lacks the entry 'clicks'"):
        Clicks.load(path)
    with pytest.raises(FileNotFoundError, match="notebook 02"):
        Clicks.load(tmp_path / "none.json")


def test_a_click_beside_the_picture_is_refused(generator, tmp_path):
    annotation = ClickAnnotation(generator, tmp_path / "clicks.json")
    for place, words in (((0, 0.5, 0.1), "on its bars"), ((0, 1.2, 0.5), "outside"), ((10, 0.5, 0.5), "view 10")):
        with pytest.raises(ClickError, match=words):
            annotation.add(*place, True)
    assert not annotation.clicks.points
    assert replace(annotation.clicks, seed=1) != annotation.clicks
