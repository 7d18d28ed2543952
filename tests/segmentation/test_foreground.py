"""Foreground networks: on a tiny one, which finds what is bright, and through the real rembg."""

import inspect
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from ganverse_nb.config import load_config
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.segmentation import onnx_network, rembg_network
from ganverse_nb.segmentation.foreground import ForegroundSegmenter
from ganverse_nb.segmentation.mask_rcnn import foreground_kind, load_segmenter, segmenter_file
from ganverse_nb.segmentation.rembg_network import NETWORKS, network_of
from ganverse_nb.studio.photos import make_photos
from ganverse_nb.workflow.weights import named_weights
from tests.tiny_network import TensorProto, write_network


def blobs(*boxes, size=64):
    picture = torch.full((1, 3, size, size), 0.1)
    for left, top, right, bottom in boxes:
        picture[..., top:bottom, left:right] = 0.9
    return picture


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory):
    return load_segmenter("car", f"onnx:{write_network(tmp_path_factory.mktemp('onnx') / 'bright.onnx')}")


def test_bright_blobs_on_dark_ground_are_counted(segmenter, monkeypatch):
    one, two = blobs((8, 16, 40, 48)), blobs((4, 4, 30, 30), (36, 30, 60, 60))
    monkeypatch.setattr(segmenter, "at_once", 2)
    found = segmenter.segment(torch.cat([one, two, blobs()]))
    assert found.count.tolist() == [1, 2, 0]
    assert found.mask[0, 0].sum() == 32 * 32 and found.box[0].tolist() == [8, 16, 40, 48]
    assert found.box[1].tolist() == [36, 30, 60, 60] and not found.mask[2].any()  # the larger of the two
    assert found.score[0] > 0.99 and found.score[2] == 0
    assert "bright.onnx" in segmenter.source and segmenter.advice == ""


def test_pictures_of_another_size_and_form_come_back_as_they_were(segmenter):
    wide = torch.full((2, 3, 48, 160), 0.1)
    wide[:, :, 12:36, 40:120] = 0.9
    found = segmenter.segment(wide)
    assert found.mask.shape == (2, 1, 48, 160)
    assert (found.box - torch.tensor([40.0, 12, 120, 36])).abs().max() <= 2  # its pixels are 2.5 wide
    assert len(segmenter.segment(torch.zeros(0, 3, 64, 64))) == 0
    with pytest.raises(ValueError, match="B, 3, H, W"):
        segmenter.segment(torch.zeros(3, 64, 64))


def test_a_photograph_is_cut_out_at_its_own_resolution(segmenter):
    pixels = np.full((300, 400, 3), 20, np.uint8)
    pixels[100:200, 50:250] = 240
    found = segmenter.cut_out(Image.fromarray(pixels))
    assert found.mask.shape == (300, 400) and found.count == 1 and found.score > 0.95
    left, top, right, bottom = found.outline.point(lambda value: 255 * (value > 127)).getbbox()
    assert max(abs(left - 50), abs(right - 250)) <= 4 and max(abs(top - 100), abs(bottom - 200)) <= 3


def test_a_network_of_any_size_sees_the_training_size_of_isnet(tmp_path):
    free = load_segmenter("bird", f"onnx:{write_network(tmp_path / 'free.onnx', ('h', 'w'))}")
    assert free.network.size == (1024, 1024) and free.category == "bird"
    assert free.segment(blobs((8, 16, 40, 48))).box.tolist() == [[8, 16, 40, 48]]


