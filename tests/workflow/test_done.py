"""A reproduction that goes on executes what is not done, and all of what hangs on something else now."""

from __future__ import annotations

import pytest

from ganverse_nb import open_run
from ganverse_nb.runtime.files import read_json, write_text
from ganverse_nb.workflow import reproduce as reproducing
from ganverse_nb.workflow.notebooks import NotebookError, build_all
from ganverse_nb.workflow.reproduce import ReproductionError, reproduce

CELLS = '# %% tags=["parameters"]\nseed = 0\n\n# %%\n'
USES = {"04_shapes": "stages.inverse_graphics(run)", "08_layers": "stages.inverse_graphics(run)", "09_views": "pass"}


@pytest.fixture
def world(tmp_path, monkeypatch):
    """`world()` reproduces three notebooks, of which the second uses the first's stage; the names of those executed."""
    run = open_run("smoke", runs=tmp_path / "runs", figures=tmp_path / "figures")
    for name, code in USES.items():
        write_text(tmp_path / "src" / f"{name}.py", CELLS + code + "\n")
    executed, failing = [], set()

    def execute(path, output, *_):
        executed.append(path.stem)
        if path.stem in failing:
            raise NotebookError(f"{path.stem} stopped")
        if path.stem == "04_shapes":
            run.stage("inverse_graphics", lambda directory: write_text(directory / "a", "a"))
        run.record(f"{path.stem[:2]}.number", 1.0)
        write_text(run.figures / f"{path.stem}.png", "a picture")
        write_text(output, "executed")

    def again(*only, fails=()):
        build_all(tmp_path)
        executed.clear()
        failing.clear()
        failing.update(fails)
        try:
            reproduce(run, only, tmp_path, jobs=1)
        except ReproductionError:
            assert fails
        return executed[:]

    monkeypatch.setattr(reproducing, "execute", execute)
    return run, again


def test_what_is_done_is_not_executed_again_until_all_have_ended_well(world, capsys):
    run, again = world
    assert again(fails=["09_views"]) == [*USES]
    assert again(fails=["09_views"]) == ["09_views"]
    assert "[2/3] 08_layers  was done" in capsys.readouterr().err
    assert again() == ["09_views"]
    assert not (run.directory / "notebooks" / "done.json").exists()
    assert again() == [*USES]


@pytest.mark.parametrize(
    ("change", "executed"),
    [
        (lambda run, root: write_text(root / "src" / "04_shapes.py", CELLS + "1\n"), [*USES]),  # 08 needs it
        (lambda run, root: write_text(root / "src" / "08_layers.py", CELLS + "1\n"), ["08_layers", "09_views"]),
        (lambda run, root: (run.figures / "08_layers.png").unlink(), ["08_layers", "09_views"]),
        (lambda run, root: (run.directory / "rows.json").unlink(), [*USES]),
        (lambda run, root: (run.directory / "notebooks" / "04_shapes.ipynb").unlink(), ["04_shapes", "09_views"]),
        (lambda run, root: (run.directory / "inverse_graphics" / "complete.json").unlink(), [*USES]),
        (lambda run, root: None, ["09_views"]),
    ],
)
def test_a_notebook_is_done_while_all_is_as_it_was(world, tmp_path, change, executed):
    run, again = world
    again(fails=["09_views"])
    change(run, tmp_path)
    assert again() == executed


def test_other_notebooks_asked_for_begin_anew_and_damage_is_a_sentence(world):
    run, again = world
    again(fails=["09_views"])
    assert again("04", "09", fails=["09_views"]) == ["04_shapes", "09_views"]
    path = run.directory / "notebooks" / "done.json"
    write_text(path, path.read_text().replace("number", "nunber"))
    with pytest.raises(ValueError, match="done.json"):
        again()
    path.unlink()
    assert again() == [*USES]
    assert read_json(run.directory / "runtime.json")["minutes"] is not None


def test_what_a_killed_reproduction_was_writing_goes(world):
    run, again = world
    (run.directory / "notebooks").mkdir()
    run.pictures.mkdir(parents=True)
    torn = [
        run.figures / ".report.0123abcd.json",
        run.figures / ".report.0123abcd.html",
        run.pictures / ".run.0123abcd.json",
        run.directory / ".runtime.0123abcd.json",
        run.directory / ".report.0123abcd.md",
        run.directory / "notebooks" / ".done.0123abcd.json",
    ]
    fresh = run.pictures / ".figure.0123abcd.png"  # a notebook that is open elsewhere may be writing it
    for path in (*torn, fresh):
        path.touch()
    again()
    assert not [path for path in torn if path.exists()] and fresh.exists()
