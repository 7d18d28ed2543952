"""What hangs together, against scipy's labels and by hand."""

import numpy as np
import pytest
import scipy.ndimage
import torch

from ganverse_nb.segmentation.instances import SMALLEST, SPECK, _labels, instances


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6])
def test_parts_are_those_of_scipy(share):
    rng = torch.Generator().manual_seed(int(share * 10))
    foreground = torch.rand(3, 1, 40, 56, generator=rng) < share
    for mine, picture in zip(_labels(foreground), foreground, strict=True):
        theirs, count = scipy.ndimage.label(picture[0].numpy(), np.ones((3, 3)))
        assert len(mine.unique()) == count + 1
        pairs = {(int(a), int(b)) for a, b in zip(mine.flatten(), theirs.flatten())}
        assert len(pairs) == count + 1  # each part of one is a part of the other
        lasts = [int((mine[0] == name).flatten().nonzero()[-1]) for name in mine.unique()[1:]]
        assert lasts == sorted(lasts)  # those that end later have the larger numbers


def test_a_spiral_is_one_part():
    spiral = torch.zeros(1, 1, 11, 11)
    for k in range(0, 5, 2):
        spiral[..., k, k : 11 - k] = spiral[..., k : 11 - k, 10 - k] = spiral[..., 10 - k, k : 11 - k] = 1
        spiral[..., k + 2 : 11 - k, k] = 1
        spiral[..., k + 2, k + 1] = 1
    assert instances(spiral).count.tolist() == [1]


def test_the_largest_is_taken_and_specks_do_not_count():
    confidence = torch.full((4, 1, 100, 100), 0.1)
    confidence[0, :, 10:50, 20:60] = 0.8
    confidence[0, :, 30:40, 25:45] = 0.9  # inside of it
    confidence[1] = confidence[0]
    confidence[1, :, 60:80, 70:90] = 0.99  # a quarter of it, and surer
    confidence[2] = confidence[0]
    confidence[2, :, 70:80, 70:80] = 0.99  # a sixteenth
    confidence[3, :, 3:7, 3:7] = 0.99  # 16 pixels of 10,000
    found = instances(confidence)
    assert found.count.tolist() == [1, 2, 1, 0] and 1 / 16 < SPECK < 1 / 4 and SMALLEST > 16e-4
    assert found.score.tolist() == pytest.approx([0.8125, 0.8125, 0.8125, 0.0])
    assert found.box.tolist() == [[20, 10, 60, 50]] * 3 + [[0, 0, 0, 0]]
    assert found.mask.sum((1, 2, 3)).tolist() == [1600, 1600, 1600, 0] and set(found.mask.unique().tolist()) == {0, 1}


def test_parts_that_touch_at_a_corner_are_one_and_no_pictures_are_no_detections():
    confidence = torch.zeros(1, 1, 20, 20)
    confidence[..., 2:6, 2:6] = confidence[..., 6:10, 6:10] = 1
    assert instances(confidence).count.tolist() == [1]
    assert len(instances(torch.zeros(0, 1, 20, 20))) == 0
