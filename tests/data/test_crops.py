"""A window shows what lies where its points say."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from ganverse_nb.data.crops import Crop, box_iou, open_photo, segmented
from ganverse_nb.segmentation.detections import Detections


@pytest.mark.parametrize("roll", [0.0, 25.0, -90.0])
def test_points_are_where_the_picture_shows_them(roll):
    pixels = np.zeros((120, 200, 3), dtype=np.uint8)
    spot = (83, 41)  # column, row
    pixels[spot[1] - 1 : spot[1] + 2, spot[0] - 1 : spot[0] + 2] = (255, 0, 0)
    crop = Crop.around((40, 10, 120, 90), roll)
    window = crop.cut(Image.fromarray(pixels), 44).float()[0]
    rows, columns = torch.meshgrid(torch.arange(44) + 0.5, torch.arange(44) + 0.5, indexing="ij")
    seen = torch.stack([(window * columns).sum(), (window * rows).sum()]) / window.sum() / 44
    wanted = crop.points(torch.tensor([[spot[0] + 0.5, spot[1] + 0.5]], dtype=torch.float64))[0]
    assert torch.allclose(seen.double(), wanted, atol=0.005)


def test_a_turned_object_is_upright_in_its_window():
    up = torch.tensor([[math.sin(math.radians(-20)), -math.cos(math.radians(-20))]], dtype=torch.float64)
    crop = Crop.around((0, 0, 100, 100), roll=20.0)  # an object turned by 20 degrees has its top to the left
    point = crop.points(50 + 40 * up)[0]
    assert float(point[0]) == pytest.approx(0.5, abs=1e-9) and point[1] < 0.5


def test_the_box_fills_the_window_but_for_the_padding_and_outside_is_black():
    white = Image.fromarray(np.full((50, 90), 255, dtype=np.uint8))
    crop = Crop.around((0, 0, 90, 50))
    window = crop.cut(white, 33)
    assert crop.side == pytest.approx(99) and window.shape == (1, 33, 33)
    share = float((window > 127).float().mean())
    assert share == pytest.approx(crop.width * crop.height, abs=0.03)
    with pytest.raises(ValueError, match="too small"):
        Crop.around((5, 5, 5, 30))


def test_a_mask_of_another_object_is_told_by_its_box():
    assert box_iou(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[1.0, 0, 3, 2]])).item() == pytest.approx(1 / 3)

    class Finder:
        def segment(self, images):
            mask = (images[:, :1] > 0.5).float()
            box = torch.tensor([[4.0, 8, 28, 24], [4.0, 8, 14, 24]])
            return Detections(mask, torch.ones(2), torch.ones(2), box)

    crops = [Crop((0, 0), 1.0, width=24 / 32, height=16 / 32)] * 2
    masks, same = segmented(Finder(), torch.full((2, 3, 32, 32), 200, dtype=torch.uint8), crops)
    assert same.tolist() == [True, False] and masks.dtype == torch.uint8 and masks.all()


def test_photos_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="a.jpg is missing; unpack"):
        open_photo(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="b.jpg is not a picture; unpack the data set's archive again"):
        open_photo(tmp_path / "b.jpg")
