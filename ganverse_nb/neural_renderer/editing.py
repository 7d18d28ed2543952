"""Pictures with camera, shape, texture and background from different sources (section 4.3, figures 9 to 11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.neural_renderer.properties import Properties
from ganverse_nb.neural_renderer.stylegan_r import StyleGANR
from ganverse_nb.render.renderer import RenderOutput, render

Source = Properties | Tensor
"""Properties, or pictures [B, 3, R, R] in [0, 1] (of the GAN or photographs) that are looked at first."""


@dataclass(frozen=True)
class Edit:
    """The two renderers' answers to the same question (figure 7).

    Attributes:
        image: [B, 3, R, R] StyleGAN-R's picture.
        dibr: DIB-R's render of the same shape and texture from the same camera; it knows no background.
        properties: what was rendered.
    """

    image: Tensor
    dibr: RenderOutput
    properties: Properties


def edit(
    model: StyleGANR,
    *,
    camera_from: Source | Camera,
    shape_from: Source,
    texture_from: Source,
    background_from: Source,
) -> Edit:
    """Render camera, shape, texture and background of four sources in one picture.

    A picture is segmented and sent through inverse graphics, once even if it is given several times. A source of one
    picture serves all pictures of the others.

    Raises:
        ValueError: a picture shows no object, has the wrong size, or the batch sizes do not fit.
    """
    seen: dict[int, Properties] = {}

    def look(source: Source, name: str) -> Properties:
        if isinstance(source, Properties):
            return source
        if id(source) not in seen:
            seen[id(source)] = observe(model, source, name)
        return seen[id(source)]

    camera = camera_from if isinstance(camera_from, Camera) else look(camera_from, "camera_from").camera
    properties = model.properties(
        camera,
        look(shape_from, "shape_from").shape,
        look(texture_from, "texture_from").texture,
        look(background_from, "background_from").background,
    )
    return render_both(model, properties)


@torch.no_grad()
def render_both(model: StyleGANR, properties: Properties) -> Edit:
    """The dual renderers of section 4.2 on the same properties."""
    image = model.synthesize(properties)
    return Edit(image, render(properties.mesh(), properties.camera, model.resolution), properties)


def observe(model: StyleGANR, images: Tensor, name: str = "images") -> Properties:
    """`model.encode` for pictures of unknown origin, with the checks that those need.

    Raises:
        ValueError: wrong size or range, or no object in a picture.
    """
    return look_at(model.encode, model.resolution, images, name)


@torch.no_grad()
def look_at(encode: Callable[[Tensor], Properties], side: int, images: Tensor, name: str = "images") -> Properties:
    """What `encode` (an `Observer`, say) sees in pictures of unknown origin, which are to be [B, 3, side, side].

    Raises:
        ValueError: wrong size or range, or no object in a picture.
    """
    if images.ndim != 4 or tuple(images.shape[1:]) != (3, side, side):
        raise ValueError(
            f"{name}: pictures must be [B, 3, {side}, {side}], got {tuple(images.shape)}; resize them first."
        )
    if not images.is_floating_point() or images.min() < 0 or images.max() > 1:
        raise ValueError(f"{name}: pictures must be floating point in [0, 1]; divide bytes by 255.")
    properties = encode(images)
    empty = (properties.background[:, 3].mean((1, 2)) > 0.999).nonzero().flatten().tolist()
    if empty:
        raise ValueError(f"{name}: no object was found in picture {', '.join(map(str, empty))}; choose another one.")
    return properties
