"""NVIDIA's TensorFlow files of 2019 and 2020: a pickle of (G, D, Gs), each a `dnnlib.tflib.network.Network`.

Its state holds settings, the numbers by name, and the Python source that built the graph, which stays unread text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from ganverse_nb.gan.official.arrays import as_numbers, as_positive
from ganverse_nb.gan.official.assemble import (
    OUR_LR_MULTIPLIER,
    Entry,
    Foreign,
    conv_names,
    first,
    flat_rgb,
    gather,
    plane,
    resolutions,
    same,
    scalar,
    size,
    times,
    transposed,
)
from ganverse_nb.gan.official.errors import ForeignError, brief
from ganverse_nb.gan.official.machine import Made, StandIn, empty
from ganverse_nb.gan.official.numbers import Numbers

OLDEST_VERSION = 4  # StyleGAN2; StyleGAN and ProGAN wrote 2 and 3
FORMAT = "TensorFlow pickle of StyleGAN2"


class Network(Made):
    """dnnlib.tflib.network.Network."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}

    def build(self, state: object) -> None:
        if not isinstance(state, dict):
            raise TypeError("the state of a network")
        self.state = state


TENSORFLOW = {("dnnlib.tflib.network", "Network"): StandIn(Network), ("dnnlib.util", "EasyDict"): StandIn(empty)}


def read_tensorflow(networks: tuple[Any, ...] | list[Any]) -> Foreign:
    """(G, D, Gs) -> the averaged generator Gs, and D if it is like ours.

    Raises:
        ForeignError: another generation of StyleGAN, a conditional or otherwise different network, missing arrays.
    """
    averaged = networks[-1]
    if not isinstance(averaged, Network):
        raise ForeignError("it is a pickle of something that is no generator; give another file.")
    _check_version(averaged)
    settings, arrays = _settings(averaged), _arrays(averaged)
    if any("ToRGB_lod" in name for name in arrays):
        raise ForeignError(
            "it is a StyleGAN or a config-a to config-d of StyleGAN2, which grow progressively; "
            "give the config-e or config-f file of the same category."
        )
    _check_settings(settings)
    blocks = resolutions(lambda r: f"synthesis/{r}x{r}/Conv1/weight" in arrays)
    if "resolution" in settings and settings["resolution"] != blocks[-1]:
        raise ForeignError(f"it says {brief(settings['resolution'])} px but has blocks up to {blocks[-1]} px.")
    depth = sum(f"mapping/Dense{i}/weight" in arrays for i in range(len(arrays)))
    sides = [size(arrays, "synthesis/4x4/Const/const", axis) for axis in (-2, -1)]
    if sides != [4, 4]:
        raise ForeignError("its pictures are not square; only square networks (such as the padded car) are supported.")
    clamp = settings.get("conv_clamp")
    architecture = {
        "resolution": blocks[-1],
        "z_dim": size(arrays, "mapping/Dense0/weight", 0),
        "w_dim": size(arrays, "mapping/Dense0/weight", 1),
        "mapping_layers": depth,
        "channels": [size(arrays, f"synthesis/{r}x{r}/{'Conv' if r == 4 else 'Conv1'}/weight", 3) for r in blocks],
        "conv_clamp": None if clamp is None else as_positive(clamp, "conv_clamp"),
    }
    gain = as_positive(settings.get("mapping_lrmul", 0.01), "mapping_lrmul") / OUR_LR_MULTIPLIER
    state = gather(arrays, _generator_entries(blocks, depth, gain), ["lod", "synthesis/lod"])
    foreign = Foreign(f"{FORMAT}, version {averaged.state['version']}", architecture, state)
    if len(networks) == 3 and isinstance(networks[1], Network):
        _add_discriminator(foreign, networks[1], blocks)
    return foreign


def _check_version(network: Network) -> None:
    version = network.state.get("version")
    if type(version) is not int or not 0 < version < 100:
        raise ForeignError("its networks state no version; it is damaged, download it again.")
    if version < OLDEST_VERSION:
        raise ForeignError(
            f"its networks have version {version}, those of ProGAN and StyleGAN; StyleGAN2 starts at {OLDEST_VERSION}, "
            "give a StyleGAN2 file (config-e or config-f)."
        )


def _settings(network: Network) -> dict[str, Any]:
    settings = network.state.get("static_kwargs", {})
    if not isinstance(settings, dict):
        raise ForeignError("its networks have no settings; it is damaged, download it again.")
    return settings


def _arrays(network: Network, prefix: str = "") -> dict[str, Numbers]:
    variables, components = network.state.get("variables"), network.state.get("components", {})
    if not isinstance(variables, list) or not isinstance(components, dict):
        raise ForeignError("its networks hold no list of variables; it is damaged, download it again.")
    found = {}
    for variable in variables:
        if not isinstance(variable, tuple) or len(variable) != 2 or not isinstance(variable[0], str):
            raise ForeignError("its networks hold a damaged list of variables; download it again.")
        numbers = as_numbers(variable[1])
        if numbers is not None:
            found[prefix + variable[0]] = numbers
    for key in ("synthesis", "mapping") if not prefix else ():
        if isinstance(components.get(key), Network):
            found |= _arrays(components[key], f"{key}/")
    return found


