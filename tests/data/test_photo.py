"""Photographs as people have them: turned, with alpha, in 16 bits, far too wide, with borders."""

import numpy as np
import pytest
from PIL import Image

from ganverse_nb.data import pictures
from ganverse_nb.data.masks import scaled_mask
from ganverse_nb.data.photo import read_photo, without_borders


@pytest.fixture
def scene():
    return np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)


def framed(scene, left, top, right, bottom, colour=(0, 0, 0)):
    height, width = scene.shape[:2]
    picture = np.full((top + height + bottom, left + width + right, 3), colour, np.uint8)
    picture[top : top + height, left : left + width] = scene
    return picture


def test_a_plain_photograph_is_all_of_it(scene, tmp_path):
    Image.fromarray(scene).save(tmp_path / "photo.png")
    for picture in (scene, tmp_path / "photo.png"):
        photo = read_photo(picture, 64)
        assert photo.box == (0, 0, 160, 120) and photo.size == (160, 120)
        assert np.array_equal(np.asarray(photo.image), scene)
        assert photo.alpha is None and photo.notes == ()
    assert photo.name == str(tmp_path / "photo.png")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photograph_is_upright(orientation, tmp_path):
    upright = np.zeros((80, 100, 3), np.uint8)
    upright[:20, :, 0], upright[:, :20, 1] = 255, 255  # red above, green on the left
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "turned.png", exif=exif)
    photo = read_photo(tmp_path / "turned.png", 64)
    assert photo.size == (100, 80) and np.array_equal(np.asarray(photo.image), upright)


@pytest.mark.parametrize("bars", [(0, 15, 0, 15), (30, 0, 30, 0), (12, 20, 30, 9), (0, 1, 0, 4)])
@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (40, 80, 200)])
def test_borders_of_one_colour_are_left_out(scene, bars, colour):
    picture = framed(scene, *bars, colour)
    left, top = bars[:2]
    assert without_borders(Image.fromarray(picture)) == (left, top, left + 160, top + 120)
    photo = read_photo(picture, 64)
    assert np.array_equal(np.asarray(photo.image), scene)
    assert photo.box == (left, top, left + 160, top + 120)
    assert "160 x 120 of" in photo.notes[0]


def test_what_would_be_too_small_without_its_ground_is_looked_at_whole():
    picture = np.full((32, 32, 3), 90, np.uint8)
    picture[9:23, 8:22] = np.random.default_rng(0).integers(120, 255, (14, 14, 3))
    assert without_borders(Image.fromarray(picture)) == (8, 9, 22, 23)
    photo = read_photo(picture, 32)
    assert photo.box == (0, 0, 32, 32) and not photo.notes
    assert read_photo(picture, 28).box == (8, 9, 22, 23)


def test_borders_that_went_through_jpeg(scene, tmp_path):
    smooth = np.asarray(Image.fromarray(scene[:12, :16]).resize((160, 120), Image.Resampling.BICUBIC))
    Image.fromarray(framed(smooth, 0, 24, 0, 24)).save(tmp_path / "film.jpg", quality=85)
    box = without_borders(Image.open(tmp_path / "film.jpg"))
    assert np.abs(np.subtract(box, (0, 24, 160, 144))).max() <= 2


@pytest.mark.parametrize("bars", [(0, 30, 0, 0), (0, 0, 25, 0)])
def test_what_is_plain_on_one_side_only_is_no_border(scene, bars):
    """A wall above a floor, say."""
    whole = (0, 0, 160 + bars[2], 120 + bars[1])
    assert without_borders(Image.fromarray(framed(scene, *bars, (200, 190, 180)))) == whole


@pytest.mark.parametrize("ground", [0, 255, 200])
def test_a_plain_ground_around_an_object_is_no_border(ground):
    y, x = np.mgrid[:160, :160]
    picture = np.full((160, 160, 3), ground, np.uint8)
    picture[(x - 80) ** 2 / 60**2 + (y - 80) ** 2 / 35**2 < 1] = (150, 30, 30)
    assert without_borders(Image.fromarray(picture)) == (0, 0, 160, 160)
    assert without_borders(Image.new("RGB", (90, 60), (ground,) * 3)) == (0, 0, 90, 60)


def test_alpha_that_tells_an_object_is_kept_and_other_alpha_is_not(scene):
    def with_alpha(alpha):
        return Image.fromarray(np.dstack([scene, alpha.astype(np.uint8)]))

    cut = np.zeros((120, 160))
    cut[30:90, 40:120] = 255
    photo = read_photo(with_alpha(cut), 64)
    assert np.array_equal(np.asarray(photo.alpha), cut)
    assert np.asarray(photo.image)[0, 0].tolist() == [255, 255, 255]  # what is transparent is white, no border
    assert photo.box == (0, 0, 160, 120) and photo.notes == ()
    corners = np.full((120, 160), 255)
    corners[:5, :5] = 0
    for useless in (np.zeros((120, 160)), np.full((120, 160), 255), corners):
        assert read_photo(with_alpha(useless), 64).alpha is None


