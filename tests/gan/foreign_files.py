"""Writes files in the formats of other projects, with stand-ins registered under the official names."""

from __future__ import annotations

import argparse
import io
import pickle
import sys
import types
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

SOURCE = "import os\nos.system('touch executed')\nraise SystemExit('the source of a file was executed')\n"


class Network:
    """dnnlib.tflib.network.Network: pickled as its state."""

    def __init__(self, state: dict[str, Any]):
        self.state = state

    def __getstate__(self) -> dict[str, Any]:
        return self.state

    def __setstate__(self, state: dict[str, Any]) -> None:
        raise AssertionError("a file set the state of a real object")


class EasyDict(dict):  # type: ignore[type-arg]
    """dnnlib.util.EasyDict."""


def _reconstruct_persistent_obj(meta: object) -> None:
    raise AssertionError("a file was reconstructed")


class Persistent:
    """An object of torch_utils.persistence: pickled as source text, class name and attributes."""

    def __init__(self, class_name: str, **state: Any):
        self.class_name, self.state = class_name, state

    def __reduce__(self) -> tuple[Any, ...]:
        meta = {"type": "class", "version": 6, "module_src": SOURCE, "class_name": self.class_name, "state": self.state}
        return _reconstruct_persistent_obj, (meta,)


@contextmanager
def official_names() -> Iterator[None]:
    """While it lasts, the stand-ins can be pickled under the official names."""
    places = {
        "dnnlib.tflib.network": Network,
        "dnnlib.util": EasyDict,
        "torch_utils.persistence": _reconstruct_persistent_obj,
    }
    modules: dict[str, types.ModuleType] = {}
    for path, value in places.items():
        parts = path.split(".")
        for i in range(len(parts)):
            name = ".".join(parts[: i + 1])
            modules.setdefault(name, types.ModuleType(name))
        value.__module__ = path
        setattr(modules[path], value.__name__, value)
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]


# ---- TensorFlow


def tf_network(arrays: dict[str, Any], version: int = 4, **settings: Any) -> Network:
    """A network whose variables begin with "synthesis/" or "mapping/" in components of these names."""

    def part(key: str) -> Network:
        mine = [(n.removeprefix(f"{key}/"), v) for n, v in arrays.items() if n.startswith(f"{key}/")]
        return Network(_state(f"G_{key}", mine, {}, settings, version))

    components = {key: part(key) for key in ("synthesis", "mapping") if any(n.startswith(f"{key}/") for n in arrays)}
    own = [(n, v) for n, v in arrays.items() if not n.startswith(("synthesis/", "mapping/"))]
    return Network(_state("G_main", own, components, settings, version))


def _state(name: str, variables: Any, components: Any, settings: dict[str, Any], version: int) -> dict[str, Any]:
    return {
        "version": version,
        "name": name,
        "static_kwargs": EasyDict(settings),
        "components": EasyDict(components),
        "build_module_src": SOURCE,
        "build_func_name": name,
        "variables": variables,
    }


def tf_file(arrays: dict[str, Any], discriminator: Any = None, protocol: int = 4, **settings: Any) -> bytes:
    averaged = tf_network(arrays, **settings)
    other = tf_network(tf_discriminator(discriminator) if discriminator else {}, architecture="resnet")
    with official_names():
        return pickle.dumps((averaged, other, averaged), protocol)


def tf_discriminator(network: Any) -> dict[str, np.ndarray]:
    top, last = network.resolution, len(network.blocks) - 1
    names = {"fromrgb": f"{top}x{top}/FromRGB", "conv": "4x4/Conv", "fc": "4x4/Dense0", "out": "Output"}
    for i in range(last + 1):
        for ours, theirs in (("conv0", "Conv0"), ("conv1", "Conv1_down"), ("skip", "Skip")):
            names[f"blocks.{i}.{ours}"] = f"{top >> i}x{top >> i}/{theirs}"
    arrays = {}
    for name, value in network.state_dict().items():
        layer, part = name.rsplit(".", 1)
        array = value.numpy()
        if array.ndim == 4:
            array = array.transpose(2, 3, 1, 0)
        elif array.ndim == 2:
            array = array.T
        arrays[f"{names[layer]}/{part}"] = np.ascontiguousarray(array)
    return arrays


