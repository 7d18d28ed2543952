"""One reader for every foreign format, chosen by the file's content."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any, BinaryIO, cast

from ganverse_nb.gan.official.assemble import Foreign
from ganverse_nb.gan.official.errors import ForeignError
from ganverse_nb.gan.official.machine import Budget, read_pickle
from ganverse_nb.gan.official.persistent import PERSISTENT, read_persistent
from ganverse_nb.gan.official.rosinality import find_state, read_rosinality
from ganverse_nb.gan.official.storages import PLAIN, TORCH, is_stream, read_stream, read_zip, with_nested_storages
from ganverse_nb.gan.official.tensorflow import TENSORFLOW, Network, read_tensorflow
from ganverse_nb.runtime.tensors import is_safetensors

MAX_BYTES = 2 * 2**30  # the largest known file, a training state with its optimisers, has 1.1 GB


def is_foreign(path: Path) -> bool:
    """Whether a file begins like a pickle or a zip archive, and not like safetensors with a header that fits."""
    with path.open("rb") as file:
        head = file.read(8)
    if is_safetensors(path) and int.from_bytes(head, "little") < path.stat().st_size:
        return False
    return head.startswith((b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"))


def read_foreign(path: Path) -> Foreign:
    """The network in a TensorFlow, ada, stylegan3 or rosinality file. Nothing in the file is executed or imported.

    Raises:
        ForeignError: no such network, or a damaged, dangerous or unsupported file.
    """
    length = path.stat().st_size
    if length > MAX_BYTES:
        raise ForeignError(f"it has {length / 2**30:.1f} GiB, more than any StyleGAN2 file (2 GiB).")
    with path.open("rb") as file:
        if length == 0:
            raise ForeignError("it is empty; download it again.")
        if file.read(2) == b"PK":
            return _understand(read_zip(file, Budget()))
        # A map, since reading from it never allocates more than there is, whatever length a damaged file claims.
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _understand(_content(cast("BinaryIO", data), Budget()))


def _content(data: BinaryIO, budget: Budget) -> Any:
    head = data.read(32)
    data.seek(0)
    if is_stream(head):
        return read_stream(data, budget)
    known = {**PLAIN, **TENSORFLOW, **PERSISTENT}
    known |= {name: TORCH[name] for name in TORCH if name[0] == "torch._utils"}
    return read_pickle(data, with_nested_storages(known, budget), budget)


def _understand(content: Any) -> Foreign:
    if isinstance(content, dict) and "G_ema" in content:
        return read_persistent(content)
    if isinstance(content, dict) and ("g_ema" in content or find_state(content)):
        return read_rosinality(content)
    if isinstance(content, Network):
        return read_tensorflow([content])
    if isinstance(content, tuple | list) and any(isinstance(item, Network) for item in content):
        return read_tensorflow(content)
    raise ForeignError(
        "it holds no generator that is known here (G_ema, g_ema or a TensorFlow network); "
        "give the file that the training of a StyleGAN2 wrote, or save its averaged generator's state as 'g_ema'."
    )
