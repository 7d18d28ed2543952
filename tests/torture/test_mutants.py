"""Damaged files and files that lie: one sentence that names them, or the content that was written."""

from __future__ import annotations

import random
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ganverse_nb.runtime.errors import ExpectedError, ExpectedWarning, sentence
from tests.torture import page, resident
from tests.torture.content import digest_of
from tests.torture.mutants import ACCIDENTS, LIES
from tests.torture.readers import KINDS, Kind

SEED = 0
MEMORY = 256 << 20  # bytes that a lie may cost
SLOW = ("network f", "pose regressor", "numbers of a run")  # to read, a dozen times
EACH, FEW = 20, 1  # mutants of a file by each mutator: whole and short form


@dataclass
class Found:
    """What became of the mutants of a file."""

    mutants: int = 0
    sentences: int = 0
    same: int = 0
    memory: int = 0
    wrong: list[str] = field(default_factory=list)


def read_mutants(name: str, folder: Path, each: int) -> Found:
    """Reads mutants of a kind of file, and files of all other kinds under its name."""
    kind, found = KINDS[name], Found()
    path = kind.write(folder)
    data, whole = path.read_bytes(), digest_of(kind.read(path))
    for told, mutate in (ACCIDENTS | LIES[path.suffix]).items():
        draw = random.Random(f"{name} {told} {SEED}")
        for number in range(each if told != "emptied" else 1):
            changed = mutate(data, draw)
            if changed != data:
                accident = told in ACCIDENTS
                _read(kind, path, changed, f"{name}, {told}, {number}", whole if accident else None, found)
    for other in swapped(name, path.suffix):
        _read(kind, path, other, f"{name}, swapped", whole, found)
    path.write_bytes(data)
    assert digest_of(kind.read(path)) == whole
    return found


def swapped(name: str, suffix: str) -> list[bytes]:
    """The content of files of other kinds."""
    return [data for other, data in CONTENTS.items() if other != name and other.endswith(suffix)][:4] or [b"text"]


CONTENTS: dict[str, bytes] = {}  # kind and suffix -> content


def _read(kind: Kind, path: Path, data: bytes, told: str, whole: str | None, found: Found) -> None:
    path.write_bytes(data)
    found.mutants += 1
    resident.forget_peak()
    before = resident.now()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", ExpectedWarning)
            again = digest_of(kind.read(path))
    except (ValueError, OSError, ExpectedError) as error:  # what the command line shows as a sentence
        said = sentence(error)
        found.sentences += 1
        if not re.search(rf"{re.escape(str(path))}|{re.escape(str(path.parent))}", said) or len(said) > 700:
            found.wrong.append(f"{told}: {type(error).__name__}: {said}")
    except Exception as error:
        found.wrong.append(f"{told}: {type(error).__name__}: {error}")
    else:
        if whole is None or again == whole:  # lies with the right checksum are files of their own
            found.same += 1
        else:
            found.wrong.append(f"{told}: other content is read without a word")
    grown = resident.peak() - before
    found.memory = max(found.memory, grown)
    if grown > MEMORY:
        found.wrong.append(f"{told}: {grown >> 20} MB")
    if Path("EXECUTED").exists():
        Path("EXECUTED").unlink()
        found.wrong.append(f"{told}: executed")


@pytest.fixture(scope="module", autouse=True)
def contents(tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in ("view codes", "framing", "photographs", "keypoints", "view gate", "mark of a stage"):
        path = KINDS[name].write(tmp_path_factory.mktemp("kind"))
        CONTENTS[name + path.suffix] = path.read_bytes()


@pytest.mark.parametrize("name", [name for name in KINDS if name not in SLOW])
def test_damaged_files_are_sentences(name: str, tmp_path: Path) -> None:
    found = read_mutants(name, tmp_path, FEW)
    assert not found.wrong, "\n".join(found.wrong)
    assert found.mutants == found.sentences + found.same >= 6


@pytest.mark.torture
@pytest.mark.parametrize("name", KINDS)
def test_many_damaged_files_are_sentences(name: str, tmp_path: Path) -> None:
    found = read_mutants(name, tmp_path, EACH)
    row = {"mutants": found.mutants, "sentences": found.sentences, "the same": found.same, "other": len(found.wrong)}
    page.record("mutants", name, row | {"memory": f"{found.memory >> 20} MB"})
    assert not found.wrong, "\n".join(found.wrong)
    assert found.mutants == found.sentences + found.same > 100
