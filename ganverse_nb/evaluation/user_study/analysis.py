"""What votes say: shares with intervals, agreement, and whether the place on the page decided (Tables 1c and B).

All but the position bias is computed from counts [items, 3] of the votes for the first system, the second, and for
neither, one row per item. An item's votes are not independent of each other, so what is tested and resampled is items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganverse_nb.evaluation.user_study.answers import NO_PREFERENCE, Votes
from ganverse_nb.evaluation.user_study.survey import QUESTIONS
from ganverse_nb.runtime.extras import require

RESAMPLES = 10_000
Interval = tuple[float, float]


@dataclass(frozen=True)
class Preference:
    """How often either system was preferred.

    Attributes:
        votes: the votes for the first system, the second, neither; share: the same as shares of all.
        wilson: 95 % intervals of the shares as if all votes were independent (Wilson's score interval).
        bootstrap: 95 % intervals of the shares, items resampled.
        win_rate: share of the first system among the votes for either; NaN without any.
        win_rate_interval: of it, items resampled.
        wins, losses: items on which the first system got more votes than the second, or fewer.
        p_value: of the two-sided sign test of wins against losses; NaN without any.
    """

    votes: tuple[int, int, int]
    share: tuple[float, float, float]
    wilson: tuple[Interval, Interval, Interval]
    bootstrap: tuple[Interval, Interval, Interval]
    win_rate: float
    win_rate_interval: Interval
    wins: int
    losses: int
    p_value: float


@dataclass(frozen=True)
class Agreement:
    """How far the raters of one item chose the same (Table B b), over the items with at least two votes.

    Attributes:
        items: how many these are.
        all_agree, some_agree, none_agree: shares of the items on which all, at least two but not all, or no two
            raters chose the same.
        kappa: Fleiss' kappa, 0 for agreement by chance and 1 for perfect agreement.
        chance: share of items on which two or more raters would agree by chance, with the same shares of choices;
            known for three raters of every item, else NaN.
    """

    items: int
    all_agree: float
    some_agree: float
    none_agree: float
    kappa: float
    chance: float


@dataclass(frozen=True)
class PositionBias:
    """Share of Trial 1 among the votes for either trial, and the p-value of a binomial test against one half."""

    share: float
    p_value: float


@dataclass(frozen=True)
class StudyResult:
    """The analysis of one question."""

    question: str
    preference: Preference
    agreement: Agreement
    position: PositionBias


def analyse(votes: Votes, seed: int = 0) -> dict[str, StudyResult]:
    """The results by question (shape, texture, overall).

    Raises:
        ValueError: there are no votes.
    """
    return {
        question: StudyResult(
            question,
            preference(votes.counts(question), seed),
            agreement(votes.counts(question)),
            position_bias(votes.choice[:, index], votes.first_shown),
        )
        for index, question in enumerate(QUESTIONS)
    }


def preference(counts: np.ndarray, seed: int = 0) -> Preference:
    """Shares, intervals and sign test of counts [items, 3].

    Raises:
        ValueError: there are no votes.
    """
    require("eval", "The user study", "scipy")
    from scipy.stats import binomtest

    counts = _checked(counts)
    votes = [int(n) for n in counts.sum(0)]
    total = sum(votes)
    kinds, times = np.unique(counts, axis=0, return_counts=True)  # items that voted alike are one kind: much faster
    chosen = np.random.default_rng(seed).multinomial(len(counts), times / len(counts), RESAMPLES) @ kinds
    shares = chosen / chosen.sum(1, keepdims=True)
    decided = chosen[:, :2].sum(1)
    rates = chosen[decided > 0, 0] / decided[decided > 0]
    wins, losses = int((counts[:, 0] > counts[:, 1]).sum()), int((counts[:, 0] < counts[:, 1]).sum())
    wilson = [binomtest(n, total).proportion_ci(method="wilson") for n in votes]
    share, limits = [n / total for n in votes], [(float(w.low), float(w.high)) for w in wilson]
    intervals = [_middle(shares[:, k]) for k in range(3)]
    return Preference(
        (votes[0], votes[1], votes[2]),
        (share[0], share[1], share[2]),
        (limits[0], limits[1], limits[2]),
        (intervals[0], intervals[1], intervals[2]),
        votes[0] / (votes[0] + votes[1]) if votes[0] + votes[1] else float("nan"),
        _middle(rates) if len(rates) else (float("nan"), float("nan")),
        wins,
        losses,
        float(binomtest(wins, wins + losses).pvalue) if wins + losses else float("nan"),
    )


def agreement(counts: np.ndarray) -> Agreement:
    """Agreement of counts [items, 3]; shares and kappa are NaN where no item has two votes.

    Raises:
        ValueError: there are no votes.
    """
    counts = _checked(counts)
    counts = counts[counts.sum(1) >= 2]
    if len(counts) == 0:
        unknown = float("nan")
        return Agreement(0, unknown, unknown, unknown, unknown, unknown)
    raters, most = counts.sum(1), counts.max(1)
    everyone, nobody = most == raters, most == 1
    share = counts.sum(0) / counts.sum()
    chance = float(1 - 6 * share.prod()) if (raters == 3).all() else float("nan")
    whole, some, none = (float(x.mean()) for x in (everyone, ~everyone & ~nobody, nobody))
    return Agreement(len(counts), whole, some, none, fleiss_kappa(counts), chance)


def fleiss_kappa(counts: np.ndarray) -> float:
    """Fleiss' kappa (1971) of counts [items, categories] with at least two votes per item.

    Items may have different numbers of votes: agreement is then the mean share of agreeing pairs per item. NaN where
    everybody always chose the same category.
    """
    raters = counts.sum(1)
    observed = ((counts * (counts - 1)).sum(1) / (raters * (raters - 1))).mean()
    expected = float(np.square(counts.sum(0) / counts.sum()).sum())
    return float((observed - expected) / (1 - expected)) if expected < 1 else float("nan")


def position_bias(choice: Sequence[int] | np.ndarray, first_shown: Sequence[int] | np.ndarray) -> PositionBias:
    """Of votes [N] (0 or 1 for a system, 2 for neither) and the systems [N] shown as Trial 1; NaN without any."""
    require("eval", "The user study", "scipy")
    from scipy.stats import binomtest

    choice, first_shown = np.asarray(choice), np.asarray(first_shown)
    decided = choice != NO_PREFERENCE
    count, first = int(decided.sum()), int((choice == first_shown)[decided].sum())
    if not count:
        return PositionBias(float("nan"), float("nan"))
    return PositionBias(first / count, float(binomtest(first, count).pvalue))


def _checked(counts: np.ndarray) -> np.ndarray:
    counts = np.asarray(counts)
    if counts.ndim != 2 or counts.shape[1] != 3 or counts.sum() == 0:
        raise ValueError(f"There are no votes to analyse: counts must be [items, 3], got {counts.tolist()}.")
    return counts[counts.sum(1) > 0]


def _middle(values: np.ndarray) -> Interval:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
