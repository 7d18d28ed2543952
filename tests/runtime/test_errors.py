"""What the system says becomes a sentence: which file, why, what to do."""

from __future__ import annotations

import errno
import os
import warnings
from pathlib import Path
from urllib.error import URLError

import pytest
from PIL import Image

from ganverse_nb.categories import find_category
from ganverse_nb.data.image_folder import read_image_folder
from ganverse_nb.geometry.export import load_mesh, save_mesh
from ganverse_nb.geometry.mesh import uv_sphere
from ganverse_nb.runtime.errors import CAUSES, DivergedError, ExpectedError, ExpectedWarning, cause, sentence
from ganverse_nb.runtime.files import atomic_path, content_of, read_json, write_json, write_text


@pytest.mark.parametrize("number", sorted(CAUSES))
def test_each_known_cause_names_the_file_the_cause_and_what_to_do(number):
    cause, remedy = CAUSES[number]
    told = sentence(OSError(number, os.strerror(number), "runs/state.pt"))
    assert told == f"runs/state.pt: {cause}; {remedy} and run the same command again."
    assert "[Errno" not in told


def test_others_keep_their_words():
    assert sentence(OSError(errno.ELOOP, os.strerror(errno.ELOOP), "a")).startswith(f"a: {os.strerror(errno.ELOOP)};")
    assert sentence(OSError(errno.ENOSPC, "x")) == "The disk is full; free some space and run the same command again."
    assert sentence(FileNotFoundError("No GAN at a;\n train one.")) == "No GAN at a; train one."
    assert sentence(ValueError("Two\nlines")) == "Two lines"


def test_no_number_of_the_systems_reaches_anybody(tmp_path, monkeypatch):
    """Where an error is a part of a sentence, and where a picture or a mesh cannot be opened."""
    denied = PermissionError(errno.EACCES, "Permission denied", "/a")
    assert cause(denied) == cause(URLError(denied)) == "/a: permission is denied"
    assert cause(URLError("no network")) == "no network" and cause(OSError("no home")) == "no home"
    for name in ("a.png", "b.png"):
        Image.new("RGB", (20, 20)).save(tmp_path / name)
    (tmp_path / "a.toml").touch()
    mesh = save_mesh(uv_sphere(4, 6), tmp_path / "a.glb")

    def refuse(path, *arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    for read, name in (
        (lambda: load_mesh(mesh), "a.glb"),
        (lambda: find_category(tmp_path / "a.toml"), "a.toml"),
        (lambda: read_image_folder(tmp_path, 16), "a.png"),
    ):
        with pytest.raises((ValueError, OSError, ExpectedError)) as failure, warnings.catch_warnings():
            warnings.simplefilter("ignore", ExpectedWarning)
            read()
        assert f"{name}: permission is denied; change its" in sentence(failure.value)


def test_a_notebook_shows_an_expected_error_as_one_sentence():
    error = DivergedError("The training diverged; lower the rate.")
    assert error._render_traceback_() == ["DivergedError: The training diverged; lower the rate."]
    assert isinstance(error, ExpectedError) and isinstance(error, FloatingPointError)


def test_writing_names_the_file_that_was_meant_not_the_temporary_one(tmp_path):
    with pytest.raises(OSError) as caught, atomic_path(tmp_path / "a.json"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(tmp_path / "a.json") and not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError) as caught:
        write_text(tmp_path / "file" / "a.json", "{}")
    assert sentence(caught.value).startswith(str(tmp_path / "file"))


@pytest.mark.parametrize("text", ["{", "", '{"a": NaN}', '{"a": Infinity}', "[" * 100_000, "\xff"])
def test_json_that_is_damaged_says_what_to_do(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"a.json is damaged \(.*\); delete it and run the same command again\."):
        read_json(path)
    with pytest.raises(ValueError, match=r"a.json is damaged .*; restore it\."), content_of(path, "thing"):
        read_json(path, "restore it")


def test_content_of_another_form_is_one_sentence(tmp_path):
    for wrong, said in ((lambda: {}["name"], "'name' is missing"), (lambda: int("x"), "invalid literal")):
        told = rf"^a.json does not hold a usable thing \(.*{said}.*\); restore it\.$"
        with pytest.raises(ValueError, match=told), content_of("a.json", "thing", "restore it"):
            wrong()
    with pytest.raises(ValueError) as told, content_of("a.json", "thing", "restore it"):
        raise RuntimeError("size mismatch for layer 1. " * 1000)
    assert str(told.value).endswith(" ...); restore it.") and len(str(told.value)) < 300


def test_every_flipped_bit_of_a_sealed_file_is_found_or_harmless(tmp_path):
    path = tmp_path / "a.json"
    content = {"seconds": 1.5, "of": "a stage"}
    write_json(path, content, sealed=True)
    data = path.read_bytes()
    found = 0
    for place in range(8 * len(data)):
        path.write_bytes(data[: place // 8] + bytes([data[place // 8] ^ 1 << place % 8]) + data[place // 8 + 1 :])
        try:
            assert read_json(path) == content
        except ValueError:
            found += 1
    assert found > 7 * len(data)
    write_json(path, answers := {"answers": [1], "checksum": "of another kind"})
    assert read_json(path) == answers
