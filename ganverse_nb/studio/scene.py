"""The room round the object: sun and sky light, a ground that takes shadows, a horizon with a skyline."""

from __future__ import annotations

import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera

Scene = dict[str, Tensor]

ROADS = torch.tensor(
    [
        [0.42, 0.42, 0.43], [0.30, 0.30, 0.32], [0.58, 0.57, 0.55], [0.66, 0.58, 0.44], [0.36, 0.47, 0.25],
        [0.52, 0.44, 0.36], [0.50, 0.53, 0.58], [0.74, 0.73, 0.70],
    ]
)  # fmt: skip
MEADOWS = torch.tensor(
    [
        [0.36, 0.47, 0.25], [0.45, 0.53, 0.26], [0.30, 0.40, 0.22], [0.52, 0.56, 0.34], [0.62, 0.55, 0.38],
        [0.66, 0.58, 0.44], [0.52, 0.44, 0.36], [0.58, 0.57, 0.55], [0.74, 0.73, 0.70],
    ]
)  # fmt: skip
_SKIES = torch.tensor(
    [
        [0.45, 0.65, 0.90], [0.70, 0.80, 0.90], [0.80, 0.82, 0.84], [0.92, 0.86, 0.76], [0.55, 0.60, 0.72],
        [0.86, 0.72, 0.66], [0.62, 0.78, 0.80],
    ]
)  # fmt: skip
_SKYLINES = torch.tensor([[0.24, 0.36, 0.20], [0.40, 0.42, 0.48], [0.50, 0.40, 0.34], [0.33, 0.44, 0.46]])
_WAVES = 4


