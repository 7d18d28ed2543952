"""Works in batches: their order, what is taken ahead, and how they end."""

import threading

import pytest
import torch

from ganverse_nb.runtime.batches import in_batches


def squares(numbers, stopped):
    return [number * number for number in numbers]


@pytest.mark.parametrize("threads", [1, 3])
def test_batches_come_in_order_whoever_is_done_first(threads):
    first = threading.Event()

    def work(numbers, stopped):
        if threads > 1:
            first.wait(60) if numbers[0] == 0 else first.set()  # the first batch is done last
        return squares(numbers, stopped)

    found = list(in_batches(work, range(10), 4, threads))
    assert found == [[0, 1, 4, 9], [16, 25, 36, 49], [64, 81]]


def test_no_more_is_taken_than_a_few_batches_ahead():
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    results = in_batches(squares, items(), 2, 2)
    next(results)
    assert len(taken) <= 2 * 3
    results.close()


def test_each_batch_has_one_thread_and_the_process_keeps_its_own():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        seen = [count for part in in_batches(lambda n, s: [torch.get_num_threads()], range(3), 1) for count in part]
        later = []
        other = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        other.start()
        other.join()
        assert seen == [1, 1, 1] and torch.get_num_threads() == 2 and later == [2]
    finally:
        torch.set_num_threads(before)


def test_an_error_comes_in_its_turn_and_ends_the_others():
    begun, wanted = threading.Event(), []

    def work(numbers, stopped):
        if numbers == [1]:
            begun.wait(60)
            raise ValueError("one is wrong")
        if numbers == [2]:
            begun.set()
            while not stopped():
                pass
            wanted.append(stopped())
        return numbers

    results = in_batches(work, range(50), 1, 2)
    assert next(results) == [0]
    with pytest.raises(ValueError, match="one is wrong"):
        next(results)
    assert wanted == [True] and not [t for t in threading.enumerate() if t.name.startswith("batch")]
