"""Votes in a notebook: saved at once, taken back, continued, and read like those of the page."""

import json

import pytest

from ganverse_nb.evaluation.user_study.answers import read_answers
from ganverse_nb.evaluation.user_study.ballot import Ballot
from ganverse_nb.runtime.errors import ExpectedError


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def ballot(survey, tmp_path):
    return Ballot(survey, tmp_path / "votes" / "anna.json", "anna", Clock())


def finish(ballot):
    """Prefer the first system everywhere."""
    items = {item.id: item for item in ballot.survey.items}
    while ballot.current:
        ballot.choose(ballot.sides.index(items[ballot.current].name(0)) + 1)


def test_votes_are_read_as_they_were_meant(ballot, survey, tmp_path):
    finish(ballot)
    votes = read_answers(tmp_path / "votes", survey)
    assert votes.raters == ("anna",) and votes.left_out == ()
    assert all(votes.counts(q).tolist() == [[1, 0, 0]] * 3 for q in ("shape", "texture", "overall"))


def test_three_choices_are_an_answer_and_it_is_saved(ballot):
    item = ballot.current
    assert ballot.question == "shape"
    ballot.choose(1)
    ballot.choose(0)
    assert not ballot.path.exists() and ballot.question == "overall"
    sides, ballot.clock.now = ballot.sides, 12.4
    ballot.choose(2)
    (saved,) = json.loads(ballot.path.read_text())["answers"]
    expected = {"item": item, "order": sides, "shape": sides[0], "texture": "none", "overall": sides[1], "seconds": 12}
    assert saved == expected and ballot.current != item and ballot.question == "shape"


def test_undo_goes_back_one_choice_at_a_time_across_comparisons(ballot):
    ballot.undo()
    item = ballot.current
    for trial in (2, 0, 1, 1):
        ballot.choose(trial)
    ballot.undo()
    ballot.undo()
    assert (ballot.current, ballot.question, ballot.chosen) == (item, "overall", {"shape": 2, "texture": 0})
    assert json.loads(ballot.path.read_text())["answers"] == []
    ballot.choose(2)
    assert (ballot.answers[0].shape, ballot.answers[0].texture) == (ballot.answers[0].order[1], "none")


def test_a_ballot_goes_on_where_it_stopped(ballot, survey):
    for _ in range(6):
        ballot.choose(1)
    again = Ballot(survey, ballot.path, "anna")
    assert again.answers == ballot.answers and again.current == ballot.current and again.sides == ballot.sides
    finish(again)
    assert len(again.answers) == 4


def test_raters_differ_in_order_and_sides(survey, tmp_path):
    ballots = [Ballot(survey, tmp_path / f"{n}.json", f"rater {n}") for n in range(40)]
    assert len({ballot.current for ballot in ballots}) == 4
    assert 10 < sum(ballot.sides == "ab" for ballot in ballots) < 30


def test_refusals(ballot, survey, tmp_path):
    with pytest.raises(ValueError, match="1, 2 or 0"):
        ballot.choose(3)
    finish(ballot)
    with pytest.raises(ValueError, match="All 4 comparisons are answered"):
        ballot.choose(1)
    with pytest.raises(ExpectedError, match="another survey or of another rater"):
        Ballot(survey, ballot.path, "ben")
    with pytest.raises(ValueError, match="name of its rater"):
        Ballot(survey, tmp_path / "x.json", " ")
