"""A mask that is given replaces the segmenter's, and what is cut out of the picture follows it."""

import numpy as np
import pytest
import torch
from PIL import Image

from ganverse_nb.data.crops import boxes
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.inverse_graphics.given_masks import given_windows
from ganverse_nb.inverse_graphics.reconstructor import Reconstructor
from ganverse_nb.studio.photos import make_photos


@pytest.fixture(scope="module")
def reconstructor():
    return Reconstructor.from_pretrained("car")


@pytest.fixture(scope="module")
def photos():
    return make_photos("car", 4, seed=3, resolution=128)


def image_of(photos, k):
    return Image.fromarray(photos.images[k].permute(1, 2, 0).numpy())


def mask_of(photos, k):
    return photos.masks[k, 0].numpy() > 0


def pasted(photos, k, place=(150, 30), size=(400, 160)):
    """The photograph in a wide picture, and its mask there."""
    picture, mask = Image.new("RGB", size, (90, 100, 110)), Image.new("L", size)
    picture.paste(image_of(photos, k), place)
    mask.paste(Image.fromarray(mask_of(photos, k)).convert("L"), place)
    return picture, mask


def in_windows(reconstructor, photos, k):
    return given_windows([image_of(photos, k)], [mask_of(photos, k)], reconstructor.model, reconstructor.framing)


def test_the_windows_of_studio_photographs_show_what_their_masks_say(reconstructor, photos):
    for k in range(4):
        windows = in_windows(reconstructor, photos, k)
        ((left, top, side),) = windows.corners.tolist()
        at = torch.stack(torch.meshgrid(*[(torch.arange(64) + 0.5) / 64 * side] * 2, indexing="ij"), -1)
        row, column = ((at + torch.tensor([top, left])) * 128).long().unbind(-1)
        there = (row >= 0) & (row < 128) & (column >= 0) & (column < 128)
        wanted = torch.from_numpy(mask_of(photos, k))[row.clamp(0, 127), column.clamp(0, 127)] & there
        assert float(hard_iou(windows.masks, wanted[None, None].float())) > 0.94
        pixels = photos.images[k][:, row.clamp(0, 127), column.clamp(0, 127)] / 255
        assert (windows.images[0] - pixels).abs().mean() < 0.04


def test_the_given_mask_is_the_one_that_is_used(reconstructor, photos):
    for k in range(4):
        result = reconstructor(image_of(photos, k), mask=mask_of(photos, k))
        assert result.image.shape == (1, 3, 64, 64) and result.mask.shape == (1, 1, 64, 64)
        assert float(hard_iou(result.mask, in_windows(reconstructor, photos, k).masks)) == 1
        assert result.mask_source == "given" and result.verdict.in_domain
        assert result.mesh is not None and result.camera is not None


def test_half_of_a_mask_is_not_replaced_by_the_whole(reconstructor, photos):
    mask = mask_of(photos, 0)
    rows = np.flatnonzero(mask.any(1))
    mask[(rows[0] + rows[-1]) // 2 :] = False
    result = reconstructor(image_of(photos, 0), mask=mask)
    whole = reconstructor(image_of(photos, 0), mask=mask_of(photos, 0))
    box = lambda found: found.mask[0, 0].any(0).sum() / found.mask[0, 0].any(1).sum()  # noqa: E731
    assert box(result) > 1.5 * box(whole)  # flatter


def test_every_form_of_a_mask_gives_the_same(reconstructor, photos, tmp_path):
    image, mask = image_of(photos, 1), mask_of(photos, 1)
    Image.fromarray(mask).save(tmp_path / "mask.png")
    image.save(tmp_path / "image.png")
    reference = reconstructor(image, mask=mask)
    for given in (tmp_path / "mask.png", str(tmp_path / "mask.png"), Image.fromarray(mask), torch.from_numpy(mask)):
        result = reconstructor(tmp_path / "image.png", mask=given)
        assert torch.equal(result.mask, reference.mask)
        assert torch.allclose(result.mesh.vertices, reference.mesh.vertices)


def test_the_window_follows_the_mask_out_of_the_middle(reconstructor, photos):
    for k in range(4):
        picture, mask = pasted(photos, k, place=(2, 30))
        windows = given_windows([picture], [np.asarray(mask) > 0], reconstructor.model, reconstructor.framing)
        ((left, top, side),) = windows.corners.tolist()
        assert side < 0.6 and left < 0.1 and 0.2 < top < 0.5  # of 400 pixels
        assert float(windows.masks.mean()) * side**2 == pytest.approx(np.asarray(mask).sum() / 255 / 400**2, rel=0.03)
        (longer,) = boxes(windows.masks)[1].tolist()
        assert reconstructor.framing.side.min() <= longer <= reconstructor.framing.side.max()
        assert torch.equal(reconstructor(picture, mask=mask).mask, windows.masks)


def test_many_windows_are_those_of_one_at_a_time(reconstructor, photos):
    pictures, masks = zip(*(pasted(photos, k) for k in range(4)), strict=True)
    inside = [np.asarray(mask) > 0 for mask in masks]
    parts = reconstructor.model, reconstructor.framing
    together = given_windows(pictures, inside, *parts)
    for k in range(4):
        alone = given_windows(pictures[k : k + 1], inside[k : k + 1], *parts)
        torch.testing.assert_close(together.images[k], alone.images[0])
        torch.testing.assert_close(together.corners[k], alone.corners[0])
    nothing = given_windows([], [], *parts)
    assert nothing.images.shape == (0, 3, 64, 64) and nothing.masks.shape == (0, 1, 64, 64)


def test_an_object_of_few_pixels_is_not_enlarged(reconstructor):
    picture, mask = Image.new("RGB", (200, 100)), np.zeros((100, 200), bool)
    mask[40:44, 90:97] = True
    windows = given_windows([picture], [mask], reconstructor.model, reconstructor.framing)
    assert windows.corners.tolist() == [[0, 0, 1]] and windows.masks.any()


def test_a_mask_that_does_not_belong_to_the_picture_is_refused(reconstructor, photos):
    image = image_of(photos, 0)
    with pytest.raises(ValueError, match="The mask has 64 x 64 pixels and its picture 128 x 128"):
        reconstructor(image, mask=np.ones((64, 64), bool))
    with pytest.raises(ValueError, match="The mask is empty"):
        reconstructor(image, mask=np.zeros((128, 128), bool))
    with pytest.raises(FileNotFoundError, match="no mask at gone.png"):
        reconstructor(image, mask="gone.png")
