"""Answers are merged and unblinded; a file that does not belong is named, with the cure."""

import json

import pytest
import torch

from ganverse_nb.evaluation.user_study.answers import AnswersError, read_answers
from ganverse_nb.evaluation.user_study.ballot import AUTOMATIC, checksum
from ganverse_nb.evaluation.user_study.survey import Comparison, write_survey
from ganverse_nb.runtime.files import write_json


def first(comparison, question):
    """Prefers the first system, but for the texture of comparison 1 (the second) and of 2 (neither)."""
    return {(1, "texture"): 1, (2, "texture"): None}.get((comparison, question), 0)


def second(comparison, question):
    """Prefers the second system, except for the attention check."""
    return 0 if comparison == 3 else 1


def test_raters_are_merged_and_unblinded(survey, send, tmp_path):
    send("anna", first)
    send("ben", second, order="ba")
    votes = read_answers(tmp_path / "votes", survey)
    assert votes.raters == ("anna", "ben") and not votes.automatic and len(votes) == 6
    by_item = {item.comparison: int(item.id) for item in survey.items}
    row = {int(i): r for r, i in enumerate(sorted(set(votes.item.tolist())))}
    texture = votes.counts("texture")
    assert texture[row[by_item[0]]].tolist() == [1, 1, 0]
    assert texture[row[by_item[1]]].tolist() == [0, 2, 0]
    assert texture[row[by_item[2]]].tolist() == [0, 1, 1]
    assert votes.counts("shape").sum(0).tolist() == [3, 3, 0]
    for index, item in enumerate(i for i in survey.items if not i.check):
        assert votes.first_shown[index] == item.systems[0]  # anna saw `a` first
        assert votes.first_shown[index + 3] == item.systems[1]
    assert (votes.seconds == 7).all()
    with pytest.raises(ValueError, match="no question 'colour'"):
        votes.counts("colour")


@pytest.mark.parametrize("chosen", [1, None])
def test_who_misses_the_attention_check_is_left_out(survey, send, tmp_path, chosen):
    send("anna", first)
    send("careless", lambda comparison, question: chosen if comparison == 3 and question == "overall" else 0)
    votes = read_answers(tmp_path / "votes", survey)
    assert votes.raters == ("anna",) and votes.left_out == ("careless",)
    assert votes.counts("overall").sum() == 3


def test_the_automatic_rater_counts_whatever_it_measures_of_an_attention_check(survey, send, tmp_path):
    send("automatic-1", lambda comparison, question: 1, kind=AUTOMATIC)
    votes = read_answers(tmp_path / "votes", survey, automatic=True)
    assert votes.raters == ("automatic-1",) and votes.left_out == () and len(votes) == 3


def test_unfinished_files_count_with_what_they_have(survey, send, tmp_path):
    path = send("anna", first)
    record = json.loads(path.read_text())
    record["answers"] = [a for a in record["answers"] if not survey.items[int(a["item"]) - 1].check][:2]
    record["checksum"] = checksum(survey.id, "anna", "person", record["answers"])
    write_json(path, record)
    assert len(read_answers(tmp_path / "votes", survey)) == 2


def test_no_files_are_no_votes(survey, tmp_path):
    votes = read_answers(tmp_path / "votes", survey)
    assert len(votes) == 0 and votes.raters == () and votes.counts("shape").shape == (0, 3)


def test_an_edited_file_is_named(survey, send, tmp_path):
    path = send("anna", first)
    text = path.read_text()
    path.write_text(text.replace('"none"', '"a"'))
    with pytest.raises(AnswersError, match=r"^anna.json was edited after .*: use the file as it came"):
        read_answers([path], survey)
    path.write_text(text[:-30])
    with pytest.raises(AnswersError, match=r"^anna.json is cut off .*: get it from its rater again"):
        read_answers([path], survey)


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.pop("checksum"),
        lambda r: r.update(format="something else 1"),
        lambda r: r.update(answers={}),
        lambda r: r["answers"][0].pop("shape"),
        lambda r: r["answers"][0].update(shape="c"),
        lambda r: r["answers"][0].update(shape=["a"]),
        lambda r: r["answers"][0].update(seconds="7"),
        lambda r: r["answers"].append("a"),
    ],
)
def test_what_is_no_file_of_answers_is_named(survey, send, change):
    path = send("anna", first)
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))
    with pytest.raises(AnswersError, match=r"^anna.json is no file of answers of this package: take it out"):
        read_answers([path], survey)


def test_two_files_of_one_rater_are_named(survey, send, tmp_path):
    copy = tmp_path / "votes" / "copy.json"
    copy.parent.mkdir()
    copy.write_bytes(send("anna", first).read_bytes())
    with pytest.raises(AnswersError, match=r"^copy.json is by the same rater as anna.json \(anna\): keep one"):
        read_answers(tmp_path / "votes", survey)


def test_a_file_of_another_survey_is_named(survey, send, tmp_path):
    views = torch.zeros(2, 6, 3, 16, 16)
    other = write_survey(tmp_path / "other", [Comparison(torch.zeros(3, 8, 8), views, views)], ("x", "y"))
    path = send("anna", first)
    with pytest.raises(AnswersError, match=f"^anna.json answers survey {survey.id}, not {other.id}.*: move it"):
        read_answers([path], other)


def test_automatic_answers_are_never_read_as_peoples_nor_the_other_way(survey, send, tmp_path):
    machine, person = send("automatic-1", first, kind=AUTOMATIC), send("anna", first)
    with pytest.raises(AnswersError, match=r"^automatic-1.json is by an automatic rater, .* among people"):
        read_answers(tmp_path / "votes", survey)
    with pytest.raises(AnswersError, match=r"^anna.json is by a person: move it out"):
        read_answers([person], survey, automatic=True)
    assert read_answers([machine], survey, automatic=True).automatic
    edited = machine.read_text().replace(AUTOMATIC + '"', 'person"')  # calling it a person's does not help
    machine.write_text(edited)
    with pytest.raises(AnswersError, match="was edited"):
        read_answers([machine], survey)


def test_answers_that_do_not_fit_the_survey_are_named(survey, send):
    path = send("anna", first)
    record = json.loads(path.read_text())
    for answers in ([record["answers"][0]] * 2, [record["answers"][0] | {"item": "999"}]):
        sums = {"answers": answers, "checksum": checksum(survey.id, "anna", "person", answers)}
        path.write_text(json.dumps(record | sums))
        with pytest.raises(AnswersError, match="that do not fit the survey: take it out"):
            read_answers([path], survey)


def test_every_bad_file_gets_its_sentence(survey, send, tmp_path):
    send("anna", first)
    (tmp_path / "votes" / "a.json").write_text("no")
    (tmp_path / "votes" / "b.json").write_text("{}")
    with pytest.raises(AnswersError) as caught:
        read_answers([*sorted((tmp_path / "votes").glob("*.json")), tmp_path / "gone.json"], survey)
    lines = str(caught.value).splitlines()
    assert [line.split()[0] for line in lines] == ["a.json", "b.json", "gone.json"]


def test_the_checksum_is_fnv_1a():
    """The reference values of the algorithm's authors, here of the texts x-newline-y-newline-z."""
    value = 0x811C9DC5
    for byte in b"x\ny\nz":
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    assert checksum("x", "y", "z", []) == f"{value:08x}"
