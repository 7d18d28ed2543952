"""The networks that a training begins with: fresh ones, into which those of another training grow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn

from ganverse_nb.config import GanConfig
from ganverse_nb.gan.checkpoint import CheckpointError, load_discriminator, load_generator
from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.growing import check_growth, grow

Networks = Mapping[str, nn.Module]


class UnfitError(CheckpointError):
    """Networks of sizes that a training cannot begin with."""


def fresh_networks(config: GanConfig) -> tuple[Generator, Discriminator]:
    """Weights are drawn from torch's global generator."""
    return (
        Generator(config.resolution, config.z_dim, config.w_dim, config.mapping_layers, config.channels),
        Discriminator(config.resolution, config.channels, config.discriminator_filter),
    )


def check_beginning(source: str | Path, config: GanConfig) -> None:
    """Whether a training with these settings can begin with the networks of a bundled name or a file.

    Raises:
        FileNotFoundError, CheckpointError: there are none, they cannot be used, or not grow into those of the settings.
    """
    with torch.device("meta"):  # sizes without memory
        generator, discriminator = fresh_networks(config)
    _each(source, {"generator": generator, "discriminator": discriminator}, check_growth)


def can_begin(source: str | Path, config: GanConfig) -> bool:
    """Whether the networks of a training, sound as they are, have sizes that can grow into those of the settings.

    Raises:
        FileNotFoundError, CheckpointError: there are none, or they cannot be used.
    """
    try:
        check_beginning(source, config)
    except UnfitError:
        return False
    return True


def begin_with(source: str | Path, networks: Networks, device: torch.device) -> None:
    """Grow those of a bundled name or a file into a fresh "generator" and "discriminator" on `device`.

    Raises:
        FileNotFoundError, CheckpointError: as `check_beginning`.
    """
    _each(source, networks, lambda small, large: grow(small.to(device), large))


def _each(source: str | Path, networks: Networks, into: Callable[[nn.Module, nn.Module], None]) -> None:
    starts = {"generator": load_generator(source), "discriminator": load_discriminator(source)}
    for name, start in starts.items():
        try:
            into(start, networks[name])
        except ValueError as error:
            raise UnfitError(f"The {name} of {source} cannot begin this training: {error}.") from error
