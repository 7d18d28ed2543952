"""Files of answers -> votes: every file is checked, several raters are merged, and the key unblinds them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from ganverse_nb.evaluation.user_study.ballot import AUTOMATIC, CHOICES, FORMAT, ORDERS, PERSON, Answer, checksum
from ganverse_nb.evaluation.user_study.survey import QUESTIONS, Survey
from ganverse_nb.runtime.errors import ExpectedError

NO_PREFERENCE = 2
_ALLOWED = {"order": ORDERS} | dict.fromkeys(QUESTIONS, CHOICES)


class AnswersError(ExpectedError):
    """Files of answers that cannot be used; the message has one sentence for each."""


@dataclass(frozen=True)
class Votes:
    """N answers to a survey, unblinded; attention checks are not among them.

    Attributes:
        systems: names of the two systems.
        automatic: whether the votes are of the automatic rater, and of no person.
        raters: whose they are; `left_out` names those who missed an attention check.
        item: [N] int, which comparison; rater: [N] int, index into `raters`.
        choice: [N, 3] int by question (shape, texture, overall): 0 or 1 for a system, 2 for no preference.
        first_shown: [N] int, the system that was shown as Trial 1.
        seconds: [N] int.
    """

    systems: tuple[str, str]
    automatic: bool
    raters: tuple[str, ...]
    left_out: tuple[str, ...]
    item: np.ndarray
    rater: np.ndarray
    choice: np.ndarray
    first_shown: np.ndarray
    seconds: np.ndarray

    def __len__(self) -> int:
        return len(self.item)

    def counts(self, question: str) -> np.ndarray:
        """[items, 3] int: how many raters chose the first system, the second, neither, for every item with a vote.

        Raises:
            ValueError: no such question.
        """
        if question not in QUESTIONS:
            raise ValueError(f"There is no question {question!r}; the survey asks for {', '.join(QUESTIONS)}.")
        items, row = np.unique(self.item, return_inverse=True)
        table = np.zeros((len(items), 3), dtype=np.int64)
        np.add.at(table, (row, self.choice[:, list(QUESTIONS).index(question)]), 1)
        return table


def read_answers(paths: str | Path | Iterable[str | Path], survey: Survey, automatic: bool = False) -> Votes:
    """The votes in files of answers: of a folder's `*.json`, or the paths given; none where there is none.

    A person who missed an attention check, by any answer but for the right result to the question `overall`, is left
    out; the automatic rater, which always attends, is not: on a grey horse it finds nothing wrong with the colour of a
    grey ball. Unfinished files count with what they have.

    Args:
        automatic: read the automatic rater's files in place of people's; the two are never mixed.

    Raises:
        AnswersError: files that are damaged, edited, duplicated, or of another survey or kind.
    """
    if isinstance(paths, (str, Path)):
        paths = sorted(Path(paths).glob("*.json"))
    problems, found, seen = [], {}, {}  # type: list[str], dict[str, list[Answer]], dict[str, str]
    for path in map(Path, paths):
        record = _read(path)
        problem = record if isinstance(record, str) else _problem(record, survey, automatic)
        if not problem and (other := seen.get(record["rater"])):
            problem = f"is by the same rater as {other} ({record['rater']}): keep one of the two"
        if problem:
            problems.append(f"{path.name} {problem}.")
            continue
        seen[record["rater"]] = path.name
        found[record["rater"]] = [Answer(**answer) for answer in record["answers"]]
    if problems:
        raise AnswersError("\n".join(problems))
    return _merge(found, survey, automatic)


def _read(path: Path) -> Any:
    """The record, or what is wrong with the file."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "does not exist: check its name"
    except (json.JSONDecodeError, UnicodeDecodeError):
        return "is cut off or no file of answers: get it from its rater again, or take it out"
    wanted = {"format": str, "survey": str, "rater": str, "kind": str, "answers": list, "checksum": str}
    whole = isinstance(record, dict) and all(isinstance(record.get(k), t) for k, t in wanted.items())
    names = {field.name for field in fields(Answer)}
    if not whole or record["format"] != FORMAT or not all(_is_answer(a, names) for a in record["answers"]):
        return "is no file of answers of this package: take it out, or get it from its rater again"
    return record


def _is_answer(answer: Any, names: set[str]) -> bool:
    if not isinstance(answer, dict) or set(answer) != names or type(answer["seconds"]) is not int:
        return False
    return isinstance(answer["item"], str) and all(answer[k] in allowed for k, allowed in _ALLOWED.items())


def _problem(record: dict[str, Any], survey: Survey, automatic: bool) -> str:
    """What keeps a well-formed record out, or nothing."""
    if record["survey"] != survey.id:
        return f"answers survey {record['survey']}, not {survey.id} of {survey.directory}: move it to that survey"
    answers, kind = record["answers"], AUTOMATIC if automatic else PERSON
    if checksum(record["survey"], record["rater"], record["kind"], answers) != record["checksum"]:
        return "was edited after it was downloaded: use the file as it came, or ask its rater to download it again"
    if record["kind"] != kind:
        other = "an automatic rater, which is never counted among people" if kind == PERSON else "a person"
        return f"is by {other}: move it out of this folder"
    unknown = {answer["item"] for answer in answers} - {item.id for item in survey.items}
    twice = [item for item, count in Counter(answer["item"] for answer in answers).items() if count > 1]
    if unknown or twice:
        return f"has answers to comparison {min(unknown or twice)} that do not fit the survey: take it out"
    return ""


def _merge(found: dict[str, list[Answer]], survey: Survey, automatic: bool) -> Votes:
    items = {item.id: item for item in survey.items}

    def missed(answer: Answer) -> bool:
        item = items[answer.item]
        return item.check and answer.overall != item.name(0)

    left_out = () if automatic else tuple(rater for rater, answers in found.items() if any(map(missed, answers)))
    raters = tuple(rater for rater in found if rater not in left_out)
    rows = []
    for index, rater in enumerate(raters):
        for answer in found[rater]:
            item = items[answer.item]
            if not item.check:
                system = dict(zip("ab", item.systems)) | {"none": NO_PREFERENCE}
                said = [system[getattr(answer, question)] for question in QUESTIONS]
                rows.append([int(answer.item), index, *said, system[answer.order[0]], answer.seconds])
    table = np.array(rows, dtype=np.int64).reshape(-1, 7)
    return Votes(
        survey.systems, automatic, raters, left_out, table[:, 0], table[:, 1], table[:, 2:5], table[:, 5], table[:, 6]
    )
