"""Which face a pixel sees, where on it, and how far away: the z-buffer, on Warp (CPU, CUDA) or nvdiffrast (CUDA)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ganverse_nb.render import nvdiffrast
from ganverse_nb.render.autograd import first_order
from ganverse_nb.render.checks import check_clip, check_resolution, own_faces
from ganverse_nb.render.kernels.visibility import EMPTY, kernels
from ganverse_nb.render.launch import REALS, launch, launch_in_order
from ganverse_nb.runtime.compiling import uncompiled
from ganverse_nb.runtime.threads import one_thread

BACKENDS = ("auto", "warp", "nvdiffrast")


@dataclass(frozen=True)
class Fragments:
    """What a batch of B pictures of H x W pixels sees at each pixel centre; row 0 is the top row.

    Attributes:
        face_index: [B, H, W] int64, -1 where there is no face.
        barycentric: [B, H, W, 3] perspective-correct weights of the face's three corners, summing to 1 (0 outside).
        depth: [B, H, W] view depth (clip w): distance from the camera along its axis, in world units (0 outside).

    `barycentric` and `depth` are differentiable in the vertices; coverage is not (see `soft_silhouette`).
    """

    face_index: Tensor
    barycentric: Tensor
    depth: Tensor

    @property
    def mask(self) -> Tensor:
        """[B, 1, H, W] 1 where a face is seen, else 0, in the dtype of the barycentrics."""
        return (self.face_index >= 0)[:, None].to(self.barycentric.dtype)


@uncompiled
@one_thread()  # torch's others would go on waiting for more of its small operations, on the cores the kernels need
def rasterize(
    vertices_clip: Tensor,
    faces: Tensor,
    resolution: int | tuple[int, int],
    backend: str = "auto",
    parallel: bool = False,
) -> Fragments:
    """Rasterize B views of meshes that share their faces, or of different ones.

    Args:
        vertices_clip: [B, V, 4] OpenGL clip space, float32 or float64 (Warp only).
        faces: [F, 3] int64, or [B, F, 3] where each mesh has its own; both sides of a face are seen.
        resolution: side of a square picture, or (H, W).
        backend: "warp", "nvdiffrast", or "auto": nvdiffrast for float32 on CUDA where it is installed, else Warp.
        parallel: the rays are parallel, so that w is the same everywhere and z / w tells what is nearer. `depth` is
            then this w.

    Each pixel centre takes the nearest face that covers it between the near and the far plane; of equally near
    ones the one with the smaller index. Faces without area are never seen; a face may reach behind the camera.
    There are no second derivatives: to ask for them is a NotImplementedError.

    Raises:
        ValueError: a shape, dtype, device or index does not fit; an unknown backend.
        ImportError: nvdiffrast was asked for and is not installed.
    """
    height, width = check_resolution(resolution)
    check_clip(vertices_clip, faces)
    if backend not in BACKENDS:
        raise ValueError(f"Unknown renderer backend {backend!r}; there are {', '.join(BACKENDS)}.")
    (clip,) = first_order(vertices_clip.contiguous())
    if backend == "auto":
        suits = clip.device.type == "cuda" and clip.dtype == torch.float32 and nvdiffrast.available()
        backend = "nvdiffrast" if suits else "warp"
    if backend == "nvdiffrast":
        return Fragments(*nvdiffrast.rasterize(clip, faces, height, width))
    return Fragments(*_WarpRasterize.apply(clip, own_faces(faces), height, width, parallel))


class _WarpRasterize(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, clip: Tensor, faces: Tensor, height: int, width: int, parallel: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        batch, kernel = len(clip), kernels(REALS[clip.dtype], parallel)
        key = torch.full((batch, height, width), EMPTY, device=clip.device)
        barycentric = clip.new_zeros(batch, height, width, 3)
        depth = clip.new_zeros(batch, height, width)
        launch_in_order(
            (kernel.zbuffer, (batch, faces.shape[1]), clip, faces, key),
            (kernel.resolve, (batch, height, width), clip, faces, key, barycentric, depth),
        )
        ctx.save_for_backward(clip, faces, key)
        ctx.parallel = parallel
        ctx.mark_non_differentiable(key)
        ctx.set_materialize_grads(True)
        return key, barycentric, depth

    @staticmethod
    @one_thread()
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None, None]:
        clip, faces, face_index = ctx.saved_tensors
        grad = torch.zeros_like(clip)
        launch(
            kernels(REALS[clip.dtype], ctx.parallel).resolve_backward,
            tuple(face_index.shape),
            *(clip, faces, face_index, grads[1].contiguous(), grads[2].contiguous(), grad),
        )
        return grad, None, None, None, None
