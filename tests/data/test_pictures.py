"""Pictures from files: what is read, and one sentence for everything that cannot be."""

import numpy as np
import pytest
import torch
from PIL import Image

from ganverse_nb.data.pictures import read_picture, write_picture


@pytest.fixture
def save(tmp_path):
    def make(size=(16, 16), mode="RGB", name="picture.png", **options):
        pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 4), dtype=np.uint8)
        path = tmp_path / name
        Image.fromarray(pixels).convert(mode).save(path, **options)
        return path

    return make


def test_a_picture_survives_writing_and_reading(tmp_path):
    image = torch.zeros(3, 8, 8)
    image[0, 0], image[2, :, 7] = 1.0, 0.4  # red on top, blue to the right
    assert torch.allclose(read_picture(write_picture(image, tmp_path / "a.png"), 8)[0], image, atol=0.5 / 255)


def test_fit_takes_the_middle_square_of_any_mode(tmp_path):
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = (255, 128, 0)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    fitted = read_picture(tmp_path / "wide.png", 10, fit=True)
    assert torch.allclose(fitted[:, :, :, 1:-1], torch.tensor([1, 128 / 255, 0]).reshape(1, 3, 1, 1), atol=0.02)


@pytest.mark.parametrize("mode", ["L", "RGBA", "LA", "P", "1"])
def test_modes(save, mode):
    path = save(mode=mode)
    with pytest.raises(ValueError, match=f"mode {mode}.*RGB.*--fit"):
        read_picture(path, 16)
    assert read_picture(path, 16, fit=True).shape == (1, 3, 16, 16)


def test_transparency_is_white(tmp_path):
    Image.new("RGBA", (8, 8), (10, 10, 10, 0)).save(tmp_path / "glass.png")
    assert read_picture(tmp_path / "glass.png", 8, fit=True).min() == 1.0


@pytest.mark.parametrize("size", [(16, 8), (15, 15), (64, 64)])
def test_another_size_is_refused(save, size):
    with pytest.raises(ValueError, match=f"{size[0]} x {size[1]} pixels and 16 x 16 are needed"):
        read_picture(save(size), 16)


@pytest.mark.parametrize("fit", [False, True])
@pytest.mark.parametrize(
    ("content", "words"), [(b"", "empty"), (b"hello", "not a picture"), ("half", "damaged or cannot be read")]
)
def test_files_that_are_no_pictures(save, content, words, fit):
    path = save((64, 64), name="picture.jpg")
    path.write_bytes(path.read_bytes()[:400] if content == "half" else content)
    with pytest.raises(ValueError, match=words) as caught:
        read_picture(path, 64, fit)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no picture at .*nowhere.png"):
        read_picture(tmp_path / "nowhere.png", 16)


def test_a_picture_is_turned_upright(tmp_path):
    """EXIF orientation 6: the camera was turned, and the top of what it saw is stored on the left."""
    stored = np.zeros((32, 32, 3), np.uint8)
    stored[:, :16] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(stored).save(tmp_path / "turned.jpg", quality=100, subsampling=0, exif=exif)
    upright = read_picture(tmp_path / "turned.jpg", 32, fit=True)[0, 0]
    assert upright[:15].min() > 0.9 and upright[17:].max() < 0.1


def test_cmyk_and_16_bits_keep_their_colours(tmp_path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "print.jpg", quality=100)
    red = torch.tensor([1.0, 0.0, 0.0])[:, None, None].expand(3, 16, 16)
    torch.testing.assert_close(read_picture(tmp_path / "print.jpg", 16, fit=True)[0], red, atol=0.03, rtol=0)
    grey = np.full((16, 16), 65535 // 4, np.uint16)
    Image.fromarray(grey).save(tmp_path / "deep.png")
    assert read_picture(tmp_path / "deep.png", 16, fit=True).mean() == pytest.approx(0.25, abs=0.01)


def test_a_picture_of_one_pixel_is_too_small(save):
    with pytest.raises(ValueError, match="has only 1 x 1 pixels; give a larger picture"):
        read_picture(save((1, 1)), 16, fit=True)
    assert read_picture(save((8, 30)), 16, fit=True).shape == (1, 3, 16, 16)
