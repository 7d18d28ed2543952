"""A papermill engine that reports how far a notebook is, down to the progress bar of the running cell."""

from __future__ import annotations

import html
import os
import re
import signal
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from nbclient.output_widget import OutputWidget
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

Progress = Callable[[int, int, str], None]
ENGINE = "ganverse"


class Stop:
    """Ends notebooks that run in other threads when it is called: their cell is interrupted, and no other begins."""

    def __init__(self) -> None:
        self.asked = False
        self._clients: set[WatchedClient] = set()

    def __call__(self) -> None:
        self.asked = True
        for client in list(self._clients):
            client.interrupt()

    def add(self, client: WatchedClient) -> None:
        self._clients.add(client)

    def remove(self, client: WatchedClient) -> None:
        self._clients.discard(client)


class SyncedOutput(OutputWidget):
    """nbclient's front end of an Output widget, which sends what it caught back to the kernel, without its hang.

    The socket is also the one on which the running cell's reply is awaited, and a socket of ZeroMQ announces a message
    once (https://github.com/jupyter/nbclient/issues/312): nbclient's own way of sending takes the announcement away
    from whoever waits, for ever when the reply has just come. The asynchronous socket passes it on.
    """

    def send(self, data: Any = None, metadata: Any = None, buffers: Any = None) -> None:
        session, channel = self.kernel_client.session, self.kernel_client.shell_channel
        content = {"comm_id": self.comm_id, "data": data}
        message = session.msg("comm_msg", content, parent=self.parent_header, metadata=metadata)
        channel.socket.send_multipart(session.serialize(message))


class WatchedClient(PapermillNotebookClient):
    """Calls `progress(cells done, cells, text)` around every cell and whenever a tqdm bar moves.

    Cells with one of the tags `skip` are left as they are.

    In a kernel, tqdm draws with widgets, which a terminal does not show; their text travels in widget messages.
    """

    def __init__(
        self, nb_man: Any, progress: Progress | None, stop: Stop, skip: Collection[str] = (), **options: Any
    ) -> None:
        super().__init__(nb_man, **options)
        self.widget_registry = {"@jupyter-widgets/output": {"OutputModel": SyncedOutput}}
        self.skip = set(skip)
        self.progress = progress or (lambda done, total, text: None)
        self.stop = stop

    def interrupt(self) -> None:
        """Raises KeyboardInterrupt in the kernel."""
        process = getattr(getattr(self.km, "provisioner", None), "pid", None)
        if process:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGINT)

    def execute_cell(self, cell: Any, cell_index: int, *arguments: Any, **options: Any) -> Any:
        self.progress(cell_index, len(self.nb.cells), "")
        if self.stop.asked:
            raise KeyboardInterrupt
        left_out = self.skip & set(cell.metadata.get("tags", ()))
        result = cell if left_out else super().execute_cell(cell, cell_index, *arguments, **options)
        self.progress(cell_index + 1, len(self.nb.cells), "")
        return result

    def handle_comm_msg(self, outs: Any, msg: Any, cell_index: int) -> Any:
        result = super().handle_comm_msg(outs, msg, cell_index)
        content = msg["content"]
        changed = content.get("data", {}).get("state", {})
        if self.widget_state.get(content.get("comm_id"), {}).get("_model_name") == "HTMLModel" and "value" in changed:
            text = html.unescape(re.sub(r"<[^>]+>", "", changed["value"])).replace("\u2007", " ").strip()
            if re.match(r"\d+\S*(/| \[)", text):  # the right end of a tqdm bar, as in 35/100 [00:10<00:20, 3.4it/s]
                self.progress(cell_index, len(self.nb.cells), text)
        return result


class WatchedEngine(NBClientEngine):
    """papermill's own engine with `WatchedClient` and the kernel's own words in a file."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        start_timeout: int = 120,
        progress: Progress | None = None,
        kernel_log: str = os.devnull,
        kernel_cwd: str | None = None,
        stop: Stop | None = None,
        skip: Collection[str] = (),
        threads: int | None = None,
        **_: Any,
    ) -> None:
        environment = {**os.environ} if threads is None else {**os.environ, "OMP_NUM_THREADS": str(threads)}
        options = {"kernel_name": kernel_name, "startup_timeout": start_timeout, "timeout": None}
        place = {"resources": {"metadata": {"path": kernel_cwd}}} if kernel_cwd else {}
        stop = stop or Stop()
        client = WatchedClient(nb_man, progress, stop, skip, **options, **place)
        stop.add(client)
        try:
            with open(kernel_log, "w") as log:  # what the kernel itself says; cells' output goes into the notebook
                client.execute(stdout=log, stderr=log, env=environment)
        finally:
            stop.remove(client)


papermill_engines.register(ENGINE, WatchedEngine)