def sample_scenes(count: int, generator: torch.Generator, grounds: Tensor = ROADS) -> Scene:
    """`count` random scenes: light, sky, skyline and a ground near one of `grounds`; [count] or [count, 3] each."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=generator)

    def pick(palette: Tensor, spread: float) -> Tensor:
        index = torch.randint(len(palette), (count,), generator=generator)
        return (palette[index] + spread * torch.randn(count, 3, generator=generator)).clamp(0.05, 0.97)

    sun_azimuth, sun_elevation = torch.deg2rad(uniform(0, 360)), torch.deg2rad(uniform(42, 75))
    cos_elevation = sun_elevation.cos()
    direction = torch.stack(
        [cos_elevation * sun_azimuth.sin(), sun_elevation.sin(), cos_elevation * sun_azimuth.cos()], -1
    )
    warm = uniform(0, 1)[:, None] * torch.tensor([[0.06, 0.0, -0.10]])
    sky = pick(_SKIES, 0.03)
    return {
        "sun": direction,
        "sun_light": uniform(0.38, 0.62)[:, None] * (1 + warm),
        "sky_light": uniform(0.48, 0.62)[:, None] * (0.8 + 0.2 * sky / sky.mean(1, keepdim=True)),
        "shadow": uniform(0.35, 0.6),
        "sky": sky,
        "zenith": (sky * uniform(0.7, 1.0)[:, None]).clamp(0, 1),
        "ground": pick(grounds, 0.03),
        "skyline": pick(_SKYLINES, 0.03),
        "skyline_height": uniform(0.0, 0.10),
        "skyline_waves": uniform(0, 1, _WAVES, 2),
    }


def pixel_rays(camera: Camera, resolution: int) -> Tensor:
    """[B, R, R, 3] unit directions from the camera through the pixel centres."""
    at = (torch.arange(resolution) + 0.5) / resolution * 2 - 1
    tangent = torch.tan(torch.deg2rad(camera.fov) / 2)[:, None, None]
    right, up, backward = camera.axes()[:, :, None, None].unbind(1)
    x, y = at[None, None, :] * tangent, -at[None, :, None] * tangent
    return torch.nn.functional.normalize(x[..., None] * right + y[..., None] * up - backward, dim=-1)


def background(scene: Scene, camera: Camera, floor: Tensor, shade: Tensor) -> Tensor:
    """[B, R, R, 3] picture of the empty scene.

    Args:
        floor: [B] height of the ground.
        shade: [B, 1, R, R] in [0, 1]: how much of the sun the ground misses at each pixel.
    """
    rays = pixel_rays(camera, shade.shape[-1])
    per_pixel = {k: v[:, None, None] for k, v in scene.items() if k != "skyline_waves"}
    climb = rays[..., 1]
    sky = torch.lerp(per_pixel["sky"], per_pixel["zenith"], (climb * 3).clamp(0, 1)[..., None])

    heading = torch.atan2(rays[..., 0], rays[..., 2])
    waves = torch.zeros_like(heading)
    for k in range(_WAVES):
        phase, size = scene["skyline_waves"][:, k].unbind(-1)
        angle = (2 + 3 * k) * heading + 2 * torch.pi * phase[:, None, None]
        waves = waves + size[:, None, None] * angle.sin() / (1 + k)
    ridge = scene["skyline_height"][:, None, None] * (1 + 0.4 * waves)
    is_skyline = ((ridge - climb) * 150 + 0.5).clamp(0, 1)[..., None]
    far = torch.lerp(sky, 0.75 * per_pixel["skyline"] + 0.25 * per_pixel["sky"], is_skyline)

    drop = camera.position[:, 1, None, None] - floor[:, None, None]
    reach = drop / (-climb).clamp_min(1e-3)  # how far away the ray meets the ground
    light = per_pixel["sky_light"] + per_pixel["sun_light"] * scene["sun"][:, 1, None, None, None]
    lit = per_pixel["ground"] * light
    lit = lit * (1 - scene["shadow"][:, None, None, None] * shade[:, 0, :, :, None])
    haze = (1 - torch.exp(-0.06 * (reach - 2).clamp_min(0)))[..., None]
    ground = torch.lerp(lit, 0.5 * (lit + per_pixel["sky"]), haze)
    is_ground = (-climb * 200 + 0.5).clamp(0, 1)[..., None]
    return torch.lerp(far, ground, is_ground)


def shadow_on_ground(vertices: Tensor, direction: Tensor, floor: Tensor) -> Tensor:
    """[B, V, 3] vertices moved along the light `direction` [B, 3] (towards the light) onto the ground plane."""
    above = vertices[..., 1] - floor[:, None]
    flat = vertices - (above / direction[:, None, 1])[..., None] * direction[:, None]
    return flat


def diffuse_light(scene: Scene, index: Tensor, normals: Tensor) -> Tensor:
    """[P, 3] factor on the albedo of matte surfaces with unit `normals` [P, 3] in scenes `index` [P]."""
    upward = 0.5 + 0.5 * normals[:, 1:2]
    facing = (normals * scene["sun"][index]).sum(1, keepdim=True).clamp_min(0)
    bounce = 0.22 * scene["ground"][index] * (1 - upward)
    return scene["sky_light"][index] * (0.45 + 0.55 * upward) + bounce + scene["sun_light"][index] * facing * 1.25


def shade_surface(
    scene: Scene, index: Tensor, material: tuple[Tensor, Tensor, Tensor], normals: Tensor, to_camera: Tensor
) -> Tensor:
    """[P, 3] colours of surface points of scenes `index` [P]: sky and bounced light, sun, highlight, reflection."""
    albedo, gloss, mirror = material
    at = {k: v[index] for k, v in scene.items() if k != "skyline_waves"}
    color = albedo * diffuse_light(scene, index, normals)

    half = torch.nn.functional.normalize(at["sun"] + to_camera, dim=1)
    highlight = gloss[:, None] * (normals * half).sum(1, keepdim=True).clamp_min(0) ** 40
    reflected = 2 * (normals * to_camera).sum(1, keepdim=True) * normals - to_camera
    seen = torch.where(reflected[:, 1:2] > 0.05, at["sky"], 0.5 * at["ground"])
    grazing = (1 - (normals * to_camera).sum(1, keepdim=True).clamp(0, 1)) ** 3
    share = (mirror[:, None] * (0.35 + 0.65 * grazing)).clamp(0, 1)
    return color * (1 - share) + seen * share + highlight * at["sun_light"]
