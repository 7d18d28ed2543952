"""What every training loop keeps on disk: its state, to go on from, and its metrics.

    checkpoints = Checkpoints(directory, "gan", identity, advice="a lower gan.generator_lr (now 0.005)")
    done = checkpoints.resume(restore)
    for step in range(done + 1, steps + 1):
        ...
        if step % 50 == 0:
            checkpoints.log(step, loss=loss)
        if step % 500 == 0 or checkpoints.due():
            checkpoints.save(step, network=network.state_dict(), optimizer=optimizer.state_dict())

The line of a step is written before the state of that step, and what a finished training leaves before its last state:
whenever it is killed, what is missing is made again, and what there is too much is dropped. A state is written whole
or not at all, is loaded without running anything, and says which settings it belongs to. One is due at the latest
after as many seconds as `settings.kept_every` says, so that no interruption costs more; no result depends on it.
Numbers that are not finite end a training, before they are written anywhere. A step whose gradients alone are not
finite is left out (`runtime.steps`): lines of metrics count such steps as `left_out`, three in a row end the training.
"""

from __future__ import annotations

import json
import math
import pickle
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganverse_nb.runtime.errors import CAUSES, DamagedError, DivergedError, ExpectedWarning
from ganverse_nb.runtime.files import atomic_path, naming, plain, shortened, write_text
from ganverse_nb.runtime.settings import checkpoint_seconds
from ganverse_nb.runtime.tensors import not_finite

STATE, METRICS = "state.pt", "metrics.jsonl"  # in a training's directory
TOLD = 3  # differences of settings that a message names
MOST_LEFT_OUT = 3  # steps in a row without a finite gradient
BEGIN_AGAIN = "delete it to start this stage again"


class Checkpoints:
    """State and metrics of one training, and its end where numbers are no longer finite.

    Args:
        directory: of the training.
        phase: its name in messages and in the lines of metrics.
        identity: the settings that whoever goes on from a state must have too.
        advice: what to try where it diverges, as in "a lower gan.generator_lr (now 0.005)".
        state: name of the file of the state.
        writes: whether this process keeps anything; of several that train together one does.
    """

    def __init__(
        self,
        directory: Path,
        phase: str,
        identity: Mapping[str, Any],
        advice: str,
        *,
        state: str = STATE,
        writes: bool = True,
    ) -> None:
        self.state, self.metrics = directory / state, directory / METRICS
        self.phase, self.identity, self.advice, self.writes = phase, identity, advice, writes
        self.kept: int | None = None  # step of the state on disk
        self.seconds = checkpoint_seconds.get() if writes else 0.0
        self.left_out_steps, self._in_a_row, self._last_left_out = 0, 0, -1
        self._log: MetricsLog | None = None
        self._since = time.monotonic()

    def resume(self, restore: Callable[[dict[str, Any]], object]) -> int:
        """How many steps are done: those of the state, which `restore` is given. Lines of later steps are dropped.

        Raises:
            ValueError: the state is damaged, or belongs to other settings.
        """
        state = load_state(self.state, self.identity)
        if state is not None:
            self.left_out_steps = int(state.get("left_out", 0))
            restore_state(self.state, restore, state)
            self.kept = state["step"]
        if self.writes:
            self._log = MetricsLog(self.metrics, self.phase, -1 if self.kept is None else self.kept)
        self._since = time.monotonic()
        return self.kept or 0

    def due(self) -> bool:
        """Whether the work since the last state is as long as may be lost."""
        return self.seconds > 0 and time.monotonic() - self._since >= self.seconds

    def check(self, step: int, values: Mapping[str, Any]) -> None:
        """Raises a DivergedError where a value is not finite, before it is written anywhere."""
        for name, value in _numbers(values):
            if not (bool(torch.isfinite(value).all()) if isinstance(value, Tensor) else math.isfinite(value)):
                self.diverged(step, name)

    def diverged(self, step: int, name: str) -> None:
        """Raises the DivergedError for what is not finite after `step` steps."""
        last = f"{self.state} still holds step {self.kept}"
        where = "no state was kept yet" if self.kept is None else last
        raise DivergedError(
            f"The training {self.phase} diverged: {name} is not finite at step {step} ({where}); train anew in another "
            f"directory (as with --runs DIR) with {self.advice}."
        )

    def left_out(self, step: int) -> None:
        """Counts and tells a step that one of its optimisers has not taken, as its gradients are not finite.

        Raises:
            DivergedError: so were those of the steps before.
        """
        if step == self._last_left_out:  # by another optimiser
            return
        self.left_out_steps += 1
        self._in_a_row, self._last_left_out = self._in_a_row + 1 if step == self._last_left_out + 1 else 1, step
        if self._in_a_row >= MOST_LEFT_OUT:
            self.diverged(step, "the gradient")
        if self.writes:
            warnings.warn(
                f"Step {step} of the training {self.phase} is left out: its gradient is not finite; {MOST_LEFT_OUT} in "
                "a row would end the training.",
                ExpectedWarning,
                stacklevel=3,
            )

    def log(self, step: int, **values: float) -> None:
        """Add a line of metrics.

        Raises:
            DivergedError: a value is not finite.
        """
        self.check(step, values)
        if self._log is not None:
            self._log.append(step, **values, **self._counted())

    def save(self, step: int, **state: Any) -> None:
        """Keep the state after `step` steps, over the one before; whatever else belongs to this step is on disk then.

        Raises:
            DivergedError: it holds numbers that are not finite; the state before stays.
        """
        self.check(step, state)
        if self.writes:
            save_state(self.state, {"step": step, **state, **self._counted()}, self.identity)
        self.kept, self._since = step, time.monotonic()

    def _counted(self) -> dict[str, int]:
        return {"left_out": self.left_out_steps} if self.left_out_steps else {}

    def remove(self) -> None:
        """Delete the state: the training is finished, its result on disk."""
        if self.writes:
            self.state.unlink(missing_ok=True)


