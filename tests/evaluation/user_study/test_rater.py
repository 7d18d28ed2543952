"""The automatic rater on studio cars: the truth beats everything, noise shows where it is, light does not matter."""

from dataclasses import replace

import pytest
import torch

from ganverse_nb.evaluation.user_study.answers import read_answers
from ganverse_nb.evaluation.user_study.rater import Errors, aligned, novel_view_errors, write_automatic_answers
from ganverse_nb.evaluation.user_study.survey import Comparison, write_survey
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.studio.photos import make_photos

COUNT = 3


@pytest.fixture(scope="module")
def photos():
    return make_photos("car", COUNT, seed=77)


@pytest.fixture(scope="module")
def truth(photos):
    """The true meshes with their true colours as a texture: one texel per face."""
    mesh, colors = photos.mesh(), photos.colors()
    count = len(mesh.faces)
    u = (torch.arange(count) + 0.5) / count
    uvs = torch.stack([u, torch.full_like(u, 0.5)], -1)[:, None].expand(-1, 3, -1).contiguous()
    return Mesh(mesh.vertices, mesh.faces, uvs, colors[:, mesh.faces].mean(2).transpose(1, 2)[:, :, None])


def noisy(mesh, amount=0.04):
    noise = torch.randn(mesh.vertices.shape, generator=torch.Generator().manual_seed(0))
    return replace(mesh, vertices=mesh.vertices + amount * noise)


def repainted(mesh):
    assert mesh.texture is not None
    return replace(mesh, texture=1 - mesh.texture)


def test_the_truth_has_almost_no_error(photos, truth):
    errors = novel_view_errors(photos, (truth, noisy(truth)), 60.0, 15.0)
    assert errors.shape[:, 0].max() < 1e-3 and errors.texture[:, 0].max() < 0.03  # texels are the means of faces
    assert errors.shape[:, 1].min() > 0.1


def test_each_question_is_about_its_own_fault(photos, truth):
    bent = novel_view_errors(photos, (noisy(truth), truth), 60.0, 15.0)
    assert bent.choices()[:, 0].tolist() == [1] * COUNT
    painted = novel_view_errors(photos, (truth, repainted(truth)), 60.0, 15.0)
    assert painted.choices().tolist() == [[2, 0, 0]] * COUNT  # the same shape, a better texture: better overall


def test_brightness_is_no_fault(photos, truth):
    """Half the light gives half the colours everywhere."""
    errors = novel_view_errors(photos, (truth, replace(truth, texture=0.5 * truth.texture)), 60.0, 15.0)
    assert errors.texture[:, 1] == pytest.approx(errors.texture[:, 0], abs=0.005)


def test_choices_weigh_relative_differences():
    errors = Errors(torch.tensor([[0.1, 0.2], [0.2, 0.1], [0.1, 0.102], [0.1, 0.2]]), torch.full((4, 2), 0.05))
    assert errors.choices().tolist() == [[0, 2, 0], [1, 2, 1], [2, 2, 2], [0, 2, 0]]
    contrary = Errors(torch.tensor([[0.1, 0.12]]), torch.tensor([[0.09, 0.03]]))
    assert contrary.choices().tolist() == [[0, 1, 1]]


def test_position_size_and_a_turn_are_taken_off(photos, truth):
    angle = torch.tensor(0.1)
    turn = torch.tensor([[angle.cos(), 0, angle.sin()], [0, 1, 0], [-angle.sin(), 0, angle.cos()]])
    moved = replace(truth, vertices=0.9 * truth.vertices @ turn.T + torch.tensor([0.02, 0.01, -0.03]))
    assert (moved.vertices - truth.vertices).norm(dim=-1).mean() > 0.04
    assert (aligned(moved, photos.mesh()).vertices - truth.vertices).norm(dim=-1).mean() < 0.006


def test_its_answers_say_what_was_measured_and_that_nobody_saw_it(photos, truth, tmp_path):
    """System 1 is the truth but in comparison 0, where it is worse in shape; sides and order are shuffled."""
    first = noisy(truth)
    second = replace(truth, vertices=truth.vertices.clone())
    first.vertices[0], second.vertices[0] = truth.vertices[0], first.vertices[0].clone()
    views = torch.zeros(2, 6, 3, 16, 16)
    survey = write_survey(tmp_path, [Comparison(image, views, views) for image in photos.image()], ("x", "y"))
    write_automatic_answers(tmp_path / "automatic", survey, photos, (first, second))
    votes = read_answers(tmp_path / "automatic", survey, automatic=True)
    assert votes.automatic and votes.raters == ("automatic-1", "automatic-2", "automatic-3")
    compared = {int(item.id): item.comparison for item in survey.items}
    for item, choice in zip(votes.item.tolist(), votes.choice[:, 0].tolist(), strict=True):
        assert choice == (0 if compared[item] == 0 else 1)
