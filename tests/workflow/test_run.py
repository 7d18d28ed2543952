"""Runs: stages that are computed once, resumed, and never half-written; numbers and provenance."""

import io
import json
import platform
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout, suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ganverse_nb.config import load_config
from ganverse_nb.runtime import team
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.files import atomic_path, plain, read_json, sha256, write_json
from ganverse_nb.runtime.rows import Measurement
from ganverse_nb.runtime.team import Team
from ganverse_nb.workflow import cli, provenance
from ganverse_nb.workflow.configuration import means
from ganverse_nb.workflow.locks import RunBusyError, exclusive
from ganverse_nb.workflow.options import chosen, meant
from ganverse_nb.workflow.run import Run, Stage, open_run, reopen_run


@pytest.fixture
def run(tmp_path):
    return open_run("smoke", runs=tmp_path / "runs", figures=tmp_path / "figures")


def writer(text, calls=None):
    def compute(directory: Path) -> None:
        if calls is not None:
            calls.append(sorted(p.name for p in directory.iterdir() if p.name != "partial.json"))
        (directory / "result.txt").write_text(text)
        time.sleep(0.01)

    return compute


class Interrupted(BaseException):
    pass


def interrupted(directory: Path) -> None:
    (directory / "checkpoint.txt").write_text("half")
    raise Interrupted


# ---- stages


def test_a_stage_is_computed_once(run, tmp_path):
    calls = []
    first = run.stage("photos", writer("a", calls), {"count": 3})
    again = run.stage("photos", writer("b", calls), {"count": 3})
    other_process = Run(run.config, tmp_path / "runs").stage("photos", writer("c", calls), {"count": 3})
    assert first == again == other_process == run.directory / "photos"
    assert (first / "result.txt").read_text() == "a"
    assert len(calls) == 1
    assert {p.name for p in first.iterdir()} == {"result.txt", "complete.json"}
    mark = read_json(first / "complete.json")
    assert mark["settings"] == {"count": 3} and mark["seconds"] >= 0.01


def test_an_interrupted_stage_continues_from_what_it_wrote(run):
    with pytest.raises(Interrupted):
        run.stage("gan", interrupted, {"steps": 3})
    assert not (run.directory / "gan").exists() and not run.is_complete("gan")
    calls = []
    done = run.stage("gan", writer("whole", calls), {"steps": 3})
    assert calls == [["checkpoint.txt"]]
    assert (done / "checkpoint.txt").read_text() == "half" and (done / "result.txt").read_text() == "whole"
    assert not (run.directory / "gan.partial").exists()


def test_seconds_add_up_over_interrupts(run):
    with pytest.raises(Interrupted):
        run.stage("gan", interrupted)
    mark = run.directory / "gan.partial" / "partial.json"
    write_json(mark, read_json(mark) | {"seconds": 100.0})
    assert run.stage_seconds() == 100.0
    run.stage("gan", writer(""))
    assert 100.0 <= run.stage_seconds() < 110.0


@pytest.mark.parametrize(
    ("stage", "error", "words"),
    [
        ("gan", torch.OutOfMemoryError("CUDA out of memory."), "The GPU's memory is used up in stage gan; "),
        ("inverse_graphics", MemoryError(), "The memory is used up in stage inverse_graphics; "),
        ("ablation_four_views_0", RuntimeError("DefaultCPUAllocator: can't allocate memory"), "--set inverse.pairs=1 "),
        ("stylegan_r", MemoryError(), "another run of less at once: --set stylegan_r.batch=2 (now 4) --runs DIRECTORY"),
    ],
)
def test_want_of_memory_names_the_setting_to_lower_and_the_advice_works(run, tmp_path, stage, error, words):
    def greedy(directory):
        raise error

    with pytest.raises(ExpectedError, match=re.escape(words)) as caught:
        run.stage(stage, greedy)
    name, value = re.search(r"--set (\S+)=(\d+) ", str(caught.value)).groups()
    less = open_run("smoke", runs=tmp_path / "less", settings={name: int(value)})
    assert less.stage(stage, lambda directory: None) == less.directory / stage
    assert run.stage(stage, lambda directory: None) == run.directory / stage  # as where other programs were closed


