"""What every notebook of this project keeps to: it tells and shows, the library computes."""

import ast
import builtins
import json

import pytest

from ganverse_nb.config import load_config
from ganverse_nb.workflow.notebooks import PARAMETERS, PICTURE_LINK, STUDIO, build, folder, notebooks, number, source_of

NOTEBOOKS = notebooks()
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
LIMIT = 150  # lines of code


def code_cells(path):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def lines(path):
    text = "\n".join("".join(cell["source"]) for cell in code_cells(path))
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def test_every_source_is_built_and_every_notebook_has_a_source():
    sources = {path.stem for path in (folder() / "src").glob("*.py")}
    assert {path.stem for path in folder().glob("*.ipynb")} == sources == {path.stem for path in NOTEBOOKS}
    assert len(sources) >= 12


@each
def test_the_notebook_is_what_its_source_builds(path):
    assert path.read_text(encoding="utf-8") == build(source_of(path)), "`make notebooks` builds it"


@each
def test_no_outputs_are_kept(path):
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code_cells(path))


@each
def test_it_begins_with_the_finished_picture(path):
    title = "".join(json.loads(path.read_text())["cells"][0]["source"])
    (link,) = [found["path"] for found in PICTURE_LINK.finditer(title)]
    assert (path.parent / link).is_file()
    assert title.startswith("# ") and title.index(link) < title.index("You will\n* ")


def test_every_equation_of_the_paper_stands_in_one_notebook():
    texts = {
        number(path): "".join("".join(c["source"]) for c in json.loads(path.read_text())["cells"]) for path in NOTEBOOKS
    }
    where = {n: [name for name, text in texts.items() if f"\\tag{{{n}}}" in text] for n in range(1, 7)}
    assert where == {1: ["04"], 2: ["04"], 3: ["08"], 4: ["08"], 5: ["08"], 6: ["08"]}


@each
def test_parameters_are_plain_and_open_the_default_run(path):
    tagged = [cell for cell in code_cells(path) if "parameters" in cell["metadata"].get("tags", [])]
    assert len(tagged) == 1, "one cell is tagged `parameters`"
    body = ast.parse("".join(tagged[0]["source"])).body
    assert all(isinstance(node, ast.Assign) and len(node.targets) == 1 for node in body)
    values = {node.targets[0].id: ast.literal_eval(node.value) for node in body}
    assert set(PARAMETERS) <= set(values)
    assert (values["runs"], values["figures"]) == ("../runs", "../figures")
    config = load_config(values["profile"], values["category"], values["seed"], values["settings"])
    assert config == load_config()


@each
def test_the_story_is_short_and_the_logic_elsewhere(path):
    tree = ast.parse("\n".join("".join(cell["source"]) for cell in code_cells(path)))
    logic = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef, ast.While, ast.Try, ast.Global)
    assert not [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, logic)]
    assert len(lines(path)) <= LIMIT
    assert not [line for line in lines(path) if "sys.path" in line or line.startswith(("!", "%", "get_ipython"))]


@each
def test_it_begins_with_a_title(path):
    first = json.loads(path.read_text())["cells"][0]
    assert first["cell_type"] == "markdown" and "".join(first["source"]).startswith("# ")


@each
def test_papermill_says_which_parameter_is_unknown(path, tmp_path, caplog):
    import papermill

    parameters = {"profile": "smoke", "speed": 2}
    papermill.execute_notebook(path, tmp_path / "out.ipynb", parameters, prepare_only=True, progress_bar=False)
    assert [r.message for r in caplog.records if r.levelname == "WARNING"] == ["Passed unknown parameter: speed"]


NEEDS_STUDIO = {
    "test_photos",
    "train_photos",
    "ground_truth_views",
    "pose_regressor",
    "view_gate",
    "gan_kid",
    "domain_check",
}


def names(cells):
    """Names that cells bind, names that they use, and stages that they call."""
    bound, used, called = set(), set(), set()
    for node in ast.walk(ast.parse("\n".join("".join(cell["source"]) for cell in cells))):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            bound |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in ("stages", "experiments")
        ):
            called.add(node.attr)
    return bound, used, called


@each
def test_without_the_studio_a_notebook_does_what_it_can(path):
    """Profile `paper` skips the cells tagged `studio`: the others need neither its photos nor what those cells made."""
    tagged, others = [], []
    for cell in code_cells(path):
        (tagged if STUDIO in cell["metadata"].get("tags", []) else others).append(cell)
    bound, used, called = names(others)
    assert not called & NEEDS_STUDIO
    assert not used - bound - set(dir(builtins))
    assert "make_photos" not in used
