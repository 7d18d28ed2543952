"""Notebook 00 as a page without code, for showing to others; served by Voila, with a kernel for each guest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from ganverse_nb.runtime.files import write_text
from ganverse_nb.workflow import stages
from ganverse_nb.workflow.notebooks import attach_pictures, folder, notebooks, run_parameters
from ganverse_nb.workflow.run import Run

HIDDEN = "no-demo"  # tag of cells that only readers of the code need
TITLE = "GANverse3D"  # of the page
EXTENSIONS = (  # of JupyterLab that it needs; others may not fit Voila
    "@jupyter-widgets/jupyterlab-manager",
    "@voila-dashboards/widgets-manager8",
    "anywidget",
    "jupyterlab-plotly",
)
TEMPLATE = Path(__file__).with_name("demo_template")  # a JUPYTER_PATH; like Voila's own, but it asks no other server


def demo_notebook(run: Run) -> NotebookNode:
    """Notebook 00 for `run`: without the cells tagged `HIDDEN`, pictures attached."""
    (path,) = notebooks(only=["00"])
    notebook = load_notebook_node(str(path))
    notebook.cells = [cell for cell in notebook.cells if HIDDEN not in cell.metadata.tags]
    for cell in notebook.cells:
        attach_pictures(cell, folder())
    return parameterize_notebook(notebook, run_parameters(run))


def serve_demo(run: Run, port: int = 8866, browser: bool = True) -> int:
    """Serves the page on this machine until it is interrupted; returns Voila's exit code.

    What the page shows is computed before, so that nobody waits for a training in a browser.

    Args:
        port: of http://localhost:PORT.
        browser: whether to open it there.
    """
    for needed in (stages.reconstructor, stages.stylegan_r):
        needed(run)
    path = run.directory / "demo" / f"{TITLE}.ipynb"
    path.parent.mkdir(exist_ok=True)
    write_text(path, nbformat.writes(demo_notebook(run)))
    command = [sys.executable, "-m", "voila", str(path.resolve()), f"--port={port}", "--template=ganverse"]
    command += [f"--VoilaConfiguration.extension_allowlist={name}" for name in EXTENSIONS]
    # Voila answers no ping while the notebook runs: after 90 seconds it would take the page for closed.
    command += ["--progressive_rendering=True", "--Voila.tornado_settings={'ws_ping_interval': 0}"]
    command += [] if browser else ["--no-browser"]
    places = [str(TEMPLATE), *filter(None, [os.environ.get("JUPYTER_PATH")])]
    environment = {"JUPYTER_PATH": os.pathsep.join(places), "JUPYTER_PREFER_ENV_PATH": "1"}
    # Threads of torch that wait for work would take it from the guests' other kernels.
    environment |= {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}
    return subprocess.run(command, env=os.environ | environment).returncode
