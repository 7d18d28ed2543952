"""Stand-ins for numpy's part of a pickle."""

from __future__ import annotations

import sys

import numpy as np

from ganverse_nb.gan.official.errors import ForeignError, brief
from ganverse_nb.gan.official.machine import Made, StandIn
from ganverse_nb.gan.official.numbers import Numbers, contiguous, item_type


class ItemType(Made):
    """numpy.dtype(code, align, copy) and its state (version, byte order, subtype, names, fields, ...)."""

    def __init__(self, code: object, *_: object):
        if type(code) is not str:
            raise TypeError("the type of an array")
        item_type("<" + code)
        self.code, self.order = code, "<" if sys.byteorder == "little" else ">"

    def build(self, state: object) -> None:
        if type(state) is not tuple or len(state) < 5 or any(part is not None for part in state[2:5]):
            raise ForeignError("it holds an array of records where numbers belong; do not trust this file.")
        if state[1] not in ("<", ">", "|", "="):
            raise ForeignError("it holds an array of unknown byte order; it is damaged, download it again.")
        self.order = state[1]


class Array(Made):
    """numpy.ndarray: empty until its state (version, shape, dtype, fortran, bytes) is set."""

    def __init__(self, *_: object):
        self.numbers: Numbers | None = None

    def build(self, state: object) -> None:
        if type(state) is not tuple or len(state) not in (4, 5):
            raise TypeError("the state of an array")
        shape, kind, fortran, buffer = state[-4:]
        self.numbers = contiguous(_type(kind), shape, fortran is True, buffer)


def _type(kind: object) -> np.dtype:
    if not isinstance(kind, ItemType):
        raise ForeignError("it holds an array of unknown type; it is damaged, download it again.")
    return item_type(kind.order + kind.code)


def _scalar(kind: object, buffer: object) -> Numbers:
    return contiguous(_type(kind), (), False, buffer)


def _from_buffer(buffer: object, kind: object, shape: object, order: object) -> Numbers:
    return contiguous(_type(kind), shape, order == "F", buffer)


NUMPY = {("numpy", "ndarray"): StandIn(Array), ("numpy", "dtype"): StandIn(ItemType)}
for _core in ("core", "_core"):  # numpy 2 renamed the module
    NUMPY[f"numpy.{_core}.multiarray", "_reconstruct"] = StandIn(Array)
    NUMPY[f"numpy.{_core}.multiarray", "scalar"] = StandIn(_scalar)
    NUMPY[f"numpy.{_core}.numeric", "_frombuffer"] = StandIn(_from_buffer)


def as_numbers(value: object) -> Numbers | None:
    """The array that a value of the pickle is, or None."""
    return value.numbers if isinstance(value, Array) else value if isinstance(value, Numbers) else None


def as_positive(value: object, name: str) -> float:
    """A Python or numpy number above 0.

    Raises:
        ForeignError: anything else.
    """
    numbers = as_numbers(value)
    if numbers is not None and not numbers.shape:
        value = float(numbers.tensor())
    if not isinstance(value, int | float) or not 0 < value < 1e9:
        raise ForeignError(f"its {name} is {brief(value)} where a positive number belongs; it is damaged.")
    return float(value)
