"""A pose regressor: reads azimuth and elevation of the camera off a picture.

It is trained on photographs with known cameras and used to measure GANs and renderers, never to train them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from ganverse_nb.config import ViewConfig
from ganverse_nb.gan.checkpoint import WEIGHTS, CheckpointError, read_tensors
from ganverse_nb.geometry.angles import angular_distance
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.runtime.checkpoints import Checkpoints
from ganverse_nb.runtime.demand import Rehearsal
from ganverse_nb.runtime.files import content_of
from ganverse_nb.runtime.placement import at_home, device_of
from ganverse_nb.runtime.precision import bfloat16
from ganverse_nb.runtime.steps import finite_step
from ganverse_nb.runtime.tensors import save_tensors

FORMAT, PHASE = "ganverse_nb.pose_regressor/2", "pose_regressor"
SAVE_EVERY = 200  # steps
INPUT = 64  # pixels
WIDTHS = (32, 64, 96, 128)
PEAK_LR = 2e-3
ELEVATION = (14.0, 10.0)  # degrees: what the network puts out is (elevation - first) / second
ELEVATION_WEIGHT = 0.3  # of its loss beside the azimuth's


@dataclass(frozen=True)
class Pose:
    """Azimuth [B] in degrees, [-180, 180), its confidence [B]: length of the predicted vector, about 1 when sure, and
    elevation [B] in degrees.
    """

    azimuth: Tensor
    confidence: Tensor
    elevation: Tensor


class PoseRegressor(nn.Module):
    """Pictures [B, 3, H, W] in [0, 1] -> sin and cos of the azimuth, scaled elevation [B, 3]; any size."""

    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        for inputs, outputs in zip((3, *WIDTHS[:-1]), WIDTHS, strict=True):
            blocks += [nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
            if inputs != 3:
                blocks += [nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.features = nn.Sequential(*blocks)
        self.head = nn.Sequential(nn.Linear(WIDTHS[-1] * 16, 256), nn.ReLU(), nn.Linear(256, 3))
        self.provenance: dict[str, Any] = {}

    @at_home
    def forward(self, images: Tensor) -> Tensor:
        if images.shape[-2:] != (INPUT, INPUT):
            images = F.interpolate(images, (INPUT, INPUT), mode="bilinear", antialias=True)
        x = (images - 0.5).contiguous(memory_format=torch.channels_last)
        return self.head(self.features(x).flatten(1).float())

    @torch.no_grad()
    def pose(self, images: Tensor, batch: int = 256) -> Pose:
        """Azimuth, confidence and elevation of pictures [B, 3, H, W] in [0, 1] (evaluation mode)."""
        if self.training:
            raise RuntimeError("Call .eval() before measuring poses.")
        vector = torch.cat([self(part) for part in images.split(batch)])
        azimuth = torch.rad2deg(torch.atan2(vector[:, 0], vector[:, 1]))
        return Pose(azimuth, vector[:, :2].norm(dim=1), vector[:, 2] * ELEVATION[1] + ELEVATION[0])

    def save(self, path: str | Path) -> None:
        """Write weights as float16 and provenance to a safetensors file (atomic)."""
        facts = {"provenance": json.dumps(self.provenance, default=str)}
        save_tensors(path, self.state_dict(), FORMAT, facts, half=True)

    @classmethod
    def load(cls, source: str | Path = "car") -> PoseRegressor:
        """The bundled regressor of a category, or a file; in evaluation mode.

        Raises:
            FileNotFoundError: no such file. CheckpointError: damaged, or something else.
        """
        bundled = WEIGHTS / str(source) / "pose.safetensors"
        path = bundled if bundled.is_file() else Path(source)
        tensors, metadata = read_tensors(path, FORMAT)
        network = cls()
        with content_of(path, "pose regressor", "train it again with `ganverse train-pose`", CheckpointError):
            network.load_state_dict(tensors)
            network.provenance = json.loads(metadata.get("provenance", "{}"))
        return network.eval().requires_grad_(False)


def train_regressor(
    images: Tensor,
    camera: Camera,
    config: ViewConfig,
    seed: int = 0,
    *,
    progress: bool = True,
    directory: Path | None = None,
    device: str = "cpu",
) -> PoseRegressor:
    """Train on photos uint8 [N, 3, R, R] with known cameras [N].

    Augmentation: mirroring (azimuth changes sign; objects are symmetric), brightness, contrast, shift, noise, so that
    pictures that look a little different from photographs are read as well.

    Args:
        directory: where a checkpoint is kept, from which the same call goes on after an interruption.

    Raises:
        ValueError: numbers of photos and cameras differ; the checkpoint is damaged or of other settings.
        DivergedError: loss or weights are not finite.
    """
    if len(images) != len(camera) or images.dtype != torch.uint8:
        raise ValueError(f"Need uint8 photos and one camera each, got {images.dtype}, {len(images)}, {len(camera)}.")
    rng = torch.Generator().manual_seed(seed)
    network = _fresh(seed, device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=PEAK_LR, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _warm_cosine(step / config.regressor_steps))
    angle = torch.deg2rad(camera.azimuth.float())
    target = torch.stack([angle.sin(), angle.cos(), (camera.elevation.float() - ELEVATION[0]) / ELEVATION[1]], 1)
    parts = {"network": network, "optimiser": optimiser, "schedule": schedule}

    def restore(state: dict[str, Any]) -> None:
        for name, part in parts.items():
            part.load_state_dict(state[name])  # type: ignore[attr-defined]
        rng.set_state(state["rng"])

    steps, batch = config.regressor_steps, config.regressor_batch
    identity = {"steps": steps, "batch": batch, "seed": seed, "photos": len(images)}
    advice = f"a larger views.regressor_batch (now {batch}) or another seed"
    checkpoints = Checkpoints(directory or Path(), PHASE, identity, advice, writes=directory is not None)
    start = 0 if directory is None else checkpoints.resume(restore)

    def prepare(number: int) -> Callable[[], object]:
        other, rng = _fresh(seed, device), torch.Generator().manual_seed(seed)
        rate = torch.optim.AdamW(other.parameters(), lr=PEAK_LR)

        def step() -> None:
            rate.zero_grad(set_to_none=True)
            _loss(other, images, target, number, rng).backward()
            rate.step()

        return step

    weights, advice = sum(4 * p.numel() for p in network.parameters()), f"lower views.regressor_batch (now {batch})"
    Rehearsal(prepare, batch, weights, checkpoints.state.parent, advice).tell("the pose regressor", steps - start)
    for step in tqdm(range(start + 1, steps + 1), desc="pose regressor", disable=not progress):
        loss = _loss(network, images, target, batch, rng)
        checkpoints.check(step, {"loss": loss})
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        finite_step(optimiser, checkpoints, step)
        schedule.step()
        if step % SAVE_EVERY == 0 or step == steps or checkpoints.due():
            state = {name: part.state_dict() for name, part in parts.items()}  # type: ignore[attr-defined]
            checkpoints.save(step, **state, rng=rng.get_state())
    return network.eval().requires_grad_(False)


def _fresh(seed: int, device: str) -> PoseRegressor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = PoseRegressor()
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _loss(network: PoseRegressor, images: Tensor, target: Tensor, batch: int, rng: torch.Generator) -> Tensor:
    """Of a batch that is drawn."""
    pick = torch.randint(len(images), (batch,), generator=rng)
    pictures, wanted = _augment(images[pick].float() / 255.0, target[pick], rng)
    with bfloat16(device=device_of(network)):
        found = network(pictures).float()
        return ((found - wanted).square().mean(0) * torch.tensor([0.5, 0.5, ELEVATION_WEIGHT])).sum()


def azimuth_error(regressor: PoseRegressor, images: Tensor, azimuth: Tensor) -> Tensor:
    """Absolute error in degrees [N] on pictures in [0, 1]."""
    return angular_distance(regressor.pose(images).azimuth, azimuth)


def _augment(images: Tensor, target: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    n, _, height, width = images.shape
    mirrored = torch.rand(n, generator=rng) < 0.5
    images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    target = torch.where(mirrored[:, None], target * torch.tensor([-1.0, 1.0, 1.0]), target)
    contrast = torch.exp(0.2 * torch.randn(n, 3, 1, 1, generator=rng))
    brightness = 0.08 * torch.randn(n, 3, 1, 1, generator=rng)
    down, right = (int(v) for v in torch.randint(-3, 4, (2,), generator=rng))
    images = F.pad(images, (3, 3, 3, 3), mode="replicate")[..., 3 + down :, 3 + right :][..., :height, :width]
    noise = 0.02 * torch.randn(images.shape, generator=rng)
    return ((images - 0.5) * contrast + 0.5 + brightness + noise).clamp(0.0, 1.0), target


def _warm_cosine(progress: float) -> float:
    """Share of the peak learning rate: a linear rise over the first tenth, then half a cosine down to 0."""
    return min(1.0, 0.05 + progress / 0.1) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
