"""The parts of a day with a GPU, rehearsed on the CPU: what is asked, what is kept, and what is said without one."""

import json
import signal
import sys

import pytest

from benchmarks import gpu_day
from benchmarks.paper_scale import page
from ganverse_nb.runtime.files import write_json


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory):
    out = tmp_path_factory.mktemp("day")
    assert gpu_day.main(["--dry", "--out", str(out)]) == 0
    return out, json.loads((out / gpu_day.RESULT).read_text())


def test_every_part_leaves_its_numbers_in_one_file(rehearsed):
    _, day = rehearsed
    assert list(day["parts"]) == list(gpu_day.SECONDS) and day["dry"]
    assert all(part["well"] and part["found"] for part in day["parts"].values())
    found = {name: part["found"] for name, part in day["parts"].items()}
    assert found["check"]["passed"] and found["check"]["checks"][0]["same_ids"] == {"all": 1.0, "covered": 1.0}
    assert found["teacher"][-1]["images"] == gpu_day.TINY_GAN["gan.images"]
    assert [row["piece"] for row in found["inverse"]["rows"]] == ["network_step"]
    assert [row["piece"] for row in found["paper"]["rows"]] == ["paint"]


def test_a_part_alone_leaves_the_others_as_they_were(rehearsed, monkeypatch):
    out, before = rehearsed
    monkeypatch.setattr(gpu_day, "commands", lambda *_: {"inverse": [sys.executable, "-c", "raise SystemExit('no')"]})
    assert gpu_day.day(["inverse"], out, dry=True) == 1
    after = json.loads((out / gpu_day.RESULT).read_text())["parts"]
    assert after["check"] == before["parts"]["check"]
    assert not after["inverse"]["well"] and after["inverse"]["last_words"] == ["no"]
    write_json(out / gpu_day.RESULT, before)


@pytest.mark.parametrize("heard", [signal.default_int_handler, signal.SIG_IGN])  # as in a shell's background job
def test_what_takes_too_long_is_interrupted_and_may_keep_its_state(heard, tmp_path):
    before = signal.signal(signal.SIGINT, heard)
    try:
        interrupt(tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)


def interrupt(tmp_path):
    work = "try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    pathlib.Path(sys.argv[1]).touch()"
    script = f"import pathlib, sys, time\n{work}"
    facts = gpu_day.do([sys.executable, "-c", script, str(tmp_path / "kept")], 2.0)
    assert facts["interrupted"] and facts["seconds"] < 30 and (tmp_path / "kept").exists()


def test_eight_minutes_are_enough():
    assert sum(gpu_day.SECONDS.values()) <= 8 * 60


def test_without_a_gpu_it_says_so(capsys):
    if gpu_day.torch.cuda.is_available():
        pytest.skip("there is one")
    assert gpu_day.main([]) == 2
    assert "--dry rehearses on the CPU" in capsys.readouterr().err


def test_the_page_shows_hours_of_the_gpu_that_measured(rehearsed):
    row = {"piece": "network_step", "what": "a step of f", "count": 1, "wall_seconds": 9.0, "again_seconds": 0.36}
    row |= {"cpu_seconds": 1.0, "teraflops": 4.0, "peak_mib": 9000.0}
    _, day = rehearsed
    parts = day["parts"] | {"paper": {"found": {"machine": day["machine"], "rows": [row]}}}
    told = page({"machine": day["machine"], "rows": [row]}, day | {"dry": False, "parts": parts})
    assert "| a step of f | 1 | 0.360 | 9.4 | 200,000 | 20.0 |" in told
    assert "Measured: on a GPU" not in page({"machine": day["machine"], "rows": [row]}, day)  # a rehearsal is no day
