"""The soft silhouette of DIB-R (Chen et al. 2019, Eq 4 to 6), which lets the mask move the mesh."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ganverse_nb.render.checks import check_clip
from ganverse_nb.render.kernels.silhouette import kernels
from ganverse_nb.render.launch import REALS, launch

SIGMA = 1 / 7000  # kaolin's and the original DIB-R's sharpness; useful from 3e-5 (sharp) to 1e-2 (far reach)
CUT = 1e-4


def soft_silhouette(
    vertices_clip: Tensor, faces: Tensor, face_index: Tensor, sigma: float = SIGMA, cut: float = CUT
) -> Tensor:
    """[B, 1, H, W] soft mask in [0, 1]: 1 on covered pixels, elsewhere `1 - prod_f (1 - exp(-d_f^2 / sigma))`.

    d_f is the distance from the pixel centre to the triangle f on the picture, in half picture heights (a pixel is
    2 / H wide). The product runs over all faces whose probability is at least `cut`, that is, within
    sqrt(sigma ln(1 / cut)): 0.036 or 1.2 pixels of a 64 pixel picture by default. Larger sigma reaches further and
    blurs more; begin with one when the shape is far from its target. Occluded and back faces count too.

    The gradient reaches x, y and w of `vertices_clip` from uncovered pixels only, as in the paper. Faces that reach
    behind the camera, and faces without area on the picture, count as nothing. Deterministic on the CPU.

    Args:
        vertices_clip: [B, V, 4] OpenGL clip space, float32 or float64.
        faces: [F, 3] int64.
        face_index: [B, H, W] from `rasterize`, negative where uncovered.

    Raises:
        ValueError: a shape, dtype or device does not fit; sigma or cut out of range.
    """
    check_clip(vertices_clip, faces)
    if face_index.ndim != 3 or len(face_index) != len(vertices_clip):
        raise ValueError(f"face_index must be [{len(vertices_clip)}, H, W], got {tuple(face_index.shape)}.")
    if not (0 < sigma < math.inf and 0 < cut < 1):
        raise ValueError(f"sigma must be positive and cut between 0 and 1, got sigma = {sigma}, cut = {cut}.")
    reach = math.sqrt(sigma * math.log(1 / cut))
    return _Silhouette.apply(
        vertices_clip.contiguous(), faces.contiguous(), face_index.contiguous(), float(sigma), reach
    )[:, None]


class _Silhouette(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, clip: Tensor, faces: Tensor, face_index: Tensor, sigma: float, reach: float) -> Tensor:
        batch, height, width = face_index.shape
        kernel = kernels(REALS[clip.dtype])
        screen = clip.new_empty(batch, clip.shape[1], 3)
        launch(kernel.project, tuple(screen.shape[:2]), clip, width / height, screen)
        uncovered = face_index < 0
        open_before = torch.zeros(batch, height + 1, width + 1, dtype=torch.int32, device=clip.device)
        open_before[:, 1:, 1:] = uncovered.cumsum(1, dtype=torch.int32).cumsum(2, dtype=torch.int32)
        logs = clip.new_zeros(face_index.shape)
        launch(kernel.forward, (batch, len(faces)), screen, faces, face_index, open_before, sigma, reach, logs)
        ctx.save_for_backward(screen, faces, face_index, open_before, logs)
        ctx.sigma, ctx.reach = sigma, reach
        return torch.where(uncovered, -torch.expm1(logs), 1.0)

    @staticmethod
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor, None, None, None, None]:
        screen, faces, face_index, open_before, logs = ctx.saved_tensors
        grad = screen.new_zeros(*screen.shape[:2], 4)
        launch(
            kernels(REALS[screen.dtype]).backward,
            (len(screen), len(faces)),
            *(screen, faces, face_index, open_before, ctx.sigma, ctx.reach, logs, grad_out.contiguous(), grad),
        )
        return grad, None, None, None, None
