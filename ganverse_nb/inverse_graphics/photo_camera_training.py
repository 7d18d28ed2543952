"""Trains the network that reads cameras off photographs, on the studio's photos of known cameras."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ganverse_nb.data.crops import boxes
from ganverse_nb.geometry.angles import angular_distance
from ganverse_nb.inverse_graphics.augmentation import badly_cut, photographed
from ganverse_nb.inverse_graphics.camera_head import ELEVATION, SHARE
from ganverse_nb.inverse_graphics.camera_training import azimuth_terms, uniform
from ganverse_nb.inverse_graphics.photo_camera import (
    Opinion,
    PhotoCamera,
    PhotoCameraConfig,
    read_photo_camera,
    save_photo_camera,
)
from ganverse_nb.inverse_graphics.training import decay
from ganverse_nb.inverse_graphics.windows import Window
from ganverse_nb.runtime.checkpoints import STATE, Checkpoints, check_identity
from ganverse_nb.runtime.demand import Rehearsal
from ganverse_nb.runtime.draws import Draws
from ganverse_nb.runtime.precision import bfloat16
from ganverse_nb.runtime.steps import finite_step
from ganverse_nb.runtime.team import Team
from ganverse_nb.segmentation.training import bytes_of, learn
from ganverse_nb.studio.photos import Photos

WEIGHTS, PHASE = "camera.safetensors", "photo camera"
SHARES, OFFSET = (0.58, 0.82), 0.06  # of the object's box in the window, and of its centre from the middle
SMALLEST, CUT_OFF = 0.22, 2  # side of an object's box in its photo at least; its pixels on the border at most
COARSE = 0.4  # share of the windows that have no finer pixels than half as many
WEIGHTS_OF = {"head_azimuth": 1.0, "head_offset": 2.0, "elevation": 2.0}
WARMUP = 50  # steps


@dataclass(frozen=True)
class Views:
    """N photos of whole objects: [N, 3, R, R] and [N, 1, R, R] uint8, and degrees [N] of their cameras."""

    images: Tensor
    masks: Tensor
    azimuth: Tensor
    elevation: Tensor

    @classmethod
    def of(cls, photos: Photos) -> Views:
        """Those of the photos whose object is neither cut off nor small."""
        masks = photos.masks
        there = masks.flatten(1).bool().any(1)
        _, side = boxes(torch.where(there[:, None, None, None], masks, torch.ones_like(masks)).float())
        border = torch.ones_like(masks[0, 0], dtype=torch.bool)
        border[1:-1, 1:-1] = False
        good = there & (side >= SMALLEST) & (masks[:, 0, border].sum(1) <= CUT_OFF)
        camera = photos.camera
        return cls(photos.images[good], masks[good], camera.azimuth[good], camera.elevation[good])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: Tensor | slice) -> Views:
        return Views(**{name: value[rows] for name, value in self.__dict__.items()})


def train_photo_camera(
    photos: Sequence[Photos], config: PhotoCameraConfig, directory: Path, seed: int, command: str | None = None
) -> PhotoCamera:
    """A network trained on windows of `photos`, written to `directory`/camera.safetensors.

    Resumed, kept and logged as `segmentation.training.train_segmenter` does.

    Args:
        photos: of each of `config.categories`, in that order; the last `config.held_out` of each that can be used are
            not trained on.
        command: what was typed, for the provenance.

    Raises:
        ValueError: other categories, too few photos, or `directory` belongs to a training with other settings.
    """
    names = tuple(some.category for some in photos)
    views = [Views.of(some) for some in photos]
    if names != config.categories or min(len(some) for some in views) <= config.held_out:
        raise ValueError(
            f"More than {config.held_out} photos each of whole {', '.join(config.categories)} are needed, in that "
            "order; got " + ", ".join(f"{len(some)} of {name}" for name, some in zip(names, views, strict=True))
        )
    directory, team = Path(directory), Team()
    directory.mkdir(parents=True, exist_ok=True)
    some = [one.images[:: max(1, len(one) // 16)] for one in views]
    counted = {"count": sum(len(one) for one in views), "checksum": sum(int(images.sum()) for images in some)}
    identity = {"camera": asdict(config), "seed": seed, "photos": counted}
    if (directory / WEIGHTS).is_file():
        (directory / STATE).unlink(missing_ok=True)  # killed just before it was deleted
        done = read_photo_camera(directory / WEIGHTS)
        check_identity(directory / WEIGHTS, done.provenance.get("identity"), identity)
        return done

    held_out = [one[len(one) - config.held_out :] for one in views]
    views = [one[: len(one) - config.held_out] for one in views]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = PhotoCamera(config).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.lr, weight_decay=0.02)
    checkpoints = Checkpoints(directory, PHASE, identity, f"a lower learning rate than {config.lr:g}")

    def step(number: int) -> dict[str, float]:
        return _step(network, optimizer, checkpoints, views, seed, number)

    def score() -> dict[str, float]:
        network.eval()
        each = [score_views(network, name, some) for name, some in zip(names, held_out, strict=True)]
        return {key: sum(one[key] for one in each) / len(each) for key in each[0]}

    def prepare(number: int) -> Callable[[], object]:
        with torch.random.fork_rng(devices=[]):
            other = PhotoCamera(config).to(memory_format=torch.channels_last)
        other.config = replace(config, batch=number)
        rate = torch.optim.AdamW(other.parameters(), lr=config.lr)
        return lambda: _step(other, rate, None, views, seed, 0)

    advice = f"make batches smaller (now {config.batch})"
    rehearsal = Rehearsal(prepare, config.batch, bytes_of(network), directory, advice)
    minutes = learn(
        network,
        optimizer,
        checkpoints,
        config.steps,
        config.evaluate_every,
        step,
        score,
        team,
        "photo camera",
        rehearsal,
    )
    network.eval()
    provenance: dict[str, Any] = {
        "command": command or f"train_photo_camera(photos, config, directory, seed={seed})",
        "seed": seed,
        "photos": sum(len(one) for one in views),
        "minutes": round(minutes, 1),
        "held_out": {name: score_views(network, name, one) for name, one in zip(names, held_out, strict=True)},
        "identity": identity,
    }
    save_photo_camera(directory / WEIGHTS, network, provenance)
    checkpoints.remove()
    return read_photo_camera(directory / WEIGHTS)


def score_views(network: PhotoCamera, category: str, views: Views, batch: int = 64) -> dict[str, float]:
    """On photos as they are: median error of the azimuth in degrees, shares within 15 and beyond 90 degrees."""
    errors = []
    for rows in torch.arange(len(views)).split(batch):
        some = views[rows]
        window = Window.around(some.masks.float(), SHARE)
        opinion = network.read(*window.cut(some.images.float() / 255, some.masks.float()), category)
        errors.append(angular_distance(likeliest(opinion), some.azimuth))
    error = torch.cat(errors)
    shares = {"within_15": (error <= 15).float().mean(), "flipped": (error > 90).float().mean()}
    return {"azimuth_error_deg": float(error.median()), **{name: float(share) for name, share in shares.items()}}


def likeliest(opinion: Opinion) -> Tensor:
    """[B] degrees: the place in the likeliest bin."""
    peak = opinion.logits.argmax(1, keepdim=True)
    place = peak + opinion.offsets.gather(1, peak).clamp(-1, 1)
    return place[:, 0] * (360.0 / opinion.logits.shape[1])


def _step(
    network: PhotoCamera,
    optimizer: torch.optim.Optimizer,
    checkpoints: Checkpoints | None,
    views: Sequence[Views],
    seed: int,
    number: int,
) -> dict[str, float]:
    """One optimiser step; the losses by name. What is drawn depends on the seed and the step's number only."""
    config = network.config
    draws = Draws(torch.Generator().manual_seed(seed * 1_000_003 + number), Team())
    parts = [one[torch.randint(len(one), (config.batch,), generator=draws.generator)] for one in views]
    images, masks = (torch.cat([getattr(part, name) for part in parts]).float() for name in ("images", "masks"))
    azimuth, elevation = (torch.cat([getattr(part, name) for part in parts]) for name in ("azimuth", "elevation"))
    kind = torch.arange(len(views)).repeat_interleave(config.batch)
    count = len(images)
    mirrored = draws.rand(count) < 0.5
    images, masks = (torch.where(mirrored[:, None, None, None], one.flip(-1), one) for one in (images / 255, masks))
    azimuth = torch.where(mirrored, -azimuth, azimuth)
    window = Window.around(masks, uniform(draws, *SHARES, count), uniform(draws, -OFFSET, OFFSET, count, 2))
    images, masks = window.cut(images, masks)
    small = F.interpolate(F.avg_pool2d(images, 2), scale_factor=2, mode="bilinear", align_corners=False)
    images = torch.where(draws.rand(count, 1, 1, 1) < COARSE, small, images)
    images = photographed(images, masks, draws)
    masks = badly_cut(images, masks, draws)
    with bfloat16(config.bf16):
        opinion = network(images, masks, kind)
    terms = azimuth_terms(opinion.logits, opinion.offsets, azimuth)
    terms["elevation"] = F.smooth_l1_loss((opinion.elevation - elevation) / ELEVATION[1], torch.zeros(count), beta=0.2)
    for group in optimizer.param_groups:
        group["lr"] = config.lr * decay(number / config.steps) * min(1.0, (number + 1) / WARMUP)
    optimizer.zero_grad(set_to_none=True)
    torch.stack([WEIGHTS_OF[name] * term for name, term in terms.items()]).sum().backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    finite_step(optimizer, checkpoints, number + 1, terms.values())
    return {name: term.item() for name, term in terms.items()}