def _check_settings(settings: dict[str, Any]) -> None:
    if settings.get("label_size", 0) != 0:
        raise ForeignError("it is a conditional network (label_size > 0); give one that was trained without labels.")
    wanted = {
        "architecture": "skip",
        "nonlinearity": "lrelu",
        "num_channels": 3,
        "resample_kernel": [1, 3, 3, 1],
        "mapping_nonlinearity": "lrelu",
        "normalize_latents": True,
        "use_noise": True,
    }
    for key, value in wanted.items():
        found = settings.get(key, value)
        if isinstance(found, list | tuple) and all(type(item) in (int, float) for item in found):
            found = list(found)
        elif not isinstance(found, str | int | float):  # comparing containers may never end
            found = None
        if found != value:
            raise ForeignError(f"it was made with {key} = {brief(settings[key])}; only {value} is supported.")


def _kernel(x: Tensor) -> Tensor:
    """[kh, kw, I, O] -> [O, I, kh, kw]."""
    return x.permute(3, 2, 0, 1)


def _flipped(x: Tensor) -> Tensor:
    """TensorFlow's upsampling convolution is stored as a correlation, ours as a transposed convolution."""
    return _kernel(x).flip(2, 3)


def _rgb(x: Tensor) -> Tensor:
    return flat_rgb(_kernel(x))


def _plus_one(x: Tensor) -> Tensor:
    """The 1 that TensorFlow adds to the style's bias at run time is part of ours."""
    return x + 1


def _generator_entries(blocks: list[int], depth: int, gain: float) -> Iterator[Entry]:
    yield Entry("mapping.w_average", "dlatent_avg", same)
    for i in range(depth):
        yield Entry(f"mapping.layers.{i}.weight", f"mapping/Dense{i}/weight", lambda x: x.t() * gain)
        yield Entry(f"mapping.layers.{i}.bias", f"mapping/Dense{i}/bias", times(gain))
    yield Entry("const", "synthesis/4x4/Const/const", first)
    for i, (ours, res, conv) in enumerate(conv_names(blocks)):
        name = "Conv" if res == 4 else {"conv0": "Conv0_up", "conv1": "Conv1"}[conv]
        theirs = f"synthesis/{res}x{res}/{name}"
        yield Entry(f"{ours}.weight", f"{theirs}/weight", _flipped if conv == "conv0" else _kernel)
        yield Entry(f"{ours}.bias", f"{theirs}/bias", same)
        yield Entry(f"{ours}.noise_strength", f"{theirs}/noise_strength", scalar)
        yield Entry(f"{ours}.noise_const", f"synthesis/noise{i}", plane)
        yield from _affine(ours, theirs)
    for i, res in enumerate(blocks):
        theirs = f"synthesis/{res}x{res}/ToRGB"
        yield Entry(f"torgbs.{i}.weight", f"{theirs}/weight", _rgb)
        yield Entry(f"torgbs.{i}.bias", f"{theirs}/bias", same)
        yield from _affine(f"torgbs.{i}", theirs)


def _affine(ours: str, theirs: str) -> Iterator[Entry]:
    yield Entry(f"{ours}.affine.weight", f"{theirs}/mod_weight", transposed)
    yield Entry(f"{ours}.affine.bias", f"{theirs}/mod_bias", _plus_one)


def _add_discriminator(foreign: Foreign, network: Network, blocks: list[int]) -> None:
    """The discriminator only serves as a perceptual metric: one that is not like ours is left out, with a note."""
    settings = _settings(network)
    usual = {"architecture": "resnet", "mbstd_group_size": 4, "mbstd_num_features": 1, "label_size": 0}
    odd = [key for key, value in usual.items() if settings.get(key, value) != value]
    try:
        if odd:
            raise ForeignError(f"its {odd[0]} is {brief(settings[odd[0]])}.")
        foreign.discriminator = gather(_arrays(network), _discriminator_entries(blocks), ["lod"])
    except ForeignError as error:
        foreign.notes.append(f"The discriminator was left out: {error}")


def _discriminator_entries(blocks: list[int]) -> Iterator[Entry]:
    top = blocks[-1]
    for ours, theirs in (("fromrgb", f"{top}x{top}/FromRGB"), ("conv", "4x4/Conv")):
        yield Entry(f"{ours}.weight", f"{theirs}/weight", _kernel)
        yield Entry(f"{ours}.bias", f"{theirs}/bias", same)
    for i, res in enumerate(reversed(blocks[1:])):
        for conv, name in (("conv0", "Conv0"), ("conv1", "Conv1_down")):
            yield Entry(f"blocks.{i}.{conv}.weight", f"{res}x{res}/{name}/weight", _kernel)
            yield Entry(f"blocks.{i}.{conv}.bias", f"{res}x{res}/{name}/bias", same)
        yield Entry(f"blocks.{i}.skip.weight", f"{res}x{res}/Skip/weight", _kernel)
    for ours, theirs in (("fc", "4x4/Dense0"), ("out", "Output")):
        yield Entry(f"{ours}.weight", f"{theirs}/weight", transposed)
        yield Entry(f"{ours}.bias", f"{theirs}/bias", same)
