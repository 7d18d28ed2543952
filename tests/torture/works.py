"""Every stage that computes longer than seconds, at the size of a second: what `killing` ends and goes on with.

A work does all that its stage does, in a run below the directory it is given, or goes on where one that was killed has
stopped. What it is made from is made once, by the process that all of them are forked from.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch

from ganverse_nb.config import GanConfig, InverseGraphicsConfig, SegmenterConfig, ViewConfig
from ganverse_nb.data.generation import generate
from ganverse_nb.data.pictures import write_picture
from ganverse_nb.gan import pose
from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.training import train_gan
from ganverse_nb.gan.view_pairs import same_views
from ganverse_nb.inverse_graphics import training as inverse_training
from ganverse_nb.inverse_graphics.perceptual import feature_distance
from ganverse_nb.inverse_graphics.photo_camera import PhotoCameraConfig
from ganverse_nb.inverse_graphics.photo_camera_training import train_photo_camera
from ganverse_nb.inverse_graphics.reconstructor import Reconstructor
from ganverse_nb.neural_renderer import joint, mask_student, warm_up
from ganverse_nb.neural_renderer import training as renderer_training
from ganverse_nb.runtime.files import remove_leftovers, write_text
from ganverse_nb.segmentation.detections import SMALL
from ganverse_nb.segmentation.photo_segmenter import PhotoSegmenterConfig
from ganverse_nb.segmentation.photo_training import train_photo_segmenter
from ganverse_nb.segmentation.training import train_segmenter
from ganverse_nb.studio import archive
from ganverse_nb.studio.photos import Photos, make_photos
from ganverse_nb.workflow import photo_folder
from ganverse_nb.workflow.run import Run, open_run
from tests.inverse_graphics.conftest import lump_dataset
from tests.neural_renderer import conftest as toy

WHOLE = "GANVERSE_TORTURE"  # in the environment of whoever wants all of it
INTERVALS = {  # module -> what it does every so many steps, at the size of these works
    archive: {"PIECE": 16},
    pose: {"SAVE_EVERY": 3},
    inverse_training: {"CHECKPOINT_EVERY": 2, "LOG_EVERY": 1},
    mask_student: {"SAVE_EVERY": 6},
    warm_up: {"SAVE_EVERY": 9, "LOG_EVERY": 4},
    joint: {"LOG_EVERY": 2},
    photo_folder: {"BATCH": 3},
}


def opened(root: Path, seconds: float) -> Run:
    """The run of a work; `seconds` is its `runtime.checkpoint_seconds`, which no result depends on."""
    settings = {"runtime.checkpoint_seconds": seconds}
    return open_run("smoke", runs=root / "runs", figures=root / "figures", settings=settings)


def in_stage(compute: Callable[[Path], object], root: Path, seconds: float) -> None:
    """`compute` as the stage of a run."""
    for module, intervals in INTERVALS.items():
        for name, value in intervals.items():
            assert hasattr(module, name), f"{module.__name__} has no {name} any more"
            setattr(module, name, value)
    os.environ["PATH"] = ""  # no git: which commit it is takes longer than the work
    opened(root, seconds).stage("work", compute)


# ---- what works are made from


@cache
def gan_photos() -> torch.Tensor:
    return torch.randint(0, 256, (32, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))


@cache
def studio_photos() -> tuple[Photos, ...]:
    return make_photos("car", 24, 5, 64), make_photos("bird", 24, 5, 64)


@cache
def lumps() -> Any:
    torch.manual_seed(0)
    return lump_dataset()


@cache
def gan_world() -> Any:
    return toy.gan_world()


@cache
def judge() -> Discriminator:
    torch.manual_seed(1)
    return Discriminator(toy.SIDE, (8, 8, 8))


class Edges:
    """Features enough for a test."""

    name = "edges"

    def distance(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return feature_distance(*([images.diff(dim=-1), images[..., ::4, ::4]] for images in (a, b)))


# ---- works


def gan(directory: Path) -> None:
    config = GanConfig(
        resolution=16, z_dim=6, w_dim=10, mapping_layers=2, channels=(12, 12, 8), batch=8, images=96, photos=32,
        r1_interval=2, path_length_interval=3, path_length_batch=4, noise=True, augment="color,translation",
    )  # fmt: skip
    partners = same_views(len(gan_photos()), 4)
    train_gan(gan_photos(), config, directory, 3, partners=partners, snapshot_every=40, command="a test")


def photographs(directory: Path) -> None:
    archive.make_photo_archive("car", 56, 3, directory, 16, workers=1)


def dataset(directory: Path) -> None:
    network, _, content_w, view_w = gan_world()

    def synthesize(view: torch.Tensor, content: torch.Tensor) -> torch.Tensor:
        return network.synthesize(network.styles(torch.stack([view, view, content, content, content, content], 1)))

    def cut(pictures: torch.Tensor) -> tuple[torch.Tensor, list[str]]:
        masks = (pictures.mean(1, keepdim=True) > 0.5).float()
        return masks, ["" if share > 0.3 else SMALL for share in masks.mean((1, 2, 3))]

    bins = torch.arange(len(view_w)) % 12
    generate(synthesize, cut, content_w, view_w, bins, directory, resolution=16, test_contents=4, split_layer=2,
             contents_per_chunk=2)  # fmt: skip


def inverse(directory: Path, **steps: int) -> None:
    short = {"steps": 1, "perceptual_after": 1, "robust_steps": 0, "head_steps": 1} | steps
    config = replace(InverseGraphicsConfig(), pairs=1, texture_size=(16, 32), head_pictures=2, **short)
    inverse_training.train_inverse_graphics(lumps(), config, directory, Edges(), 1)


def stylegan_r(directory: Path, **changes: Any) -> None:
    network, pictures, content_w, view_w = gan_world()
    short = {"warmup_steps": 2, "finetune_steps": 1, "mask_steps": 2, "fresh_contents": 4, "patience": 3}
    config = toy.config(**short | changes)
    renderer_training.train_stylegan_r(
        pictures, range(20), content_w, view_w, 2, toy.cameras(), network, toy.encoder(), config, directory, 0,
        discriminator=judge(),
    )  # fmt: skip


def segmenter(directory: Path) -> None:
    config = SegmenterConfig(
        working_size=64, widths=(8, 8, 8, 16), fine_channels=8, coarse_channels=16, mask_channels=8,
        steps=7, batch=2, held_out=2, evaluate_every=3,
    )  # fmt: skip
    train_segmenter(studio_photos()[0], config, directory, 3, "a test")


def photo_segmenter(directory: Path) -> None:
    config = PhotoSegmenterConfig(
        categories=("car", "bird"), widths=(8, 8, 16, 16, 16), steps=8, batch=2, held_out=2, evaluate_every=3
    )
    scenes = gan_photos()[:4].repeat_interleave(4, 2).repeat_interleave(4, 3)
    train_photo_segmenter(studio_photos(), scenes, config, directory, 3, "a test")


def photo_camera(directory: Path) -> None:
    config = PhotoCameraConfig(
        categories=("car", "bird"), resolution=64, channels=(8, 8, 16, 16), code=16, steps=8, batch=2, held_out=2,
        evaluate_every=3,
    )  # fmt: skip
    train_photo_camera(studio_photos(), config, directory, 3, "a test")


def pose_regressor(directory: Path) -> None:
    photos = studio_photos()[0]
    config = ViewConfig(regressor_steps=10, regressor_batch=4)
    pose.train_regressor(photos.images, photos.camera, config, 3, directory=directory).save(
        directory / "pose.safetensors"
    )
    (directory / "state.pt").unlink()


@cache
def reconstructor() -> Reconstructor:
    return Reconstructor.from_pretrained("car")


def folder_of_photographs(directory: Path) -> None:
    """Batches of three of ten pictures, of which one cannot be read."""
    photos = directory.parents[2] / "photos"
    remove_leftovers(photos)  # of the photographs themselves, which are made here
    for number, picture in enumerate(studio_photos()[0].images[:9]):
        if not (path := photos / f"{number}.png").exists():
            write_picture(picture.float() / 255, path)
    write_text(photos / "bad.png", "nothing")
    for path in photos.iterdir():
        os.utime(path, (0, 0))  # which the table tells
    photo_folder.reconstruct_folder(reconstructor(), photos, directory)


# ---- what is made of notebooks

NOTEBOOK = """
# %% tags=["parameters"]
profile = "smoke"
category = "car"
seed = 0
runs = "runs"
figures = "figures"
settings = {}

