"""Trains the small Mask R-CNN on photos whose masks are known."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.detection.mask_rcnn import MaskRCNN
from tqdm.auto import tqdm

from ganverse_nb.config import SegmenterConfig
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.runtime.checkpoints import STATE, Checkpoints, check_identity
from ganverse_nb.runtime.demand import Rehearsal
from ganverse_nb.runtime.precision import bfloat16
from ganverse_nb.runtime.steps import finite_step
from ganverse_nb.runtime.team import Team
from ganverse_nb.segmentation.composites import Composites, compose
from ganverse_nb.segmentation.detections import bounding_boxes
from ganverse_nb.segmentation.mask_rcnn import MARGIN, MaskRCNNSegmenter, load_segmenter, save_segmenter
from ganverse_nb.segmentation.network import small_mask_rcnn
from ganverse_nb.segmentation.segmenter import Segmenter
from ganverse_nb.segmentation.sharing import SharedSampling, TeamBatchNorm, own

WEIGHTS, PHASE = "segmenter.safetensors", "segmenter"
WARMUP = 0.05  # of the steps


class Masked(Protocol):
    """Pictures of one object each whose masks are known: the studio's `Photos`, or a user's `MaskedPictures`."""

    @property
    def category(self) -> str: ...

    @property
    def images(self) -> Tensor: ...

    @property
    def masks(self) -> Tensor: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: slice, /) -> Masked: ...

    def image(self) -> Tensor: ...


def train_segmenter(
    photos: Masked,
    config: SegmenterConfig,
    directory: Path,
    seed: int,
    command: str | None = None,
) -> Segmenter:
    """A segmenter trained on `photos`, written to `directory`/segmenter.safetensors (half precision, with provenance).

    The last `config.held_out` photos are not trained on; losses and the IoU on them go to `metrics.jsonl`. Every step
    draws from the seed and its number, so an interrupted training, which goes on from its last evaluation, ends with
    the weights of an uninterrupted one. A finished directory is loaded. Processes that were started together share each
    batch (`runtime.team`).

    Args:
        command: what was typed, for the provenance.

    Raises:
        ValueError: too few photos, `directory` belongs to a training with other settings, seed or photos, or a batch
            that the processes cannot share evenly.
    """
    if len(photos) <= config.held_out:
        raise ValueError(f"{len(photos)} photos leave none to train on after {config.held_out} are held out.")
    directory, category, team = Path(directory), photos.category, Team.from_environment()
    team.share(config.batch, "segmenter.batch")
    directory.mkdir(parents=True, exist_ok=True)
    some = photos.images[:: max(1, len(photos) // 16)]
    pictures = {"count": len(photos), "checksum": int(some.sum())}
    identity = {"segmenter": asdict(config), "seed": seed, "category": category, "photos": pictures}
    if (directory / WEIGHTS).is_file():
        (directory / STATE).unlink(missing_ok=True)  # killed just before it was deleted
        done = load_segmenter(category, directory / WEIGHTS)
        check_identity(directory / WEIGHTS, done.provenance.get("identity"), identity)
        return done

    split = len(photos) - config.held_out
    train, held_out = photos[:split], photos[split:]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = small_mask_rcnn(config).to(memory_format=torch.channels_last)
    TeamBatchNorm.convert(network, team)
    sampling = SharedSampling(network, team)
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.lr, weight_decay=0.01)
    advice = f"a lower segmenter.lr (now {config.lr:g})"
    checkpoints = Checkpoints(directory, PHASE, identity, advice, writes=team.is_main)

    def score() -> dict[str, float]:
        return evaluate(MaskRCNNSegmenter(network, 1, category, "in training"), held_out)

    def step(number: int) -> dict[str, float]:
        return _step(network, optimizer, checkpoints, sampling, train, config, seed, number)

    def prepare(number: int) -> Callable[[], object]:
        with torch.random.fork_rng(devices=[]):
            other = small_mask_rcnn(config).to(memory_format=torch.channels_last)
        rate = torch.optim.AdamW(other.parameters(), lr=config.lr)
        fewer, alone = replace(config, batch=number), SharedSampling(other, Team())
        return lambda: _step(other, rate, None, alone, train, fewer, seed, 0)

    advice = f"lower segmenter.batch (now {config.batch})"
    minutes = learn(
        network, optimizer, checkpoints, config.steps, config.evaluate_every, step, score, team,
        rehearsal=Rehearsal(prepare, team.share(config.batch, "segmenter.batch"), bytes_of(network), directory, advice),
    )  # fmt: skip
    provenance: dict[str, Any] = {
        "command": command or f"train_segmenter(photos, config, directory, seed={seed})",
        "seed": seed,
        "steps": config.steps,
        "photos": split,
        "minutes": round(minutes, 1),
        "identity": identity,
        "pictures": _origin(photos) or "studio photos",
    }
    if team.is_main:
        provenance["held_out"] = score()
        save_segmenter(directory / WEIGHTS, network, config, category, provenance)
        checkpoints.remove()
    team.wait()
    return load_segmenter(category, directory / WEIGHTS)


def _origin(photos: Masked) -> str:
    """Where the masks of a user's pictures come from; "" for the studio's photos."""
    return getattr(photos, "origin", "")


def bytes_of(network: nn.Module) -> int:
    """Of a network's weights in float32."""
    return sum(4 * parameter.numel() for parameter in network.parameters())


