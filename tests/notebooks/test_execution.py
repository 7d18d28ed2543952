"""Every notebook of this project, executed at smoke size, and what the run that they make together leaves."""

import re

import nbformat
import pytest
from PIL import Image

from ganverse_nb.runtime.files import read_json
from ganverse_nb.workflow.notebooks import errors, notebooks, number, source_of

pytestmark = pytest.mark.notebook
CONTROLS = ("00", "02")  # notebooks with controls to click
NOTEBOOKS = notebooks()
SAVED = re.compile(r'^fig\.save_figure\(\s*run, "(\w+)"', re.MULTILINE)


def figures_of(path):
    """The figures that a notebook saves in every run: those in an `if` need people's votes."""
    return SAVED.findall(source_of(path).read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, smoke):
    executed = nbformat.read(smoke.executed(path), as_version=4)
    assert errors(executed) == []
    cells = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert len(cells) > 3 and all(cell.execution_count for cell in cells)
    if number(path) in CONTROLS:  # their state was there to be searched
        widgets = executed.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
        assert any("gv-status" in widget["state"].get("_dom_classes", ()) for widget in widgets)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_figures_are_there_with_their_numbers(path, smoke):
    smoke.executed(path)
    names = figures_of(path)
    assert names
    for name in names:
        with Image.open(smoke.pictures / f"{name}.png") as picture:
            assert min(picture.size) > 50, name
        numbers = read_json(smoke.pictures / f"{name}.json")
        assert (numbers["figure"], numbers["profile"], numbers["seed"]) == (name, "smoke", 0)


def test_the_run_leaves_no_other_figures_and_a_report_of_its_numbers(smoke):
    assert not smoke.failed
    drawn = {path.stem for path in (smoke.pictures).glob("*.png")}
    assert drawn == {name for path in NOTEBOOKS for name in figures_of(path)}
    rows, report = read_json(smoke.figures / "report.json"), (smoke.directory / "report.md").read_text()
    recorded = [row["key"] for row in read_json(smoke.directory / "rows.json")["rows"]]
    assert len(rows) > 30 and [row["key"] for row in rows] == recorded
    assert {row["profile"] for row in rows} == {"smoke"}
    assert all(f"`{row['key']}`" in report for row in rows)
