"""Sampling pictures from a StyleGAN2, beside the same network written out from its definition.

The definition is `tests/gan/reference.py`.
The definition makes a set of weights for every picture and convolves in groups; it fills in zeros and filters them.
"""

from __future__ import annotations

import pytest
import torch

from benchmarks.bench_render import run
from ganverse_nb.gan.checkpoint import load_generator
from ganverse_nb.gan.generator import Generator
from tests.gan import reference

NETWORKS = {  # batch, pixels, fmap_base (config-e has 8192 at 512 px in NVIDIA's count, config-f twice as much)
    "bundled car": (32, 64, 0),
    "config-e": (8, 256, 16384),
    "config-f": (4, 256, 32768),
    "config-f, 512 px": (1, 512, 32768),
}


def network_of(resolution: int, base: int) -> Generator:
    """An untrained network of an official size, or the bundled teacher."""
    if not base:
        return load_generator("car")
    torch.manual_seed(0)
    channels = [min(base // 2**i, 512) for i in range(2, resolution.bit_length())]
    return Generator(resolution, 512, 512, 8, channels).eval().requires_grad_(False)


@pytest.mark.parametrize("who", ["ours", "definition"])
@pytest.mark.parametrize("name", NETWORKS)
def test_sampling(benchmark, name, who, device):
    if device != "cpu":
        pytest.skip("a comparison for the CPU")
    batch, resolution, base = NETWORKS[name]
    network = network_of(resolution, base)
    z = torch.randn(batch, network.z_dim, generator=torch.Generator().manual_seed(0))
    noise = [conv.noise_const[None, None] for conv in network.convs]

    @torch.no_grad()
    def sample():
        if who == "ours":
            w = network.mapping(z)
            return network.synthesis(network.styles(w), noise)
        w = reference.mapping(network, z)
        modules = network._modules_in_order()
        return reference.synthesis(network, [reference.linear(m.affine, w) for m in modules], noise)

    if who == "definition":  # the same pictures, or the times mean nothing
        w = network.mapping(z)
        ours = network.synthesis(network.styles(w), noise)
        torch.testing.assert_close(sample(), ours, rtol=0, atol=1e-4 * float(ours.abs().max()))
    run(benchmark, sample, f"sampling, {name}", who, batch, resolution, "", memory=False)
