"""The first stage of StyleGAN-R: the mapping network alone, with Eq 5."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.config import StyleGANRConfig
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.neural_renderer.data import PropertyDataset
from ganverse_nb.neural_renderer.losses import TrainingSet, code_loss
from ganverse_nb.neural_renderer.mapping import PropertyMapper
from ganverse_nb.neural_renderer.mask_student import state_identity
from ganverse_nb.runtime.checkpoints import Checkpoints
from ganverse_nb.runtime.steps import finite_step

WARM_UP_STATE = "warmup.pt"
LOG_EVERY, SAVE_EVERY = 50, 500
MEASURED = 16_384  # pictures, at most, whose shapes say how much shapes vary


def new_mapping(
    data: TrainingSet, cameras: Camera, on_orbit: Tensor | None, config: StyleGANRConfig, seed: int
) -> PropertyMapper:
    """The untrained mapping network for the pictures, codes and cameras; the global random state stays as it was."""
    dataset, codes = data.dataset, data.codes
    texture = dataset.texture(torch.arange(1)).shape
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return PropertyMapper.fit(
            codes.view.cpu(),
            cameras,
            codes.content[data.contents].cpu(),
            shapes_of(dataset),
            texture=(texture[-2], texture[-1]),
            resolution=dataset.pictures.images.shape[-1],
            on_orbit=on_orbit,
            view_share=config.view_share,
            rest=config.view_rest,
            harmonics=config.view_harmonics,
            hidden=config.hidden,
            offset=config.view_offset,
        )


def shapes_of(dataset: PropertyDataset) -> Tensor:
    """Shapes [n, V, 3] of the pictures, of at most `MEASURED` evenly spread ones."""
    every = math.ceil(len(dataset) / MEASURED)
    return dataset.shape(torch.arange(0, len(dataset), every)).cpu()


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
    Processes of `data.team` share each batch.
    """
    steps, team = config.warmup_steps, data.team
    team.share(config.batch, "stylegan_r.batch")
    rng = torch.Generator().manual_seed(seed)
    apart = ("gate_logits", "offset.")  # the gates have a rate of their own, the offset belongs to the joint stage
    networks = [p for name, p in mapping.named_parameters() if not name.startswith(apart)]
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
    checkpoints = Checkpoints(directory, "warmup", identity, advice, state=WARM_UP_STATE, writes=team.is_main)
    start = checkpoints.resume(restore)
    team.agree(mapping.state_dict().values())
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
            team.average_gradients(mapping.parameters(), list(parts.values()))
            finite_step(optimizer, checkpoints, step, parts.values())
            bar.update()
            if step % LOG_EVERY == 0 or step == steps:
                values = {k: float(v) for k, v in parts.items()}
                bar.set_postfix({k: f"{v:.3f}" for k, v in values.items()})
                checkpoints.log(step, **values, decided=mapping.decided()["all"])
            if step % SAVE_EVERY == 0 or step == steps or checkpoints.due():
                kept = {"mapping": mapping.state_dict(), "optimizer": optimizer.state_dict()}
                checkpoints.save(step, **kept, rng=rng.get_state())
    return mapping.eval()


def learning_rate_factor(done: float, decay_from: float) -> float:
    """1 up to the share `decay_from` of the steps, then linearly down to almost 0; always 1 where it is 1."""
    return min(1.0, (1.0 - done) / (1.0 - decay_from) + 1e-3) if decay_from < 1.0 else 1.0
