"""Many photographs at once give the numbers of each alone, and no bad one stops the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ganverse_nb.inverse_graphics import reconstructor as module
from ganverse_nb.inverse_graphics.reconstruction import Reconstruction, Refusal
from ganverse_nb.inverse_graphics.reconstructor import Reconstructor
from ganverse_nb.studio.photos import make_photos


@pytest.fixture(scope="module")
def own() -> Reconstructor:
    return Reconstructor.from_pretrained("car")


@pytest.fixture(scope="module")
def pictures() -> list:
    """A wide one, one with alpha, one without an object, one that is too small, and a plain one."""
    photos = make_photos("car", 3, seed=5, resolution=128)
    wide, cut, plain = (image.permute(1, 2, 0).numpy() for image in photos.images)
    alpha = photos.masks[1, 0].numpy().astype(np.uint8) * 255
    wide = np.pad(wide, ((0, 0), (0, 70), (0, 0)), mode="edge")
    return [wide, np.dstack([cut, alpha]), np.full((96, 80, 3), 99, np.uint8), np.zeros((5, 5, 3), np.uint8), plain]


def numbers(result: Reconstruction) -> torch.Tensor:
    assert result.mesh is not None and result.camera is not None
    parts = [result.mesh.vertices, result.mesh.texture, result.image, result.mask, *vars(result.camera).values()]
    return torch.cat([part.flatten() for part in parts])


def test_together_and_alone_give_the_same_to_rounding(own, pictures):
    together = list(own.many(pictures, batch=3))
    assert [type(result) for result in together] == [Reconstruction] * 3 + [Refusal, Reconstruction]
    assert together[3] == Refusal("the picture", "the picture has only 5 x 5 pixels; give a larger picture.")
    assert together[2].mesh is None and together[2].refusal.startswith("the picture is out of domain: no instance")
    assert [result.mask_source for result in together[:2]] == [own.segmenter.source, "alpha"]
    for place in (0, 1, 4):
        alone = own(pictures[place])
        assert torch.allclose(numbers(together[place]), numbers(alone), atol=1e-4)
        assert together[place].verdict.reason == alone.verdict.reason and together[place].advice == alone.advice
        assert together[place].verdict.score == pytest.approx(alone.verdict.score, abs=1e-4)


def test_neither_threads_nor_the_memory_that_is_allowed_change_a_result(own, pictures, monkeypatch):
    one = [numbers(result) for result in own.many(pictures[:2] + pictures[4:], batch=2, threads=1)]
    two = [numbers(result) for result in own.many(pictures[:2] + pictures[4:], batch=2, threads=2)]
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    seen: list[int] = []
    reconstruct = own._reconstruct
    monkeypatch.setattr(
        own, "_reconstruct", lambda given, refine: seen.append(len(given)) or reconstruct(given, refine)
    )
    monkeypatch.setattr(module, "AT_ONCE", 30_000)  # two pictures of 128 x 128
    few = [numbers(result) for result in own.many(pictures[:2] + pictures[4:])]
    assert seen == [2, 1] and all(torch.allclose(a, b, atol=1e-4) for a, b in zip(one, few, strict=True))


def test_a_refined_one_is_that_of_a_single_picture(own, pictures, monkeypatch):
    def shown(mesh, camera, picture, mask):
        return replace(mesh, texture=picture * mask), camera  # what a fit would see

    monkeypatch.setattr(module, "refine_hypotheses", lambda *of, short=module.refine_hypotheses: short(*of, steps=2))
    monkeypatch.setattr(module, "fit_photo", shown)
    (many,) = own.many([pictures[4]], refine=True)
    alone = own(pictures[4], refine=True)
    assert many.hypotheses is not None and torch.allclose(numbers(many), numbers(alone), atol=1e-3)


def test_files_that_are_none_are_named(own, tmp_path):
    (tmp_path / "empty.png").touch()
    missing, empty = own.many([tmp_path / "no.jpg", str(tmp_path / "empty.png")])
    assert missing == Refusal(f"{tmp_path}/no.jpg", f"There is no picture at {tmp_path}/no.jpg.")
    assert empty == Refusal(f"{tmp_path}/empty.png", f"{tmp_path}/empty.png is empty (0 bytes); give a PNG or JPEG.")
