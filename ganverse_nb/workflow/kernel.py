"""What a run knows of the notebook that opens it: from where its paths are meant, and what papermill gave it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

from ganverse_nb.runtime.errors import SettingError

PARAMETERS = ("profile", "category", "seed", "runs", "figures", "settings")  # of every notebook
INJECTED = "# Parameters\n"  # how the cell begins that papermill adds


def check_notebook() -> None:
    """Whether papermill gave this notebook only parameters that it has; of others it warns in its log alone.

    Raises:
        SettingError: it did not.
    """
    cells = getattr(_shell(), "user_ns", {}).get("In", [])
    names = [name for cell in cells if cell.startswith(INJECTED) for name in assigned(cell)]
    unknown = [name for name in names if name not in PARAMETERS]
    if unknown:
        raise SettingError(
            f"This notebook has no parameter {unknown[0]!r}; its parameters are {', '.join(PARAMETERS)}; changes "
            "of a profile go into settings, as in `-y 'settings: {inverse.steps: 100}'`."
        )


def assigned(cell: str) -> list[str]:
    """The names that a cell of assignments sets."""
    nodes = [node for node in ast.parse(cell).body if isinstance(node, ast.Assign)]
    return [target.id for node in nodes for target in node.targets if isinstance(target, ast.Name)]


def given_from() -> Path:
    """The folder that relative paths are meant from: the current one; in a notebook, the one above the notebooks."""
    here = Path.cwd()
    return here.parent if _shell() is not None and any(here.glob("[0-9][0-9]_*.ipynb")) else here


def from_notebooks(path: str | Path) -> Path:
    """`path`, as a notebook's `../runs` is meant: from the folder of the notebooks, wherever its kernel was started."""
    path, here = Path(path), Path.cwd()
    if _shell() is None or path.parts[:1] != ("..",) or any(here.glob("[0-9][0-9]_*.ipynb")):
        return path
    folder = Path(__file__).parents[2] / "notebooks"
    if not folder.is_dir():
        raise ValueError(
            f"This notebook was started in {here}, which holds no notebooks, so {path} cannot be meant; "
            "start it in its own folder, or set `runs` and `figures` to whole paths."
        )
    meant = (folder / path).resolve()
    print(f"This notebook was started in {here} instead of its own folder; {path} is taken to be {meant}.")
    return meant


def _shell() -> Any:
    """IPython's shell, in whose kernel or terminal this runs; None outside."""
    return getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
