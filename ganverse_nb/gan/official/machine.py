"""A pickle reader that cannot run anything.

A pickle is a program for a small stack machine. Here is that machine without its two dangerous abilities: a name never
becomes an import (it is looked up in a fixed table of stand-ins), and only these stand-ins can be called. Decoding of
the single instructions is the standard library's `pickletools`, which never executes them.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from ganverse_nb.gan.official.errors import ForeignError

MAX_OPERATIONS = 2_000_000  # official files need fewer than 100,000; a larger number only costs time
MAX_NESTING = 3  # a storage inside a tensor inside the file

_LITERALS = {
    "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "BINSTRING", "SHORT_BINSTRING", "BINBYTES",
    "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8",
}  # fmt: skip
_KEYS = (str, int, float, bytes, type(None))  # flat: the hash of a deeply nested tuple overflows the C stack


class StandIn:
    """What a name in a pickle stands for here: `make` gets the arguments of a call and returns an inert value."""

    def __init__(self, make: Callable[..., Any]):
        self.make = make


class Made:
    """A value whose state may be set by the pickle's BUILD instruction."""

    def build(self, state: object) -> None:
        raise NotImplementedError


class Attributes(Made, dict):  # type: ignore[type-arg]
    """Stand-in for dictionaries that carry attributes (OrderedDict, EasyDict); the attributes are dropped."""

    def build(self, state: object) -> None:
        pass


def empty(*items: object) -> Attributes:
    """An empty dictionary; it is filled by instructions that check every key."""
    if items and items != ([],):
        raise TypeError("a dictionary from a list")
    return Attributes()


Table = Mapping[tuple[str, str], StandIn]


class Budget:
    """How many instructions and nested streams one file may still use."""

    def __init__(self) -> None:
        self.operations = MAX_OPERATIONS
        self.nesting = 0

    def spend(self) -> None:
        self.operations -= 1
        if self.operations < 0:
            raise ForeignError("it has far more pickle instructions than any network; download it again.")

    def __enter__(self) -> None:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise ForeignError("its streams are nested deeper than any network's; do not trust this file.")

    def __exit__(self, *_: object) -> None:
        self.nesting -= 1


def read_pickle(
    file: BinaryIO, table: Table, budget: Budget, persistent: Callable[[object], object] | None = None
) -> Any:
    """The value of the pickle at the position of `file`, which is left just behind it.

    Args:
        table: (module, name) -> what stands for it. No other name is accepted.
        persistent: turns a persistent id into a value; without it such ids are refused.

    Raises:
        ForeignError: the pickle is damaged, names something outside the table or asks for anything a network needs not.
    """
    machine = _Machine(table, persistent)
    try:
        for opcode, argument, _ in pickletools.genops(file):
            budget.spend()
            machine.step(opcode.name, argument)
        return machine.pop()
    except ForeignError:
        raise
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError, MemoryError) as error:
        raise ForeignError("it is damaged or only half a file; download it again.") from error


