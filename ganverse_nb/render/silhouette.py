"""The soft silhouette of DIB-R (Chen et al. 2019, Eq 4 to 6), which lets the mask move the mesh."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ganverse_nb.render.autograd import first_order
from ganverse_nb.render.checks import check_clip, own_faces
from ganverse_nb.render.kernels import silhouette, truncated
from ganverse_nb.render.kernels.lanes import LANES
from ganverse_nb.render.launch import REALS, launch, launch_in_order, threads_each
from ganverse_nb.runtime.compiling import uncompiled
from ganverse_nb.runtime.placement import at_work
from ganverse_nb.runtime.threads import one_thread

SIGMA = 1 / 7000  # kaolin's and the original DIB-R's sharpness; useful from 3e-5 (sharp) to 1e-2 (far reach)
CUT = 1e-4
SHARP = 5e-6  # where fits end: of an object that is known, cameras found at 3e-5 miss 4 % of the IoU at 64 px, here 1 %


@dataclass(frozen=True)
class Truncation:
    """How kaolin and the original DIB-R shorten the product: by a box around each face, and by a number of faces.

    An uncovered pixel takes, in the order of the faces, the first `knum` whose bounding box, grown by `boxlen` half
    picture heights on every side, holds the pixel's centre. They are the first, not the nearest ones: on a dense mesh
    the mask depends on the order of the faces, and it ends abruptly at the box. kaolin measures x in half picture
    widths: the two agree on square pictures.

    Attributes:
        boxlen: positive; kaolin recommends 0.05 to 0.2.
        knum: positive; kaolin recommends 20 to 100.
    """

    boxlen: float = 0.02
    knum: int = 30

    def __post_init__(self) -> None:
        if not (0 < self.boxlen < math.inf and self.knum > 0):
            raise ValueError(f"Truncation: boxlen and knum must be positive, got {self.boxlen} and {self.knum}.")


KAOLIN = Truncation()  # its defaults: for comparison with its results, not for better ones


def hardening(progress: float, start: float, end: float = SHARP, by: float = 0.7) -> float:
    """Softness (sigma) at `progress` of a fit, 0 to 1: from `start`, which reaches far, to `end` at `by`.

    The soft silhouette is larger than the object, so that an object that is fitted by it becomes too small.
    """
    return start * (end / start) ** min(1.0, progress / by)


@at_work
@uncompiled
@one_thread()  # see `rasterize`
def soft_silhouette(
    vertices_clip: Tensor,
    faces: Tensor,
    face_index: Tensor,
    sigma: float = SIGMA,
    cut: float = CUT,
    truncation: Truncation | None = None,
) -> Tensor:
    """[B, 1, H, W] soft mask in [0, 1]: 1 on covered pixels, elsewhere `1 - prod_f (1 - exp(-d_f^2 / sigma))`.

    d_f is the distance from the pixel centre to the triangle f on the picture, in half picture heights (a pixel is
    2 / H wide). The product runs over all faces whose probability is at least `cut`, that is, within
    sqrt(sigma ln(1 / cut)): 0.036 or 1.2 pixels of a 64 pixel picture by default. Larger sigma reaches further and
    blurs more; begin with one when the shape is far from its target. Occluded and back faces count too.

    The gradient reaches x, y and w of `vertices_clip` from uncovered pixels only, as in the paper. Faces that reach
    behind the camera, and faces without area on the picture, count as nothing. Deterministic on the CPU.
    There are no second derivatives, see `rasterize`.

    Args:
        vertices_clip: [B, V, 4] OpenGL clip space, float32 or float64.
        faces: [F, 3] int64, or [B, F, 3] where each mesh has its own.
        face_index: [B, H, W] from `rasterize`, negative where uncovered.
        truncation: None is the exact product over all faces in reach; `KAOLIN` drops what kaolin drops (then `cut` has
            no meaning), slowly.

    Raises:
        ValueError: a shape, dtype or device does not fit; sigma or cut out of range.
    """
    check_clip(vertices_clip, faces)
    if face_index.ndim != 3 or len(face_index) != len(vertices_clip):
        raise ValueError(f"face_index must be [{len(vertices_clip)}, H, W], got {tuple(face_index.shape)}.")
    if face_index.dtype != torch.int64 or face_index.device != vertices_clip.device or face_index.numel() == 0:
        here = f"{tuple(face_index.shape)} {face_index.dtype} on {face_index.device}"
        raise ValueError(f"face_index must hold int64 pixels on {vertices_clip.device}, got {here}.")
    if not (0 < sigma < math.inf and 0 < cut < 1):
        raise ValueError(f"sigma must be positive and cut between 0 and 1, got sigma = {sigma}, cut = {cut}.")
    tensors = (*first_order(vertices_clip.contiguous()), own_faces(faces), face_index.contiguous())
    if truncation is not None:
        return _Truncated.apply(*tensors, float(sigma), truncation)[:, None]
    return _Silhouette.apply(*tensors, float(sigma), math.sqrt(sigma * math.log(1 / cut)))[:, None]


class _Silhouette(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, clip: Tensor, faces: Tensor, face_index: Tensor, sigma: float, reach: float) -> Tensor:
        batch, height, width = face_index.shape
        kernel = silhouette.kernels(REALS[clip.dtype])
        screen, project = _projection(clip, width / height)
        open_at = torch.empty(batch, height, width + 1, dtype=torch.int32, device=clip.device)
        open_from = torch.empty(batch, faces.shape[1], dtype=torch.int32, device=clip.device)
        product = clip.new_empty(batch, height, width + LANES)
        launch_in_order(
            project,
            (kernel.prepare, (batch, height), face_index, open_at, product),
            (kernel.forward, tuple(open_from.shape), screen, faces, open_at, sigma, reach, product, open_from),
        )
        ctx.save_for_backward(screen, faces, open_at, open_from, product)
        ctx.sigma, ctx.reach = sigma, reach
        return 1 - product[:, :, :width]

    @staticmethod
    @one_thread()
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor, None, None, None, None]:
        screen, faces, open_at, open_from, product = ctx.saved_tensors
        grad = screen.new_zeros(*screen.shape[:2], 4)
        pull = product * (2 / ctx.sigma)
        pull[:, :, : grad_out.shape[2]] *= grad_out
        backward, dim = silhouette.kernels(REALS[screen.dtype]).backward, tuple(open_from.shape)
        sums = screen.new_empty(dim[0], threads_each(dim[1], screen.device), 6, LANES)
        launch(backward, dim, screen, faces, open_at, open_from, ctx.sigma, ctx.reach, pull, sums, grad)
        return grad, None, None, None, None


class _Truncated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, clip: Tensor, faces: Tensor, face_index: Tensor, sigma: float, limits: Truncation) -> Tensor:
        screen, project = _projection(clip, face_index.shape[2] / face_index.shape[1])
        logs = clip.new_zeros(face_index.shape)
        ctx.settings = (sigma, float(limits.boxlen), int(limits.knum))
        kernel = truncated.kernels(REALS[clip.dtype]).forward
        launch_in_order(project, (kernel, tuple(face_index.shape), screen, faces, face_index, *ctx.settings, logs))
        ctx.save_for_backward(screen, faces, face_index, logs)
        return torch.where(face_index < 0, -torch.expm1(logs), 1.0)

    @staticmethod
    @one_thread()
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor, None, None, None, None]:
        screen, faces, face_index, logs = ctx.saved_tensors
        grad = screen.new_zeros(*screen.shape[:2], 4)
        kernel = truncated.kernels(REALS[screen.dtype]).backward
        after = (logs, grad_out.contiguous(), grad)
        launch(kernel, tuple(face_index.shape), screen, faces, face_index, *ctx.settings, *after)
        return grad, None, None, None, None


def _projection(clip: Tensor, aspect: float) -> tuple[Tensor, tuple[Any, ...]]:
    """[B, V, 3] room for x and y on the picture in half picture heights, and w; and the launch that fills it."""
    screen = clip.new_empty(*clip.shape[:2], 3)
    return screen, (silhouette.kernels(REALS[clip.dtype]).project, tuple(screen.shape[:2]), clip, aspect, screen)
