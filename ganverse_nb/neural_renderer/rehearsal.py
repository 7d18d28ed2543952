"""What StyleGAN-R will take, by a few small steps of each of its parts on a few of the pictures."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ganverse_nb.config import StyleGANRConfig
from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.generator import Generator
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.neural_renderer.codes import Codes
from ganverse_nb.neural_renderer.data import CHUNK, PROPERTIES, Pictures, PropertyDataset
from ganverse_nb.neural_renderer.fresh import FRESH, VIEWS_EACH
from ganverse_nb.neural_renderer.joint import JointStage
from ganverse_nb.neural_renderer.losses import TrainingSet, code_loss
from ganverse_nb.neural_renderer.mapping import PropertyMapper
from ganverse_nb.neural_renderer.mask_student import MaskStudent, train_mask_student
from ganverse_nb.neural_renderer.properties import PropertyEncoder
from ganverse_nb.neural_renderer.renderer import StyleGANR
from ganverse_nb.neural_renderer.warm_up import new_mapping
from ganverse_nb.runtime.arrays import rows_done
from ganverse_nb.runtime.checkpoints import METRICS, read_metrics
from ganverse_nb.runtime.demand import TOLD, announce, step_demand
from ganverse_nb.runtime.precision import has_bfloat16
from ganverse_nb.runtime.team import alone
from ganverse_nb.runtime.threads import one_thread

STATES = 9  # times the generator's weights are on disk: learned, averaged, kept, with Adam's two means; the results


def tell(
    pictures: Pictures,
    train: Sequence[int],
    codes: Codes,
    cameras: Camera,
    generator: Generator,
    encoder: PropertyEncoder,
    config: StyleGANRConfig,
    directory: Path,
    on_orbit: Tensor | None = None,
    discriminator: Discriminator | None = None,
) -> None:
    """Says what `train_stylegan_r` will take with these arguments; nothing of them is changed.

    Raises:
        ExpectedError: disk or memory are too small.
    """
    if config.mask_steps + config.warmup_steps + config.finetune_steps < TOLD:
        return
    device = generator.const.device
    rows = torch.isin(pictures.content, torch.as_tensor(list(train))).nonzero().flatten()[:CHUNK]
    few = Pictures(pictures.images[rows], pictures.masks[rows], pictures.content[rows], pictures.view[rows])
    dataset = PropertyDataset(few, encoder.infer, cameras, device=device)
    data = TrainingSet(dataset, codes, few.content.unique())
    with alone(), one_thread(has_bfloat16(device)), torch.random.fork_rng(devices=[]):
        steps = _Steps(data, new_mapping(data, cameras, on_orbit, config, 0).to(device), generator, encoder, config)
        fresh = VIEWS_EACH * config.fresh_contents
        total = step_demand(steps.student, config.batch).times(config.mask_steps - _done(directory, "mask_student"))
        passed = min(CHUNK, generator.at_once)
        painted = step_demand(steps.paint, passed).times((fresh - rows_done(directory / FRESH)) / passed)
        count = len(pictures) + fresh
        said = step_demand(steps.infer, CHUNK).times((count - rows_done(directory / PROPERTIES)) / CHUNK)
        warm = step_demand(steps.warm, config.batch).times(config.warmup_steps - _done(directory, "warmup"))
        total = total.then(painted).then(said).then(warm)
        if config.finetune_steps:
            joint = step_demand(steps.joint(discriminator), config.batch)
            total = total.then(joint.times(config.finetune_steps - _done(directory, "finetune")))
    picture, of_f = 4 * few.images.shape[-1] ** 2, sum(v.nbytes for v in dataset.said(torch.arange(1)).values())
    weights = STATES * sum(4 * parameter.numel() for parameter in generator.parameters())
    kept = sum(path.stat().st_size for path in directory.glob("*/*.npy"))
    demand = replace(total, disk=max(0, fresh * picture + count * of_f - kept) + weights)
    announce("StyleGAN-R", demand, directory, f"lower stylegan_r.batch (now {config.batch})")


class _Steps:
    """Steps of each part with batches of a number, on copies."""

    def __init__(
        self,
        data: TrainingSet,
        mapping: PropertyMapper,
        generator: Generator,
        encoder: PropertyEncoder,
        config: StyleGANRConfig,
    ) -> None:
        self.data, self.mapping, self.generator, self.encoder, self.config = data, mapping, generator, encoder, config
        self.device = generator.const.device

    def rows(self, number: int) -> Tensor:
        return torch.arange(number) % len(self.data.dataset)

    def student(self, number: int) -> Callable[[], object]:
        dataset, rows = self.data.dataset, self.rows(number)
        sample = (dataset.images(rows), dataset.masks(rows))
        return lambda: train_mask_student(lambda rng: sample, 1, 0, progress=False, device=self.device)

    def paint(self, number: int) -> Callable[[], object]:
        pictures, rows = self.data.dataset.pictures, self.rows(number)
        styles = self.data.codes.styles(pictures.content[rows], pictures.view[rows])
        return torch.no_grad()(lambda: self.generator.squares(styles, pictures.images.shape[-1]))

    def infer(self, number: int) -> Callable[[], object]:
        return lambda: self.data.dataset.said(self.rows(number))

    def warm(self, number: int) -> Callable[[], object]:
        config, rng = replace(self.config, batch=number), torch.Generator().manual_seed(0)
        return lambda: code_loss(self.mapping, self.data, config, rng, 0.0)[0].backward()

    def joint(self, discriminator: Discriminator | None) -> Callable[[int], Callable[[], object]]:
        def prepare(number: int) -> Callable[[], object]:
            model = StyleGANR(copy.deepcopy(self.generator), copy.deepcopy(self.mapping), self.encoder)
            student = MaskStudent().to(self.device)
            encoder = PropertyEncoder(self.encoder.infer, student, self.encoder.camera)
            config = replace(self.config, batch=number)
            stage = JointStage(model, self.data, encoder, config, 0, discriminator)
            numbers = itertools.chain([config.adversary_r1_interval], itertools.repeat(1))  # the first with R1
            return lambda: stage.step(next(numbers))

        return prepare


def _done(directory: Path, phase: str) -> int:
    """The last step that the metrics tell of."""
    path = directory / METRICS
    steps = [entry["step"] for entry in read_metrics(path, phase)] if path.is_file() else []
    return int(max(steps, default=0))