def test_what_a_foreground_shows_the_network_for_photographs_tells(segmenter):
    cars, birds = (make_photos(kind, 6, 11, 128) for kind in ("car", "bird"))
    images, masks = torch.cat([cars.image(), birds.image()]), torch.cat([cars.masks, birds.masks]).float()
    own = load_segmenter("car", "photographs")
    odds = segmenter.log_odds(images, masks)
    torch.testing.assert_close(odds, own.log_odds(images, masks))
    assert odds[:6].median() > 1 > -1 > odds[6:].median()
    assert ForegroundSegmenter(segmenter.network, "lamp", "bright").log_odds(images, masks) is None  # nobody knows it


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"channels": 4}, r"takes \[1, 4, 64, 64\]; a foreground network takes one picture"),
        ({"inputs": 2}, r"takes \[1, 3, 64, 64\] and \[1, 3, 64, 64\]; a foreground network takes one picture"),
        ({"kind": TensorProto.DOUBLE}, r"takes tensor\(double\); .* 32 bits"),
    ],
)
def test_other_networks_are_refused_in_a_sentence(tmp_path, settings, words):
    path = write_network(tmp_path / "other.onnx", **settings)
    with pytest.raises(ValueError, match=f"other.onnx {words}") as refused:
        load_segmenter("car", f"onnx:{path}")
    assert "\n" not in str(refused.value)


def test_answers_that_are_no_mask_are_refused_in_a_sentence(tmp_path):
    segmenter = load_segmenter("car", f"onnx:{write_network(tmp_path / 'odds.onnx', logits=True)}")
    with pytest.raises(ValueError, match=r"odds.onnx answers with -11.9 to -11.9: .* not in 0 to 1"):
        segmenter.segment(blobs())


def test_missing_and_damaged_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no foreground network at .*none.onnx"):
        load_segmenter("car", f"onnx:{tmp_path / 'none.onnx'}")
    whole = write_network(tmp_path / "torn.onnx").read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"text"):
        (tmp_path / "torn.onnx").write_bytes(content)
        with pytest.raises(ValueError, match="torn.onnx is damaged or no ONNX network") as refused:
            load_segmenter("car", f"onnx:{tmp_path / 'torn.onnx'}")
        assert "\n" not in str(refused.value)


# ---- through rembg, as it is installed; its networks' places are taken by the tiny one


@pytest.fixture
def rembg_home(tmp_path, monkeypatch):
    for name in ("U2NET_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # networks of older versions are looked for there
    monkeypatch.setenv("REMBG_HOME", str(tmp_path / "rembg"))
    return tmp_path / "rembg"


def place(home, name):
    return home / "models" / name / f"{name}.onnx"


def test_rembg_knows_the_networks_and_prepares_pictures_alike(rembg_home):
    from rembg import new_session

    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (1024, 1024, 3), np.uint8))
    picture.putpixel((0, 0), (255, 255, 255))  # rembg divides by the brightest value
    for name, network in NETWORKS.items():
        write_network(place(rembg_home, name), (1024, 1024), logits=network.preparation.logits)
        session = new_session(name)  # rembg's own way to the same file
        fed = {}
        session.inner_session = Recorder(session.inner_session, fed, "theirs")
        session.predict(picture)
        mine = load_segmenter("car", f"rembg:{name}").network
        mine.session = Recorder(mine.session, fed, "mine")
        confidence = mine.confidence(picture)
        np.testing.assert_allclose(fed["mine"], fed["theirs"], atol=1e-5)
        assert 0 <= confidence.min() < 0.1 < 0.9 < confidence.max() <= 1


PYMATTING = {  # what rembg takes of it, and what it does to threads; the true one also compiles for a minute
    "__init__.py": "",
    "alpha/__init__.py": "",
    "alpha/estimate_alpha_cf.py": "estimate_alpha_cf = None",
    "foreground/__init__.py": "",
    "foreground/estimate_foreground_ml.py": "estimate_foreground_ml = None",
    "util/__init__.py": "",
    "util/util.py": """
from numba import njit, prange

@njit(parallel=True)
def total(count):
    found = 0
    for number in prange(count):
        found += number
    return found

assert total(5) == 10
stack_images = None
""",
}


