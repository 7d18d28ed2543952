"""What can go wrong without a bug, and the sentences for what the system says."""

from __future__ import annotations

import errno


class ExpectedError(RuntimeError):
    """The message is one sentence for the user: what was wrong and what to do. The command line shows nothing else."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows of it."""
        return [f"{type(self).__name__}: {self}"]


class ExpectedWarning(UserWarning):
    """The message is one sentence for the user: what was left out. The command line shows nothing else."""


class SettingError(ExpectedError, ValueError):
    """A setting, or a parameter of a notebook, that cannot be used."""


class DamagedError(ValueError):
    """A file that cannot be what it should be; the message names it and says what to do."""


class DivergedError(ExpectedError, FloatingPointError):
    """A training came to numbers that are not finite; it goes no further and leaves no result."""


NO_MEMORY = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "can't start new thread",
)  # as torch and Python say it
CAUSES = {  # errno -> what is wrong, what to do
    errno.ENOSPC: ("the disk is full", "free some space"),
    errno.EDQUOT: ("your quota of the disk is used up", "free some space"),
    errno.EFBIG: ("the system does not allow a file of this size", "raise the limit (`ulimit -f`)"),
    errno.EACCES: ("permission is denied", "change its permissions or choose another place"),
    errno.EPERM: ("permission is denied", "change its permissions or choose another place"),
    errno.EROFS: ("the file system can only be read", "choose another place"),
    errno.ENOENT: ("there is no such file or folder", "check the path"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "check the path"),
    errno.EISDIR: ("it is a folder, not a file", "check the path"),
    errno.EEXIST: ("there is something of this name already", "choose another name"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter one"),
    errno.EMFILE: ("too many files are open", "raise the limit (`ulimit -n`)"),
    errno.ENFILE: ("too many files are open on this machine", "close some programs"),
    errno.ENOMEM: ("the memory is used up", "close some programs"),
    errno.EIO: ("the disk cannot be read or written there", "check the disk"),
    errno.ESTALE: ("the network's disk has lost it", "check the connection"),
    errno.ETIMEDOUT: ("nothing answers", "check the connection"),
}


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was asked for in vain; torch says so in a RuntimeError."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY)
    )


def sentence(error: BaseException) -> str:
    """An error in one sentence: of the system's (an `OSError`) which file, why, and what to do; else its message.

    Examples:
        >>> sentence(OSError(errno.ENOSPC, "No space left on device", "runs/state.pt"))
        'runs/state.pt: the disk is full; free some space and run the same command again.'
    """
    if is_out_of_memory(error):
        return "The memory is used up; close some programs, or make batches smaller, and run the same command again."
    if not isinstance(error, OSError) or error.errno is None:
        return " ".join(str(error).split())
    begin, (_, remedy) = cause(error), _known(error)
    return f"{begin if error.filename else begin[0].upper() + begin[1:]}; {remedy} and run the same command again."


def cause(error: BaseException) -> str:
    """What is wrong in words, as a part of a sentence: of the system's errors with the file, and without a number.

    Examples:
        >>> cause(OSError(errno.EACCES, "Permission denied", "/.cache")), cause(ValueError("too short"))
        ('/.cache: permission is denied', 'too short')
    """
    if not isinstance(error, OSError) or error.errno is None:
        reason = getattr(error, "reason", None) if isinstance(error, OSError) else None  # of urllib's errors
        return cause(reason) if isinstance(reason, OSError) else " ".join(str(reason or error).split())
    return f"{error.filename}: {_known(error)[0]}" if error.filename else _known(error)[0]


def _known(error: OSError) -> tuple[str, str]:
    return CAUSES.get(error.errno or 0, (error.strerror or f"the system's error {error.errno}", "look into it"))
