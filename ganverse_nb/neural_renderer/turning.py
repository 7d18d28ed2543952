"""The same object turning in both renderers, as a movie."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ganverse_nb.geometry.views import moved
from ganverse_nb.neural_renderer.properties import Properties
from ganverse_nb.neural_renderer.renderer import StyleGANR
from ganverse_nb.render.shots import check_gif, save_gif, textured

VIEWS, SECONDS, SIZE = 48, 4.0, 256


@torch.no_grad()
def turning_pictures(model: StyleGANR, properties: Properties, views: int = VIEWS, size: int = SIZE) -> Tensor:
    """[views, 3, size, 2 * size] in [0, 1]: StyleGAN-R on the left, DIB-R on the right, from the object's front on.

    The camera goes around at the elevation and distance of the properties.

    Raises:
        ValueError: the properties of several pictures.
    """
    if len(properties) != 1:
        raise ValueError(f"One object turns, got the properties of {len(properties)} pictures; index them first.")
    frames = []
    for azimuth in torch.arange(views) * (360.0 / views):
        turned = properties.replace(camera=moved(properties.camera, azimuth))
        picture = torch.nn.functional.interpolate(model.synthesize(turned), (size, size), mode="bicubic").clamp(0, 1)
        frames.append(torch.cat([picture, textured(turned.mesh(), turned.camera, size)], 3))
    return torch.cat(frames).cpu()


def save_turning(model: StyleGANR, properties: Properties, path: str | Path, views: int = VIEWS) -> None:
    """Writes `turning_pictures` as an endless GIF.

    Raises:
        ValueError: several objects, or a file name without .gif.
    """
    check_gif(path)
    save_gif(turning_pictures(model, properties, views), path, SECONDS)