def test_other_errors_of_a_stage_and_stages_that_nothing_makes_smaller_say_what_they_said(run):
    for stage, error in (("gan", RuntimeError("shapes differ")), ("gan_kid", MemoryError("too large"))):
        with pytest.raises(type(error), match=str(error)):
            run.stage(stage, partial(raising, error))


def raising(error, directory):
    raise error


def test_a_partial_of_other_settings_is_discarded(run):
    with pytest.raises(Interrupted):
        run.stage("gan", interrupted, {"steps": 3})
    calls = []
    run.stage("gan", writer("new", calls), {"steps": 4})
    assert calls == [[]]


def test_other_settings_replace_a_stage_only_when_complete(run):
    run.stage("gan", writer("old"), {"steps": 3})
    with pytest.raises(Interrupted):
        run.stage("gan", interrupted, {"steps": 4})
    assert (run.directory / "gan" / "result.txt").read_text() == "old"
    run.stage("gan", writer("new"), {"steps": 4})
    assert (run.directory / "gan" / "result.txt").read_text() == "new"
    assert [p.name for p in run.directory.iterdir() if "gan" in p.name] == ["gan"]


def test_a_stage_is_computed_anew_when_one_it_needs_changed(run):
    calls = []
    run.stage("photos", writer("a"), {"count": 3})
    for _ in range(2):
        run.stage("masks", writer("m", calls), needs=["photos"])
    assert len(calls) == 1
    run.stage("photos", writer("b"), {"count": 4})
    run.stage("masks", writer("m", calls), needs=["photos"])
    assert len(calls) == 2
    with pytest.raises(ValueError, match="views .*not finished"):
        run.stage("dataset", writer(""), needs=["views"])


def test_a_stage_computed_but_not_yet_renamed_is_taken_as_it_is(run):
    done = run.stage("gan", writer("whole"), {"steps": 3})
    done.rename(run.directory / "gan.partial")
    calls = []
    assert (run.stage("gan", writer("again", calls), {"steps": 3}) / "result.txt").read_text() == "whole"
    assert calls == []


def test_a_stage_may_ask_for_another(run):
    def compute(directory):
        inner = run.stage("inner", writer("inner"))
        (directory / "copy.txt").write_text((inner / "result.txt").read_text())

    assert (run.stage("outer", compute) / "copy.txt").read_text() == "inner"


@pytest.fixture
def threads(monkeypatch):
    """Threads that meet like processes that were started together; each says its `rank` and where they meet."""
    here = threading.local()
    here.rank, here.barrier = 0, threading.Barrier(1)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(team, "_join", lambda: (here.rank, here.barrier.parties))
    monkeypatch.setattr(Team, "wait", lambda self: here.barrier.wait() if self.size > 1 else None)
    return here


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("state", ["new", "interrupted", "complete"])
def test_a_team_computes_a_stage_together(tmp_path, threads, state, shared):
    runs = [open_run("smoke", runs=tmp_path) for _ in range(3)]
    if state == "complete":
        runs[0].stage("gan", writer("whole"), {"steps": 3})
    if state == "interrupted":
        with pytest.raises(Interrupted):
            runs[0].stage("gan", interrupted, {"steps": 3})
    barrier, seen = threading.Barrier(3, timeout=30), []

    def together(rank):
        threads.rank, threads.barrier = rank, barrier

        def compute(directory):
            seen.append((directory / "checkpoint.txt").exists())
            Team.from_environment().wait()
            if rank == 0:
                (directory / "result.txt").write_text("whole")
            Team.from_environment().wait()

        return runs[rank].stage("gan", compute, {"steps": 3}, shared=shared)

    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(together, range(3)))
    assert {path.resolve() for path in done} == {(runs[0].directory / "gan").resolve()}
    assert (done[0] / "result.txt").read_text() == "whole"
    computed = 3 if shared else 1
    assert seen == {"new": [False] * computed, "interrupted": [True] * computed, "complete": []}[state]


def test_what_one_of_a_team_computes_alone_is_made_of_what_all_compute_together(tmp_path, threads):
    runs, barrier, seen = [open_run("smoke", runs=tmp_path) for _ in range(2)], threading.Barrier(2, timeout=30), []

    def together(rank):
        threads.rank, threads.barrier = rank, barrier
        heavy = Stage("heavy", lambda directory: seen.append(("heavy", rank)), shared=True)
        light = Stage(
            "light", lambda directory: (runs[rank].finish(heavy), seen.append(("light", rank))), needs=(heavy,)
        )
        return runs[rank].finish(light)

    with ThreadPoolExecutor(2) as pool:
        assert len({path.resolve() for path in pool.map(together, range(2))}) == 1
    assert sorted(seen) == [("heavy", 0), ("heavy", 1), ("light", 0)]


