"""Locks of files: one process at a time, wherever it runs, however it ends."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.files import read_json


class RunBusyError(ExpectedError):
    """Another process computes in the same run directory."""


@contextmanager
def exclusive(path: Path, what: str, wait: float | None = 0) -> Iterator[None]:
    """Holds the lock file `path`; it is free again when the process ends, however it ends.

    Args:
        what: is locked, in words.
        wait: seconds that another process is waited for; None for as long as it takes, which is said.

    Raises:
        RunBusyError: another process held it for longer.
    """
    path = path.resolve()
    lock = FileLock(path, is_singleton=True)
    owner = path.with_suffix(".owner")
    try:
        lock.acquire(timeout=wait or 0)
    except Timeout:
        process = _told_owner(owner)
        if wait is not None:
            raise RunBusyError(
                f"{what} is being worked on by {process}; wait for it to end or stop it, "
                "then run the same command again."
            ) from None
        print(f"{what} is being worked on by {process}; waiting for it to end.", flush=True)
        lock.acquire(timeout=-1)
    try:
        if not wait:
            owner.write_text(json.dumps({"process": os.getpid(), "host": platform.node()}), encoding="utf-8")
        yield
    finally:
        lock.release()


def _told_owner(path: Path) -> str:
    """Who holds a lock, in words."""
    try:
        process, host = (read_json(path)[name] for name in ("process", "host"))
    except (OSError, ValueError, LookupError, TypeError):  # not yet written, or of an earlier version
        return "another process"
    gone = host == platform.node() and Path("/proc").is_dir() and not Path(f"/proc/{process}").exists()
    return f"process {process} on {host}" + (", which has ended but has left a process that goes on" if gone else "")
