"""Which notebooks of a reproduction that was interrupted are done, and need not run again."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganverse_nb.runtime.files import content_of, digest, read_json, sha256, write_json
from ganverse_nb.workflow.marks import COMPLETE
from ganverse_nb.workflow.provenance import environment
from ganverse_nb.workflow.run import Run


class DoneNotebooks:
    """Notebooks that are done, kept in `<run>/notebooks/done.json` from the first until a reproduction has ended well.

    One that was done is done while nothing that its results hang on has changed: its own text and those of notebooks it
    needs, the parameters, which notebooks were asked for, packages, commit and machine; and while every stage, figure
    and number is there that was there when it ended. Safe to call from several threads.

    Args:
        needs: of each notebook those that it needs; what was asked for.

    Raises:
        DamagedError: the file is damaged.
    """

    def __init__(self, run: Run, needs: Mapping[Path, Collection[Path]], parameters: Mapping[str, Any]) -> None:
        self.run, self.path = run, run.directory / "notebooks" / "done.json"
        self._lock = threading.Lock()
        texts = {path: sha256(path) for path in needs}
        around = [dict(parameters), sorted(path.name for path in needs), environment()]
        self._keys = {
            path: digest([around, texts[path], sorted(texts[need] for need in needs[path])]) for path in needs
        }
        self._kept: dict[str, dict[str, Any]] = {}
        if self.path.exists():
            with content_of(self.path, "list of notebooks that are done"):
                for name, entry in read_json(self.path).items():
                    self._kept[name] = {"key": entry["key"], "left": dict(entry["left"])}

    def __contains__(self, notebook: Path) -> bool:
        kept = self._kept.get(notebook.stem)
        executed = self.run.directory / "notebooks" / notebook.name
        return (
            kept is not None
            and kept["key"] == self._keys[notebook]
            and executed.exists()
            and kept["left"].items() <= self._left().items()
        )

    def add(self, notebook: Path) -> None:
        """It has ended well."""
        with self._lock:
            self._kept[notebook.stem] = {"key": self._keys[notebook], "left": self._left()}
            write_json(self.path, self._kept, sealed=True)

    def forget(self) -> None:
        """The next reproduction runs all notebooks."""
        self.path.unlink(missing_ok=True)

    def _left(self) -> dict[str, str]:
        """What notebooks leave, by name: stages with a hash of their marks, figures and numbers."""
        left = {f"number {row.key}": "" for row in self.run.rows()}
        left |= {f"figure {path.relative_to(self.run.figures)}": "" for path in self.run.figures.rglob("*.png")}
        for mark in self.run.directory.glob(f"*/{COMPLETE}"):
            with suppress(FileNotFoundError):  # a stage that another notebook computes, just being renamed
                left[f"stage {mark.parent.name}"] = sha256(mark)
        return {name: value for name, value in left.items() if not name.endswith(".partial")}
