"""How Warp starts: once, by one thread, with a folder for compiled kernels that can be written."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import warnings

import warp as wp

from ganverse_nb.runtime.errors import ExpectedWarning, cause
from ganverse_nb.runtime.threads import made_once


@made_once  # one at a time
def load(module: wp.Module, device: str) -> None:
    """Compile or fetch the kernels of a module, without Warp's banner."""
    level, wp.config.log_level = wp.config.log_level, wp.LOG_ERROR
    try:
        _start()
        module.load(device, block_dim=1 if device == "cpu" else None)
    finally:
        wp.config.log_level = level


@made_once
def _start() -> None:
    try:
        chosen = wp.config.kernel_cache_dir or os.environ.get("WARP_CACHE_PATH") or os.environ.get("XDG_CACHE_HOME")
        if not chosen and os.path.expanduser("~") == "~":
            raise FileNotFoundError("this user has no home folder")  # Warp would make a folder named ~ here
        wp.init()
        folder = wp.config.kernel_cache_dir
        reason = "" if os.access(folder, os.W_OK | os.X_OK) else f"{folder} cannot be written"
    except OSError as error:
        reason = cause(error)
    if reason:
        warnings.warn(
            ExpectedWarning(
                f"The renderer's compiled kernels cannot be kept ({reason}), so each process compiles them into a "
                "temporary folder; set WARP_CACHE_PATH to a folder that can be written."
            ),
            stacklevel=2,
        )
        wp.config.kernel_cache_dir = _temporary_folder()
        wp.init()


def _temporary_folder() -> str:
    """A folder that goes when this process, and not a child of it, ends."""
    folder, owner = tempfile.mkdtemp(prefix="warp-"), os.getpid()

    def remove() -> None:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder
