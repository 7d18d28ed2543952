"""How the command line speaks: sentences to stderr, on any terminal, whether or not somebody still listens."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from ganverse_nb.runtime.errors import ExpectedError, ExpectedWarning, is_out_of_memory, sentence
from ganverse_nb.runtime.extras import missing_extra
from ganverse_nb.runtime.text import printable


def say(text: str, code: int) -> int:
    """Prints a sentence to stderr; returns `code`."""
    with suppress(OSError):  # the terminal may be closed
        print(f"ganverse: {printable(text)}", file=sys.stderr)  # names of files cannot steer the terminal
    return code


def show_warning(message: Warning | str, category: type[Warning], *where: Any, **options: Any) -> None:
    """What was expected is one sentence; any other warning says where it comes from."""
    if issubclass(category, ExpectedWarning):
        say(" ".join(str(message).split()), 0)
    else:
        print(warnings.formatwarning(message, category, *where[:2]), end="", file=sys.stderr)


def told(error: Exception) -> str | None:
    """The sentence for an error that is no bug; None for one that is."""
    if isinstance(error, ModuleNotFoundError):
        missing = missing_extra(error)
        return None if missing is None else str(missing)
    return (
        sentence(error) if isinstance(error, (ValueError, OSError, ExpectedError)) or is_out_of_memory(error) else None
    )


@contextmanager
def patient_streams() -> Iterator[None]:
    """What a terminal cannot show is replaced, and nothing ends because nobody reads any more, as after `| head`."""
    before = sys.stdout, sys.stderr
    errors = [getattr(stream, "errors", None) for stream in before]
    _reconfigure(before, ["replace", "backslashreplace"])
    patient = [None if stream is None else _Patient(stream) for stream in before]  # None: closed by who started this
    sys.stdout, sys.stderr = patient  # type: ignore[assignment]
    try:
        yield
    finally:
        for stream in filter(None, patient):
            stream.flush()
        sys.stdout, sys.stderr = before
        _reconfigure(before, errors)


def _reconfigure(streams: tuple[TextIO, ...], errors: list[str | None]) -> None:
    for stream, how in zip(streams, errors, strict=True):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=how)


class _Patient:
    """A stream whose reader may go away: what is written from then on is dropped."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            return self._drop(len(text))

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._drop(0)

    def _drop(self, written: int) -> int:
        """In place of the pipe that nobody reads; Python would try it again at its end, and complain."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
        return written
