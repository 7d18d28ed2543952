"""Weight files: round trip, bad files, nothing that executes."""

from __future__ import annotations

import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import avg_pool2d

from ganverse_nb.categories import CATEGORIES
from ganverse_nb.config import load_config
from ganverse_nb.gan.checkpoint import (
    BUNDLED,
    WEIGHTS,
    CheckpointError,
    bundled,
    load_discriminator,
    load_generator,
    provenance,
    resolve,
    save_networks,
)
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.runtime.files import sha256
from ganverse_nb.segmentation.mask_rcnn import load_segmenter


@pytest.fixture
def path(generator, discriminator, tmp_path):
    path = tmp_path / "teacher.safetensors"
    save_networks(path, generator, discriminator, {"seed": 7, "images": 400_000})
    return path


def test_round_trip_within_half_precision(path, generator, discriminator):
    for mine, loaded in ((generator, load_generator(path)), (discriminator, load_discriminator(path))):
        theirs = loaded.state_dict()
        assert mine.state_dict().keys() == theirs.keys()
        for key, value in mine.state_dict().items():
            assert torch.equal(value.half().float(), theirs[key])
    z = torch.randn(4, 6)
    loaded = load_generator(str(path))
    torch.testing.assert_close(loaded(z), generator(z), rtol=0, atol=0.01)
    assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())
    assert provenance(path) == {"seed": 7, "images": 400_000}


@pytest.mark.parametrize("category", CATEGORIES)
def test_what_is_bundled_belongs_together(category):
    """Generator and discriminator, view codes of this very generator, segmenter of this category, log and gate."""
    teacher, views = bundled(category, "teacher"), ViewCodes.load(category)
    assert teacher.stat().st_size + bundled(category, "views").stat().st_size < 10e6
    assert load_generator(category).resolution == load_discriminator(category).resolution == 64
    assert views.provenance["teacher"] == sha256(teacher) and len(views) >= 16
    told = provenance(teacher)
    assert told["images"] == told["config"]["images"] and {"command", "seed", "commit"} <= told.keys()
    assert f"--category {category}" in told["command"] and f"--category {category}" in views.provenance["command"]
    assert load_segmenter(category, "bundled").provenance["held_out"]["iou"] > 0.9
    assert all((WEIGHTS / category / name).is_file() for name in ("teacher_training.jsonl", "view_gate.json"))


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_teachers_of_128_px_have_the_view_codes_of_those_of_64(category):
    name, config = f"{category}-128", load_config("full", category)
    network, told = load_generator(name), provenance(name)
    assert network.resolution == load_discriminator(name).resolution == config.resolution == config.gan.resolution
    assert network.channels == config.gan.channels == tuple(told["config"]["channels"])
    assert resolve(name) == bundled(category, BUNDLED["bundled-128"]) and resolve(name).stat().st_size < 12e6
    assert f"--category {category}" in told["command"] and told["images"] == config.gan.images
    assert told["start"]["sha256"] == sha256(bundled(category, "teacher"))
    small = load_generator(category)
    z = torch.randn(3, small.z_dim)
    assert torch.equal(network.mapping(z), small.mapping(z))
    assert torch.equal(network.mapping.w_average, small.mapping.w_average)
    mine, theirs = (g.parameters_below(config.gan.frozen_below) for g in (network, small))
    assert len(mine) > 30 and all(torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))
    half, whole = (Generator.from_pretrained(which) for which in (category, name))
    assert half.split_layer == whole.split_layer
    pictures, enlarged = half.sample(3, count=12), whole.sample(3, count=12)
    assert (avg_pool2d(enlarged, 2) - pictures).abs().mean() < 0.03 < (pictures - pictures.flip(0)).abs().mean()


def test_the_mini_teacher_fits_in_ten_megabytes(tmp_path):
    from ganverse_nb.config import GanConfig
    from ganverse_nb.gan.discriminator import Discriminator

    c = GanConfig()
    path = tmp_path / "teacher.safetensors"
    network = Generator(c.resolution, c.z_dim, c.w_dim, c.mapping_layers, c.channels)
    save_networks(path, network, Discriminator(c.resolution, c.channels), {})
    assert path.stat().st_size < 10e6


@pytest.mark.parametrize("load", [load_generator, load_discriminator, provenance])
def test_missing_file_names_what_there_is(load, tmp_path):
    with pytest.raises(FileNotFoundError, match="neither a file nor one of the bundled networks"):
        load(tmp_path / "nothing.safetensors")


def test_torn_file(path):
    data = path.read_bytes()
    whole, other = "is damaged, not a whole safetensors file", "is no weight file: it is damaged or has another"
    for part, said in ((data[: len(data) // 2], whole), (b"", other), (data[:5], other), (b"GIF89a" * 20, other)):
        path.write_bytes(part)
        with pytest.raises(CheckpointError, match=f"teacher.safetensors {said}"):
            load_generator(path)


def test_pickles_do_not_run(tmp_path):
    marker = tmp_path / "ran"

    class Bomb:
        def __reduce__(self):
            return (marker.touch, ())

    path = tmp_path / "bomb.pkl"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError):
        load_generator(path)
    assert not marker.exists()


def test_file_of_another_kind(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="format is 'none'"):
        load_generator(path)


@pytest.mark.parametrize("damage", ["missing", "extra", "shape", "nan", "metadata"])
def test_damaged_content(path, damage):
    from safetensors import safe_open

    tensors = load_file(path)
    with safe_open(path, "pt") as f:
        metadata = dict(f.metadata())
    if damage == "missing":
        del tensors["generator.const"]
    elif damage == "extra":
        tensors["generator.surprise"] = torch.zeros(1)
    elif damage == "shape":
        tensors["generator.const"] = torch.zeros(3, 4, 4)
    elif damage == "nan":
        tensors["generator.const"] = torch.full((12, 4, 4), float("nan"))
    else:
        metadata["architecture"] = "{"
    save_file(tensors, path, metadata)
    with pytest.raises(CheckpointError, match="teacher.safetensors"):
        load_generator(path)


def test_failed_write_leaves_the_old_file(path, generator, discriminator, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save_networks(path, generator, discriminator, {})
    assert path.read_bytes() == before
