"""Foreign files: numbers, refusals in one sentence, the car's black bars."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pytest
import torch

from ganverse_nb.gan.checkpoint import (
    CheckpointError,
    load_discriminator,
    load_generator,
    provenance,
    read_networks,
    save_networks,
)
from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.official import config_name, picture_rows

from . import foreign_files as files
from .foreign_reference import paint, random_arrays

CHANNELS = (7, 5, 4)  # all different: a wrong axis shows
FORMATS = {
    "tensorflow": lambda a, d: files.tf_file(a, d),
    "tensorflow, python 2": lambda a, d: files.tf_file(a, d, protocol=2),
    "ada": lambda a, d: files.ada_file(a, d),
    "ada, protocol 2": lambda a, d: files.ada_file(a, d, protocol=2),
    "protocol 5": lambda a, d: files.tf_file(a, d, protocol=5),
    "rosinality": lambda a, d: files.rosinality_file(a),
    "rosinality, old format": lambda a, d: files.rosinality_file(a, archive=False),
}


@pytest.fixture(scope="module")
def arrays():
    return random_arrays(CHANNELS)


@pytest.fixture
def tiny_discriminator():
    torch.manual_seed(3)
    network = Discriminator(16, CHANNELS)
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            parameter.data.normal_()
    return network


@pytest.fixture
def written(tmp_path):
    def write(data: bytes, name: str = "network.pkl"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_paints_what_tensorflow_defines(name, arrays, tiny_discriminator, written):
    path = written(FORMATS[name](arrays, tiny_discriminator))
    network = load_generator(path)
    z = torch.randn(3, 5)
    expected = paint(arrays, z)
    ours = network.synthesis(
        network.styles(network.mapping(z)[:, None].expand(-1, network.num_ws, -1)),
        [c.noise_const[None, None] for c in network.convs],
    )
    scale = float(expected.std())
    torch.testing.assert_close(ours.double(), expected, rtol=1e-4, atol=1e-4 * scale)
    image = ((expected * 127.5 + 128) / 255).clamp(0, 1).float()
    torch.testing.assert_close(network(z), image, rtol=0, atol=1e-4)
    average = torch.from_numpy(arrays["dlatent_avg"])
    assert torch.equal(network.mapping.w_average, average)
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    for i, conv in enumerate(network.convs):
        assert torch.equal(conv.noise_const, torch.from_numpy(arrays[f"synthesis/noise{i}"][0, 0]))
    assert float(network.convs[1].noise_strength) == float(arrays["synthesis/8x8/Conv0_up/noise_strength"])
    if not name.startswith("rosinality"):
        loaded = load_discriminator(path).state_dict()
        assert all(torch.equal(value, loaded[key]) for key, value in tiny_discriminator.state_dict().items())
    else:
        with pytest.raises(CheckpointError, match="holds no discriminator"):
            load_discriminator(path)
    assert set(provenance(path)) == {"source", "sha256"}


@pytest.mark.parametrize("name", FORMATS)
def test_conversion_keeps_every_bit(name, arrays, written, tmp_path):
    networks = read_networks(written(FORMATS[name](arrays, None)))
    out = tmp_path / "converted.safetensors"
    save_networks(out, networks.generator, networks.discriminator, {}, half=False)
    before, after = networks.generator.state_dict(), load_generator(out).state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)
    with pytest.raises(CheckpointError, match="holds no discriminator"):
        load_discriminator(out)


@pytest.mark.parametrize("lrmul", [0.01, 0.1])
@pytest.mark.parametrize("clamp", [0.5, None])
def test_clamp_and_learning_rate_multiplier_come_from_the_file(arrays, written, clamp, lrmul):
    smaller = {n: v * (0.01 / lrmul) if n.startswith("mapping/") else v for n, v in arrays.items()}
    z = torch.randn(2, 5)
    expected = ((paint(smaller, z, clamp, lrmul) * 127.5 + 128) / 255).clamp(0, 1).float()
    network = load_generator(written(files.tf_file(smaller, conv_clamp=clamp, mapping_lrmul=lrmul)))
    torch.testing.assert_close(network(z), expected, rtol=0, atol=1e-4)
    if lrmul == 0.01:
        network = load_generator(written(files.ada_file(arrays, clamp=clamp), "ada.pkl"))
        torch.testing.assert_close(network(z), expected, rtol=0, atol=1e-4)


def test_a_missing_average_is_computed_and_said(arrays, written):
    networks = read_networks(written(files.rosinality_file(arrays, average=False)))
    w = networks.generator.mapping(torch.randn(20_000, 5))
    difference = networks.generator.mapping.w_average - w.mean(0)
    assert float(difference.abs().max()) < 0.05 * float(w.std(0).mean())
    assert any("latent_avg" in note for note in networks.notes)


def _parallel(state):
    return {f"module.{name}": value for name, value in state.items()}


FORMS = {
    "module.": (lambda s, w: {"g_ema": _parallel(s), "latent_avg": w}, []),
    "bare": (lambda s, w: s, ["latent_avg"]),
    "bare, with its average": (lambda s, w: {**s, "latent_avg": w}, []),
    "bare, module.": (lambda s, w: _parallel(s), ["latent_avg"]),
    "only an EMA": (lambda s, w: {"ema": s}, ["latent_avg"]),
    "only the last step": (lambda s, w: {"g": s, "latent_avg": w}, ["last step (g)"]),
    "EMA beside the last step": (
        lambda s, w: {"g": {**s, "input.input": 2 * s["input.input"]}, "g_ema": s},
        ["latent_avg"],
    ),
    "a decoder among others": (
        lambda s, w: {
            "state_dict": {f"decoder.{n}": v for n, v in s.items()} | {"encoder.weight": torch.ones(3)},
            "latent_avg": w,
        },
        ["'decoder.' was taken, and 1 other"],
    ),
}


@pytest.mark.parametrize("archive", [True, False])
@pytest.mark.parametrize("form", FORMS)
def test_a_state_is_found_in_every_form(form, archive, arrays, written):
    state, average = files.rosinality_state(arrays), torch.from_numpy(arrays["dlatent_avg"].copy())
    wanted = load_generator(written(files.rosinality_file(arrays))).state_dict()
    make, words = FORMS[form]
    networks = read_networks(written(files.saved(make(state, average), archive), "other.pt"))
    found = networks.generator.state_dict()
    known = [name for name in wanted if name != "mapping.w_average" or "latent_avg" not in words]
    assert found.keys() == wanted.keys() and all(torch.equal(found[name], wanted[name]) for name in known)
    assert len(networks.notes) == len(words) and all(w in note for w, note in zip(words, networks.notes))


def test_a_file_without_noise_maps_gets_random_ones_and_says_so(arrays, written):
    """As published: they were no part of a state at first."""
    state = {name: value for name, value in files.rosinality_state(arrays).items() if "noises" not in name}
    networks = [read_networks(written(files.saved({"g_ema": state}), f"{i}.pt")) for i in range(2)]
    assert "no noise maps" in networks[0].notes[0]
    maps = [torch.cat([conv.noise_const.flatten() for conv in n.generator.convs]) for n in networks]
    assert (
        torch.equal(*maps) and abs(float(maps[0].mean())) < 0.15 and float(maps[0].std()) == pytest.approx(1, abs=0.1)
    )
    known = load_generator(written(files.rosinality_file(arrays))).state_dict()
    for name, value in networks[0].generator.state_dict().items():
        assert name.endswith(("noise_const", "w_average")) or torch.equal(value, known[name])


def test_one_missing_noise_map_or_two_generators_are_refused(arrays, written):
    state = files.rosinality_state(arrays)
    some = {name: value for name, value in state.items() if name != "noises.noise_1"}
    with pytest.raises(CheckpointError, match="it lacks 'noises.noise_1'"):
        load_generator(written(files.saved({"g_ema": some})))
    two = {**_parallel(state), **{f"other.{name}": value for name, value in state.items()}}
    with pytest.raises(CheckpointError, match="holds 2 generators; save the one that is meant alone"):
        load_generator(written(files.saved(two)))


def _renamed(arrays, old, new):
    return {name.replace(old, new): value for name, value in arrays.items()}


def _without(arrays, part):
    return {name: value for name, value in arrays.items() if part not in name}


def _with(arrays, name, value):
    return {**arrays, name: value}


REFUSED = {
    "config-a to config-d": lambda a: files.tf_file(_renamed(a, "16x16/ToRGB", "ToRGB_lod0")),
    "version 3": lambda a: files.tf_file(a, version=3),
    "conditional network (label_size": lambda a: files.tf_file(a, label_size=10),
    "conditional network (c_dim": lambda a: files.ada_file(a, c_dim=3),
    "architecture = 'resnet'": lambda a: files.tf_file(a, architecture="resnet"),
    "resample_kernel": lambda a: files.tf_file(a, resample_kernel=[1, 1]),
    "not square": lambda a: files.tf_file(_with(a, "synthesis/4x4/Const/const", np.zeros((1, 7, 3, 4), np.float32))),
    "says 32 px": lambda a: files.tf_file(a, resolution=32),
    "lacks 'synthesis/noise0'": lambda a: files.tf_file(_without(a, "noise0")),
    "lacks 'dlatent_avg'": lambda a: files.tf_file(_without(a, "dlatent_avg")),
    "no synthesis network": lambda a: files.tf_file(_without(a, "Conv1")),
    "'surprise'": lambda a: files.tf_file(_with(a, "surprise", np.zeros(3, np.float32))),
    "not finite": lambda a: files.tf_file(_with(a, "dlatent_avg", np.full(6, np.nan, np.float32))),
    "do not fit together": lambda a: files.tf_file(_with(a, "dlatent_avg", np.zeros(7, np.float32))),
    "unexpected shape": lambda a: files.tf_file(_with(a, "synthesis/noise1", np.zeros(3, np.float32))),
    "StyleGAN3": lambda a: pickle_ada(
        files.module(
            "Generator",
            {},
            {},
            {"synthesis": files.module("S", {}, {}, {"input": files.module("I", {}, {"freqs": torch.ones(2)})})},
        )
    ),
    "three channels": lambda a: files.ada_file(a, img_channels=1),
    "no generator that is known": lambda a: pickle.dumps({"weights": [1, 2, 3]}),
    "no weight file: it is damaged or has another content": lambda a: b"<html>404 not found</html>",
    "not one of torch's": lambda a: empty_zip(),
    "only half a file": lambda a: files.rosinality_file(a, archive=False)[:-40],
}


def pickle_ada(network):
    with files.official_names():
        return pickle.dumps({"G_ema": network}, 4)


def empty_zip():
    import io
    import zipfile

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "nothing here")
    return file.getvalue()


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_used_is_one_sentence(words, arrays, written):
    path = written(REFUSED[words](arrays))
    with pytest.raises(CheckpointError, match=re.escape(words)) as caught:
        load_generator(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message and len(message) < 400 + len(str(path))


def test_a_stream_cut_anywhere_among_its_storages_is_half_a_file(arrays, written):
    whole = files.rosinality_file(arrays, archive=False)  # torch writes the storages in another order each time
    for cut in range(1, 200):
        with pytest.raises(CheckpointError, match="only half a file"):
            load_generator(written(whole[:-cut]))


def test_an_odd_discriminator_is_left_out_and_said(arrays, tiny_discriminator, written):
    del tiny_discriminator.blocks[1].skip
    networks = read_networks(written(files.tf_file(arrays, tiny_discriminator)))
    assert networks.discriminator is None
    assert any("discriminator was left out" in note for note in networks.notes)


@pytest.mark.parametrize(("base", "name"), [(8192, "config-e"), (16384, "config-f"), (4096, "neither")])
def test_config_name(base, name):
    assert config_name([min(2 * base // r, 512) for r in (4, 8, 16, 32, 64, 128, 256, 512)]).startswith(name)


def _bars(height, top, bottom, inside):
    """A generator whose picture is black but for the rows `top`..`bottom`."""
    network = Generator(height, 4, 4, 1, (4,) * (height.bit_length() - 2)).requires_grad_(False)
    image = torch.full((1, 3, height, height), -1.0)
    image[:, :, top:bottom] = inside
    network.synthesis = lambda styles, noise, dtype=torch.float32: image.expand(len(styles[0]), -1, -1, -1)
    return network


@pytest.mark.parametrize(
    ("top", "bottom", "inside", "found"),
    [(4, 28, 0.2, (4, 28)), (4, 28, -0.98, None), (0, 28, 0.2, None), (4, 32, 0.2, None), (12, 20, 0.2, None)],
)
def test_black_bars_are_seen(top, bottom, inside, found):
    assert picture_rows(_bars(32, top, bottom, inside), 32, (4, 28)) == found
    assert picture_rows(_bars(32, top, bottom, inside)) is None  # no car: not 512 px


def test_pictures_leave_without_bars(tmp_path):
    torch.manual_seed(0)
    whole = Generator(16, 4, 4, 1, (4, 4, 4))
    cut = Generator(16, 4, 4, 1, (4, 4, 4), rows=(2, 14))
    cut.load_state_dict(whole.state_dict())
    z = torch.randn(2, 4)
    assert cut.picture_size == (12, 16) and whole.picture_size == (16, 16)
    assert torch.equal(cut(z), whole(z)[:, :, 2:14])
    save_networks(tmp_path / "car.safetensors", cut, None, {}, half=False)
    loaded = load_generator(tmp_path / "car.safetensors")
    assert loaded.rows == (2, 14) and torch.equal(loaded(z), cut(z))
    with pytest.raises(ValueError, match="rows"):
        Generator(16, 4, 4, 1, (4, 4, 4), rows=(14, 2))
