"""From teacher, views, dataset and inverse graphics to StyleGAN-R: warm-up, then joint fine-tuning (section 3.3).

f, the camera head and the teacher are frozen throughout: no gradient is ever accumulated in them.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from ganverse_nb.config import StyleGANRConfig
from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.generator import Generator
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.neural_renderer.codes import exact_codes
from ganverse_nb.neural_renderer.data import PROPERTIES, Pictures, PropertyDataset
from ganverse_nb.neural_renderer.fresh import FRESH, fresh_pictures
from ganverse_nb.neural_renderer.held_out import HeldOut
from ganverse_nb.neural_renderer.joint import fine_tune
from ganverse_nb.neural_renderer.losses import TrainingSet
from ganverse_nb.neural_renderer.mask_student import mask_student
from ganverse_nb.neural_renderer.properties import PropertyEncoder
from ganverse_nb.neural_renderer.rehearsal import tell
from ganverse_nb.neural_renderer.renderer import StyleGANR, check_zoom
from ganverse_nb.neural_renderer.warm_up import new_mapping, warm_up
from ganverse_nb.runtime.files import remove
from ganverse_nb.runtime.precision import has_bfloat16
from ganverse_nb.runtime.team import Team
from ganverse_nb.runtime.threads import one_thread

WARM, FINAL = "mapping_only.safetensors", "stylegan_r.safetensors"


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
    discriminator: Discriminator | None = None,
    progress: bool = True,
) -> StyleGANR:
    """Train StyleGAN-R; resumes from `directory` and leaves metrics.jsonl and two renderers there.

    Processes that were started together share the batches of each training (`runtime.team`).

    `mapping_only.safetensors` is the mapping network after the warm-up, without the generator, which is the teacher's
    (the paper's ablation, Fig J); `stylegan_r.safetensors` is the result.

    Args:
        pictures: the pictures of the multi-view dataset that were kept.
        train_contents: its training contents; the last `config.validation_contents` of them are held out to measure
            the joint stage with.
        content_w: [C, w_dim] codes of the dataset's contents.
        view_w: [N, w_dim] the chosen view codes.
        split_layer: how many layers take the view code.
        cameras: the N optimised cameras of the view codes.
        generator: the teacher; not changed. Training runs on its device.
        encoder: f and the camera head, on the same device; they are frozen. Its mask is not trained with, but what
            the joint stage is measured with.
        on_orbit: [N] bool, the view codes that form a path around the object; all where None.
        psi, minimum_mask: truncation and mask filter of the dataset, for fresh contents.
        discriminator: of the teacher, if `config.weight_adversarial` is used; not changed.

    Returns:
        the renderer, with `encoder` to encode pictures; `notes` says how gates, masks and fine-tuning turned out.

    Raises:
        ValueError: what lies in `directory` is damaged or of other settings, or a batch that the processes cannot share
            evenly.
        ExpectedError: disk or memory are too small for it.
        DivergedError: a training came to numbers that are not finite.
    """
    directory.mkdir(parents=True, exist_ok=True)
    device, team = generator.const.device, Team.from_environment()
    progress = progress and team.is_main
    encoder.freeze()
    check_zoom(generator, config.zoom_at)
    codes = exact_codes(generator, view_w.to(device), content_w.to(device), split_layer)
    train, validation = split_contents(train_contents, config.validation_contents)
    if team.is_main:
        tell(
            pictures, train, codes, cameras, generator, encoder, config, directory, on_orbit=on_orbit,
            discriminator=discriminator,
        )  # fmt: skip
    student, student_iou = mask_student(pictures, train, validation, config, directory, seed, progress, device, team)
    if config.fresh_contents > 0:
        first = len(codes.content)
        codes, fresh = fresh_pictures(
            generator,
            codes,
            student,
            config.fresh_contents,
            pictures.images.shape[-1],
            directory,
            psi=psi,
            minimum_mask=minimum_mask,
            seed=seed,
            progress=progress,
        )
        pictures = pictures.joined(fresh)
        train = [*train, *range(first, first + config.fresh_contents)]
    dataset = PropertyDataset(pictures, encoder.infer, cameras, progress, device, directory)
    data = TrainingSet(dataset, codes, dataset.usable(train), team)
    differentiable = PropertyEncoder(encoder.infer, student, encoder.camera)

    mapping = new_mapping(data, cameras, on_orbit, config, seed).to(device)
    with one_thread():
        warm_up(mapping, data, config, directory, seed, progress)
    notes = {
        "gates_decided": mapping.decided(),
        "mask_student_iou": student_iou,
        "camera_dims": mapping.sizes.camera_dims,
    }
    if team.is_main:  # also over a file of that name, which may be of another training
        StyleGANR(generator, mapping, encoder, notes).save(directory / WARM, generator=False)
    notes["scales"] = list(config.scales)  # that the joint stage asks for
    model = StyleGANR(copy.deepcopy(generator), mapping.with_zoom(config.zoom_at), encoder, notes)
    held_out = HeldOut.of(dataset, validation, seed)
    with one_thread(has_bfloat16(device)):
        fine_tune(model, data, differentiable, held_out, config, directory, seed, progress, discriminator, encoder)
    model.notes["gates_decided"] = model.mapping.decided()
    if team.is_main:
        model.save(directory / FINAL)
        for derived in (PROPERTIES, FRESH):  # as large as the dataset, and made again from it
            remove(directory / derived)
    team.wait()
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
