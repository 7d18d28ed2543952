"""Another style of photographs: light, places, angles and cars that the studio's ordinary photographs never have.

They play the part of the paper's "images from the web" (Figure G): what a network meets outside of its data.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.studio.cameras import FOV
from ganverse_nb.studio.sampling import AIM, Objects, sample_rows, uniform
from ganverse_nb.studio.scene import Scene, sample_scenes

# Snow, lawn, brick, night asphalt, desert, wet blue; and skies of evening, night, storm, noon. Last: how often.
_GROUNDS = torch.tensor(
    [
        [0.93, 0.94, 0.97, 1.5], [0.20, 0.55, 0.15, 1], [0.62, 0.27, 0.20, 1], [0.12, 0.12, 0.15, 1],
        [0.87, 0.68, 0.42, 1], [0.20, 0.32, 0.45, 1],
    ]
)  # fmt: skip
_SKIES = torch.tensor(
    [[0.95, 0.50, 0.25, 1], [0.12, 0.14, 0.30, 1], [0.42, 0.45, 0.47, 1], [0.25, 0.50, 0.95, 1]]
)  # fmt: skip
_HEIGHTS = ("clearance", "belt", "nose", "deck", "roof")
LOW, HIGH = (0.76, 0.86), (1.16, 1.28)


def web_scenes(count: int, generator: torch.Generator) -> Scene:
    """Low and coloured sun, strong skies, grounds and skylines of other colours than `sample_scenes` knows."""
    scene = sample_scenes(count, generator)
    azimuth = torch.deg2rad(uniform(count, generator, 0, 360))
    elevation = torch.deg2rad(uniform(count, generator, 18, 34))
    flat = elevation.cos()
    sky, ground = sample_rows(_SKIES, count, generator), sample_rows(_GROUNDS, count, generator)
    tint = 1 + 0.35 * (sky / sky.mean(1, keepdim=True) - 1)
    return scene | {
        "sun": torch.stack([flat * azimuth.sin(), elevation.sin(), flat * azimuth.cos()], -1),
        "sun_light": uniform(count, generator, 0.55, 0.8)[:, None] * tint,
        "sky_light": uniform(count, generator, 0.3, 0.45)[:, None] * tint,
        "shadow": uniform(count, generator, 0.6, 0.8),
        "sky": sky,
        "zenith": (0.6 * sky).clamp(0, 1),
        "ground": ground,
        "skyline": (0.5 * ground.roll(1, 1)).clamp(0.03, 0.97),
        "skyline_height": uniform(count, generator, 0.08, 0.25),
    }


def web_cameras(count: int, generator: torch.Generator) -> Camera:
    """Azimuth all round, elevations from the ground to well above the studio's, and objects a little smaller."""
    target = 0.02 * torch.randn(count, 3, generator=generator)
    target = target * (AIM / target.norm(dim=1, keepdim=True)).clamp_max(1)
    elevation = torch.where(
        uniform(count, generator) < 0.5, uniform(count, generator, 0, 4), uniform(count, generator, 26, 40)
    )
    distance = uniform(count, generator, 2.25, 2.6)
    return Camera.orbit(uniform(count, generator, 0, 360), elevation, distance, FOV, target)


def stretch_cars(cars: Objects, generator: torch.Generator) -> Objects:
    """Cars lower, higher, narrower or wider than any body type is: each measure group beyond its range."""
    count = len(cars["length"])

    def beyond() -> Tensor:
        down = uniform(count, generator) < 0.5
        return torch.where(down, uniform(count, generator, *LOW), uniform(count, generator, *HIGH))

    height, width, wheels = beyond(), beyond(), beyond()
    changed = {name: cars[name] * height for name in _HEIGHTS}
    changed["width"] = cars["width"] * width
    changed["wheel_radius"] = cars["wheel_radius"] * torch.minimum(wheels, height * 1.1)
    return cars | changed
