"""Exported meshes, read back with another library."""

import dataclasses

import numpy as np
import pytest
import torch
import trimesh

from ganverse_nb.geometry.export import save_mesh
from ganverse_nb.geometry.mesh import Mesh, uv_sphere


@pytest.fixture
def sphere():
    """A sphere whose texture says where it is: red grows with u, green with v."""
    height, width = 32, 64
    v, u = 1 - (torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width
    texture = torch.stack([u.expand(height, width), v[:, None].expand(height, width), torch.zeros(height, width)])
    return dataclasses.replace(uv_sphere(), texture=texture[None])


@pytest.mark.parametrize("suffix", [".glb", ".obj"])
def test_another_library_reads_the_same_mesh(sphere, suffix, tmp_path):
    path = save_mesh(sphere, tmp_path / f"car{suffix}")
    read = trimesh.load(path, force="mesh", process=False)
    triangles = sphere.vertices[0, sphere.faces].numpy()
    assert np.allclose(read.vertices[read.faces], triangles, atol=1e-6)
    assert np.allclose(read.visual.uv[read.faces], sphere.face_uvs.numpy(), atol=1e-6)
    assert read.volume > 0  # faces look outwards


@pytest.mark.parametrize("suffix", [".glb", ".obj"])
def test_the_texture_is_where_it_belongs(sphere, suffix, tmp_path):
    path = save_mesh(sphere, tmp_path / f"car{suffix}")
    material = trimesh.load(path, force="mesh", process=False).visual.material
    picture = np.asarray(getattr(material, "baseColorTexture", None) or material.image)[..., :3]
    assert picture.shape == (32, 64, 3)
    assert picture[0, 0, 1] > 240 and picture[-1, 0, 1] < 15  # v = 1 is the top row, in trimesh as here
    assert picture[0, 0, 0] < 15 and picture[0, -1, 0] > 240


def test_corners_share_vertices_except_across_the_seam(sphere, tmp_path):
    read = trimesh.load(save_mesh(sphere, tmp_path / "car.glb"), force="mesh", process=False)
    # 20 rings are split once along the seam, and each pole has the u of each of its 32 faces
    assert len(read.vertices) == 20 * 33 + 2 * 32


def test_a_mesh_without_texture(sphere, tmp_path):
    bare = Mesh(sphere.vertices, sphere.faces)
    for suffix in (".glb", ".obj"):
        assert len(trimesh.load(save_mesh(bare, tmp_path / f"a{suffix}"), force="mesh", process=False).faces) == 1280


def test_nothing_else_is_left_behind(sphere, tmp_path):
    save_mesh(sphere, tmp_path / "car.obj")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["car.mtl", "car.obj", "car.png"]


def test_bad_input(sphere, tmp_path):
    with pytest.raises(ValueError, match="batch of 2"):
        save_mesh(sphere[[0, 0]], tmp_path / "a.glb")
    with pytest.raises(ValueError, match="a.stl.*glb or .obj"):
        save_mesh(sphere, tmp_path / "a.stl")
