"""Files of tensors: what is written comes back, and what is no such file is told in a sentence."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from ganverse_nb.runtime import tensors as module
from ganverse_nb.runtime.errors import DamagedError, sentence
from ganverse_nb.runtime.files import sha256
from ganverse_nb.runtime.tensors import BLOCK, SCALE, load_tensors, made_from, packed, save_tensors, unpacked
from tests.runtime.test_checkpoints import full_disk


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


def test_every_flipped_byte_is_found_or_harmless(tmp_path):
    path = tmp_path / "x.safetensors"
    tensors = {"a": torch.arange(20.0).view(4, 5), "b": torch.arange(9, dtype=torch.uint8)}
    save_tensors(path, tensors, "letters 1", {"name": "abc"})
    whole, refused = path.read_bytes(), 0
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            found, facts = load(path)
        except ValueError as error:
            assert str(path) in str(error) and str(error).endswith("write it again.")
            refused += 1
        else:  # of spaces and such
            assert all(torch.equal(found[k], v) for k, v in tensors.items()) and facts["name"] == "abc"
    assert refused > 0.9 * len(whole)


def test_exchanged_content_of_the_same_shape_is_found(tmp_path):
    path = tmp_path / "x.safetensors"
    save_tensors(path, {"a": torch.ones(4), "b": torch.zeros(4)}, "letters 1")
    metadata = {"format": "letters 1", "checksum": module.checksum({}, {})}
    save_file({"a": torch.zeros(4), "b": torch.ones(4)}, path, metadata)
    with pytest.raises(DamagedError, match="damaged: its content has changed since it was written; write it again"):
        load(path)


def test_files_of_earlier_versions_have_no_checksum_and_those_of_the_package_a_known_one(tmp_path, monkeypatch):
    path = tmp_path / "x.safetensors"
    save_file({"a": torch.ones(4)}, path, {"format": "letters 1"})
    assert load(path)[0]["a"].tolist() == [1.0] * 4
    known = sha256(path)
    monkeypatch.setattr(module, "known_sha256", lambda path: known)
    assert load(path)[0]["a"].tolist() == [1.0] * 4
    save_file({"a": torch.zeros(4)}, path, {"format": "letters 1"})
    with pytest.raises(DamagedError, match="damaged: its content has changed.*; install the package again"):
        load(path)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_numbers_that_are_not_finite_are_neither_written_nor_taken(tmp_path, dtype):
    path = tmp_path / "x.safetensors"
    for bad in (float("nan"), float("inf")):
        tensors = {"a": torch.ones(3), "b": torch.tensor([1.0, bad]).to(dtype)}
        with pytest.raises(ValueError, match="is not written: b holds numbers that are not finite"):
            save_tensors(path, tensors, "letters 1")
        assert not list(tmp_path.iterdir())
        save_file(tensors, path, {"format": "letters 1"})
        with pytest.raises(DamagedError, match="damaged: b holds numbers that are not finite; write it again"):
            load(path)
        path.unlink()
    with pytest.raises(ValueError, match="is not written: a holds"):
        save_tensors(path, {"a": torch.tensor([1e5])}, "letters 1", half=True)  # larger than float16 can hold


def test_what_is_missing_is_told_when_it_is_asked_for(tmp_path):
    path = tmp_path / "x.safetensors"
    save_tensors(path, {"a": torch.ones(3)}, "letters 1")
    found, facts = load(path)
    for entries in (found, facts):
        with pytest.raises(DamagedError, match="x.safetensors is no whole alphabet: it holds no 'z'; write it again"):
            entries["z"]
    assert facts.get("z", "none") == "none"


@pytest.mark.parametrize(
    "build",
    [
        lambda: torch.nn.Linear(1 << 14, 1 << 14),
        lambda: torch.zeros(1 << 10, 1 << 10, 1 << 10),
        lambda: torch.full((1 << 30,), 0.0),
        lambda: torch.arange(1 << 30),
        lambda: [torch.nn.Linear(1, 1) for _ in range(10**6)],
    ],
)
def test_metadata_cannot_make_networks_larger_than_their_file(tmp_path, build):
    told = "x does not hold a usable thing .*far larger than the file.; write it again"
    with pytest.raises(DamagedError, match=told), made_from({"a": torch.ones(100)}, "x", "thing", "write it again"):
        build()


def test_a_network_of_the_size_of_its_file_is_made_and_what_fails_is_a_sentence(tmp_path):
    network = torch.nn.Linear(2000, 2000)
    with made_from(network.state_dict(), "x", "thing", "write it again"):
        torch.nn.Linear(2000, 2000).load_state_dict(network.state_dict())
    told = "x does not hold a usable thing .*size mismatch.*; write it again"
    with pytest.raises(DamagedError, match=told), made_from(network.state_dict(), "x", "thing", "write it again"):
        torch.nn.Linear(20, 20).load_state_dict(network.state_dict())


def test_scales_that_do_not_fit_are_refused(tmp_path):
    tensors = packed({"a": torch.rand(5000)})
    for wrong in (tensors["a" + SCALE][:-1], torch.ones(10**6), torch.ones(40, 1)):
        save_tensors(tmp_path / "x.safetensors", tensors | {"a" + SCALE: wrong}, "letters 1")
        with pytest.raises(DamagedError, match="does not hold a usable alphabet .*5000 numbers and .* scales"):
            load(tmp_path / "x.safetensors")


def test_a_full_disk_is_told_with_the_files_name(tmp_path):
    path = tmp_path / "x.safetensors"
    save_tensors(path, {"a": torch.ones(3)}, "letters 1")
    with full_disk(after=4000), pytest.raises(OSError) as caught:
        save_tensors(path, {"a": torch.ones(5000)}, "letters 1")
    assert sentence(caught.value).startswith(f"{path}: the system does not allow a file of this size; raise the limit")
    assert load_file(path)["a"].shape == (3,) and len(list(tmp_path.iterdir())) == 1
