"""Pictures in any form: the same picture comes out, and what is none is refused in a sentence."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from ganverse_nb.data.pictures import as_picture, whole_picture


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)


def test_all_forms_of_a_picture_are_the_same_picture(pixels, tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(pixels).save(path)
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)
    forms = [path, str(path), Image.fromarray(pixels), pixels, pixels / 255.0, tensor, tensor[None], tensor / 255]
    found = [as_picture(form, 32) for form in forms]
    assert all(torch.equal(found[0], other) for other in found)
    assert found[0].shape == (1, 3, 32, 32) and found[0].dtype == torch.float32
    assert [whole_picture(form).size for form in forms] == [(64, 48)] * len(forms)
    assert torch.equal(as_picture(pixels[:32, :32], 32)[0], torch.from_numpy(pixels[:32, :32]).permute(2, 0, 1) / 255)


def test_grey_and_transparent_arrays_become_rgb(pixels):
    grey = as_picture(pixels[..., 0], 32)
    assert torch.equal(grey[:, 0], grey[:, 2])
    clear = np.concatenate([pixels, np.zeros_like(pixels[..., :1])], 2)
    assert (as_picture(clear, 32) == 1).all()  # what is transparent is white


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "RGBa", "CMYK", "YCbCr", "HSV", "I;16", "F"])
def test_modes_that_can_be_converted_are(mode):
    like = Image.new("RGB", (40, 40), (200, 60, 20))
    if mode in ("I;16", "F"):
        values = np.full((40, 40), 0.5 if mode == "F" else 30000)
        image = Image.fromarray(values.astype(np.float32 if mode == "F" else np.uint16))
    elif mode in ("LA", "PA", "RGBa"):
        image = like.convert("RGBA").convert(mode)
    else:
        image = like.convert(mode)
    assert image.mode == mode and as_picture(image, 32).shape == (1, 3, 32, 32)


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (np.zeros((2, 40, 40, 3), np.uint8), r"as an array is \[H, W\].*got \[2, 40, 40, 3\]"),
        (np.zeros((0, 0, 3), np.uint8), "as an array is"),
        (np.zeros((40, 40, 3), np.int64), "bytes or floating point numbers in .0, 1., not int64"),
        (np.full((40, 40, 3), 255.0), "divide those of bytes by 255"),
        (np.full((40, 40, 3), np.nan), "divide those of bytes by 255"),
        (torch.zeros(40, 40, 3), r"as a tensor is \[3, H, W\].*got \[40, 40, 3\]"),
        (torch.zeros(2, 3, 40, 40), "as a tensor is"),
        (b"bytes", "a path, a Pillow image, an array or a tensor, not bytes"),
        (np.zeros((8, 8, 3), np.uint8), "only 8 x 8 pixels; give a larger picture"),
    ],
)
def test_what_is_no_picture_is_refused_in_a_sentence(picture, words):
    with pytest.raises(ValueError, match=words) as refused:
        as_picture(picture, 32)
    assert "\n" not in str(refused.value)