def test_stage_names_are_plain(run):
    with pytest.raises(ValueError, match="../elsewhere"):
        run.stage("../elsewhere", writer(""))


def test_a_killed_process_leaves_a_stage_that_resumes(run, tmp_path):
    script = f"""
        import os, signal
        from ganverse_nb.workflow.run import open_run
        def compute(directory):
            (directory / "checkpoint.txt").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        open_run("smoke", runs={str(tmp_path / "runs")!r}).stage("gan", compute)
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(script)]).returncode == -9
    calls = []
    run.stage("gan", writer("whole", calls))
    assert calls == [["checkpoint.txt"]]


# ---- two processes, two configurations


def test_two_processes_do_not_compute_one_stage(run, tmp_path):
    script = f"""
        import sys
        from ganverse_nb.workflow.run import open_run
        def compute(directory):
            print("in", flush=True)
            sys.stdin.read()
            (directory / "made").write_text("there")
        open_run("smoke", runs={str(tmp_path / "runs")!r}).stage("gan", compute)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "in\n"
        run.stage("photos", writer(""))  # another stage and numbers are not held up
        run.record("gan.views", 3)
        said = io.StringIO()
        threading.Timer(0.5, other.stdin.close).start()
        with redirect_stdout(said):
            made = run.stage("gan", lambda directory: pytest.fail("computed twice"))
    assert other.returncode == 0 and (made / "made").read_text() == "there"
    assert f"(gan) is being worked on by process {other.pid} on {platform.node()}; waiting" in said.getvalue()


