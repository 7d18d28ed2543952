"""Masks from the GAN's own features in a run: asked for by a setting, taught to a segmenter, said in the report."""

import pytest

from ganverse_nb.categories import Category
from ganverse_nb.config import load_config
from ganverse_nb.gan.clicks import Click
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.files import read_json
from ganverse_nb.workflow import cli, stages
from ganverse_nb.workflow.commands import prepare
from ganverse_nb.workflow.configuration import run_config
from ganverse_nb.workflow.feature_segmenter import click_annotation
from ganverse_nb.workflow.inputs import CLICKED, is_from_features, mask_source
from ganverse_nb.workflow.needs import needs
from ganverse_nb.workflow.run import open_run

TINY = {
    "segmenter.photos": 24,
    "segmenter.working_size": 32,
    "segmenter.widths": [8, 16, 16, 16],
    "segmenter.fine_channels": 8,
    "segmenter.coarse_channels": 16,
    "segmenter.mask_channels": 8,
    "segmenter.steps": 3,
    "segmenter.batch": 4,
    "segmenter.held_out": 4,
    "segmenter.bf16": False,
    "multiview.minimum_mask": 0.01,
}


@pytest.fixture
def opened(tmp_path):
    return lambda weights: open_run(
        "smoke", "car", 0, tmp_path / "runs", tmp_path / "figures", {**TINY, "segmenter.weights": weights}
    )


def masks(config, directory):
    return next(need for need in needs(config, directory) if need.name == "masks")


def test_who_cuts_out_a_category_that_nobody_knows(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    config = load_config("mini", Category("mug"))
    run = tmp_path / "mug-mini-seed0"
    assert mask_source(config, run) == ""
    assert not masks(config, tmp_path).here and "segmenter.weights=clicks" in masks(config, tmp_path).command
    run.mkdir()
    (run / CLICKED).write_text("{}")
    assert mask_source(config, run) == "clicks"  # when there is nothing else
    assert masks(config, tmp_path).here and str(run / CLICKED) in masks(config, tmp_path).what
    (run / "segmenter").mkdir()
    (run / "segmenter" / "complete.json").write_text("{}")
    asked = load_config("mini", Category("mug"), 0, {"segmenter.weights": "features"})
    assert mask_source(asked, run) == "features" and masks(asked, tmp_path).here
    assert is_from_features("clicks:a.json") and not is_from_features("coco")


def test_the_file_of_clicks_is_kept_whole_and_must_be_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = run_config("mini", "car", 0, "runs", {"segmenter.weights": "clicks:mine.json"})
    assert config.segmenter.weights == f"clicks:{tmp_path / 'mine.json'}"
    need = masks(config, tmp_path)
    assert not need.here and str(tmp_path / "mine.json") in need.what and "ten clicks" in need.command


def test_without_clicks_the_segmenter_is_trained_on_clusters_and_says_so(opened):
    run = opened("features")
    with pytest.raises(ExpectedError, match="train it first with `ganverse train-segmenter --run .*`"):
        stages.segmenter(run)
    prepare(run)
    stage = run.directory / "feature_segmenter"
    made = stage.stat().st_mtime_ns
    prepare(run)
    assert stage.stat().st_mtime_ns == made
    found = stages.segmenter(run)
    assert "masks from clusters of the GAN's features" in found.source and found.category == "car"
    notes = read_json(run.directory / "manifest.json")["notes"]
    assert notes["segmenter"] == found.source and notes["masks"].startswith("GAN pictures with masks from clusters")


def test_clicks_that_cannot_be_used_stop_the_command_with_a_sentence(opened, capsys):
    run = opened("clicks")
    with pytest.raises(FileNotFoundError, match="notebook 02"):
        prepare(run)
    annotation = click_annotation(run)
    annotation.add(0, 0.5, 0.5, True)
    with pytest.raises(ExpectedError, match="All 1 clicks are on the object"):
        prepare(run)
    assert annotation.clicks.points == (Click(0, 0.5, 0.5, True),)
    assert cli.main(["train-segmenter", "--run", str(run.directory)]) == 2
    assert "ganverse: All 1 clicks are on the object" in capsys.readouterr().err
