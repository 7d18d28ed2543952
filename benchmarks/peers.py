"""The same step by others: the brute-force twin, and the renderers of other projects where they are installed."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.scenes import Scene, Step, finish, ours
from ganverse_nb.render import nvdiffrast, reference
from ganverse_nb.render.silhouette import CUT, SIGMA
from ganverse_nb.render.texture import interpolate, sample_texture

FACES_PER_PIXEL = 30  # of PyTorch3D and kaolin, which stop there


class Missing(RuntimeError):
    """Why a peer cannot be run here, in one sentence."""


def brute_force(scene: Scene) -> Step:
    """`ganverse_nb.render.reference`: every face looks at every pixel."""

    def step() -> Tensor:
        clip = scene.clip()
        size = (scene.resolution, scene.resolution)
        seen = reference.rasterize(clip, scene.mesh.faces, size)
        silhouette = reference.soft_silhouette(clip, scene.mesh.faces, seen.face_index)
        uv = interpolate(scene.mesh.face_uvs[None], seen)
        return finish(scene, sample_texture(scene.mesh.texture, uv, seen.face_index), silhouette)

    return step


def pytorch3d(scene: Scene) -> Step:
    """PyTorch3D: its rasterizer, soft silhouette (a sigmoid where ours is exp; same sigma and cut), interpolation."""
    meshes = _module("pytorch3d.renderer.mesh.rasterize_meshes")
    structures, ops = _module("pytorch3d.structures"), _module("pytorch3d.ops")
    blur = math.log(1 / CUT - 1) * SIGMA

    def step() -> Tensor:
        clip = scene.clip()
        w = clip[..., 3:]
        screen = torch.cat([-clip[..., :1] / w, clip[..., 1:2] / w, w], -1)  # its x points to the left
        batch, faces = len(clip), scene.mesh.faces
        packed = structures.Meshes(screen, faces.expand(batch, -1, -1))
        index, _, barycentric, square = meshes.rasterize_meshes(
            packed, scene.resolution, blur_radius=blur, faces_per_pixel=FACES_PER_PIXEL, perspective_correct=True
        )
        probability = torch.sigmoid(-square / SIGMA) * (index >= 0)
        silhouette = 1 - (1 - probability).prod(-1)
        first, weights = index[..., :1].contiguous(), barycentric[..., :1, :].contiguous()
        uvs = scene.mesh.face_uvs.repeat(batch, 1, 1)
        uv = ops.interpolate_face_attributes(first, weights, uvs)[..., 0, :]
        rgb = F.grid_sample(scene.mesh.texture, _to_grid(uv), align_corners=False, padding_mode="border")
        return finish(scene, rgb * (first[:, None, :, :, 0] >= 0), silhouette[:, None])

    return step


def kaolin(scene: Scene) -> Step:
    """kaolin's DIB-R with a box wide enough for the same cut; CUDA only, attributes not perspective-correct."""
    mesh_module = _module("kaolin.render.mesh")
    if not scene.weights.is_cuda:
        raise Missing("kaolin renders on CUDA only")
    reach = math.sqrt(SIGMA * math.log(1 / CUT))

    def step() -> Tensor:
        clip, faces = scene.clip(), scene.mesh.faces
        image = (clip[..., :2] / clip[..., 3:])[:, faces]
        depth = -clip[..., 3][:, faces]
        uv, silhouette, index = mesh_module.dibr_rasterization(
            *(scene.resolution, scene.resolution, depth, image, scene.mesh.face_uvs.expand(len(clip), -1, -1, -1)),
            *(torch.ones_like(depth[..., 0]), 1 / SIGMA, reach, FACES_PER_PIXEL),
        )
        rgb = F.grid_sample(scene.mesh.texture, _to_grid(uv), align_corners=False, padding_mode="border")
        return finish(scene, rgb * (index >= 0)[:, None], silhouette[:, None])

    return step


def nvdiffrast_backend(scene: Scene) -> Step:
    """This project's renderer with nvdiffrast's z-buffer."""
    if not nvdiffrast.available():
        raise Missing("nvdiffrast is not installed")
    if not scene.weights.is_cuda:
        raise Missing("nvdiffrast renders on CUDA only")
    return ours(scene, "nvdiffrast")


PEERS: dict[str, Callable[[Scene], Step]] = {
    "ours": ours,
    "PyTorch3D": pytorch3d,
    "kaolin": kaolin,
    "ours with nvdiffrast": nvdiffrast_backend,
}


def _to_grid(uv: Tensor) -> Tensor:
    """Texture coordinates as `grid_sample` counts them: -1 to 1, y down."""
    return torch.stack([uv[..., 0] * 2 - 1, 1 - uv[..., 1] * 2], -1)


def _module(name: str):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Missing(f"{name.split('.')[0]} is not installed ({error})") from error