def test_rembg_leaves_torch_its_threads(tmp_path):
    for name, text in PYMATTING.items():
        path = tmp_path / "pymatting" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    program = (
        "import torch; before = torch.get_num_threads()\n"
        "from ganverse_nb.segmentation.rembg_network import DEFAULT, NETWORKS\n"
        "NETWORKS[DEFAULT]._session_class\n"
        "assert 'total' in vars(__import__('sys').modules['pymatting.util.util'])\n"
        "assert torch.get_num_threads() == before == 1, torch.get_num_threads()"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


class Recorder:
    """A session that keeps what it is given."""

    def __init__(self, session, fed, name):
        self.session, self.fed, self.name = session, fed, name

    def get_inputs(self):
        return self.session.get_inputs()

    def run(self, names, feeds):
        (self.fed[self.name],) = feeds.values()
        return self.session.run(names, feeds)


def test_rembg_downloads_from_where_it_is_said(rembg_home):
    from rembg.sessions import sessions_class

    for name, network in NETWORKS.items():
        (session,) = [found for found in sessions_class if found.name() == name]
        assert f'"{network.url}"' in inspect.getsource(session.download_models)
        assert network.path == place(rembg_home, name) and network.find() is None


def test_a_file_of_rembg_is_taken_where_it_is(rembg_home):
    name = "isnet-general-use"
    path = write_network(place(rembg_home, name))
    assert segmenter_file("car", "rembg") == segmenter_file("car", f"rembg:{name}") == path
    assert network_of("rembg").find() == path
    segmenter = load_segmenter("horse", "rembg")
    assert segmenter.segment(blobs((8, 16, 40, 48))).count.tolist() == [1]
    assert name in segmenter.source and "rembg" in segmenter.source
    path.write_bytes(b"torn")
    with pytest.raises(ValueError, match="isnet-general-use.onnx is damaged"):
        load_segmenter("horse", "rembg")


def test_nothing_is_downloaded_unasked(rembg_home, monkeypatch):
    with pytest.raises(
        ExpectedError, match="models/birefnet-general/.*`ganverse fetch-weights birefnet-general`.*928 MB"
    ):
        load_segmenter("car", "rembg:birefnet-general")
    assert not rembg_home.exists() or not list(rembg_home.rglob("*.onnx"))

    def broken(*arguments, **options):
        raise ConnectionError("no network")

    monkeypatch.setattr("pooch.retrieve", broken)
    with pytest.raises(ExpectedError, match="isnet-general-use.onnx could not be downloaded .no network.*onnx:FILE"):
        load_segmenter("car", "rembg", download=True)


def test_what_is_missing_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_network, "require", refuse)
    monkeypatch.setattr(rembg_network, "require", refuse)
    path = write_network(tmp_path / "bright.onnx")
    for weights in ("rembg", "rembg:birefnet-general", f"onnx:{path}"):
        with pytest.raises(ExpectedError, match=r"no_such_package, .* pip install 'ganverse_nb\[photos\]'"):
            load_segmenter("car", weights)


def refuse(extra, what, *modules):
    from ganverse_nb.runtime.extras import require

    assert set(modules) <= {"rembg", "onnxruntime"}
    require(extra, what, "no_such_package")


def test_settings_that_mean_a_foreground_network(tmp_path):
    assert foreground_kind("rembg") == foreground_kind("rembg:isnet-general-use") == "rembg:isnet-general-use"
    assert foreground_kind("onnx:a.onnx") == foreground_kind("onnx:b.onnx") == "onnx"
    assert [foreground_kind(other) for other in ("auto", "bundled", "coco", tmp_path / "onnx", "onnx")] == [""] * 5
    assert segmenter_file("car", "onnx:~/a.onnx").is_absolute()
    with pytest.raises(ValueError, match="'u2net' .* there are isnet-general-use, birefnet-general"):
        load_segmenter("car", "rembg:u2net")
    config = load_config("smoke", segmenter__weights="rembg:birefnet-general")
    assert named_weights(config) == [NETWORKS["birefnet-general"]]
