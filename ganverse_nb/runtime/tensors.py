"""Tensors on disk: safetensors files, whole or absent, that say in their metadata what they are.

A checksum of everything is written with them and compared when they are read; of the package's own files, which are
older than it, `shipped.json` knows the hash. Numbers that are not finite are neither written nor taken.

Large ones may be packed to eight bits a number: blocks of `BLOCK` numbers share a scale, which lies beside them under
the tensor's name with `SCALE` behind it. Whoever loads them finds float32.
"""

from __future__ import annotations

import json
import math
import os
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ganverse_nb.runtime.errors import CAUSES, DamagedError
from ganverse_nb.runtime.files import CHECKSUM, atomic_path, content_of, sha256
from ganverse_nb.runtime.shipped import INSTALL_AGAIN, known_sha256

BLOCK, SCALE = 128, "@scale"
SLACK = 16 << 20  # bytes that networks may take beside their weights
SIZED = (torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn)  # what networks ask memory of, by sizes alone
FILLED, COUNTED = (torch.full,), (torch.arange, torch.randperm)


def save_tensors(
    path: str | Path,
    tensors: Mapping[str, Tensor],
    format: str,
    metadata: Mapping[str, Any] | None = None,
    *,
    half: bool = False,
) -> None:
    """Write tensors from any device.

    Args:
        format: what the file is, with its version; `load_tensors` asks for it.
        metadata: further facts; what is no string is written as JSON.
        half: floating point numbers as float16.

    Raises:
        ValueError: numbers that are not finite (in half precision: or too large); nothing is written.
        OSError: it cannot be written.
    """
    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    if half:
        kept = {k: v.half() if v.is_floating_point() else v for k, v in kept.items()}
    bad = not_finite(kept)
    if bad:
        raise ValueError(f"{path} is not written: {bad} holds numbers that are not finite; make it again.")
    facts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in (metadata or {}).items()}
    facts = {"format": format, **facts}
    with atomic_path(path) as temporary:
        try:
            save_file(kept, temporary, metadata=facts | {CHECKSUM: checksum(kept, facts)})
        except SafetensorError as error:
            said = re.search(r"os error (\d+)|code: (\d+)", str(error))  # the latter of safetensors 0.4
            if said is None:
                raise
            number = int(said[1] or said[2])
            raise OSError(number, os.strerror(number), str(path)) from error


