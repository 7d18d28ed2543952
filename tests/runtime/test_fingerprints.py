"""What a directory held when it was finished is told from what it holds now."""

from __future__ import annotations

import torch
from safetensors.torch import save_file

from ganverse_nb.runtime.files import remove_leftovers
from ganverse_nb.runtime.fingerprints import changed, fingerprints, told_checksum
from ganverse_nb.runtime.tensors import checksum, save_tensors


def test_changed_missing_and_exchanged_files_are_found_and_further_ones_are_not_asked_for(tmp_path):
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "numbers.json").write_text("[1, 2]")
    (tmp_path / "images.npy").write_bytes(bytes(range(256)) * 10)
    save_tensors(tmp_path / "model.safetensors", {"a": torch.ones(3)}, "model")
    (tmp_path / "state.pt").write_bytes(b"checked by itself")
    (tmp_path / ".hidden").write_text("")
    known = fingerprints(tmp_path)
    assert sorted(known) == ["deeper/numbers.json", "images.npy", "model.safetensors"]
    assert changed(tmp_path, known) is None
    (tmp_path / "further.txt").write_text("")
    (tmp_path / "state.pt").unlink()
    assert changed(tmp_path, known) is None

    (tmp_path / "deeper" / "numbers.json").write_text("[1, 3]")
    assert changed(tmp_path, known) == tmp_path / "deeper" / "numbers.json"
    (tmp_path / "deeper" / "numbers.json").write_text("[1, 2]")
    (tmp_path / "images.npy").write_bytes(bytes(2560))
    assert changed(tmp_path, known) == tmp_path / "images.npy"
    (tmp_path / "images.npy").write_bytes(bytes(range(256)) * 10)
    save_tensors(tmp_path / "model.safetensors", {"a": torch.zeros(3)}, "model")  # whole, but another one
    assert changed(tmp_path, known) == tmp_path / "model.safetensors"
    (tmp_path / "model.safetensors").unlink()
    assert changed(tmp_path, known) == tmp_path / "model.safetensors"


def test_a_file_tells_its_checksum_without_being_read(tmp_path):
    path, tensors = tmp_path / "a.safetensors", {"a": torch.ones(3)}
    save_tensors(path, tensors, "model")
    assert told_checksum(path) == checksum(tensors, {"format": "model"})
    save_file(tensors, path)
    assert told_checksum(path) is None
    for content in (b"", b"\xff" * 8 + b"{", b"\2\0\0\0\0\0\0\0{}", b"\3\0\0\0\0\0\0\0{x}"):
        path.write_bytes(content)
        assert told_checksum(path) is None


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    deeper = tmp_path / "deeper"
    for folder in (tmp_path, deeper):
        folder.mkdir(exist_ok=True)
        for name in (
            ".state.0123abcd.pt",
            ".rows.0123abcd.json",
            ".locks",
            "state.pt",
            ".x.0123abcd.pt.bak2",
            ".plain",
        ):
            (folder / name).write_text("")
    (tmp_path / ".gan.partial.0123abcd.deleted").mkdir()
    (tmp_path / ".gan.partial.0123abcd.deleted" / "file").write_text("")
    remove_leftovers(tmp_path, older=3600)
    remove_leftovers(tmp_path, "gan")
    assert sorted(p.name for p in tmp_path.iterdir() if "0123abcd" in p.name) == [
        ".rows.0123abcd.json", ".state.0123abcd.pt", ".x.0123abcd.pt.bak2",
    ]  # fmt: skip
    remove_leftovers(tmp_path, deep=True)
    for folder in (tmp_path, deeper):
        left = {p.name for p in folder.iterdir() if p.is_file()}
        assert left == {".locks", "state.pt", ".x.0123abcd.pt.bak2", ".plain"}
