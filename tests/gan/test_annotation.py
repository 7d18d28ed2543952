"""A labelling survives mistakes, pauses and interrupts."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.gan.annotation import LEFT_OUT, UNLABELLED, ViewAnnotation
from ganverse_nb.gan.checkpoint import CheckpointError
from ganverse_nb.gan.viewpoints import ViewCodes


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def codes():
    return torch.randn(5, 4, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def begin(codes, tmp_path):
    def start(some=codes, k=2, clock=None):
        return ViewAnnotation(some, k, tmp_path / "here" / "views.safetensors", {"teacher": "abc"}, clock or Clock())

    return start


def test_every_decision_is_saved_as_a_viewpoint_file(begin, codes):
    annotation = begin()
    assert annotation.current == 0 and annotation.missing_bins == list(range(12))
    for decision in (9, 0, None, 3):
        annotation.leave_out() if decision is None else annotation.label(decision)
    assert annotation.labels.tolist() == [9, 0, LEFT_OUT, 3, UNLABELLED] and annotation.current == 4
    saved = ViewCodes.load(annotation.path)
    assert torch.equal(saved.codes, codes[[1, 3, 0]]) and saved.azimuth_bin.tolist() == [0, 3, 9]
    assert saved.azimuth.tolist() == [0, 90, 270] and saved.split_layer == 2
    assert saved.provenance["teacher"] == "abc" and saved.provenance["left_out"] == [2]
    assert 0 not in annotation.missing_bins and 1 in annotation.missing_bins


def test_it_goes_on_where_it_stopped(begin):
    clock = Clock()
    annotation = begin(clock=clock)
    annotation.label(4)
    clock.now += 2.5
    annotation.leave_out()
    clock.now += 3600  # lunch counts as a minute
    annotation.label(5)
    again = begin()
    assert again.labels.tolist() == annotation.labels.tolist() and again.current == 3
    assert again.seconds == pytest.approx(62.5)


def test_what_is_left_out_is_remembered_before_anything_is_labelled(begin):
    annotation = begin()
    annotation.leave_out()
    annotation.leave_out()
    again = begin()
    assert again.labels.tolist()[:2] == [LEFT_OUT] * 2 and again.current == 2
    with pytest.raises(ValueError, match="No view code is labelled yet"):
        again.views()
    again.label(3)
    assert ViewCodes.load(again.path).azimuth_bin.tolist() == [3] and begin().current == 3


def test_undo(begin):
    annotation = begin()
    annotation.undo()
    annotation.label(4)
    annotation.label(6)
    annotation.undo()
    assert annotation.labels.tolist()[:2] == [4, UNLABELLED] and len(ViewCodes.load(annotation.path)) == 1
    annotation.label(7)
    assert ViewCodes.load(annotation.path).azimuth_bin.tolist() == [4, 7]
    annotation.undo(), annotation.undo()
    assert not annotation.path.exists() and annotation.current == 0
    with pytest.raises(ValueError, match="No view code is labelled yet"):
        annotation.views()


def test_bad_input_is_one_sentence(begin, codes):
    annotation = begin()
    with pytest.raises(ValueError, match="a number from 0 to 11 .* got 12"):
        annotation.label(12)
    for _ in range(5):
        annotation.label(1)
    with pytest.raises(ValueError, match="All 5 view codes are labelled"):
        annotation.leave_out()
    for other in ({"some": codes + 1}, {"some": codes[:, :3]}, {"k": 3}):
        with pytest.raises(CheckpointError, match="labels of other view codes"):
            begin(**other)
