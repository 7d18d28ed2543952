"""Attributes over faces and bilinear textures, computed where a face is seen and nowhere else."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ganverse_nb.render.autograd import first_order
from ganverse_nb.render.checks import check_finite
from ganverse_nb.render.kernels.surface import kernels
from ganverse_nb.render.launch import REALS, launch
from ganverse_nb.render.rasterize import Fragments
from ganverse_nb.runtime.compiling import uncompiled


@uncompiled
def interpolate(face_attributes: Tensor, fragments: Fragments) -> Tensor:
    """[B, H, W, C] attributes at each pixel, perspective-correct; zero where no face is seen.

    Args:
        face_attributes: [B or 1, F, 3, C] value at each corner of each face, in the dtype of the fragments.
        fragments: what `rasterize` saw.

    Differentiable in the attributes and, through the barycentrics, in the vertices.

    Raises:
        ValueError: the shapes, dtypes or devices do not fit, or a value is not finite.
    """
    shape, barycentric = tuple(face_attributes.shape), fragments.barycentric
    seen = fragments.face_index
    if seen.ndim != 3 or seen.dtype != torch.int64 or barycentric.shape != (*seen.shape, 3):
        found = f"{tuple(seen.shape)} {seen.dtype} and {tuple(barycentric.shape)}"
        raise ValueError(f"fragments must have face_index [B, H, W] int64 and barycentric [B, H, W, 3], got {found}.")
    if face_attributes.ndim != 4 or shape[2] != 3 or shape[0] not in (1, len(barycentric)):
        raise ValueError(f"face_attributes must be [1 or {len(barycentric)}, F, 3, C], got {shape}.")
    _check_alike("face_attributes", face_attributes, barycentric)
    check_finite("face_attributes", face_attributes)
    check_finite("barycentric", barycentric)
    if seen.numel() and seen.max() >= shape[1]:
        raise ValueError(f"face_attributes are of {shape[1]} faces, but face {seen.max()} was seen.")
    return _Interpolate.apply(*first_order(face_attributes.contiguous(), barycentric), seen)


@uncompiled
def sample_texture(texture: Tensor, uv: Tensor, face_index: Tensor | None = None) -> Tensor:
    """[B, C, H, W] bilinear samples: the texture wraps in u and is clamped in v.

    Texel (row r, column c) of an Ht x Wt texture lies at u = (c + 1/2) / Wt, v = 1 - (r + 1/2) / Ht: v = 0 is the
    bottom. Differentiable in the texture and in uv (clamped coordinates get no gradient).

    Args:
        texture: [B or 1, C, Ht, Wt], row 0 on top.
        uv: [B, H, W, 2].
        face_index: [B, H, W]; where it is negative the result is 0 and nothing is computed. None samples everywhere.

    Raises:
        ValueError: the shapes, dtypes or devices do not fit, or a value is not finite.
    """
    if uv.ndim != 4 or uv.shape[-1] != 2:
        raise ValueError(f"uv must be [B, H, W, 2], got {tuple(uv.shape)}.")
    if texture.ndim != 4 or len(texture) not in (1, len(uv)) or texture.numel() == 0:
        raise ValueError(f"texture must be [1 or {len(uv)}, C, Ht, Wt], got {tuple(texture.shape)}.")
    _check_alike("texture", texture, uv)
    check_finite("texture", texture)
    check_finite("uv", uv)
    if face_index is None:
        face_index = torch.zeros(uv.shape[:3], dtype=torch.int64, device=uv.device)
    if face_index.shape != uv.shape[:3] or face_index.dtype != torch.int64:
        found = f"{tuple(face_index.shape)} {face_index.dtype}"
        raise ValueError(f"face_index must be {tuple(uv.shape[:3])} like uv, int64, got {found}.")
    return _Texture.apply(*first_order(texture.contiguous(), uv.contiguous()), face_index)


@uncompiled
def texture_faces(texture: Tensor, face_uvs: Tensor, fragments: Fragments) -> Tensor:
    """[B, C, H, W] what `sample_texture` gives at the uv that `interpolate` gives, in one pass over the pixels.

    Args:
        texture: [B or 1, C, Ht, Wt], row 0 on top.
        face_uvs: [B or 1, F, 3, 2]; gets no gradient (use the two functions where it should).
        fragments: what `rasterize` saw, with its gradient in the barycentrics.

    Raises:
        ValueError: the shapes, dtypes or devices do not fit, or a value of the texture is not finite.
    """
    batch = len(fragments.face_index)
    if texture.ndim != 4 or len(texture) not in (1, batch) or texture.numel() == 0:
        raise ValueError(f"texture must be [1 or {batch}, C, Ht, Wt], got {tuple(texture.shape)}.")
    if face_uvs.ndim != 4 or face_uvs.shape[2:] != (3, 2) or len(face_uvs) not in (1, batch):
        raise ValueError(f"face_uvs must be [1 or {batch}, F, 3, 2], got {tuple(face_uvs.shape)}.")
    for name, given in (("texture", texture), ("face_uvs", face_uvs)):
        _check_alike(name, given, fragments.barycentric)
    check_finite("texture", texture)
    painted, barycentric = first_order(texture.contiguous(), fragments.barycentric)
    return _Paint.apply(painted, face_uvs.detach().contiguous(), fragments.face_index, barycentric)


class _Interpolate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, attributes: Tensor, barycentric: Tensor, face_index: Tensor) -> Tensor:
        out = barycentric.new_zeros(*face_index.shape, attributes.shape[-1])
        kernel = kernels(REALS[out.dtype]).interpolate
        launch(kernel, tuple(face_index.shape), face_index, barycentric, attributes, out)
        ctx.save_for_backward(attributes, barycentric, face_index)
        return out

    @staticmethod
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, Tensor, None]:
        attributes, barycentric, face_index = ctx.saved_tensors
        grad_barycentric = torch.zeros_like(barycentric)
        grad_attributes = _per_image(attributes, len(barycentric), ctx.needs_input_grad[0])
        launch(
            kernels(REALS[barycentric.dtype]).interpolate_backward,
            tuple(face_index.shape),
            *(face_index, barycentric, attributes, grad_out.contiguous(), grad_barycentric, grad_attributes),
        )
        return _gather(grad_attributes, attributes, ctx.needs_input_grad[0]), grad_barycentric, None


class _Texture(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, texture: Tensor, uv: Tensor, face_index: Tensor) -> Tensor:
        batch, height, width = face_index.shape
        out = uv.new_zeros(batch, texture.shape[1], height, width)
        launch(kernels(REALS[uv.dtype]).texture, (batch, height, width), texture, uv, face_index, out)
        ctx.save_for_backward(texture, uv, face_index)
        return out

    @staticmethod
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, Tensor, None]:
        texture, uv, face_index = ctx.saved_tensors
        grad_uv = torch.zeros_like(uv)
        grad_texture = _per_image(texture, len(uv), ctx.needs_input_grad[0])
        launch(
            kernels(REALS[uv.dtype]).texture_backward,
            tuple(face_index.shape),
            *(texture, uv, face_index, grad_out.contiguous(), grad_texture, grad_uv),
        )
        return _gather(grad_texture, texture, ctx.needs_input_grad[0]), grad_uv, None


class _Paint(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, texture: Tensor, face_uvs: Tensor, face_index: Tensor, barycentric: Tensor) -> Tensor:
        batch, height, width = face_index.shape
        out = barycentric.new_zeros(batch, texture.shape[1], height, width)
        kernel = kernels(REALS[out.dtype]).texture_faces
        launch(kernel, (batch, height, width), texture, face_uvs, face_index, barycentric, out)
        ctx.save_for_backward(texture, face_uvs, face_index, barycentric)
        return out

    @staticmethod
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, None, None, Tensor]:
        texture, face_uvs, face_index, barycentric = ctx.saved_tensors
        grad_barycentric = torch.zeros_like(barycentric)
        grad_texture = _per_image(texture, len(face_index), ctx.needs_input_grad[0])
        launch(
            kernels(REALS[barycentric.dtype]).texture_faces_backward,
            tuple(face_index.shape),
            *(texture, face_uvs, face_index, barycentric, grad_out.contiguous(), grad_texture, grad_barycentric),
        )
        return _gather(grad_texture, texture, ctx.needs_input_grad[0]), None, None, grad_barycentric


def _per_image(shared: Tensor, batch: int, wanted: bool) -> Tensor:
    """Zeros for one gradient per image, empty when none is wanted."""
    return shared.new_zeros(batch if wanted else 0, *shared.shape[1:])


def _gather(grad: Tensor, shared: Tensor, wanted: bool) -> Tensor | None:
    """The gradient in the shape of what the images share or own."""
    if not wanted:
        return None
    return grad if len(grad) == len(shared) else grad.sum(0, keepdim=True)


def _check_alike(name: str, given: Tensor, like: Tensor) -> None:
    if given.dtype != like.dtype or given.device != like.device:
        raise ValueError(f"{name} is {given.dtype} on {given.device}, the picture {like.dtype} on {like.device}.")
    if given.dtype not in REALS:
        raise ValueError(f"{name} must be float32 or float64, got {given.dtype}.")