# ---- PyTorch


def _torch(array: Any) -> torch.Tensor:
    return torch.from_numpy(np.array(array, np.float32))


def _upright(name: str, weight: np.ndarray) -> torch.Tensor:
    """A kernel of TensorFlow [kh, kw, I, O] as PyTorch's ports keep it [O, I, kh, kw]: Conv0_up is turned around."""
    turned = weight[::-1, ::-1] if "Conv0_up" in name else weight
    return _torch(turned.transpose(3, 2, 0, 1))


FIR = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64


def ada_generator(arrays: dict[str, Any], clamp: float | None = 256, **state: Any) -> Persistent:
    depth = sum(name.startswith("mapping/") and name.endswith("/weight") for name in arrays)
    mapping = {
        f"fc{i}": module(
            "FullyConnectedLayer",
            {
                "weight": _torch(arrays[f"mapping/Dense{i}/weight"].T),
                "bias": _torch(arrays[f"mapping/Dense{i}/bias"]),
            },
            weight_gain=np.float64(0.01 / 7),
            bias_gain=0.01,
        )
        for i in range(depth)
    }
    blocks, res, layer = {}, 4, 0
    while f"synthesis/{res}x{res}/ToRGB/weight" in arrays:
        parts = {}
        for name in ("conv1",) if res == 4 else ("conv0", "conv1"):
            theirs = f"synthesis/{res}x{res}/" + ("Conv" if res == 4 else {"conv0": "Conv0_up", "conv1": "Conv1"}[name])
            parts[name] = _layer(arrays, theirs, arrays[f"synthesis/noise{layer}"][0, 0], clamp)
            layer += 1
        parts["torgb"] = _layer(arrays, f"synthesis/{res}x{res}/ToRGB", None, clamp)
        own = {"const": _torch(arrays["synthesis/4x4/Const/const"][0])} if res == 4 else {}
        blocks[f"b{res}"] = module(
            "SynthesisBlock", own, {"resample_filter": FIR}, parts, architecture="skip", resolution=res
        )
        res *= 2
    return module(
        "Generator",
        {},
        {},
        {
            "synthesis": module("SynthesisNetwork", {}, {}, blocks),
            "mapping": module("MappingNetwork", {}, {"w_avg": _torch(arrays["dlatent_avg"])}, mapping),
        },
        **{"c_dim": 0, "img_channels": 3, "_init_kwargs": EasyDict(synthesis_kwargs=EasyDict()), **state},
    )


def _layer(arrays: dict[str, Any], theirs: str, noise: Any, clamp: float | None) -> Persistent:
    affine = {"weight": _torch(arrays[f"{theirs}/mod_weight"].T), "bias": _torch(arrays[f"{theirs}/mod_bias"] + 1)}
    # As networks trained in half precision have them: channels last.
    weight = _upright(theirs, arrays[f"{theirs}/weight"]).to(memory_format=torch.channels_last)
    own = {"weight": weight, "bias": _torch(arrays[f"{theirs}/bias"])}
    buffers = {}
    if noise is not None:
        own["noise_strength"] = _torch(arrays[f"{theirs}/noise_strength"]).reshape([])
        buffers = {"noise_const": _torch(noise), "resample_filter": FIR}
    return module("SynthesisLayer", own, buffers, {"affine": module("FullyConnectedLayer", affine)}, conv_clamp=clamp)


def module(class_name: str, own: Any, buffers: Any = None, children: Any = None, **state: Any) -> Persistent:
    """A persistent module with parameters, buffers and sub-modules."""
    return Persistent(
        class_name,
        training=False,
        _parameters=OrderedDict((n, torch.nn.Parameter(v, requires_grad=False)) for n, v in own.items()),
        _buffers=OrderedDict(buffers or {}),
        _modules=OrderedDict(children or {}),
        _non_persistent_buffers_set=set(),
        **state,
    )


