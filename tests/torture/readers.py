"""Every file that is read back: how one is written, and what is found in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganverse_nb.config import InverseGraphicsConfig, SegmenterConfig, load_config
from ganverse_nb.data.image_folder import FORMAT as PICTURES
from ganverse_nb.data.image_folder import load_image_archive
from ganverse_nb.data.multiview import CODES, IMAGES, INDEX, MASKS, MultiViewDataset
from ganverse_nb.evaluation.view_gate import ViewGate
from ganverse_nb.gan.checkpoint import load_discriminator, load_generator, save_networks
from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.keypoints import Keypoints, bundled_keypoints
from ganverse_nb.gan.pose import PoseRegressor
from ganverse_nb.gan.shape_variety import ShapeVariety
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.inverse_graphics.domain import Domain
from ganverse_nb.inverse_graphics.framing import Framing
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.photo_camera import (
    PhotoCamera,
    PhotoCameraConfig,
    load_photo_camera,
    save_photo_camera,
)
from ganverse_nb.inverse_graphics.training import new_model
from ganverse_nb.neural_renderer.renderer import StyleGANR
from ganverse_nb.runtime.checkpoints import load_state, save_state
from ganverse_nb.runtime.shipped import WEIGHTS, Shipped
from ganverse_nb.runtime.tensors import save_tensors
from ganverse_nb.segmentation.mask_rcnn import load_segmenter, save_segmenter
from ganverse_nb.segmentation.network import small_mask_rcnn
from ganverse_nb.segmentation.photo_network import PhotoNetwork
from ganverse_nb.segmentation.photo_segmenter import PhotoSegmenterConfig, save_photo_segmenter
from ganverse_nb.studio.photos import Photos
from ganverse_nb.workflow.marks import COMPLETE, CONFIG, MANIFEST, ROWS, read_manifest, read_mark, recorded_config
from ganverse_nb.workflow.run import Run, reopen_run
from tests.neural_renderer import conftest as toy
from tests.torture import works


@dataclass(frozen=True)
class Kind:
    """A file that is read back.

    Attributes:
        write: writes one, and what belongs to it, into a folder; returns it.
        read: what is found in it: tensors, numbers and strings, nested.
    """

    write: Callable[[Path], Path]
    read: Callable[[Path], Any]


def state_of(network: nn.Module) -> dict[str, Any]:
    return dict(network.state_dict())


def teacher(folder: Path) -> Path:
    path = folder / "teacher.safetensors"
    save_networks(path, toy.generator(), Discriminator(16, (8, 8, 8)), {"images": 10})
    return path


def f(folder: Path) -> Path:
    config = replace(InverseGraphicsConfig(), texture_size=(16, 32))
    new_model(works.lumps(), config, 0).save(folder / "model.safetensors", seed=0)
    return folder / "model.safetensors"


def stylegan_r(folder: Path) -> Path:
    data, _ = toy.training_set()
    generator = toy.generator()
    mapping = toy.mapping_for(data, toy.config())
    StyleGANR(generator, mapping, None, {"note": 1}).save(folder / "stylegan_r.safetensors")
    return folder / "stylegan_r.safetensors"


def small_segmenter(folder: Path) -> Path:
    config = SegmenterConfig(widths=(8, 8, 8, 16), fine_channels=8, coarse_channels=16, mask_channels=8)
    path = folder / "segmenter.safetensors"
    save_segmenter(path, small_mask_rcnn(config), config, "car", {"seed": 0})
    return path


def photo_segmenter(folder: Path) -> Path:
    config = PhotoSegmenterConfig(categories=("car", "bird"), widths=(8, 8, 16, 16, 16))
    path = folder / "segmenter.safetensors"
    save_photo_segmenter(path, PhotoNetwork(2, config.widths), config, {"seed": 0})
    return path


def photo_camera(folder: Path) -> Path:
    config = PhotoCameraConfig(categories=("car", "bird"), resolution=64, channels=(8, 8, 16, 16), code=16)
    path = folder / "camera.safetensors"
    save_photo_camera(path, PhotoCamera(config), {"seed": 0})
    return path


def read_camera(path: Path) -> Any:
    found = load_photo_camera("car", str(path))
    return state_of(found), found.config, found.provenance


def photos(folder: Path) -> Path:
    works.studio_photos()[0][:3].save(folder)
    return folder / "photos.safetensors"


def part_of_dataset(name: str, folder: Path) -> Path:
    works.lumps().save(folder)
    return folder / name


def read_dataset(path: Path) -> Any:
    return vars(MultiViewDataset.load(path.parent))


def saved(load: Callable[[], Any], name: str, folder: Path) -> Path:
    load().save(folder / name)
    return folder / name


def state(folder: Path) -> Path:
    network = toy.generator().requires_grad_(True)
    optimizer = torch.optim.Adam(network.parameters())
    save_state(
        folder / "state.pt", {"step": 3, "network": state_of(network), "optimizer": optimizer.state_dict()}, {"seed": 1}
    )
    return folder / "state.pt"


def part_of_run(name: str, folder: Path) -> Path:
    run = Run(load_config("smoke"), folder / "runs", folder / "figures")
    run.stage("work", lambda directory: (directory / "made").write_text("made"), {"lr": 0.5})
    run.record("x", 0.5)
    return run.directory / name


def shipped(folder: Path) -> Path:
    (folder / "car").mkdir()
    (folder / "car" / "shipped.json").write_bytes((WEIGHTS / "car" / "shipped.json").read_bytes())
    return folder / "car" / "shipped.json"


def pictures(folder: Path) -> Path:
    save_tensors(folder / "images.safetensors", {"images": works.gan_photos()[:4]}, PICTURES)
    return folder / "images.safetensors"


def view_gate() -> ViewGate:
    variety = ShapeVariety(0.5, 0.25, 0.1, 0.2, 8, 24)
    return ViewGate([{"k": 2, "deviation": 3.5}], variety, variety, 2.5)


def networks(path: Path) -> Any:
    return state_of(load_generator(path)), state_of(load_discriminator(path))


def read_f(path: Path) -> Any:
    model = InverseGraphicsModel.load(path)
    return state_of(model), model.notes


def read_stylegan_r(path: Path) -> Any:
    model = StyleGANR.load(path)
    return state_of(model.generator), state_of(model.mapping), model.notes


def read_segmenter(path: Path) -> Any:
    found = load_segmenter("car", path)
    return state_of(found.network), found.source


KINDS: dict[str, Kind] = {
    "a GAN": Kind(teacher, networks),
    "view codes": Kind(partial(saved, ViewCodes.load, "views.safetensors"), lambda p: vars(ViewCodes.load(p))),
    "pose regressor": Kind(
        partial(saved, PoseRegressor, "pose.safetensors"), lambda p: state_of(PoseRegressor.load(p))
    ),
    "network f": Kind(f, read_f),
    "StyleGAN-R": Kind(stylegan_r, read_stylegan_r),
    "segmenter": Kind(small_segmenter, read_segmenter),
    "segmenter of photographs": Kind(photo_segmenter, read_segmenter),
    "cameras of photographs": Kind(photo_camera, read_camera),
    "framing": Kind(
        partial(saved, partial(Framing.load, WEIGHTS / "car/framing/framing.safetensors"), "framing.safetensors"),
        lambda p: vars(Framing.load(p)),
    ),
    "domain": Kind(
        partial(saved, partial(Domain.load, WEIGHTS / "car/domain/domain.safetensors"), "domain.safetensors"),
        lambda p: vars(Domain.load(p)),
    ),
    "photographs": Kind(photos, lambda p: asdict(Photos.load(p.parent))),
    "pictures of a folder": Kind(pictures, load_image_archive),
    "dataset: images": Kind(partial(part_of_dataset, IMAGES), read_dataset),
    "dataset: masks": Kind(partial(part_of_dataset, MASKS), read_dataset),
    "dataset: codes": Kind(partial(part_of_dataset, CODES), read_dataset),
    "dataset: index": Kind(partial(part_of_dataset, INDEX), read_dataset),
    "state of a training": Kind(state, lambda p: load_state(p, {"seed": 1})),
    "keypoints": Kind(
        partial(saved, partial(Keypoints.load, bundled_keypoints("car")), "keypoints.json"),
        lambda p: vars(Keypoints.load(p)),
    ),
    "view gate": Kind(
        partial(saved, view_gate, "view_gate.json"),
        lambda p: asdict(ViewGate.load(p)),
    ),
    "shipped.json": Kind(shipped, lambda p: Shipped.of("car", p.parent.parent).facts),
    "configuration of a run": Kind(partial(part_of_run, CONFIG), lambda p: recorded_config(p.parent)),
    "manifest of a run": Kind(partial(part_of_run, MANIFEST), read_manifest),
    "numbers of a run": Kind(
        partial(part_of_run, ROWS), lambda p: [asdict(row) for row in reopen_run(p.parent).rows()]
    ),
    "mark of a stage": Kind(partial(part_of_run, f"work/{COMPLETE}"), read_mark),
}
