"""Imports point down: each layer may use those below it, none above."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ganverse_nb

PACKAGE = Path(ganverse_nb.__file__).parent
# From the bottom; a layer may use those before it.
LAYERS = [
    "runtime",
    "config",
    "geometry",
    "render",
    "gan",
    "studio",
    "segmentation",
    "data",
    "inverse_graphics",
    "neural_renderer",
    "evaluation",
    "figures",
    "workflow",
    "widgets",
    "__main__",
]
APART = {("gan", "render")}  # a GAN's pictures come from no mesh
NOTEBOOK_LIBRARIES = {
    "anywidget",
    "ipywidgets",
    "IPython",
    "plotly",
    "papermill",
    "jupytext",
    "nbformat",
    "nbclient",
    "matplotlib",
}


def layer(part):
    assert part in LAYERS, f"ganverse_nb.{part} has no place in LAYERS"
    return LAYERS.index(part)


def imports(path):
    """(part of this package, None) and (None, other library) for every import of a file, lazy ones included."""
    inside = path.relative_to(PACKAGE).parts
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ["ganverse_nb", *inside[: len(inside) - node.level]] if node.level else []
            module = base + (node.module.split(".") if node.module else [])
            names = [[*module, alias.name] if module == ["ganverse_nb"] else module for alias in node.names]
        for name in names:
            if name[0] != "ganverse_nb":
                yield None, name[0]
            elif len(name) > 1 and not name[1].startswith("__"):
                yield name[1], None


def modules():
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    mine = path.relative_to(PACKAGE).with_suffix("").parts[0]
    for other, _ in imports(path):
        if other is None or other == mine:
            continue
        assert (mine, other) not in APART
        assert layer(other) <= layer(mine), f"{mine} is below {other}"


below = [
    path
    for path in modules()
    if path.relative_to(PACKAGE).with_suffix("").parts[0] in LAYERS[: LAYERS.index("figures")]
]


@pytest.mark.parametrize("path", below, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_top_knows_notebooks(path):
    used = {library for _, library in imports(path)} & NOTEBOOK_LIBRARIES
    assert not used, f"{path.name} imports {used}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_are_small(path):
    assert len(path.read_text().splitlines()) <= 500


@pytest.mark.parametrize(
    ("module", "without"),
    [
        ("geometry", ("warp", "matplotlib")),
        ("gan.generator", ("warp",)),
        ("render", ("nvdiffrast", "matplotlib")),
        ("figures", ("jupytext", "papermill")),  # three seconds of every notebook's first cell
    ],
)
def test_a_part_does_not_load_what_it_does_not_need(module, without):
    script = f"import sys, ganverse_nb.{module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not set(without) & set(loaded)
