"""Settings in nested frozen dataclasses, changed by dotted name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, TypeVar

from ganverse_nb.runtime.errors import SettingError

T = TypeVar("T")
UNDECIDING = ("weights", "runtime")  # sections of a configuration that no result depends on


def later(default: T) -> T:
    """A setting that came after results were shipped: it tells nothing where it has its default (`files.plain`).

    So what was made before it was there keeps its identity.
    """
    made: T = field(default=default, metadata={"later": True})
    return made


@dataclass(frozen=True)
class RuntimeConfig:
    """How a run goes on, which no result depends on; so a run's directory keeps none of it."""

    checkpoint_seconds: float = 60.0  # of work that an interruption costs a training at most; 0: only by its steps


checkpoint_seconds = ContextVar("checkpoint_seconds", default=RuntimeConfig.checkpoint_seconds)


@contextmanager
def kept_every(seconds: float) -> Iterator[None]:
    """Trainings that begin in this block keep their state at least so often; 0: only after as many steps as they say.

    Raises:
        SettingError: a negative number.
    """
    if not seconds >= 0:
        raise SettingError(f"runtime.checkpoint_seconds is 0 or more, as in 60; {seconds!r} is not.")
    before = checkpoint_seconds.set(seconds)
    try:
        yield
    finally:
        checkpoint_seconds.reset(before)


def deciding(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Of a configuration as nested dictionaries, the sections that results depend on."""
    return {name: value for name, value in settings.items() if name not in UNDECIDING}


def override(node: Any, path: list[str], value: Any, name: str) -> Any:
    """`node` with the setting at `path` replaced."""
    known = [f.name for f in fields(node)]
    if path[0] not in known:
        raise ValueError(f"Unknown setting {name!r}; {path[0]!r} is none of {', '.join(known)}.")
    child = getattr(node, path[0])
    if is_dataclass(child) != (len(path) > 1):
        example = f"{name}.{fields(child)[0].name}" if is_dataclass(child) else name.removesuffix("." + path[-1])
        raise ValueError(f"Unknown setting {name!r}; settings have names like {example!r}.")
    return replace(
        node, **{path[0]: override(child, path[1:], value, name) if path[1:] else _typed(value, child, name)}
    )


def _typed(value: Any, like: Any, name: str) -> Any:
    """`value` in the type of the setting it replaces."""
    if isinstance(like, tuple) and isinstance(value, (list, tuple)):
        return tuple(_typed(part, like[0], name) for part in value) if like else tuple(value)
    if isinstance(like, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"Setting {name} is a finite number, as in {like!r}; {value!r} is not.")
    if like is not None and type(value) is not type(like):
        raise ValueError(f"Setting {name} is {type(like).__name__}, as in {like!r}; {value!r} is not.")
    return value
