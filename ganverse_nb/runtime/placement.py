"""Where tensors live: all that computes uses the device of the run, and answers where it was asked.

* `compute_device` names that device: a GPU where there is one.
* Networks lie on it. What they are given may lie anywhere: they compute where they lie, and answer where the question
  lay (`at_home`). Asked with numbers alone, as for pictures of a seed, they answer in the memory of the processor.
* What computes without weights, as rendering does, computes where the first of its tensors lies; of a run that was
  opened in this process, what lies in the memory of the processor is computed on its device (`at_work`).

So a cell of a notebook may mix networks, codes, datasets and pictures without asking where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor

from ganverse_nb.runtime.process import computes_for_run

P = ParamSpec("P")
T = TypeVar("T")
Network = TypeVar("Network")
CPU = torch.device("cpu")
_of_run: list[torch.device] = []  # found when a run first computes, or told by `work_on`


def compute_device() -> str:
    """Where networks lie and are trained: on a GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def work_on(device: torch.device | str) -> None:
    """From now on, what has no weights computes on `device` what lies in the memory of the processor."""
    _of_run[:] = [torch.device(device)]


def place_for(home: torch.device) -> torch.device:
    """Where tensors that lie at `home` are computed with."""
    if home != CPU:
        return home
    if not _of_run and computes_for_run():
        work_on(compute_device())
    return _of_run[0] if _of_run else CPU


def at_home(method: Callable[Concatenate[Network, P], T]) -> Callable[Concatenate[Network, P], T]:
    """A method of a network, or of what has a `device`: computes there, and answers where its first tensor lay."""

    @wraps(method)
    def answered(self: Network, *args: P.args, **options: P.kwargs) -> T:
        given = _devices(args, options)
        return _computed(partial(method, self), args, options, device_of(self), given)

    return answered


def at_work(function: Callable[P, T]) -> Callable[P, T]:
    """A function of tensors alone: computes where `place_for` says, and answers where its first tensor lay."""

    @wraps(function)
    def answered(*args: P.args, **options: P.kwargs) -> T:
        if any(type(tensor) is Tensor and tensor.is_meta for tensor in _tensors([*args, *options.values()])):
            return function(*args, **options)  # which says what is wrong with one that holds nothing
        given = _devices(args, options)
        return _computed(function, args, options, place_for(given[0]), given)

    return answered


def _devices(args: tuple[Any, ...], options: Mapping[str, Any]) -> list[torch.device]:
    """Where the tensors of a question lie; that of numbers alone lies in the memory of the processor."""
    return [tensor.device for tensor in _tensors([*args, *options.values()])] or [CPU]


def _computed(
    function: Callable[..., T],
    args: tuple[Any, ...],
    options: Mapping[str, Any],
    here: torch.device,
    given: list[torch.device],
) -> T:
    """The answer computed `here`, where the first of the `given` tensors lay; the others may lie elsewhere."""
    if all(device == here for device in given):
        return function(*args, **options)
    return moved(function(*moved(args, here), **moved(options, here)), given[0])


def device_of(network: Any) -> torch.device:
    """Where a network lies: its `device`, or that of its first weight."""
    if isinstance(network, torch.nn.Module):
        first = next(network.parameters(), None)
        return CPU if first is None else first.device
    return torch.device(network.device)


def moved(value: T, device: torch.device | str) -> T:
    """`value` with all tensors in it on `device`: in containers, dataclasses, and what has a `to`."""
    found: Any = value
    if isinstance(value, Mapping):
        found = {name: moved(part, device) for name, part in value.items()}
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        found = type(value)(*(moved(part, device) for part in value))
    elif isinstance(value, (list, tuple)):
        found = type(value)(moved(part, device) for part in value)
    elif hasattr(value, "to") and not isinstance(value, torch.nn.Module):
        found = value.to(device)
    elif is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
        found = replace(value, **{name: moved(part, device) for name, part in parts.items()})
    return found  # type: ignore[no-any-return]


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple, Mapping)):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _tensors(part)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _tensors(getattr(value, field.name))
