"""Figures of failures and of light: what is in them is what was measured, and nothing is cropped."""

import math

import pytest
import torch

from ganverse_nb import figures as fig
from ganverse_nb.evaluation.domain_check import INSIDE, DomainCheck
from ganverse_nb.evaluation.failures import KindResult
from ganverse_nb.evaluation.light import LightScores, true_light
from ganverse_nb.figures.limitations import BRIGHTEST, balls, brightness, even, lit, shaded
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.render.light import lamp, white_light
from ganverse_nb.studio.lit import make_lit_photos
from ganverse_nb.studio.out_of_distribution import ood_photos
from tests.figures.figure_checks import cropped, texts

FRONT = Camera.orbit(0.0, 0.0, 2.1)


def red_ball(count=1):
    sphere = uv_sphere()
    texture = torch.tensor([0.8, 0.1, 0.1])[None, :, None, None].expand(count, 3, 8, 16).contiguous()
    return Mesh(0.4 * sphere.vertices.repeat(count, 1, 1), sphere.faces, sphere.face_uvs, texture)


def test_a_lamp_on_the_left_brightens_the_left_and_a_white_room_nothing():
    left = lamp(torch.tensor([[-1.0, 0.0, 0.0]]))  # seen from the front, -x is on the left
    for picture in (lit(red_ball(), FRONT, left, 32)[0, 0], shaded(red_ball(), FRONT, left, 32)[0, 0]):
        assert picture[16, 10] > picture[16, 16] > picture[16, 22]
    room = white_light(left)
    for light in (room, 3 * room):
        assert balls(light, FRONT, 32)[0, 0, 16, 16] == pytest.approx(1 / BRIGHTEST, abs=1e-3)
    assert torch.allclose(even(2 * left + room), room * (2 * float(brightness(left)) + 1))
    assert lit(red_ball(), FRONT, room, 32)[0, :, 16, 16].tolist() == pytest.approx([0.8, 0.1, 0.1], abs=1e-3)
    assert (
        balls(left, Camera.orbit(90.0, 0.0, 9.0), 32)[0, 0, 16, 16]
        < balls(left, Camera.orbit(-90.0, 0.0), 32)[0, 0, 16, 16]
    )


def test_median_and_worst_of_every_kind_with_their_numbers():
    photos = {kind: some for kind, some in ood_photos("car", 3, seed=2).items() if kind != "bus"}
    chamfer, overlap = torch.tensor([0.02, 0.09, 0.05]), torch.tensor([0.9, 0.4, 0.6])
    results = {kind: KindResult(some, red_ball(3), some.camera, overlap, chamfer) for kind, some in photos.items()}
    check = DomainCheck(1.0, {INSIDE: [0.1], "go-kart": [1.0, 2.5, None], "batmobile": [0.5, None, 3.0]})
    figure = fig.failures(results, check)
    shown = texts(figure)
    assert [t for t in shown if "Chamfer" in t] == ["Chamfer 0.050", "Chamfer 0.090"] * 2
    assert [t for t in shown if "score" in t or "one" in t] == [
        "not one object",
        "score 2.5",
        "score 3.0",
        "not one object",
    ]
    assert shown.count("IoU 0.60") == 2 and "go-kart,\nworst" in shown and not cropped(figure)


def test_curves_and_the_limit_in_use():
    check = DomainCheck(2.0, {INSIDE: [0.0, 1.0, 2.0, 3.0], "bus": [2.5, None]})
    figure = fig.roc_curves(check)
    chance, curve, dot = figure.axes[0].get_lines()
    assert list(curve.get_xdata()) == check.roc("bus")[0] and list(curve.get_ydata()) == check.roc("bus")[1]
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (0.25, 1.0)
    assert curve.get_label() == "bus: area 0.875" and list(chance.get_xdata()) == [0, 1]


def test_light_is_drawn_beside_the_truth():
    photos = make_lit_photos("car", 2, seed=1)
    light = true_light(photos)
    pictures = fig.light_pictures(photos.photos.image(), red_ball(2), photos.photos.camera, light)
    assert not cropped(pictures) and "lamp\nleft" in texts(pictures)
    nan = torch.full((2,), math.nan)
    known = torch.tensor([0.1, 0.25])
    scores = {"none": LightScores(known, known, nan, nan, *[known] * 3), "light": LightScores(*[known] * 7)}
    predictions = dict.fromkeys(scores, (red_ball(2), photos.photos.camera, light))
    figure = fig.light_truth(photos, predictions, scores)
    shown = texts(figure)
    assert shown.count("0.250") == 2 and shown.count("25 %") == 2 and shown.count("0°") == 2
    assert shown.count("truth") == 2 and not cropped(figure)
    table = fig.light_table(scores, torch.tensor([20.0, 30.0, 70.0]))
    row = texts(table).index("straight above")
    assert texts(table)[row + 1 : row + 8] == ["–", "–", "30.0", *["–"] * 4]
