"""torch's tensors: storages in plain pickles, in the old stream format and in zip archives.

The old format (also what a plain pickle nests as bytes for each storage) is five pickles - a magic number, a version,
facts about the writer, the value, the list of storage keys - and for each key its length and its raw numbers. A zip
archive holds the value as `<root>/data.pkl` and each storage as `<root>/data/<key>`.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from ganverse_nb.gan.official.arrays import NUMPY
from ganverse_nb.gan.official.errors import ForeignError
from ganverse_nb.gan.official.machine import Budget, StandIn, Table, empty, plain_set, read_pickle
from ganverse_nb.gan.official.numbers import Buffer, Numbers, item_type, whole

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
KINDS = {
    "HalfStorage": "<f2", "FloatStorage": "<f4", "DoubleStorage": "<f8", "CharStorage": "|i1", "ShortStorage": "<i2",
    "IntStorage": "<i4", "LongStorage": "<i8", "ByteStorage": "|u1", "BoolStorage": "|b1",
}  # fmt: skip


class Kind(StandIn):
    """A storage class such as torch.FloatStorage: a label that cannot be called."""

    def __init__(self, dtype: str):
        super().__init__(_not_callable)
        self.dtype = item_type(dtype)


def _not_callable(*_: object) -> None:
    raise TypeError("a storage class is a label here")


class Storage:
    """`count` numbers of one type; their bytes may be known later than the tensors that use them."""

    def __init__(self, dtype: np.dtype, count: int, load: Callable[[], Buffer] | None = None):
        self.dtype, self.count, self.load = dtype, count, load

    def bytes(self) -> Buffer:
        if self.load is None:
            raise ForeignError("it lacks the numbers of a tensor; it is damaged, download it again.")
        return self.load()


def _tensor(storage: object, offset: object, size: object, stride: object, *_: object) -> Numbers:
    if not isinstance(storage, Storage):
        raise TypeError("a tensor without a storage")
    return Numbers(storage.dtype, size, stride, offset, storage.count, storage.bytes)


def _parameter(data: object, *_: object) -> Numbers:
    if not isinstance(data, Numbers):
        raise TypeError("a parameter without a tensor")
    return data


def _encode(text: object, encoding: object) -> bytes:
    if type(text) is not str or encoding not in ("latin1", "latin-1"):
        raise TypeError("bytes as old pickles write them")
    return text.encode("latin-1")


PLAIN: dict[tuple[str, str], StandIn] = {
    **NUMPY,
    ("collections", "OrderedDict"): StandIn(empty),
    ("_codecs", "encode"): StandIn(_encode),
    ("builtins", "set"): StandIn(plain_set),
    ("__builtin__", "set"): StandIn(plain_set),
}
"""What any file may name."""

TORCH: dict[tuple[str, str], StandIn] = {
    **PLAIN,
    **{("torch", name): Kind(dtype) for name, dtype in KINDS.items()},
    ("argparse", "Namespace"): StandIn(empty),  # training states keep the options they were started with
    ("torch._utils", "_rebuild_tensor_v2"): StandIn(_tensor),
    ("torch._utils", "_rebuild_parameter"): StandIn(_parameter),
}
"""What torch's own formats may name."""


def with_nested_storages(table: Table, budget: Budget) -> Table:
    """`table` and the function by which plain pickles nest storages: its bytes are read by this reader."""

    def nested(data: object) -> Storage:
        if not isinstance(data, bytes | bytearray):
            raise TypeError("a storage without bytes")
        with budget:
            value = read_stream(io.BytesIO(data), budget)
        if not isinstance(value, Storage):
            raise ForeignError("it nests something that is no storage; do not trust this file.")
        return value

    return {**table, ("torch.storage", "_load_from_bytes"): StandIn(nested)}


def is_stream(head: bytes) -> bool:
    """Whether a file that begins so is torch's old format."""
    return MAGIC.to_bytes(10, "little") in head[:32]