class _Machine:
    def __init__(self, table: Table, persistent: Callable[[object], object] | None):
        self.table, self.persistent = table, persistent
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # what lies under each mark
        self.memo: dict[int, Any] = {}

    def pop(self) -> Any:
        return self.stack.pop()

    def pop_to_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.below.pop()
        return items

    def step(self, name: str, argument: Any) -> None:
        if name in _LITERALS:
            self.stack.append(argument)
            return
        action = getattr(self, f"do_{name}", None)
        if action is None:
            raise ForeignError(f"its pickle uses {name}, which no network needs; do not trust this file.")
        if argument is None:
            action()
        else:
            action(argument)

    # ---- constants, containers and the memo

    def do_PROTO(self, version: int) -> None:
        if version > 5:
            raise ForeignError(f"it is a pickle of protocol {version}, newer than this reader (5).")

    def do_FRAME(self, size: int) -> None:
        pass

    def do_STOP(self) -> None:
        pass

    def do_NONE(self) -> None:
        self.stack.append(None)

    def do_NEWTRUE(self) -> None:
        self.stack.append(True)

    def do_NEWFALSE(self) -> None:
        self.stack.append(False)

    def do_MARK(self) -> None:
        self.below.append(self.stack)
        self.stack = []

    def do_POP(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.pop_to_mark()

    def do_POP_MARK(self) -> None:
        self.pop_to_mark()

    def do_DUP(self) -> None:
        self.stack.append(self.stack[-1])

    def do_EMPTY_TUPLE(self) -> None:
        self.stack.append(())

    def do_TUPLE(self) -> None:
        items = self.pop_to_mark()
        self.stack.append(tuple(items))

    def do_TUPLE1(self) -> None:
        self.stack.append((self.pop(),))

    def do_TUPLE2(self) -> None:
        second, first = self.pop(), self.pop()
        self.stack.append((first, second))

    def do_TUPLE3(self) -> None:
        third, second, first = self.pop(), self.pop(), self.pop()
        self.stack.append((first, second, third))

    def do_EMPTY_LIST(self) -> None:
        self.stack.append([])

    def do_LIST(self) -> None:
        items = self.pop_to_mark()
        self.stack.append(items)

    def do_APPEND(self) -> None:
        self._extend([self.pop()])

    def do_APPENDS(self) -> None:
        self._extend(self.pop_to_mark())

    def _extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise TypeError("append to something that is no list")
        self.stack[-1].extend(items)

    def do_EMPTY_DICT(self) -> None:
        self.stack.append({})

    def do_DICT(self) -> None:
        items = self.pop_to_mark()
        self.stack.append({})
        self._set_items(items)

    def do_SETITEM(self) -> None:
        value, key = self.pop(), self.pop()
        self._set_items([key, value])

    def do_SETITEMS(self) -> None:
        self._set_items(self.pop_to_mark())

    def _set_items(self, items: list[Any]) -> None:
        target, keys = self.stack[-1], items[::2]
        if type(target) not in (dict, Attributes) or not all(isinstance(key, _KEYS) for key in keys):
            raise TypeError("not a dictionary, or a key that is neither text nor number")
        target.update(zip(keys, items[1::2], strict=True))

    def do_EMPTY_SET(self) -> None:
        self.stack.append(set())

    def do_ADDITEMS(self) -> None:
        items = self.pop_to_mark()
        if type(self.stack[-1]) is not set or not all(isinstance(item, _KEYS) for item in items):
            raise TypeError("not a set, or an item that is neither text nor number")
        self.stack[-1].update(items)

    def do_FROZENSET(self) -> None:
        items = self.pop_to_mark()
        self.stack.append(frozenset(plain_set(items)))

    def do_MEMOIZE(self) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def do_PUT(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def do_GET(self, index: int) -> None:
        self.stack.append(self.memo[index])

    do_BINPUT = do_LONG_BINPUT = do_PUT
    do_BINGET = do_LONG_BINGET = do_GET

    # ---- names and calls

    def do_GLOBAL(self, names: str) -> None:
        module, _, name = names.partition(" ")
        self._look_up(module, name)

    def do_STACK_GLOBAL(self) -> None:
        name, module = self.pop(), self.pop()
        self._look_up(module, name)

    def _look_up(self, module: object, name: object) -> None:
        if type(module) is not str or type(name) is not str:
            raise TypeError("a name that is no text")
        if (module, name) not in self.table:
            named = f"{module}.{name}"[:120]
            raise ForeignError(
                f"its pickle asks for {named!r}, which is not part of a StyleGAN2 file; nothing was run, "
                "do not trust this file."
            )
        self.stack.append(self.table[module, name])

    def _call(self, function: object, arguments: object) -> None:
        if not isinstance(function, StandIn) or type(arguments) is not tuple:
            raise ForeignError("its pickle calls something that is no known function; do not trust this file.")
        self.stack.append(function.make(*arguments))

    def do_REDUCE(self) -> None:
        arguments, function = self.pop(), self.pop()
        self._call(function, arguments)

    do_NEWOBJ = do_REDUCE

    def do_NEWOBJ_EX(self) -> None:
        keywords, arguments, function = self.pop(), self.pop(), self.pop()
        if keywords != {}:
            raise TypeError("keyword arguments")
        self._call(function, arguments)

    def do_BUILD(self) -> None:
        state = self.pop()
        if not isinstance(self.stack[-1], Made):
            raise ForeignError("its pickle sets the state of something that has none; do not trust this file.")
        self.stack[-1].build(state)

    def do_BINPERSID(self) -> None:
        if self.persistent is None:
            raise ForeignError("its pickle refers to objects outside itself; do not trust this file.")
        self.stack.append(self.persistent(self.pop()))


def plain_set(items: object = ()) -> set[Any]:
    """The set of a list of texts and numbers."""
    if not isinstance(items, list | tuple) or not all(isinstance(item, _KEYS) for item in items):
        raise TypeError("a set of something that is neither text nor number")
    return set(items)
