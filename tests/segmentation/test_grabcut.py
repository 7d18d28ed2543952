"""Foregrounds follow colours and edges."""

import torch

from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.segmentation.grabcut import agree, colour_odds, likeness


def scene():
    """A red square with a thin leg on blue, in noise; and its mask."""
    torch.manual_seed(0)
    mask = torch.zeros(2, 1, 32, 32)
    mask[0, :, 8:20, 10:24] = 1
    mask[0, :, 20:28, 12:14] = 1
    mask[1, :, 14:26, 5:15] = 1
    colours = torch.tensor([[0.8, 0.2, 0.2], [0.2, 0.3, 0.7]])[:, None, :, None, None]
    picture = mask * colours[0] + (1 - mask) * colours[1]
    return (picture + 0.03 * torch.randn(picture.shape)).clamp(0, 1), mask


def test_a_rough_belief_becomes_the_object_with_its_thin_parts():
    picture, mask = scene()
    rough = torch.zeros_like(mask)
    rough[0, :, 6:17, 8:20], rough[1, :, 12:22, 6:18] = 1, 1  # shifted, and without the leg
    assert hard_iou(rough, mask).max() < 0.7
    odds = 2 * (2 * rough - 1)
    inside, alike = torch.sigmoid(odds), likeness(picture)
    for _ in range(3):
        inside = agree(odds + 2 * colour_odds(picture, inside), alike, 3.0, 4)
    assert hard_iou((inside > 0.5).float(), mask).min() > 0.95
    assert inside[0, 0, 24, 12:14].min() > 0.5


def test_colours_that_are_everywhere_say_nothing():
    grey = torch.full((1, 3, 16, 16), 0.5)
    belief = torch.full((1, 1, 16, 16), 0.5)
    assert colour_odds(grey, belief).abs().max() < 1e-4


def test_neighbours_of_another_colour_do_not_count():
    picture, _ = scene()
    alike = likeness(picture)
    assert alike.shape == (2, 25, 32, 32) and (alike[:, 12] == 0).all()
    inside, across = alike[0, 13, 12, 15], alike[0, 13, 12, 23]  # the neighbour to the right
    assert inside > 10 * across
