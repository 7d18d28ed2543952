"""Shipping networks: one safetensors file with the averaged generator and the discriminator, as float16.

A file holds `generator.*` and `discriminator.*` tensors and, in its metadata, what is needed to build the networks and
where they come from. Nothing in it can execute.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.generator import Generator

FORMAT = "ganverse_nb.stylegan2/1"
WEIGHTS = Path(__file__).resolve().parent.parent / "weights"


class CheckpointError(ValueError):
    """A weight file that cannot be used; the message says which, why, and what to do."""


def atomic_save(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    """Write a safetensors file under a temporary name, then rename it: readers see the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, temporary, metadata=metadata)
    os.replace(temporary, path)


def read_tensors(path: Path, expected_format: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file written by this package.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: not a safetensors file, damaged, or of another format.
    """
    if not path.is_file():
        raise FileNotFoundError(f"No weight file at {path}; train one with `ganverse train-gan` or give another path.")
    try:
        with safe_open(path, framework="pt") as f:
            metadata = f.metadata() or {}
            tensors = {key: f.get_tensor(key) for key in f.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a whole safetensors file ({error}); fetch or train it again.") from error
    if metadata.get("format") != expected_format:
        found = metadata.get("format", "none")
        raise CheckpointError(f"{path} has format {found!r}, here {expected_format!r} is needed; give another file.")
    return tensors, metadata


def resolve(source: str | Path) -> Path:
    """A bundled name ("car") or a path -> path of a weight file.

    Raises:
        FileNotFoundError: neither a bundled network nor a file; the message lists the bundled names.
    """
    bundled = WEIGHTS / str(source) / "teacher.safetensors"
    if bundled.is_file():
        return bundled
    path = Path(source)
    if not path.is_file():
        names = sorted(p.parent.name for p in WEIGHTS.glob("*/teacher.safetensors"))
        known = ", ".join(names) or "none"
        raise FileNotFoundError(f"No GAN {str(source)!r}: neither a file nor one of the bundled networks ({known}).")
    return path


def save_networks(path: Path, generator: Generator, discriminator: Discriminator, provenance: dict[str, Any]) -> None:
    """Write both networks as float16 with their sizes and `provenance` (command, seed, images, commit, ...)."""
    tensors = {f"generator.{k}": v for k, v in generator.state_dict().items()}
    tensors |= {f"discriminator.{k}": v for k, v in discriminator.state_dict().items()}
    architecture = {
        "resolution": generator.resolution,
        "z_dim": generator.z_dim,
        "w_dim": generator.w_dim,
        "mapping_layers": len(generator.mapping.layers),
        "channels": list(generator.channels),
        "conv_clamp": generator.conv_clamp,
        "filtered": discriminator.filtered,
    }
    metadata = {
        "format": FORMAT,
        "architecture": json.dumps(architecture),
        "provenance": json.dumps(provenance, sort_keys=True, default=str),
    }
    atomic_save({k: v.to(torch.float16) for k, v in tensors.items()}, Path(path), metadata)


def _build(path: Path, kind: str) -> nn.Module:
    tensors, metadata = read_tensors(path, FORMAT)
    try:
        size = json.loads(metadata["architecture"])
        filtered = size.pop("filtered")
        network: nn.Module
        if kind == "generator":
            network = Generator(**size)
        else:
            network = Discriminator(size["resolution"], size["channels"], filtered)
        prefix = f"{kind}."
        state = {k.removeprefix(prefix): v.float() for k, v in tensors.items() if k.startswith(prefix)}
        network.load_state_dict(state, strict=True)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path} does not hold a usable {kind}: {error}") from error
    bad = [k for k, v in state.items() if not torch.isfinite(v).all()]
    if bad:
        raise CheckpointError(f"{path} holds numbers that are not finite in {kind}.{bad[0]}; fetch or train it again.")
    return network.eval().requires_grad_(False)


def load_generator(source: str | Path = "car") -> Generator:
    """The averaged generator of a bundled network or a file, float32, in evaluation mode.

    Raises:
        FileNotFoundError: no such file or bundled name.
        CheckpointError: the file is damaged or something else.
    """
    network = _build(resolve(source), "generator")
    assert isinstance(network, Generator)
    return network


def load_discriminator(source: str | Path = "car") -> Discriminator:
    """The discriminator beside `load_generator`'s network; same errors."""
    network = _build(resolve(source), "discriminator")
    assert isinstance(network, Discriminator)
    return network


def provenance(source: str | Path = "car") -> dict[str, Any]:
    """Where a network comes from: command, seed, images, commit, configuration. Same errors as `load_generator`."""
    _, metadata = read_tensors(resolve(source), FORMAT)
    return json.loads(metadata.get("provenance", "{}"))
