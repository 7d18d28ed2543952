"""Whether a renderer keeps to the scene that is asked of it: the numbers that the paper's figure J lacks.

The same objects are asked for from many cameras. In each picture the object is found and read again by frozen inverse
graphics, and compared with DIB-R's render of the asked mesh from the asked camera, and with itself in the other views.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.geometry.angles import angular_distance
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.geometry.views import mean_shift, orbit_around
from ganverse_nb.neural_renderer.fitted_camera import FittedCameras
from ganverse_nb.neural_renderer.properties import Properties, PropertyEncoder, mask_out
from ganverse_nb.neural_renderer.swaps import Render
from ganverse_nb.render.renderer import render

AZIMUTHS, ELEVATIONS, SCALES = 24, (0.0, 8.0), (0.8, 1.0)  # degrees above the usual elevation; of the usual size
Shot = tuple[Properties, Tensor]
"""What was asked for, of N objects, and the pictures [N, 3, R, R] in [0, 1] that came."""
Distance = Callable[[Tensor, Tensor], Tensor]
"""[N] how differently pictures [N, 3, R, R] look."""


@dataclass(frozen=True)
class Consistency:
    """Of V shots of N objects, [V, N] each unless it says otherwise.

    Attributes:
        asked, read: azimuth and elevation in degrees, and the logarithm of the scale (1 / distance), [V, N, 3]; what
            was read is the camera head's guess.
        fitted: the same from which DIB-R's render of the object that was asked for agrees best with the picture
            (`fitted_camera`); NaN of shots in which it was not looked for.
        overlap: IoU of the object in the picture and the silhouette of the asked mesh from the asked camera.
        color: mean absolute difference of picture and render where both show the object, in [0, 1].
        perceptual: distance of the same; NaN where no features were given.
        found: 1 where there is an object.
        spread: of "shape", "texture" and "background" read off the pictures: [N] mean distance from the mean of all
            views, in world units, [0, 1] and [0, 1].
    """

    asked: Tensor
    read: Tensor
    fitted: Tensor
    overlap: Tensor
    color: Tensor
    perceptual: Tensor
    found: Tensor
    spread: dict[str, Tensor]

    def numbers(self) -> dict[str, float]:
        """All as single numbers; gain is the slope of what was read over what was asked, 1 at best.

        Those of the fitted cameras begin with `fitted_`.
        """
        found = {
            "overlap": self.overlap.mean(),
            "color": self.color.mean(),
            "perceptual": self.perceptual.mean(),
            "found": self.found.mean(),
            **{f"{name}_spread": values.mean() for name, values in self.spread.items()},
            **_agreement(self.asked.flatten(0, 1), self.read.flatten(0, 1)),
        }
        looked_for = self.fitted.isfinite().all(-1)
        if bool(looked_for.any()):
            fitted = _agreement(self.asked[looked_for], self.fitted[looked_for])
            found |= {f"fitted_{name}": value for name, value in fitted.items()}
        return {name: float(value) for name, value in found.items()}


def _agreement(asked: Tensor, read: Tensor) -> dict[str, Tensor]:
    """Of poses [n, 3]: errors of the azimuth, gain and correlation of elevation and scale where they were varied."""
    error = angular_distance(read[:, 0], asked[:, 0])
    found = {"azimuth_error_deg": error.median(), "azimuth_error_p90_deg": error.quantile(0.9)}
    for place, name in ((1, "elevation"), (2, "scale")):
        x, y = (values[:, place] - values[:, place].mean() for values in (asked, read))
        if x.square().mean() > 1e-6:
            found[f"{name}_gain"] = (x * y).sum() / x.square().sum()
            found[f"{name}_correlation"] = (x * y).sum() / (x.norm() * y.norm()).clamp_min(1e-9)
    return found


def asked_cameras(
    usual: Camera, azimuths: int = AZIMUTHS, elevations: Sequence[float] = ELEVATIONS, scales: Sequence[float] = SCALES
) -> Camera:
    """[azimuths * elevations * scales] cameras, the mean of `usual` ones turned: objects stand where they usually do.

    Args:
        elevations: degrees above the mean.
        scales: sizes of the object, as shares of the usual one.
    """
    turn = torch.arange(azimuths) * (360.0 / azimuths)
    grid = torch.cartesian_prod(torch.tensor(scales), torch.tensor(elevations), turn).to(usual.azimuth)
    scale, elevation, azimuth = grid.reshape(-1, 3).unbind(1)
    height, away = usual.elevation.mean() + elevation, usual.distance.mean() / scale
    return orbit_around(azimuth, height, away, usual.fov.mean(), mean_shift(usual, len(azimuth)))


def shots(render_picture: Render, contents: Properties, cameras: Camera) -> Iterator[Shot]:
    """N contents from each of V cameras in turn."""
    for k in range(len(cameras)):
        asked = contents.replace(camera=cameras[torch.full((len(contents),), k)])
        yield asked, render_picture(asked)


@torch.no_grad()
def consistency(
    shots: Iterable[Shot],
    encoder: PropertyEncoder,
    distance: Distance | None = None,
    fit_every: int = 0,
    usual: Tensor | None = None,
) -> Consistency:
    """Measure shots of the same N objects.

    Args:
        encoder: mask, camera head and f; they should not be what the renderer was trained with, as far as possible.
        distance: of pictures, on grey where they show no object.
        fit_every: of so many shots one's cameras are fitted as well, which takes a hundred times as long; 0: none.
        usual: the distance from which f has learned objects, where shots are from others: f then sees each picture
            scaled to that. What a smaller object is read as is not the renderer's doing.
    """
    rows: dict[str, list[Tensor]] = {}
    fitted = FittedCameras()
    for number, (asked, images) in enumerate(shots):
        masks = (encoder.mask(images) > 0.5).to(images)
        read = encoder(images, masks, size=None if usual is None else usual / asked.camera.distance)
        second = render(asked.mesh(), asked.camera, images.shape[-1])
        both = second.mask * masks
        area = both.sum((1, 2, 3))
        difference = ((second.rgb - images).abs() * both).sum((1, 2, 3)) / (3 * area).clamp(min=1)
        found = {
            "asked": _pose(asked.camera),
            "read": _pose(read.camera),
            "overlap": hard_iou(masks, second.mask),
            "color": difference,
            "perceptual": torch.full_like(difference, torch.nan)
            if distance is None
            else distance(*(0.5 + (picture - 0.5) * both for picture in (images, second.rgb))),
            "found": (area > 0).to(images),
            "shape": read.shape,
            "texture": read.texture,
            "background": mask_out(images, masks),
        }
        for name, value in found.items():
            rows.setdefault(name, []).append(value)
        if fit_every and number % fit_every == 0:
            fitted.add(asked, images, masks, read.camera)
    rows["fitted"] = [torch.full_like(pose, torch.nan) for pose in rows["read"]]
    for place, camera in enumerate(fitted.all()):
        rows["fitted"][place * fit_every] = _pose(camera)
    stacked = {name: torch.stack(values) for name, values in rows.items()}
    shape, texture, background = (stacked.pop(name) for name in ("shape", "texture", "background"))
    known = background[:, :, 3:]
    middle = (background[:, :, :3] * known).sum(0) / known.sum(0).clamp_min(1)
    around = ((background[:, :, :3] - middle).abs().mean(2, keepdim=True) * known).sum((0, 2, 3, 4))
    spread = {
        "shape": (shape - shape.mean(0)).norm(dim=-1).mean((0, 2)),
        "texture": (texture - texture.mean(0)).abs().mean((0, 2, 3, 4)),
        "background": around / known.sum((0, 2, 3, 4)).clamp_min(1),
    }
    return Consistency(**stacked, spread=spread)


def _pose(camera: Camera) -> Tensor:
    return torch.stack([camera.azimuth, camera.elevation, -camera.distance.log()], -1)
