"""From benchmark results to the table and the page."""

import ast
import tomllib
from pathlib import Path

import pytest

from benchmarks.page import page, rendering_share
from benchmarks.report import plot, rows_of, table, words_of
from ganverse_nb.config import load_config

ROOT = Path(__file__).parent.parent.parent
MACHINE = {"device": "cpu, 2 cores", "cpu": "Some Processor, 2 cores", "commit": "abc", "torch_threads": 2}
MACHINE |= {"versions": {"torch": "2.11.0", "warp-lang": "1.19.0"}}


def entry(kind, who, ms, batch=16, resolution=64, faces=1280, **extra):
    info = {"kind": kind, "who": who, "batch": batch, "resolution": resolution, "faces": faces, **extra}
    return {"extra_info": info, "stats": {"median": ms / 1e3, "min": ms / 2e3}}


@pytest.fixture
def rows():
    kind = "silhouette + texture"
    found = [entry(kind, "ours", 4.0, memory_mib=8.2), entry(kind, "PyTorch3D", 4000.0), entry(kind, "ours", 1.0, 1)]
    found += [entry("growth with batch", "ours", 2.0 * n, n, memory_mib=n) for n in (1, 2, 4)]
    return rows_of({"benchmarks": found})


def test_ratios_are_to_the_first_row_of_a_setting(rows):
    assert [row["ratio"] for row in rows] == pytest.approx([1, 1000, 1, 1, 2, 4])
    assert rows[0]["images_per_s"] == pytest.approx(4000) and rows[0]["best_ms"] == pytest.approx(2)


def test_the_table_has_every_row(rows):
    shown = table(rows)
    assert "| 16 x 64 | 1280 | ours | 4.00 (2.00) | 1.00 | 4000 | 8 |" in shown
    assert "| 16 x 64 | 1280 | PyTorch3D | 4000.00 (2000.00) | 1000 | 4 |  |" in shown
    assert shown.count("**") == 4


def test_the_page_shows_what_was_measured_and_says_what_was_not(rows):
    empty = page(None, None)
    assert "Not measured yet" in empty and "Not run yet" in empty
    check = {"backend": "nvdiffrast", "batch": 8, "resolution": 64, "faces": 1280, "mask_error": 1e-5}
    check |= {"same_ids": {"all": 0.995, "covered": 0.97}, "gradient_error": {"vertices": 0.001, "fov": 0.004}}
    bars = {"same_ids": 0.98, "mask_error": 1e-3, "gradient_error": 0.02}
    gpu = {"machine": MACHINE | {"device": "Some GPU"}, "notes": ["Built."], "bars": bars, "checks": [check]}
    gpu |= {"rows": rows[:1], "passed": True, "failed": []}
    full = page({"machine": MACHINE, "rows": rows}, gpu)
    assert "Some Processor, 2 cores, 2 threads, torch 2.11.0" in full and "Some GPU" in full and "Not" not in full
    assert "| nvdiffrast | 8 x 64, 1280 | 0.9950, 0.9700 | 1.0e-05 | 4.0e-03 (fov) |" in full
    assert "Every bar is met." in full
    assert "Missed: this." in page(None, gpu | {"passed": False, "failed": ["this"]})


def test_the_machine_is_named_by_what_computes():
    assert words_of(MACHINE).startswith("Some Processor") and words_of(MACHINE | {"device": "H"}).startswith("H, ")


def test_the_plot_is_written(rows, tmp_path):
    growth = [row | {"kind": f"growth with {axis}"} for axis in ("resolution", "faces", "batch") for row in rows[3:]]
    plot(growth, tmp_path / "growth.png", "a machine")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")


def test_tests_do_not_run_benchmarks():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert settings["testpaths"] == ["tests"]
    names = [path.name for path in (ROOT / "benchmarks").glob("*.py")]
    assert names and not [name for name in names if name.startswith("test_")]


def test_benchmarks_only_use_what_their_extra_names():
    third = set()
    for path in (ROOT / "benchmarks").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                third |= {alias.name.split(".")[0] for alias in node.names}
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["bench"]
    assert "moderngl" in third and any(text.startswith("moderngl") for text in extra)
    assert any(text.startswith("pytest-benchmark") for text in extra)


def test_the_share_of_rendering_is_weighted_by_the_schedule():
    config = load_config("mini").inverse
    kinds = ("training, before L_percept", "training, with L_percept")
    times = {(kinds[0], "whole step"): 80.0, (kinds[0], "rendering"): 8.0}
    times |= {(kinds[1], "whole step"): 160.0, (kinds[1], "rendering"): 24.0}
    rows = [{"kind": kind, "who": who, "ms": ms} for (kind, who), ms in times.items()]
    before = config.perceptual_after / config.steps
    share = (8 * before + 24 * (1 - before)) / (80 * before + 160 * (1 - before))
    assert f"rendering is {share:.1%} of the time" in rendering_share(rows)
    assert rendering_share(rows[:3]) == ""
