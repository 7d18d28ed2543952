"""Weights that others publish: brought once into torch's cache, never unasked, checked by the hash in their name."""

from __future__ import annotations

import http.client
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ganverse_nb.runtime.errors import ExpectedError, cause
from ganverse_nb.runtime.files import sha256

TIMEOUT = 30.0  # seconds without a byte


@dataclass(frozen=True)
class Weights:
    """A published file of weights.

    Attributes:
        name: what it is, in words.
        url: its file name ends with the beginning of its SHA-256, as those of torch's hub do.
        megabytes: its size, in units of 2^20 bytes.
        instead: what can be done without it, in words that follow "or".
        key: by which `ganverse fetch-weights` knows it.
    """

    name: str
    url: str
    megabytes: int
    instead: str
    key: str

    @property
    def path(self) -> Path:
        """Where torch's cache keeps it, whether it is there or not."""
        import torch

        return Path(torch.hub.get_dir()) / "checkpoints" / self.url.rsplit("/", 1)[1]

    @property
    def hash_prefix(self) -> str:
        """What its SHA-256 begins with, in hexadecimal."""
        return Path(self.url).stem.rsplit("-", 1)[1]

    @property
    def command(self) -> str:
        """What downloads it."""
        return f"ganverse fetch-weights {self.key}"

    @property
    def question(self) -> str:
        """Whether to download it."""
        return f"Download {self.name} ({self.megabytes} MB) from {self.url} to {self.path}?"

    def find(self) -> Path | None:
        """The file, or None where it is not there.

        Raises:
            ExpectedError: a file of that name has other bytes.
        """
        path = self.path
        if not path.is_file():
            return None
        if not sha256(path).startswith(self.hash_prefix):
            raise ExpectedError(
                f"{path} is damaged or another file (its SHA-256 differs); delete it and run `{self.command}`."
            )
        return path

    def get(self, download: bool = False) -> Path:
        """The file; where it is not there it is downloaded, if that is allowed or the person at the terminal agrees.

        Args:
            download: whether it may be downloaded without asking.

        Raises:
            ExpectedError: the file is damaged, nobody agreed to a download, or it failed; nothing is left of it then.
        """
        path = self.find()
        if path is None:
            if not (download or agreed(self.question)):
                raise ExpectedError(
                    f"{self.name} is not at {self.path}: `{self.command}` or the option --yes downloads it "
                    f"({self.megabytes} MB), or put {self.url} there by hand, or {self.instead}."
                )
            path = self._download()
        return path

    def _download(self) -> Path:
        import torch

        path = self.path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _patience(TIMEOUT):
                torch.hub.download_url_to_file(self.url, str(path), self.hash_prefix)
        except (OSError, http.client.HTTPException, RuntimeError) as error:  # RuntimeError: of another hash
            raise ExpectedError(
                f"{self.url} could not be downloaded ({cause(error)}): try again, or download it on another machine "
                f"and put it at {path}, or {self.instead}."
            ) from error
        return path


def agreed(question: str) -> bool:
    """Whether the person at the terminal says yes; False where there is none, as in a notebook."""
    if not all(stream and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """Connections that say nothing for so long fail: torch's downloader would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
