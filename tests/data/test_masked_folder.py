"""Masks beside pictures of one's own: alpha channels, files, and what does not match."""

import numpy as np
import pytest
import torch
from PIL import Image

from ganverse_nb.data.image_folder import list_images
from ganverse_nb.data.masked_folder import ALPHA, FILES, MaskedPictures, kind_of_masks, read_masked_folder
from ganverse_nb.runtime.errors import ExpectedError, ExpectedWarning
from ganverse_nb.segmentation.composites import compose, emptied


def disc(side, radius, color):
    at = np.arange(side) + 0.5 - side / 2
    inside = (at[:, None] ** 2 + at[None] ** 2) < radius**2
    picture = np.full((side, side, 3), 30, np.uint8)
    picture[inside] = color
    return picture, inside.astype(np.uint8) * 255


def test_an_alpha_channel_is_the_mask_and_the_rest_is_white(tmp_path):
    for number, radius in enumerate((8, 12)):
        picture, alpha = disc(40, radius, (200, 0, 0))
        Image.fromarray(np.dstack([picture, alpha]), "RGBA").save(tmp_path / f"{number}.png")
    assert kind_of_masks(tmp_path) == ALPHA
    read = read_masked_folder(tmp_path, 20, "disc")
    assert read.images.shape == (2, 3, 20, 20) and read.category == "disc"
    for mask, radius in zip(read.masks, (4, 6), strict=True):
        assert float(mask.sum()) == pytest.approx(np.pi * radius**2, rel=0.1)
    assert read.images[0, :, 10, 10].tolist() == [200, 0, 0] and read.images[0, :, 0, 0].tolist() == [255] * 3
    read.save(tmp_path / "archive.safetensors")
    assert torch.equal(MaskedPictures.load(tmp_path / "archive.safetensors").masks, read.masks)


def test_files_beside_are_masks_and_no_pictures(tmp_path):
    (tmp_path / "masks").mkdir()
    for name, mask in (("a.jpg", "a_mask.png"), ("b.png", "masks/b.png")):
        picture, inside = disc(40, 10, (0, 0, 200))
        Image.fromarray(picture).save(tmp_path / name)
        Image.fromarray(inside).save(tmp_path / mask)
    Image.fromarray(picture).save(tmp_path / "c.png")
    Image.fromarray(picture).save(tmp_path / "d.png")
    Image.fromarray(inside[:20]).save(tmp_path / "d_mask.png")
    assert [path.name for path in list_images(tmp_path)] == ["a.jpg", "b.png", "c.png", "d.png"]
    assert kind_of_masks(tmp_path) == FILES
    with pytest.warns(ExpectedWarning, match="2 of 4 pictures .* have no usable mask .*c.png has neither"):
        read = read_masked_folder(tmp_path, 40, "disc")
    assert len(read) == 2 and float(read.masks[0].sum()) == pytest.approx(np.pi * 100, rel=0.05)
    (tmp_path / "masks" / "b.png").unlink()
    with pytest.raises(ExpectedError, match=r"holds 1 pictures with a mask.*NAME_mask.png.*neither"):
        read_masked_folder(tmp_path, 40, "disc")


def test_an_opaque_alpha_channel_is_no_mask(tmp_path):
    for number in range(3):
        Image.new("RGBA", (20, 20), (9, 9, 9, 255)).save(tmp_path / f"{number}.png")
    assert kind_of_masks(tmp_path) == ""
    with pytest.raises(ExpectedError, match="holds 0 pictures with a mask"):
        read_masked_folder(tmp_path, 16, "disc")


def test_pictures_without_an_object_are_made_of_the_pictures_themselves():
    picture, inside = disc(32, 9, (250, 10, 10))
    images = torch.from_numpy(picture).permute(2, 0, 1)[None].repeat(4, 1, 1, 1)
    masks = torch.from_numpy(inside)[None, None].repeat(4, 1, 1, 1) // 255
    ground = emptied(images.float() / 255, masks.float())
    assert float((ground - 30 / 255).abs().max()) < 0.02  # nothing of the disc is left
    made = compose(images, masks, 64, torch.Generator().manual_seed(0), own_grounds=True)
    none = made.count == 0
    assert 0 < int(none.sum()) < 32 and made.images[none].std((2, 3)).mean() < 0.1
