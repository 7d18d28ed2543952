"""The click tool, clicked and typed into as its front end does it, without a kernel."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.gan.clicks import ClickAnnotation, ClickError, Clicks
from ganverse_nb.gan.generator import Generator
from ganverse_nb.widgets import ClickLabeller


@pytest.fixture
def labeller(tmp_path):
    torch.manual_seed(0)
    generator = Generator(16, 8, 8, 2, (6, 5, 4), rows=(4, 12)).eval().requires_grad_(False)
    return ClickLabeller(ClickAnnotation(generator, tmp_path / "clicks.json", clock=lambda: 0.0))


def send(labeller, **content):
    labeller.image._handle_custom_msg(content, [])  # as a message of the front end arrives


def test_two_clicks_in_each_picture_object_and_background_by_turns(labeller):
    assert "view 1 of 10, 0 clicks: click on the object, 10 to go" in labeller.status.value
    before = labeller.image.picture
    send(labeller, click=[0.5, 0.5])
    assert labeller.view == 0 and labeller.kind.value == "background"
    send(labeller, click=[0.1, 0.3])
    assert labeller.view == 1 and labeller.kind.value == "object" and labeller.image.picture != before
    saved = Clicks.load(labeller.annotation.path)
    assert [(p.view, p.x, p.y, p.object) for p in saved.points] == [(0, 0.5, 0.5, True), (0, 0.1, 0.3, False)]
    assert labeller.image.points == []
    send(labeller, key="p")
    assert [(p["name"], p["place"]) for p in labeller.image.points] == [
        ("object", [0.5, 0.5]),
        ("background", [0.1, 0.3]),
    ]
    again = ClickLabeller(labeller.annotation)  # as when the cell is run again
    assert again.view == 1 and again.kind.value == "object"


def test_keys_change_the_kind_undo_and_turn_pages(labeller):
    send(labeller, key="x")
    assert labeller.kind.value == "background"
    send(labeller, click=[0.2, 0.4])
    assert labeller.view == 1
    send(labeller, key="u")
    assert labeller.view == 0 and labeller.kind.value == "background" and not labeller.annotation.clicks.points
    send(labeller, key="u")
    send(labeller, key="p")
    assert labeller.view == 9
    send(labeller, key="n")
    assert labeller.view == 0


def test_a_click_on_the_bars_is_refused_where_one_looks(labeller):
    with pytest.raises(ClickError, match="on its bars"):
        labeller.click(0.5, 0.1)
    assert "on its bars" in labeller.status.value and len(labeller.errors) == 1
    assert not labeller.annotation.path.exists()


def test_after_ten_it_says_that_it_is_enough(labeller):
    for _ in range(5):
        send(labeller, click=[0.5, 0.5])
        send(labeller, click=[0.1, 0.3])
    assert "enough" in labeller.status.value and Clicks.load(labeller.annotation.path).complete
