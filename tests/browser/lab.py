"""A JupyterLab server with a home of its own, and one of its notebooks as a person sees it: cells, menus, widgets."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen
from uuid import uuid4

import nbformat
from jupyter_client import BlockingKernelClient
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook
from playwright.sync_api import Page, expect

from ganverse_nb.workflow.notebooks import KERNEL, folder

# Seconds for a step of the page, and for a whole notebook; all but a crowded machine needs a tenth.
PATIENCE, COMPUTING = 180, 900
NO_NEWS = {"fetchNews": "false", "checkForUpdates": False}  # JupyterLab would ask for them on its own web pages
# Cells outside the window have no elements, so what ran and what failed is read from JupyterLab's model.
CELLS = """() => Array.from(jupyterapp.shell.currentWidget.content.model.cells).map(cell => ({
    source: cell.sharedModel.source, count: cell.executionCount, code: cell.type === "code",
    running: cell.executionState === "running",
    errors: cell.type === "code" ? cell.outputs.toJSON().filter(o => o.output_type === "error").map(o => o.evalue) : []
}))"""
FINISHED = f"""last => {{
    const cells = ({CELLS})().slice(0, last).filter(cell => cell.code);
    return cells.some(cell => cell.errors.length) || cells.every(cell => cell.count && !cell.running);
}}"""
# Before that a key or click may be lost: JupyterLab puts its windows, and the focus, where they were.
READY = """async () => {
    await jupyterapp.restored;
    const panel = jupyterapp.shell.currentWidget;
    await Promise.all([panel.revealed, panel.sessionContext.ready]);
}"""
ACTIVATE = "index => { jupyterapp.shell.currentWidget.content.activeCellIndex = index; }"
SCROLL = "index => jupyterapp.shell.currentWidget.content.scrollToItem(index, 'center')"
BYTES = "async picture => Array.from(new Uint8Array(await (await fetch(picture.src)).arrayBuffer()))"
# What Python holds of the widget that has a class: its value, as base64 where it is bytes.
VALUE = """[next((b["data"] for b in m.get("buffers", []) if b["path"] == ["value"]), m["state"].get("value"))
    for m in __import__("ipywidgets").Widget.get_manager_state()["state"].values()
    if {!r} in m["state"].get("_dom_classes", ())]"""


@dataclass
class Lab:
    """A running server: its address, the directory of its notebooks, and where its kernels' connection files are."""

    url: str
    directory: Path
    runtime: Path

    def add(self, notebook: Path, parameters: dict[str, object]) -> str:
        """Copies a notebook with other parameters, as papermill does, and returns its path on the server."""
        prepared = parameterize_notebook(load_notebook_node(str(notebook)), parameters)
        nbformat.write(prepared, self.directory / notebook.name)
        return f"{self.directory.name}/{notebook.name}"

    def write(self, name: str, cells: Sequence[str]) -> str:
        """Makes a notebook of code cells and returns its path on the server."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata={"kernelspec": KERNEL}
        )
        nbformat.write(notebook, self.directory / name)
        return f"{self.directory.name}/{name}"

    def kernel(self, name: str) -> str:
        """The identity of the kernel that a notebook has."""
        with urlopen(f"{self.url}api/sessions") as answer:
            (kernel,) = [session["kernel"]["id"] for session in json.load(answer) if session["path"] == name]
        return str(kernel)

    def python(self, name: str, expression: str) -> Any:
        """The value of an expression (of literals) in a notebook's kernel, asked for by a client that is no browser."""
        path = self.runtime / f"kernel-{self.kernel(name)}.json"
        with ThreadPoolExecutor(1) as elsewhere:  # Playwright's event loop runs in this thread
            return ast.literal_eval(elsewhere.submit(_ask, path, expression).result())


def _ask(connection: Path, expression: str) -> str:
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels(hb=False)  # no heartbeat: its thread complains when it is ended
    try:
        asked = {"value": expression}
        reply = client.execute("", silent=True, user_expressions=asked, reply=True, timeout=PATIENCE)
    finally:
        client.stop_channels()
    value = reply["content"]["user_expressions"]["value"]
    assert value["status"] == "ok", value
    return str(value["data"]["text/plain"])


