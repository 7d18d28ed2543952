"""The page without code: which cells are on it, and with which parameters."""

import ast
import builtins

import nbformat
import pytest

from ganverse_nb.workflow.demo import HIDDEN, TEMPLATE, demo_notebook
from ganverse_nb.workflow.notebooks import notebooks, source_code
from ganverse_nb.workflow.run import open_run


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    root = tmp_path_factory.mktemp("demo")
    run = open_run("smoke", "bird", 3, root / "runs", root / "figures", {"inverse.steps": 5})
    return run, demo_notebook(run)


def test_it_is_the_notebook_without_what_only_readers_of_code_need(page):
    _, notebook = page
    nbformat.validate(notebook)
    (path,) = notebooks(only=["00"])
    whole = nbformat.read(path, as_version=4)
    kept = [cell.source for cell in notebook.cells if "injected-parameters" not in cell.metadata.tags]
    shown = [cell.source for cell in whole.cells if HIDDEN not in cell.metadata.get("tags", [])]
    assert kept == shown or [text.replace("attachment:", "../figures/car/") for text in kept] == shown
    assert len(kept) < len(whole.cells)
    text = source_code(notebook)
    assert "open_panel" in text and "PhotoUpload" in text and "run.record" not in text


def test_it_has_the_runs_parameters_and_brings_its_pictures(page):
    run, notebook = page
    (injected,) = [cell for cell in notebook.cells if "injected-parameters" in cell.metadata.tags]
    values = {n.targets[0].id: ast.literal_eval(n.value) for n in ast.parse(injected.source).body}
    assert (values["profile"], values["category"], values["seed"]) == ("smoke", "bird", 3)
    assert values["runs"] == str(run.root.resolve()) and values["settings"] == {"inverse.steps": 5}
    assert "attachment:start_reconstructions.png" in notebook.cells[0].source and notebook.cells[0].attachments


def test_the_cells_on_it_need_nothing_of_those_that_are_not(page):
    tree = ast.parse(source_code(page[1]))
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound = {node.id for node in names if isinstance(node.ctx, ast.Store)} | set(dir(builtins))
    bound |= {argument.arg for argument in ast.walk(tree) if isinstance(argument, ast.arg)}
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    bound |= {(alias.asname or alias.name).split(".")[0] for node in imports for alias in node.names}
    assert not {node.id for node in names if isinstance(node.ctx, ast.Load)} - bound


def test_its_template_is_where_voila_looks():
    (page,) = TEMPLATE.glob("voila/templates/*/index.html.j2")
    assert page.parent.name == "ganverse" and (page.parent / "conf.json").is_file()
    assert "http" not in page.read_text()
