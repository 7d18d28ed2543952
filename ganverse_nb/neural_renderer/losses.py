"""Eq 5 and Eq 6.

Every distance is a mean square divided by the data's own variance, so 1 means "as far as two random pictures" and the
weights in `StyleGANRConfig` are comparable. The paper prints unsquared norms and no weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.config import StyleGANRConfig
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.neural_renderer.bank import PropertyBank
from ganverse_nb.neural_renderer.codes import Codes
from ganverse_nb.neural_renderer.mapping import MappingNetwork
from ganverse_nb.neural_renderer.properties import Properties, hide

TEXTURE_SAMPLE = 256  # pictures that measure how much textures vary


@dataclass(frozen=True)
class TrainingSet:
    """What both stages train on: pictures with properties, the codes that made them, and the contents allowed."""

    bank: PropertyBank
    codes: Codes
    contents: Tensor  # [n] rows of `codes.content`

    def draw_contents(self, count: int, rng: torch.Generator) -> Tensor:
        return self.contents[torch.randint(len(self.contents), (count,), generator=rng)]

    def draw_background(self, contents: Tensor, hide_probability: float, rng: torch.Generator) -> Tensor:
        """Backgrounds [B, 4, R, R] of `contents`, some with the silhouette of a random other object hidden as well.

        Without that g_b would read the object's shape off the hole, and a swapped shape would meet the wrong hole.
        """
        background = self.bank.background(self.bank.sample_rows(contents, rng))
        other = self.bank.masks(self.bank.sample_rows(self.draw_contents(len(contents), rng), rng))
        chosen = torch.rand(len(contents), 1, 1, 1, generator=rng) < hide_probability
        return hide(background, other * chosen.to(other))

    def texture_variance(self) -> float:
        """Mean over texels of the variance between training pictures."""
        step = max(1, len(self.bank) // TEXTURE_SAMPLE)
        return float(
            self.bank.texture(torch.arange(0, len(self.bank), step)).var(0, correction=0).mean().clamp_min(1e-6)
        )


def code_loss(
    mapping: MappingNetwork, data: TrainingSet, config: StyleGANRConfig, rng: torch.Generator, weight_entropy: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """Eq 5 on a random batch: ||w~ - w*||^2 in view and content code, plus the entropy of the gates.

    Shape, texture and background of a content come from three independent pictures of it, the camera from a random
    chosen view: the codes must not depend on which view the properties were seen in.

    Returns:
        the loss and its parts; `content` and `view` are shares of unexplained variance.
    """
    bank = data.bank
    contents = data.draw_contents(config.batch, rng)
    view = torch.randint(len(data.codes.view), (config.batch,), generator=rng)
    content_code = mapping.content_code(
        bank.shape(bank.sample_rows(contents, rng)),
        bank.texture(bank.sample_rows(contents, rng)),
        data.draw_background(contents, config.hide_probability, rng),
    )
    content = ((content_code - data.codes.content[contents]) / mapping.content_deviation).square().mean()
    cameras = mapping.camera_features.jitter(bank.cameras[view], config.camera_jitter, rng)
    miss = (mapping.view_code(cameras) - data.codes.view[view]) / mapping.view_deviation
    driven = miss[:, mapping.driven].square().mean()
    entropy = mapping.gate_entropy()
    loss = content + driven + weight_entropy * entropy
    return loss, {"content": content.detach(), "view": driven.detach(), "entropy": entropy.detach()}


@dataclass(frozen=True)
class Reference:
    """What Eq 6 compares with; frozen during the joint stage.

    `mapping` is the network at the end of the warm-up: its g_b and gates measure the distance of backgrounds. With the
    g_b in training, both background terms would be met best by a g_b that says the same for every picture.
    """

    mapping: MappingNetwork
    shape_variance: float
    texture_variance: float

    def background_distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Mean square between the codes of backgrounds a and b, over the dimensions that are the background's."""
        gate = self.mapping.gates()[2].detach()
        square = (self.mapping.background_code(a) - self.mapping.background_code(b)).square().mean(0)
        return (gate * square).sum() / gate.sum().clamp_min(1e-6)


def draw_cameras(cameras: Camera, count: int, rng: torch.Generator) -> Camera:
    """Elevation and distance of random chosen views; azimuth theirs for one half, anywhere for the other."""
    chosen = cameras[torch.randint(len(cameras), (count,), generator=rng)]
    anywhere = (torch.rand(count, generator=rng) * 360).to(chosen.azimuth)
    use = (torch.rand(count, generator=rng) < 0.5).to(anywhere.device)
    return chosen.replace(azimuth=torch.where(use, chosen.azimuth, anywhere))


def draw_scenes(data: TrainingSet, config: StyleGANRConfig, rng: torch.Generator) -> Properties:
    """A batch of mixed properties: rows i and i + batch/2 share camera and background, not shape and texture (Eq 6)."""
    bank, half = data.bank, max(1, config.batch // 2)
    camera = draw_cameras(bank.cameras, half, rng)[torch.arange(half).repeat(2)]
    background = data.draw_background(data.draw_contents(half, rng), config.hide_probability, rng).repeat(2, 1, 1, 1)
    rows = bank.sample_rows(data.draw_contents(2 * half, rng), rng)
    return Properties(camera, bank.shape(rows), bank.texture(rows), background)


def cycle_loss(
    asked: Properties, seen: Properties, reference: Reference, config: StyleGANRConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """Eq 6 between the asked properties and those seen in the synthesised pictures, plus the camera where weighted.

    Rows i and i + B/2 must share their background, as `draw_scenes` makes them.
    """
    half = len(asked) // 2
    parts = {
        "shape": (seen.shape - asked.shape).square().mean() / reference.shape_variance,
        "texture": (seen.texture - asked.texture).square().mean() / reference.texture_variance,
        "background": reference.background_distance(seen.background, asked.background),
        "same_background": reference.background_distance(seen.background[:half], seen.background[half:]),
    }
    if config.weight_camera > 0:
        miss = torch.deg2rad(seen.camera.azimuth - asked.camera.azimuth)
        parts["camera"] = (1 - miss.cos()).mean()
    loss = sum(getattr(config, f"weight_{name}") * value for name, value in parts.items())
    return torch.as_tensor(loss), {name: value.detach() for name, value in parts.items()}
