"""Networks small enough to build a hundred times."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from ganverse_nb.config import GanConfig
from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.generator import Generator

CHANNELS = (12, 12, 8)


@pytest.fixture
def generator() -> Generator:
    """16 px, every parameter random, noise on."""
    torch.manual_seed(0)
    network = Generator(16, z_dim=6, w_dim=10, mapping_layers=3, channels=CHANNELS)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith(("bias", "noise_strength")):
                parameter.add_(0.3 * torch.randn_like(parameter))
        network.mapping.w_average.normal_()
    return network.requires_grad_(False)


@pytest.fixture
def discriminator() -> Discriminator:
    torch.manual_seed(1)
    network = Discriminator(16, CHANNELS)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(std=0.3)
    return network


@pytest.fixture
def small_config() -> GanConfig:
    return GanConfig(
        resolution=16,
        z_dim=6,
        w_dim=10,
        mapping_layers=2,
        channels=CHANNELS,
        batch=8,
        images=64,
        generator_lr=2e-3,
        discriminator_lr=2e-3,
        discriminator_filter=True,
        noise=True,
        r1_interval=2,
        path_length_interval=3,
        path_length_batch=4,
        mixing_layers=(1, 3),
        pair_weight=0.0,
    )


@pytest.fixture
def photos() -> torch.Tensor:
    return torch.randint(0, 256, (20, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def flat_w() -> Callable[[Generator, torch.Tensor], torch.Tensor]:
    return lambda network, w: network.styles(w[:, None].expand(-1, network.num_ws, -1))
