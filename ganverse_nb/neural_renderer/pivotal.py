"""A photograph kept: the generator is tuned around the photograph's own styles (pivotal tuning, Roich et al. 2021).

Read off a photograph, properties give a picture that is like it, as the mapping network averages over what it has seen.
A constant offset of the styles and then the generator itself are moved until the own view is the photograph, while
pictures from other cameras are held where they were.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.neural_renderer.joint import synthesis_parameters
from ganverse_nb.neural_renderer.properties import Properties
from ganverse_nb.neural_renderer.renderer import StyleGANR
from ganverse_nb.runtime.placement import device_of, moved
from ganverse_nb.runtime.precision import convolution_dtype
from ganverse_nb.runtime.threads import one_thread

STEPS, PIVOT_STEPS = 120, 40  # in all; of the offset alone
OFFSET_LR, GENERATOR_LR = 0.03, 1e-3  # in standard deviations of the styles; of the generator
OTHERS, HOLD = 3, 0.5  # other views in a step, and the weight of their difference
WIDE = 0.25  # weight of the mean absolute difference beside ten times the mean square
SCALES = (0.85, 1.2)


def tuned_to(model: StyleGANR, properties: Properties, image: Tensor, steps: int = STEPS, seed: int = 0) -> StyleGANR:
    """A copy of a renderer whose picture of `properties` is `image` [1, 3, R, R] in [0, 1].

    Raises:
        ValueError: more than one picture, or one of another size.
    """
    side = model.resolution
    if len(properties) != 1 or image.shape != (1, 3, side, side):
        raise ValueError(
            f"tuned_to: one picture [1, 3, {side}, {side}] and its properties, got {tuple(image.shape)} and "
            f"{len(properties)} of them."
        )
    tuned = StyleGANR(copy.deepcopy(model.generator), copy.deepcopy(model.mapping), model.encoder, model.notes)
    weights = synthesis_parameters(tuned)
    properties, image = moved((properties, image), device_of(tuned.generator))  # once, not in every step
    mapping = tuned.mapping.requires_grad_(False)
    deviation = torch.cat([mapping.view_deviation, mapping.content_deviation])
    offset = torch.zeros_like(deviation).requires_grad_()
    optimizer = torch.optim.Adam(
        [{"params": [offset], "lr": OFFSET_LR}, {"params": weights, "lr": 0.0}], betas=(0.9, 0.99)
    )
    dtype = convolution_dtype(True, image.device)
    rng = torch.Generator().manual_seed(seed)
    with one_thread():
        for step in range(steps):
            optimizer.param_groups[1]["lr"] = 0.0 if step < min(PIVOT_STEPS, steps // 3) else GENERATOR_LR
            everywhere = _with_others(properties, rng)
            with torch.no_grad():
                styles = model.styles(everywhere)
                held = model.paint(styles[1:], everywhere.camera[1:], dtype)
            made = tuned.paint(styles + offset * deviation, everywhere.camera, dtype)
            difference = made[:1] - image
            loss = 10 * difference.square().mean() + WIDE * difference.abs().mean()
            loss = loss + HOLD * F.l1_loss(F.avg_pool2d(made[1:], 4), F.avg_pool2d(held, 4))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
    mapping.shift((offset * deviation).detach())
    tuned.generator.requires_grad_(False)
    return tuned


def tuned_to_each(model: StyleGANR, properties: Properties, images: Tensor, steps: int = STEPS) -> list[StyleGANR]:
    """`tuned_to` each of the pictures [B, 3, R, R], one after the other."""
    rows = tqdm(range(len(images)), desc="tuned to photographs", unit="photo")
    return [tuned_to(model, properties[row], images[row : row + 1], steps) for row in rows]


def _with_others(properties: Properties, rng: torch.Generator) -> Properties:
    """The same object and background from its own camera and from `OTHERS` random ones."""
    rows = torch.zeros(1 + OTHERS, dtype=torch.int64)
    camera = properties.camera[rows]
    turn, size = torch.rand(2, OTHERS, generator=rng).to(camera.azimuth)
    scale = SCALES[0] + (SCALES[1] - SCALES[0]) * size
    other = camera.replace(
        azimuth=torch.cat([camera.azimuth[:1], turn * 360]),
        distance=torch.cat([camera.distance[:1], camera.distance[1:] / scale]),
    )
    return properties[rows].replace(camera=other)
