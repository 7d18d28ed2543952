"""One step of every training, by one process or by several that share it: what `test_together.py` compares.

python -m torch.distributed.run --nproc_per_node 2 -m tests.together FOLDER

writes what was followed to FOLDER/steps.safetensors and a dataset to FOLDER/dataset; goes on with the training in
FOLDER/training, and there rank 1 is killed.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ganverse_nb.config import GanConfig, InverseGraphicsConfig, SegmenterConfig
from ganverse_nb.data.generation import generate
from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.latents import mix
from ganverse_nb.gan.trainer import GanTrainer
from ganverse_nb.gan.view_pairs import same_views
from ganverse_nb.inverse_graphics import training
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.perceptual import feature_distance
from ganverse_nb.inverse_graphics.training import Trainer, train_inverse_graphics
from ganverse_nb.neural_renderer.codes import exact_codes
from ganverse_nb.neural_renderer.data import PropertyDataset
from ganverse_nb.neural_renderer.joint import JointStage
from ganverse_nb.neural_renderer.losses import TrainingSet
from ganverse_nb.neural_renderer.mask_student import mask_student
from ganverse_nb.neural_renderer.renderer import StyleGANR
from ganverse_nb.neural_renderer.warm_up import warm_up
from ganverse_nb.runtime.checkpoints import STATE, load_state
from ganverse_nb.runtime.team import Team
from ganverse_nb.segmentation.detections import SMALL
from ganverse_nb.segmentation.photo_segmenter import PhotoSegmenterConfig
from ganverse_nb.segmentation.photo_training import train_photo_segmenter
from ganverse_nb.segmentation.training import train_segmenter
from ganverse_nb.studio.photos import make_photos
from ganverse_nb.workflow import cli
from tests.inverse_graphics.conftest import lump_dataset
from tests.neural_renderer import conftest as toys

CHECKOUT = Path(__file__).parent.parent


class Edges:
    """Features enough for a perceptual term."""

    name = "edges"

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        return feature_distance(*([images.diff(dim=-1), images[..., ::4, ::4]] for images in (a, b)))


def gan(team: Team) -> None:
    """Both networks with pairs of one view, R1 and path lengths."""
    config = replace(GanConfig(), resolution=16, channels=(16, 16, 8), batch=16, bfloat16=False, augment="color")
    photos = torch.randint(0, 255, (48, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    GanTrainer(photos, config, seed=0, team=team, partners=same_views(len(photos), 4)).step()


def inverse_graphics(team: Team) -> None:
    """f and the cameras by Eq 2, then with the perceptual term; f on degraded pictures; the camera head."""
    config = replace(InverseGraphicsConfig(), pairs=4, perceptual_pictures=3, texture_size=(32, 64), light=True)
    dataset, robust = lump_dataset(), config.steps
    steps = {"network": (0, config.perceptual_after), "robust": (robust,), "head": (robust + config.robust_steps,)}
    for name, numbers in steps.items():
        for number in numbers:
            trainer = Trainer(dataset, config, Path("nowhere"), Edges(), 0, "cpu", bf16=False, team=team)
            trainer.step = number
            getattr(trainer, f"{name}_step")()


def stylegan_r(team: Team) -> None:
    """The mask student, the warm-up, and the joint stage with all of its terms, R1 of the adversary included."""
    settings = toys.config(
        batch=8, warmup_steps=1, mask_steps=1, bfloat16=False, weight_anchor=1.0, adversary_r1_interval=1, average=0.0
    )
    network, pictures, content_w, view_w = toys.gan_world()
    dataset = PropertyDataset(pictures, toys.infer, toys.cameras(), progress=False)
    data = TrainingSet(dataset, exact_codes(network, view_w, content_w, 2), torch.arange(18), team)
    with tempfile.TemporaryDirectory() as folder:
        mask_student(pictures, range(18), range(18, 24), settings, Path(folder), 0, False, team=team)
        mapping = warm_up(toys.mapping_for(data, settings), data, settings, Path(folder), 0, progress=False)
    judge = Discriminator(toys.SIDE, (8, 8, 8))
    JointStage(StyleGANR(network, mapping), data, toys.encoder(), settings, 0, judge).step(1)


def segmenters(team: Team) -> None:
    """The small Mask R-CNN, whose samples and normalisations are of the whole batch, and the network of photographs."""
    thin = SegmenterConfig(
        working_size=64, widths=(8, 8, 8, 16), fine_channels=8, coarse_channels=16, mask_channels=8,
        steps=1, batch=8, bf16=False, held_out=1,
    )  # fmt: skip
    kinds = ("car", "bird")
    small = PhotoSegmenterConfig(kinds, widths=(8, 8, 16, 16, 16), steps=1, batch=4, bf16=False, held_out=1)
    photos = [make_photos(kind, 8, 5) for kind in kinds]
    folder = Path(team.told(tempfile.mkdtemp))
    train_segmenter(photos[0], thin, folder / "small", 4)
    train_photo_segmenter(photos, photos[0].images[:3], small, folder / "photographs", 3)


STAGES = {stage.__name__: stage for stage in (gan, inverse_graphics, stylegan_r, segmenters)}


@dataclass(frozen=True)
class Step:
    """What an optimiser has followed, and the losses that were told of it; both flat."""

    gradients: Tensor
    losses: Tensor


def one_step_of_each() -> dict[str, Step]:
    """All steps that the trainings take, as STAGE/NUMBER."""
    torch.set_num_threads(1)
    found: dict[str, Step] = {}
    average = Team.average_gradients

    def followed(team: Team, parameters: Iterable[Tensor], losses: Sequence[Tensor] = ()) -> None:
        average(team, parameters := list(parameters), losses)
        gradients = [p.grad.flatten() for p in parameters if p.grad is not None]
        found[f"{stage.__name__}/{len(found)}"] = Step(torch.cat(gradients), torch.stack(list(losses)).clone())

    Team.average_gradients = followed  # type: ignore[method-assign]
    try:
        for stage in STAGES.values():
            torch.manual_seed(0)
            stage(Team.from_environment())
    finally:
        Team.average_gradients = average  # type: ignore[method-assign]
    return found


def dataset(directory: Path) -> MultiViewDataset:
    """7 contents in 3 views, in chunks of 2; what is removed depends on the pictures."""
    network, _, content_w, view_w = toys.gan_world()

    def synthesize(view: Tensor, content: Tensor) -> Tensor:
        return network.synthesize(network.styles(mix(view, content, 2, network.num_ws)))

    def cut(pictures: Tensor) -> tuple[Tensor, list[str]]:
        masks = (pictures[:, :1] > 0.5).float()
        return masks, [SMALL if share < 0.5 else "" for share in masks.mean((1, 2, 3)).tolist()]

    bins, sizes = torch.tensor([0, 4, 8]), {"resolution": toys.SIDE, "test_contents": 1, "contents_per_chunk": 2}
    return generate(synthesize, cut, content_w[:7], view_w[:3], bins, directory, **sizes)


def train(directory: Path, killed: int | None = None) -> InverseGraphicsModel:
    """A training of 6 steps of f, each of which is kept; rank 1, or one process alone, is killed in step `killed`."""
    config = replace(InverseGraphicsConfig().lasting(6), pairs=2, robust_steps=0, head_steps=0, texture_size=(32, 64))
    step, team = Trainer.network_step, Team.from_environment()

    def mortal(trainer: Trainer) -> dict[str, Tensor]:
        if trainer.step + 1 == killed and team.rank == team.size - 1:
            if team.size == 1:
                raise KeyboardInterrupt
            while (load_state(directory / STATE) or {}).get("step") != trainer.step:  # which rank 0 may still write
                time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGKILL)
        return step(trainer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "CHECKPOINT_EVERY", 1)
        patch.setattr(Trainer, "network_step", mortal)
        torch.manual_seed(0)
        return train_inverse_graphics(lump_dataset(), config, directory, Edges(), bf16=False)


def main(folder: Path) -> None:
    steps = one_step_of_each()
    if Team.from_environment().is_main:
        parts = {f"{name}/{part}": value for name, step in steps.items() for part, value in vars(step).items()}
        save_file(parts, folder / "steps.safetensors")
    dataset(folder / "dataset")
    cli._compute = lambda options: train(folder / "training", killed=5)  # type: ignore[assignment]
    sys.exit(cli.main(["compute", "inverse_graphics"]))  # whose errors are sentences


if __name__ == "__main__":
    main(Path(sys.argv[1]))
