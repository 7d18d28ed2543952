"""Hostile and damaged files, as (name, bytes)."""

from __future__ import annotations

import copyreg
import io
import pickle
import random
import struct
import sys
import zipfile
from collections.abc import Iterator

import numpy as np
import torch

from . import foreign_files as files
from .foreign_reference import random_arrays

COMMAND = "touch executed"
CALLS: list[tuple[str, str, tuple[object, ...]]] = [
    ("os", "system", (COMMAND,)),
    ("posix", "system", (COMMAND,)),
    ("subprocess", "Popen", (["touch", "executed"],)),
    ("subprocess", "check_output", (["touch", "executed"],)),
    ("builtins", "eval", ("open('executed', 'w')",)),
    ("builtins", "exec", ("open('executed', 'w')",)),
    ("builtins", "open", ("executed", "w")),
    ("builtins", "__import__", ("antigravity",)),
    ("builtins", "getattr", (COMMAND, "__class__")),
    ("__builtin__", "eval", ("open('executed', 'w')",)),
    ("io", "open", ("executed", "w")),
    ("pathlib", "Path", ("executed",)),
    ("runpy", "run_module", ("this",)),
    ("importlib", "import_module", ("this",)),
    ("pickle", "loads", (b"cos\nsystem\n(S'touch executed'\ntR.",)),
    ("_pickle", "loads", (b"cos\nsystem\n(S'touch executed'\ntR.",)),
    ("torch", "load", ("executed",)),
    ("torch.hub", "load", ("owner/name", "model")),
    ("torch.storage", "_load_from_bytes.__globals__", ()),
    ("numpy", "load", ("executed",)),
    ("numpy", "fromfile", ("executed",)),
    ("operator", "attrgetter", ("system",)),
    ("functools", "partial", (COMMAND,)),
    ("collections", "OrderedDict.fromkeys", ((),)),
    ("collections", "namedtuple", ("a", "b")),
    ("dnnlib.tflib.network", "Network.__setstate__", ()),
    ("dnnlib.util", "open_url", ("http://127.0.0.1:9/",)),
    ("torch_utils.persistence", "_src_to_module", (files.SOURCE,)),
    ("torch._utils", "_rebuild_tensor_v2.__globals__", ()),
    ("", "", ()),
]


WATCHED = {
    "os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "exec", "compile", "import",
    "pickle.find_class", "socket.connect", "ctypes.dlopen", "marshal.loads", "code.__new__",
}  # fmt: skip


class Watch:
    """Notes what the interpreter does while a file is read. An audit hook cannot be removed, only put to sleep."""

    def __init__(self) -> None:
        self.awake = False
        self.seen: list[tuple[str, object]] = []
        sys.addaudithook(self.note)

    def note(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.awake and event in WATCHED:
            self.seen.append((event, arguments[0] if arguments else None))


def whole_files() -> dict[str, bytes]:
    """A small network in each format of the others."""
    arrays = random_arrays((3, 2), z=3, w=3, depth=1)
    return {
        "tensorflow": files.tf_file(arrays),
        "ada": files.ada_file(arrays),
        "rosinality": files.rosinality_file(arrays),
        "rosinality, old format": files.rosinality_file(arrays, archive=False),
    }


def _text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def _arguments(arguments: tuple[object, ...]) -> bytes:
    return pickle.dumps(arguments, 2)[2:-1]  # without PROTO and STOP


def _globals(module: str, name: str) -> Iterator[tuple[str, bytes]]:
    yield "GLOBAL", b"c" + f"{module}\n{name}\n".encode()
    yield "STACK_GLOBAL", _text(module) + _text(name) + b"\x93"
    yield "STACK_GLOBAL from the memo", _text(name) + b"q\x630" + _text(module) + b"h\x63\x93"


def programs() -> Iterator[tuple[str, bytes]]:
    """Pickles that call something they should not, in every way a pickle can call."""
    for module, name, arguments in CALLS:
        packed = _arguments(arguments)
        called = f"{module}.{name}"
        for how, found in _globals(module, name):
            yield f"{called}, {how}, REDUCE", b"\x80\x04" + found + packed + b"R."
        found = b"c" + f"{module}\n{name}\n".encode()
        items = b"".join(_arguments((item,))[:-1] for item in arguments[:1] if isinstance(item, str))
        yield f"{called}, NEWOBJ", b"\x80\x04" + found + packed + b"\x81."
        yield f"{called}, NEWOBJ_EX", b"\x80\x04" + found + packed + b"}\x92."
        yield f"{called}, OBJ", b"\x80\x04(" + found + items + b"o."
        yield f"{called}, INST", b"\x80\x04(" + items + b"i" + f"{module}\n{name}\n".encode() + b"."
        yield f"{called}, BUILD", b"\x80\x04" + found + b"}" + _text("__class__") + found + b"sb."
        yield f"{called}, after POP", b"\x80\x04" + found + packed + b"R0}."
        yield f"{called}, nested storage", nested(b"\x80\x02" + found + packed + b"R.")
        yield f"{called}, in a zip", archive(b"\x80\x02" + found + packed + b"R.")
        yield f"{called}, old torch format", stream(b"\x80\x02" + found + packed + b"R.")


def stream(value: bytes) -> bytes:
    """torch's old format around a pickle."""
    facts = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    head = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, facts))
    return head + value + pickle.dumps([], 2)


