"""Memory that a step frees is there for the next one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import resource
{first}
import torch

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        held = [torch.ones(2**21) for _ in range(10)]  # 80 MiB
        del held
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(faults())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's malloc")
def test_a_step_reuses_what_the_last_one_freed():
    """Against glibc's thresholds at its start, which it may or may not raise by itself later."""
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
    counts = []
    for first in ("", "from ganverse_nb.runtime.process import prepare_process; prepare_process()"):
        command = [sys.executable, "-c", PROGRAM.format(first=first)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        counts.append(int(done.stdout))
    without, kept = counts
    assert without > 5 * 20_000 and kept < 200  # 80 MiB are 20480 pages