def ada_discriminator(network: Any) -> Persistent:
    state, top = network.state_dict(), network.resolution

    def layer(name: str) -> Persistent:
        own = {part: state[f"{name}.{part}"] for part in ("weight", "bias") if f"{name}.{part}" in state}
        return module("Conv2dLayer", own, {"resample_filter": FIR})

    blocks = {}
    for i in range(len(network.blocks)):
        parts = {part: layer(f"blocks.{i}.{part}") for part in ("conv0", "conv1", "skip")}
        if i == 0:
            parts["fromrgb"] = layer("fromrgb")
        blocks[f"b{top >> i}"] = module("DiscriminatorBlock", {}, {}, parts, architecture="resnet")
    blocks["b4"] = module("DiscriminatorEpilogue", {}, {}, {part: layer(part) for part in ("conv", "fc", "out")})
    return module("Discriminator", {}, {}, blocks)


def ada_file(arrays: dict[str, Any], discriminator: Any = None, protocol: int = 4, **options: Any) -> bytes:
    network = ada_generator(arrays, **options)
    content = {"training_set_kwargs": EasyDict(path="~/cars.zip"), "G": None, "G_ema": network, "augment_pipe": None}
    if discriminator is not None:
        content["D"] = ada_discriminator(discriminator)
    with official_names():
        return pickle.dumps(content, protocol)


def rosinality_state(arrays: dict[str, Any]) -> dict[str, torch.Tensor]:
    state = {"input.input": _torch(arrays["synthesis/4x4/Const/const"])}
    for name, value in arrays.items():
        parts = name.split("/")
        if parts[0] == "mapping":
            index = int(parts[1].removeprefix("Dense")) + 1
            state[f"style.{index}.{parts[2]}"] = _torch(value.T if parts[2] == "weight" else value)
        elif parts[0] == "synthesis" and parts[1].startswith("noise"):
            state[f"noises.noise_{parts[1].removeprefix('noise')}"] = _torch(value)
    res, layer = 4, 0
    while f"synthesis/{res}x{res}/ToRGB/weight" in arrays:
        for conv in ("Conv",) if res == 4 else ("Conv0_up", "Conv1"):
            theirs = f"synthesis/{res}x{res}/{conv}"
            ours = "conv1" if layer == 0 else f"convs.{layer - 1}"
            state |= _rosinality_layer(arrays, theirs, ours)
            state[f"{ours}.noise.weight"] = _torch(arrays[f"{theirs}/noise_strength"]).reshape(1)
            state[f"{ours}.activate.bias"] = _torch(arrays[f"{theirs}/bias"])
            if conv == "Conv0_up":
                state[f"{ours}.conv.blur.kernel"] = FIR * 4
            layer += 1
        ours = "to_rgb1" if res == 4 else f"to_rgbs.{(layer - 3) // 2}"
        state |= _rosinality_layer(arrays, f"synthesis/{res}x{res}/ToRGB", ours)
        state[f"{ours}.bias"] = _torch(arrays[f"synthesis/{res}x{res}/ToRGB/bias"]).reshape(1, 3, 1, 1)
        if res > 4:
            state[f"{ours}.upsample.kernel"] = FIR * 4
        res *= 2
    return state


def _rosinality_layer(arrays: dict[str, Any], theirs: str, ours: str) -> dict[str, torch.Tensor]:
    return {
        f"{ours}.conv.weight": _upright(theirs, arrays[f"{theirs}/weight"])[None],
        f"{ours}.conv.modulation.weight": _torch(arrays[f"{theirs}/mod_weight"].T),
        f"{ours}.conv.modulation.bias": _torch(arrays[f"{theirs}/mod_bias"] + 1),
    }


def saved(content: object, archive: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=archive)
    return file.getvalue()


def rosinality_file(arrays: dict[str, Any], archive: bool = True, average: bool = True) -> bytes:
    content: dict[str, Any] = {"g_ema": OrderedDict(rosinality_state(arrays))}
    if not average:  # as training writes it: other networks, optimisers and options beside the one that counts
        network = torch.nn.Linear(2, 2)
        optimiser = torch.optim.Adam(network.parameters())
        network(torch.ones(1, 2)).sum().backward()
        optimiser.step()
        content |= {"d": network.state_dict(), "d_optim": optimiser.state_dict(), "args": argparse.Namespace(size=16)}
    if average:
        content["latent_avg"] = _torch(arrays["dlatent_avg"])
    return saved(content, archive)
