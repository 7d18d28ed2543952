"""The other way to turn a picture (figure 8): find its latent code, then put another view code in; and how both do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.evaluation.disentanglement import Measure
from ganverse_nb.evaluation.pictures import psnr
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import mix, pictures_of
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.geometry.angles import angular_distance
from ganverse_nb.inverse_graphics.network import mean_color
from ganverse_nb.neural_renderer.properties import Properties
from ganverse_nb.neural_renderer.renderer import StyleGANR, render_both
from ganverse_nb.segmentation.detections import found_rows
from ganverse_nb.segmentation.segmenter import Segmenter


@dataclass(frozen=True)
class TurnedPictures:
    """N pictures as a method gives them back, and as it turns them.

    Attributes:
        own: [N, 3, R, R] in [0, 1], in the view of the picture.
        turned: [N, V, 3, R, R], at the target azimuths.
        azimuth: [V] degrees, those.
    """

    own: Tensor
    turned: Tensor
    azimuth: Tensor


@torch.no_grad()
def turn_codes(
    generator: Generator, w_plus: Tensor, views: ViewCodes, rows: Tensor, side: int | None = None
) -> TurnedPictures:
    """Latent codes w_plus [N, num_ws, w_dim] with `rows` [V] of the view codes in the layers below the split.

    Args:
        side: R of the pictures, which are squares; the generator's where not given.
    """

    def squares(w: Tensor) -> Tensor:
        return generator.as_squares(pictures_of(generator, w), side or generator.resolution)

    k, codes = views.split_layer, views.codes[rows].to(w_plus)[:, None].expand(-1, len(w_plus), -1)
    turned = [squares(mix(code, w_plus, k, generator.num_ws)) for code in codes]
    return TurnedPictures(squares(w_plus), torch.stack(turned, 1), views.azimuth[rows])


def turn_properties(model: StyleGANR, properties: Properties, azimuth: Tensor) -> TurnedPictures:
    """What StyleGAN-R makes of properties [N] in their own view, and at azimuths [V] at their own elevation."""
    own = properties.camera
    turned = [
        render_both(model, properties.replace(camera=own.replace(azimuth=torch.full_like(own.azimuth, float(a))))).image
        for a in azimuth
    ]
    return TurnedPictures(render_both(model, properties).image, torch.stack(turned, 1), azimuth)


def turn_kept(models: Sequence[StyleGANR], properties: Properties, azimuth: Tensor) -> TurnedPictures:
    """As `turn_properties`, where each picture has a renderer of its own (`neural_renderer.pivotal`)."""
    each = [turn_properties(model, properties[row], azimuth) for row, model in enumerate(models)]
    return TurnedPictures(torch.cat([one.own for one in each]), torch.cat([one.turned for one in each]), azimuth)


def score_turned(
    pictures: TurnedPictures, images: Tensor, masks: Tensor, segmenter: Segmenter, measure: Measure
) -> dict[str, float]:
    """How `pictures` of `images` [N, 3, R, R], with the object at `masks` [N, 1, R, R], came out.

    Returns:
        own_view_psnr: dB, median over the pictures in their own view.
        azimuth_error: degrees, median over the turned ones, `measure` against the target.
        color_error: mean difference between the mean colours of the object before and after, median over the turned.
        found: share of the turned ones in which the segmenter finds an object.
    """
    count = pictures.turned.shape[1]
    flat = pictures.turned.flatten(0, 1)
    wrong = angular_distance(measure(flat), pictures.azimuth.repeat(len(images)))
    rows, found = found_rows(segmenter.segment(flat))
    before = mean_color(images, masks).repeat_interleave(count, 0)[rows]
    moved = (mean_color(flat[rows], found) - before).abs().mean(1)
    return {
        "own_view_psnr": float(psnr(pictures.own, images).median()),
        "azimuth_error": float(wrong.median()),
        "color_error": float(moved.median()),
        "found": len(rows) / len(flat),
    }
