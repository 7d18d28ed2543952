"""Photographs' own resolution: squares, windows, and what was cut out."""

import numpy as np
import pytest
import torch
from PIL import Image

from ganverse_nb.segmentation.cutout import Cutout, on_border
from ganverse_nb.segmentation.detections import Detections, bounding_boxes
from ganverse_nb.segmentation.segmenter import Segmenter
from ganverse_nb.segmentation.squares import cut_window, square_mask, square_tensor, unsquare, whole_square


class Red(Segmenter):
    """What is red, in however many pixels it is shown."""

    def __init__(self) -> None:
        super().__init__("car", "red")
        self.seen: list[float] = []

    def to(self, device):
        return self

    def _segment(self, images):
        mask = (images[:, :1] - images[:, 1:2] > 0.4).float()
        self.seen.append(float(mask.mean()))
        there = mask.flatten(1).amax(1)
        return Detections(mask, there.long(), 0.9 * there, bounding_boxes(mask[:, 0]))


def disc(size: tuple[int, int], center: tuple[float, float], radius: float) -> np.ndarray:
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    return (x - center[0]) ** 2 + (y - center[1]) ** 2 < radius**2


def red_on_grey(mask: np.ndarray) -> Image.Image:
    return Image.fromarray(np.where(mask[..., None], (255, 0, 0), (90, 90, 90)).astype(np.uint8))


def test_pictures_go_to_where_the_network_lies():
    class Far(Red):
        device = torch.device("meta")

        def _segment(self, images):
            self.seen.append(images.device.type)
            return super()._segment(torch.zeros(images.shape))

    far = Far()
    found = far.segment(torch.zeros(70, 3, 8, 8))
    assert far.seen[::2] == ["meta", "meta"] and found.mask.shape == (70, 1, 8, 8) and found.mask.device.type == "cpu"


def test_squares_hold_the_whole_picture_and_masks_come_back():
    values = np.arange(6, dtype=np.uint8).reshape(2, 3)
    square = np.asarray(whole_square(Image.fromarray(values).convert("RGB")))[..., 0]
    assert square.tolist() == [[0, 1, 2], [3, 4, 5], [3, 4, 5]]  # the edge goes on below
    assert (np.asarray(square_mask(values > 3)) > 0).tolist() == [[False] * 3, [False, True, True], [False] * 3]
    mask = disc((300, 200), (200, 60), 40)
    small = square_tensor(Image.fromarray(mask).convert("RGB"), 128)[:1]
    back = np.asarray(unsquare(small, (300, 200))) >= 128
    assert back.shape == mask.shape and (back & mask).sum() / (back | mask).sum() > 0.96


def test_a_window_shows_its_part_and_the_edge_beside_it():
    at = np.arange(64, dtype=np.uint8) * 4
    picture = Image.fromarray(np.broadcast_to(at, (64, 64)).copy()).convert("RGB")
    part = cut_window(picture, 0.25, 0.5, 0.25, 16)[0, 0] * 255
    assert part.shape == (16, 16) and (part - torch.arange(16, 32) * 4.0).abs().max() <= 2
    beside = cut_window(picture, 0.75, 0.0, 0.5, 32)[0, 0] * 255
    assert (beside[:, 17:] == 252).all()


@pytest.mark.parametrize("center", [(40, 30), (350, 150), (210, 90)])
def test_an_object_is_looked_at_again_from_near(center):
    mask = disc((400, 200), center, 22)
    segmenter = Red()
    found = segmenter.cut_out(red_on_grey(mask))
    assert found.count == 1 and found.score == pytest.approx(0.9)
    assert (found.mask & mask).sum() / (found.mask | mask).sum() > 0.93
    assert len(segmenter.seen) == 2 and segmenter.seen[1] > 20 * segmenter.seen[0]


def test_nothing_is_found_in_an_empty_photograph():
    found = Red().cut_out(red_on_grey(np.zeros((80, 120), bool)))
    assert found.count == 0 and found.score == 0 and not found.mask.any() and found.on_border == 0


def test_the_largest_part_of_a_foreground_is_the_object():
    large, small, speck = (
        disc((900, 600), (300, 300), 150),
        disc((900, 600), (700, 300), 90),
        disc((900, 600), (9, 9), 4),
    )
    found = Cutout.of_foreground(Image.fromarray((large | small | speck).astype(np.uint8) * 255))
    assert found.count == 2 and found.score > 0.95
    assert (found.mask == large).all()  # as fine as it was given


def test_an_object_that_the_border_cuts_lies_on_it():
    inside, cut = (Cutout.of_mask(disc((400, 300), center, 60)) for center in ((200, 150), (400, 150)))
    assert inside.on_border == 0 and inside.count == 1 and inside.score == 1
    assert 0.25 < cut.on_border < 0.55  # its diameter is 120 of an outline of 120 + 188


def test_the_outline_on_the_border():
    masks = torch.zeros(3, 1, 16, 16)
    masks[0, :, 4:10, 4:10] = 1  # inside
    masks[1, :, 4:10, 12:] = 1  # cut on the right: 6 of its outline of 16 there, and the 2 of the corners beside them
    masks[2] = 1
    assert on_border(masks, edge=2).tolist() == [0.0, 0.5, 1.0]
