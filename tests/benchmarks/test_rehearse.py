"""The rehearsal with small networks, and the page that is made of it."""

import json

import pytest

from benchmarks import rehearse
from benchmarks.paper_scale import SUSTAINED, amounts, page
from ganverse_nb.config import load_config

MACHINE = {"device": "cpu", "cpu": "x", "commit": "y", "versions": {"torch": "1", "warp-lang": "2"}}


@pytest.fixture
def scene():
    return rehearse.Scene.of("small")


@pytest.mark.parametrize("name", [name for name in rehearse.PIECES if name not in ("cut", "paint")])
def test_a_piece_is_a_step_of_the_stage_with_its_time_and_memory(name, scene):
    row = rehearse.measure(name, scene)
    assert row["teraflops"] > 0 and row["cpu_seconds"] > 0 and row["peak_mib"] > 100 and row["what"].startswith("a ")
    json.dumps(row)


def test_a_piece_is_repeated_and_told_by_its_median(scene):
    row = rehearse.measure("mask_step", scene, seconds=0.2)
    assert row["again"] >= 1 and 0 < row["again_seconds"] <= row["wall_seconds"] + 0.2


def test_operations_are_those_of_a_known_network(scene):
    """Two for every weight of a convolution and place: of the upsampling ones after the filter, which costs more."""
    with rehearse.FlopCounterMode(display=False) as counter:
        scene.generator.sample(0, count=3)
    plain = [conv for conv in scene.generator.convs if not conv.up]
    least = sum(2 * conv.weight.numel() * conv.noise_const.numel() for conv in plain)
    assert 3 * least < counter.get_total_flops() < 12 * least


def test_the_page_multiplies_what_was_measured():
    row = {"piece": "network_step", "what": "a step of f", "count": 2, "cpu_seconds": 36.0, "teraflops": 1.0}
    told = page({"machine": MACHINE, "rows": [row | {"peak_mib": 1000}]})
    assert "| a step of f | 2 | 36.0 | 1.00 | 1.0 |" in told
    hours = 100 * 1e3 / SUSTAINED / 3600
    assert f"| a step of f | 200,000 | 1,000.0 | 100.0 | {hours:,.1f} |" in told
    assert "Not measured, and so not in the sum: cut, head_step" in told and "make rehearse" in page(None)


def test_amounts_are_the_papers():
    config = load_config("paper", "car")
    assert set(amounts(config)) == set(rehearse.PIECES)
    assert amounts(config)["cut"] == 234_000 and amounts(config)["infer"] == 55_429 + 4_000


def test_a_piece_that_fails_is_named_and_the_others_stay(tmp_path, monkeypatch, capsys):
    class Done:
        def __init__(self, command, **_):
            name = command[-1]
            self.returncode = int(name == "cut")
            self.stdout, self.stderr = f'{{"piece": "{name}"}}\n', "a\nout of memory\n"

    monkeypatch.setattr(rehearse.subprocess, "run", Done)
    output = tmp_path / "found.json"
    assert rehearse.rehearse(["paint", "cut"], output) == 1
    assert "cut failed: out of memory" in capsys.readouterr().err
    assert rehearse.rehearse(["infer"], output) == 0
    assert [row["piece"] for row in json.loads(output.read_text())["rows"]] == ["paint", "infer"]
    with pytest.raises(SystemExit):
        rehearse.main(["nothing"])
