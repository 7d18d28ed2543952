"""Notebooks: built from their sources, executed by papermill, searched for errors that hide in widgets.

`notebooks/src/NN_name.py` (py:percent) is what people edit and review; `notebooks/NN_name.ipynb` is built from it,
without outputs and with the same bytes every time. Each has a cell tagged `parameters` that sets `PARAMETERS`. A number
may have a letter, as in `03b`, which comes after 03.

    python -m ganverse_nb.workflow.notebooks build   sources -> notebooks (`make notebooks`)
    python -m ganverse_nb.workflow.notebooks pull    notebooks edited in JupyterLab -> sources
"""

from __future__ import annotations

import os
import re
import sys
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jupytext
import nbformat
from nbformat import NotebookNode

from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.files import write_text
from ganverse_nb.workflow.kernel import PARAMETERS

if TYPE_CHECKING:
    from ganverse_nb.workflow.notebook_engine import Stop
    from ganverse_nb.workflow.run import Run

EVIDENCE = ("03", "05", "06", "07", "08b", "11")  # comparisons that need further trainings: `make evidence`
STUDIO = "studio"  # tag of cells that need photos of the studio, which say nothing about a GAN of other pictures
NUMBER = re.compile(r"\d\d[a-z]?")
PICTURE_LINK = re.compile(r"!\[(?P<text>[^]]*)\]\((?P<path>[^):]+\.png)\)")
TRACEBACK = "Traceback (most recent call last):"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


class NotebookError(ExpectedError):
    """A notebook raised an error; the message is one sentence.

    Attributes:
        cell: the code of the cell it stopped at, empty where no cell is to blame.
    """

    def __init__(self, message: str, cell: str = "") -> None:
        super().__init__(message)
        self.cell = cell


def folder() -> Path:
    """The `notebooks` directory of the checkout this package is installed from.

    Raises:
        FileNotFoundError: the package was installed without a checkout.
    """
    path = Path(__file__).parents[2] / "notebooks"
    if not path.is_dir():
        raise FileNotFoundError(
            f"{path} does not exist: the notebooks are in a clone, installed with `pip install -e .`"
        )
    return path


def number(path: Path) -> str:
    """The number of a notebook or its source, as in `03b`."""
    return path.name.split("_")[0]


def _numbered(directory: Path, pattern: str) -> list[Path]:
    """Files that match the pattern and whose name begins with a number, in reading order."""
    return sorted(path for path in directory.glob(pattern) if NUMBER.fullmatch(number(path)))


def notebooks(directory: Path | None = None, only: Sequence[str] = ()) -> list[Path]:
    """The built notebooks in reading order, or those with one of the numbers `only` (as in `04`; `03` is not `03b`).

    Raises:
        ValueError: there is none of one of these numbers.
    """
    paths = _numbered(directory or folder(), "*.ipynb")
    beginnings = {wanted: f"{wanted}_" if NUMBER.fullmatch(wanted) else wanted for wanted in only}
    for wanted, beginning in beginnings.items():
        if not any(path.name.startswith(beginning) for path in paths):
            raise ValueError(f"There is no notebook {wanted!r}; there are {', '.join(p.stem for p in paths)}.")
    return [path for path in paths if not only or path.name.startswith(tuple(beginnings.values()))]


# ---- sources and what is built from them


def source_of(notebook: Path) -> Path:
    """The source that a notebook is built from."""
    return notebook.parent / "src" / f"{notebook.stem}.py"


def build(source: Path) -> str:
    """The notebook of a source, as the text of an .ipynb: no outputs, cells numbered in order."""
    notebook = jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent")
    return nbformat.writes(_bare(notebook)) + "\n"


def build_all(directory: Path | None = None) -> list[Path]:
    """Builds every notebook and returns those that changed.

    Raises:
        ValueError: a notebook was edited after its source; the message says how to keep either.
    """
    directory = directory or folder()
    changed = []
    for source in _numbered(directory / "src", "*.py"):
        target = directory / f"{source.stem}.ipynb"
        text = build(source)
        if target.exists():
            there = nbformat.read(target, as_version=4)
            edited = nbformat.writes(_bare(there)) + "\n" != text
            if edited and target.stat().st_mtime > source.stat().st_mtime:
                raise ValueError(
                    f"{target} was edited after {source}: keep the edit with "
                    "`python -m ganverse_nb.workflow.notebooks pull`, or delete the notebook and build again."
                )
            if target.read_text(encoding="utf-8") == text:
                continue
        write_text(target, text)
        changed.append(target)
    return changed


def pull_all(directory: Path | None = None) -> list[Path]:
    """Writes the cells of notebooks that differ from their source back into it, and returns those sources."""
    changed = []
    for path in notebooks(directory):
        notebook = _bare(nbformat.read(path, as_version=4))
        source = source_of(path)
        if not source.exists() or nbformat.writes(notebook) + "\n" != build(source):
            notebook.metadata = NotebookNode()
            options = {"notebook_metadata_filter": "-all", "cell_metadata_filter": "tags,-all"}
            notebook.metadata["jupytext"] = options
            write_text(source, jupytext.writes(notebook, fmt="py:percent"))
            changed.append(source)
    return changed


def _bare(notebook: NotebookNode) -> NotebookNode:
    """The notebook as it is kept: cells with their text and tags, nothing of an execution or an editor."""
    cells = []
    for index, cell in enumerate(notebook.cells):
        make = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}[cell.cell_type]
        tags = {"tags": list(cell.metadata["tags"])} if cell.metadata.get("tags") else {}
        cells.append(make(cell.source, id=f"cell-{index:02d}", metadata=tags))
    language = {"name": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "language_info": language})


