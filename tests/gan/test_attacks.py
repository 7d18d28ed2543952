"""Files that want to run something, and files that are broken: nothing runs, and each is refused in one sentence."""

from __future__ import annotations

import codecs
import os
import sys

import pytest

from ganverse_nb.gan.checkpoint import CheckpointError, load_generator
from ganverse_nb.gan.generator import Generator

from . import attacks


@pytest.fixture(scope="module")
def watch():
    return attacks.Watch()


@pytest.fixture(scope="module")
def valid():
    return attacks.whole_files()


@pytest.fixture
def outcome(watch, valid, tmp_path, monkeypatch):
    """Loads bytes as a file; gives the generator or the message, and fails if anything ran."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "system", lambda *a: watch.seen.append(("os.system", a)))
    path = tmp_path / "file"
    # What Python imports lazily of its own is there before the watch wakes.
    for codec in ("raw-unicode-escape", "cp437"):  # of texts in old pickles, of names in zip archives
        codecs.lookup(codec)
    for data in valid.values():
        path.write_bytes(data)
        load_generator(path)

    def load(name: str, data: bytes) -> Generator | str:
        path.write_bytes(data)
        modules = set(sys.modules)
        watch.seen.clear()
        watch.awake = True
        try:
            return load_generator(path)
        except CheckpointError as error:
            assert str(path) in str(error) and "\n" not in str(error), name
            return str(error)
        finally:
            watch.awake = False
            assert not watch.seen, f"{name}: {watch.seen}"
            assert set(sys.modules) == modules, name
            assert os.listdir(tmp_path) == ["file"], name

    return load


def test_the_watch_sees_what_a_real_unpickler_does(watch, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    watch.seen.clear()
    watch.awake = True
    try:
        import pickle

        pickle.loads(next(attacks.programs())[1])  # noqa: S301 - the danger this test file is about
    finally:
        watch.awake = False
    assert {event for event, _ in watch.seen} >= {"os.system", "pickle.find_class"}
    assert (tmp_path / "executed").exists()


def test_hostile_files_run_nothing(outcome):
    count = 0
    kinds = ("programs", "geometries", "arrays", "oddities", "structures", "extensions")
    for kind in kinds:
        for name, data in getattr(attacks, kind)():
            assert isinstance(outcome(name, data), str), f"{name} was loaded"
            count += 1
    assert isinstance(outcome("bomb by torch.save", attacks.evil_tensor()), str)
    assert count >= 490


def test_damaged_files_are_refused_or_whole(outcome, valid):
    refused, count = 0, 0
    for name, data in attacks.damaged(valid, flips=60, cuts=20):
        refused += isinstance(outcome(name, data), str)
        count += 1
    assert count >= 300
    assert refused > count // 2  # the others changed a weight, or text nobody reads


def test_every_cut_is_refused(outcome, valid):
    outcomes = {name: outcome(name, data) for name, data in attacks.damaged(valid, flips=0, cuts=15)}
    assert len(outcomes) > 50
    assert all(isinstance(found, str) for found in outcomes.values()), outcomes


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("os.system, GLOBAL, REDUCE", "'os.system'"),
        ("builtins.eval, nested storage", "'builtins.eval'"),
        ("collections.OrderedDict.fromkeys, STACK_GLOBAL, REDUCE", "'collections.OrderedDict.fromkeys'"),
    ],
)
def test_the_message_names_what_was_asked_for(outcome, name, words):
    assert words in outcome(name, dict(attacks.programs())[name])