def save_state(path: Path, state: dict[str, Any], identity: Mapping[str, Any] | None = None) -> None:
    """Write `state`: tensors, numbers, strings and containers of them, with at least "step".

    Args:
        identity: the settings that whoever goes on from it must have too, see `load_state`.

    Raises:
        OSError: it cannot be written.
    """
    kept = state if identity is None else state | {"identity": plain(identity)}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save(kept, file)
        except RuntimeError as error:  # torch's own, which hides what the system said of the file, and a stop
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, (OSError, KeyboardInterrupt)):
                cause = cause.__context__
            raise cause or error from None


def load_state(path: Path, identity: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """What `save_state` wrote, on the CPU, or None where there is no such file.

    Args:
        identity: the settings now; where they are given, the state must have been written with the same ones.

    Raises:
        ValueError: the file is damaged, not a training state, or belongs to other settings.
    """
    if not path.exists():
        return None
    try:
        _check_archive(path)
        state = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # what torch and zipfile raise on a damaged file depends on the damage
        if isinstance(error, OSError) and error.errno in CAUSES:  # others are of places that the file has not
            raise
        raise DamagedError(f"{path} is damaged and cannot be resumed from; {BEGIN_AGAIN}.") from error
    if not isinstance(state, dict) or not isinstance(state.get("step"), int) or state["step"] < 0:
        raise DamagedError(f"{path} is not a training state; {BEGIN_AGAIN}.")
    there = state.pop("identity", None)
    if identity is not None:
        check_identity(path, there, identity)
    bad = next((n for n, v in _numbers(state) if isinstance(v, Tensor) and not_finite({n: v})), None)
    if bad is not None:
        raise DamagedError(f"{path} is damaged: {bad} holds numbers that are not finite; {BEGIN_AGAIN}.")
    return state


def restore_state(path: Path, restore: Callable[[dict[str, Any]], object], state: dict[str, Any]) -> None:
    """`restore(state)`; ValueError where the state of `path` lacks something or does not fit."""
    try:
        restore(state)
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        said = shortened(" ".join(str(error).split()))
        raise DamagedError(f"{path} does not fit this training ({said}); {BEGIN_AGAIN}.") from error


def _check_archive(path: Path) -> None:
    """Raises unless each part of a file of torch's is as it was written: torch itself compares no checksums.

    Nothing in it may be larger than the file: torch would make room for what the parts say of themselves.
    """
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
            raise pickle.UnpicklingError("compressed parts")
        size = path.stat().st_size
        if sum(part.file_size for part in parts) > size or archive.testzip() is not None:
            raise pickle.UnpicklingError("damaged parts")
    told = torch.load(path, weights_only=True, map_location="meta")  # sizes without content
    if any(isinstance(value, Tensor) and value.untyped_storage().nbytes() > size for _, value in _numbers(told)):
        raise pickle.UnpicklingError("tensors larger than the file")


def _numbers(values: Any, name: str = "") -> Iterator[tuple[str, Tensor | float]]:
    """The tensors and real numbers in nested containers, with their dotted names."""
    if isinstance(values, (Tensor, float)):
        yield name, values.detach() if isinstance(values, Tensor) else values
    elif isinstance(values, (Mapping, list, tuple)):
        entries = values.items() if isinstance(values, Mapping) else enumerate(values)
        for key, value in entries:
            yield from _numbers(value, f"{name}.{key}" if name else str(key))


def check_identity(path: Path, there: Any, here: Mapping[str, Any]) -> None:
    """ValueError unless what lies at `path` was begun with the settings that there are now.

    Args:
        there, here: nested settings in plain JSON types, those of the file (None: it tells none) and those of now.
    """
    if not isinstance(there, dict):
        raise ValueError(f"{path} does not tell with which settings it was begun; delete it to begin again.")
    old, new = _flat(there), _flat(plain(here))
    names = [name for name in old | new if old.get(name, "none") != new.get(name, "none")]
    if names:
        told = [f"{name} {old.get(name, 'none')} there, {new.get(name, 'none')} now" for name in names[:TOLD]]
        more = [f"{len(names) - TOLD} more"] if len(names) > TOLD else []
        raise ValueError(
            f"{path} was begun with other settings ({'; '.join(told + more)}); delete it or give the same settings."
        )


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"inverse": {"lr": 1}} -> {"inverse.lr": 1}: the names that `--set` takes."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


