"""Who cuts the object out of a photograph, and what is said of it; with the networks that come with the package."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.inverse_graphics import reconstructor as module
from ganverse_nb.inverse_graphics.reconstruction import OutOfDomainError
from ganverse_nb.inverse_graphics.reconstructor import Reconstructor
from ganverse_nb.segmentation.cutout import Cutout
from ganverse_nb.segmentation.foreground import ForegroundSegmenter
from ganverse_nb.segmentation.segmenter import PHOTOS_ADVICE
from ganverse_nb.studio.photos import make_photos

SIZE = 256


class Truth(ForegroundSegmenter):
    """Knows the true foreground of one photograph, at its own resolution."""

    def __init__(self, mask: Image.Image) -> None:
        super().__init__(None, "car", "truth")
        self.mask, self.seen = mask, []

    def cut_out(self, photo: Image.Image) -> Cutout:
        self.seen.append(photo.size)
        return Cutout.of_foreground(self.mask)


@pytest.fixture(scope="module")
def own() -> Reconstructor:
    return Reconstructor.from_pretrained("car")


@pytest.fixture(scope="module")
def photo() -> tuple[np.ndarray, np.ndarray]:
    """[H, W, 3] uint8 and [H, W] 0 or 255, with the car at half its usual size, right of the middle."""
    large = make_photos("car", 1, seed=3, resolution=SIZE)
    pixels, mask = large.images[0].permute(1, 2, 0).numpy(), large.masks[0, 0].numpy() * 255
    edge = ((SIZE // 2, SIZE // 2), (SIZE * 3 // 4, SIZE // 4))
    return np.pad(pixels, (*edge, (0, 0)), mode="edge"), np.pad(mask.astype(np.uint8), edge)


def with_segmenter(own: Reconstructor, segmenter: ForegroundSegmenter) -> Reconstructor:
    return Reconstructor(own.model, segmenter, own.domain, own.framing)


def test_a_foreground_network_sees_the_photograph_once_and_its_mask_goes_through_the_windows(own, photo):
    pixels, mask = photo
    truth = Truth(Image.fromarray(mask))
    result = with_segmenter(own, truth)(pixels)
    assert truth.seen == [(2 * SIZE, 2 * SIZE)] and result.mask_source == "truth"
    assert result.verdict.in_domain, str(result.verdict)
    assert result.mask.mean() > 1.8 * (mask > 127).mean()  # it is shown larger than in the photograph
    by_network = own.segmenter.segment(result.image).mask
    assert hard_iou(result.mask, by_network).item() > 0.85  # the window of the mask is that of the picture


def test_alpha_is_the_mask_and_said_so(own, photo):
    pixels, mask = photo
    truth = Truth(Image.new("L", (2 * SIZE, 2 * SIZE)))
    by_alpha = with_segmenter(own, truth)(Image.fromarray(np.dstack([pixels, mask])))
    assert by_alpha.mask_source == "alpha" and not truth.seen
    white = np.where(mask[..., None] > 127, pixels, 255).astype(np.uint8)
    by_truth = with_segmenter(own, Truth(Image.fromarray(mask)))(white)
    assert hard_iou(by_alpha.mask, by_truth.mask).item() > 0.97


def test_an_object_at_the_edge_of_a_wide_photograph_is_found(own, photo):
    pixels, mask = photo
    wide, at = np.pad(pixels, ((0, 0), (3 * SIZE, 0), (0, 0)), mode="edge"), np.pad(mask, ((0, 0), (3 * SIZE, 0)))
    found, known = own(wide), own(wide, mask=at > 127)
    assert found.verdict.in_domain, str(found.verdict)
    assert hard_iou(found.mask, known.mask).item() > 0.75  # the windows differ by what the masks do


def test_borders_are_left_out_and_said_so(own):
    pixels = make_photos("car", 1, seed=3, resolution=128).images[0].permute(1, 2, 0).numpy()
    plain = own(pixels)
    film = own(np.pad(pixels, ((16, 16), (40, 40), (0, 0))))
    assert torch.equal(plain.image, film.image) and plain.notes == ()
    assert "128 x 128 of 208 x 160 pixels" in film.notes[0] and plain.mask_source == own.segmenter.source


def test_a_refusal_recommends_better_masks_once(own, photo, tmp_path):
    empty = np.full((96, 96, 3), 128, np.uint8)
    result = own(empty)
    assert result.advice == PHOTOS_ADVICE
    with pytest.raises(OutOfDomainError) as refused:
        result.save(tmp_path / "car.glb")
    assert str(refused.value).count("ganverse_nb[photos]") == 1 and str(refused.value).startswith("the picture is out")
    nothing = with_segmenter(own, Truth(Image.new("L", (96, 96))))(empty)
    assert nothing.verdict.reason == "no instance" and nothing.advice == ""
    assert own(make_photos("car", 1, seed=3, resolution=128).images[0]).advice == ""


def test_two_objects_of_a_foreground_are_several(own, photo):
    _, mask = photo
    two = np.zeros_like(mask)
    two[100:200, 50:200] = two[300:420, 250:450] = 255
    result = with_segmenter(own, Truth(Image.fromarray(two)))(photo[0])
    assert result.verdict.reason == "more than one instance (2)"


def test_the_segmenter_of_the_front_door_is_a_setting(monkeypatch):
    asked = []
    monkeypatch.setattr(module, "load_segmenter", lambda *names: asked.append(names))
    for setting in (None, "rembg"):
        Reconstructor.from_pretrained("car", setting)
    assert asked == [("car", "photographs"), ("car", "rembg")]
