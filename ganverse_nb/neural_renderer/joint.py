"""The second stage of StyleGAN-R: generator and mapping network together, with Eq 6 and what keeps it real."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.config import StyleGANRConfig
from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.zoom import Zoom
from ganverse_nb.neural_renderer.adversary import Adversary
from ganverse_nb.neural_renderer.dual import scene_loss
from ganverse_nb.neural_renderer.held_out import HeldOut, score
from ganverse_nb.neural_renderer.losses import Reference, TrainingSet, code_loss, cycle_loss, draw_scenes
from ganverse_nb.neural_renderer.mask_student import state_identity
from ganverse_nb.neural_renderer.properties import PropertyEncoder
from ganverse_nb.neural_renderer.renderer import StyleGANR
from ganverse_nb.neural_renderer.warm_up import learning_rate_factor
from ganverse_nb.runtime.checkpoints import Checkpoints
from ganverse_nb.runtime.precision import bfloat16, convolution_dtype
from ganverse_nb.runtime.steps import finite_step

JOINT_STATE = "finetune.pt"
LOG_EVERY = 10
Weights = dict[str, dict[str, Tensor]]


class JointStage:
    """Networks, optimisers and random state of the joint stage; `step` is one update.

    Beside Eq 6 there is what lets the generator move and stay real, each a weight in `StyleGANRConfig`: the camera's
    term, the game with the teacher's discriminator (`Adversary`), silhouette, colours and background of the scene by
    the second renderer (`scene_loss`), Eq 5, and an anchor on the pictures of the dataset's own codes. The background
    terms of Eq 6 are measured by the g_b of the warm-up (`Reference`).

    Args:
        model: after the warm-up; it learns in place.
        data: the training contents.
        encoder: differentiable: f, the mask student, and the camera head if `weight_camera` is used. It is frozen.
        discriminator: of the teacher, if `weight_adversarial` is used.

    Attributes:
        average: the running average of the model's weights, which is what is measured and kept.

    Raises:
        ValueError: a weight without the network that it needs, or a batch that the processes of `data.team` cannot
            share evenly.
    """

    def __init__(
        self,
        model: StyleGANR,
        data: TrainingSet,
        encoder: PropertyEncoder,
        config: StyleGANRConfig,
        seed: int,
        discriminator: Discriminator | None = None,
    ) -> None:
        if config.weight_camera > 0 and encoder.camera is None:
            raise ValueError("weight_camera needs a camera head; give one or set it to 0.")
        if config.weight_adversarial > 0 and discriminator is None:
            raise ValueError("weight_adversarial needs the teacher's discriminator; give it or set it to 0.")
        game = config.weight_adversarial > 0  # the discriminator looks at groups of four
        data.team.share(config.batch, "stylegan_r.batch", 4 if game else 2)
        encoder.freeze()
        self.model, self.data, self.encoder, self.config = model, data, encoder, config
        self.reference = Reference(
            copy.deepcopy(model.mapping).eval().requires_grad_(False),
            float(model.mapping.shape_deviation) ** 2,
            data.texture_variance(),
        )
        self.adversary = Adversary(discriminator, config, data.team) if discriminator and game else None
        self.teacher = copy.deepcopy(model.generator).requires_grad_(False) if config.zoom_at and game else None
        self.synthesis, self.mapping = synthesis_parameters(model), list(model.mapping.parameters())
        self.rates = (config.generator_lr, config.finetune_lr)
        groups = [{"params": self.synthesis}, {"params": self.mapping}]
        self.optimizer = torch.optim.Adam(groups, betas=(0.0, 0.99))
        self.average = copy.deepcopy(model) if config.average > 0 else model
        self.checkpoints: Checkpoints | None = None  # which count the steps that are left out
        self.rng = torch.Generator().manual_seed(seed)
        self.dtype = convolution_dtype(config.bfloat16, model.generator.const.device)

    def step(self, number: int) -> dict[str, Tensor]:
        """Update `number`, counted from 1, of generator, mapping network and adversary; returns the losses' parts."""
        config, device = self.config, self.model.generator.const.device
        rate = learning_rate_factor(number / config.finetune_steps, config.joint_decay_from)
        for group, full in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * full
        loss, parts, images, size = self.loss()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.data.team.average_gradients(self.synthesis + self.mapping, list(parts.values()))
        torch.nn.utils.clip_grad_norm_(self.synthesis + self.mapping, config.clip_gradients or math.inf)
        finite_step(self.optimizer, self.checkpoints, number, [loss.detach()])
        if self.adversary is not None:
            count = len(images) * self.data.team.size
            rows = self.data.draw_rows(self.data.draw_contents(count, self.rng), self.rng)
            real = self._real(rows, size).to(device)
            parts["discriminator"] = self.adversary.learn(real, images, number, rate, self.checkpoints, size)
        if self.average is not self.model:
            decay = min(config.average, number / (number + 10))
            for mine, theirs in zip(_weights(self.average), _weights(self.model), strict=True):
                mine.lerp_(theirs, 1 - decay)
        return parts

    def loss(self) -> tuple[Tensor, dict[str, Tensor], Tensor, Tensor | None]:
        """The weighted sum of all terms on mixed properties, its parts, the pictures [B, 3, R, R], and [B] how many
        times as large as usual they show objects, where that matters."""
        config, model, data = self.config, self.model, self.data
        precision = bfloat16(config.bfloat16, model.generator.const.device)
        target = draw_scenes(data, config, self.rng)
        size = model.mapping.size(target.camera) if config.zoom_at else None
        images = model.synthesize(target, self.dtype)
        with precision:
            masks = self.encoder.mask(images).float()
            given = None if config.weight_camera > 0 else target.camera
            predicted = self.encoder(images, masks, given, size)
        predicted = predicted.replace(shape=predicted.shape.float(), texture=predicted.texture.float())
        loss, parts = cycle_loss(target, predicted, self.reference, config)
        if max(config.weight_silhouette, config.weight_colors, config.weight_surroundings) > 0:
            second, more = scene_loss(images, masks, target, config, data.team)
            loss, parts = loss + second, parts | more
        if self.adversary is not None:
            parts["adversarial"] = (game := self.adversary.loss(images, size)).detach()
            loss = loss + config.weight_adversarial * game
        if config.weight_code > 0:
            with precision:
                code, code_parts = code_loss(model.mapping, data, config, self.rng, config.weight_entropy)
            loss = loss + config.weight_code * code
            parts |= {f"code_{name}": value for name, value in code_parts.items()}
        if config.weight_anchor > 0:
            parts["anchor"] = (anchor := self._anchor()).detach()
            loss = loss + config.weight_anchor * anchor
        return loss, parts, images, size

    @torch.no_grad()
    def _real(self, rows: Tensor, size: Tensor | None) -> Tensor:
        """The teacher's pictures [B, 3, R, R] of the dataset's rows, in which objects are `size` [B] times as large.

        By resampled features, as those of the other side: a picture that is resampled itself is blurred, and the game
        would ask for blur.
        """
        if self.teacher is None or size is None:
            return self.data.dataset.images(rows)
        zoom = Zoom(self.config.zoom_at, size.detach())
        return self.teacher.squares(self._styles(rows), self.model.resolution, self.dtype, zoom)

    def _styles(self, rows: Tensor) -> Tensor:
        """The codes [B, S] of pictures of the dataset."""
        pictures = self.data.dataset.pictures
        return self.data.codes.styles(pictures.content[rows], pictures.view[rows])

    def _anchor(self) -> Tensor:
        """Mean absolute difference of the generator's pictures of the dataset's codes and the teacher's of the same."""
        data, half = self.data, max(1, self.config.batch // 2)
        rows = data.draw_rows(data.draw_contents(half, self.rng), self.rng)
        own = self.model.generator.squares(self._styles(rows), self.model.resolution, self.dtype)
        return (own - data.dataset.images(rows)).abs().mean()

    def state(self) -> dict[str, Any]:
        """Everything `restore` needs to go on as if never stopped."""
        return {
            **get_weights(self.model),
            "average": get_weights(self.average),
            "optimizer": self.optimizer.state_dict(),
            "adversary": None if self.adversary is None else self.adversary.state(),
            "rng": self.rng.get_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        set_weights(self.model, state)
        set_weights(self.average, state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.adversary is not None:
            self.adversary.restore(state["adversary"])
        self.rng.set_state(state["rng"])


def fine_tune(
    model: StyleGANR,
    data: TrainingSet,
    encoder: PropertyEncoder,
    held_out: HeldOut,
    config: StyleGANRConfig,
    directory: Path,
    seed: int,
    progress: bool = True,
    discriminator: Discriminator | None = None,
    reader: PropertyEncoder | None = None,
) -> StyleGANR:
    """Train generator and mapping network of `model` together, in place; continues from `directory`/finetune.pt.

    With `config.keep_best`, the state with the lowest score on held-out contents is kept, the start included, and the
    stage ends when the score no longer falls; without it the score is only logged, and the last state is kept.

    Args:
        model, data, encoder, discriminator: see `JointStage`.
        held_out: of other contents than `data.contents`.
        reader: reads pictures of these, best with masks that the renderer is not trained with; `encoder` where None.

    Raises:
        ValueError: a weight without the network that it needs.
        DivergedError: losses, measures or weights are not finite, those that it begins with included.
    """
    stage, team = JointStage(model, data, encoder, config, seed, discriminator), data.team
    keeper: KeptState | None = None

    def measure() -> dict[str, float]:
        return team.told(lambda: held_out.measure(stage.average.synthesize, reader or encoder))

    def restore(state: dict[str, Any]) -> None:
        nonlocal keeper
        stage.restore(state)
        keeper = KeptState.restored(config.patience, state["keeper"], config.keep_best)

    advice = (
        f"a lower stylegan_r.generator_lr (now {config.generator_lr:g}), stylegan_r.finetune_lr "
        f"(now {config.finetune_lr:g}) or, where it is step 0, stylegan_r.warmup_lr (now {config.warmup_lr:g})"
    )
    checkpoints = Checkpoints(
        directory, "finetune", state_identity(config, seed), advice, state=JOINT_STATE, writes=team.is_main
    )
    start, stage.checkpoints = checkpoints.resume(restore), checkpoints
    for module in (model.generator, model.mapping, stage.average.generator, stage.average.mapping):
        team.agree(module.state_dict().values())
    if keeper is None:
        first = measure()
        keeper = KeptState(config.patience, first, config.keep_best)
        keeper.offer(0, first, stage.average)
        checkpoints.log(0, **{f"held_out_{k}": v for k, v in keeper.first.items()}, score=keeper.score)

    with tqdm(total=config.finetune_steps, initial=start, desc="StyleGAN-R fine-tuning", disable=not progress) as bar:
        for step in range(start + 1, config.finetune_steps + 1):
            if keeper.exhausted:
                break
            parts = stage.step(step)
            bar.update()
            if step % LOG_EVERY == 0:
                checkpoints.log(step, **{k: float(v) for k, v in parts.items()})
            evaluated = step % config.evaluate_every == 0 or step == config.finetune_steps
            if evaluated:
                checkpoints.check(step, get_weights(stage.average))
                found = measure()
                keeper.offer(step, found, stage.average)
                checkpoints.log(step, **{f"held_out_{k}": v for k, v in found.items()}, score=keeper.last)
                bar.set_postfix(score=f"{keeper.last:.3f}", kept=f"{keeper.score:.3f}@{keeper.step}")
            if evaluated or checkpoints.due():
                checkpoints.save(step, **stage.state(), keeper=keeper.state())
    set_weights(model, keeper.weights)
    model.notes["finetune"] = {"kept_step": keeper.step, "score": keeper.score, "measure": keeper.measure}
    return model


def synthesis_parameters(model: StyleGANR) -> list[torch.nn.Parameter]:
    """What of the generator makes pictures from styles: everything but the mapping from z and the affine layers.

    Only they are trained: all other parameters of the generator are frozen. A noise map that the generator has learned
    without (its strength is zero) stays off: it would be switched on, since grain looks sharp to the discriminator.
    """
    model.generator.requires_grad_(False)
    chosen = [
        p
        for name, p in model.generator.named_parameters()
        if not name.startswith("mapping.") and ".affine." not in name
        if not (name.endswith(".noise_strength") and float(p) == 0)
    ]
    for parameter in chosen:
        parameter.requires_grad_(True)
    return chosen


def _weights(model: StyleGANR) -> list[Tensor]:
    return [p.data for module in (model.generator, model.mapping) for p in module.parameters()]


def get_weights(model: StyleGANR) -> Weights:
    """Copies of all weights."""
    modules = {"generator": model.generator, "mapping": model.mapping}
    return {name: {k: v.detach().clone() for k, v in m.state_dict().items()} for name, m in modules.items()}


def set_weights(model: StyleGANR, weights: Weights) -> None:
    model.generator.load_state_dict(weights["generator"])
    model.mapping.load_state_dict(weights["mapping"])


class KeptState:
    """The weights that the joint stage ends with: those of the lowest held-out score, or (not `best`) the last ones."""

    def __init__(self, patience: int, first: dict[str, float], best: bool = True):
        self.patience, self.first, self.best = patience, first, best
        self.score = self.last = math.inf
        self.step, self.waited = 0, 0
        self.measure: dict[str, float] = first
        self.weights: dict[str, dict[str, Tensor]] = {}

    @property
    def exhausted(self) -> bool:
        """No improvement in `patience` measures; never without `best`."""
        return self.waited >= self.patience

    def offer(self, step: int, measure: dict[str, float], model: StyleGANR) -> None:
        """Take `model`'s weights if its measure is the best so far, or in any case without `best`."""
        self.last = score(measure, self.first)
        self.waited += 1
        if self.last < self.score or not self.best:
            self.score, self.step, self.waited, self.measure = self.last, step, 0, measure
            self.weights = get_weights(model)

    def state(self) -> dict:
        return {k: v for k, v in self.__dict__.items() if k not in ("patience", "best")}

    @classmethod
    def restored(cls, patience: int, state: dict, best: bool = True) -> KeptState:
        keeper = cls(patience, state["first"], best)
        if state.keys() != keeper.state().keys():
            raise ValueError("what it kept is not whole")
        keeper.__dict__.update(state)
        return keeper
