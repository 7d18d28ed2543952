"""Sweeps: every seed and combination once, resumed, and a table with mean and spread."""

import re

import pytest
from cloudpickle import register_pickle_by_value, unregister_pickle_by_value

from ganverse_nb.runtime.files import read_json
from ganverse_nb.workflow import cli
from ganverse_nb.workflow import sweep as sweeps
from ganverse_nb.workflow.notebooks import build_all
from ganverse_nb.workflow.sweep import sweep, variants

VARY = {"inverse.weight_perceptual": [0.5, 0], "inverse.symmetric_shape": [True, False]}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "notebooks" / "src").mkdir(parents=True)
    (tmp_path / "notebooks" / "src" / "04_one.py").write_text("# %%\npass\n")
    build_all(tmp_path / "notebooks")
    return tmp_path / "notebooks"


@pytest.fixture
def measured(monkeypatch):
    """Stands in for the notebooks: a stage that no setting changes, one that the weight changes, and a number."""
    calls = []

    def reproduce(run, only, directory, jobs):
        config = run.config
        for stage, identity in (("shared", None), ("own", config.inverse.weight_perceptual)):
            run.stage(stage, lambda path, stage=stage: calls.append((stage, config.seed)), identity)
        run.record("x", config.seed + 10 * config.inverse.weight_perceptual, "°")
        run.record("lost", None)

    monkeypatch.setattr(sweeps, "reproduce", reproduce)
    return calls


def test_combinations():
    assert list(variants(VARY).values()) == [
        {"inverse.weight_perceptual": weight, "inverse.symmetric_shape": symmetric}
        for weight in (0.5, 0)
        for symmetric in (True, False)
    ]
    assert variants({}) == {"as it is": {}}
    with pytest.raises(ValueError, match="inverse.steps: give values"):
        variants({"inverse.steps": []})


def test_a_sweep_measures_each_case_once_and_shares_stages(measured, folder, tmp_path):
    options = {"vary": {"inverse.weight_perceptual": [0.5, 0]}, "output": tmp_path, "directory": folder}
    path = sweep("smoke", seeds=[0, 1], **options)
    assert sorted(measured) == [("own", 0), ("own", 0), ("own", 1), ("own", 1), ("shared", 0), ("shared", 1)]
    line = next(line for line in path.read_text().splitlines() if line.startswith("| car.x (°)"))
    assert line == "| car.x (°) | 5.5 ± 0.71 | 0.5 ± 0.71 |"
    assert "lost" not in path.read_text()
    kept = read_json(path.with_name("sweep.json"))["table"]["car.x (°)"]["inverse.weight_perceptual=0"]
    assert kept["mean"] == 0.5 and kept["values"] == {"0": 0.0, "1": 1.0}

    del measured[:]
    assert sweep("smoke", seeds=[0, 1, 2], **options) == path  # one more seed
    assert sorted(measured) == [("own", 2), ("own", 2), ("shared", 2)]
    assert "| 6 ± 1 | 1 ± 1 |" in path.read_text()


def test_an_interrupted_sweep_goes_on(measured, folder, tmp_path, monkeypatch):
    whole, calls = sweeps.reproduce, []

    def interrupted(run, *arguments):
        calls.append(run.config.seed)
        if len(calls) == 2:
            raise KeyboardInterrupt
        whole(run, *arguments)

    monkeypatch.setattr(sweeps, "reproduce", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sweep("smoke", seeds=[0, 1, 2], output=tmp_path, directory=folder)
    sweep("smoke", seeds=[0, 1, 2], output=tmp_path, directory=folder)
    assert calls == [0, 1, 1, 2]


def test_the_command_line(measured, folder, tmp_path, capsys):
    command = ["sweep", "--profile", "smoke", "--notebooks", str(folder), "--sweeps", str(tmp_path)]
    assert cli.main([*command, "--seeds", "0,1", "--vary", "inverse.weight_perceptual=0.5,0"]) == 0
    out = capsys.readouterr().out
    assert "[4/4] inverse.weight_perceptual=0, seed 1" in out and "| car.x (°) | 5.5 ± 0.71 | 0.5 ± 0.71 |" in out
    assert out.splitlines()[-1] == "next: ganverse reproduce --profile smoke --category car --seed 0"
    for wrong, words in (("inverse.weight_perceptual=many", "many"), ("inverse.speed=1", "speed"), ("steps", "VALUE")):
        assert cli.main([*command, "--vary", wrong]) == 2
        assert words in capsys.readouterr().err
    there = sorted(tmp_path.rglob("config.json"))
    assert cli.main([*command, "--vary", "inverse.steps=100,many"]) == 2  # the second of two
    assert cli.main([*command, "--job", "timeout_min="]) == 2
    assert "--job timeout_min=: give a value" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("config.json")) == there
    assert cli.main([*command, "--seeds", "one"]) == 2
    assert "--seeds one" in capsys.readouterr().err


def test_what_decides_no_result_makes_no_other_sweep(measured, folder, tmp_path):
    options = {"seeds": [0], "output": tmp_path, "directory": folder}
    path = sweep("smoke", **options)
    assert sweep("smoke", settings={"runtime.checkpoint_seconds": 5.0}, **options) == path
    assert sweep("smoke", settings={"inverse.lr": 0.5}, **options) != path


@pytest.fixture
def carried():
    """Processes of submitit begin with what stands in for the notebooks here."""
    register_pickle_by_value(sweeps)
    yield
    unregister_pickle_by_value(sweeps)


def test_every_seed_is_a_job_of_submitit(measured, carried, folder, tmp_path, capsys):
    options = {"vary": {"inverse.weight_perceptual": [0.5, 0]}, "output": tmp_path, "directory": folder}
    path = sweep("smoke", seeds=[0, 1], executor="local", job={"timeout_min": 5}, **options)
    assert "| car.x (°) | 5.5 ± 0.71 | 0.5 ± 0.71 |" in path.read_text()
    assert measured == [] and len(list((path.parent / "jobs").glob("*_result.pkl"))) == 2
    assert "2 jobs, one for each seed" in capsys.readouterr().out
    assert sweep("smoke", seeds=[0, 1], executor="local", **options) == path  # nothing is left to do
    assert len(list((path.parent / "jobs").glob("*_result.pkl"))) == 2


def test_jobs_that_fail_or_cannot_be_had_are_one_sentence(measured, carried, folder, tmp_path, capsys, monkeypatch):
    def fails(run, *arguments):
        raise ValueError("no car in sight")

    monkeypatch.setattr(sweeps, "reproduce", fails)
    command = ["sweep", "--profile", "smoke", "--notebooks", str(folder), "--sweeps", str(tmp_path), "--seeds", "7"]
    for options, words in (
        (["--executor", "local"], r"The job of seed 7 failed \(.*no car in sight\); its log is .*\.err\."),
        (["--executor", "local", "--job", "speed=1"], "No job can be given to local: .*speed"),
        (["--executor", "slurm"], "No job can be given to slurm"),
    ):
        assert cli.main([*command, *options]) == 2
        assert re.search(words, capsys.readouterr().err)
