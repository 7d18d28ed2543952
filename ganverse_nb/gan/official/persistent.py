"""Pickles of stylegan2-ada-pytorch and stylegan3: a dictionary with G_ema and D as "persistent" modules.

Such a module is its class's source text, which those projects execute on loading and which stays unread text here, and
the dictionary of the module: settings, parameters, buffers and sub-modules.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ganverse_nb.gan.official.arrays import as_numbers, as_positive
from ganverse_nb.gan.official.assemble import (
    OUR_LR_MULTIPLIER,
    Entry,
    Foreign,
    check_filters,
    conv_names,
    flat_rgb,
    gather,
    resolutions,
    same,
    scalar,
    size,
    times,
)
from ganverse_nb.gan.official.errors import ForeignError, brief
from ganverse_nb.gan.official.machine import StandIn, empty
from ganverse_nb.gan.official.numbers import Numbers

FORMAT = "PyTorch pickle of StyleGAN2 (stylegan2-ada-pytorch or stylegan3)"
_MOST_MODULES, _LONGEST_NAME = 1000, 100


class Module:
    """A persistent object: its attributes."""

    def __init__(self, meta: object):
        if not isinstance(meta, dict) or meta.get("type") != "class" or not isinstance(meta.get("state"), dict):
            raise TypeError("a persistent object without its state")
        self.state: dict[str, Any] = meta["state"]

    def child(self, *names: str) -> Module:
        """A sub-module by its path.

        Raises:
            ForeignError: there is none.
        """
        module = self
        for name in names:
            children = module.state.get("_modules")
            found = children.get(name) if isinstance(children, dict) else None
            if not isinstance(found, Module):
                raise ForeignError(f"it lacks the module {'.'.join(names)!r}; it is no StyleGAN2 of these projects.")
            module = found
        return module


PERSISTENT = {
    ("torch_utils.persistence", "_reconstruct_persistent_obj"): StandIn(Module),
    ("dnnlib.util", "EasyDict"): StandIn(empty),
}


def read_persistent(content: dict[str, Any]) -> Foreign:
    """{"G_ema": ..., "D": ...} -> the averaged generator, and D if it is like ours.

    Raises:
        ForeignError: a StyleGAN3, conditional or otherwise different network, missing arrays.
    """
    network = content["G_ema"]
    if not isinstance(network, Module):
        raise ForeignError("its G_ema is no network; it is damaged, download it again.")
    arrays = _arrays(network)
    if any(name.startswith("synthesis.input.") for name in arrays):
        raise ForeignError("it is a StyleGAN3 network; give one trained with --cfg=stylegan2.")
    if network.state.get("c_dim", 0) != 0:
        raise ForeignError("it is a conditional network (c_dim > 0); give one that was trained without labels.")
    if network.state.get("img_channels", 3) != 3:
        raise ForeignError("its pictures do not have three channels; give a network of colour pictures.")
    blocks = resolutions(lambda r: f"synthesis.b{r}.conv1.weight" in arrays)
    _check_architecture(network.child("synthesis", "b4"), "skip")
    depth = sum(f"mapping.fc{i}.weight" in arrays for i in range(len(arrays)))
    clamp = network.child("synthesis", "b4", "conv1").state.get("conv_clamp")
    multiplier = as_positive(network.child("mapping", "fc0").state.get("bias_gain", OUR_LR_MULTIPLIER), "bias_gain")
    architecture = {
        "resolution": blocks[-1],
        "z_dim": size(arrays, "mapping.fc0.weight", 1),
        "w_dim": size(arrays, "mapping.fc0.weight", 0),
        "mapping_layers": depth,
        "channels": [size(arrays, f"synthesis.b{r}.conv1.weight", 0) for r in blocks],
        "conv_clamp": None if clamp is None else as_positive(clamp, "conv_clamp"),
    }
    filters = [name for name in arrays if name.endswith(".resample_filter")]
    check_filters(arrays, filters)
    gain = multiplier / OUR_LR_MULTIPLIER
    foreign = Foreign(FORMAT, architecture, gather(arrays, _generator_entries(blocks, depth, gain), filters))
    if isinstance(content.get("D"), Module):
        _add_discriminator(foreign, content["D"], blocks)
    return foreign


def _check_architecture(block: Module, wanted: str) -> None:
    found = block.state.get("architecture", wanted)
    if found != wanted:
        raise ForeignError(f"its architecture is {brief(found)}; only {wanted!r} is supported.")


def _arrays(module: Module) -> dict[str, Numbers]:
    """All parameters and buffers by their dotted names. Modules may refer to each other, so their number is bounded."""
    found: dict[str, Numbers] = {}
    waiting = [("", module)]
    for _ in range(_MOST_MODULES):
        if not waiting:
            return found
        prefix, one = waiting.pop()
        found |= _own_arrays(one, prefix)
        children = _dictionary(one, "_modules").items()
        waiting += [(f"{prefix}{_short(name)}.", child) for name, child in children if isinstance(child, Module)]
    raise ForeignError("it has far more modules than any network; do not trust this file.")


def _short(name: object) -> str:
    if not isinstance(name, str) or len(name) > _LONGEST_NAME:
        raise ForeignError("its modules have names that are none; it is damaged, download it again.")
    return name


def _own_arrays(module: Module, prefix: str) -> dict[str, Numbers]:
    found = {}
    for kind in ("_parameters", "_buffers"):
        for name, value in _dictionary(module, kind).items():
            numbers = as_numbers(value)
            if numbers is not None:
                found[f"{prefix}{_short(name)}"] = numbers
    return found


def _dictionary(module: Module, kind: str) -> dict[str, Any]:
    value = module.state.get(kind, {})
    if not isinstance(value, dict):
        raise ForeignError(f"its modules have damaged {kind}; download it again.")
    return value


def _generator_entries(blocks: list[int], depth: int, gain: float) -> Iterator[Entry]:
    yield Entry("mapping.w_average", "mapping.w_avg", same)
    for i in range(depth):
        for part in ("weight", "bias"):
            yield Entry(f"mapping.layers.{i}.{part}", f"mapping.fc{i}.{part}", times(gain))
    yield Entry("const", "synthesis.b4.const", same)
    for ours, res, conv in conv_names(blocks):
        theirs = f"synthesis.b{res}.{conv}"
        for part in ("weight", "bias", "noise_const", "affine.weight", "affine.bias"):
            yield Entry(f"{ours}.{part}", f"{theirs}.{part}", same)
        yield Entry(f"{ours}.noise_strength", f"{theirs}.noise_strength", scalar)
    for i, res in enumerate(blocks):
        theirs = f"synthesis.b{res}.torgb"
        yield Entry(f"torgbs.{i}.weight", f"{theirs}.weight", flat_rgb)
        for part in ("bias", "affine.weight", "affine.bias"):
            yield Entry(f"torgbs.{i}.{part}", f"{theirs}.{part}", same)


def _add_discriminator(foreign: Foreign, network: Module, blocks: list[int]) -> None:
    """The discriminator only serves as a perceptual metric: one that is not like ours is left out, with a note."""
    try:
        _check_architecture(network.child(f"b{blocks[-1]}"), "resnet")
        arrays = _arrays(network)
        filters = [name for name in arrays if name.endswith(".resample_filter")]
        foreign.discriminator = gather(arrays, _discriminator_entries(blocks), filters)
    except ForeignError as error:
        foreign.notes.append(f"The discriminator was left out: {error}")


def _discriminator_entries(blocks: list[int]) -> Iterator[Entry]:
    pairs = [("fromrgb", f"b{blocks[-1]}.fromrgb"), ("conv", "b4.conv"), ("fc", "b4.fc"), ("out", "b4.out")]
    for i, res in enumerate(reversed(blocks[1:])):
        pairs += [(f"blocks.{i}.conv0", f"b{res}.conv0"), (f"blocks.{i}.conv1", f"b{res}.conv1")]
        yield Entry(f"blocks.{i}.skip.weight", f"b{res}.skip.weight", same)
    for ours, theirs in pairs:
        for part in ("weight", "bias"):
            yield Entry(f"{ours}.{part}", f"{theirs}.{part}", same)
