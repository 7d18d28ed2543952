"""Threads are given back, also after an error."""

from __future__ import annotations

from threading import Event, Thread

import pytest
import torch

from ganverse_nb.runtime.threads import kernel_threads, one_thread


def test_threads_are_restored():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1 and kernel_threads() == 2
            with one_thread():
                assert kernel_threads() == 2
            with one_thread(False):
                assert torch.get_num_threads() == 1
            assert torch.get_num_threads() == 1 and kernel_threads() == 2
        assert torch.get_num_threads() == 2 and kernel_threads() == 2
        with pytest.raises(KeyError), one_thread():
            raise KeyError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_two_threads_of_the_process_do_not_leave_their_numbers_to_each_other():
    before, entered, left = torch.get_num_threads(), Event(), Event()

    def other() -> None:
        with one_thread():
            entered.set()
            left.wait(timeout=60)

    beside = Thread(target=other)
    torch.set_num_threads(2)
    try:
        with one_thread():
            beside.start()
            assert entered.wait(timeout=60)
        left.set()
        beside.join()
        torch.set_num_threads(1)
        assert kernel_threads() == 1
    finally:
        torch.set_num_threads(before)
