"""Trains the segmenter of photographs on composites of the studio's photos."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.runtime.checkpoints import STATE, Checkpoints, check_identity
from ganverse_nb.runtime.demand import Rehearsal
from ganverse_nb.runtime.precision import bfloat16
from ganverse_nb.runtime.steps import finite_step
from ganverse_nb.runtime.team import Team
from ganverse_nb.segmentation.composites import Composites
from ganverse_nb.segmentation.photo_composites import Material, compose_photos
from ganverse_nb.segmentation.photo_network import PhotoNetwork
from ganverse_nb.segmentation.photo_segmenter import (
    PhotoSegmenter,
    PhotoSegmenterConfig,
    load_photo_segmenter,
    save_photo_segmenter,
)
from ganverse_nb.segmentation.sharing import TeamBatchNorm, own
from ganverse_nb.segmentation.training import bytes_of, evaluate, learn
from ganverse_nb.studio.photos import Photos

WEIGHTS, PHASE = "segmenter.safetensors", "photo segmenter"
WARMUP = 0.05  # of a cycle's steps
SEAM_WEIGHT = 0.3
NEAR = 2  # pixels from two objects at most: a seam


def train_photo_segmenter(
    photos: Sequence[Photos],
    scenes: Tensor,
    config: PhotoSegmenterConfig,
    directory: Path,
    seed: int,
    command: str | None = None,
    begin: PhotoNetwork | None = None,
) -> PhotoSegmenter:
    """A segmenter trained on composites of `photos`, written to `directory`/segmenter.safetensors (8 bits a number).

    Resumed, kept and logged as `training.train_segmenter` does.

    Args:
        photos: of each of `config.categories`, in that order, of one size; the last `config.held_out` of each are not
            trained on.
        scenes: [M, 3, R, R] uint8 without an object.
        command: what was typed, for the provenance.
        begin: the network that `config.begin` is the checksum of; it is trained further.

    Raises:
        ValueError: other categories, too few photos, or `directory` belongs to a training with other settings.
    """
    names = tuple(some.category for some in photos)
    if names != config.categories or min(len(some) for some in photos) <= config.held_out:
        raise ValueError(
            f"More than {config.held_out} photos each of {', '.join(config.categories)} are needed, in that order; got "
            + ", ".join(f"{len(some)} of {some.category}" for some in photos)
        )
    directory, team = Path(directory), Team.from_environment()
    team.share(config.batch, "the batch")
    directory.mkdir(parents=True, exist_ok=True)
    identity = {"segmenter": asdict(config), "seed": seed, "photos": _checksum(photos, scenes)}
    if (directory / WEIGHTS).is_file():
        (directory / STATE).unlink(missing_ok=True)  # killed just before it was deleted
        done = load_photo_segmenter(names[0], directory / WEIGHTS)
        check_identity(directory / WEIGHTS, done.provenance.get("identity"), identity)
        return done

    held_out = [some[len(some) - config.held_out :] for some in photos]
    kept = [some[: len(some) - config.held_out] for some in photos]
    labels = torch.cat([torch.full((len(some),), label) for label, some in enumerate(kept, 1)])
    images, masks = torch.cat([some.images for some in kept]), torch.cat([some.masks for some in kept])
    material = Material(images, masks, labels, scenes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = begin or PhotoNetwork(len(names), config.widths)
    network = network.to(memory_format=torch.channels_last)
    TeamBatchNorm.convert(network, team)
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.lr, weight_decay=0.01)
    advice = f"a lower learning rate than {config.lr:g}"
    checkpoints = Checkpoints(directory, PHASE, identity, advice, writes=team.is_main)

    def score() -> dict[str, float]:
        """Mean over the categories; the held-out photos are partly hidden and cut off as well."""
        kinds = [
            evaluate(PhotoSegmenter(network, names, name, "in training"), some)
            for name, some in zip(names, held_out, strict=True)
        ]
        return {key: sum(one[key] for one in kinds) / len(kinds) for key in kinds[0]}

    def step(number: int) -> dict[str, float]:
        return _step(network, optimizer, checkpoints, material, team, config, seed, number)

    def prepare(number: int) -> Callable[[], object]:
        with torch.random.fork_rng(devices=[]):
            other = PhotoNetwork(len(names), config.widths).to(memory_format=torch.channels_last)
        rate = torch.optim.AdamW(other.parameters(), lr=config.lr)
        return lambda: _step(other, rate, None, material, Team(), replace(config, batch=number), seed, 0)

    share = team.share(config.batch, "the batch")
    rehearsal = Rehearsal(prepare, share, bytes_of(network), directory, f"make batches smaller (now {config.batch})")
    minutes = learn(
        network, optimizer, checkpoints, config.steps, config.evaluate_every, step, score, team, rehearsal=rehearsal
    )
    provenance: dict[str, Any] = {
        "command": command or f"train_photo_segmenter(photos, scenes, config, directory, seed={seed})",
        "seed": seed,
        "steps": config.steps,
        "photos": len(labels),
        "minutes": round(minutes, 1),
        "identity": identity,
    }
    if team.is_main:
        provenance["held_out"] = score()
        save_photo_segmenter(directory / WEIGHTS, network, config, provenance)
        checkpoints.remove()
    team.wait()
    return load_photo_segmenter(names[0], directory / WEIGHTS)


def targets(pictures: Composites) -> tuple[Tensor, Tensor]:
    """Of every pixel the category [B, R, R] int64, 0 for none, and whether it is near two objects [B, 1, R, R]."""
    category = (pictures.masks * pictures.labels[:, :, None, None]).amax(1).long()
    near = F.max_pool2d(pictures.masks, 2 * NEAR + 1, 1, NEAR).sum(1, keepdim=True)
    return category, (near > 1).float()


def loss(network: PhotoNetwork, pictures: Composites, team: Team | None = None) -> dict[str, Tensor]:
    """Cross entropy of pixels, 1 - soft IoU of each object's category, and cross entropy of seams.

    Processes of `team` have shares of the pictures: the mean over them is the loss of all pictures.
    """
    team = team or Team()
    logits, seam = network(pictures.images)
    category, meeting = targets(pictures)
    wanted = F.one_hot(category, logits.shape[1]).movedim(-1, 1).float()[:, 1:]
    probability = logits.softmax(1)[:, 1:]
    both = (probability * wanted).sum((2, 3))
    union = (probability + wanted).sum((2, 3)) - both
    there = wanted.flatten(2).any(2)
    count = there.sum().float()
    share = team.size * count / team.sum(count).clamp_min(1)
    overlap = (1 - both / union.clamp_min(1))[there].mean() * share if there.any() else logits.new_zeros(())
    return {
        "pixels": F.cross_entropy(logits, category),
        "overlap": overlap,
        "seam": SEAM_WEIGHT * F.binary_cross_entropy_with_logits(seam, meeting),
    }


def _step(
    network: PhotoNetwork,
    optimizer: torch.optim.Optimizer,
    checkpoints: Checkpoints | None,
    material: Material,
    team: Team,
    config: PhotoSegmenterConfig,
    seed: int,
    step: int,
) -> dict[str, float]:
    """One optimiser step; the losses by name."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    pictures = own(compose_photos(material, config.batch, generator), team)
    length = max(1, config.steps // config.cycles)
    warm, place = max(1, round(WARMUP * length)), step % length
    for group in optimizer.param_groups:
        group["lr"] = config.lr * min((place + 1) / warm, 0.5 + 0.5 * math.cos(math.pi * place / length))
    with bfloat16(config.bf16):
        losses = loss(network, pictures, team)
    optimizer.zero_grad(set_to_none=True)
    torch.stack(list(losses.values())).sum().backward()
    losses = {name: value.detach() for name, value in losses.items()}
    team.average_gradients(network.parameters(), list(losses.values()))
    torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    finite_step(optimizer, checkpoints, step + 1, losses.values())
    return {name: value.item() for name, value in losses.items()}


def _checksum(photos: Sequence[Photos], scenes: Tensor) -> dict[str, int]:
    some = [pictures[:: max(1, len(pictures) // 16)] for pictures in (*(one.images for one in photos), scenes)]
    return {"count": sum(len(one) for one in photos), "checksum": sum(int(images.sum()) for images in some)}
