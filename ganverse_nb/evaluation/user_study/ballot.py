"""Answers as they are given: one comparison at a time, saved at once, taken back if need be.

The file is what the page `survey.html` lets its raters download, field by field (`as_record`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganverse_nb.evaluation.user_study.survey import QUESTIONS, Survey
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.files import content_of, read_json, write_json

FORMAT = "ganverse_nb study answers 1"
CHOICES = ("a", "b", "none")
ORDERS = ("ab", "ba")  # the first is shown as Trial 1
PERSON, AUTOMATIC = "person", "automatic"


@dataclass(frozen=True)
class Answer:
    """What a rater said of one item: `shape`, `texture` and `overall` are `a`, `b` or `none`."""

    item: str
    order: str
    shape: str
    texture: str
    overall: str
    seconds: int


def checksum(survey: str, rater: str, kind: str, answers: list[dict[str, Any]]) -> str:
    """FNV-1a (32 bit) of the answers: finds slips of an editor, not forgers. `page.html` computes the same."""
    fields = ("item", "order", *QUESTIONS, "seconds")
    text = "\n".join([survey, rater, kind, *(" ".join(str(a[f]) for f in fields) for a in answers)])
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) % 2**32
    return f"{value:08x}"


def as_record(survey: str, rater: str, kind: str, answers: list[Answer]) -> dict[str, Any]:
    """The content of a file of answers."""
    listed = [vars(answer) for answer in answers]
    return {
        "format": FORMAT,
        "survey": survey,
        "rater": rater,
        "kind": kind,
        "answers": listed,
        "checksum": checksum(survey, rater, kind, listed),
    }


class Ballot:
    """One person's votes on a survey, in an order and with sides drawn from the rater's name.

    Every complete answer is written to `path` at once; a ballot that is opened again goes on where it stopped.

    Attributes:
        chosen: the choices of the current item so far: question -> 1 or 2 (the trial) or 0 (no preference).
        answers: the complete ones.

    Args:
        path: of the file of answers.
        rater: whose votes these are; two people need two names.

    Raises:
        ExpectedError: the file at `path` is of another survey or rater.
    """

    def __init__(
        self, survey: Survey, path: str | Path, rater: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not rater.strip():
            raise ValueError("A ballot needs the name of its rater.")
        self.survey, self.path, self.rater, self.clock = survey, Path(path), rater.strip(), clock
        rng = random.Random(f"{survey.id} {self.rater}")
        self._order = rng.sample([item.id for item in survey.items], len(survey.items))
        half = [ORDERS[n % 2] for n in range(len(self._order))]
        self._sides = dict(zip(self._order, rng.sample(half, len(half)), strict=True))
        self.answers: list[Answer] = []
        self.chosen: dict[str, int] = {}
        if self.path.is_file():
            self._resume()
        self._since = clock()

    def __len__(self) -> int:
        return len(self._order)

    @property
    def current(self) -> str | None:
        """The item that is asked about, None when all is answered."""
        return self._order[len(self.answers)] if len(self.answers) < len(self) else None

    @property
    def question(self) -> str | None:
        """The first question about the current item without a choice."""
        return None if self.current is None else next(q for q in QUESTIONS if q not in self.chosen)

    @property
    def sides(self) -> str:
        """Which result of the current item is Trial 1 and which Trial 2: `ab` or `ba`."""
        return self._sides[self.current] if self.current else ORDERS[0]

    def choose(self, trial: int) -> None:
        """Answer the current question: trial 1, 2, or 0 for no preference. The third answer completes the item.

        Raises:
            ValueError: no such choice, or everything is answered.
        """
        if trial not in (0, 1, 2):
            raise ValueError(f"A vote is 1, 2 or 0 (no preference), got {trial!r}.")
        item, question = self.current, self.question
        if item is None or question is None:
            raise ValueError(f"All {len(self)} comparisons are answered; undo takes the last answer back.")
        self.chosen[question] = trial
        if len(self.chosen) == len(QUESTIONS):
            now, sides = self.clock(), self.sides
            said = {q: sides[t - 1] if t else "none" for q, t in self.chosen.items()}
            self.answers.append(Answer(item, sides, seconds=round(min(now - self._since, 600.0)), **said))
            self.chosen, self._since = {}, now
            self._save()

    def undo(self) -> None:
        """Take the last choice back; nothing happens where there is none."""
        if not self.chosen and self.answers:
            last = self.answers.pop()
            self.chosen = {q: last.order.find(getattr(last, q)[0]) + 1 for q in QUESTIONS}
            self._save()
        if self.chosen:
            self.chosen.popitem()

    def _save(self) -> None:
        write_json(self.path, as_record(self.survey.id, self.rater, PERSON, self.answers))

    def _resume(self) -> None:
        remedy = "give another path or move it away"
        saved = read_json(self.path, remedy)
        same = isinstance(saved, dict) and (saved.get("survey"), saved.get("rater")) == (self.survey.id, self.rater)
        with content_of(self.path, "ballot", remedy):
            answers = [Answer(**answer) for answer in saved["answers"]] if same else []
            known = [(answer.item, answer.order) for answer in answers]
        if not same or known != [(item, self._sides[item]) for item in self._order[: len(answers)]]:
            raise ExpectedError(f"{self.path} holds votes on another survey or of another rater; {remedy}.")
        self.answers = answers
