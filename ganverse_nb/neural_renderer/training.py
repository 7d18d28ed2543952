"""From teacher, views, dataset and inverse graphics to StyleGAN-R: warm-up, then joint fine-tuning (section 3.3)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ganverse_nb.config import StyleGANRConfig
from ganverse_nb.gan.generator import Generator
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.neural_renderer.bank import Pictures, PropertyBank
from ganverse_nb.neural_renderer.codes import exact_codes, fresh_pictures
from ganverse_nb.neural_renderer.finetune import fine_tune
from ganverse_nb.neural_renderer.held_out import swap_pairs
from ganverse_nb.neural_renderer.losses import TrainingSet
from ganverse_nb.neural_renderer.mapping import MappingNetwork
from ganverse_nb.neural_renderer.mask_student import MaskStudent, train_mask_student
from ganverse_nb.neural_renderer.observer import Observer
from ganverse_nb.neural_renderer.stylegan_r import StyleGANR
from ganverse_nb.neural_renderer.warmup import warm_up
from ganverse_nb.runtime.checkpoints import load_state, save_state
from ganverse_nb.runtime.threads import one_thread

STUDENT, WARM, FINAL = "mask_student.pt", "mapping_only.safetensors", "stylegan_r.safetensors"
HELD_OUT_PAIRS = 64


def train_stylegan_r(
    pictures: Pictures,
    train_contents: Sequence[int],
    content_w: Tensor,
    view_w: Tensor,
    split_layer: int,
    cameras: Camera,
    generator: Generator,
    observer: Observer,
    config: StyleGANRConfig,
    directory: Path,
    seed: int,
    *,
    ring: Tensor | None = None,
    psi: float = 0.8,
    minimum_mask: float = 0.1,
    progress: bool = True,
) -> StyleGANR:
    """Train StyleGAN-R; resumes from `directory` and leaves metrics.jsonl and two renderers there.

    `mapping_only.safetensors` is the state after the warm-up (the paper's ablation, Fig J), `stylegan_r.safetensors`
    the result.

    Args:
        pictures: the kept pictures of the multi-view dataset.
        train_contents: its contents that may be learned from; the last `config.validation_contents` of them are
            kept for the early stop.
        content_w: [C, w_dim] codes of the dataset's contents.
        view_w: [N, w_dim] the chosen view codes.
        split_layer: how many layers take the view code.
        cameras: the N optimised cameras of the view codes.
        generator: the teacher; not changed. Everything is trained where it is.
        observer: the frozen f and the camera head, on the same device; its mask is not used in training.
        ring: [N] bool, the view codes that form a path around the object; all where None.
        psi, minimum_mask: truncation and mask filter of the dataset, for fresh contents.

    Returns:
        the renderer, with `observer` to encode pictures; `notes` says how gates, masks and fine-tuning turned out.
    """
    directory.mkdir(parents=True, exist_ok=True)
    device = generator.const.device
    codes = exact_codes(generator, view_w, content_w, split_layer)
    train, validation = split_contents(train_contents, config.validation_contents)
    student, student_iou = mask_student(pictures, train, validation, config, directory, seed, progress, device)
    if config.fresh_contents > 0:
        first = len(codes.content)
        codes, fresh = fresh_pictures(
            generator,
            codes,
            student,
            config.fresh_contents,
            pictures.images.shape[-1],
            psi=psi,
            minimum_mask=minimum_mask,
            seed=seed,
            progress=progress,
        )
        pictures = pictures.joined(fresh)
        train = [*train, *range(first, first + config.fresh_contents)]
    bank = PropertyBank(pictures, observer.infer, cameras, progress, device)
    data = TrainingSet(bank, codes, bank.usable(train))
    eye = Observer(observer.infer, student, observer.camera)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        mapping = MappingNetwork.fit(
            codes.view.cpu(),
            cameras,
            codes.content[data.contents].cpu(),
            bank.shapes,
            texture=(bank.textures.shape[-2], bank.textures.shape[-1]),
            resolution=pictures.images.shape[-1],
            ring=ring,
            view_share=config.view_share,
            rest=config.view_rest,
            harmonics=config.view_harmonics,
            hidden=config.hidden,
        ).to(device)
    with one_thread():
        warm_up(mapping, data, config, directory, seed, progress)
    notes = {
        "gates_decided": mapping.decided(),
        "mask_student_iou": student_iou,
        "driven_dims": mapping.sizes.driven_dims,
    }
    model = StyleGANR(copy.deepcopy(generator), mapping, observer, notes)
    if not (directory / WARM).exists():
        model.save(directory / WARM)
    pairs = swap_pairs(bank, validation, HELD_OUT_PAIRS, seed)
    fine_tune(model, data, eye, pairs, config, directory, seed, progress)
    model.notes["gates_decided"] = model.mapping.decided()
    model.save(directory / FINAL)
    for module in (model.generator, model.mapping):
        module.requires_grad_(False)
    return model


def split_contents(contents: Sequence[int], validation: int) -> tuple[list[int], list[int]]:
    """Training and validation contents: the last `validation` ones are kept out.

    Raises:
        ValueError: nothing would be left to train on, or too few for a swap.
    """
    everyone = [int(c) for c in contents]
    if not 2 <= validation < len(everyone):
        raise ValueError(
            f"validation_contents must be at least 2 and leave contents to train on: {validation} of {len(everyone)}."
        )
    return everyone[:-validation], everyone[-validation:]


def mask_student(
    pictures: Pictures,
    train: Sequence[int],
    validation: Sequence[int],
    config: StyleGANRConfig,
    directory: Path,
    seed: int,
    progress: bool,
    device: torch.device | str = "cpu",
) -> tuple[MaskStudent, float]:
    """The trained mask student (kept in `directory`) and its IoU with the segmenter's masks on held-out contents."""

    def rows_of(contents: Sequence[int]) -> Tensor:
        return torch.isin(pictures.content, torch.as_tensor(list(contents))).nonzero().squeeze(1)

    def batch(rows: Tensor) -> tuple[Tensor, Tensor]:
        return pictures.images[rows].float() / 255, pictures.masks[rows].float()

    learnable, unseen = rows_of(train), rows_of(validation)

    def sample(rng: torch.Generator) -> tuple[Tensor, Tensor]:
        return batch(learnable[torch.randint(len(learnable), (config.batch,), generator=rng)])

    state = load_state(directory / STUDENT)
    if state is None:
        student = train_mask_student(sample, config.mask_steps, seed, progress=progress, device=device)
        save_state(directory / STUDENT, {"step": config.mask_steps, "student": student.state_dict()})
    else:
        student = MaskStudent().eval().requires_grad_(False)
        student.load_state_dict(state["student"])
        student.to(device)
    images, masks = (part.to(device) for part in batch(unseen[:256]))
    with torch.no_grad():
        return student, float(hard_iou(student(images), masks).mean())
