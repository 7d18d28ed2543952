"""The teacher's discriminator, which goes on learning in the joint stage: pictures stay as real as the GAN's own."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from ganverse_nb.config import StyleGANRConfig
from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.generator import resize_square
from ganverse_nb.gan.losses import discriminator_loss, generator_loss, r1_penalty
from ganverse_nb.gan.zoom import zoomed
from ganverse_nb.runtime.checkpoints import Checkpoints
from ganverse_nb.runtime.precision import convolution_dtype
from ganverse_nb.runtime.steps import finite_step
from ganverse_nb.runtime.team import Team


class Adversary:
    """A copy of a discriminator with its optimiser, for square pictures [B, 3, R, R] in [0, 1] of any size.

    Where objects are asked for in other sizes [B] than the GAN's, the game is about everything else: real pictures have
    these sizes, too, and of those in which objects are smaller, only the middle is judged, enlarged to the usual size:
    around it a real picture has nothing to show.

    Args:
        discriminator: of the teacher; it is not changed.
        config: its learning rate and the weight and interval of R1.
        team: processes that have shares of the pictures.
    """

    def __init__(self, discriminator: Discriminator, config: StyleGANRConfig, team: Team | None = None) -> None:
        self.team = team or Team()
        self.network = copy.deepcopy(discriminator).train().requires_grad_(False)
        self.config = config
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=config.adversary_lr, betas=(0.0, 0.99))

    def loss(self, images: Tensor, size: Tensor | None = None) -> Tensor:
        """Of pictures that are to look real; gradients reach the pictures only."""
        return generator_loss(self._logits(self._seen(images, size)))

    def learn(
        self,
        real: Tensor,
        fake: Tensor,
        step: int,
        rate: float = 1.0,
        checkpoints: Checkpoints | None = None,
        size: Tensor | None = None,
    ) -> Tensor:
        """One update, at `rate` times its learning rate, see `finite_step`; returns its loss.

        Args:
            real, fake: of the same sizes `size` [B].
        """
        interval = self.config.adversary_r1_interval
        regularise = self.config.adversary_r1_gamma > 0 and step % interval == 0
        self.network.requires_grad_(True)
        real = self._seen(real.detach(), size).requires_grad_(regularise)
        verdict = self._logits(real)
        loss = discriminator_loss(self._logits(self._seen(fake.detach(), size)), verdict)
        total = loss
        if regularise:
            total = loss + r1_penalty(verdict, real) * (0.5 * self.config.adversary_r1_gamma * interval)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * self.config.adversary_lr
        total.backward()
        self.team.average_gradients(self.network.parameters(), [loss := loss.detach()])
        finite_step(self.optimizer, checkpoints, step, [loss])
        self.optimizer.zero_grad(set_to_none=True)
        self.network.requires_grad_(False)
        return loss

    def state(self) -> dict[str, Any]:
        return {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])

    def _logits(self, images: Tensor) -> Tensor:
        """[B] of pictures in [-1, 1]: above 0 where they look real."""
        dtype = convolution_dtype(self.config.bfloat16, images.device)
        return self.network.judge(self.network.trunk(images, dtype)[-1])

    def _seen(self, images: Tensor, size: Tensor | None) -> Tensor:
        middle = images if size is None else zoomed(images, (1 / size).clamp_min(1.0), "reflection")
        return resize_square(middle, self.network.resolution) * 2 - 1
