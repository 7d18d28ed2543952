"""Processes of tests beside each other do not get in each other's way."""

import os

import pytest
import torch

from tests.conftest import BESIDE_OTHERS


@pytest.mark.skipif(not BESIDE_OTHERS, reason="this process has the machine for itself")
def test_each_process_takes_one_thread():
    assert os.environ["OMP_NUM_THREADS"] == "1" and torch.get_num_threads() == 1
