"""One table of all that a configuration needs from outside, with the command that gets each."""

from pathlib import Path

import pytest

from ganverse_nb.categories import CATEGORIES
from ganverse_nb.config import load_config
from ganverse_nb.gan.annotation import ViewAnnotation
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.workflow import cli
from ganverse_nb.workflow.configuration import run_config
from ganverse_nb.workflow.needs import check_needs, missing, needs


@pytest.fixture(autouse=True)
def nothing_here(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_packages_own_profile_lacks_nothing(category, tmp_path, capsys):
    found = needs(load_config("mini", category), tmp_path)
    assert not missing(found) and {"GAN", "view codes", "masks", "disk"} <= {need.name for need in found}
    check_needs(load_config("mini", category), tmp_path)
    assert capsys.readouterr().out == ""  # nothing to say


def test_all_that_the_paper_lacks_is_said_at_once(tmp_path, capsys, monkeypatch):
    import torch

    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10**12}))
    assert cli.main(["check", "--profile", "paper"]) == 1
    table = capsys.readouterr().out
    rows = {line.split("  ")[0].strip(): line for line in table.splitlines() if not line.startswith(" ")}
    for name, size in {"GAN": "some hundred MB", "masks": "177 MB", "VGG16": "528 MB", "disk": "61.3 GB"}.items():
        assert size in rows[name], rows[name]
    assert f"{tmp_path}/gans/stylegan2-car-config-e.safetensors" in rows["GAN"]
    assert "39 view codes" in rows["labels"] and "missing for notebook 05" in rows["photographs"]
    assert table.count("-> ganverse fetch-weights --profile paper --category car --seed 0") == 3
    assert "missing: GAN, labels, masks, VGG16; next: ganverse fetch-weights" in table

    with pytest.raises(ExpectedError, match="missing: GAN, labels, masks, VGG16; the table above"):
        check_needs(run_config("paper", "car", 0, "runs"))
    check_needs(run_config("paper", "car", 0, "runs"), refuse=False)
    assert cli.main(["reproduce", "--profile", "paper"]) == 2
    assert not Path("runs").exists() or not list(Path("runs").rglob("config.json"))
    labels = ViewAnnotation(torch.randn(4, 8), 4, tmp_path / "runs" / "car-paper-seed0" / "labelled_views.safetensors")
    labels.label(3)
    Path("gans").mkdir()
    Path("gans/stylegan2-car-config-e.safetensors").write_bytes(b"0" * 10**6)
    names = [need.name for need in missing(needs(run_config("paper", "car", 0, "runs")))]
    assert names == ["masks", "VGG16"]


def test_a_gan_and_a_segmenter_of_the_run_are_trained_first(tmp_path):
    config = load_config("gpu", "car", 3, {"segmenter.weights": "trained"})
    told = {need.name: need for need in needs(config, tmp_path)}
    assert told["GAN"].command == "ganverse train-gan --profile gpu --category car --seed 3"
    assert told["masks"].command == "ganverse train-segmenter --profile gpu --category car --seed 3"
    assert [need.name for need in missing(list(told.values()))] == ["GAN", "masks"]


def test_doctor_adds_the_table_where_a_profile_is_named(capsys, monkeypatch):
    monkeypatch.setattr("ganverse_nb.workflow.doctor.examine", lambda directory: iter(()))
    assert cli.main(["doctor"]) == 0 and capsys.readouterr().out == ""
    assert cli.main(["doctor", "--profile", "paper"]) == 1
    assert "COCO's Mask R-CNN" in capsys.readouterr().out
