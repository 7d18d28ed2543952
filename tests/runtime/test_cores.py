"""Processors that a process may use: affinity, and quotas of control groups of both versions."""

import os

import pytest

from ganverse_nb.runtime.cores import cores


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Writes the system's files below a root; 16 processors are allowed by affinity."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(16)), raising=False)

    def write(**files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("CPU_MAX", "cpu.max")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return cores(tmp_path)

    return write


def test_without_a_quota_it_is_the_affinity(system):
    assert system() == 16
    assert system(proc__self__cgroup="0::/job\n", sys__fs__cgroup__job__CPU_MAX="max 100000\n") == 16


def test_the_tightest_quota_above_counts(system):
    files = {"proc__self__cgroup": "0::/outer/job\n", "sys__fs__cgroup__outer__job__CPU_MAX": "800000 100000\n"}
    assert system(**files) == 8
    assert system(sys__fs__cgroup__outer__CPU_MAX="250000 100000\n") == 2
    assert system(sys__fs__cgroup__outer__job__CPU_MAX="20000 100000\n") == 1  # a fifth of one


def test_quotas_of_the_first_version(system, tmp_path):
    folder = tmp_path / "sys" / "fs" / "cgroup" / "cpu" / "job"
    folder.mkdir(parents=True)
    (folder / "cpu.cfs_quota_us").write_text("300000\n")
    (folder / "cpu.cfs_period_us").write_text("100000\n")
    assert system(proc__self__cgroup="5:memory:/other\n4:cpu,cpuacct:/job\n") == 3
    (folder / "cpu.cfs_quota_us").write_text("-1\n")
    assert system() == 16
