"""Works that are ended at moments drawn with a seed, and go on until they are done."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.torture.content import content
from tests.torture.server import INTERRUPTED, begin

Work = Callable[[Path, float], object]
PATIENCE = 600.0  # seconds after which a work hangs
OFTEN, NEVER = 1e-6, 0.0  # seconds between states: one after every step, and only those of the steps' own
KILL = signal.SIGKILL


@dataclass(frozen=True)
class Undisturbed:
    """How a work ends when nobody ends it: its content, its seconds, and how often it changes a file."""

    content: dict[str, str]
    seconds: float
    changes: int


@dataclass
class Tally:
    """What became of a work that was ended again and again.

    Attributes:
        ended: how often it was ended before it was done.
        resumed: how often it went on to its end; same: with the bits of an undisturbed one and no further file.
        slowest: seconds from a signal that asks to the process's end, at most.
        wrong: what was wrong, in words.
    """

    ended: int = 0
    resumed: int = 0
    same: int = 0
    slowest: float = 0.0
    wrong: list[str] = field(default_factory=list)


def undisturbed(work: Work, folder: Path, seconds: float = NEVER) -> Undisturbed:
    """Does a work in a new folder.

    Raises:
        AssertionError: it fails.
    """
    root, log = folder / "undisturbed", folder / "undisturbed.log"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(root, ignore_errors=True)
    begun = time.monotonic()
    finish(work, root, seconds, log)
    spent = time.monotonic() - begun
    return Undisturbed(content(root), spent, int(log.with_suffix(".changes").read_text()))


def torture(
    name: str, work: Work, folder: Path, times: int, seed: int, number: int = KILL, timed: float = 0.5
) -> Tally:
    """Ends a work `times` times, each time in a new folder, and lets it go on.

    Moments are drawn from its time, or from its changes of files, of which any may be the first that does not happen;
    in half of both every step keeps a state.

    Args:
        number: the signal that ends it.
        timed: share of the moments that are drawn from its time. On a crowded machine it may be over before those.
    """
    whole, tally, draw = undisturbed(work, folder), Tally(), random.Random(f"{name} {seed} {number}")
    for trial in range(4 * times):
        if tally.ended == times:
            break
        root = folder / f"trial{trial}"
        often = draw.random() < 0.5
        by_time = draw.random() < timed
        moment = draw.uniform(0.02, whole.seconds) if by_time else float(draw.randint(1, whole.changes))
        told = f"{name}, {'second' if by_time else 'change'} {moment:.3f}, states {'often' if often else 'seldom'}"
        if not _end(work, root, OFTEN if often else NEVER, moment, by_time, number, tally, told):
            shutil.rmtree(root)
            continue  # it was done before
        tally.ended += 1
        try:
            finish(work, root, OFTEN if draw.random() < 0.5 else NEVER, folder / "resumed.log")
        except AssertionError as error:
            tally.wrong.append(f"{told}: {error}")
            continue
        tally.resumed += 1
        left = content(root)
        differing = sorted(n for n in left | whole.content if left.get(n) != whole.content.get(n))
        if differing:
            tally.wrong.append(f"{told}: {', '.join(differing)} differ")
            continue
        tally.same += 1
        shutil.rmtree(root)
    return tally


def finish(work: Work, root: Path, seconds: float, log: Path) -> None:
    """Does a work, or what is left of it.

    Raises:
        AssertionError: it fails.
    """
    process = begin(partial(work, root, seconds), log, root)
    process.join(PATIENCE)
    if process.is_alive():
        process.kill()
        raise AssertionError(f"hangs: {log.read_text()[-1000:]}")
    assert process.exitcode == 0, log.read_text()[-2000:]


def _end(
    work: Work, root: Path, seconds: float, moment: float, by_time: bool, number: int, tally: Tally, told: str
) -> bool:
    """Whether the work was ended before it was done."""
    log = root.with_suffix(".log")
    process = begin(partial(work, root, seconds), log, root, 0 if by_time else int(moment), number)
    process.join(moment if by_time else PATIENCE)
    if by_time and process.exitcode is None and process.pid:
        begun = time.monotonic()
        os.kill(process.pid, number)
        process.join(PATIENCE)
        tally.slowest = max(tally.slowest, time.monotonic() - begun)
    root.mkdir(exist_ok=True)
    expected = -KILL if number == KILL else INTERRUPTED
    if process.exitcode not in (0, expected):
        tally.wrong.append(f"{told}: ended with {process.exitcode}: {log.read_text()[-1000:]}")
    return process.exitcode != 0
