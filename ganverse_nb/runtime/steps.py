"""One step of an optimiser, left out where its gradients are not finite."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ganverse_nb.runtime.checkpoints import Checkpoints


def finite_step(
    optimizer: torch.optim.Optimizer, checkpoints: Checkpoints | None, step: int, losses: Iterable[Tensor] = ()
) -> bool:
    """One step of an optimiser; whether it was taken.

    A batch may come to a gradient that is not finite though its losses are, as at a length of zero. Nothing is learned
    from it then: weights and the optimiser's state stay as they were, and the training goes on with the next batch.
    It is told and counted; several in a row end the training (`Checkpoints.left_out`). Losses that are not finite
    are of networks that are lost, and are not passed over.

    Args:
        checkpoints: of the training; without them such a step is taken all the same.
        step: its number, from 1.
        losses: of the step, by which the gradients were computed.

    Raises:
        DivergedError: `checkpoints.MOST_LEFT_OUT` in a row.
    """
    bad = not bool(finite(optimizer))
    if bad and checkpoints is not None and all(bool(torch.isfinite(loss).all()) for loss in losses):
        checkpoints.left_out(step)
        return False
    optimizer.step()
    return True


def finite(optimizer: torch.optim.Optimizer) -> Tensor:
    """Whether all gradients of what an optimiser learns are finite: a bool on their device, nothing is waited for."""
    gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    if not gradients:
        return torch.tensor(True)
    return torch.isfinite(torch.stack(torch._foreach_norm(gradients))).all()
