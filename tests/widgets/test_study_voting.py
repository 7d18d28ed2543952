"""Votes in a notebook, clicked and typed as a front end does it, without a kernel."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.evaluation.user_study.answers import read_answers
from ganverse_nb.evaluation.user_study.ballot import Ballot
from ganverse_nb.evaluation.user_study.survey import Comparison, write_survey
from ganverse_nb.widgets import StudyVoting


@pytest.fixture
def survey(tmp_path):
    views = torch.tensor([0.2, 0.8])[:, None, None, None, None].expand(2, 6, 3, 8, 8)
    shown = [Comparison(torch.full((3, 8, 8), 0.1 * i), views, views) for i in range(3)]
    return write_survey(tmp_path / "study", shown, ("x", "y"))


@pytest.fixture
def voting(survey, tmp_path):
    return StudyVoting(Ballot(survey, tmp_path / "votes" / "anna.json", "anna"))


def test_it_shows_the_trials_in_the_ballots_order(voting, survey):
    item, sides = voting.ballot.current, voting.ballot.sides
    assert voting.input.value == survey.picture(item, "input")
    assert [trial.value for trial in voting.trials] == [survey.picture(item, name) for name in sides]
    assert "<b>Shape.</b>" in voting.question.value and "0 of 3" in voting.status.value


def test_clicks_vote_save_and_go_on(voting, survey, tmp_path):
    """Trial 1 in shape, no preference in texture, trial 2 overall."""
    item, sides = voting.ballot.current, voting.ballot.sides
    voting.buttons["1"].click()
    assert "<b>Texture.</b>" in voting.question.value
    voting.buttons["3"].click()
    voting.buttons["2"].click()
    assert voting.ballot.current != item and voting.progress.value == 1
    systems = dict(zip("ab", next(i.systems for i in survey.items if i.id == item)))
    (choice,) = read_answers(tmp_path / "votes", survey).choice.tolist()
    assert choice == [systems[sides[0]], 2, systems[sides[1]]]


def test_keys_and_undo(voting):
    voting.typed.set_state({"value": "13"})  # as the front end does it
    assert voting.ballot.chosen == {"shape": 1, "texture": 0} and voting.typed.value == ""
    voting.typed.value = "?"
    voting.typed.value = "u"
    assert voting.ballot.chosen == {"shape": 1} and "<b>Texture.</b>" in voting.question.value
    voting.undo.click()
    assert voting.ballot.chosen == {} and not voting.errors


def test_when_all_is_done_only_undo_is_left(voting):
    voting.typed.value = "111222333"
    assert "All 3 comparisons" in voting.question.value and "3 of 3" in voting.status.value
    assert all(button.disabled for button in voting.buttons.values()) and not voting.undo.disabled
    with pytest.raises(ValueError, match="All 3"):
        voting.typed.value = "1"
    assert len(voting.errors) == 1 and "All 3" in voting.status.value
    voting.undo.click()
    assert not voting.buttons["1"].disabled and "<b>Overall.</b>" in voting.question.value


def test_controls_can_be_found_in_a_browser(voting):
    for name in ("input", "question", "undo", "typed", "progress", "status"):
        assert f"gv-{name}" in getattr(voting, name)._dom_classes
    assert "gv-vote-1" in voting.buttons["1"]._dom_classes