def read_stream(file: BinaryIO, budget: Budget) -> Any:
    """The value in torch's old format.

    Raises:
        ForeignError: damaged, or not what a network needs.
    """
    storages: dict[str, Storage] = {}
    magic, version, facts = (read_pickle(file, {}, budget) for _ in range(3))
    if magic != MAGIC or version != VERSION or not isinstance(facts, dict) or facts.get("little_endian") is not True:
        raise ForeignError("its storages are in an unknown version of torch's format; save it with a newer torch.")

    def persistent(identity: object) -> Storage:
        kind, key, count = _identity(identity, view=True)
        return storages.setdefault(key, Storage(kind.dtype, count))

    value = read_pickle(file, TORCH, budget, persistent)
    keys = read_pickle(file, {}, budget)
    if not isinstance(keys, list) or len(keys) != len(storages) or not all(type(key) is str for key in keys):
        raise ForeignError("its list of storages is damaged; download it again.")
    for key in keys:
        storage = storages.get(key)
        size = file.read(8)
        fits = len(size) < 8 or (storage and int.from_bytes(size, "little", signed=True) == storage.count)
        if storage is None or storage.load is not None or not fits:
            raise ForeignError("its list of storages is damaged; download it again.")
        data = file.read(storage.count * storage.dtype.itemsize)
        if len(size) < 8 or len(data) != storage.count * storage.dtype.itemsize:
            raise ForeignError("it is only half a file; download it again.")
        storage.load = _constant(data)
    return value


def _constant(data: bytes) -> Callable[[], bytes]:
    return lambda: data


_ZIP_DAMAGE = (
    zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, LookupError, UnicodeError, OverflowError,
    struct.error,
    ValueError,
    TypeError,
)  # fmt: skip


def read_zip(file: BinaryIO, budget: Budget) -> Any:
    """The value in torch's zip format. Entries are stored, never compressed, so no entry is larger than the file.

    Raises:
        ForeignError: damaged, compressed, or not what a network needs.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            file.seek(0, io.SEEK_END)
            if sum(info.file_size for info in archive.infolist()) > file.tell():
                raise ForeignError("its zip entries are larger than the archive; do not trust this file.")
            return _read_archive(archive, budget)
    except ForeignError:
        raise
    except _ZIP_DAMAGE as error:
        raise ForeignError("it is a damaged or half zip archive; download it again.") from error


def _read_archive(archive: zipfile.ZipFile, budget: Budget) -> Any:
    names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(names) != 1:
        raise ForeignError("it is a zip archive, but not one of torch's; give the .pt file itself.")
    root = names[0].removesuffix("data.pkl")
    if f"{root}byteorder" in archive.namelist() and _entry(archive, f"{root}byteorder") != b"little":
        raise ForeignError("it was written on a big-endian machine; save it again on a usual one.")
    storages: dict[str, Storage] = {}

    def persistent(identity: object) -> Storage:
        kind, key, count = _identity(identity, view=False)
        name = f"{root}data/{key}"
        if archive.getinfo(name).file_size != count * kind.dtype.itemsize:
            raise ForeignError("it holds an array whose sizes do not fit its data; it is damaged, download it again.")
        if key not in storages:
            storages[key] = Storage(kind.dtype, count, _constant(_entry(archive, name)))
        return storages[key]

    return read_pickle(io.BytesIO(_entry(archive, f"{root}data.pkl")), TORCH, budget, persistent)


def _entry(archive: zipfile.ZipFile, name: str) -> bytes:
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
        raise ForeignError("its zip entries are compressed or encrypted, torch's never are; do not trust this file.")
    return archive.read(info)


def _identity(identity: object, view: bool) -> tuple[Kind, str, int]:
    """("storage", class, key, device, count) and, in the old format, None for "not a view of another storage"."""
    if not isinstance(identity, tuple) or len(identity) != (6 if view else 5) or identity[0] != "storage":
        raise ForeignError("its pickle refers to something that is no storage; do not trust this file.")
    _, kind, key, _, count = identity[:5]
    if not isinstance(kind, Kind) or type(key) is not str or (view and identity[5] is not None):
        raise ForeignError("its pickle refers to a storage of unknown type; save it as float32 first.")
    return kind, key, whole(count)
