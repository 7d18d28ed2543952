"""What comes with the package is taken for exactly its settings, and never when it is stale or damaged."""

from __future__ import annotations

import json
import shutil

import pytest

from ganverse_nb.config import load_config
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.files import read_json, sha256, write_json
from ganverse_nb.runtime.settings import deciding
from ganverse_nb.runtime.shipped import FORMAT, WEIGHTS, Shipped, is_shipped, known_sha256, shipped_name, shipped_stage
from ganverse_nb.workflow.run import Run, Stage

CONFIG = {"category": "car", "profile": "mini", "seed": 0, "gan": {"network": "bundled"}}
LARGE = CONFIG | {"profile": "full", "gan": {"network": "bundled-128"}}


@pytest.fixture
def weights(tmp_path):
    """A package that ships one file of one stage."""
    folder = tmp_path / "weights" / "car"
    (folder / "learned").mkdir(parents=True)
    (folder / "learned" / "model.txt").write_text("what was learned")
    files = {"model.txt": sha256(folder / "learned" / "model.txt")}
    stages = {"learned": {"identity": "abc", "files": files}}
    write_json(folder / "shipped.json", {"format": FORMAT, "config": CONFIG, "stages": stages})
    return tmp_path / "weights"


def test_a_result_of_these_settings_is_taken(weights):
    assert shipped_stage(CONFIG, "learned", "abc", weights) == weights / "car" / "learned"
    other_settings = CONFIG | {"seed": 1}
    assert shipped_stage(other_settings, "learned", "abc", weights) == weights / "car" / "learned"  # does not read them


def test_each_size_has_results_of_its_own(weights):
    assert [shipped_name(config) for config in (CONFIG, LARGE)] == ["car", "car-128"]
    assert shipped_name(CONFIG | {"gan": {"network": "some/bundled-net.pkl"}}) == "car"
    assert shipped_stage(LARGE, "learned", "abc", weights) is None and not is_shipped(LARGE, weights)
    shutil.copytree(weights / "car", weights / "car-128")
    facts = read_json(weights / "car-128" / "shipped.json") | {"config": LARGE}
    write_json(weights / "car-128" / "shipped.json", facts)
    assert shipped_stage(LARGE, "learned", "abc", weights) == weights / "car-128" / "learned"
    assert shipped_stage(CONFIG, "learned", "abc", weights) == weights / "car" / "learned"
    assert is_shipped(LARGE, weights) and is_shipped(CONFIG, weights)
    assert Shipped.of("car-128", weights).category == Shipped.of("car", weights).category == "car"
    with pytest.raises(ExpectedError, match="that comes with the package for car-128 was made by another version"):
        shipped_stage(LARGE, "learned", "xyz", weights)


def test_other_settings_get_nothing(weights):
    assert shipped_stage(CONFIG | {"seed": 1}, "learned", "xyz", weights) is None
    assert shipped_stage(CONFIG, "other", "abc", weights) is None
    assert shipped_stage(CONFIG | {"category": "horse"}, "learned", "abc", weights) is None
    assert is_shipped(CONFIG, weights) and not is_shipped(CONFIG | {"seed": 1}, weights)
    assert is_shipped(CONFIG | {"weights": {"download": True}, "runtime": {"checkpoint_seconds": 5.0}}, weights)


def test_a_stale_file_is_an_error(weights):
    with pytest.raises(ExpectedError, match="The learned that comes with .* for car was made by another version"):
        shipped_stage(CONFIG, "learned", "xyz", weights)


def test_a_damaged_file_is_an_error(weights):
    (weights / "car" / "learned" / "model.txt").write_text("something else")
    with pytest.raises(ExpectedError, match="model.txt, which comes with the package, is damaged; install"):
        shipped_stage(CONFIG, "learned", "abc", weights)
    (weights / "car" / "learned" / "model.txt").unlink()
    with pytest.raises(ExpectedError, match="is missing; install"):
        Shipped.of("car", weights).file("learned", "model.txt")


def test_another_version_and_another_category_are_sentences(weights):
    with pytest.raises(ExpectedError, match=r"no networks for 'boat' \(it has some for: car\); train them"):
        Shipped.of("boat", weights)
    path = weights / "car" / "shipped.json"
    write_json(path, read_json(path) | {"format": FORMAT + 1})
    with pytest.raises(ExpectedError, match="is of another version of the package"):
        Shipped.of("car", weights)


