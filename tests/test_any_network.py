"""Anybody's network: official architectures with random weights through notebooks 02, 04, 08, 09 and 10.

The car is letterboxed, 512 x 384 px of config-e, the horse square, 256 px of config-f, both with a sixteenth of the
channels; `make rehearse` has them all. COCO's network is torchvision's own with made-up numbers, at a working size of
64 px, so that it finds the rectangle that we know; VGG16 is random. A minute in all.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jupytext
import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torchvision.models.detection import maskrcnn_resnet50_fpn_v2

from benchmarks.stand_ins import BOX, write_coco, write_labels, write_official
from ganverse_nb.evaluation import consistency
from ganverse_nb.gan import generator as gan_module
from ganverse_nb.gan.generator import Generator
from ganverse_nb.neural_renderer import held_out
from ganverse_nb.runtime.files import read_json
from ganverse_nb.runtime.tensors import read_tensors
from ganverse_nb.segmentation.mask_rcnn import coco_label
from ganverse_nb.workflow import cli, stages
from ganverse_nb.workflow.inputs import labelled_views
from ganverse_nb.workflow.notebooks import STUDIO, folder
from ganverse_nb.workflow.run import Run, open_run

VIEWS, CONTENTS, TEST, SIDE = 4, 7, 3, 32
SETTINGS = {
    "views.views": VIEWS,
    "evaluation.azimuths": 2,
    "evaluation.pictures": 6,
    "evaluation.projection_steps": 2,
    "evaluation.tuning_steps": 1,
    "multiview.contents": CONTENTS,
    "multiview.test_contents": TEST,
    "multiview.resolution": SIDE,
    "inverse.texture_size": [16, 32],
    "inverse.pairs": 2,
    "inverse.steps": 4,
    "inverse.perceptual_after": 2,
    "inverse.perceptual_pictures": 2,
    "inverse.head_steps": 2,
    "inverse.head_pictures": 2,
    "inverse.head_renders": 1,
    "stylegan_r.warmup_steps": 2,
    "stylegan_r.finetune_steps": 2,
    "stylegan_r.batch": 2,
    "stylegan_r.hidden": 16,
    "stylegan_r.fresh_contents": 2,
    "stylegan_r.mask_steps": 2,
    "stylegan_r.validation_contents": 2,
}
NOTEBOOKS = ("02", "04", "08", "09", "10")
AT_ONCE = 3
ARCHITECTURES = {
    "car": ("config-e", 512, True, (384, 512)),
    "horse": ("config-f", 256, False, (256, 256)),
}


@dataclass
class Watched:
    """How many pictures one pass of a network took, the most of all passes; `painted`: how many there were in all."""

    most: dict[str, int] = field(default_factory=dict)
    painted: int = 0

    def saw(self, network: str, count: int) -> None:
        self.most[network] = max(self.most.get(network, 0), count)


@dataclass
class Chain:
    """A run through which all the notebooks have gone."""

    run: Run
    gan: Path
    picture_size: tuple[int, int]
    watched: Watched
    spaces: dict[str, dict[str, Any]]


@pytest.fixture(scope="module", params=ARCHITECTURES)
def chain(request, tmp_path_factory):
    category = request.param
    config, resolution, letterboxed, picture_size = ARCHITECTURES[category]
    root, watched = tmp_path_factory.mktemp(category), Watched()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(root / "torch"))
        patch.setenv("OMP_NUM_THREADS", "1")
        stand_in_weights(patch, category)
        gan = write_official(root / "gan.safetensors", config, resolution, letterboxed, share=16)
        watch(patch, watched, gan)
        settings = {**SETTINGS, "gan.network": str(gan)}
        if category == "horse":  # the car's lie where notebook 02 keeps them
            settings["views.codes"] = str(write_labels(root / "labels.safetensors", gan, VIEWS))
        run = open_run("paper", category, 0, root / "runs", root / "figures", settings)
        if category == "car":
            write_labels(labelled_views(run), gan, VIEWS)
        patch.setattr(consistency, "OBJECTS", 1)
        patch.setattr(held_out, "SIDES", 2)
        interrupted(run, watched)
        yield Chain(run, gan, picture_size, watched, {number: walk(number, run, settings) for number in NOTEBOOKS})


def stand_in_weights(patch: pytest.MonkeyPatch, category: str) -> None:
    """COCO's network and VGG16, built once: their numbers are random or made up, and no bytes are compared."""
    small = {"min_size": 32, "max_size": 64}
    network = maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None, **small)
    features = torchvision.models.vgg16(weights=None).features
    patch.setattr("torchvision.models.detection.maskrcnn_resnet50_fpn_v2", lambda **_: network)
    patch.setattr("torchvision.models.vgg16", lambda **_: SimpleNamespace(features=features))
    patch.setattr("ganverse_nb.runtime.downloads.Weights.find", lambda weights: weights.path)
    write_coco(network, coco_label(category))


