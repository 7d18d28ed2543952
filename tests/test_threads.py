"""Threads are given back, also after an error."""

from __future__ import annotations

import pytest
import torch

from ganverse_nb.threads import kernel_threads, one_thread


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
