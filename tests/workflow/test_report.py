"""The report: rows as JSON, Markdown and a page, bars, labels."""

import re
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from ganverse_nb.evaluation.captions import CAPTIONS
from ganverse_nb.evaluation.report_text import header
from ganverse_nb.runtime.errors import ExpectedWarning
from ganverse_nb.runtime.files import read_json, write_json
from ganverse_nb.runtime.rows import Row, is_met
from ganverse_nb.workflow.report import write_report
from ganverse_nb.workflow.run import open_run


@pytest.fixture
def run(tmp_path):
    run = open_run("smoke", runs=tmp_path / "runs", figures=tmp_path / "figures")
    run.record("gan.views", 17, "views", paper=39, bar=">= 16")
    run.record("inverse.gan_test_iou", 0.5, bar=">= 0.93")
    run.record("inverse.photo_chamfer", 0.0123456)
    return run


def row(key="car.x.y", ours=1.0, bar=""):
    return Row(key, ours, None, "", bar, "mini", 0, "cpu", "")


@pytest.mark.parametrize(
    ("ours", "bar", "met"),
    [
        (0.93, ">= 0.93", True),
        (0.929, ">= 0.93", False),
        (6, "<= 6", True),
        (6.1, "<= 6", False),
        (1.0, "< 1", False),
        (0.99, "< 1", True),
        (-3, "> -4", True),
        (None, ">= 0", False),
        (5.0, "", None),
    ],
)
def test_bars(ours, bar, met):
    assert is_met(row(ours=ours, bar=bar), []) is met


@pytest.mark.parametrize(("after", "met"), [(5.9, True), (6.1, False)])
@pytest.mark.parametrize("name", ["inverse.before", "car.inverse.before"])
def test_a_bar_may_be_relative_to_another_row(after, met, name):
    rows = [row("horse.inverse.before", 1.0), row("car.inverse.before", 10.0)]
    assert is_met(row("car.inverse.after", after, f"<= 0.6 x {name}"), rows) is met


@pytest.mark.parametrize("before", [[], [row("car.inverse.before", None)]])
def test_a_relative_bar_without_its_row_is_missed(before):
    assert is_met(row("car.inverse.after", 0.0, "<= 0.6 x inverse.before"), before) is False


def test_rows_have_exactly_the_fields_promised(run):
    write_report(run)
    rows = read_json(run.figures / "report.json")
    assert [r["key"] for r in rows] == ["car.gan.views", "car.inverse.gan_test_iou", "car.inverse.photo_chamfer"]
    assert list(rows[0]) == ["key", "ours", "paper", "unit", "bar", "profile", "seed", "device", "command"]
    assert (rows[0]["ours"], rows[0]["paper"], rows[0]["unit"], rows[0]["bar"]) == (17, 39, "views", ">= 16")


def test_markdown_shows_numbers_bars_and_what_made_them(run, tmp_path):
    weights = tmp_path / "teacher.safetensors"
    weights.write_bytes(b"abc")
    run.use_weights("teacher", weights)
    run.note("Perceptual features", "the discriminator's")
    run.substitute("the discriminator's features", "LPIPS", "no weights here")
    text = write_report(run).read_text()
    assert "| `car.gan.views` | 39 views | 17 views | >= 16 | yes |" in text
    assert "| `car.inverse.gan_test_iou` |  | 0.5 | >= 0.93 | **no** |" in text
    assert "| `car.inverse.photo_chamfer` |  | 0.01235 |  |  |" in text
    assert text.count("| number | paper | ours (smoke) |") == 2  # no number without its profile
    made_with = ["seed 0", f"torch {torch.__version__}", "teacher.safetensors, SHA-256 ba7816bf8f01cfea"]
    for words in [*made_with, "say nothing about quality"]:
        assert words in text
    assert "Perceptual features: the discriminator's" in text and "instead of LPIPS: no weights here" in text
    assert f"`{run.command}`" in text


def test_the_page_shows_every_number_and_figure_and_needs_nothing_else(run):
    run.record("gan.name", 1.0, "<b> & co")
    for name in ("figure_2_views", "start_samples", "a_new_one"):
        record = {"figure": name, "category": "car", "profile": "smoke", "seed": 0, "device": "cpu", "commit": None}
        write_json(run.pictures / f"{name}.json", record)
        (run.pictures / f"{name}.png").write_bytes(b"")
    write_json(run.pictures / "benchmark.json", {"rows": []})  # no figure of a run
    write_report(run)
    page = (run.figures / "report.html").read_text()
    parsed = ElementTree.fromstring(page.split("\n", 1)[1])  # without the doctype it is XML
    cells = [["".join(cell.itertext()) for cell in line] for line in parsed.iter("tr")]
    assert ["car.gan.views", "39 views", "17 views", ">= 16", "yes"] in cells
    assert ["car.inverse.gan_test_iou", "", "0.5", ">= 0.93", "no"] in cells
    assert ["car.gan.name", "", "1 <b> & co", "", ""] in cells
    pictures = [image.get("src") for image in parsed.iter("img")]
    assert pictures == [
        "car-smoke/start_samples.png",
        "car-smoke/figure_2_views.png",
        "car-smoke/a_new_one.png",  # the story's order, then others
    ]
    assert "http" not in page and "<script" not in page


