"""What work takes, told before it begins, and one sentence where disk or memory are too small."""

import re
import resource
import shutil
from types import SimpleNamespace

import pytest
import torch

from ganverse_nb.runtime import demand
from ganverse_nb.runtime.arrays import filled
from ganverse_nb.runtime.demand import Demand, announce, step_demand
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.memory import free_memory, taken

MEGABYTES = 1 << 18  # float32 numbers


def nothing(number):
    return lambda: None


def measured(monkeypatch, seconds, memory):
    """Steps of batches of n take what these functions of n say."""
    asked = []

    def of(prepare, number):
        asked.append(number)
        return Demand(seconds(number), memory(number))

    monkeypatch.setattr(demand, "_measured", of)
    return asked


def test_a_large_batch_is_told_by_two_small_ones(monkeypatch):
    asked = measured(monkeypatch, lambda n: 1 + 0.5 * n, lambda n: 100 + 7 * n)
    assert step_demand(nothing, 32) == Demand(17.0, 324) and asked == [2, 4]


def test_a_small_batch_is_tried_itself_and_noise_is_no_shrinking(monkeypatch):
    asked = measured(monkeypatch, lambda n: 3.0, lambda n: 10)
    assert step_demand(nothing, 3) == Demand(3.0, 10) and asked == [3]
    measured(monkeypatch, lambda n: 5 - n, lambda n: 100 - n)
    assert step_demand(nothing, 100) == Demand(1.0, 96)


def test_the_memory_of_a_step_is_what_it_holds_at_most_not_what_it_leaves():
    # So large, as Linux counts a process's pages in lumps: on machines of many processors they are tens of megabytes.
    def prepare(number):
        return lambda: torch.ones(number, 400 * MEGABYTES).sum()

    if taken(lambda: None) == taken(lambda: torch.ones(100 * MEGABYTES)) == 0:
        pytest.skip("this system does not say how large a process was")
    found = step_demand(prepare, 16).memory
    assert 6.2e9 < found < 9.2e9


def test_parts_of_a_work_add_up_in_time_and_on_disk_and_the_largest_decides_about_memory():
    total = Demand(2.0, 50, 10).times(3).then(Demand(4.0, 20, 1))
    assert total == Demand(10.0, 50, 11)
    assert str(Demand(754, 5_300_000_000, 46_004_000_000)) == "about 13 min, 5.3 GB of memory, 46.0 GB of the disk"
    assert str(Demand(8)) == "about 8 s"


def test_what_does_not_fit_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=12_300_000_000))
    monkeypatch.setattr(demand, "free_memory", lambda: (8_000_000_000, "the limit of this container or job"))
    place = tmp_path / "runs" / "car"
    with pytest.raises(ExpectedError) as caught:
        announce("the pictures", Demand(1, 1, 46_000_000_000), place)
    assert str(caught.value) == (
        f"No room for the pictures: 46.0 GB of the disk are needed and 12.3 GB are free in {tmp_path}; free some "
        "space, or choose another place with --runs."
    )
    with pytest.raises(ExpectedError) as caught:
        announce("inverse graphics", Demand(1, 27_000_000_000), place, "lower inverse.pairs (now 16)")
    assert str(caught.value) == (
        "No room for inverse graphics: about 27.0 GB of memory are needed and the limit of this container or job "
        "leaves 8.0 GB; lower inverse.pairs (now 16), or give it more memory."
    )
    assert capsys.readouterr().err == "" and not place.exists()
    announce("inverse graphics", Demand(60, 7_000_000_000), place)
    assert capsys.readouterr().err == "Inverse graphics: about 60 s, 7.0 GB of memory.\n"


def test_arrays_that_the_disk_cannot_hold_are_refused_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(ExpectedError, match=r"No room for numbers: .* of the disk are needed"):
        filled(
            tmp_path,
            300,
            {"numbers": torch.empty(())},
            lambda rows: 1 / 0,
            {},
            chunk=8,
            what="numbers",
            remedy="",
        )
    assert not list(tmp_path.iterdir())


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Writes the system's files below a root and tells what memory is free."""

    def write(**files):
        names = {"MEMORY": "memory.", "LIMIT": "memory.limit_in_bytes", "USAGE": "memory.usage_in_bytes"}
        for name, text in files.items():
            name = re.sub("MEMORY_|LIMIT|USAGE", lambda m: names[m[0].rstrip("_")], name)
            path = tmp_path / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return free_memory(tmp_path)

    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY,) * 2)
    return write


def test_the_tightest_limit_on_memory_counts_and_pages_of_files_are_free(system, monkeypatch):
    assert system() is None
    machine = {"proc__meminfo": "MemTotal: 9 kB\nMemAvailable:    8000 kB\n", "proc__self__status": "VmSize:  500 kB\n"}
    assert system(**machine) == (8_192_000, "this machine")
    group = {
        "proc__self__cgroup": "0::/outer/job\n",
        "sys__fs__cgroup__outer__job__MEMORY_max": "max\n",
        "sys__fs__cgroup__outer__job__MEMORY_current": "900\n",
        "sys__fs__cgroup__outer__MEMORY_max": "5000000\n",
        "sys__fs__cgroup__outer__MEMORY_current": "3000000\n",
        "sys__fs__cgroup__outer__MEMORY_stat": "anon 1000000\ninactive_file 1500000\nactive_file 400000\n",
    }
    assert system(**group) == (3_900_000, "the limit of this container or job")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1_024_000, 1_024_000))
    assert system() == (512_000, "`ulimit -v`")


def test_limits_of_the_first_version_of_control_groups(system):
    folder = "sys__fs__cgroup__memory__job"
    files = {
        "proc__self__cgroup": "9:cpu:/other\n5:memory:/job\n",
        f"{folder}__LIMIT": "700\n",
        f"{folder}__USAGE": "500\n",
    }
    assert system(**files) == (200, "the limit of this container or job")


def test_the_memory_of_a_gpu_is_told_and_refused_as_that_of_the_machine_is(tmp_path, monkeypatch, capsys):
    """There is none in the tests: what it would say stands for it."""
    held = []

    def taken_of_gpu(work):
        work()
        return 1_000_000_000 * held[-1]

    def prepare(number):
        held.append(number)
        return lambda: None

    monkeypatch.setattr(demand, "taken_of_gpu", taken_of_gpu)
    found = step_demand(prepare, 16)
    assert found.gpu == 16_000_000_000
    assert found.then(Demand(gpu=7)).gpu == found.times(3).gpu == found.gpu
    monkeypatch.setattr(demand, "free_gpu_memory", lambda: 15_000_000_000)
    told = (
        "No room for f: about 16.0 GB of the GPU's memory are needed and 15.0 GB are free; lower inverse.pairs, or end"
    )
    with pytest.raises(ExpectedError, match=re.escape(told)):
        announce("f", found, tmp_path, "lower inverse.pairs")
    monkeypatch.setattr(demand, "free_gpu_memory", lambda: 17_000_000_000)
    announce("f", found, tmp_path)
    assert "16.0 GB of the GPU's memory" in capsys.readouterr().err
