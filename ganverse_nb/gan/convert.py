"""Another project's file, converted once: our safetensors in full precision, and a JSON on where it comes from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from ganverse_nb.gan.checkpoint import (
    FORMAT,
    CheckpointError,
    Networks,
    load_discriminator,
    load_generator,
    read_networks,
    read_tensors,
    save_networks,
)
from ganverse_nb.gan.generator import checked_rows
from ganverse_nb.gan.official import config_name, is_foreign
from ganverse_nb.runtime.errors import sentence
from ganverse_nb.runtime.files import atomic_path, plain, sha256

SUFFIX = ".safetensors"
LICENCE = (
    "The terms of whoever trained the network still hold. NVIDIA's own networks are under the Nvidia Source Code "
    "License-NC: research and evaluation only, no commercial use."
)


def import_gan(
    source: Path, output: Path | None = None, rows: tuple[int, int] | None = None
) -> tuple[Path, dict[str, Any]]:
    """Converts `source` to `output` (default: beside it), with a .json of the same name. Nothing half-written stays.

    Args:
        rows: the first row of the picture, and the first below it, where black bars are above and below: instead of
            what the network's paintings say. With them a file of this project's format can be given, too.

    Returns:
        The file for `load_generator`, and what the JSON says.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: not usable, already ours, rows that it has not, or it cannot be written; nothing is left
            behind.
    """
    source = Path(source)
    if not source.is_file():
        raise FileNotFoundError(f"No file at {source}; `ganverse fetch-gan car` says where official networks are.")
    target = source.with_suffix(SUFFIX) if output is None else _with_suffix(Path(output))
    networks = read_networks(source) if is_foreign(source) else _ours(source, target, rows)
    if rows is not None:
        try:
            networks.generator.rows = checked_rows(rows, networks.generator.resolution)
        except ValueError as error:
            raise CheckpointError(f"{source}: {error}") from error
        networks.notes.append(f"The picture is in rows {rows[0]} to {rows[1] - 1}, as was said.")
    record = _record(source, networks)
    try:
        _check_space(target, networks)
        with atomic_path(target.with_suffix(".json")) as note:  # gets its name only after the weights have theirs
            note.write_text(json.dumps(plain(record), indent=1) + "\n", encoding="utf-8")
            save_networks(target, networks.generator, networks.discriminator, record, half=False)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{target} could not be written ({sentence(error).rstrip('.')}); nothing was kept, make room or choose "
            "another --output."
        ) from error
    return target, record


def _ours(source: Path, target: Path, rows: tuple[int, int] | None) -> Networks:
    """The networks of a file of this project's format, which only other rows make another file."""
    tensors, _ = read_tensors(source, FORMAT)
    if rows is None:
        raise CheckpointError(f"{source} is in this project's format already; use it as it is.")
    if target.resolve() == source.resolve():
        raise CheckpointError(f"{source} would be written over; give another --output.")
    judged = any(name.startswith("discriminator.") for name in tensors)
    return Networks(load_generator(source), load_discriminator(source) if judged else None, FORMAT, [])


def _with_suffix(path: Path) -> Path:
    return path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)


def _check_space(target: Path, networks: Networks) -> None:
    parts = [network for network in (networks.generator, networks.discriminator) if network is not None]
    needed = sum(4 * value.numel() for part in parts for value in part.state_dict().values()) + 2**20
    target.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise OSError(f"it needs {needed / 2**20:.0f} MB, {free / 2**20:.0f} MB are free")


def _record(source: Path, networks: Networks) -> dict[str, Any]:
    generator = networks.generator
    return {
        "source": source.name,
        "sha256": sha256(source),
        "bytes": source.stat().st_size,
        "format": networks.format,
        "config": config_name(generator.channels),
        "resolution": generator.resolution,
        "picture_size": generator.picture_size,
        "channels": generator.channels,
        "conv_clamp": generator.conv_clamp,
        "discriminator": networks.discriminator is not None,
        "notes": networks.notes,
        "licence": LICENCE,
        "command": f"ganverse import-gan {source.name}",
    }
