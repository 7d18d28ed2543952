"""A differentiable stand-in for the segmenter.

Eq 6 infers shape and texture again from the picture that StyleGAN-R made, and f needs a mask for that. The rendered
silhouette of the target shape would give the answer away (f reads the shape off the mask, so any picture would satisfy
the shape term), and Mask R-CNN's thresholded mask has no gradient. So a small network learns the segmenter's masks on
the multi-view dataset, is frozen, and gives soft masks through which the gradient reaches the generator. Evaluation
uses the segmenter itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from ganverse_nb.config import StyleGANRConfig
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.neural_renderer.data import Pictures
from ganverse_nb.runtime.checkpoints import Checkpoints
from ganverse_nb.runtime.draws import Draws
from ganverse_nb.runtime.placement import at_home
from ganverse_nb.runtime.steps import finite_step
from ganverse_nb.runtime.team import Team

SAVE_EVERY = 100
STUDENT, PHASE = "mask_student.pt", "mask_student"


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.GroupNorm(4, outputs),
        nn.LeakyReLU(0.2),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.LeakyReLU(0.2),
    )


class MaskStudent(nn.Module):
    """Pictures [B, 3, R, R] in [0, 1] -> soft masks [B, 1, R, R]; a U-Net of three levels below half resolution."""

    def __init__(self, widths: tuple[int, int, int] = (16, 32, 64)):
        super().__init__()
        a, b, c = widths
        self.stem = nn.Conv2d(3, a, 4, stride=2, padding=1)
        self.level1, self.level2, self.level3 = _block(a, a), _block(a, b), _block(b, c)
        self.up2, self.up1 = _block(b + c, b), _block(a + b, a)
        self.head = nn.Conv2d(a + 3, 1, 3, padding=1)

    def logits(self, images: Tensor) -> Tensor:
        x1 = self.level1(F.leaky_relu(self.stem(2 * images - 1), 0.2))
        x2 = self.level2(F.avg_pool2d(x1, 2))
        x3 = self.level3(F.avg_pool2d(x2, 2))
        x2 = self.up2(torch.cat([x2, _to(x3, x2)], 1))
        x1 = self.up1(torch.cat([x1, _to(x2, x1)], 1))
        return self.head(torch.cat([_to(x1, images), 2 * images - 1], 1))

    @at_home
    def forward(self, images: Tensor) -> Tensor:
        return self.logits(images).sigmoid()


def _to(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def train_mask_student(
    sample: Callable[[torch.Generator], tuple[Tensor, Tensor]],
    steps: int,
    seed: int,
    lr: float = 2e-3,
    progress: bool = True,
    device: torch.device | str = "cpu",
    checkpoints: Checkpoints | None = None,
    team: Team | None = None,
) -> MaskStudent:
    """A frozen student after `steps` of binary cross-entropy on (pictures, masks) drawn by `sample`.

    Among the processes of `team`, each draws its share of a batch.

    The learning rate falls to zero along a cosine. With `checkpoints`, a training that was interrupted goes on from
    there, and one that was finished is loaded.

    Raises:
        ValueError: the checkpoint is damaged or of other settings. DivergedError: losses or weights are not finite.
    """
    rng, team = torch.Generator().manual_seed(seed), team or Team()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        student = MaskStudent().to(device)
    optimizer = torch.optim.Adam(student.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1))

    def restore(state: dict[str, Any]) -> None:
        student.load_state_dict(state["student"])
        if state["step"] < steps:
            optimizer.load_state_dict(state["optimizer"])
            schedule.load_state_dict(state["schedule"])
            rng.set_state(state["rng"])

    start = checkpoints.resume(restore) if checkpoints else 0
    team.agree(student.state_dict().values())
    for step in tqdm(range(start + 1, steps + 1), desc="mask student", disable=not progress):
        images, masks = (part.to(device) for part in sample(rng))
        loss = F.binary_cross_entropy_with_logits(student.logits(images), masks)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        team.average_gradients(student.parameters(), [loss := loss.detach()])
        finite_step(optimizer, checkpoints, step, [loss])
        schedule.step()
        if checkpoints and step < steps and (step % SAVE_EVERY == 0 or checkpoints.due()):
            checkpoints.check(step, {"loss": loss})
            going_on = {"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict(), "rng": rng.get_state()}
            checkpoints.save(step, student=student.state_dict(), **going_on)
    if checkpoints and start < steps:
        checkpoints.save(steps, student=student.state_dict())
    optimizer.zero_grad(set_to_none=True)
    return student.eval().requires_grad_(False)


def state_identity(config: StyleGANRConfig, seed: int) -> dict[str, Any]:
    """What must agree for a state of StyleGAN-R's trainings to be continued."""
    return {"stylegan_r": asdict(config), "seed": seed}


def mask_student(
    pictures: Pictures,
    train: Sequence[int],
    validation: Sequence[int],
    config: StyleGANRConfig,
    directory: Path,
    seed: int,
    progress: bool,
    device: torch.device | str = "cpu",
    team: Team | None = None,
) -> tuple[MaskStudent, float]:
    """The trained mask student (kept in `directory`) and its IoU with the segmenter's masks on held-out contents."""

    def rows_of(contents: Sequence[int]) -> Tensor:
        return torch.isin(pictures.content, torch.as_tensor(list(contents))).nonzero().squeeze(1)

    def batch(rows: Tensor) -> tuple[Tensor, Tensor]:
        return pictures.images[rows].float() / 255, pictures.masks[rows].float()

    learnable, unseen, team = rows_of(train), rows_of(validation), team or Team()
    count = team.share(config.batch, "stylegan_r.batch")

    def sample(rng: torch.Generator) -> tuple[Tensor, Tensor]:
        return batch(learnable[Draws(rng, team).randint(len(learnable), count)])

    advice = f"a larger stylegan_r.batch (now {config.batch}) or another seed"
    checkpoints = Checkpoints(
        directory, PHASE, state_identity(config, seed), advice, state=STUDENT, writes=team.is_main
    )
    student = train_mask_student(
        sample, config.mask_steps, seed, progress=progress, device=device, checkpoints=checkpoints, team=team
    )
    images, masks = (part.to(device) for part in batch(unseen[:256]))
    with torch.no_grad():
        return student, float(hard_iou(student(images), masks).mean())