def load_tensors(
    path: str | Path, format: str, what: str, remedy: str, *, unnamed: bool = False
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of a file that `save_tensors` wrote.

    Args:
        what: the file is, and
        remedy: what to do where it is not: words for messages, as in "segmenter", "run the stage again".
        unnamed: files of earlier versions name no format and are taken as well.

    Returns:
        Both say in a sentence (a ValueError) what is missing when they are asked for it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, has another content or another format, or numbers that are not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No {what} at {path}; {remedy}.")
    known = known_sha256(path)
    remedy = INSTALL_AGAIN if known else remedy
    tensors, metadata = read_tensors(path, what, remedy)
    found = metadata.get("format", metadata.get("kind", "none"))  # "kind": as the bundled segmenters call it
    if found != format and not (unnamed and found == "none"):
        raise DamagedError(f"{path} is no {what}: its format is {found!r}, here {format!r} is needed; {remedy}.")
    told = metadata.pop(CHECKSUM, None)
    whole = sha256(path) == known if told is None and known else told in (None, checksum(tensors, metadata))
    if not whole:
        raise DamagedError(f"{path} is damaged: its content has changed since it was written; {remedy}.")
    bad = not_finite(tensors)
    if bad:
        raise DamagedError(f"{path} is damaged: {bad} holds numbers that are not finite; {remedy}.")
    with content_of(path, what, remedy):
        tensors = unpacked(tensors)

    def missing(name: str) -> ValueError:
        return DamagedError(f"{path} is no whole {what}: it holds no {name!r}; {remedy}.")

    return _Complete(tensors, missing), _Complete(metadata, missing)


def read_tensors(path: Path, what: str, remedy: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """What a safetensors file holds as it is, and its metadata.

    Raises:
        ValueError: it is no whole safetensors file. OSError: it cannot be read.
    """
    like = is_safetensors(path)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dictionary)
            return tensors, file.metadata() or {}
    except Exception as error:  # a SafetensorError, or what torch makes of a type that it does not know
        if isinstance(error, OSError) and error.errno in CAUSES:
            raise
        if not like:
            raise DamagedError(f"{path} is no {what}: it is damaged or has another content; {remedy}.") from error
        raise DamagedError(f"{path} is damaged, not a whole safetensors file ({error}); {remedy}.") from error


def checksum(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """CRC-32 of names, types, shapes and content of tensors on the CPU and of the metadata, but its own entry."""
    value = 0
    for key in sorted(metadata.keys() - {CHECKSUM}):
        value = zlib.crc32(f"{key}\0{metadata[key]}\0".encode(), value)
    for name in sorted(tensors):
        tensor = tensors[name]
        value = zlib.crc32(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode(), value)
        value = zlib.crc32(tensor.contiguous().flatten().view(torch.uint8).numpy().data, value)
    return f"crc32:{value:08x}"


def weights_of(network: object) -> str:
    """What tells a network from others: the checksum of its weights; the name of anything that has none."""
    if isinstance(network, torch.nn.Module):
        return checksum({name: tensor.detach().cpu() for name, tensor in network.state_dict().items()}, {})
    return getattr(network, "__qualname__", type(network).__qualname__)


def not_finite(tensors: Mapping[str, Tensor]) -> str:
    """The name of a tensor with NaN or infinity in it; "" where all numbers are finite."""
    real = ((n, t) for n, t in tensors.items() if t.is_floating_point() or t.is_complex())
    return next((name for name, tensor in real if not _is_finite(tensor)), "")


def _is_finite(tensor: Tensor) -> bool:
    wide = tensor.float() if tensor.element_size() == 1 else tensor  # the types of eight bits know no isfinite
    return bool(torch.isfinite(wide).all())


@contextmanager
def made_from(
    tensors: Mapping[str, Tensor], path: str | Path, what: str, remedy: str, kind: type[ValueError] = DamagedError
) -> Iterator[None]:
    """Networks made in this block, of sizes that a file's metadata tell, are no larger than its tensors are.

    Raises:
        ValueError: (`kind` of it) they would be, or anything else fails.
    """
    size = sum(tensor.numel() * max(4, tensor.element_size()) for tensor in tensors.values())
    with content_of(path, what, remedy, kind), _Budget(2 * size + SLACK, 100 * len(tensors) + 1000):
        yield


class _Budget(TorchFunctionMode):
    """Refuses to make tensors once they would take more bytes, or be more in number, than are granted."""

    def __init__(self, size: int, number: int) -> None:
        super().__init__()
        self.size, self.number = size, number

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in SIZED or func in FILLED or func in COUNTED:
            given = (kwargs or {}).get("size", args[:1] if func in FILLED else args)
            self.size -= 4 * _count(given, func in COUNTED)
            self.number -= 1
            if min(self.size, self.number) < 0:
                raise ValueError("its metadata tell of networks far larger than the file")
        return func(*args, **(kwargs or {}))


def _count(given: Sequence[Any], counted: bool) -> int:
    """How many numbers a tensor of these sizes has, or (`counted`) a range of these ends."""
    sizes = [abs(int(n)) for part in given for n in (part if isinstance(part, (tuple, list)) else [part])]
    return max(sizes, default=1) if counted else math.prod(sizes)


class _Complete(dict[str, Any]):
    """Entries of a file; one that is asked for and missing is told with the file's name."""

    def __init__(self, entries: Mapping[str, Any], missing: Callable[[str], ValueError]) -> None:
        super().__init__(entries)
        self._missing = missing

    def __missing__(self, name: str) -> Any:
        raise self._missing(name)


def packed(tensors: Mapping[str, Tensor], smallest: int = 4096) -> dict[str, Tensor]:
    """Floating point tensors of at least `smallest` numbers in eight bits, the others as they are.

    A number is off by at most half of a step, 1/254 of the largest of its block.
    """
    result = {}
    for name, tensor in tensors.items():
        if not tensor.is_floating_point() or tensor.numel() < smallest:
            result[name] = tensor
            continue
        flat = tensor.detach().float().flatten()
        blocks = torch.nn.functional.pad(flat, (0, -len(flat) % BLOCK)).view(-1, BLOCK)
        scale = (blocks.abs().amax(1) / 127).clamp_min(torch.finfo(torch.float32).tiny)
        steps = (blocks / scale[:, None]).round().to(torch.int8)
        result[name] = steps.flatten()[: len(flat)].view(tensor.shape)
        result[name + SCALE] = scale
    return result


def unpacked(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What `packed` was given, in float32 where it was packed.

    Raises:
        ValueError: a scale that does not fit its tensor.
    """
    result = {}
    for name, tensor in tensors.items():
        scale = tensors.get(name + SCALE)
        if name.endswith(SCALE):
            continue
        if scale is None:
            result[name] = tensor
            continue
        flat = tensor.flatten().float()
        if scale.shape != (math.ceil(len(flat) / BLOCK),):
            raise ValueError(f"{name} has {len(flat)} numbers and {len(scale.flatten())} scales")
        result[name] = (flat * scale.repeat_interleave(BLOCK)[: len(flat)]).view(tensor.shape)
    return result


def is_safetensors(path: Path) -> bool:
    """Whether a file begins like safetensors: the length of a header, then "{"."""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"
