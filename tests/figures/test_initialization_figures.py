"""Figures of camera initialisation draw what they are given where it is."""

import math

import pytest
import torch

from ganverse_nb import figures as fig
from ganverse_nb.evaluation.camera_initialization import camera_difference
from ganverse_nb.figures.initialization import SIZE, _frusta, with_points
from ganverse_nb.geometry.camera import Camera


def test_dots_and_lines_are_where_the_points_are():
    places = torch.tensor([[0.25, 0.75], [math.nan, 0.5], [0.5, 0.125]])
    projected = torch.tensor([[0.5, 0.75], [0.5, 0.5], [0.5, 0.125]])
    drawn = with_points(torch.zeros(3, 64, 64), places, ["#0072B2", "#FF0000", "#00FF00"], projected)
    blue = torch.tensor([0, 0x72 / 255, 0xB2 / 255])
    assert torch.allclose(drawn[:, int(0.75 * SIZE), int(0.25 * SIZE)], blue, atol=1e-3)
    assert torch.allclose(drawn[:, int(0.75 * SIZE), int(0.4 * SIZE)], blue, atol=1e-3)  # on the line
    assert drawn[:, int(0.125 * SIZE), SIZE // 2].tolist() == pytest.approx([0, 1, 0], abs=1e-3)
    assert drawn[:, SIZE // 2, SIZE // 2].sum() == 0  # the point without a place


def test_a_frustum_begins_at_the_camera_and_opens_towards_what_it_looks_at():
    camera = Camera.orbit(90.0, 0.0, 2.0)  # on +x, which is the plot's second axis
    segments = torch.tensor(_frusta(camera))
    assert torch.allclose(segments[:4, 0], torch.tensor([0.0, 2.0, 0.0]).expand(4, 3), atol=1e-6)
    assert (segments[:4, 1, 1] < 1.8).all() and segments[4:, :, 1].max() < 1.8


def test_table_a_says_what_was_not_measured():
    one, other = Camera.orbit(torch.tensor([5.0, 90.0])), Camera.orbit(torch.tensor([8.0, 90.0]))
    difference = {"raw": camera_difference(one, other)}
    ious = {"keypoint": 0.953, "view": 0.952}
    table = fig.table_a({"keypoint": 8.6, "view": math.nan}, {"keypoint": 2.0, "view": 2.1}, ious, difference)
    texts = [text.get_text() for text in table.axes[0].texts]
    row = texts.index("views")
    assert texts[row + 1 : row + 4] == ["–", "2.1", "0.952"]
    row = texts.index("cameras, raw")
    assert texts[row + 6 : row + 10] == ["1.50", "3.00", "1.50", "3.00"]
