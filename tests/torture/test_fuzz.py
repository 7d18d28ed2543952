"""Hypothesis draws pictures, meshes and settings that nobody would write: each is read, or refused in one sentence."""

from __future__ import annotations

import codecs
import json
import os
import sys
import time
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from ganverse_nb.categories import find_category
from ganverse_nb.config import as_json, load_config
from ganverse_nb.data.masks import as_mask
from ganverse_nb.data.photo import read_photo
from ganverse_nb.data.pictures import read_picture
from ganverse_nb.gan.checkpoint import load_generator
from ganverse_nb.geometry.export import load_mesh
from ganverse_nb.runtime import picture_files
from ganverse_nb.runtime.files import read_json
from tests.gan.attacks import Watch, whole_files
from tests.torture import page, resident
from tests.torture.fuzz import (
    LEAVES,
    OBJ_LINES,
    as_glb,
    changed,
    check,
    damaged,
    damaged_pickle,
    glb_parts,
    pictures,
)

SHORT, AT_ONCE = 12, 500  # files of each kind, and of each seed where they are many
MINUTES = float(os.environ.get("MINUTES", "10"))
PIXELS = 1_000_000  # that may be decoded here, so that a lie about a size costs no second
MEMORY = 2 << 30  # bytes: docs/untrusted_input.md
MUG = {"name": "mug", "coco": "cup", "template": [0.3, 0.3, 0.4], "symmetry": "none", "images": "photos", "views": 12}
FILES = pictures()
NETWORKS = whole_files()
watch = Watch()


def look_at_picture(folder, draw):
    kind = draw(st.sampled_from(sorted(FILES)))
    path = folder / f"a.{draw(st.sampled_from(['png', 'tga']))}"
    path.write_bytes(draw(damaged(FILES[kind])))
    read = check(lambda: read_photo(path, 16))
    if read:
        shown = read_picture(path, 16, fit=True) if check(lambda: read_picture(path, 16, fit=True)) else torch.zeros(1)
        assert shown.min() >= 0 and shown.max() <= 1
    check(lambda: as_mask(path, (32, 24)))
    return read


def look_at_glb(folder, draw):
    tree, binary = glb_parts(folder)
    path = folder / "a.glb"
    whole = as_glb(draw(changed(tree)), binary)
    path.write_bytes(whole if draw(st.booleans()) else draw(damaged(whole)))
    return _look_at_mesh(path)


def look_at_obj(folder, draw):
    (folder / "t.png").write_bytes(FILES["PNG"])
    (folder / "whole.mtl").write_text("\n".join(["newmtl a", "map_Kd t.png", *draw(st.lists(OBJ_LINES, max_size=3))]))
    begin = [
        "mtllib whole.mtl",
        "v 0 0 0",
        "v 1 0 0",
        "v 1 1 0",
        "v 0 1 0",
        "vt 0 0",
        "vt 1 1",
        "usemtl a",
        "f 1/1 2/2 3/1",
    ]
    lines = draw(st.permutations(begin)) if draw(st.booleans()) else begin
    path = folder / "a.obj"
    path.write_bytes("\n".join([*lines, *draw(st.lists(OBJ_LINES, max_size=6))]).encode("utf-8", "surrogatepass"))
    return _look_at_mesh(path)


def look_at_category(folder, draw):
    content = draw(changed(MUG))
    lines = [f"{key} = {json.dumps(value)}" for key, value in content.items()]
    path = folder / "mug.toml"
    path.write_bytes(draw(damaged("\n".join(lines).encode())) if draw(st.booleans()) else "\n".join(lines).encode())
    return check(lambda: find_category(path)) | check(lambda: find_category(content))


def look_at_settings(folder, draw):
    whole = as_json(load_config("smoke"))
    names = [f"{part}.{name}" for part, values in whole.items() if isinstance(values, dict) for name in values]
    given_ = {draw(st.sampled_from(names) | st.text(max_size=8)): draw(LEAVES) for _ in range(draw(st.integers(1, 3)))}
    known = check(lambda: as_json(load_config("smoke", "car", draw(st.just(0) | LEAVES), given_)))
    path = folder / "a.json"
    path.write_bytes(draw(damaged(json.dumps(given_).encode())))
    return check(lambda: read_json(path)) | known