def nested(value: bytes) -> bytes:
    """An ada file whose only tensor is a storage that holds a pickle of the old format."""
    load = b"\x80\x04ctorch.storage\n_load_from_bytes\n"
    inner = stream(value)
    return load + b"B" + struct.pack("<I", len(inner)) + inner + b"\x85R."


def archive(value: bytes, **entries: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target:
        target.writestr("archive/data.pkl", value)
        for name, data in entries.items():
            target.writestr(f"archive/data/{name}", data)
    return file.getvalue()


def extensions() -> Iterator[tuple[str, bytes]]:
    """Codes that stand for functions of os while the registry says so."""
    codes = {
        ("system", 200): b"\x82\xc8",
        ("popen", 60_000): b"\x83\x60\xea",
        ("execv", 70_000_000): b"\x84" + struct.pack("<i", 70_000_000),
    }
    for (name, code), opcode in codes.items():
        copyreg.add_extension("os", name, code)
        try:
            yield f"extension {code}", b"\x80\x04" + opcode + _arguments((COMMAND,)) + b"R."
        finally:
            copyreg.remove_extension("os", name, code)


def _tensor_file(offset: object, size: object, stride: object, count: object = 4, data: bytes = b"\0" * 16) -> bytes:
    """A zip of torch's format with one tensor of any geometry."""

    def put(value: object) -> bytes:
        return pickle.dumps(value, 2)[2:-1]

    storage = b"(" + put("storage") + b"ctorch\nFloatStorage\n" + put("0") + put("cpu") + put(count) + b"tQ"
    call = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + put(offset) + put(size) + put(stride) + b"\x89}tR"
    return archive(b"\x80\x02}" + put("g_ema") + b"}" + put("x") + call + b"ss.", **{"0": data})


def geometries() -> Iterator[tuple[str, bytes]]:
    for number, (offset, size, stride, *rest) in enumerate([
        (0, (5,), (1,)), (1, (4,), (1,)), (0, (2, 2), (3, 1)), (0, (4,), (2**40,)), (2**62, (1,), (1,)),
        (-1, (1,), (1,)), (0, (-4,), (1,)), (0, (4,), (-1,)), (0, (2**31, 2**31), (0, 0)), (0, (10**9,), (0,)),
        (0, (4,), (1, 1)), (0, (True,), (1,)), (0, (1.0,), (1,)), (0, "4", (1,)), (None, (4,), (1,)),
        (0, (1,) * 60, (1,) * 60), (0, (10**200,), (1,)), (0, (4,), (1,), -4), (0, (4,), (1,), 2**62),
        (0, (4,), (1,), "4"), (0, (4,), (1,), 8), (0, (4,), (1,), 2), (0, (4,), (1,), 4, b""),
    ]):  # fmt: skip
        yield f"geometry {number}", _tensor_file(offset, size, stride, *rest)


def arrays() -> Iterator[tuple[str, bytes]]:
    """numpy arrays that are not numbers, or whose sizes lie."""

    def file(value: object) -> bytes:
        return files.tf_file({"dlatent_avg": value, "synthesis/x": np.zeros(2, np.float32)})

    for kind in ("O", "S5", "U3", "M8[s]", "V8", "c8", "f4,i4", "(2,)f4"):
        yield f"dtype {kind}", file(np.zeros(3, np.dtype(kind)))
    yield "objects", file(np.array([{"a": 1}, [2]], dtype=object))
    good = pickle.dumps(np.arange(6, dtype=np.float32).reshape(2, 3), 2)
    assert b"K\x02K\x03\x86" in good and b"f4" in good
    for number, shape in enumerate(
        [b"K\x02K\x04\x86", b"J\xff\xff\xff\xffK\x03\x86", b"K\x02J\xff\xff\xff\x7f\x86", b"K\x02N\x86", b"]]\x86"]
    ):
        yield f"shape {number}", good.replace(b"K\x02K\x03\x86", shape)
    for number, code in enumerate([b"O8", b"f3", b"g9", b"||", b"  "]):
        yield f"type code {number}", good.replace(b"f4", code)


def oddities() -> Iterator[tuple[str, bytes]]:
    yield "persistent id", b"\x80\x04" + _text("os.system") + b"Q."
    yield "persistent id as text", b"\x80\x04Pos.system\n."
    yield "buffer out of band", b"\x80\x05\x97."
    yield "read-only buffer", b"\x80\x05\x97\x98."
    yield "protocol 9", b"\x80\x09}."
    yield "empty stack", b"\x80\x04."
    yield "pops too much", b"\x80\x0400000."
    yield "mark without end", b"\x80\x04((((."
    yield "unknown memo", b"\x80\x04h\x07."
    yield "huge text", b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"x."
    yield "huge bytes", b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"x."
    yield "deep tuples as a key", b"\x80\x04})" + b"\x85" * 200_000 + b"Ns."
    deep = b")" + b"\x85" * 200_000 + b"N\x86"
    for made in (b"dnnlib.util\nEasyDict", b"collections\nOrderedDict", b"builtins\nset"):
        yield f"deep tuples as a key of {made!r}", b"\x80\x04c" + made + b"\n](" + deep + b"e\x85R."
    yield "deep lists", b"\x80\x04" + b"](" * 50_000 + b"e" * 50_000 + b"."
    yield "a list in itself", b"\x80\x04]q\0h\0a."
    yield "endless", b"\x80\x04" + b"N0" * 1_100_000 + b"."
    yield "odd dictionary", b"\x80\x04}(K\x01u."
    yield "list as a key", b"\x80\x04}]Ns."
    yield "append to a dictionary", b"\x80\x04}Na."
    yield "call of a list", b"\x80\x04])R."
    yield "call of a storage class", stream(b"\x80\x02ctorch\nFloatStorage\nK\x04\x85R.")
    yield "state of a list", b"\x80\x04]}b."
    yield "network of a list", b"\x80\x04cdnnlib.tflib.network\nNetwork\n)\x81]b."
    yield "network without state", b"\x80\x04cdnnlib.tflib.network\nNetwork\n)\x81."
    yield "network inside itself", (
        b"\x80\x04cdnnlib.tflib.network\nNetwork\n)\x81q\0}(" + _text("version") + b"K\x04" + _text("variables") + b"]"
        + _text("components") + b"}" + _text("synthesis") + b"h\0sub."
    )  # fmt: skip
    yield "module inside itself", _cyclic_module()
    nest = pickle.dumps(1, 2)
    for _ in range(6):
        nest = nested(nest)
    yield "storages in storages", nest
    yield "compressed zip", _compressed()
    yield "overlapping zip", archive(b"\x80\x02N.") * 2
    yield "text", b"weights: [1, 2, 3]\n"
    yield "image", b"\x89PNG\r\n\x1a\n" + b"\0" * 50


def _cyclic_module() -> bytes:
    meta = b"}q\1(" + _text("type") + _text("class") + _text("state") + b"}q\2u\x85R"
    call = b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n(" + meta[:-2] + b"tRq\3"
    return b"\x80\x04}" + _text("G_ema") + call + b"h\2" + _text("_modules") + b"}" + _text("a") + b"h\3ss0s."


def _compressed() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("archive/data.pkl", b"\0" * 10_000_000)
    return file.getvalue()


def structures() -> Iterator[tuple[str, bytes]]:
    """Well-formed files whose values are absurd: endless, enormous or of the wrong kind."""
    good = random_arrays((3, 2), z=3, w=3, depth=1)
    endless: list[object] = []
    for _ in range(60):
        endless = [endless, endless]
    loop: list[object] = []
    loop.append(loop)
    for name, value in {"endless": endless, "loop": loop, "huge": 10**5000, "nan": float("nan"), "none": {}}.items():
        for key in ("architecture", "resample_kernel", "conv_clamp", "mapping_lrmul", "resolution", "label_size"):
            yield f"{key} {name}", files.tf_file(good, **{key: value})
        yield f"version {name}", files.tf_file(good, version=value)
        yield f"c_dim {name}", files.ada_file(good, c_dim=value)
        yield f"clamp {name}", files.ada_file(good, clamp=value)
        yield f"g_ema {name}", archive(pickle.dumps({"g_ema": value}, 2))
        yield f"G_ema {name}", pickle.dumps({"G_ema": value}, 2)
    for name, shape in {"mapping/Dense0/weight": (3, 0), "synthesis/4x4/Conv/weight": (3, 3, 0, 2**39)}.items():
        yield f"empty {name}", files.tf_file({**good, name: np.zeros(shape, np.float32)})
    many = files.module("Block", {"x": torch.zeros(1)})
    for _ in range(12):
        many = files.module("Block", {}, {}, {str(i): many for i in range(10)})
    with files.official_names():
        yield "modules without number", pickle.dumps({"G_ema": many}, 4)


def damaged(valid: dict[str, bytes], flips: int, cuts: int) -> Iterator[tuple[str, bytes]]:
    """Copies of good files with one to three flipped bits, or without their end."""
    rng = random.Random(0)
    for name, data in valid.items():
        for number in range(flips):
            copy = bytearray(data)
            for _ in range(1 + number % 3):
                # Half of the flips in the first part, where the structure is.
                place = rng.randrange(len(data) if number % 2 else min(len(data), 400))
                copy[place] ^= 1 << rng.randrange(8)
            yield f"{name}, flips {number}", bytes(copy)
        for number in range(cuts):
            yield f"{name}, cut {number}", data[: len(data) * number // cuts]


def evil_tensor() -> bytes:
    """torch's own writer with an object that calls on loading."""

    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return eval, ("open('executed', 'w')",)

    file = io.BytesIO()
    torch.save({"g_ema": {"x": torch.zeros(2)}, "extra": Bomb()}, file)
    return file.getvalue()
