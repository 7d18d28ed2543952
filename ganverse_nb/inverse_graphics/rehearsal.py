"""What a training of f will take, by a few small steps of each of its parts."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING

from ganverse_nb.runtime.demand import TOLD, Demand, announce, step_demand
from ganverse_nb.runtime.team import alone

if TYPE_CHECKING:
    from ganverse_nb.inverse_graphics.training import Trainer

STATES = 4  # times the weights are on disk: the model, and a checkpoint with Adam's two means


def tell(trainer: Trainer) -> None:
    """Says what the steps of a training that are left will take; nothing of it is changed.

    Raises:
        ExpectedError: disk or memory are too small.
    """
    config = trainer.config
    left = config.steps + config.robust_steps + config.head_steps - trainer.step
    if trainer.team.is_main and left >= TOLD:
        with alone():
            demand = _demand(trainer)
        announce("inverse graphics", demand, trainer.directory, f"lower inverse.pairs (now {config.pairs})")


def _demand(trainer: Trainer) -> Demand:
    config, made = trainer.config, dict[int, "Trainer"]()

    def like(number: int) -> Trainer:
        """A trainer of the same pictures with batches of another size, which writes nothing."""
        if number not in made:
            template = config.template or tuple(trainer.model.network.template.abs().amax(0).tolist())
            other = replace(config, pairs=number, head_pictures=number, template=template)
            made[number] = type(trainer)(
                trainer.dataset, other, trainer.directory, trainer.features, 0, trainer.device, trainer.bf16,
                deepcopy(trainer.model.cameras),
            )  # fmt: skip
        return made[number]

    network, robust = config.steps, config.steps + config.robust_steps
    early = min(network, config.perceptual_after)
    parts = [  # begin, end, what a step is, and its batch
        (0, early, "network_step", config.pairs),
        (early, network, "network_step", config.pairs),
        (network, robust, "robust_step", config.pairs),
        (robust, robust + config.head_steps, "head_step", config.head_pictures),
    ]
    total = Demand(disk=STATES * sum(4 * parameter.numel() for parameter in trainer.model.parameters()))
    for begin, end, name, batch in parts:
        steps = end - max(begin, trainer.step)
        if steps <= 0:
            continue

        def prepare(number: int, begin: int = begin, name: str = name) -> Callable[[], object]:
            one = like(number)
            one.step = begin
            return getattr(one, name)  # type: ignore[no-any-return]

        total = total.then(step_demand(prepare, batch).times(steps))
    return total
