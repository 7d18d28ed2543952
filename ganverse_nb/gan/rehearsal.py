"""What a training of a GAN will take, by a few small steps of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from ganverse_nb.runtime.demand import TOLD, Demand, announce, step_demand
from ganverse_nb.runtime.team import Team

if TYPE_CHECKING:
    from ganverse_nb.gan.trainer import GanTrainer

GROUP = 4  # pictures: a batch is a multiple of so many


def tell(trainer: GanTrainer, directory: Path, steps: int) -> None:
    """Says what so many further steps of a training will take; nothing of it is changed.

    Raises:
        ExpectedError: disk or memory are too small.
    """
    if trainer.team.is_main and steps >= TOLD:
        advice = f"lower gan.batch (now {trainer.config.batch}) or gan.resolution (now {trainer.config.resolution})"
        announce("the GAN", _demand(trainer, steps), directory, advice)


def _demand(trainer: GanTrainer, steps: int) -> Demand:
    config, kind = trainer.config, type(trainer)
    seldom = [n for n in (config.r1_interval, config.path_length_interval) if n > 0]

    def prepare(regularised: bool) -> Callable[[int], Callable[[], object]]:
        def small(number: int) -> Callable[[], object]:
            batch = GROUP * number
            other = replace(config, batch=batch, path_length_batch=min(batch, config.path_length_batch))
            one = kind(trainer.photos, other, 0, trainer.device, Team(), trainer.partners)
            one.original = trainer.original
            return lambda: one.update(one.real_batch(), regularised and config.r1_gamma > 0, regularised)

        return small

    groups = config.batch // trainer.team.size // GROUP
    plain, regularised = (step_demand(prepare(kind), groups) for kind in (False, True))
    share = 1 / min(seldom) if seldom else 0.0
    disk = _bytes(trainer.generator) * 4 + _bytes(trainer.discriminator) * 3  # with the average and Adam's means
    return plain.times(steps * (1 - share)).then(regularised.times(steps * share)).then(Demand(disk=2 * disk))


def _bytes(network: nn.Module) -> int:
    return sum(4 * parameter.numel() for parameter in network.parameters())
