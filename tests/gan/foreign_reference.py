"""StyleGAN2 as its TensorFlow code defines it, on the arrays of a TensorFlow file, and random arrays for it."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

_spec = importlib.util.spec_from_file_location("gan_reference", Path(__file__).with_name("reference.py"))
assert _spec and _spec.loader
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)

Arrays = dict[str, np.ndarray]


def random_arrays(channels: tuple[int, ...], z: int = 5, w: int = 6, depth: int = 2, seed: int = 0) -> Arrays:
    """The averaged generator of a TensorFlow file: every number random, "synthesis/..." and "mapping/..."."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (scale * rng.standard_normal(shape)).astype(np.float32)

    arrays: Arrays = {"lod": np.float32(0), "dlatent_avg": normal(w)}
    for i in range(depth):
        arrays[f"mapping/Dense{i}/weight"] = normal(z if i == 0 else w, w, scale=100)
        arrays[f"mapping/Dense{i}/bias"] = normal(w, scale=10)
    arrays["synthesis/4x4/Const/const"] = normal(1, channels[0], 4, 4)
    layer = 0
    for i, width in enumerate(channels):
        res, before = 4 * 2**i, channels[max(i - 1, 0)]
        convs = [("Conv", width)] if i == 0 else [("Conv0_up", before), ("Conv1", width)]
        for name, inputs in convs:
            prefix = f"synthesis/{res}x{res}/{name}"
            arrays |= {
                f"{prefix}/weight": normal(3, 3, inputs, width),
                f"{prefix}/bias": normal(width, scale=0.3),
                f"{prefix}/noise_strength": np.float32(rng.standard_normal()),
                f"{prefix}/mod_weight": normal(w, inputs),
                f"{prefix}/mod_bias": normal(inputs, scale=0.3),
                f"synthesis/noise{layer}": normal(1, 1, res, res),
            }
            layer += 1
        prefix = f"synthesis/{res}x{res}/ToRGB"
        arrays |= {
            f"{prefix}/weight": normal(1, 1, width, 3),
            f"{prefix}/bias": normal(3, scale=0.3),
            f"{prefix}/mod_weight": normal(w, width),
            f"{prefix}/mod_bias": normal(width, scale=0.3),
        }
    return arrays


def paint(arrays: Arrays, z: Tensor, clamp: float | None = None, lrmul: float = 0.01) -> Tensor:
    """z [B, z] -> pictures [B, 3, R, R] in about [-1, 1], psi = 1, the file's own noise, in float64."""
    t = {name: torch.from_numpy(np.asarray(value)).double() for name, value in arrays.items()}
    w = z.double() / (z.double().square().mean(1, keepdim=True) + 1e-8).sqrt()
    i = 0
    while f"mapping/Dense{i}/weight" in t:
        weight, bias = t[f"mapping/Dense{i}/weight"], t[f"mapping/Dense{i}/bias"]
        w = reference.lrelu(w @ weight * (lrmul / math.sqrt(len(weight))) + bias * lrmul)
        i += 1
    x = t["synthesis/4x4/Const/const"].expand(len(z), -1, -1, -1)
    x = _conv(t, "synthesis/4x4/Conv", 0, x, w, clamp)
    image = _torgb(t, "synthesis/4x4/ToRGB", x, w, clamp)
    res = 8
    while f"synthesis/{res}x{res}/Conv1/weight" in t:
        block, layer = f"synthesis/{res}x{res}", 2 * (res.bit_length() - 1) - 5
        x = _conv(t, f"{block}/Conv0_up", layer, x, w, clamp, up=True)
        x = _conv(t, f"{block}/Conv1", layer + 1, x, w, clamp)
        image = reference.upfirdn(image, up=2, pad=(2, 1), gain=4.0) + _torgb(t, f"{block}/ToRGB", x, w, clamp)
        res *= 2
    return image


def _style(t: dict[str, Tensor], name: str, w: Tensor) -> Tensor:
    return w @ t[f"{name}/mod_weight"] / math.sqrt(w.shape[1]) + t[f"{name}/mod_bias"] + 1


def _conv(t: dict[str, Tensor], name: str, layer: int, x: Tensor, w: Tensor, clamp: float | None, up: bool = False):
    """One sample after the other; upsampling is the filter first, then an ordinary convolution."""
    kernel = t[f"{name}/weight"].permute(3, 2, 0, 1) / math.sqrt(9 * x.shape[1])
    pictures = []
    for one, style in zip(x.split(1), _style(t, name, w), strict=True):
        weight = kernel * style[:, None, None]
        weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        # One pixel more on each side than a picture of twice the size: the convolution reads it and takes it away.
        pictures.append(
            F.conv2d(reference.upfirdn(one, up=2, pad=(3, 2), gain=4.0), weight)
            if up
            else F.conv2d(one, weight, padding=1)
        )
    y = torch.cat(pictures) + t[f"synthesis/noise{layer}"] * t[f"{name}/noise_strength"]
    y = reference.lrelu(y + t[f"{name}/bias"][:, None, None])
    return y if clamp is None else y.clamp(-clamp, clamp)


def _torgb(t: dict[str, Tensor], name: str, x: Tensor, w: Tensor, clamp: float | None) -> Tensor:
    weight = t[f"{name}/weight"].permute(3, 2, 0, 1) / math.sqrt(x.shape[1])
    y = F.conv2d(x * _style(t, name, w)[:, :, None, None], weight, t[f"{name}/bias"])
    return y if clamp is None else y.clamp(-clamp, clamp)
