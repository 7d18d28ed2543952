"""Tensors on disk: safetensors files, whole or absent, that say in their metadata what they are.

Large ones may be packed to eight bits a number: blocks of `BLOCK` numbers share a scale, which lies beside them under
the tensor's name with `SCALE` behind it. Whoever loads them finds float32.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ganverse_nb.runtime.files import atomic_path

BLOCK, SCALE = 128, "@scale"


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
    """
    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    if half:
        kept = {k: v.half() if v.is_floating_point() else v for k, v in kept.items()}
    facts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in (metadata or {}).items()}
    with atomic_path(path) as temporary:
        save_file(kept, temporary, metadata={"format": format, **facts})


def load_tensors(path: str | Path, format: str, what: str, remedy: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of a file that `save_tensors` wrote.

    Args:
        what: the file is, and
        remedy: what to do where it is not: words for messages, as in "segmenter", "run the stage again".

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, has another content or another format.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No {what} at {path}; {remedy}.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dictionary)
    except (SafetensorError, OSError) as error:
        if isinstance(error, SafetensorError) and not is_safetensors(path):
            raise ValueError(f"{path} is no {what}: it is damaged or has another content; {remedy}.") from error
        raise ValueError(f"{path} is damaged, not a whole safetensors file ({error}); {remedy}.") from error
    found = metadata.get("format", metadata.get("kind", "none"))  # "kind": as the bundled segmenters call it
    if found != format:
        raise ValueError(f"{path} is no {what}: its format is {found!r}, here {format!r} is needed; {remedy}.")
    return unpacked(tensors), metadata


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
    """What `packed` was given, in float32 where it was packed."""
    result = {}
    for name, tensor in tensors.items():
        scale = tensors.get(name + SCALE)
        if name.endswith(SCALE):
            continue
        if scale is None:
            result[name] = tensor
            continue
        flat = tensor.flatten().float()
        result[name] = (flat * scale.repeat_interleave(BLOCK)[: len(flat)]).view(tensor.shape)
    return result


def is_safetensors(path: Path) -> bool:
    """Whether a file begins like safetensors: the length of a header, then "{"."""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"
