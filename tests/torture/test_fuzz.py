"""Hypothesis draws pictures, meshes and settings that nobody would write: each is read, or refused in one sentence."""

from __future__ import annotations

import json
import resource
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganverse_nb.categories import find_category
from ganverse_nb.config import as_json, load_config
from ganverse_nb.data.masks import as_mask
from ganverse_nb.data.photo import read_photo
from ganverse_nb.data.pictures import read_picture
from ganverse_nb.geometry.export import load_mesh
from ganverse_nb.runtime import picture_files
from ganverse_nb.runtime.files import read_json
from tests.torture.fuzz import LEAVES, OBJ_LINES, as_glb, changed, check, damaged, glb_parts, pictures

SHORT, LONG = 12, 20_000  # files of each kind
PIXELS = 1_000_000  # that may be decoded here, so that a lie about a size costs no second
MEMORY = 2 << 30  # bytes: docs/untrusted_input.md
MUG = {"name": "mug", "coco": "cup", "template": [0.3, 0.3, 0.4], "symmetry": "none", "images": "photos", "views": 12}
FILES = pictures()


def look_at_picture(folder, draw):
    kind = draw(st.sampled_from(sorted(FILES)))
    path = folder / f"a.{draw(st.sampled_from(['png', 'tga']))}"
    path.write_bytes(draw(damaged(FILES[kind])))
    if check(lambda: read_photo(path, 16)):
        shown = read_picture(path, 16, fit=True) if check(lambda: read_picture(path, 16, fit=True)) else torch.zeros(1)
        assert shown.min() >= 0 and shown.max() <= 1
    check(lambda: as_mask(path, (32, 24)))


def look_at_glb(folder, draw):
    tree, binary = glb_parts(folder)
    path = folder / "a.glb"
    whole = as_glb(draw(changed(tree)), binary)
    path.write_bytes(whole if draw(st.booleans()) else draw(damaged(whole)))
    _look_at_mesh(path)


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
    _look_at_mesh(path)


def look_at_category(folder, draw):
    content = draw(changed(MUG))
    lines = [f"{key} = {json.dumps(value)}" for key, value in content.items()]
    path = folder / "mug.toml"
    path.write_bytes(draw(damaged("\n".join(lines).encode())) if draw(st.booleans()) else "\n".join(lines).encode())
    check(lambda: find_category(path))
    check(lambda: find_category(content))


def look_at_settings(folder, draw):
    whole = as_json(load_config("smoke"))
    names = [f"{part}.{name}" for part, values in whole.items() if isinstance(values, dict) for name in values]
    given_ = {draw(st.sampled_from(names) | st.text(max_size=8)): draw(LEAVES) for _ in range(draw(st.integers(1, 3)))}
    check(lambda: as_json(load_config("smoke", "car", draw(st.just(0) | LEAVES), given_)))
    path = folder / "a.json"
    path.write_bytes(draw(damaged(json.dumps(given_).encode())))
    check(lambda: read_json(path))


def _look_at_mesh(path):
    """A mesh that was read is one: finite, its faces of vertices that are there."""
    for shape_only in (False, True):
        check(partial(_sound, path, shape_only))


def _sound(path, shape_only):
    mesh = load_mesh(path, shape_only)
    assert torch.isfinite(mesh.vertices).all() and len(mesh.faces)
    assert int(mesh.faces.min()) >= 0 and int(mesh.faces.max()) < mesh.vertices.shape[1]
    assert mesh.face_uvs is None or np.isfinite(mesh.face_uvs.numpy()).all()


LOOKS = (look_at_picture, look_at_glb, look_at_obj, look_at_category, look_at_settings)


def fuzz(look, folder, examples):
    quiet = {"deadline": None, "database": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}

    @settings(max_examples=examples, **quiet)
    @given(st.data())
    def run(data):
        look(folder, data.draw)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run()
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MEMORY


@pytest.fixture(autouse=True)
def few_pixels(monkeypatch):
    monkeypatch.setattr(picture_files, "MOST_PIXELS", PIXELS)


@pytest.mark.parametrize("look", LOOKS)
def test_some_files(look, tmp_path):
    fuzz(look, tmp_path, SHORT)


@pytest.mark.torture
@pytest.mark.parametrize("look", LOOKS)
def test_many_files(look, tmp_path):
    fuzz(look, tmp_path, LONG)