def watch(patch: pytest.MonkeyPatch, watched: Watched, gan: Path) -> None:
    """Room for three pictures in a pass, and a note of every pass without gradients."""
    network = stages.checkpoint.load_generator(gan)
    patch.setattr(gan_module, "PASS_MEMORY", AT_ONCE * gan_module.PASS_MEMORY // network.at_once)
    assert network.at_once == AT_ONCE
    patch.setattr("ganverse_nb.segmentation.mask_rcnn.COCO_AT_ONCE", AT_ONCE)
    synthesis, forward = Generator.synthesis, torchvision.models.detection.MaskRCNN.forward

    @functools.wraps(synthesis)
    def painting(self, styles, *arguments):
        if not torch.is_grad_enabled():
            watched.saw("generator", len(styles[0]))
            watched.painted += len(styles[0])
        return synthesis(self, styles, *arguments)

    def detecting(self, images, targets=None):
        watched.saw("segmenter", len(images))
        return forward(self, images, targets)

    patch.setattr(Generator, "synthesis", painting)
    patch.setattr(torchvision.models.detection.MaskRCNN, "forward", detecting)


def interrupted(run: Run, watched: Watched) -> None:
    """The dataset is begun, interrupted in its third object, and goes on there."""
    segment, calls = stages.Segmenter.segment, iter(range(100))

    def stopped(self, images):
        if next(calls) == 2:
            raise KeyboardInterrupt
        return segment(self, images)

    with pytest.MonkeyPatch.context() as once:
        once.setattr(stages.Segmenter, "segment", stopped)
        with pytest.raises(KeyboardInterrupt):
            stages.multiview(run)
    begun = run.directory / "multiview.partial"
    assert read_json(begun / "progress.json")["done"] == 2
    before, watched.painted = np.load(begun / "images.npy")[:2], 0
    dataset = stages.multiview(run)
    assert watched.painted == (CONTENTS - 2) * VIEWS
    assert np.array_equal(dataset.images[:2].numpy(), before)


def walk(number: str, run: Run, settings: dict[str, Any]) -> dict[str, Any]:
    """Executes the source of a notebook on the run, as papermill would its cells; returns what it has defined."""
    (source,) = (folder() / "src").glob(f"{number}_*.py")
    config = run.config
    space: dict[str, Any] = {"__name__": source.stem}
    given = {"profile": config.profile, "category": config.category, "seed": config.seed, "settings": settings}
    for cell in jupytext.read(source).cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "code" and STUDIO not in tags:
            exec(compile(cell.source, str(source), "exec"), space)
            if "parameters" in tags:
                space |= given | {"runs": str(run.root), "figures": str(run.figures)}
    return space


def test_pictures_and_masks_of_the_dataset_are_the_networks_and_the_segmenters(chain):
    dataset, gan = chain.spaces["02"]["dataset"], stages.teacher(chain.run)
    height, width = chain.picture_size
    assert gan.picture_size == chain.picture_size
    assert dataset.images.shape == (CONTENTS, VIEWS, 3, SIDE, SIDE) and dataset.keep.all()
    row = (torch.arange(SIDE) + 0.5 - SIDE / 2).abs()[:, None]
    column = row.t()
    inside = (row < BOX * SIDE * height / width / 2) & (column < BOX * SIDE / 2)
    clear = ((row - BOX * SIDE * height / width / 2).abs() > 1) & ((column - BOX * SIDE / 2).abs() > 1)
    assert (dataset.masks[..., clear] == inside[clear]).all()
    bar = max(0, SIDE * (width - height) // (2 * width) - 1)  # the row beside it is mixed with the picture
    assert not dataset.images[..., :bar, :].any() and not dataset.images[..., SIDE - bar :, :].any()
    assert dataset.images.float().std(0).mean() > 1  # objects differ


def test_labels_from_a_file_are_used_and_as_many_codes_offered(chain):
    labels, views = chain.spaces["02"]["labels"], stages.view_codes(chain.run)
    assert len(labels) == len(views) == VIEWS and labels.split_layer == views.split_layer == 4
    assert views.azimuth_bin.tolist() == [0, 3, 6, 9]
    if chain.run.config.category == "car":  # the labels are where notebook 02 keeps them
        assert torch.equal(labels.codes, views.codes) and labels.current is None
    else:
        assert labels.current == 0


def test_pictures_are_as_large_as_the_gan_makes_them(chain):
    model, space = chain.spaces["08"]["renderer"], chain.spaces["09"]
    large = model.synthesize_full(space["properties"][:1])
    assert large.shape == (1, 3, *chain.picture_size)
    found = model.synthesize(space["properties"][:1])
    torch.testing.assert_close(model.generator.as_squares(large, SIDE), found)
    count = len(space["photos"])
    assert space["codes"].shape == (count, model.generator.num_ws, 512)
    assert all(way.turned.shape[2:] == (3, SIDE, SIDE) for way in space["ways"].values())
    back = model.generator.as_squares(model.generator.from_squares(space["photos"]), SIDE)
    assert (back - space["photos"]).abs().mean() < 0.05


def test_all_that_was_learned_is_finite(chain):
    files = [path for path in chain.run.directory.rglob("*.safetensors") if ".partial" not in str(path)]
    assert {"multiview", "inverse_graphics", "stylegan_r"} <= {path.parent.name for path in files}
    for path in files:
        assert all(torch.isfinite(t.float()).all() for t in read_tensors(path, "file", "")[0].values()), path
    rows = {row.key.split(".", 1)[1]: row.ours for row in chain.run.rows()}
    assert len(rows) > 15 and all(value is None or np.isfinite(value) for value in rows.values() if value == value)


def test_no_pass_takes_more_memory_than_it_may(chain):
    assert chain.watched.most == {"generator": AT_ONCE, "segmenter": AT_ONCE}


def test_what_is_finished_is_not_computed_again(chain, monkeypatch):
    for name in ("build_multiview", "train_inverse_graphics", "train_stylegan_r"):
        monkeypatch.setattr(stages, name, lambda *_, **__: pytest.fail("computed again"))
    again = open_run("paper", chain.run.config.category, 0, chain.run.root, chain.run.figures)
    assert stages.stylegan_r(again).resolution == stages.multiview(again).resolution == SIDE


def test_project_and_edit_take_pictures_of_the_gans_own_size(chain, tmp_path, capsys):
    height, width = chain.picture_size
    picture = (stages.teacher(chain.run).sample(3)[0].permute(1, 2, 0) * 255).byte().numpy()
    Image.fromarray(picture).save(tmp_path / "own.png")
    where = ["--run", str(chain.run.directory)]
    assert cli.main(["project", str(tmp_path / "own.png"), *where, "--steps", "2"]) == 0, capsys.readouterr().err
    assert Image.open(tmp_path / "own_projected.png").size == (width, height)
    out = ["--output", str(tmp_path / "edited.png"), "--azimuth", "40"]
    assert cli.main(["edit", str(tmp_path / "own.png"), *where, *out]) == 0, capsys.readouterr().err
    assert Image.open(tmp_path / "edited.png").size == (width, height)
