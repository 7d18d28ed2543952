"""Arrays of a foreign file: described and checked first, turned into tensors only when asked for."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ganverse_nb.gan.official.errors import ForeignError, brief

Buffer = bytes | bytearray | memoryview
ITEM_TYPES = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}
_MAX_DIMENSIONS = 8
_MAX_SIZE = 2**40


def item_type(text: object) -> np.dtype:
    """ "<f4" -> its numpy type.

    Raises:
        ForeignError: not a number of fixed size (objects, texts, records, dates).
    """
    if type(text) is not str or text[:1] not in "<>|=" or text[1:] not in ITEM_TYPES:
        raise ForeignError(f"it holds an array of {brief(text)} where numbers belong; do not trust this file.")
    return np.dtype(text)


class Numbers:
    """An array inside a buffer. `strides` and `offset` count elements.

    Args:
        count: elements in the buffer.
        load: gives the buffer; called by `tensor` only.

    Raises:
        ForeignError: a size, stride or offset is no number, negative or reaches past the buffer.
    """

    def __init__(
        self,
        dtype: np.dtype,
        shape: object,
        strides: object,
        offset: object,
        count: int,
        load: Callable[[], Buffer],
    ):
        self.shape, self.strides = _sizes(shape), _sizes(strides)
        (self.offset,) = _sizes((offset,))
        size = math.prod(self.shape)
        if len(self.shape) != len(self.strides) or size > count:
            raise _misfit()
        last = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True))
        if self.offset > count or (size > 0 and last >= count):
            raise _misfit()
        self.dtype, self.count, self.load = dtype, count, load

    def tensor(self) -> Tensor:
        """A float32 copy.

        Raises:
            ForeignError: the buffer is shorter than the file says, or there is nothing in it.
        """
        buffer = self.load()
        if 0 in self.shape or len(buffer) < self.count * self.dtype.itemsize:
            raise _misfit()
        flat = np.frombuffer(buffer, self.dtype, self.count)
        steps = [step * self.dtype.itemsize for step in self.strides]
        view = np.lib.stride_tricks.as_strided(flat[self.offset :], self.shape, steps, writeable=False)
        with np.errstate(all="ignore"):  # what does not fit float32 becomes infinite and is refused later
            return torch.from_numpy(np.array(view, dtype=np.float32, order="C"))


def contiguous(dtype: np.dtype, shape: object, fortran: object, buffer: object) -> Numbers:
    """An array that fills its buffer exactly, first index slowest unless `fortran`."""
    if isinstance(buffer, str):
        buffer = buffer.encode("latin-1")  # bytes as Python 2 wrote them
    if not isinstance(buffer, bytes | bytearray):
        raise ForeignError("it holds an array without plain bytes; do not trust this file.")
    sizes = _sizes(shape)
    if len(buffer) != math.prod(sizes) * dtype.itemsize:
        raise _misfit()
    order = sizes if fortran else sizes[::-1]
    steps = [math.prod(order[:i]) for i in range(len(order))]
    data = buffer
    return Numbers(dtype, sizes, tuple(steps if fortran else steps[::-1]), 0, math.prod(sizes), lambda: data)


def whole(value: object) -> int:
    """`value` if it is a plausible size.

    Raises:
        ForeignError: no whole number, negative or absurd.
    """
    return _sizes((value,))[0]


def _sizes(values: object) -> tuple[int, ...]:
    if not isinstance(values, tuple | list) or len(values) > _MAX_DIMENSIONS:
        raise _misfit()
    if not all(type(v) is int and 0 <= v < _MAX_SIZE for v in values):
        raise _misfit()
    return tuple(values)


def _misfit() -> ForeignError:
    return ForeignError("it holds an array whose sizes do not fit its data; it is damaged, download it again.")