def learn(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    checkpoints: Checkpoints,
    steps: int,
    evaluate_every: int,
    step: Callable[[int], dict[str, float]],
    score: Callable[[], dict[str, float]],
    team: Team,
    what: str = "segmenter",
    rehearsal: Rehearsal | None = None,
) -> float:
    """The loop of a training, from where its checkpoints are; returns its minutes, those before included.

    Args:
        step: does the step of a number; the losses by name.
        score: the network on held-out photos, the number that is shown first; one process does it.
        team: processes that share each step.
        what: is trained, in a word or two.
        rehearsal: by which it is told what the training will take.

    Raises:
        DivergedError: losses or weights are not finite.
    """
    minutes, losses = 0.0, Counter[str]()  # since the last line of metrics

    def restore(state: dict[str, Any]) -> None:
        nonlocal minutes
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        minutes = state["minutes"]
        losses.update(state.get("losses", {}))

    start = checkpoints.resume(restore)
    team.agree(network.state_dict().values())
    if rehearsal is not None and team.is_main:
        rehearsal.tell(f"the {what}", steps - start)
    network.train()
    began = time.monotonic()
    with tqdm(total=steps, initial=start, desc=what, unit="step", disable=not team.is_main) as bar:
        for number in range(start, steps):
            found, done = step(number), number + 1
            checkpoints.check(done, found)
            losses.update(found)
            bar.update()
            evaluated = done % evaluate_every == 0 or done == steps
            if evaluated and team.is_main:
                scored = score()
                network.train().requires_grad_(True)
                logged = (done - 1) % evaluate_every + 1
                checkpoints.log(done, **{name: total / logged for name, total in losses.items()}, **scored)
                bar.set_postfix({name: f"{value:.4f}" for name, value in list(scored.items())[:1]})
            if evaluated:
                losses.clear()
            if not evaluated and not checkpoints.due():
                continue
            weights = {"network": network.state_dict(), "optimizer": optimizer.state_dict()}
            checkpoints.save(done, minutes=minutes + (time.monotonic() - began) / 60, losses=dict(losses), **weights)
    return minutes + (time.monotonic() - began) / 60


def evaluate(segmenter: Segmenter, photos: Masked) -> dict[str, float]:
    """On photos with one object each: mean hard IoU (0 where nothing is found), and the share with a count of one."""
    found = segmenter.segment(photos.image())
    return {
        "iou": float(hard_iou(found.mask, photos.masks.float()).mean()),
        "single": float((found.count == 1).float().mean()),
    }


def targets(pictures: Composites, working_size: int) -> list[dict[str, Tensor]]:
    """torchvision's targets, at the working size: soft masks, and boxes with a margin round them."""
    scale = working_size / pictures.images.shape[-1]
    masks = F.interpolate(pictures.masks, size=working_size, mode="bilinear", align_corners=False)
    boxes = bounding_boxes(pictures.masks.flatten(0, 1)).unflatten(0, pictures.masks.shape[:2]) * scale
    boxes = (boxes + torch.tensor([-MARGIN, -MARGIN, MARGIN, MARGIN])).clamp(0, working_size)
    there = pictures.masks.flatten(2).any(2)
    return [
        {"boxes": b[t], "masks": m[t], "labels": torch.ones(int(t.sum()), dtype=torch.int64)}
        for b, m, t in zip(boxes, masks, there)
    ]


def _step(
    network: MaskRCNN,
    optimizer: torch.optim.Optimizer,
    checkpoints: Checkpoints | None,
    sampling: SharedSampling,
    photos: Masked,
    config: SegmenterConfig,
    seed: int,
    step: int,
) -> dict[str, float]:
    """One optimiser step; the losses of torchvision's detector by their names."""
    team, moment = sampling.team, seed * 1_000_003 + step
    grounds = bool(_origin(photos))
    generator = torch.Generator().manual_seed(moment)
    pictures = own(compose(photos.images, photos.masks, config.batch, generator, own_grounds=grounds), team)
    warm = max(1, round(WARMUP * config.steps))
    lr = config.lr * min((step + 1) / warm, 0.5 + 0.5 * math.cos(math.pi * step / config.steps))
    for group in optimizer.param_groups:
        group["lr"] = lr
    with torch.random.fork_rng(devices=[]), bfloat16(config.bf16):
        sampling.begin(moment, config.batch)
        losses = sampling.weighted(network(pictures.images, targets(pictures, config.working_size)))
    optimizer.zero_grad(set_to_none=True)
    torch.stack(list(losses.values())).sum().backward()
    losses = {name: loss.detach() for name, loss in losses.items()}
    team.average_gradients(network.parameters(), list(losses.values()))
    torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    finite_step(optimizer, checkpoints, step + 1, losses.values())
    return {name: loss.item() for name, loss in losses.items()}