def test_a_file_in_use_is_waited_for_some_time_only(tmp_path):
    script = f"""
        import sys
        from pathlib import Path
        from ganverse_nb.workflow.locks import exclusive
        with exclusive(Path({str(tmp_path / "a.lock")!r}), "it"):
            print("in", flush=True)
            sys.stdin.read()
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "in\n"
        with pytest.raises(
            RunBusyError, match=f"it is being worked on by process {other.pid} on {platform.node()}; wait"
        ):
            exclusive(tmp_path / "a.lock", "it").__enter__()
        other.stdin.close()


def test_a_lock_is_reentrant_and_free_after_an_error(tmp_path):
    with pytest.raises(KeyError), exclusive(tmp_path / "a.lock", "a"), exclusive(tmp_path / "a.lock", "a"):
        raise KeyError
    with exclusive(tmp_path / "a.lock", "a"):
        pass


def test_a_directory_of_another_configuration_is_refused(run, tmp_path):
    with pytest.raises(ValueError) as caught:
        open_run("smoke", runs=tmp_path / "runs", settings={"inverse.steps": 77})
    message = str(caught.value)
    assert "inverse.steps" in message and "77" in message and "--runs" in message and "\n" not in message
    assert read_json(run.directory / "config.json")["inverse"]["steps"] == run.config.inverse.steps
    open_run("smoke", seed=1, runs=tmp_path / "runs", settings={"inverse.steps": 77})


def test_profile_category_and_seed_are_not_settings(tmp_path):
    with pytest.raises(ValueError, match="'profile'.*inverse.steps"):
        open_run("smoke", runs=tmp_path, settings={"profile": "mini"})


def test_a_damaged_configuration_is_one_sentence(run, tmp_path):
    (run.directory / "config.json").write_text("{")
    with pytest.raises(ValueError, match="config.json is damaged.*delete it"):
        open_run("smoke", runs=tmp_path / "runs")


# ---- numbers and provenance


def test_rows_hold_what_the_report_needs(run):
    run.record("inverse.gan_test_iou", torch.tensor(0.951234567), bar=">= 0.93", paper=0.95)
    run.record("car.gan.views", 17, unit="views")
    run.record("inverse.gan_test_iou", float("nan"), bar=">= 0.93")
    first, second = run.rows()
    assert first.key == "car.inverse.gan_test_iou" and first.ours is None and first.paper is None
    assert second.key == "car.gan.views" and second.ours == 17 and second.unit == "views"
    assert (first.profile, first.seed) == ("smoke", 0)
    assert first.command == "ganverse reproduce --profile smoke --category car --seed 0"
    assert first.device == provenance.device()


@pytest.mark.parametrize(("category", "alone", "each"), [("car", 0.95, 39), ("bird", None, 8), ("horse", None, None)])
def test_a_number_of_the_paper_stands_beside_its_own_category_only(tmp_path, category, alone, each):
    """What the paper measured on cars says nothing of birds."""
    run = open_run("smoke", category, runs=tmp_path)
    assert run.record("inverse.gan_test_iou", 0.9, paper=0.95).paper == alone
    assert run.record("gan.views", 40, paper={"car": 39, "bird": 8}).paper == each


def test_small_numbers_keep_their_digits(run):
    assert run.record("a", 1.23456789e-7).ours == 1.23457e-7


@pytest.mark.parametrize("value", ["0.9", [1, 2], torch.zeros(2)])
def test_a_row_is_one_number(run, value):
    with pytest.raises(ValueError, match="one number"):
        run.record("a", value)


def test_a_bar_that_is_not_understood_is_refused(run):
    with pytest.raises(ValueError, match="about 3"):
        run.record("a", 1, bar="about 3")


def test_the_command_names_changed_settings(tmp_path):
    changes = {"inverse.steps": 5, "views.split_layers": [1, 2]}
    run = open_run("smoke", runs=tmp_path, settings=changes)
    assert run.command.endswith("--seed 0 --set views.split_layers=1,2 --set inverse.steps=5")


CHANGES = {
    "inverse.steps": 5,
    "views.split_layers": [1],
    "inverse.sigma": [1e-3, 5e-6],
    "ablation.variants": ["full", "no_multiview"],
    "gan.network": "/my gans/it's.safetensors",
    "gan.augment": "color,translation",
    "gan.bfloat16": False,
    "segmenter.weights": "coco",
}


def test_the_command_typed_means_the_run_again(tmp_path):
    run = open_run("smoke", runs=tmp_path, settings=CHANGES)
    assert run.changes == CHANGES
    for command in (run.command, f"ganverse reproduce {means(run.config, tmp_path / 'my runs')}"):
        options = cli._parser().parse_args(shlex.split(command)[1:])
        assert chosen(options) == run.config
    assert meant(options)[-1] == tmp_path / "my runs"


def test_a_run_of_nothing_is_given_back(tmp_path):
    run = open_run("smoke", runs=tmp_path / "runs")
    run.note("a", "b")
    again = open_run("smoke", runs=tmp_path / "runs")  # which was not made for this one
    again.abandon()
    assert run.directory.is_dir()
    run.abandon()
    assert not (tmp_path / "runs").exists()
    run = open_run("smoke", runs=tmp_path / "runs", settings={"inverse.steps": 3})
    run.stage("one", writer("1"))
    run.abandon()
    assert (run.directory / "one" / "result").is_file() or any((run.directory / "one").iterdir())


def test_substitutions_are_printed_once_and_recorded_once(run, tmp_path, capsys):
    for _ in range(2):
        run.substitute("discriminator features", "LPIPS", "its weights cannot be had here")
    Run(run.config, tmp_path / "runs").substitute("discriminator features", "LPIPS", "its weights cannot be had here")
    assert capsys.readouterr().out.count("Using discriminator features instead of LPIPS") == 2  # once per process
    assert len(run.manifest["substitutions"]) == 1


def test_the_manifest_says_where_numbers_come_from(run, tmp_path):
    weights = tmp_path / "teacher.safetensors"
    weights.write_bytes(b"abc")
    run.use_weights("teacher", weights)
    run.note("features", "discriminator")
    manifest = run.manifest
    assert manifest["weights"]["teacher"] == {"file": "teacher.safetensors", "sha256": sha256(weights)}
    assert manifest["notes"] == {"features": "discriminator"}
    (here,) = manifest["environments"]
    assert here["versions"]["torch"] == torch.__version__ and here["versions"]["warp-lang"]
    assert here["cpu"] and here["device"]
    Run(run.config, tmp_path / "runs")
    assert len(run.manifest["environments"]) == 1


# ---- files


def test_a_file_is_whole_or_absent(tmp_path):
    target = tmp_path / "a" / "result.json"
    write_json(target, {"x": (1, torch.tensor(2.0), float("inf"))})
    assert read_json(target) == {"x": [1, 2.0, None]}
    with pytest.raises(KeyError), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert read_json(target) == {"x": [1, 2.0, None]}
    assert [p.name for p in target.parent.iterdir()] == ["result.json"]


def test_plain_refuses_what_json_cannot_hold():
    with pytest.raises(TypeError, match="object"):
        plain(object())
    assert json.dumps(plain(load_config("mini")))


# ---- notebooks that are started elsewhere


@pytest.fixture
def in_kernel(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: object()))


def test_a_notebook_started_elsewhere_uses_the_checkouts_runs(in_kernel, tmp_path, monkeypatch, capsys):
    from ganverse_nb.workflow.kernel import from_notebooks

    checkout = Path(__file__).parents[2]
    monkeypatch.chdir(checkout)  # as `papermill notebooks/04_inverse_graphics.ipynb out.ipynb` does
    assert from_notebooks("../runs") == checkout / "runs"
    assert f"started in {checkout} instead of its own folder; ../runs is taken to be" in capsys.readouterr().out
    assert from_notebooks("elsewhere") == Path("elsewhere") and from_notebooks(tmp_path) == tmp_path
    monkeypatch.chdir(checkout / "notebooks")
    assert from_notebooks("../runs") == Path("../runs") and not capsys.readouterr().out


def test_without_a_checkout_the_sentence_says_where_to_start(in_kernel, tmp_path, monkeypatch):
    monkeypatch.setattr("ganverse_nb.workflow.kernel.__file__", str(tmp_path / "ganverse_nb" / "workflow" / "run.py"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="was started in .*start it in its own folder"):
        open_run("smoke", runs="../runs")


def test_outside_a_kernel_a_path_is_what_it_says(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert open_run("smoke", runs="../beside").directory == Path("../beside/car-smoke-seed0")


def test_many_numbers_go_in_with_one_call_and_show_as_a_table(tmp_path):
    run = open_run("smoke", runs=tmp_path)
    run.record("inverse.before", 10.0, "°")
    measured = {
        "inverse.after": Measurement(torch.tensor([4.0]), "°", bar="<= 0.6 x inverse.before"),
        "gan.views": Measurement(12, "views", {"car": 39, "bird": 8}, ">= 16"),
    }
    table = run.record_all(measured)
    assert [(row.key, row.ours, row.paper) for row in table] == [
        ("car.inverse.after", 4, None),
        ("car.gan.views", 12, 39),
    ]
    assert [row.key for row in run.rows()] == ["car.inverse.before", "car.inverse.after", "car.gan.views"]
    assert table._repr_markdown_().splitlines()[2:] == [
        "| inverse.after |  | 4 ° | <= 0.6 x inverse.before | yes |",
        "| gan.views | 39 views | 12 views | >= 16 | no |",
    ]


def test_of_many_numbers_none_goes_in_where_one_is_wrong(tmp_path):
    run = open_run("smoke", runs=tmp_path)
    with pytest.raises(ValueError, match="record\\('b'\\): one number"):
        run.record_all({"a": Measurement(1), "b": Measurement("two")})
    assert run.rows() == []


# ---- damage, and what killed processes leave


def test_a_damaged_file_of_a_finished_stage_is_found_and_the_advice_works(run, tmp_path):
    calls = []
    stage = run.stage("photos", writer("a", calls))
    for damage in (lambda path: path.write_text("b"), lambda path: path.unlink()):
        damage(stage / "result.txt")
        other = Run(run.config, tmp_path / "runs")
        with pytest.raises(ExpectedError, match=rf"result.txt is .*; delete {stage} and run the same command again\.$"):
            other.stage("photos", writer("a", calls))
        shutil.rmtree(stage)
        assert (other.stage("photos", writer("a", calls)) / "result.txt").read_text() == "a"
    assert len(calls) == 3


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"identity": 3}'])
def test_a_damaged_mark_is_a_sentence_and_the_advice_works(run, text):
    for mark, prepare in (("photos/complete.json", writer("a")), ("gan.partial/partial.json", interrupted)):
        name = mark.split("/")[0].removesuffix(".partial")
        with suppress(Interrupted):
            run.stage(name, prepare)
        (run.directory / mark).write_text(text)
        with pytest.raises(ValueError, match=rf"{mark} .*; delete it and run the same command again\.$"):
            run.stage(name, writer("a"))
        (run.directory / mark).unlink()
        assert (run.stage(name, writer("a")) / "result.txt").read_text() == "a"


def test_stages_of_earlier_versions_kept_no_checksums_and_are_taken(run):
    stage = run.stage("photos", writer("a"))
    mark = read_json(stage / "complete.json")
    assert set(mark.pop("files")) == {"result.txt"}
    write_json(stage / "complete.json", mark)
    assert run.stage("photos", writer("b")) == stage and (stage / "result.txt").read_text() == "a"


def test_what_a_killed_process_was_writing_is_gone_after_the_resume(run, tmp_path):
    def killed(directory: Path) -> None:
        (directory / "deeper").mkdir()
        for place in (directory, directory / "deeper"):
            (place / ".state.0123abcd.pt").write_text("half")
        raise Interrupted

    with pytest.raises(Interrupted):
        run.stage("gan", killed)
    (run.directory / ".gan.partial.0123abcd.deleted").mkdir()
    for name in (".config.0123abcd.json", ".rows.0123abcd.json", ".manifest.0123abcd.json"):
        (run.directory / name).write_text("half")
    Run(run.config, tmp_path / "runs").stage("gan", writer("whole"))
    assert not list(run.directory.rglob("*0123abcd*"))


def test_a_lost_configuration_comes_back_from_the_manifest(run, tmp_path):
    """The advice for a damaged config.json, to delete it, keeps every stage."""
    stage, path = run.stage("photos", writer("a")), run.directory / "config.json"
    before = path.read_text()
    for text in ("{", "[]", '{"profile": "smoke"}'):
        path.write_text(text)
        for again in (lambda: Run(run.config, tmp_path / "runs"), lambda: reopen_run(run.directory)):
            with pytest.raises(ValueError, match=r"config.json .*; delete it and run the same command again\.$"):
                again()
        path.unlink()
        with pytest.raises(ValueError, match="belongs to another configuration .inverse.steps = "):
            open_run("smoke", runs=tmp_path / "runs", settings={"inverse.steps": 7})
        assert reopen_run(run.directory).config == run.config
        assert path.read_text() == before and (stage / "result.txt").read_text() == "a"


@pytest.mark.parametrize("name", ["manifest.json", "rows.json"])
def test_a_damaged_manifest_or_list_of_numbers_can_be_deleted(run, tmp_path, name):
    run.stage("photos", writer("a"))
    run.record("gan.kid", 0.5)
    for text in ("{", "[3]", '{"notes": []}'):
        (run.directory / name).write_text(text)
        with pytest.raises(ValueError, match=rf"{name} .*; delete it and run the same command again\.$"):
            Run(run.config, tmp_path / "runs").record("gan.kid", 0.5)
        (run.directory / name).unlink()
        assert Run(run.config, tmp_path / "runs").record("gan.kid", 0.5).ours == 0.5


# ---- parameters of notebooks


@pytest.mark.parametrize("seed", [1.5, "1", True, None])
def test_a_seed_is_a_whole_number(tmp_path, seed):
    with pytest.raises(ValueError, match=rf"^The seed is a whole number, as in 0; {seed!r} is not\.$"):
        open_run("smoke", seed=seed, runs=tmp_path)


def test_parameters_of_other_types_are_sentences(tmp_path):
    for changes, said in (
        ({"profile": 3}, "Unknown profile 3; the profiles are"),
        ({"profile": ["smoke"]}, "Unknown profile .'smoke'.;"),
        ({"category": 2.0}, "Unknown category 2.0;"),
        ({"runs": 4}, "runs is the path of a folder; 4 is not"),
        ({"figures": {}}, "figures is the path of a folder; {} is not"),
        ({"settings": "inverse.steps=3"}, "Settings have names and values, .*; 'inverse.steps=3' has not"),
        ({"settings": {"gan.generator_lr": float("nan")}}, "gan.generator_lr is a finite number, .*; nan is not"),
        ({"settings": {"inverse.sigma": [1e-4, float("inf")]}}, "inverse.sigma is a finite number, .*; inf is not"),
    ):
        with pytest.raises(ValueError, match=said):
            open_run(**{"profile": "smoke", "runs": tmp_path, **changes})
    assert not list(tmp_path.iterdir())


def test_a_misspelt_parameter_of_papermill_stops_the_notebook(tmp_path, monkeypatch):
    cells = ["seed = 0", '# Parameters\nprofile = "smoke"\nsed = 1\n', "x = 3"]
    shell = SimpleNamespace(user_ns={"In": cells})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    with pytest.raises(ExpectedError, match=r"no parameter 'sed'; its parameters are profile, category, seed, .*-y"):
        open_run("smoke", runs=tmp_path)
    cells[1] = '# Parameters\nprofile = "smoke"\nsettings = {"inverse.steps": 3}\n'
    assert open_run("smoke", runs=tmp_path, figures=tmp_path).config.profile == "smoke"


# ---- what a run is, in one place


def test_a_run_keeps_its_settings_whether_they_are_given_again_or_not(tmp_path):
    places = {"runs": tmp_path / "runs", "figures": tmp_path / "figures"}
    first = open_run("smoke", settings={"inverse.steps": 5, "views.split_layers": [1, 2]}, **places)
    again = open_run("smoke", **places)
    assert again.config == first.config and again.command == first.command
    assert reopen_run(first.directory, settings={"weights.download": True}).config.weights.download
    with pytest.raises(ValueError, match="inverse.steps = 5 there, 6 asked for"):
        open_run("smoke", settings={"inverse.steps": 6}, **places)


def test_paths_in_settings_are_whole_and_where_a_file_lies_decides_nothing(tmp_path, monkeypatch):
    places = {"runs": tmp_path / "runs", "figures": tmp_path / "figures"}
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    settings = {"gan.network": "gans/a.safetensors", "segmenter.weights": "onnx:b.onnx", "views.codes": "labelled"}
    run = open_run("smoke", settings=settings, **places)
    assert run.config.gan.network == str(tmp_path / "here" / "gans" / "a.safetensors")
    assert run.config.segmenter.weights == f"onnx:{tmp_path / 'here' / 'b.onnx'}"
    assert (run.config.views.codes, run.config.segmenter.photographs) == ("labelled", "auto")
    monkeypatch.chdir(tmp_path)
    assert open_run("smoke", **places).config == run.config
    moved = open_run("smoke", settings={"gan.network": "gans/a.safetensors"}, **places)
    assert moved.config.gan.network == str(tmp_path / "gans" / "a.safetensors")
    assert read_json(run.directory / "config.json")["gan"]["network"] == moved.config.gan.network
    with pytest.raises(ValueError, match="gan.network"):
        open_run("smoke", settings={"gan.network": "bundled"}, **places)


def test_the_papers_files_are_beside_the_notebooks_folder(in_kernel, tmp_path, monkeypatch):
    """The README's order: commands above, notebooks in their folder, the same file for both."""
    from ganverse_nb.workflow.configuration import run_config

    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "02_multiview_dataset.ipynb").touch()
    wanted = tmp_path / "gans" / "stylegan2-car-config-e.safetensors"
    for here in (tmp_path, tmp_path / "notebooks"):
        monkeypatch.chdir(here)
        config = run_config("paper", "car", 0, tmp_path / "runs")
        assert config.gan.network == str(wanted)
        assert config.photo_model.photographs == str(tmp_path / "PASCAL3D+_release1.1")


def test_a_category_of_ones_own_is_known_by_its_run(tmp_path):
    from ganverse_nb.categories import own_category

    places = {"runs": tmp_path / "runs", "figures": tmp_path / "figures"}
    with pytest.raises(ValueError, match="Unknown category 'mug'.*new-category mug"):
        open_run("smoke", "mug", **places)
    mug = own_category("mug", images=str(tmp_path), symmetry="none")
    run = open_run("smoke", mug, settings={"inverse.steps": 5}, **places)
    assert run.directory.name == "mug-smoke-seed0" and run.pictures.name == "mug-smoke"
    again = open_run("smoke", "mug", **places)
    assert again.config == run.config and again.config.kind == mug
    assert reopen_run(run.directory).config == run.config
    assert f"--images {tmp_path}" in run.command and "inverse.steps=5" in run.command
    with pytest.raises(ValueError, match=r"own.symmetry = 'none' there, 'left-right' asked for"):
        open_run("smoke", own_category("mug", images=str(tmp_path)), **places)
