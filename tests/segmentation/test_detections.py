import pytest
import torch

from ganverse_nb.segmentation.detections import MANY, NONE, SMALL, Detections, keep, merge_duplicates


def detections(areas: list[int], counts: list[int]) -> Detections:
    """Masks of `areas` pixels in pictures of 10 x 10."""
    mask = (torch.arange(100) < torch.tensor(areas)[:, None]).float().view(-1, 1, 10, 10)
    return Detections(mask, torch.tensor(counts), torch.ones(len(areas)), torch.zeros(len(areas), 4))


def test_filter_is_the_papers() -> None:
    kept = keep(detections([50, 10, 9, 0, 50], [1, 1, 1, 0, 2]))
    assert kept.keep.tolist() == [True, True, False, False, False]
    assert kept.reason == ["", "", SMALL, NONE, MANY]
    assert kept.reasons == {NONE: 1, MANY: 1, SMALL: 1}


def test_reasons_list_rules_that_removed_nothing() -> None:
    assert keep(detections([50], [1])).reasons == {NONE: 0, MANY: 0, SMALL: 0}


def test_several_small_instances_are_removed_once_and_as_several() -> None:
    assert keep(detections([3], [2])).reasons == {NONE: 0, MANY: 1, SMALL: 0}


def test_pictures_of_several_can_be_kept() -> None:
    assert keep(detections([50, 3, 0], [2, 2, 0]), one=False).reason == ["", SMALL, NONE]


def test_minimum_is_a_share() -> None:
    assert keep(detections([9], [1]), minimum=0.05).keep.item()
    with pytest.raises(ValueError, match="share"):
        keep(detections([9], [1]), minimum=10)


def test_repetitions_merge_and_neighbours_do_not() -> None:
    masks = torch.zeros(2, 4, 10, 10)
    masks[0, 0, :, :5] = 1
    masks[0, 1, :8, :5] = 1  # the first again, a little smaller
    masks[0, 2, :, 5:] = 1  # its neighbour
    masks[1, 0, :6] = 1
    masks[1, 1, 4:10] = 1  # shares a third of itself with the first
    masks[1, 2, 2:7] = 1  # four fifths in the first
    stays = merge_duplicates(masks)
    assert stays.tolist() == [[True, False, True, False], [True, True, False, False]]


def test_what_repeats_a_repetition_only_is_judged_by_those_that_stay() -> None:
    masks = torch.zeros(1, 3, 1, 30)
    masks[0, 0, 0, :10] = 1
    masks[0, 1, 0, 2:12] = 1  # repeats the first, goes
    masks[0, 2, 0, 4:14] = 1  # repeats the second; six tenths in the first, stays
    assert merge_duplicates(masks).tolist() == [[True, False, True]]


def test_slices() -> None:
    part = detections([50, 10], [1, 2])[1:]
    assert len(part) == 1 and part.count.item() == 2 and part.mask.sum() == 10
