"""Masks that come with a picture: what counts as the object, and what is refused in a sentence."""

import numpy as np
import pytest
import torch
from PIL import Image

from ganverse_nb.data.masks import as_mask

SIZE = (40, 30)
INSIDE = np.zeros((30, 40), bool)
INSIDE[8:24, 6:33] = True


def saved(path, values, mode="L", **options):
    Image.fromarray(values.astype(np.uint8)).convert(mode).save(path, **options)
    return path


def palette(path):
    image = Image.fromarray(INSIDE.astype(np.uint8), "P")
    image.putpalette([0, 0, 0, 255, 255, 255])
    image.save(path)
    return path


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: saved(folder / "bytes.png", INSIDE * 255),
        lambda folder: saved(folder / "labels.png", INSIDE * 1),
        lambda folder: saved(folder / "bits.png", INSIDE * 255, "1"),
        lambda folder: saved(folder / "colour.png", INSIDE * 255, "RGB"),
        lambda folder: palette(folder / "palette.gif"),
        lambda folder: Image.fromarray(INSIDE),
        lambda folder: INSIDE,
        lambda folder: INSIDE[..., None].astype(np.float32),
        lambda folder: torch.from_numpy(INSIDE),
        lambda folder: torch.from_numpy(INSIDE)[None, None].float(),
        lambda folder: (INSIDE * 65535).astype(np.uint16),
    ],
)
def test_two_values_in_any_form_are_the_same_mask(make, tmp_path):
    assert (as_mask(make(tmp_path), SIZE) == INSIDE).all()


def test_a_jpeg_is_cut_in_the_middle(tmp_path):
    path = saved(tmp_path / "mask.jpg", INSIDE * 255, quality=75)
    assert len(np.unique(np.asarray(Image.open(path)))) > 2
    assert (as_mask(path, SIZE) == INSIDE).mean() > 0.99


def test_grey_values_with_a_meaning_are_cut_where_the_set_says():
    votes = np.where(INSIDE, 153, 102).astype(np.uint8)
    votes[0, 0] = 0
    assert (as_mask(votes, SIZE, cut=128) == INSIDE).all()


RAMP = np.tile(np.arange(40) * 6, (30, 1))


@pytest.mark.parametrize(
    ("values", "name", "words"),
    [
        (INSIDE[:, :39] * 255, "m.png", "m.png has 39 x 30 pixels and its picture 40 x 30"),
        (INSIDE * 0, "m.png", "m.png is empty"),
        (~INSIDE * 255, "m.png", "m.png covers 100 % of the border .* inverted"),
        (INSIDE * 0 + 255, "m.png", "m.png covers 100 % of the border"),
        (RAMP, "m.png", "m.png has 40 grey values, and a mask has two"),
        (RAMP, "m.jpg", "m.jpg has grey values in 5. % of its pixels"),
    ],
)
def test_what_is_no_mask_of_the_picture_is_refused_by_name(values, name, words, tmp_path):
    with pytest.raises(ValueError, match=words) as caught:
        as_mask(saved(tmp_path / name, values), SIZE)
    assert "\n" not in str(caught.value)


def test_missing_and_damaged_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no mask at .*gone.png"):
        as_mask(tmp_path / "gone.png", SIZE)
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(ValueError, match="text.png is not a picture; give a PNG of two values"):
        as_mask(tmp_path / "text.png", SIZE)
    whole = saved(tmp_path / "cut.png", np.random.default_rng(0).integers(0, 2, (300, 400)) * 255).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cut.png is damaged"):
        as_mask(tmp_path / "cut.png", (400, 300))
    with pytest.raises(ValueError, match=r"\[H, W\] or \[1, H, W\], got \[3, 30, 40\]"):
        as_mask(np.zeros((3, 30, 40)), SIZE)


def test_half_of_the_border_may_be_covered():
    """A horse that fills the picture from left to right is no inverted mask."""
    wide = np.zeros((30, 40), bool)
    wide[3:27] = True
    assert as_mask(wide, SIZE).sum() == wide.sum()
