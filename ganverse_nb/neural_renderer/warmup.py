"""The warm-up of section 3.3: the mapping network alone learns Eq 5; generator and f stay as they are."""

from __future__ import annotations

from pathlib import Path

import torch
from tqdm.auto import tqdm

from ganverse_nb.config import StyleGANRConfig
from ganverse_nb.neural_renderer.losses import TrainingSet, code_loss
from ganverse_nb.neural_renderer.mapping import MappingNetwork
from ganverse_nb.runtime.checkpoints import MetricsLog, load_state, save_state

STATE, METRICS = "warmup.pt", "metrics.jsonl"
LOG_EVERY, SAVE_EVERY = 50, 500
ENTROPY_FULL = 0.7  # of the steps: by then the entropy has its full weight
DECAY_FROM = 0.6  # of the steps: from there the learning rate falls to zero


def warm_up(
    mapping: MappingNetwork,
    data: TrainingSet,
    config: StyleGANRConfig,
    directory: Path,
    seed: int,
    progress: bool = True,
) -> MappingNetwork:
    """Train `mapping` in place; continues from `directory`/warmup.pt where that exists.

    The weight of the entropy grows from zero, so that the gates decide after every network has had its say.
    """
    steps = config.warmup_steps
    rng = torch.Generator().manual_seed(seed)
    networks = [p for name, p in mapping.named_parameters() if name != "gate_logits"]
    gate_lr = config.warmup_lr * config.gate_lr_multiplier
    rates = (config.warmup_lr, gate_lr)
    optimizer = torch.optim.Adam([{"params": networks}, {"params": [mapping.gate_logits]}], betas=(0.9, 0.99))
    state = load_state(directory / STATE)
    start = 0
    if state is not None:
        start = state["step"]
        mapping.load_state_dict(state["mapping"])
        optimizer.load_state_dict(state["optimizer"])
        rng.set_state(state["rng"])
    log = MetricsLog(directory / METRICS, "warmup", start)
    mapping.train()

    with tqdm(total=steps, initial=start, desc="StyleGAN-R warm-up", disable=not progress) as bar:
        for step in range(start + 1, steps + 1):
            done = step / steps
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * min(1.0, (1.0 - done) / (1.0 - DECAY_FROM) + 1e-3)
            entropy = config.weight_entropy * min(1.0, done / ENTROPY_FULL)
            loss, parts = code_loss(mapping, data, config, rng, entropy)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            bar.update()
            if step % LOG_EVERY == 0 or step == steps:
                values = {k: float(v) for k, v in parts.items()}
                bar.set_postfix({k: f"{v:.3f}" for k, v in values.items()})
                log.append(step, **values, decided=mapping.decided()["all"])
            if step % SAVE_EVERY == 0 or step == steps:
                save_state(
                    directory / STATE,
                    {
                        "step": step,
                        "mapping": mapping.state_dict(),
                        "optimizer": optimizer.state_dict(),
                        "rng": rng.get_state(),
                    },
                )
    return mapping.eval()
