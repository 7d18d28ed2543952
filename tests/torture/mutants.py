"""Copies of files that were damaged, or that lie, drawn with a seed."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
from safetensors.torch import load as load_tensors_of
from safetensors.torch import save as save_tensors_of

from ganverse_nb.runtime.files import CHECKSUM, seal
from ganverse_nb.runtime.tensors import checksum

Mutate = Callable[[bytes, random.Random], bytes]
ABSURD = (-1, 0, 3, 10**6, 10**9, 2**40, 1e300, "", "nonsense", None, [], {}, True)
PROGRAM = b"cos\nsystem\n(S'touch EXECUTED'\ntR."  # what a pickle would run
HEAD = 400  # bytes in which most of a file's structure is


# ---- accidents: the content is the same, or the damage is told


def flipped_head(data: bytes, draw: random.Random) -> bytes:
    return _flip(data, draw.randrange(min(len(data), HEAD)), draw)


def flipped_body(data: bytes, draw: random.Random) -> bytes:
    return _flip(data, draw.randrange(len(data)), draw)


def _flip(data: bytes, place: int, draw: random.Random) -> bytes:
    return data[:place] + bytes([data[place] ^ 1 << draw.randrange(8)]) + data[place + 1 :]


def zeroed(data: bytes, draw: random.Random) -> bytes:
    """A block of the disk is empty."""
    start = draw.randrange(len(data))
    return data[:start] + bytes(min(512, len(data) - start)) + data[start + 512 :]


def cut(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(1, len(data))]


def emptied(data: bytes, draw: random.Random) -> bytes:
    return b""


def longer(data: bytes, draw: random.Random) -> bytes:
    return data + draw.randbytes(draw.randrange(1, 1000))


ACCIDENTS: dict[str, Mutate] = {
    "flipped bits of the head": flipped_head,
    "flipped bits": flipped_body,
    "zeroed": zeroed,
    "cut off": cut,
    "emptied": emptied,
    "longer": longer,
}


# ---- lies: files as another program might write them, checksums included


def lying_tensor(data: bytes, draw: random.Random) -> bytes:
    """One tensor of another type or shape, or with numbers that are not finite."""
    tensors, metadata = load_tensors_of(data), _metadata(data)
    name = draw.choice(sorted(tensors))
    tensor = tensors[name]
    changes = [
        tensor.flatten()[:-1],
        tensor[None],
        tensor.double(),
        tensor.to(draw.choice(["cpu"])).int(),
        tensor.bool(),
    ]
    if tensor.is_floating_point() and tensor.numel():
        bad = tensor.clone()
        bad.view(-1)[draw.randrange(bad.numel())] = draw.choice([float("nan"), float("inf"), -float("inf")])
        changes += 3 * [bad]
    tensors[name] = draw.choice(changes).contiguous()
    return _with_checksum(tensors, metadata)


def lacking_tensor(data: bytes, draw: random.Random) -> bytes:
    tensors = load_tensors_of(data)
    tensors.pop(draw.choice(sorted(tensors)))
    return _with_checksum(tensors, _metadata(data))


def lying_metadata(data: bytes, draw: random.Random) -> bytes:
    """One value of the metadata absurd, or missing: sizes of networks stand there."""
    metadata = _metadata(data)
    name = draw.choice(sorted(metadata))
    if metadata[name][:1] in "{[" and draw.random() < 0.9:
        metadata[name] = json.dumps(_lie(json.loads(metadata[name]), draw))
    elif draw.random() < 0.5:
        del metadata[name]
    else:
        metadata[name] = str(draw.choice(ABSURD))
    return _with_checksum(load_tensors_of(data), metadata)


def lying_header(data: bytes, draw: random.Random) -> bytes:
    """Sizes and places in the header of safetensors that the file does not have."""
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    name = draw.choice(sorted(header.keys() - {"__metadata__"}))
    key, value = draw.choice([("shape", [2**40]), ("shape", [2**31, 2**31]), ("shape", [-1]), ("dtype", "F64"),
                              ("dtype", "X"), ("data_offsets", [0, 2**50]), ("data_offsets", [8, 4])])  # fmt: skip
    header[name][key] = value
    text = json.dumps(header).encode()
    return struct.pack("<Q", draw.choice([len(text), 2**40, 0])) + text + data[8 + length :]


def lying_json(data: bytes, draw: random.Random) -> bytes:
    """One value absurd, or missing; the checksum is the right one."""
    content = _lie(json.loads(data), draw)
    if isinstance(content, dict) and CHECKSUM in content:
        content.pop(CHECKSUM)
        content[CHECKSUM] = seal(content)
    return json.dumps(content).encode()


def strange_json(data: bytes, draw: random.Random) -> bytes:
    return draw.choice([b"NaN", b"[" * 100_000, b"{}", b"[]", b"null", b'"text"', b"\xff\xfe{}", b"1e999", data * 2])


def lying_array(data: bytes, draw: random.Random) -> bytes:
    """An array of another type or shape."""
    array = np.load(io.BytesIO(data))
    made = io.BytesIO()
    changes = [array[:-1], array[None], array.reshape(-1), array.astype(np.float64), array.astype(object), ~array]
    np.save(made, draw.choice(changes))
    return made.getvalue()


def program(data: bytes, draw: random.Random) -> bytes:
    """A file of torch's with a program in its pickle."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(made, "w") as other:
        for part in archive.namelist():
            other.writestr(part, PROGRAM if part.endswith("data.pkl") else archive.read(part))
    return made.getvalue()


LIES: dict[str, dict[str, Mutate]] = {  # by suffix
    ".safetensors": {
        "other tensors": lying_tensor,
        "tensors missing": lacking_tensor,
        "absurd metadata": lying_metadata,
        "absurd header": lying_header,
    },
    ".json": {"absurd values": lying_json, "other content": strange_json},
    ".pt": {"a program": program},
    ".npy": {"other arrays": lying_array},
}


def _metadata(data: bytes) -> dict[str, str]:
    length = struct.unpack("<Q", data[:8])[0]
    metadata = dict(json.loads(data[8 : 8 + length]).get("__metadata__", {}))
    metadata.pop(CHECKSUM, None)
    return metadata


def _with_checksum(tensors: dict[str, Any], metadata: dict[str, str]) -> bytes:
    return save_tensors_of(tensors, metadata | {CHECKSUM: checksum(tensors, metadata)})


def _lie(content: Any, draw: random.Random) -> Any:
    """One value, at any depth, replaced by an absurd one or left out."""
    if not content or not isinstance(content, (dict, list)):
        return draw.choice(ABSURD)
    key = draw.choice(sorted(content)) if isinstance(content, dict) else draw.randrange(len(content))
    changed = content.copy()
    if isinstance(content[key], (dict, list)) and content[key] and draw.random() < 0.8:
        changed[key] = _lie(content[key], draw)
    elif draw.random() < 0.3:
        del changed[key]
    else:
        changed[key] = draw.choice(ABSURD)
    return changed
