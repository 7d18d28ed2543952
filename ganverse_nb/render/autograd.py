"""What all of the renderer's functions are to autograd."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def first_order(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The same tensors, on the way to a function that knows no second derivatives: asked for them, they refuse.

    Autograd would take the gradient for a constant, and second derivatives would be wrong without a word.
    """
    if not torch.is_grad_enabled() or not any(tensor.requires_grad for tensor in tensors):
        return tensors
    return _FirstOrder.apply(*tensors)


class _FirstOrder(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(*tensors)
        ctx.set_materialize_grads(False)
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        if not torch.is_grad_enabled():  # nobody asked for a graph of the gradient
            return grads
        return tuple(None if grad is None else _Refused.apply(grad, *ctx.saved_tensors) for grad in grads)


class _Refused(torch.autograd.Function):
    """A gradient that depends on `tensors` in a way that is not known."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, *tensors: Tensor) -> Tensor:
        return gradient.view_as(gradient)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        raise NotImplementedError(
            "The renderer has first derivatives only: differentiate a loss of its pictures once, or take second "
            "derivatives as differences of the first ones."
        )
