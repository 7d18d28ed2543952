"""A survey whose pictures are plain colours: what stands behind every answer is known."""

import pytest
import torch

from ganverse_nb.evaluation.user_study.ballot import PERSON, Answer, as_record
from ganverse_nb.evaluation.user_study.survey import QUESTIONS, Comparison, write_survey
from ganverse_nb.runtime.files import write_json

FIRST, SECOND = 0.25, 0.75  # grey of the two systems' pictures


def comparison(level, check=False):
    """The input is red by `level`; every picture of the first system is dark, of the second bright."""
    picture = torch.zeros(3, 8, 8)
    picture[0] = level
    views = torch.tensor([FIRST, SECOND])[:, None, None, None, None].expand(2, 6, 3, 16, 16)
    return Comparison(picture, views, views, check)


@pytest.fixture
def survey(tmp_path):
    """Four comparisons, the last of them an attention check."""
    shown = [comparison(0.2 * i, check=i == 3) for i in range(4)]
    return write_survey(tmp_path / "study", shown, ("GAN-trained", "photo-trained"))


@pytest.fixture
def send(survey, tmp_path):
    """send(rater, said) -> a file of answers; said(comparison, question) is a system, or None for no preference."""

    def write(rater, said, kind=PERSON, order="ab", folder="votes", **changes):
        answers = []
        for item in survey.items:
            chosen = {q: said(item.comparison, q) for q in QUESTIONS}
            names = {q: "none" if c is None else item.name(c) for q, c in chosen.items()}
            answers.append(Answer(item.id, order, seconds=7, **names))
        path = tmp_path / folder / f"{rater}.json"
        write_json(path, as_record(survey.id, rater, kind, answers) | changes)
        return path

    return write
