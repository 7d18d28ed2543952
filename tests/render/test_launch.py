"""How the images of a launch are shared out over threads."""

import pytest

from ganverse_nb.render.launch import HEAD_START, shares


@pytest.mark.parametrize("images", [1, 2, 3, 5, 16, 33])
@pytest.mark.parametrize("threads", [1, 2, 3, 4, 16, 64])
@pytest.mark.parametrize("work", [1, HEAD_START, 3 * HEAD_START, 100 * HEAD_START])
def test_every_image_is_done_once(images, threads, work):
    parts = shares(images, threads, work)
    assert sorted(i for first, count in parts for i in range(first, first + count)) == list(range(images))
    assert len(parts) <= min(images, threads) and all(count > 0 for _, count in parts)


def test_little_work_is_not_worth_a_second_thread():
    assert shares(16, 4, HEAD_START) == [(0, 16)]


def test_the_thread_that_wakes_the_others_does_more():
    (_, mine), (_, other) = shares(16, 2, 3 * HEAD_START)
    assert (mine, other) == (11, 5)


def test_much_work_is_shared_evenly():
    assert [count for _, count in shares(64, 4, 1000 * HEAD_START)] == [16] * 4
    assert [count for _, count in shares(4, 16, 1000 * HEAD_START)] == [1] * 4
