"""The joint stage of section 3.3: generator and mapping network together, with Eq 6; f stays frozen.

Three things keep it from going wrong. The background terms are measured by the g_b of the warm-up (`Reference`). The
generator is anchored to the pictures of its frozen self, and Eq 5 goes on. A measure on held-out contents picks the
state that is kept, the start included, and ends the stage when it no longer falls.
"""

from __future__ import annotations

import copy
import math
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.config import StyleGANRConfig
from ganverse_nb.neural_renderer.held_out import held_out_measure, score
from ganverse_nb.neural_renderer.losses import Reference, TrainingSet, code_loss, cycle_loss, draw_scenes
from ganverse_nb.neural_renderer.observer import Observer
from ganverse_nb.neural_renderer.stylegan_r import StyleGANR
from ganverse_nb.runtime.checkpoints import MetricsLog, load_state, save_state

STATE, METRICS = "finetune.pt", "metrics.jsonl"
LOG_EVERY = 10

Pairs = tuple[Tensor, Tensor]


def fine_tune(
    model: StyleGANR,
    data: TrainingSet,
    observer: Observer,
    held_out: Pairs,
    config: StyleGANRConfig,
    directory: Path,
    seed: int,
    progress: bool = True,
) -> StyleGANR:
    """Train `model` in place and leave it at its best state; continues from `directory`/finetune.pt.

    Args:
        model: after the warm-up.
        data: the training contents.
        observer: differentiable: the frozen f, the mask student, and the camera head if `weight_camera` is used.
        held_out: rows (sources, donors) of `data.bank` whose contents are not in `data.contents`.

    Raises:
        ValueError: `weight_camera` without a camera head.
    """
    if config.weight_camera > 0 and observer.camera is None:
        raise ValueError("weight_camera needs a camera head; give one or set it to 0.")
    reference = Reference(
        copy.deepcopy(model.mapping).eval().requires_grad_(False),
        float(model.mapping.shape_deviation) ** 2,
        data.texture_variance(),
    )
    synthesis = synthesis_parameters(model)
    mapping = list(model.mapping.parameters())
    optimizer = torch.optim.Adam(
        [{"params": synthesis, "lr": config.generator_lr}, {"params": mapping, "lr": config.finetune_lr}],
        betas=(0.5, 0.99),
    )
    rng = torch.Generator().manual_seed(seed)

    def measure() -> dict[str, float]:
        return held_out_measure(model.synthesize, observer, data.bank, *held_out)

    state = load_state(directory / STATE)
    if state is None:
        first = measure()
        keeper = BestState(config.patience, first)
        keeper.offer(0, first, model)
        start = 0
    else:
        start = state["step"]
        set_weights(model, state)
        optimizer.load_state_dict(state["optimizer"])
        rng.set_state(state["rng"])
        keeper = BestState.restored(config.patience, state["keeper"])
    log = MetricsLog(directory / METRICS, "finetune", start)
    if start == 0:
        log.append(0, **{f"held_out_{k}": v for k, v in keeper.first.items()}, score=keeper.score)

    with tqdm(total=config.finetune_steps, initial=start, desc="StyleGAN-R fine-tuning", disable=not progress) as bar:
        for step in range(start + 1, config.finetune_steps + 1):
            if keeper.exhausted:
                break
            loss, parts = joint_loss(model, data, observer, reference, config, rng)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(synthesis + mapping, 1.0)
            optimizer.step()
            bar.update()
            if step % LOG_EVERY == 0:
                log.append(step, **{k: float(v) for k, v in parts.items()})
            if step % config.evaluate_every == 0 or step == config.finetune_steps:
                found = measure()
                keeper.offer(step, found, model)
                log.append(step, **{f"held_out_{k}": v for k, v in found.items()}, score=keeper.last)
                bar.set_postfix(score=f"{keeper.last:.3f}", best=f"{keeper.score:.3f}@{keeper.step}")
                weights = get_weights(model)
                extra = {"optimizer": optimizer.state_dict(), "rng": rng.get_state(), "keeper": keeper.state()}
                save_state(directory / STATE, {"step": step, **weights, **extra})
    set_weights(model, keeper.weights)
    model.notes["finetune"] = {"best_step": keeper.step, "score": keeper.score, "measure": keeper.measure}
    return model


def joint_loss(
    model: StyleGANR,
    data: TrainingSet,
    observer: Observer,
    reference: Reference,
    config: StyleGANRConfig,
    rng: torch.Generator,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Eq 6 on mixed properties, Eq 5 as before, and the anchor: the GAN's own codes give its own pictures."""
    asked = draw_scenes(data, config, rng)
    seen = observer(model.synthesize(asked), camera=None if config.weight_camera > 0 else asked.camera)
    cycle, parts = cycle_loss(asked, seen, reference, config)
    code, code_parts = code_loss(model.mapping, data, config, rng, config.weight_entropy)
    rows = data.bank.sample_rows(data.draw_contents(max(1, config.batch // 2), rng), rng)
    pictures = data.bank.pictures
    own = model.generator.squares(data.codes.styles(pictures.content[rows], pictures.view[rows]), model.resolution)
    anchor = (own - data.bank.images(rows)).abs().mean()
    loss = cycle + config.weight_code * code + config.weight_anchor * anchor
    return loss, {**parts, "anchor": anchor.detach(), **{f"code_{k}": v for k, v in code_parts.items()}}


def synthesis_parameters(model: StyleGANR) -> list[torch.nn.Parameter]:
    """What of the generator makes pictures from styles: everything but the mapping from z and the affine layers.

    They alone will be trained: gradients of all other parameters are switched off.
    """
    model.generator.requires_grad_(False)
    chosen = [
        p
        for name, p in model.generator.named_parameters()
        if not name.startswith("mapping.") and ".affine." not in name
    ]
    for parameter in chosen:
        parameter.requires_grad_(True)
    return chosen


def get_weights(model: StyleGANR) -> dict[str, dict[str, Tensor]]:
    """Copies of all weights."""
    modules = {"generator": model.generator, "mapping": model.mapping}
    return {name: {k: v.detach().clone() for k, v in m.state_dict().items()} for name, m in modules.items()}


def set_weights(model: StyleGANR, weights: dict[str, dict[str, Tensor]]) -> None:
    model.generator.load_state_dict(weights["generator"])
    model.mapping.load_state_dict(weights["mapping"])


class BestState:
    """The weights with the lowest held-out score, and how long ago that was."""

    def __init__(self, patience: int, first: dict[str, float]):
        self.patience, self.first = patience, first
        self.score = self.last = math.inf
        self.step, self.waited = 0, 0
        self.measure: dict[str, float] = first
        self.weights: dict[str, dict[str, Tensor]] = {}

    @property
    def exhausted(self) -> bool:
        """No improvement in `patience` measures."""
        return self.waited >= self.patience

    def offer(self, step: int, measure: dict[str, float], model: StyleGANR) -> None:
        """Take `model`'s weights if its measure is the best so far."""
        self.last = score(measure, self.first)
        self.waited += 1
        if self.last < self.score:
            self.score, self.step, self.waited, self.measure = self.last, step, 0, measure
            self.weights = get_weights(model)

    def state(self) -> dict:
        return {k: v for k, v in self.__dict__.items() if k != "patience"}

    @classmethod
    def restored(cls, patience: int, state: dict) -> BestState:
        keeper = cls(patience, state["first"])
        keeper.__dict__.update(state)
        return keeper
