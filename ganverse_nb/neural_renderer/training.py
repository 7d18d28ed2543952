"""From teacher, views, dataset and inverse graphics to StyleGAN-R: warm-up, then joint fine-tuning (section 3.3).

f, the camera head and the teacher are frozen throughout: no gradient is ever accumulated in them.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.config import StyleGANRConfig
from ganverse_nb.gan.generator import Generator
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.neural_renderer.data import Pictures, PropertyDataset, exact_codes, fresh_pictures
from ganverse_nb.neural_renderer.evaluation import held_out_measure, score, swap_pairs
from ganverse_nb.neural_renderer.losses import Reference, TrainingSet, code_loss, cycle_loss, draw_scenes
from ganverse_nb.neural_renderer.mapping import PropertyMapper
from ganverse_nb.neural_renderer.mask_student import mask_student, state_identity
from ganverse_nb.neural_renderer.properties import PropertyEncoder
from ganverse_nb.neural_renderer.renderer import StyleGANR
from ganverse_nb.runtime.checkpoints import Checkpoints
from ganverse_nb.runtime.threads import one_thread

WARM, FINAL = "mapping_only.safetensors", "stylegan_r.safetensors"
WARM_UP_STATE, JOINT_STATE = "warmup.pt", "finetune.pt"
HELD_OUT_PAIRS = 64
WARM_UP_LOG_EVERY, WARM_UP_SAVE_EVERY, JOINT_LOG_EVERY = 50, 500, 10


def train_stylegan_r(
    pictures: Pictures,
    train_contents: Sequence[int],
    content_w: Tensor,
    view_w: Tensor,
    split_layer: int,
    cameras: Camera,
    generator: Generator,
    encoder: PropertyEncoder,
    config: StyleGANRConfig,
    directory: Path,
    seed: int,
    *,
    on_orbit: Tensor | None = None,
    psi: float = 0.8,
    minimum_mask: float = 0.1,
    progress: bool = True,
) -> StyleGANR:
    """Train StyleGAN-R; resumes from `directory` and leaves metrics.jsonl and two renderers there.

    `mapping_only.safetensors` is the state after the warm-up (the paper's ablation, Fig J), `stylegan_r.safetensors`
    the result.

    Args:
        pictures: the pictures of the multi-view dataset that were kept.
        train_contents: its training contents; the last `config.validation_contents` of them are held out to measure
            the joint stage with.
        content_w: [C, w_dim] codes of the dataset's contents.
        view_w: [N, w_dim] the chosen view codes.
        split_layer: how many layers take the view code.
        cameras: the N optimised cameras of the view codes.
        generator: the teacher; not changed. Training runs on its device.
        encoder: f and the camera head, on the same device; they are frozen. Its mask is not used in training.
        on_orbit: [N] bool, the view codes that form a path around the object; all where None.
        psi, minimum_mask: truncation and mask filter of the dataset, for fresh contents.

    Returns:
        the renderer, with `encoder` to encode pictures; `notes` says how gates, masks and fine-tuning turned out.

    Raises:
        ValueError: what lies in `directory` is damaged or of other settings.
        DivergedError: a training came to numbers that are not finite.
    """
    directory.mkdir(parents=True, exist_ok=True)
    device = generator.const.device
    encoder.freeze()
    codes = exact_codes(generator, view_w, content_w, split_layer)
    train, validation = split_contents(train_contents, config.validation_contents)
    student, student_iou = mask_student(pictures, train, validation, config, directory, seed, progress, device)
    if config.fresh_contents > 0:
        first = len(codes.content)
        codes, fresh = fresh_pictures(
            generator,
            codes,
            student,
            config.fresh_contents,
            pictures.images.shape[-1],
            psi=psi,
            minimum_mask=minimum_mask,
            seed=seed,
            progress=progress,
        )
        pictures = pictures.joined(fresh)
        train = [*train, *range(first, first + config.fresh_contents)]
    dataset = PropertyDataset(pictures, encoder.infer, cameras, progress, device)
    data = TrainingSet(dataset, codes, dataset.usable(train))
    differentiable = PropertyEncoder(encoder.infer, student, encoder.camera)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        mapping = PropertyMapper.fit(
            codes.view.cpu(),
            cameras,
            codes.content[data.contents].cpu(),
            dataset.shapes,
            texture=(dataset.textures.shape[-2], dataset.textures.shape[-1]),
            resolution=pictures.images.shape[-1],
            on_orbit=on_orbit,
            view_share=config.view_share,
            rest=config.view_rest,
            harmonics=config.view_harmonics,
            hidden=config.hidden,
        ).to(device)
    with one_thread():
        warm_up(mapping, data, config, directory, seed, progress)
    notes = {
        "gates_decided": mapping.decided(),
        "mask_student_iou": student_iou,
        "camera_dims": mapping.sizes.camera_dims,
    }
    model = StyleGANR(copy.deepcopy(generator), mapping, encoder, notes)
    model.save(directory / WARM)  # also over a file of the same name: what is there may be of another training
    pairs = swap_pairs(dataset, validation, HELD_OUT_PAIRS, seed)
    fine_tune(model, data, differentiable, pairs, config, directory, seed, progress)
    model.notes["gates_decided"] = model.mapping.decided()
    model.save(directory / FINAL)
    for module in (model.generator, model.mapping):
        module.requires_grad_(False)
    return model


def split_contents(contents: Sequence[int], validation: int) -> tuple[list[int], list[int]]:
    """Training and validation contents: the last `validation` ones are held out.

    Raises:
        ValueError: nothing would be left to train on, or too few for a swap.
    """
    everyone = [int(c) for c in contents]
    if not 2 <= validation < len(everyone):
        raise ValueError(
            f"validation_contents must be at least 2 and leave contents to train on: {validation} of {len(everyone)}."
        )
    return everyone[:-validation], everyone[-validation:]


# ---- first stage: Eq 5


def warm_up(
    mapping: PropertyMapper,
    data: TrainingSet,
    config: StyleGANRConfig,
    directory: Path,
    seed: int,
    progress: bool = True,
) -> PropertyMapper:
    """Train `mapping` alone, in place, with Eq 5; continues from `directory`/warmup.pt where that exists.

    The weight of the entropy grows from zero, so that the gates are decided only once all four networks are useful.
    """
    steps = config.warmup_steps
    rng = torch.Generator().manual_seed(seed)
    networks = [p for name, p in mapping.named_parameters() if name != "gate_logits"]
    gate_lr = config.warmup_lr * config.gate_lr_multiplier
    rates = (config.warmup_lr, gate_lr)
    optimizer = torch.optim.Adam([{"params": networks}, {"params": [mapping.gate_logits]}], betas=(0.9, 0.99))

    def restore(state: dict[str, Any]) -> None:
        mapping.load_state_dict(state["mapping"])
        optimizer.load_state_dict(state["optimizer"])
        rng.set_state(state["rng"])

    advice = (
        f"a lower stylegan_r.warmup_lr (now {config.warmup_lr:g}) or stylegan_r.gate_lr_multiplier "
        f"(now {config.gate_lr_multiplier:g})"
    )
    identity = state_identity(config, seed)
    checkpoints = Checkpoints(directory, "warmup", identity, advice, state=WARM_UP_STATE)
    start = checkpoints.resume(restore)
    mapping.train()

    with tqdm(total=steps, initial=start, desc="StyleGAN-R warm-up", disable=not progress) as bar:
        for step in range(start + 1, steps + 1):
            done = step / steps
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * learning_rate_factor(done, config.warmup_decay_from)
            ramp = min(1.0, done / config.entropy_ramp) if config.entropy_ramp > 0 else 1.0
            loss, parts = code_loss(mapping, data, config, rng, config.weight_entropy * ramp)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            bar.update()
            if step % WARM_UP_LOG_EVERY == 0 or step == steps:
                values = {k: float(v) for k, v in parts.items()}
                bar.set_postfix({k: f"{v:.3f}" for k, v in values.items()})
                checkpoints.log(step, **values, decided=mapping.decided()["all"])
            if step % WARM_UP_SAVE_EVERY == 0 or step == steps or checkpoints.due():
                kept = {"mapping": mapping.state_dict(), "optimizer": optimizer.state_dict()}
                checkpoints.save(step, **kept, rng=rng.get_state())
    return mapping.eval()


def learning_rate_factor(done: float, decay_from: float) -> float:
    """1 up to the share `decay_from` of the steps, then linearly down to almost 0; always 1 where it is 1."""
    return min(1.0, (1.0 - done) / (1.0 - decay_from) + 1e-3) if decay_from < 1.0 else 1.0


# ---- second stage: Eq 6


def fine_tune(
    model: StyleGANR,
    data: TrainingSet,
    encoder: PropertyEncoder,
    held_out: tuple[Tensor, Tensor],
    config: StyleGANRConfig,
    directory: Path,
    seed: int,
    progress: bool = True,
) -> StyleGANR:
    """Train generator and mapping network of `model` together, in place; continues from `directory`/finetune.pt.

    Beside Eq 6, three things keep the generator from drifting. The background terms are measured by the g_b of the
    warm-up (`Reference`). The GAN's own codes are anchored to its own pictures, and Eq 5 goes on (`joint_loss`). With
    `config.keep_best`, the state with the lowest score on held-out contents is kept, the start included, and the stage
    ends when the score no longer falls; without it the score is only logged, and the last state is kept.

    Args:
        model: after the warm-up.
        data: the training contents.
        encoder: differentiable: f, the mask student, and the camera head if `weight_camera` is used. It is frozen.
        held_out: rows (sources, donors) of `data.dataset` whose contents are not in `data.contents`.

    Raises:
        ValueError: `weight_camera` without a camera head.
        DivergedError: losses, measures or weights are not finite, those that it begins with included.
    """
    if config.weight_camera > 0 and encoder.camera is None:
        raise ValueError("weight_camera needs a camera head; give one or set it to 0.")
    encoder.freeze()
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
        return held_out_measure(model.synthesize, encoder, data.dataset, *held_out)

    keeper: KeptState | None = None

    def restore(state: dict[str, Any]) -> None:
        nonlocal keeper
        set_weights(model, state)
        optimizer.load_state_dict(state["optimizer"])
        rng.set_state(state["rng"])
        keeper = KeptState.restored(config.patience, state["keeper"], config.keep_best)

    advice = (
        f"a lower stylegan_r.generator_lr (now {config.generator_lr:g}), stylegan_r.finetune_lr "
        f"(now {config.finetune_lr:g}) or, where it is step 0, stylegan_r.warmup_lr (now {config.warmup_lr:g})"
    )
    identity = state_identity(config, seed)
    checkpoints = Checkpoints(directory, "finetune", identity, advice, state=JOINT_STATE)
    start = checkpoints.resume(restore)
    if keeper is None:
        first = measure()
        keeper = KeptState(config.patience, first, config.keep_best)
        keeper.offer(0, first, model)
        checkpoints.log(0, **{f"held_out_{k}": v for k, v in keeper.first.items()}, score=keeper.score)

    with tqdm(total=config.finetune_steps, initial=start, desc="StyleGAN-R fine-tuning", disable=not progress) as bar:
        for step in range(start + 1, config.finetune_steps + 1):
            if keeper.exhausted:
                break
            loss, parts = joint_loss(model, data, encoder, reference, config, rng)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(synthesis + mapping, config.clip_gradients or math.inf)
            optimizer.step()
            bar.update()
            if step % JOINT_LOG_EVERY == 0:
                checkpoints.log(step, **{k: float(v) for k, v in parts.items()})
            evaluated = step % config.evaluate_every == 0 or step == config.finetune_steps
            if evaluated:
                found = measure()
                keeper.offer(step, found, model)
                checkpoints.log(step, **{f"held_out_{k}": v for k, v in found.items()}, score=keeper.last)
                bar.set_postfix(score=f"{keeper.last:.3f}", kept=f"{keeper.score:.3f}@{keeper.step}")
            if evaluated or checkpoints.due():
                extra = {"optimizer": optimizer.state_dict(), "rng": rng.get_state(), "keeper": keeper.state()}
                checkpoints.save(step, **get_weights(model), **extra)
    set_weights(model, keeper.weights)
    model.notes["finetune"] = {"kept_step": keeper.step, "score": keeper.score, "measure": keeper.measure}
    return model


def joint_loss(
    model: StyleGANR,
    data: TrainingSet,
    encoder: PropertyEncoder,
    reference: Reference,
    config: StyleGANRConfig,
    rng: torch.Generator,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Eq 6 on mixed properties + weight_code * Eq 5 + weight_anchor * the anchor, and these parts.

    The anchor is the mean absolute difference between the fine-tuned generator's pictures of the dataset's codes and
    the pictures that the teacher made of them.
    """
    target = draw_scenes(data, config, rng)
    known = None if config.weight_camera > 0 else target.camera
    predicted = encoder(model.synthesize(target), camera=known)
    cycle, parts = cycle_loss(target, predicted, reference, config)
    code, code_parts = code_loss(model.mapping, data, config, rng, config.weight_entropy)
    rows = data.dataset.sample_rows(data.draw_contents(max(1, config.batch // 2), rng), rng)
    pictures = data.dataset.pictures
    own = model.generator.squares(data.codes.styles(pictures.content[rows], pictures.view[rows]), model.resolution)
    anchor = (own - data.dataset.images(rows)).abs().mean()
    loss = cycle + config.weight_code * code + config.weight_anchor * anchor
    return loss, {**parts, "anchor": anchor.detach(), **{f"code_{k}": v for k, v in code_parts.items()}}


def synthesis_parameters(model: StyleGANR) -> list[torch.nn.Parameter]:
    """What of the generator makes pictures from styles: everything but the mapping from z and the affine layers.

    Only they are trained: all other parameters of the generator are frozen.
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