@contextmanager
def serve(home: Path) -> Iterator[Lab]:
    """A server of `home`, with the project's figures of cars beside `home/notebooks`.

    It neither reads nor writes the user's settings, and takes its kernels with it.
    """
    directory, runtime, log = home / "notebooks", home / "runtime", home / "server.log"
    directory.mkdir(parents=True)
    shutil.copytree(folder().parent / "figures" / "car", home / "figures" / "car")  # links out of it are not served
    places = {
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": runtime,
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "IPYTHONDIR": home / "ipython",
    }
    news = home / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    news.parent.mkdir(parents=True)
    news.write_text(json.dumps(NO_NEWS))
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0", "--IdentityProvider.token="]
    options += [f"--ServerApp.root_dir={home}", "--LabApp.expose_app_in_browser=True"]
    environment = os.environ | {name: str(place) for name, place in places.items()} | {"JUPYTER_PREFER_ENV_PATH": "1"}
    command = [sys.executable, "-m", "jupyterlab", *options]
    with log.open("w") as said:
        server = subprocess.Popen(command, env=environment, stdout=said, stderr=said, cwd=directory)
        try:
            yield Lab(_address(server, runtime, log), directory, runtime)
        finally:
            server.terminate()
            server.wait(PATIENCE)


def _address(server: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    """What the server itself writes down once it listens."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        for path in runtime.glob("jpserver-*.json"):
            with suppress(json.JSONDecodeError):  # it is being written
                return str(json.loads(path.read_text())["url"])
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}")


class NotebookPage:
    """A notebook opened in JupyterLab, its kernel at rest."""

    def __init__(self, page: Page, lab: Lab, name: str) -> None:
        self.page, self.lab, self.name = page, lab, name
        workspace = uuid4().hex  # of its own, or JupyterLab opens beside it what was open before
        page.goto(f"{lab.url}lab/workspaces/{workspace}/tree/{name}")
        page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext")
        page.evaluate(READY)
        self.wait_for_kernel("idle")

    def wait_for_kernel(self, status: str) -> None:
        """Waits until the toolbar shows the kernel idle or busy."""
        indicator = self.page.locator(".jp-NotebookPanel:visible .jp-Notebook-ExecutionIndicator")
        expect(indicator).to_have_attribute("data-status", status)

    def run_all(self) -> None:
        """Run > Run All Cells, and waits for the last.

        Raises:
            AssertionError: a cell raised.
        """
        self._run("Run All Cells", len(self.page.evaluate(CELLS)))

    def run_up_to(self, source: str) -> None:
        """Run > Run All Above Selected Cell, selected being the one after the code cell that holds some text.

        Raises:
            AssertionError: a cell raised.
        """
        after = self._index(source) + 1
        self.page.evaluate(ACTIVATE, after)
        self._run("Run All Above Selected Cell", after)

    def _run(self, item: str, last: int) -> None:
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.locator(".lm-Menu-itemLabel").get_by_text(item, exact=True).click()
        self.page.wait_for_function(FINISHED, arg=last, timeout=COMPUTING * 1000)
        raised = {cell["source"]: cell["errors"] for cell in self.page.evaluate(CELLS) if cell["errors"]}
        assert not raised, raised

    def _index(self, source: str) -> int:
        (index,) = [i for i, cell in enumerate(self.page.evaluate(CELLS)) if cell["code"] and source in cell["source"]]
        return index

    def scroll_to_top(self) -> None:
        """Brings the title into the window."""
        self.page.evaluate(SCROLL, 0)

    def run_cell(self, number: int) -> None:
        """A click into a code cell, then Shift+Enter."""
        editor = self.page.locator(".jp-CodeCell .cm-content").nth(number)
        editor.click()
        editor.press("Shift+Enter")

    def scroll_to(self, source: str) -> None:
        """Brings the code cell that holds some text into the window."""
        self.page.evaluate(SCROLL, self._index(source))

    def python(self, expression: str) -> Any:
        """See `Lab.python`."""
        return self.lab.python(self.name, expression)

    def value(self, css_class: str) -> Any:
        """What Python holds as the value of the widget with this class; a picture as base64."""
        (value,) = self.python(VALUE.format(css_class))
        return value

    def picture(self, css_class: str) -> bytes:
        """The file that the page shows in the picture with this class."""
        return bytes(self.page.locator(f".{css_class}").evaluate(BYTES))
