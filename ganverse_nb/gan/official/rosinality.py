"""`.pt` files in the layout of rosinality's stylegan2-pytorch: the state of a generator, bare or under some name."""

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
AVERAGES = ("g_ema", "ema", "params_ema", "state_dict", "generator", "model")  # a state by these names is finished
LAST_STEPS = ("g", "params")  # and by these names it is that of the last step of a training
MARK = "input.input"  # the name of the constant, which only this layout has


def find_state(content: dict[Any, Any]) -> tuple[str, dict[Any, Any]] | None:
    """The name and the state of the generator in a file; "" where the file is the state itself."""
    for name in ("", *AVERAGES, *LAST_STEPS):
        state = content.get(name) if name else content
        if isinstance(state, dict) and any(isinstance(key, str) and key.endswith(MARK) for key in state):
            return name, state
    return None


def read_rosinality(content: dict[str, Any]) -> Foreign:
    """{"g_ema": state, "latent_avg": ...}, or another form that `find_state` knows -> the averaged generator.

    Names may have a common beginning such as "module.". What a file lacks is made up for, and said in the notes.

    Raises:
        ForeignError: another network, missing arrays.
    """
    found = find_state(content)
    if found is None:
        raise ForeignError("its g_ema is no network; it is damaged, download it again.")
    arrays, notes = _arrays(*found)
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
    noisy = any(name.startswith("noises.") for name in arrays)
    state = gather(arrays, _entries(blocks, depth, "latent_avg" in arrays, noisy), filters)
    foreign = Foreign(FORMAT, architecture, state, notes=notes)
    if not noisy:
        foreign.notes.append("The file has no noise maps; random ones, of seed 0, were taken.")
        foreign.generator |= _noise_maps(blocks)
    if "latent_avg" not in arrays:
        foreign.notes.append(f"The file has no latent_avg; the mean of {AVERAGED} codes was taken.")
        foreign.generator["mapping.w_average"] = _average(foreign)
    return foreign


def _theirs(index: int) -> str:
    return "conv1" if index == 0 else f"convs.{index - 1}"


def _arrays(name: str, state: dict[Any, Any]) -> tuple[dict[str, Numbers], list[str]]:
    """The arrays of the generator by their names in its own state, and what there is to say about where they were."""
    every = {key: value for key, value in state.items() if isinstance(key, str) and isinstance(value, Numbers)}
    beginnings = sorted({key.removesuffix(MARK) for key in every if key.endswith(MARK)})
    if len(beginnings) != 1:
        raise ForeignError(f"it holds {len(beginnings)} generators; save the one that is meant alone, as 'g_ema'.")
    (beginning,) = beginnings
    arrays = {key.removeprefix(beginning): value for key, value in every.items() if key.startswith(beginning)}
    notes = []
    if name in LAST_STEPS:
        notes.append(f"The file has no averaged generator (g_ema); that of the last step ({name}) was taken.")
    if others := len(every) - len(arrays):
        notes.append(f"Of the file, what begins with {beginning!r} was taken, and {others} other arrays left out.")
    return arrays, notes


def _noise_maps(blocks: list[int]) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(0)
    return {f"{ours}.noise_const": torch.randn(r, r, generator=random) for ours, r, _ in conv_names(blocks)}


def _entries(blocks: list[int], depth: int, average: bool, noisy: bool) -> Iterator[Entry]:
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
        if noisy:
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
