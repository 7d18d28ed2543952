"""Pictures of meshes to look at: textured or as plain grey shapes, on white, without jagged edges."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.views import turntable
from ganverse_nb.render.renderer import render
from ganverse_nb.runtime.files import atomic_path

SUPERSAMPLING = 2
SUN = (0.35, 0.8, 0.5)  # direction of the light on plain shapes, in the camera's axes


@torch.no_grad()
def textured(mesh: Mesh, camera: Camera, size: int = 192, background: float = 1.0) -> Tensor:
    """[B, 3, size, size] in [0, 1]: the meshes with their texture on a plain background."""
    output = render(mesh, camera, size * SUPERSAMPLING)
    picture = output.rgb * output.mask + background * (1 - output.mask)
    return F.avg_pool2d(picture, SUPERSAMPLING).clamp(0, 1)


@torch.no_grad()
def plain(mesh: Mesh, camera: Camera, size: int = 192) -> Tensor:
    """[B, 3, size, size] in [0, 1]: the bare shapes in grey, lit from above the camera's shoulder."""
    output = render(replace(mesh, texture=None, face_uvs=None), camera, size * SUPERSAMPLING)
    sun = F.normalize(torch.tensor(SUN), dim=0)
    direction = torch.einsum("i,bij->bj", sun, camera.axes())
    lit = torch.einsum("bchw,bc->bhw", output.normals, direction.expand(len(output.normals), 3))[:, None]
    grey = (0.28 + 0.62 * lit.clamp(min=0)).expand(-1, 3, -1, -1)
    picture = grey * output.mask + (1 - output.mask)
    return F.avg_pool2d(picture, SUPERSAMPLING).clamp(0, 1)


def orbit_views(
    mesh: Mesh, azimuths: list[float], elevation: float = 15.0, distance: float = 2.3
) -> tuple[Mesh, Camera]:
    """Every mesh of B with every one of A azimuths: meshes and cameras [B * A], the azimuths changing fastest."""
    count, turns = len(mesh), len(azimuths)
    repeated = mesh[torch.arange(count).repeat_interleave(turns)]
    return repeated, Camera.orbit(torch.tensor(azimuths).repeat(count), elevation, distance)


def save_turntable(mesh: Mesh, path: str | Path, size: int = 256, views: int = 48, seconds: float = 4.0) -> None:
    """Writes an endless GIF of a textured mesh that turns once in `seconds`, from its front on.

    Raises:
        ValueError: several meshes, or a file name without .gif.
    """
    if len(mesh) != 1:
        raise ValueError(f"A turntable shows one mesh, got {len(mesh)}; index them first.")
    check_gif(path)
    cameras = turntable(views, 15.0, 2.1)
    shots = torch.cat([textured(mesh, cameras[i], size) for i in range(views)])  # one by one: they take much memory
    save_gif(shots, path, seconds)


def check_gif(path: str | Path) -> None:
    """Raises a ValueError where a file name does not end in .gif."""
    if Path(path).suffix.lower() != ".gif":
        raise ValueError(f"A turntable is a .gif file, not {Path(path).name!r}.")


def save_gif(pictures: Tensor, path: str | Path, seconds: float) -> None:
    """Writes an endless GIF of pictures [N, 3, H, W] in [0, 1] that takes `seconds`, whole or not at all.

    Raises:
        ValueError: a file name without .gif.
    """
    check_gif(path)
    path = Path(path)
    frames = [Image.fromarray(f.numpy()) for f in (pictures * 255).round().byte().permute(0, 2, 3, 1)]
    some = pictures[:: max(1, len(pictures) // 8)]
    colors = Image.fromarray((some * 255).byte().permute(2, 0, 3, 1).flatten(1, 2).numpy())
    palette = colors.quantize(255)  # one for all frames, or plain surfaces flicker
    first, *others = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as partial:
        timing = {"duration": round(1000 * seconds / len(frames)), "loop": 0}
        first.save(partial, format="gif", save_all=True, append_images=others, **timing)
