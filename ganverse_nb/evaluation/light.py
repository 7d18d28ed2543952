"""Predicted light and unlit colours against the studio's (appendix K). The paper judges both by eye.

Texture x shading leaves one factor open, which no picture can decide: it is fitted, one number per photograph, before
colours and before shadings are compared. A network without light has a white room: its texture contains the light.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.geometry.angles import angle_between
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.inverse_graphics.inference import check_pictures, reconstruct
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.render.light import COSINE, sh_basis, sh_shading, white_light
from ganverse_nb.render.renderer import render
from ganverse_nb.studio.lit import LitPhotos

DIRECTIONS = 2000  # all around, in which the light of a scene is measured
UP = (0.0, 1.0, 0.0)


@dataclass(frozen=True)
class LightScores:
    """N photographs. What could not be measured is NaN.

    Attributes:
        albedo: [N] mean absolute difference, in [0, 1], between the texture as the picture's camera sees it and the
            true unlit colours, where both masks are set.
        shading: [N] the same of the shading, as a share of the true mean.
        direction: [N] degrees between the dominant directions of predicted and true light, each seen by its camera, so
            that a wrong camera costs nothing; NaN of light from nowhere.
        spread, true_spread: [N] degrees between the dominant direction and the mean one of all photographs, in world
            axes: near 0 where a network has learned one light for all.
        contrast, true_contrast: [N] standard deviation of the shading over its mean: 0 where there is no light to see.
    """

    albedo: Tensor
    shading: Tensor
    direction: Tensor
    spread: Tensor
    true_spread: Tensor
    contrast: Tensor
    true_contrast: Tensor

    def medians(self) -> dict[str, float]:
        """The median of each, over the photographs that it could be measured in."""
        return {name: float(value.nanquantile(0.5)) for name, value in vars(self).items()}


@torch.no_grad()
def predict_light(images: Tensor, masks: Tensor, model: InverseGraphicsModel, batch: int = 64) -> Tensor:
    """[B, 9] the light in which pictures [B, 3, R, R] in [0, 1] with masks [B, 1, R, R] were taken, in world axes.

    Of a network without light it is a white room.

    Raises:
        ValueError: wrong size or range, empty mask.
    """
    check_pictures(images, masks, model.resolution)
    if model.network.light_head is None:
        return white_light(images).expand(len(images), -1)
    parts = zip(images.split(batch), masks.split(batch), strict=True)
    found = [model.network.predict(image, (mask > 0.5).to(image.dtype))[1] for image, mask in parts]
    return torch.cat([light for light in found if light is not None])


@torch.no_grad()
def score_light(model: InverseGraphicsModel, lit: LitPhotos, masks: Tensor) -> LightScores:
    """Unlit colours, shading and direction of the light in photographs cut out by `masks` [N, 1, R, R] (none empty).

    Raises:
        ValueError: wrong size of pictures or masks, an empty mask.
    """
    images = lit.photos.image()
    mesh, camera = reconstruct(images, masks, model)
    light, (albedo, shading, known) = predict_light(images, masks, model), lit.intrinsic()
    seen = render(mesh, camera, images.shape[-1])
    shone = shading_of(seen.normals, light)
    both = known * seen.mask
    nothing = both.flatten(1).sum(1) == 0
    scale = _mean(shading, both)
    found, true = dominant_direction(light), dominant_direction(true_light(lit))
    values = (
        _mean((aligned(seen.rgb, albedo, both) - albedo).abs(), both),
        _mean((aligned(shone, shading, both) - shading).abs(), both) / scale,
        angle_between(seen_by(camera, found), seen_by(lit.photos.camera, true)),
        from_mean(found),
        from_mean(true),
        _contrast(shone, both),
        _contrast(shading, both),
    )
    return LightScores(*(value.masked_fill(nothing, torch.nan) for value in values))


def overhead_error(lit: LitPhotos) -> Tensor:
    """[N] degrees between the true dominant directions and straight up: the direction error of who never looks."""
    true = dominant_direction(true_light(lit))
    return angle_between(torch.tensor(UP).expand_as(true), true)


def true_light(lit: LitPhotos) -> Tensor:
    """[N, 9] the nine coefficients whose shading is nearest to the scenes' own, all around, with least squares."""
    rng = torch.Generator().manual_seed(0)
    normals = torch.nn.functional.normalize(torch.randn(DIRECTIONS, 3, generator=rng), dim=1)
    return fit_light(normals, lit.arriving(normals))


def fit_light(normals: Tensor, shading: Tensor) -> Tensor:
    """[N, 9] coefficients of `sh_shading` that come nearest to `shading` [N, P] of surfaces with `normals` [P, 3]."""
    factors = sh_basis(normals) * normals.new_tensor(COSINE) / torch.pi
    return torch.linalg.lstsq(factors, shading.T).solution.T


def shading_of(normals: Tensor, light: Tensor) -> Tensor:
    """[B, 1, H, W] shading of surfaces with `normals` [B, 3, H, W] in `light` [B, 9], 0 where there is none."""
    shading = sh_shading(normals.permute(0, 2, 3, 1), light).permute(0, 3, 1, 2)
    return shading.clamp(min=0) * (normals.abs().sum(1, keepdim=True) > 0)


def dominant_direction(light: Tensor) -> Tensor:
    """[B, 3] unit vectors to where most of `light` [B, 9] comes from: its linear part (Sloan 2008); NaN of none."""
    linear = light[:, [3, 1, 2]]
    length = linear.norm(dim=1, keepdim=True)
    return (linear / length).masked_fill(length < 1e-6, torch.nan)


def seen_by(camera: Camera, directions: Tensor) -> Tensor:
    """[B, 3] directions in the camera's axes (right, up, backward) of world `directions` [B, 3]."""
    return torch.einsum("bij,bj->bi", camera.axes(), directions)


def from_mean(directions: Tensor) -> Tensor:
    """[B] degrees between unit vectors [B, 3] and their mean direction."""
    mean = torch.nn.functional.normalize(directions.mean(0, keepdim=True), dim=1)
    return angle_between(directions, mean.expand_as(directions))


def aligned(found: Tensor, true: Tensor, where: Tensor) -> Tensor:
    """`found` [B, C, H, W] times the one factor per picture that brings it nearest to `true` where `where` is 1.

    `where` is [B, 1, H, W]; the factor is the one with least squares.
    """
    products = ((a * b * where).flatten(1).sum(1) for a, b in ((found, true), (found, found)))
    factor = next(products) / next(products).clamp(min=1e-12)
    return found * factor[:, None, None, None]


def _mean(values: Tensor, where: Tensor) -> Tensor:
    """[B] mean of `values` [B, C, H, W] over channels and the places where `where` [B, 1, H, W] is 1."""
    return (values * where).flatten(1).sum(1) / (values.shape[1] * where.flatten(1).sum(1)).clamp(min=1)


def _contrast(shading: Tensor, where: Tensor) -> Tensor:
    mean = _mean(shading, where)
    deviation = _mean((shading - mean[:, None, None, None]).square(), where).sqrt()
    return deviation / mean.clamp(min=1e-12)
