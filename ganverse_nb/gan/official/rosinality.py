"""`.pt` files in the layout of rosinality's stylegan2-pytorch: a dictionary with the state of `g_ema`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ganverse_nb.gan.latents import sample_w
from ganverse_nb.gan.official.assemble import (
    Entry,
    Foreign,
    build,
    check_filters,
    conv_names,
    first,
    flat_rgb,
    gather,
    plane,
    resolutions,
    same,
    scalar,
    size,
)
from ganverse_nb.gan.official.errors import ForeignError
from ganverse_nb.gan.official.numbers import Numbers

FORMAT = "PyTorch file in rosinality's layout"
AVERAGED = 10_000  # codes whose mean stands in for a missing latent_avg


def read_rosinality(content: dict[str, Any]) -> Foreign:
    """{"g_ema": state, "latent_avg": ...} -> the averaged generator.

    Raises:
        ForeignError: another network, missing arrays.
    """
    state = content["g_ema"]
    if not isinstance(state, dict):
        raise ForeignError("its g_ema is no network; it is damaged, download it again.")
    arrays = {name: value for name, value in state.items() if isinstance(name, str) and isinstance(value, Numbers)}
    blocks = resolutions(lambda r: f"convs.{2 * (r.bit_length() - 4) + 1}.conv.weight" in arrays)
    depth = sum(f"style.{i + 1}.weight" in arrays for i in range(len(arrays)))
    convs = [_theirs(i) for i in range(2 * len(blocks) - 1)]
    architecture = {
        "resolution": blocks[-1],
        "z_dim": size(arrays, "style.1.weight", 1),
        "w_dim": size(arrays, "style.1.weight", 0),
        "mapping_layers": depth,
        "channels": [size(arrays, f"{name}.conv.weight", 1) for name in convs[::2]],
        "conv_clamp": None,
    }
    filters = [name for name in arrays if name.endswith((".blur.kernel", ".upsample.kernel"))]
    check_filters(arrays, filters)
    average = content.get("latent_avg")
    if isinstance(average, Numbers):
        arrays["latent_avg"] = average
    foreign = Foreign(FORMAT, architecture, gather(arrays, _entries(blocks, depth, "latent_avg" in arrays), filters))
    if "latent_avg" not in arrays:
        foreign.notes.append(f"The file has no latent_avg; the mean of {AVERAGED} codes was taken.")
        foreign.generator["mapping.w_average"] = _average(foreign)
    return foreign


def _theirs(index: int) -> str:
    return "conv1" if index == 0 else f"convs.{index - 1}"


def _entries(blocks: list[int], depth: int, average: bool) -> Iterator[Entry]:
    if average:
        yield Entry("mapping.w_average", "latent_avg", lambda x: x.reshape(-1))
    for i in range(depth):
        for part in ("weight", "bias"):
            yield Entry(f"mapping.layers.{i}.{part}", f"style.{i + 1}.{part}", same)
    yield Entry("const", "input.input", first)
    for i, (ours, _, _) in enumerate(conv_names(blocks)):
        yield Entry(f"{ours}.weight", f"{_theirs(i)}.conv.weight", first)
        yield Entry(f"{ours}.bias", f"{_theirs(i)}.activate.bias", same)
        yield Entry(f"{ours}.noise_strength", f"{_theirs(i)}.noise.weight", scalar)
        yield Entry(f"{ours}.noise_const", f"noises.noise_{i}", plane)
        yield from _affine(ours, _theirs(i))
    for i in range(len(blocks)):
        theirs = "to_rgb1" if i == 0 else f"to_rgbs.{i - 1}"
        yield Entry(f"torgbs.{i}.weight", f"{theirs}.conv.weight", flat_rgb)
        yield Entry(f"torgbs.{i}.bias", f"{theirs}.bias", lambda x: x.reshape(3))
        yield from _affine(f"torgbs.{i}", theirs)


def _affine(ours: str, theirs: str) -> Iterator[Entry]:
    for part in ("weight", "bias"):
        yield Entry(f"{ours}.affine.{part}", f"{theirs}.conv.modulation.{part}", same)


def _average(foreign: Foreign) -> Tensor:
    unknown = {"mapping.w_average": torch.zeros(foreign.architecture["w_dim"])}
    generator, _ = build(Foreign(FORMAT, foreign.architecture, foreign.generator | unknown))
    return sample_w(generator, AVERAGED, seed=0).mean(0)
