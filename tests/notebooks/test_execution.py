"""Every notebook of this project, executed at smoke size."""

import nbformat
import pytest

from ganverse_nb.runtime.files import read_json
from ganverse_nb.workflow.notebooks import errors, execute, notebooks

# The last comes first, in an empty directory: it has to compute all it needs. The others find what it left.
pytestmark = pytest.mark.notebook
CONTROLS = ("00", "02")  # notebooks with controls to click
NOTEBOOKS = sorted(notebooks(), reverse=True)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("reproduction")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_alone(path, root):
    figures = root / "figures"
    pictures = figures / "car"
    before = set(pictures.glob("*.png"))
    parameters = {"profile": "smoke", "runs": str(root / "runs"), "figures": str(figures)}
    execute(path, root / "executed" / path.name, parameters)
    executed = nbformat.read(root / "executed" / path.name, as_version=4)
    assert errors(executed) == []
    if path.name.startswith(CONTROLS):  # their state was there to be searched
        widgets = executed.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"].values()
        assert any("gv-status" in widget["state"].get("_dom_classes", ()) for widget in widgets)
    for picture in set(pictures.glob("*.png")) - before:
        assert read_json(picture.with_suffix(".json")), f"{picture.name} has no numbers beside it"
