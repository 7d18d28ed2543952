"""Files of tensors: what is written comes back, and what is no such file is told in a sentence."""

from __future__ import annotations

import json

import pytest
import torch

from ganverse_nb.runtime.tensors import BLOCK, load_tensors, packed, save_tensors, unpacked


def load(path, format="letters 1"):
    return load_tensors(path, format, "alphabet", "write it again")


def test_tensors_and_facts_come_back(tmp_path):
    tensors = {"a": torch.rand(3, 4).T, "b": torch.arange(3), "c": torch.rand(2)}
    save_tensors(tmp_path / "new" / "x.safetensors", tensors, "letters 1", {"name": "abc", "sizes": {"a": [4, 3]}})
    found, facts = load(tmp_path / "new" / "x.safetensors")
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items()) and len(found) == 3
    assert facts["name"] == "abc" and json.loads(facts["sizes"]) == {"a": [4, 3]}
    save_tensors(tmp_path / "x.safetensors", tensors, "letters 1", half=True)
    found, _ = load(tmp_path / "x.safetensors")
    assert [found[name].dtype for name in "abc"] == [torch.float16, torch.int64, torch.float16]


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


def test_packed_numbers_are_off_by_half_a_step_of_their_block_at_most(tmp_path):
    rng = torch.Generator().manual_seed(0)
    scales = torch.logspace(-6, 3, 50)[:, None]
    tensors = {
        "large": torch.randn(50, 301, generator=rng) * scales,
        "small": torch.rand(7),
        "whole": torch.arange(9000),
    }
    tensors["zero"] = torch.zeros(5000)
    found = unpacked(packed(tensors))
    flat, back = tensors["large"].flatten(), found["large"].flatten()
    for start in range(0, len(flat), BLOCK):
        block = slice(start, start + BLOCK)
        assert (flat[block] - back[block]).abs().max() <= flat[block].abs().max() / 253
    assert found["large"].dtype == torch.float32 and found["large"].shape == (50, 301)
    assert all(torch.equal(found[name], tensors[name]) for name in ("small", "whole", "zero"))
    assert set(found) == set(tensors)


def test_a_packed_file_is_a_quarter_of_the_size_and_is_loaded_as_any_other(tmp_path):
    tensors = {"large": torch.randn(400, 500)}
    save_tensors(tmp_path / "plain.safetensors", tensors, "a test")
    save_tensors(tmp_path / "packed.safetensors", packed(tensors), "a test")
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("packed", "plain")]
    assert sizes[0] < 0.27 * sizes[1]
    found, _ = load_tensors(tmp_path / "packed.safetensors", "a test", "test", "test again")
    assert (found["large"] - tensors["large"]).abs().max() < 0.03
