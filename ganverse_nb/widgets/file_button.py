"""A button that takes a file of any size up to its limit: servers close connections over messages of 10 MB."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets
import traitlets

from ganverse_nb.runtime.text import file_name, megabytes

PIECE = 1 << 20  # bytes of a message


class FileButton(anywidget.AnyWidget):
    """The file arrives in pieces and becomes `value`, in the form of `ipywidgets.FileUpload`.

    The browser refuses a file over the limit before it sends a byte; so does this class, if something else sends one.

    Attributes:
        value: one dictionary with name, type, size, content (bytes) and last_modified; empty before the first file.

    Args:
        description: what the button says.
        limit: bytes that a file may have.
        on_refused: called with a sentence where a file is too large, or cannot be read by the browser.
        accept: kinds of files that the browser offers.
    """

    _esm = (Path(__file__).with_suffix(".js")).read_text()  # a Path would be watched, and keep every button alive
    description = traitlets.Unicode().tag(sync=True)
    tooltip = traitlets.Unicode().tag(sync=True)
    accept = traitlets.Unicode().tag(sync=True)
    limit = traitlets.Int().tag(sync=True)
    piece = traitlets.Int(PIECE).tag(sync=True)
    value: Any = traitlets.Tuple()

    def __init__(
        self, description: str, limit: int, on_refused: Callable[[str], None], accept: str = "image/*"
    ) -> None:
        self._on_refused, self._received = on_refused, bytearray()
        words = f"{description}, up to {megabytes(limit)}"
        fitting = ipywidgets.Layout(width="max-content")
        super().__init__(description=words, tooltip="one picture file", limit=limit, accept=accept, layout=fitting)
        self.on_msg(self._message)

    def close(self) -> None:
        self._received, self.value = bytearray(), ()
        super().close()

    def _message(self, _: Any, content: dict[str, Any], buffers: list[memoryview]) -> None:
        """What the browser sends: begin, pieces and end of a file, or why it sends none."""
        (kind, facts), *_ = content.items()
        if kind == "piece":
            if len(self._received) + sum(map(len, buffers)) <= self.limit:
                self._received += b"".join(buffers)
            return
        name, received, self._received = file_name(str(facts["name"])), bytes(self._received), bytearray()
        if kind == "too_large" or facts["size"] > self.limit:
            size, limit = megabytes(facts["size"]), megabytes(self.limit)
            self._on_refused(f"{name} has {size}, and up to {limit} are taken; scale it down.")
        elif kind == "unreadable" or (kind == "end" and len(received) != facts["size"]):
            self._on_refused(f"{name} could not be read by the browser, or was lost on its way; choose it again.")
        elif kind == "end":
            at = datetime.fromtimestamp(facts["last_modified"] / 1000, UTC)
            file = {"name": name, "type": str(facts["type"]), "size": len(received), "content": received}
            self.value = (file | {"last_modified": at},)
