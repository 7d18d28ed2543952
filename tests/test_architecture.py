"""Imports point down: each layer may use those below it, none above."""

import ast
import subprocess
import sys
from pathlib import Path

import ganverse_nb

PACKAGE = Path(ganverse_nb.__file__).parent
# From the bottom; a layer may use those before it.
LAYERS = [
    "runtime",
    "categories",
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


def top(path):
    """The part of the package that a file belongs to."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def test_imports_point_down():
    wrong, seen = [], set()
    for path in modules():
        mine = top(path)
        for other in {other for other, _ in imports(path) if other not in (None, mine)}:
            seen.add((mine, other))
            if (mine, other) in APART:
                wrong.append(f"{path.relative_to(PACKAGE)} imports {other}, which it has to do without")
            elif layer(other) > layer(mine):
                wrong.append(f"{path.relative_to(PACKAGE)} imports {other}, which is above {mine}")
    assert not wrong, "\n" + "\n".join(wrong)
    assert {("widgets", "workflow"), ("geometry", "runtime")} <= seen


def test_only_the_top_knows_notebooks():
    used = {path: {library for _, library in imports(path)} & NOTEBOOK_LIBRARIES for path in modules()}
    top_layers = LAYERS[LAYERS.index("figures") :]
    wrong = {
        str(path.relative_to(PACKAGE)): names for path, names in used.items() if names and top(path) not in top_layers
    }
    assert not wrong
    assert set.union(*used.values()) == NOTEBOOK_LIBRARIES, "a library is named here that nothing uses"


def test_modules_are_small():
    lengths = {str(path.relative_to(PACKAGE)): len(path.read_text().splitlines()) for path in modules()}
    assert len(lengths) > 100
    assert not {name: lines for name, lines in lengths.items() if lines > 500}


def test_a_part_does_not_load_what_it_does_not_need():
    """One process imports them one after the other: what one may load, none before it does."""
    parts = {
        "geometry": ("warp", "matplotlib"),
        "gan.generator": ("warp",),
        "render": ("nvdiffrast", "matplotlib"),
        "figures": ("jupytext", "papermill"),  # three seconds of every notebook's first cell
        "workflow.stages": ("torchvision",),  # three more
    }
    script = "import importlib, sys\nfor part in sys.argv[1:]:\n"
    script += "    importlib.import_module(f'ganverse_nb.{part}')\n    print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script, *parts], capture_output=True, text=True, check=True)
    for (part, without), loaded in zip(parts.items(), done.stdout.splitlines(), strict=True):
        assert f"ganverse_nb.{part}" in loaded.split()
        assert not set(without) & set(loaded.split()), part
