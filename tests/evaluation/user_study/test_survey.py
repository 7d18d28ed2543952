"""The page holds everything and betrays nothing; the key finds what it shows."""

import io
import json
import re
from base64 import b64decode

import numpy as np
import pytest
import torch
from PIL import Image

from ganverse_nb.evaluation.user_study.survey import Comparison, Survey, write_survey


def opened(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(float) / 255


def page_data(survey):
    return json.loads(re.search(r'id="survey">(.*?)</script>', survey.page.read_text(), re.S)[1])


def test_the_key_finds_every_picture(survey):
    assert sorted(item.comparison for item in survey.items) == [0, 1, 2, 3]
    assert [item.comparison for item in survey.items if item.check] == [3]
    for item in survey.items:
        assert opened(survey.picture(item.id, "input"))[..., 0].mean() == pytest.approx(0.2 * item.comparison, abs=0.01)
        for system, grey in enumerate((0.25, 0.75)):
            views = opened(survey.picture(item.id, item.name(system)))
            assert views.shape == (32, 96, 3) and views.mean() == pytest.approx(grey, abs=0.01)


def test_rows_that_are_white_everywhere_are_left_out_of_both_trials_alike(tmp_path):
    views = torch.ones(2, 6, 3, 64, 64)
    views[0, 2, :, 20:30, 5] = 0
    views[1, 4, :, 28:44, 9] = 0
    survey = write_survey(tmp_path, [Comparison(torch.zeros(3, 8, 8), views, views)], ("x", "y"))
    for system, rows in ((0, range(20, 30)), (1, range(28, 44))):
        shown = opened(survey.picture("001", survey.items[0].name(system)))
        assert shown.shape == (2 * (44 - 20 + 12), 6 * 64, 3)
        dark = np.flatnonzero((shown[:36] < 0.5).any((1, 2)))
        assert dark.tolist() == [row - 14 for row in rows]


def test_the_page_holds_the_same_pictures_and_needs_nothing_else(survey):
    for shown, item in zip(page_data(survey)["items"], survey.items, strict=True):
        for name in ("input", "a", "b"):
            assert b64decode(shown[name].split(",")[1]) == survey.picture(item.id, name)
    text = survey.page.read_text()
    assert not re.findall(r'(?:src|href)\s*=\s*"(?!")|https?:|@import|url\(', text)


def test_the_page_does_not_tell_the_systems_or_the_checks_apart(survey):
    data, text = page_data(survey), survey.page.read_text().lower()
    assert {frozenset(item) for item in data["items"]} == {frozenset({"id", "input", "a", "b"})}
    assert "gan-trained" not in text and "photo-trained" not in text
    assert {item.systems for item in survey.items} == {(0, 1), (1, 0)}  # neither name means one system


def test_a_title_is_text(tmp_path):
    views = torch.zeros(2, 6, 3, 16, 16)
    shown = [Comparison(torch.zeros(3, 8, 8), views, views)]
    survey = write_survey(tmp_path, shown, ("x", "y"), title="</script><b>cars & co")
    assert page_data(survey)["title"] == "</script><b>cars & co"
    assert "<title>&lt;/script&gt;&lt;b&gt;cars &amp; co</title>" in survey.page.read_text()


def test_a_survey_comes_back_and_another_one_has_another_id(survey, tmp_path):
    assert Survey.load(survey.directory) == survey
    views = torch.zeros(2, 6, 3, 16, 16)
    shown = [Comparison(torch.full((3, 8, 8), 0.1 * i), views, views) for i in range(3)]
    one = write_survey(tmp_path / "1", shown, ("x", "y"))
    same = write_survey(tmp_path / "2", shown, ("x", "y"))
    other = write_survey(tmp_path / "3", [*shown[:2], Comparison(torch.ones(3, 8, 8), views, views)], ("x", "y"))
    assert one.id == same.id and one.page.read_bytes() == same.page.read_bytes()
    assert len({one.id, other.id, survey.id, write_survey(tmp_path / "4", shown, ("x", "z")).id}) == 4


def test_what_is_no_survey_is_refused(survey, tmp_path):
    views = torch.zeros(2, 6, 3, 16, 16)
    with pytest.raises(ValueError, match=r"must be \[3, R, R\] and shapes \[2, V, 3, S, S\]"):
        Comparison(torch.zeros(1, 8, 8)[0], views, views)
    with pytest.raises(ValueError, match="shapes and textured differ"):
        Comparison(torch.zeros(3, 8, 8), views, views[:, :5])
    check = Comparison(torch.zeros(3, 8, 8), views, views, check=True)
    with pytest.raises(ValueError, match="at least one comparison beside"):
        write_survey(tmp_path, [check], ("x", "y"))
    with pytest.raises(ValueError, match="both called 'x'"):
        write_survey(tmp_path, [Comparison(torch.zeros(3, 8, 8), views, views)], ("x", "x"))
    (survey.directory / "key.json").write_text("[]")
    with pytest.raises(ValueError, match="not the key of a survey"):
        Survey.load(survey.directory)
    with pytest.raises(FileNotFoundError):
        Survey.load(tmp_path / "nothing")