# %%
import time

import torch

from ganverse_nb import open_run
from ganverse_nb.runtime.checkpoints import Checkpoints
from ganverse_nb.runtime.tensors import save_tensors

run = open_run(profile, category, seed, runs, figures, settings)

# %%
def train(directory):
    weights, rng = torch.zeros(50), torch.Generator().manual_seed(seed)

    def restore(state):
        weights.copy_(state["weights"])
        rng.set_state(state["rng"])

    checkpoints = Checkpoints(directory, "NAME", {"seed": seed}, "nothing")
    for step in range(checkpoints.resume(restore) + 1, 21):
        weights.add_(torch.randn(50, generator=rng) * run.config.inverse.lr)
        time.sleep(0.05)
        checkpoints.log(step, size=float(weights.norm()))
        if step % 5 == 0 or checkpoints.due():
            checkpoints.save(step, weights=weights, rng=rng.get_state())
    save_tensors(directory / "weights.safetensors", {"weights": weights}, "toy/1")

path = run.stage("NAME", train, run.config.inverse.lr)

# %%
run.record("NAME.lines", len((path / "metrics.jsonl").read_text().splitlines()))
"""


def notebook_folder(root: Path) -> Path:
    from ganverse_nb.workflow.notebooks import build_all

    folder = root / "notebooks"
    for name in ("04_first", "08_second"):
        write_text(folder / "src" / f"{name}.py", NOTEBOOK.replace("NAME", name.split("_")[1]).lstrip())
    build_all(folder)
    return folder


def reproduction(root: Path, seconds: float) -> None:
    from ganverse_nb.workflow.reproduce import reproduce

    reproduce(opened(root, seconds), directory=notebook_folder(root), jobs=1)


def sweeping(root: Path, seconds: float) -> None:
    from ganverse_nb.workflow.sweep import sweep

    varied, settings = {"inverse.lr": [0.1, 0.2]}, {"runtime.checkpoint_seconds": seconds}
    sweep("smoke", "car", [0], varied, settings, ["04"], root / "sweeps", notebook_folder(root), 1)


STAGES: dict[str, Callable[[Path], object]] = {
    "photographs": photographs,
    "train-gan": gan,
    "multi-view dataset": dataset,
    "network f": partial(inverse, steps=4, perceptual_after=2, robust_steps=2),
    "camera head": partial(inverse, head_steps=6),
    "mask student": partial(stylegan_r, mask_steps=20),
    "warm-up": partial(stylegan_r, warmup_steps=24),
    "joint stage": partial(stylegan_r, finetune_steps=8),
    "segmenter": segmenter,
    "segmenter of photographs": photo_segmenter,
    "cameras of photographs": photo_camera,
    "pose regressor": pose_regressor,
    "folder of photographs": folder_of_photographs,
}
PICTURES = ("photographs", "multi-view dataset", "folder of photographs")
TRAININGS = [name for name in STAGES if name not in PICTURES]
SHORT = (*PICTURES, "train-gan", "pose regressor")  # those of `make test`
WORKS: dict[str, Callable[[Path, float], object]] = {name: partial(in_stage, stage) for name, stage in STAGES.items()}
NOTEBOOKS: dict[str, Callable[[Path, float], object]] = {"reproduce": reproduction, "sweep": sweeping}