def test_palettes_with_a_transparent_colour_have_alpha(tmp_path):
    indexed = np.zeros((80, 80), np.uint8)
    indexed[20:60, 20:60] = 1
    image = Image.fromarray(indexed).convert("P")
    image.putpalette([0, 0, 0, 200, 10, 10])
    image.save(tmp_path / "indexed.png", transparency=0)
    photo = read_photo(tmp_path / "indexed.png", 64)
    assert np.array_equal(np.asarray(photo.alpha) > 127, indexed == 1)
    assert np.asarray(photo.image)[40, 40].tolist() == [200, 10, 10]


def test_sixteen_bits_keep_their_values(tmp_path):
    values = np.random.default_rng(1).integers(0, 65536, (80, 80)).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    pixels = np.asarray(read_photo(tmp_path / "deep.png", 64).image)[..., 0]
    assert np.abs(pixels - values / 257).max() <= 0.51


@pytest.mark.parametrize("size", [(1200, 300), (100, 700)])
def test_a_panorama_is_refused_in_a_sentence(size):
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    with pytest.raises(ValueError, match=f"panorama of {size[0]} x {size[1]} pixels.*crop it around the object"):
        read_photo(noise, 64)
    assert read_photo(noise[:300, :900], 64).size == (min(900, size[0]), 300)  # three times as wide will do


def test_what_cannot_be_read_is_said(tmp_path, scene):
    with pytest.raises(FileNotFoundError, match="no picture at"):
        read_photo(tmp_path / "none.png", 64)
    (tmp_path / "text.png").write_text("text")
    with pytest.raises(ValueError, match="not a picture"):
        read_photo(tmp_path / "text.png", 64)
    with pytest.raises(ValueError, match="only 20 x 20 pixels"):
        read_photo(scene[:20, :20], 64)


def test_large_photographs_are_scaled_as_they_are_decoded_and_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "LARGEST", 100)
    pixels = np.random.default_rng(0).integers(0, 255, (200, 400, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[:, :100, 3] = 0
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    photo = read_photo(tmp_path / "turned.png", 16)
    assert photo.image.size == photo.size == photo.alpha.size == (50, 100) and photo.box == (0, 0, 50, 100)
    assert photo.notes == ("it was scaled down from 200 x 400 pixels",)
    assert np.asarray(photo.alpha)[:20].max() == 0 and np.asarray(photo.alpha)[30:].min() == 255
    assert (np.asarray(photo.image)[:20] == 255).all()
    assert read_photo(Image.fromarray(pixels), 16).size == (100, 50)
    large = np.zeros((200, 400), bool)
    large[40:160, 100:300] = True
    small = scaled_mask(large, (100, 50))
    assert small.shape == (50, 100) and small.mean() == pytest.approx(large.mean(), abs=0.02)


@pytest.mark.parametrize(
    ("size", "read_at"), [((400, 150), (200, 75)), ((300, 700), (110, 256)), ((900, 700), (225, 175))]
)
def test_a_jpeg_of_any_shape_is_decoded_no_larger_than_is_enough(tmp_path, size, read_at):
    """At a half where that leaves three quarters of the pixels that are asked for, and else scaled to them."""
    y, x = np.mgrid[: size[1], : size[0]]
    smooth = np.stack([255 * x / size[0], 255 * y / size[1], 128 + 0 * x], -1).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "photo.jpg", quality=95, subsampling=0)
    photo = read_photo(tmp_path / "photo.jpg", 32, largest=256)
    assert photo.image.size == read_at
    assert photo.notes[0] == f"it was scaled down from {size[0]} x {size[1]} pixels"
    whole = Image.fromarray(smooth).resize(read_at, Image.Resampling.BOX)
    assert np.abs(np.asarray(photo.image, float) - np.asarray(whole, float)).max() < 6


@pytest.mark.parametrize("kind", ["gif", "png", "webp", "tiff"])
def test_of_several_pictures_the_first_is_looked_at_and_it_is_said(tmp_path, kind):
    first, second = (Image.fromarray(np.full((40, 40, 3), value, np.uint8)) for value in (200, 20))
    first.save(tmp_path / f"film.{kind}", save_all=True, append_images=[second, second])
    photo = read_photo(tmp_path / f"film.{kind}", 32)
    assert photo.notes == ("it holds several pictures, of which the first is looked at",)
    assert abs(int(np.asarray(photo.image).mean()) - 200) < 3
