"""Files of tensors: what is written comes back, and what is no such file is told in a sentence."""

from __future__ import annotations

import json

import pytest
import torch

from ganverse_nb.runtime.tensors import load_tensors, save_tensors


def load(path, format="letters 1"):
    return load_tensors(path, format, "alphabet", "write it again")


def test_tensors_and_facts_come_back(tmp_path):
    tensors = {"a": torch.rand(3, 4).T, "b": torch.arange(3), "c.exact": torch.rand(2)}
    save_tensors(tmp_path / "new" / "x.safetensors", tensors, "letters 1", {"name": "abc", "sizes": {"a": [4, 3]}})
    found, facts = load(tmp_path / "new" / "x.safetensors")
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items()) and len(found) == 3
    assert facts["name"] == "abc" and json.loads(facts["sizes"]) == {"a": [4, 3]}
    save_tensors(tmp_path / "x.safetensors", tensors, "letters 1", half=True, exact=("c.",))
    found, _ = load(tmp_path / "x.safetensors")
    assert [found[name].dtype for name in "ab"] == [torch.float16, torch.int64] and found[
        "c.exact"
    ].dtype == torch.float


def test_what_is_no_such_file_is_told(tmp_path):
    path = tmp_path / "x.safetensors"
    with pytest.raises(FileNotFoundError, match=r"No alphabet at .*x.safetensors; write it again\."):
        load(path)
    save_tensors(path, {"a": torch.zeros(1000)}, "letters 1")
    with pytest.raises(ValueError, match="is no alphabet: its format is 'letters 1', here 'letters 2' is needed"):
        load(path, "letters 2")
    whole = path.read_bytes()
    path.write_bytes(whole[:500])
    with pytest.raises(ValueError, match="is damaged, not a whole safetensors file .*; write it again"):
        load(path)
    for other in (b"", whole[:5], b"GIF89a" * 20):
        path.write_bytes(other)
        with pytest.raises(ValueError, match="is no alphabet: it is damaged or has another content; write it again"):
            load(path)