def source_code(notebook: NotebookNode) -> str:
    """The code of all cells, as Python: lines for IPython alone (`%`, `!`) are left out."""
    lines = [line for cell in notebook.cells if cell.cell_type == "code" for line in cell.source.splitlines()]
    return "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!")))


# ---- execution


def run_parameters(run: Run) -> dict[str, Any]:
    """The `PARAMETERS` with which a notebook works on `run`; of its settings, those that differ from the profile's."""
    config = run.config
    values = (config.profile, config.category, config.seed, str(run.root.resolve()), str(run.figures.resolve()))
    allowed = {"weights.download": True} if config.weights.download else {}
    return dict(zip(PARAMETERS, (*values, run.changes | allowed), strict=True))


def execute(
    notebook: Path,
    output: Path,
    parameters: Mapping[str, Any],
    progress: Callable[[int, int, str], None] | None = None,
    stop: Stop | None = None,
    skip: Collection[str] = (),
    threads: int | None = None,
) -> NotebookNode:
    """Executes a notebook in its directory with this Python and writes the executed copy to `output`, and as .html.

    The copy is written as `<output>.partial.ipynb` while the notebook runs; it keeps that name when it fails,
    and `<output>.log` beside it holds what the kernel said.

    Args:
        progress: called with (cells done, cells, what the running cell's progress bar shows).
        stop: ends it from another thread.
        skip: tags of cells that are not executed.
        threads: that it computes with; else as many as there are processors, or as OMP_NUM_THREADS says.

    Raises:
        NotebookError: a cell raised, or a widget callback did, in which case Jupyter itself says nothing.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    from ganverse_nb.workflow.notebook_engine import ENGINE

    partial = output.with_suffix(".partial.ipynb").resolve()
    log = output.with_suffix(".log").resolve()
    partial.parent.mkdir(parents=True, exist_ok=True)
    # A kernel of this name in the user's home would otherwise win over that of this environment.
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    try:
        executed = papermill.execute_notebook(
            notebook.resolve(),
            partial,
            parameters=dict(parameters),
            kernel_cwd=str(notebook.resolve().parent),  # papermill's own `cwd` would move this whole process
            kernel_name=KERNEL["name"],
            engine_name=ENGINE,
            progress=progress,
            stop=stop,
            skip=skip,
            threads=threads,
            progress_bar=False,
            kernel_log=str(log),
        )
    except DeadKernelError:
        raise NotebookError(
            f"{notebook.stem} stopped because its Python died, most often for want of memory (see {log})"
        ) from None
    except PapermillExecutionError as error:
        reason = " ".join(f"{error.ename}: {error.evalue}".split())
        stopped = f"{notebook.stem} stopped at In [{error.exec_count}]: {reason} (see {partial})"
        raise NotebookError(stopped, error.source) from None
    for cell in executed.cells:
        attach_pictures(cell, notebook.parent)
    nbformat.write(executed, partial)
    hidden = errors(executed)
    if hidden:
        raise NotebookError(f"{notebook.stem} ran to its end, but {hidden[0]} (see {partial})")
    write_text(output.with_suffix(".html"), as_html(executed))
    os.replace(partial, output)
    log.unlink()
    return executed


def attach_pictures(cell: NotebookNode, directory: Path) -> None:
    """Puts the pictures that a text shows by links relative to `directory` into the cell: the copy can lie anywhere."""

    def attach(link: re.Match[str]) -> str:
        path = directory / link["path"]
        if not path.is_file():
            return link[0]
        cell.setdefault("attachments", {})[path.name] = {"image/png": b64encode(path.read_bytes()).decode()}
        return f"![{link['text']}](attachment:{path.name})"

    if cell.cell_type == "markdown":
        cell.source = PICTURE_LINK.sub(attach, cell.source)


def as_html(notebook: NotebookNode) -> str:
    """An executed notebook as a page for a browser, pictures included."""
    from nbconvert import HTMLExporter

    return HTMLExporter(template_name="lab").from_notebook_node(notebook)[0]


def errors(notebook: NotebookNode) -> list[str]:
    """What went wrong in an executed notebook, in cell outputs and in the outputs that widgets hold.

    A traceback on stderr counts, too: that is how threads and callbacks of a library fail, while the cell goes on.
    """
    outputs = [
        (f"cell {index}", output) for index, cell in enumerate(notebook.cells) for output in cell.get("outputs", [])
    ]
    for widgets in notebook.metadata.get("widgets", {}).values():
        for model in widgets.get("state", {}).values():
            outputs += [("a widget's callback", output) for output in model.get("state", {}).get("outputs", [])]
    found = ((where, _error(output)) for where, output in outputs)
    return [f"{where} {error}" for where, error in found if error]


def _error(output: Mapping[str, Any]) -> str | None:
    """What an output says of an error, None if nothing."""
    if output.get("output_type") == "error":
        return f"raised {output['ename']}: {output['evalue']}"
    if output.get("name") == "stderr" and TRACEBACK in output["text"]:
        after = output["text"].split(TRACEBACK, 1)[1].splitlines()
        return f"printed a traceback: {next((line for line in after if line.strip() and line[0] != ' '), 'cut off')}"
    return None


def main(arguments: Sequence[str]) -> int:
    actions = {"build": build_all, "pull": pull_all}
    if len(arguments) != 1 or arguments[0] not in actions:
        print("usage: python -m ganverse_nb.workflow.notebooks build|pull", file=sys.stderr)
        return 2
    try:
        for path in actions[arguments[0]]():
            print(f"wrote {path}")
    except (ValueError, FileNotFoundError) as error:
        print(f"ganverse: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