def test_every_figure_of_the_notebooks_has_a_caption():
    sources = Path(__file__).parents[2].glob("notebooks/src/*.py")
    saved = {name for source in sources for name in re.findall(r'save_figure\(\s*run, "(\w+)"', source.read_text())}
    assert len(saved) >= 30 and saved == set(CAPTIONS)


def test_a_number_that_could_not_be_measured_is_said_and_missed(run):
    run.record("gan.views", None, "views", bar=">= 16")
    text = write_report(run).read_text()
    assert "not measurable" in text and "| >= 16 | **no** |" in text


def test_profiles_stand_beside_each_other_and_none_replaces_another(run, tmp_path):
    others = ("horse", "bird", "a_boat")
    write_json(run.figures / "report.json", [asdict(row(f"{name}.gan.views")) for name in sorted(others)])
    for name in others:
        write_json(run.figures / name / "run.json", {"manifest": run.manifest | {"stages": {}}})
    write_report(run)
    mini = open_run("mini", runs=tmp_path / "runs", figures=run.figures)
    mini.record("gan.views", 18, "views")
    text = write_report(mini).read_text()
    rows = read_json(run.figures / "report.json")
    told = [(r["key"], r["profile"], r["ours"]) for r in rows if r["key"].startswith("car")]
    assert told[:2] == [("car.gan.views", "mini", 18), ("car.gan.views", "smoke", 17)] and len(told) == 4
    assert [r["key"].split(".")[0] for r in rows[4:]] == list(others)
    assert [line for line in text.splitlines() if line.startswith("## ")][:3] == ["## car", "## car-smoke", "## horse"]
    for folder, profile in (("car", "mini"), ("car-smoke", "smoke")):
        assert read_json(run.figures / folder / "run.json")["config"]["profile"] == profile
    mini.record("gan.views", 19, "views")
    write_report(mini)
    views = [r["ours"] for r in read_json(run.figures / "report.json") if r["key"] == "car.gan.views"]
    assert views == [19, 17]


def test_a_run_whose_pictures_are_gone_is_left_out_and_said(run, tmp_path):
    write_report(run)
    horse = open_run("smoke", "horse", runs=tmp_path / "runs", figures=tmp_path / "figures")
    horse.record("gan.views", 16)
    write_report(horse)
    shutil.rmtree(horse.pictures)
    with pytest.warns(ExpectedWarning, match="leaves out the numbers of runs whose run.json is gone: .*horse-smoke"):
        write_report(run)
    keys = {row["key"] for row in read_json(tmp_path / "figures" / "report.json")}
    assert keys == {row.key for row in run.rows()}


def test_stages_are_listed_with_time_and_commit(run):
    run.stage("photos", lambda directory: time.sleep(0.03))
    write_report(run)
    stage = read_json(run.pictures / "run.json")["manifest"]["stages"]["photos"]
    assert (
        0.03 <= stage["seconds"] == run.seconds("photos")
        and stage["commit"] == run.manifest["environments"][-1]["commit"]
    )


def test_one_machine_is_named_once_with_all_commits_that_ran_on_it():
    here = {"device": "cpu, 2 cores", "cpu": "some processor", "versions": {"torch": "2.11"}}
    there = here | {"device": "a GPU"}
    environments = [here | {"commit": "aaa"}, here | {"commit": "bbb"}, there | {"commit": None}]
    stages = {name: {"commit": commit} for name, commit in zip("pqr", ("aaa", "aaa", "bbb"))}
    manifest = {"environments": environments, "stages": stages, "weights": {}, "notes": {}, "substitutions": []}
    row = Row("car.gan.views", 40, None, "", "", "mini", 0, "cpu, 2 cores", "ganverse reproduce")
    lines = header(row, manifest)
    assert [line for line in lines if line.startswith("Device: ")] == [
        "Device: cpu, 2 cores (some processor); torch 2.11; commit aaa, bbb",
        "Device: a GPU (some processor); torch 2.11; commit unknown",
    ]
    assert "Computed at several commits: 2 stages at aaa, 1 stages at bbb; the run's manifest names them" in lines


def test_a_run_without_numbers_has_no_report(tmp_path):
    empty = open_run("smoke", runs=tmp_path / "runs", figures=tmp_path / "figures")
    with pytest.raises(ValueError, match="no measured numbers yet"):
        write_report(empty)
    assert not (tmp_path / "figures").exists()
