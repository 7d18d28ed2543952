"""How far things that run beside each other are: one moving line on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Sequence
from typing import TextIO


class Board:
    """What is begun, moves and ends, by name; `done` of `total` leads every line. Safe to call from several threads.

    Args:
        names: of everything there is to do.
        every: seconds between lines about one thing where there is no terminal.
    """

    def __init__(self, names: Sequence[str], stream: TextIO | None = None, every: float = 60.0) -> None:
        self.total, self.stream, self.every = len(names), stream or sys.stderr, every
        self.live = self.stream.isatty()
        self.done = 0
        self._texts: dict[str, str] = {}  # of what runs
        self._begun: dict[str, float] = {}
        self._shown: dict[str, float] = {}
        self._lock = threading.RLock()

    def begin(self, name: str) -> None:
        with self._lock:
            self._begun[name] = self._shown[name] = time.monotonic()
            self._texts[name] = ""
            self._move() if self.live else self._print(name)

    def update(self, name: str, done: int, total: int, text: str) -> None:
        """`done` of `total` parts of `name` are done; `text` says more about the one that runs."""
        with self._lock:
            now = time.monotonic()
            self._texts[name] = f"{done}/{total} cells, {now - self._begun[name]:.0f} s  {text}".rstrip()
            if self.live:
                self._move()
            elif now - self._shown[name] >= self.every:
                self._shown[name] = now
                self._print(f"{name}  {self._texts[name]}")

    def end(self, name: str, state: str, more: str = "") -> None:
        """`name` has ended as `state` says, or never begun; `more` are lines below."""
        with self._lock:
            self.done += 1
            self._texts.pop(name, None)
            after = f" after {time.monotonic() - self._begun[name]:.0f} s" if name in self._begun else ""
            self._print(f"{name}  {state}{after}")
            for line in more.splitlines():
                self.stream.write(f"    {line}\n")
            if self.live and self._texts:
                self._move()
            self.stream.flush()

    def _move(self) -> None:
        running = " | ".join(f"{name}  {text}".rstrip() for name, text in self._texts.items())
        width = shutil.get_terminal_size().columns - 1
        self.stream.write("\r" + f"[{self.done}/{self.total}] {running}"[:width].ljust(width))
        self.stream.flush()

    def _print(self, text: str) -> None:
        line = f"[{self.done}/{self.total}] {text}"
        if self.live:
            line = "\r" + line.ljust(shutil.get_terminal_size().columns - 1)
        self.stream.write(line + "\n")
        self.stream.flush()
