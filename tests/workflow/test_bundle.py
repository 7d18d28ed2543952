"""What a run has learned becomes files of the package, and a run of the same settings takes them."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.files import read_json
from ganverse_nb.runtime.shipped import SHIPPED, Shipped, shipped_stage
from ganverse_nb.runtime.tensors import load_tensors
from ganverse_nb.workflow import cli, stages
from ganverse_nb.workflow.bundle import SMALL, bundle
from ganverse_nb.workflow.run import Run, open_run, reopen_run

LARGE = torch.linspace(-1, 1, SMALL)


def learned(stage):
    """Writes what a stage leaves: a large and a small tensor, or lines."""

    def compute(directory):
        for name in SHIPPED[stage]:
            if name.endswith(".safetensors"):
                tensors = {"large": LARGE, "small": LARGE[:3].clone(), "whole": torch.arange(SMALL)}
                save_file(tensors, directory / name, metadata={"format": "a test"})
            else:
                (directory / name).write_text('{"step": 1}\n')

    return compute


@pytest.fixture
def run(tmp_path):
    return open_run("smoke", "car", 5, tmp_path / "runs", tmp_path / "figures", {"multiview.contents": 9})


@pytest.fixture
def finished(run):
    for name in SHIPPED:
        stage = getattr(stages, f"{name}_stage")(run)
        run._stage(name, learned(name), stage.settings, stage.identity)
    run.record("inverse.gan_test_iou", 0.93, bar=">= 0.9")
    return run


@pytest.fixture
def weights(tmp_path):
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


def test_a_run_is_bundled_in_eight_bits_with_what_made_it(finished, weights):
    path = bundle(finished, weights)
    assert path == weights / "car" / "shipped.json" and [p.name for p in weights.iterdir()] == ["car"]
    facts = read_json(path)
    assert facts["config"]["seed"] == 5 and facts["config"]["multiview"]["contents"] == 9
    assert facts["command"] == finished.command and "--set multiview.contents=9" in facts["command"]
    assert [row["ours"] for row in facts["rows"]] == [0.93]
    assert set(facts["weights"]) == {"car/teacher", "car/views", "car/segmenter", "car/photo segmenter"}
    assert facts["environment"]["versions"]["torch"] == torch.__version__
    with safe_open(Shipped.of("car", weights).file("inverse_graphics", "model.safetensors"), "pt") as file:
        metadata = file.metadata()
        assert metadata["format"] == "a test" and json.loads(metadata["provenance"])["command"] == finished.command
        assert file.get_tensor("large").dtype == torch.int8 and file.get_tensor("small").dtype == torch.float32
        assert torch.equal(file.get_tensor("whole"), torch.arange(SMALL))
    found, _ = load_tensors(weights / "car" / "inverse_graphics" / "model.safetensors", "a test", "model", "again")
    assert (found["large"] - LARGE).abs().max() < 0.004 and torch.equal(found["small"], LARGE[:3])
    with safe_open(weights / "car" / "domain" / "domain.safetensors", "pt") as file:
        assert torch.equal(file.get_tensor("large"), LARGE)  # has too wide a range


def test_what_a_run_has_taken_from_the_package_stays_as_it_is(finished, weights, tmp_path):
    before = read_json(bundle(finished, weights))
    again = open_run("smoke", "car", 5, tmp_path / "others", tmp_path / "figures", {"multiview.contents": 9})
    stage = stages.domain_stage(again)
    again._stage("domain", learned("domain"), stage.settings, stage.identity)
    kept = (weights / "car" / "inverse_graphics" / "model.safetensors").read_bytes()
    (weights / "car" / "domain" / "domain.safetensors").write_bytes(b"of before")
    after = read_json(bundle(again, weights))
    assert (weights / "car" / "inverse_graphics" / "model.safetensors").read_bytes() == kept
    assert list(after["stages"]) == list(SHIPPED)
    assert after["stages"]["inverse_graphics"] == before["stages"]["inverse_graphics"]
    assert (weights / "car" / "domain" / "domain.safetensors").read_bytes() != b"of before"


def test_a_run_of_these_settings_takes_it(finished, weights, tmp_path, monkeypatch):
    bundle(finished, weights)
    monkeypatch.setattr("ganverse_nb.workflow.run.shipped_stage", lambda *order: shipped_stage(*order, weights))
    other = Run(finished.config, tmp_path / "elsewhere", tmp_path / "figures")
    for name in SHIPPED:
        assert other.finish(getattr(stages, f"{name}_stage")(other)) == weights / "car" / name
    changed = open_run("smoke", "car", 5, tmp_path / "third", tmp_path / "figures", {"multiview.contents": 8})
    asks = {"category": "car", "gan": {"network": "bundled"}}
    for name in SHIPPED:
        assert shipped_stage(asks, name, getattr(stages, f"{name}_stage")(changed).identity, weights) is None


def test_bundling_again_replaces_what_was_there(finished, weights):
    bundle(finished, weights)
    (weights / "car" / "domain" / "old.txt").touch()
    bundle(finished, weights)
    assert not (weights / "car" / "domain" / "old.txt").exists()


def test_what_is_not_finished_or_of_other_settings_is_refused(run, weights, tmp_path):
    with pytest.raises(ExpectedError, match="Stage inverse_graphics of .* is not finished; run `ganverse reproduce"):
        bundle(run, weights)
    for name in SHIPPED:
        run._stage(name, learned(name), None, "another identity")
    with pytest.raises(ExpectedError, match="Stage inverse_graphics of .* was made with other settings or weights"):
        bundle(run, weights)
    assert not list(weights.iterdir())


def test_the_command_reopens_the_run_by_its_directory(finished, weights, monkeypatch, capsys):
    monkeypatch.setattr("ganverse_nb.workflow.bundle.WEIGHTS", weights)
    monkeypatch.setattr("ganverse_nb.workflow.bundle.bundle.__defaults__", (weights,))
    assert cli.main(["bundle", str(finished.directory)]) == 0
    out = capsys.readouterr().out
    assert "shipped.json" in out and out.splitlines()[-1].startswith(
        "next: ganverse reconstruct photo.jpg --category car"
    )
    assert Shipped.of("car", weights).facts["config"]["seed"] == 5
    assert cli.main(["bundle", str(weights)]) == 2
    assert "is no directory of a run" in capsys.readouterr().err


def test_a_run_is_reopened_with_its_settings(finished, tmp_path):
    again = reopen_run(finished.directory)
    assert again.config == finished.config and again.directory == finished.directory
    moved = finished.directory.rename(tmp_path / "runs" / "renamed")
    with pytest.raises(ValueError, match="was renamed; a run's directory is called car-smoke-seed5"):
        reopen_run(moved)
