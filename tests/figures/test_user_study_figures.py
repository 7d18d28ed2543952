"""The study of two systems from end to end, and its figures: nothing is cropped, and they say whose votes they show."""

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg

from ganverse_nb import figures as fig
from ganverse_nb.evaluation.user_study.analysis import analyse
from ganverse_nb.evaluation.user_study.answers import Votes, read_answers
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.studio.photos import make_photos
from ganverse_nb.workflow.run import open_run
from ganverse_nb.workflow.user_study import open_study


def pixels(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def words(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def boxes(count, axes, color):
    """Ellipsoids with the half axes of a car or of something else."""
    sphere = uv_sphere()
    vertices = (sphere.vertices * torch.tensor(axes)).expand(count, -1, -1)
    texture = torch.tensor(color)[None, :, None, None].expand(count, 3, 8, 16)
    return Mesh(vertices, sphere.faces, sphere.face_uvs, texture)


@pytest.fixture(scope="module")
def photos():
    return make_photos("car", 5, seed=3)


@pytest.fixture(scope="module")
def study(photos, tmp_path_factory):
    """Something shaped like a car beside something that is not."""
    root = tmp_path_factory.mktemp("study")
    run = open_run("smoke", runs=root / "runs", figures=root / "figures")
    run.stage("models", lambda directory: None)
    systems = {
        "like a car": boxes(5, (0.2, 0.17, 0.5), (0.5, 0.5, 0.5)),
        "like a plate": boxes(5, (0.5, 0.05, 0.5), (0.5,) * 3),
    }
    return open_study(run, photos, systems, needs=["models"])


def test_the_automatic_rater_prefers_what_is_shaped_like_a_car(study):
    votes = read_answers(study.directory / "automatic", study, automatic=True)
    assert len(votes.raters) == 3 and not votes.left_out and len(votes) == 9
    assert study.systems == ("like a car", "like a plate")
    assert votes.counts("shape").sum(0).tolist() == [9, 0, 0]
    assert sum(item.check for item in study.items) == 2
    assert read_answers(study.directory / "votes", study).raters == ()


def test_the_survey_shows_both_systems_from_six_sides(photos):
    one, other = boxes(5, (0.2, 0.17, 0.5), (0.9, 0.1, 0.1)), boxes(5, (0.5, 0.05, 0.5), (0.1, 0.1, 0.9))
    shown = fig.comparisons(photos[:2], one[:2], other[:2], checks=1)
    assert [c.check for c in shown] == [False, True] and torch.equal(shown[1].picture, photos.image()[1])
    assert shown[0].textured.shape == (2, 6, 3, 128, 128)
    middle = shown[0].textured[:, :, :, 64, 64]
    assert torch.allclose(middle[0], torch.tensor([0.9, 0.1, 0.1]).expand(6, 3), atol=0.01)
    assert torch.allclose(middle[1], torch.tensor([0.1, 0.1, 0.9]).expand(6, 3), atol=0.01)
    grey = shown[0].shapes
    assert (grey[:, :, 0] - grey[:, :, 2]).abs().max() < 1e-6 and grey[:, :, :, 64, 64].max() < 0.95
    wide = (grey[0, :, 0] < 0.99).any(1).sum(-1)  # columns covered: a car is longer from the side than from the front
    assert wide[1] == wide[4] > wide[0]


def test_what_cannot_be_compared_is_refused(photos, tmp_path):
    run, mesh = open_run("smoke", runs=tmp_path), boxes(5, (0.2, 0.17, 0.5), (0.5, 0.5, 0.5))
    with pytest.raises(ValueError, match="compares two systems, got 1: a"):
        open_study(run, photos, {"a": mesh}, [])
    with pytest.raises(ValueError, match="needs 3 photos and a mesh for each, got 5 and 5 of a, 4 of b"):
        open_study(run, photos, {"a": mesh, "b": mesh[:4]}, [])
    with pytest.raises(ValueError, match="needs 3 photos and a mesh for each, got 2"):
        open_study(run, photos[:2], {"a": mesh[:2], "b": mesh[:2]}, [])


def votes(automatic):
    """Two raters of ten comparisons: overall 15 to 5, shape 20 to 0, texture all undecided."""
    overall = np.array([0] * 15 + [1] * 5)
    choice = np.stack([np.zeros(20, dtype=int), np.full(20, 2), overall], 1)
    item, rater = np.repeat(np.arange(10), 2), np.tile([0, 1], 10)
    return Votes(("GAN-trained", "photo-trained"), automatic, ("a", "b"), (), item, rater, choice, rater, rater)


@pytest.mark.parametrize("draw", [fig.preference_table, fig.agreement_table])
def test_tables_say_whose_votes_they_are_and_are_not_cropped(draw):
    for automatic, who, never in ((True, "automatic rater", "people"), (False, "2 people", "automatic")):
        told = votes(automatic)
        figure = draw(told, analyse(told))
        said = " ".join(words(figure))
        assert who in said and never not in said
        shown = pixels(figure)
        assert all((edge == 255).all() for edge in (shown[0], shown[-1], shown[:, 0], shown[:, -1]))


def test_the_tables_hold_the_numbers():
    told = votes(False)
    shares = words(fig.preference_table(told, analyse(told)))
    assert {"75.0", "25.0", "100.0", "0.0"} <= set(shares)
    shown = words(fig.agreement_table(told, analyse(told)))
    assert "100.0" in shown and "–" in shown  # shape: all agree; texture: nobody preferred any


def test_figure_i_shows_an_item_with_its_questions(study):
    figure = fig.study_interface(study)
    told = words(figure)
    assert {"Input", "Trial 1", "Trial 2", "No preference", "Shape.", "Texture.", "Overall."} <= set(told)
    shown = pixels(figure)
    assert all((edge == 255).all() for edge in (shown[0], shown[-1], shown[:, 0], shown[:, -1]))
