"""Figures of the renderer and of Eq 1: nothing cropped, labels and numbers there, arrows where the gradient points."""

import pytest
import torch

from ganverse_nb import figures as fig
from ganverse_nb.evaluation.loss_terms import ExplainedLoss
from ganverse_nb.figures.losses import TERMS
from ganverse_nb.figures.renderer import descent
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.render.fitting import MeshFit
from ganverse_nb.render.renderer import render
from tests.figures.figure_checks import cropped, texts

SPHERE = uv_sphere()
SMALL, LARGE = (Mesh(size * SPHERE.vertices, SPHERE.faces) for size in (0.25, 0.4))
CAMERA = Camera.orbit(30.0, 10.0)


def test_what_a_pixel_knows_is_shown_with_the_range_of_its_depth():
    output = render(LARGE, CAMERA, 64)
    figure = fig.zbuffer(output, output.rgb)
    assert not cropped(figure)
    assert {"face_index", "barycentric", "normals", "picture"} <= set(texts(figure))
    near, far = 2.3 - 0.4, 2.3
    (label,) = [text for text in texts(figure) if text.startswith("depth")]
    low, high = (float(word) for word in label.removeprefix("depth: ").split(" to "))
    assert low == pytest.approx(near, abs=0.02) and near < high <= far


def test_silhouettes_say_how_far_they_reach():
    figure = fig.soft_silhouettes(LARGE, CAMERA, [1 / 7000, 3e-3])
    assert not cropped(figure)
    assert {"mask", "σ = 0.00014\nreach 1.2 px", "σ = 0.003\nreach 5.3 px"} <= set(texts(figure))


@pytest.mark.parametrize(("start", "aim", "sign"), [(SMALL, LARGE, 1), (LARGE, SMALL, -1)])
def test_arrows_point_out_of_a_small_ball_and_into_a_large_one(start, aim, sign):
    mask = render(aim, CAMERA, 64).mask
    place, push = descent(start, CAMERA, mask, 3e-3)
    outwards = ((place - 0.5) * push).sum(1)
    moved = push.norm(dim=1) > 0.05 * push.norm(dim=1).max()
    assert moved.sum() > 20 and (sign * outwards[moved] > 0).all()
    assert not cropped(fig.silhouette_gradient(start, CAMERA, mask, [1e-4, 3e-3]))


def test_a_fit_is_shown_step_by_step_in_numbers_and_from_other_sides():
    cameras = Camera.orbit(torch.tensor([0.0, 90.0]), 10.0)
    vertices = torch.cat([SMALL.vertices, LARGE.vertices])
    fit = MeshFit(SMALL, vertices, torch.tensor([0.4, 1.0]))
    steps = fig.fit_steps(fit, cameras, render(LARGE, cameras, 32).mask, [0, 1], 192)
    assert {"mask", "step 0", "step 1", "0°, 10° up", "90°, 10° up"} <= set(texts(steps))
    curves = fig.fit_curves({"seen": fit.iou}, {0: 0.1, 1: 0.01}, [0, 1])
    assert [text.get_text() for text in curves.axes[0].get_legend().get_texts()] == ["seen: 1.000"]
    unseen = fig.fit_unseen(SMALL, LARGE, cameras, 192)
    assert {"fitted", "true"} <= set(texts(unseen)) and [t for t in texts(unseen) if t.startswith("IoU 0.3")]
    assert not any(map(cropped, (steps, curves, unseen)))


def test_every_term_of_equation_1_has_its_picture_value_and_weight():
    output, count = render(LARGE, CAMERA, 32), len(SPHERE.vertices[0])
    part = torch.rand(count)
    values = {name: 0.1 * number for number, name in enumerate(TERMS, 1)}
    loss = ExplainedLoss(
        values, dict.fromkeys(TERMS, 2.0), torch.rand(1, 3, 32, 32), output.mask, output, LARGE, CAMERA,
        torch.rand(1, 1, 32, 32), part, part, torch.zeros(count),
    )  # fmt: skip
    figure = fig.loss_terms({"untrained": loss, "trained": loss}, 64)
    assert not cropped(figure)
    said = texts(figure)
    assert {"untrained\nloss 4.20", "trained\nloss 4.20", "picture", "prediction", *TERMS.values()} <= set(said)
    assert said.count("0.1 × 2") == 2 and said.count("0.6 × 2") == 2