def _look_at_mesh(path):
    """A mesh that was read is one: finite, its faces of vertices that are there."""
    whole, shape = (check(partial(_sound, path, shape_only)) for shape_only in (False, True))
    return whole or shape


def _sound(path, shape_only):
    mesh = load_mesh(path, shape_only)
    assert torch.isfinite(mesh.vertices).all() and len(mesh.faces)
    assert int(mesh.faces.min()) >= 0 and int(mesh.faces.max()) < mesh.vertices.shape[1]
    assert mesh.face_uvs is None or np.isfinite(mesh.face_uvs.numpy()).all()


def look_at_network(folder, draw):
    path = folder / "network.pkl"
    path.write_bytes(draw(damaged_pickle(NETWORKS[draw(st.sampled_from(sorted(NETWORKS)))])))
    modules = set(sys.modules)
    watch.awake = True
    try:
        return check(lambda: _finite(load_generator(path)))
    finally:
        watch.awake = False
        assert not watch.seen and set(sys.modules) == modules and os.listdir(folder) == [path.name]


def _finite(generator):
    assert all(torch.isfinite(weight).all() for weight in generator.state_dict().values())


LOOKS = {  # what is looked at -> by what, and its share of the time
    "pictures": (look_at_picture, 1.0),
    ".glb": (look_at_glb, 0.5),
    ".obj": (look_at_obj, 0.5),
    "networks of others": (look_at_network, 1.0),
    "categories (TOML)": (look_at_category, 0.1),
    "settings (JSON)": (look_at_settings, 0.1),
}


@dataclass
class Seen:
    """How many files were looked at, how many of them read; the most that one took."""

    files: int = 0
    read: int = 0
    seconds: float = 0.0
    memory: int = 0


def fuzz(look, folder, files, number, seen):
    @seed(number)
    @settings(max_examples=files, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def run(data):
        begun, before = time.process_time(), resident.now()
        seen.read += bool(look(folder, data.draw))
        seen.files += 1
        seen.seconds = max(seen.seconds, time.process_time() - begun)
        seen.memory = max(seen.memory, resident.peak() - before)

    resident.forget_peak()
    run()
    assert seen.memory < MEMORY


@pytest.fixture(autouse=True)
def few_pixels(monkeypatch):
    monkeypatch.setattr(picture_files, "MOST_PIXELS", PIXELS)


@pytest.fixture(scope="module", autouse=True)
def loaded(tmp_path_factory):
    """What Python imports of its own where the first file of a kind is read is there before any is watched."""
    path = tmp_path_factory.mktemp("whole") / "network.pkl"
    for codec in ("raw-unicode-escape", "cp437"):
        codecs.lookup(codec)
    for whole in NETWORKS.values():
        path.write_bytes(whole)
        load_generator(path)


@pytest.mark.parametrize("name", LOOKS)
def test_some_files(name, tmp_path):
    seen = Seen()
    fuzz(LOOKS[name][0], tmp_path, SHORT, 0, seen)
    assert seen.files >= SHORT


@pytest.mark.torture
@pytest.mark.parametrize("name", LOOKS)
def test_many_files(name, tmp_path):
    look, share = LOOKS[name]
    seen, number, begun = Seen(), 0, time.monotonic()
    while (spent := time.monotonic() - begun) < 60 * MINUTES * share:
        number += 1
        fuzz(look, tmp_path, AT_ONCE, number, seen)
    page.record("fuzzing", name, {
        "minutes": f"{spent / 60:.1f}", "files": seen.files, "read": seen.read, "sentences": seen.files - seen.read,
        "slowest": f"{seen.seconds:.1f} s", "memory": f"{seen.memory >> 20} MB",
    })  # fmt: skip
    assert 0 < seen.read < seen.files
