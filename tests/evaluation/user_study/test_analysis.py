"""The paper's own table from its counts, textbook values, and intervals that know how votes hang together."""

import math

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, milp
from scipy.stats import binom

from ganverse_nb.evaluation.user_study.analysis import agreement, analyse, fleiss_kappa, position_bias, preference
from ganverse_nb.evaluation.user_study.answers import Votes

# Every way in which three raters can vote: counts of (ours, Pascal3D-model, no preference).
PATTERNS = np.array([(a, b, 3 - a - b) for a in range(4) for b in range(4 - a)])
# Table B of the paper in counts of 203 images with three votes each, the one size that fits all its percentages:
# votes, and images on which all, two and none agree.
PAPER = {
    "overall": ((350, 158, 101), (53, 124, 26)),
    "shape": ((375, 161, 73), (60, 119, 24)),
    "texture": ((343, 200, 66), (55, 126, 22)),
}
STATED = {
    "overall": ((57.5, 25.9, 16.6), (26.1, 61.1, 12.8)),
    "shape": ((61.6, 26.4, 11.9), (29.6, 58.6, 11.8)),
    "texture": ((56.3, 32.8, 10.8), (27.1, 62.1, 10.8)),
}
KAPPA = {"overall": 0.069, "shape": 0.051, "texture": 0.073}
CHANCE = {"overall": 85.2, "shape": 88.3, "texture": 88.0}
WIN_RATE = {"overall": 69, "shape": 70, "texture": 63}


def paper_counts(question):
    """Counts [203, 3] with the paper's totals, found by integer programming over the ten patterns."""
    totals, agreeing = PAPER[question]
    most = PATTERNS.max(1)
    rows = np.stack([*PATTERNS.T, most == 3, most == 2, most == 1]).astype(float)
    wanted = np.array([*totals, *agreeing], dtype=float)
    found = milp(np.zeros(len(PATTERNS)), constraints=LinearConstraint(rows, wanted, wanted), integrality=1)
    assert found.success
    return PATTERNS.repeat(found.x.round().astype(int), axis=0)


@pytest.mark.parametrize("question", PAPER)
def test_the_papers_tables(question):
    """Tables 1c and B. The paper truncates one value: 73 of 609 are 11.99 %, printed as 11.9."""
    counts = paper_counts(question)
    assert counts.shape == (203, 3)
    said, agreed = preference(counts), agreement(counts)
    shares, agreements = STATED[question]
    assert [100 * s for s in said.share] == pytest.approx(shares, abs=0.1)
    found = [100 * s for s in (agreed.all_agree, agreed.some_agree, agreed.none_agree)]
    assert found == pytest.approx(agreements, abs=0.051)
    assert agreed.kappa == pytest.approx(KAPPA[question], abs=0.0006)
    assert 100 * agreed.chance == pytest.approx(CHANCE[question], abs=0.06)
    assert 100 * said.win_rate == pytest.approx(WIN_RATE[question], abs=0.6)
    assert said.p_value < 1e-4 and said.win_rate_interval[0] > 0.5  # "significant preference" holds


def test_fleiss_own_example():
    """Fleiss (1971): 10 subjects, 14 raters, 5 categories, kappa 0.210."""
    counts = [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
    assert fleiss_kappa(np.array(counts)) == pytest.approx(0.210, abs=0.0005)


def test_kappa_at_its_ends():
    assert fleiss_kappa(np.array([[3, 0, 0], [0, 3, 0]])) == pytest.approx(1.0)
    assert fleiss_kappa(np.array([[1, 1, 0], [1, 1, 0]])) == pytest.approx(-1.0)
    assert math.isnan(fleiss_kappa(np.array([[3, 0, 0], [2, 0, 0]])))


def test_wilson_against_the_formula():
    said = preference(np.array([[1, 0, 0]] * 8 + [[0, 1, 0]] * 2))
    z, n, p = 1.959964, 10, 0.8
    centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    assert said.wilson[0] == pytest.approx(((centre - half) / scale, (centre + half) / scale), abs=1e-6)


def test_the_sign_test_counts_items_without_ties():
    said = preference(np.array([[2, 1, 0]] * 8 + [[0, 1, 2]] * 2 + [[1, 1, 1]] * 5))
    assert (said.wins, said.losses) == (8, 2)
    assert said.p_value == pytest.approx(2 * binom.sf(7, 10, 0.5))


def test_the_bootstrap_knows_that_an_items_votes_hang_together():
    """Three raters who always agree say no more than one: the interval stays as wide, Wilson's on votes does not."""
    rng = np.random.default_rng(0)
    one = np.eye(3, dtype=int)[rng.choice(3, 200, p=[0.6, 0.3, 0.1])]
    alone, thrice = preference(one), preference(3 * one)
    width = lambda interval: interval[1] - interval[0]  # noqa: E731
    assert width(alone.bootstrap[0]) == pytest.approx(width(alone.wilson[0]), rel=0.05)
    assert thrice.bootstrap[0] == pytest.approx(alone.bootstrap[0], abs=1e-9)
    assert width(thrice.wilson[0]) == pytest.approx(width(alone.wilson[0]) / math.sqrt(3), rel=0.02)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(1)
    covered = 0
    for trial in range(60):
        taste = rng.beta(4, 2, 80)  # items differ in how many prefer the first system; mean 2/3
        first = rng.binomial(3, taste)
        low, high = preference(np.stack([first, 3 - first, 0 * first], 1), trial).win_rate_interval
        covered += low <= 2 / 3 <= high
    assert 52 <= covered <= 60


def test_a_preference_for_the_place_is_found():
    rng = np.random.default_rng(2)
    shown = rng.integers(0, 2, 400)
    always_first = position_bias(shown, shown)
    assert always_first.share == 1 and always_first.p_value < 1e-100
    one_system = position_bias(np.zeros(400, dtype=int), shown)  # a true preference, shown on either side
    assert one_system.share == pytest.approx(0.5, abs=0.06) and one_system.p_value > 0.01
    nobody = position_bias([2, 2], [0, 1])
    assert math.isnan(nobody.share) and math.isnan(nobody.p_value)


def test_items_with_one_vote_tell_nothing_about_agreement():
    found = agreement(np.array([[3, 0, 0], [2, 1, 0], [1, 0, 0], [0, 0, 1]]))
    assert found.items == 2 and found.all_agree == found.some_agree == 0.5 and found.none_agree == 0
    alone = agreement(np.array([[1, 0, 0]]))
    assert alone.items == 0 and math.isnan(alone.kappa) and math.isnan(alone.all_agree)


def test_analyse_takes_questions_apart():
    item, rater = np.repeat([1, 2, 3], 2), np.tile([0, 1], 3)
    choice = np.array([[0, 1, 2]] * 6)
    votes = Votes(("x", "y"), False, ("a", "b"), (), item, rater, choice, np.tile([0, 1], 3), np.ones(6, dtype=int))
    found = analyse(votes)
    assert [found[q].preference.share for q in ("shape", "texture", "overall")] == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    assert found["shape"].position.share == 0.5 and found["shape"].preference.wins == 3
    assert found["overall"].agreement.all_agree == 1 and math.isnan(found["overall"].preference.win_rate)


@pytest.mark.parametrize("counts", [np.zeros((0, 3)), np.zeros((2, 3)), np.ones((2, 2))])
def test_without_votes_there_is_nothing_to_analyse(counts):
    with pytest.raises(ValueError, match="no votes to analyse"):
        preference(counts)