def test_a_run_takes_the_shipped_result_says_so_and_can_be_told_not_to(weights, tmp_path, monkeypatch, capsys):
    stage = Stage("learned", lambda directory: (directory / "model.txt").write_text("learned here"), settings=1)
    path = weights / "car" / "shipped.json"
    facts = read_json(path)
    facts["stages"]["learned"]["identity"] = stage.identity
    write_json(path, facts)
    monkeypatch.setattr("ganverse_nb.workflow.run.shipped_stage", lambda *order: shipped_stage(*order, weights))
    config = load_config("smoke")
    run = Run(config, tmp_path / "runs", tmp_path / "figures")
    assert run.finish(stage) == weights / "car" / "learned"
    assert "Using the learned that comes with the package" in capsys.readouterr().out
    assert [entry["what"] for entry in run.manifest["substitutions"]] == ["the learned that comes with the package"]
    after = Stage("after", lambda directory: None, needs=(stage,))
    run.finish(after)
    assert not run.is_complete("learned") and run.is_complete("after")
    own = Run(config, tmp_path / "runs", tmp_path / "figures", shipped=False)
    assert (own.finish(stage) / "model.txt").read_text() == "learned here"
    assert run.finish(stage) == run.directory / "learned"  # the run's own comes first


@pytest.mark.parametrize("name", sorted(path.parent.name for path in WEIGHTS.glob("*/shipped.json")))
def test_shipped_files_and_settings_belong_together(name, tmp_path):
    """A change of a profile, of a stage's settings or of a weight file must come with new files."""
    from ganverse_nb.config import as_json
    from ganverse_nb.runtime.files import plain
    from ganverse_nb.runtime.shipped import SHIPPED
    from ganverse_nb.workflow import stages

    shipped = Shipped.of(name)
    config = load_config(shipped.facts["config"]["profile"], shipped.category)
    run = Run(config, tmp_path / "runs", tmp_path / "figures")
    assert shipped_name(plain(as_json(config))) == name
    assert deciding(shipped.facts["config"]) == deciding(plain(as_json(run.config)))
    assert set(shipped.facts["stages"]) == set(SHIPPED)
    for stage, made in shipped.facts["stages"].items():
        assert getattr(stages, f"{stage}_stage")(run).identity == made["identity"], stage
        assert [shipped.file(stage, file) for file in SHIPPED[stage]]


@pytest.mark.parametrize("name", sorted(path.parent.name for path in WEIGHTS.glob("*/shipped.json")))
def test_the_report_has_the_rows_of_the_shipped_networks(name):
    shipped = Shipped.of(name)
    told = json.loads((WEIGHTS.parents[1] / "figures" / "report.json").read_text(encoding="utf-8"))
    profile = shipped.facts["config"]["profile"]
    report = {row["key"]: row for row in told if row["profile"] == profile and row["seed"] == 0}
    rows = {row["key"]: row for row in shipped.facts["rows"]}
    assert {f"{shipped.category}.inverse.gan_test_iou", f"{shipped.category}.truth.chamfer"} - rows.keys() == set()
    assert {key: row["ours"] for key, row in rows.items()} == {key: report[key]["ours"] for key in rows}


def test_the_hash_of_every_network_of_the_package_is_known():
    """Those of the stages, and what they were made with; so that a flipped bit in any of them is found."""
    files = [
        *WEIGHTS.glob("segmenter-*.safetensors"),
        *WEIGHTS.glob("*/*.safetensors"),
        *WEIGHTS.glob("*/*/*.safetensors"),
    ]
    assert len(files) == 4 + 3 * 8 + 5  # the car's of 128 px beside the three categories'
    assert {str(path): known_sha256(path) for path in files} == {str(path): sha256(path) for path in files}


def test_files_elsewhere_have_no_known_hash(weights, tmp_path):
    assert known_sha256(weights / "car" / "learned" / "model.txt", weights) == sha256(
        weights / "car" / "learned" / "model.txt"
    )
    assert known_sha256(tmp_path / "model.txt", weights) is None
    assert known_sha256(weights / "car" / "model.txt", weights) is None


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": 1}'])
def test_damaged_facts_are_a_sentence(weights, text):
    (weights / "car" / "shipped.json").write_text(text)
    with pytest.raises((ExpectedError, ValueError), match=r"shipped.json.* is damaged.*; install the package again\.$"):
        Shipped.of("car", weights)


def test_every_bundled_category_is_shipped_and_the_package_stays_small():
    from ganverse_nb.categories import CATEGORIES

    assert {path.parent.name for path in WEIGHTS.glob("*/shipped.json")} == {*CATEGORIES, "car-128"}
    size = sum(path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file())
    assert size <= 90e6