class MetricsLog:
    """`path` holds a JSON line per entry; those of steps that a resumed run will repeat are dropped on opening.

    So are lines that an interruption has torn, which is said in a warning: those steps are repeated, too.
    """

    def __init__(self, path: Path, phase: str, step: int):
        self.path, self.phase = path, phase
        if path.exists():
            entries, torn = _entries(path)
            if torn:
                warnings.warn(
                    f"{path}: {torn} line{'s' * (torn > 1)} of it cannot be read and {'were' if torn > 1 else 'was'} "
                    "dropped, as an interruption leaves half a line.",
                    ExpectedWarning,
                    stacklevel=2,
                )
            kept = [e for e in entries if e.get("phase", phase) != phase or _step(e) <= step]
            write_text(path, "".join(json.dumps(e) + "\n" for e in kept))

    def append(self, step: int, **values: float) -> None:
        """Add one line with `phase`, `step` and the values."""
        numbers = {k: v if isinstance(v, int) else round(float(v), 6) for k, v in values.items()}
        line = json.dumps({"phase": self.phase, "step": step, **numbers}, allow_nan=False)
        with naming(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def read_metrics(path: Path, phase: str) -> list[dict[str, Any]]:
    """The entries of one phase, in order; lines of older versions, which name none, belong to every phase."""
    return [entry for entry in _entries(path)[0] if entry.get("phase", phase) == phase]


def _step(entry: Mapping[str, Any]) -> float:
    step = entry.get("step", 0)
    return step if isinstance(step, (int, float)) else math.inf


def _entries(path: Path) -> tuple[list[dict[str, Any]], int]:
    """All whole lines, and how many others there are: an interruption may have left half a one."""
    found: list[dict[str, Any]] = []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for line in lines:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict):
            found.append(entry)
    return found, len(lines) - len(found)
