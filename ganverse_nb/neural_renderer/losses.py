"""Eq 5 and Eq 6.

Every distance is a mean square divided by the data's own variance: 1 is the error of a constant prediction, and the
weights in `StyleGANRConfig` are comparable. The paper prints unsquared norms and no weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.config import StyleGANRConfig
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.views import mean_shift, orbit_around
from ganverse_nb.neural_renderer.codes import Codes
from ganverse_nb.neural_renderer.data import PropertyDataset
from ganverse_nb.neural_renderer.mapping import PropertyMapper
from ganverse_nb.neural_renderer.properties import Properties, hide
from ganverse_nb.runtime.draws import Draws
from ganverse_nb.runtime.team import Team

AZIMUTH_SHARE, ELEVATION_UNIT = 3.0, 15.0  # of the camera's term; degrees
TEXTURE_SAMPLE = 256  # pictures that measure how much textures vary


@dataclass(frozen=True)
class TrainingSet:
    """What both stages train on: pictures with properties, the codes that made them, and the contents to train on.

    All processes of `team` draw the same contents and rows of a batch, and each takes its share of them.
    """

    dataset: PropertyDataset
    codes: Codes
    contents: Tensor  # [n] rows of `codes.content`
    team: Team = Team()

    def draw_contents(self, count: int, rng: torch.Generator) -> Tensor:
        """Contents [count] of the whole batch."""
        return self.contents[torch.randint(len(self.contents), (count,), generator=rng)]

    def draw_rows(self, contents: Tensor, rng: torch.Generator) -> Tensor:
        """This process' share of one random picture of each of `contents` [B] -> rows [B / processes]."""
        return self.team.shard(self.dataset.sample_rows(contents, rng))

    def draw_background(self, contents: Tensor, hide_probability: float, rng: torch.Generator) -> Tensor:
        """This process' share of backgrounds [B, 4, R, R] of `contents` [B], some with the silhouette of a random other
        object hidden as well.

        Otherwise g_b would infer the object's shape from the hole, and a swapped shape would not fit it.
        """
        background = self.dataset.background(self.draw_rows(contents, rng))
        other = self.dataset.masks(self.draw_rows(self.draw_contents(len(contents), rng), rng))
        chosen = self.team.shard(torch.rand(len(contents), 1, 1, 1, generator=rng) < hide_probability)
        return hide(background, other * chosen.to(other))

    def texture_variance(self) -> float:
        """Mean over texels of the variance between training pictures."""
        step = max(1, len(self.dataset) // TEXTURE_SAMPLE)
        return float(
            self.dataset.texture(torch.arange(0, len(self.dataset), step)).var(0, correction=0).mean().clamp_min(1e-6)
        )


def code_loss(
    mapping: PropertyMapper, data: TrainingSet, config: StyleGANRConfig, rng: torch.Generator, weight_entropy: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """Eq 5 on a random batch: ||w~ - w*||^2 in view and content code, plus the entropy of the gates.

    Of the view code only the dimensions that g_v maps count, the others being a function of the chosen codes.

    Shape, texture and background of a content come from three independent pictures of it, the camera from a random
    chosen view: the codes must not depend on the view that the properties were inferred from.

    Processes of `data.team` have their shares of the batch, and their mean is the loss of all of it.

    Returns:
        the loss and its parts; `content` and `view` are shares of unexplained variance.
    """
    dataset, team = data.dataset, data.team
    contents = data.draw_contents(config.batch, rng)
    view = torch.randint(len(data.codes.view), (config.batch,), generator=rng)
    content_code = mapping.content_code(
        dataset.shape(data.draw_rows(contents, rng)),
        dataset.texture(data.draw_rows(contents, rng)),
        data.draw_background(contents, config.hide_probability, rng),
    )
    wanted = data.codes.content[team.shard(contents)]
    content = ((content_code - wanted) / mapping.content_deviation).square().mean()
    view = team.shard(view)
    cameras = mapping.camera_features.jitter(dataset.cameras[view], config.camera_jitter, Draws(rng, team))
    error = (mapping.view_code(cameras) - data.codes.view[view]) / mapping.view_deviation
    view_error = error[:, mapping.camera_dims].square().mean()
    entropy = mapping.gate_entropy()
    loss = content + view_error + weight_entropy * entropy
    return loss, {"content": content.detach(), "view": view_error.detach(), "entropy": entropy.detach()}


@dataclass(frozen=True)
class Reference:
    """What Eq 6 compares with; frozen during the joint stage.

    `mapping` is the network at the end of the warm-up; its g_b and gates measure the distance between backgrounds. A
    g_b still in training would minimise both background terms by giving the same code for every picture.
    """

    mapping: PropertyMapper
    shape_variance: float
    texture_variance: float

    def background_distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Mean square between the codes of backgrounds a and b, weighted by the background's gates."""
        gate = self.mapping.gates()[2].detach()
        square = (self.mapping.background_code(a) - self.mapping.background_code(b)).square().mean(0)
        return (gate * square).sum() / gate.sum().clamp_min(1e-6)


def draw_cameras(cameras: Camera, count: int, config: StyleGANRConfig, rng: torch.Generator) -> Camera:
    """Any azimuth, elevations between those of the chosen views and a little beyond, the distance of one over a scale.

    Scales are drawn evenly in their logarithm. Objects stand where they usually do.
    """
    chosen = cameras[torch.randint(len(cameras), (count,), generator=rng)]
    azimuth, height, size = torch.rand(3, count, generator=rng).to(chosen.azimuth)
    low, high = cameras.elevation.min() - config.elevation_reach, cameras.elevation.max() + config.elevation_reach
    scale = config.scales[0] * (config.scales[1] / config.scales[0]) ** size
    place = mean_shift(cameras, count)  # as nothing tells the renderer another one
    return orbit_around(azimuth * 360, low + height * (high - low), chosen.distance / scale, chosen.fov, place)


def draw_scenes(data: TrainingSet, config: StyleGANRConfig, rng: torch.Generator) -> Properties:
    """This process' share of mixed properties for Eq 6: rows i and i + batch/2 of it, as of the whole batch, share
    camera and background, but not shape and texture."""
    dataset, half = data.dataset, max(1, config.batch // 2)
    camera = draw_cameras(dataset.cameras, half, config, rng)[data.team.shard(torch.arange(half)).repeat(2)]
    background = data.draw_background(data.draw_contents(half, rng), config.hide_probability, rng).repeat(2, 1, 1, 1)
    rows = data.draw_rows(data.draw_contents(2 * half, rng), rng)
    return Properties(camera, dataset.shape(rows), dataset.texture(rows), background)


def cycle_loss(
    target: Properties, predicted: Properties, reference: Reference, config: StyleGANRConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """Eq 6 between the target properties and those predicted from the synthesised pictures; with `weight_camera` the
    camera's angles too.

    Rows i and i + B/2 must share their background, as those of `draw_scenes` do.
    """
    half = len(target) // 2
    parts = {
        "shape": (predicted.shape - target.shape).square().mean() / reference.shape_variance,
        "texture": (predicted.texture - target.texture).square().mean() / reference.texture_variance,
        "background": reference.background_distance(predicted.background, target.background),
        "same_background": reference.background_distance(predicted.background[:half], predicted.background[half:]),
    }
    if config.weight_camera > 0:
        error = torch.deg2rad(predicted.camera.azimuth - target.camera.azimuth)
        height = (predicted.camera.elevation - target.camera.elevation) / ELEVATION_UNIT
        parts["camera"] = AZIMUTH_SHARE * (1 - error.cos()).mean() + height.square().mean()
    loss = sum(getattr(config, f"weight_{name}") * value for name, value in parts.items())
    return torch.as_tensor(loss), {name: value.detach() for name, value in parts.items()}
