"""The GPU check's own logic, which needs no GPU: what it compares, what it complains about, how it says no."""

import json
import math
from dataclasses import replace

import pytest
import torch

from benchmarks import gpu_check
from benchmarks.gpu_check import compare, complaints, relative_error, same_ids
from benchmarks.page import page
from ganverse_nb.render import nvdiffrast


def test_same_ids_of_all_and_of_covered_pixels():
    ours, theirs = torch.tensor([[-1, -1, 3, 4]]), torch.tensor([[-1, 2, 3, 5]])
    assert same_ids(ours, theirs) == {"all": 0.5, "covered": pytest.approx(1 / 3)}
    assert same_ids(ours * 0 - 1, ours * 0 - 1) == {"all": 1.0, "covered": 1.0}


def test_relative_error():
    truth = torch.tensor([3.0, 4.0])
    assert relative_error(truth, truth) == 0
    assert relative_error(truth, torch.tensor([3.0, 4.5])) == pytest.approx(0.1)
    assert relative_error(truth * 0, truth * 0) == 0
    assert relative_error(truth * 0, truth) == math.inf
    assert math.isnan(relative_error(truth, truth * math.nan))


@pytest.fixture(scope="module")
def own():
    """The CPU compared with itself: every error is 0, and every input of the renderer has a gradient to compare."""
    return compare((2, 24, 320), "cpu", "warp")


def test_the_cpu_agrees_with_itself(own):
    assert own["same_ids"] == {"all": 1.0, "covered": 1.0} and own["mask_error"] == own["color_error"] == 0
    names = {"vertices", "texture", "light", "azimuth", "elevation", "distance", "fov", "target"}
    assert own["gradient_error"] == dict.fromkeys(names, 0.0)
    assert complaints(own) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"same_ids": {"all": 0.97, "covered": 0.9}}, "only 97.00% of the face indices agree"),
        ({"mask_error": 0.1}, "soft masks differ by 0.1"),
        ({"gradient_error": {"texture": 0.0, "light": 0.5}}, "the gradient of light is off by 0.5"),
        ({"gradient_error": {"texture": math.nan}}, "the gradient of texture is off by nan"),
    ],
)
def test_what_is_off_is_named(own, change, words):
    assert complaints(own | change) == [f"warp, 2 x 24 px, 320 faces: {words}"]


def test_another_rasterizer_is_compared_where_the_two_agree(own, monkeypatch):
    """A renderer that sees other faces at the left edge loses ids there, and no more than that."""
    honest = gpu_check.render

    def shifted(mesh, camera, size, *, light, backend):
        output = honest(mesh, camera, size, light=light, backend="warp")
        if backend != "other":
            return output
        face_index = output.face_index.clone()
        face_index[:, :, :12] = 0
        return replace(output, fragments=replace(output.fragments, face_index=face_index))

    monkeypatch.setattr(gpu_check, "render", shifted)
    found = compare((2, 24, 320), "cpu", "other")
    assert found["same_ids"]["all"] < 0.98 and found["color_error"] == 0
    assert complaints(found)


def test_a_whole_check_is_what_the_page_shows(monkeypatch, tmp_path):
    honest, timed = gpu_check.compare, gpu_check.time_pass
    monkeypatch.setattr(gpu_check, "CHECKED", [(2, 24, 320)])
    monkeypatch.setattr(gpu_check, "TIMED", [(2, 24, 320)])
    monkeypatch.setattr(gpu_check, "compare", lambda size, device, backend: honest(size, "cpu", backend))
    monkeypatch.setattr(gpu_check, "time_pass", lambda size, device, backend, repeats: timed(size, "cpu", backend, 1))
    monkeypatch.setattr(nvdiffrast, "available", lambda: False)
    assert gpu_check.check(tmp_path / "gpu.json", None) == 0
    text = page(None, json.loads((tmp_path / "gpu.json").read_text()))
    assert "Every bar is met." in text and text.count("| 2 x 24 | 320 | warp on cpu |") == 2


def test_without_cuda_it_says_so_and_fails(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_check.main(["--output", str(tmp_path / "gpu.json")]) != 0
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "no CUDA device" in sentence and not (tmp_path / "gpu.json").exists()


def test_a_folder_that_is_no_source_tree_is_named(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert gpu_check.main(["--nvdiffrast", str(tmp_path)]) != 0
    assert "is no source tree of nvdiffrast" in capsys.readouterr().err


def test_a_build_that_fails_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    source = tmp_path / "tree"
    source.mkdir()
    (source / "setup.py").write_text("raise SystemExit('error: no compiler')")
    nvdiffrast.available.cache_clear()
    words = gpu_check.build_nvdiffrast(source, tmp_path / "target")
    assert words == "nvdiffrast could not be built: error: no compiler"
