"""Exported meshes, read back with another library and with our own reader."""

import dataclasses

import numpy as np
import pytest
import torch
import trimesh

from ganverse_nb.geometry.export import load_mesh, save_mesh
from ganverse_nb.geometry.mesh import Mesh, join_meshes, uv_sphere
from ganverse_nb.render.texture import sample_texture


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
    assert sorted(p.name for p in tmp_path.iterdir()) == ["car.mtl", "car.obj", "car_texture.png"]


def test_a_picture_of_the_same_name_stays_as_it_is(sphere, tmp_path):
    """The photograph that the mesh was made of, often."""
    (tmp_path / "car.png").write_bytes(b"a photograph")
    for _ in range(2):  # also over its earlier self
        assert load_mesh(save_mesh(sphere, tmp_path / "car.obj")).texture.shape == (1, 3, 32, 64)
    assert (tmp_path / "car.png").read_bytes() == b"a photograph"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["car.mtl", "car.obj", "car.png", "car_texture.png"]


@pytest.mark.parametrize("taken", ["car.mtl", "car_texture.png"])
@pytest.mark.parametrize("earlier", [None, "v 0 0 0\n", "mtllib other.mtl\n"])
def test_files_of_others_are_never_overwritten(sphere, taken, earlier, tmp_path):
    (tmp_path / taken).write_bytes(b"somebody's")
    if earlier is not None:
        (tmp_path / "car.obj").write_text(earlier)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=f"car.obj comes with a file {taken}, and there is one already") as failure:
        save_mesh(sphere, tmp_path / "car.obj")
    assert len(str(failure.value).splitlines()) == 1
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    save_mesh(sphere, tmp_path / "car.glb")  # has no companions
    save_mesh(Mesh(sphere.vertices, sphere.faces), tmp_path / "car.obj")  # without a texture neither


def test_a_mesh_of_an_earlier_version_is_read_and_overwritten(sphere, tmp_path):
    """Its picture was called as it is itself."""
    path = save_mesh(sphere, tmp_path / "car.obj")
    (tmp_path / "car_texture.png").rename(tmp_path / "car.png")
    library = tmp_path / "car.mtl"
    library.write_text(library.read_text().replace("car_texture", "car"))
    path.write_text(path.read_text().replace("car_texture", "car"))
    assert load_mesh(path).texture.shape == (1, 3, 32, 64)
    (tmp_path / "car_texture.png").write_bytes(b"a photograph")
    with pytest.raises(ValueError, match="comes with a file car_texture.png"):
        save_mesh(sphere, path)
    (tmp_path / "car_texture.png").unlink()
    old = (tmp_path / "car.png").read_bytes()
    save_mesh(dataclasses.replace(sphere, texture=sphere.texture.flip(1)), path)
    assert (tmp_path / "car.png").read_bytes() == old and load_mesh(path).texture[0, 2, 0, -1] > 0.9


NAMES = ["car #2", "a  b", "a\\b", "-s 2", "my car", "-clamp on", "a\tb", "a\nb", "#", "\u8eca", "caf\udce9", "a" * 251]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("suffix", [".glb", ".obj"])
def test_whatever_a_mesh_is_called_it_comes_back(sphere, name, suffix, tmp_path):
    path = save_mesh(sphere, tmp_path / f"{name}{suffix}")
    read = load_mesh(path)
    assert path.is_file() and (read.texture - sphere.texture).abs().max() <= 0.5 / 255 + 1e-6
    save_mesh(dataclasses.replace(sphere, texture=sphere.texture.flip(1)), path)
    assert (load_mesh(path).texture - sphere.texture.flip(1)).abs().max() <= 0.5 / 255 + 1e-6
    assert len(list(tmp_path.iterdir())) == (1 if suffix == ".glb" else 3)


def test_meshes_of_names_that_are_alike_share_no_companions(sphere, tmp_path):
    names = ["car 2", "car_2", "car#2", "car  2", "a" * 60 + "1", "a" * 60 + "2"]
    for red, name in enumerate(names):
        save_mesh(dataclasses.replace(sphere, texture=torch.full((1, 3, 4, 4), red / 10)), tmp_path / f"{name}.obj")
    for red, name in enumerate(names):
        assert load_mesh(tmp_path / f"{name}.obj").texture.mean() == pytest.approx(red / 10, abs=0.002)


@pytest.mark.parametrize("suffix", [".glb", ".obj"])
def test_a_folder_is_no_place_for_a_mesh(sphere, suffix, tmp_path):
    (tmp_path / f"car{suffix}").mkdir()
    with pytest.raises(IsADirectoryError, match=f"car{suffix}"):
        save_mesh(sphere, tmp_path / f"car{suffix}")
    assert [p.name for p in tmp_path.iterdir()] == [f"car{suffix}"]


def test_bad_input(sphere, tmp_path):
    with pytest.raises(ValueError, match="batch of 2"):
        save_mesh(sphere[[0, 0]], tmp_path / "a.glb")
    with pytest.raises(ValueError, match="a.stl.*glb or .obj"):
        save_mesh(sphere, tmp_path / "a.stl")
    broken = Mesh(torch.full_like(sphere.vertices, float("nan")), sphere.faces)
    with pytest.raises(ValueError, match="not finite"):
        save_mesh(broken, tmp_path / "a.glb")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".glb", ".obj"])
def test_what_was_saved_comes_back(sphere, suffix, tmp_path):
    read = load_mesh(save_mesh(sphere, tmp_path / f"car{suffix}"))
    assert len(read) == 1 and read.vertices.shape == (1, 642, 3) and read.faces.dtype == torch.int64
    torch.testing.assert_close(read.vertices, sphere.vertices, atol=1e-7, rtol=0)  # in its order, the seam closed
    assert torch.equal(read.faces, sphere.faces)
    torch.testing.assert_close(read.face_uvs, sphere.face_uvs, atol=1e-6, rtol=0)
    assert (read.texture - sphere.texture).abs().max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("suffix", [".glb", ".obj"])
def test_a_mesh_without_texture_comes_back(sphere, suffix, tmp_path):
    read = load_mesh(save_mesh(Mesh(sphere.vertices, sphere.faces), tmp_path / f"car{suffix}"))
    assert torch.equal(read.faces, sphere.faces) and read.texture is None and read.face_uvs is None


def test_texture_coordinates_without_a_picture_are_left_out(tmp_path):
    corners = "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nf 1/1 2/2 3/3\n"
    (tmp_path / "bare.obj").write_text(corners)
    read = load_mesh(tmp_path / "bare.obj")
    assert read.faces.tolist() == [[0, 1, 2]] and read.texture is None and read.face_uvs is None


def test_parts_are_placed_and_joined(tmp_path):
    scene = trimesh.Scene()
    for x in (0.0, 3.0):
        scene.add_geometry(trimesh.creation.box(), transform=trimesh.transformations.translation_matrix([x, 0, 0]))
    scene.export(tmp_path / "two.glb")
    read = load_mesh(tmp_path / "two.glb")
    assert read.vertices.shape == (1, 16, 3) and read.faces.shape == (24, 3)
    assert read.vertices.amin(1).tolist() == [[-0.5] * 3] and read.vertices.amax(1).tolist() == [[3.5, 0.5, 0.5]]


def test_pictures_of_several_parts_become_one_texture(sphere, tmp_path):
    scene = trimesh.Scene()
    for name, texture in (("a", sphere.texture), ("b", sphere.texture.flip(1))):
        save_mesh(dataclasses.replace(sphere, texture=texture), tmp_path / f"{name}.glb")
        scene.add_geometry(trimesh.load_mesh(tmp_path / f"{name}.glb", process=False))
    scene.export(tmp_path / "both.glb")
    mesh = load_mesh(tmp_path / "both.glb")
    uvs = mesh.face_uvs.mean(1)[None, None]  # in the middle of each face
    found = sample_texture(mesh.texture, uvs)[0, :, 0].unflatten(1, (2, -1))
    wanted = sample_texture(sphere.texture, sphere.face_uvs.mean(1)[None, None])[0, :, 0]
    for colors in (wanted, wanted.flip(0)):
        assert min((found[:, part] - colors).abs().max() for part in range(2)) < 0.02


def test_one_mesh_with_faces_of_its_own_is_saved_and_shown(sphere, tmp_path):
    """As `join_meshes` gives it."""
    own = Mesh(sphere.vertices, sphere.faces[None], sphere.face_uvs[None], sphere.texture)
    for mesh in (own, join_meshes([sphere])):
        for suffix in (".glb", ".obj"):
            assert torch.equal(load_mesh(save_mesh(mesh, tmp_path / f"a{suffix}")).faces, sphere.faces)


@pytest.mark.parametrize("suffix", [".glb", ".obj"])
def test_damaged_files_are_one_sentence(sphere, suffix, tmp_path):
    whole = save_mesh(sphere, tmp_path / f"car{suffix}").read_bytes()
    path = tmp_path / f"broken{suffix}"
    for data in (b"", b"not a mesh at all", bytes(range(256)) * 4, whole[:300]):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=f"broken{suffix} (is damaged|holds no triangles)") as failure:
            load_mesh(path)
        assert len(str(failure.value).splitlines()) == 1


def test_every_way_of_cutting_a_file_is_an_error(sphere, tmp_path):
    whole, path = save_mesh(sphere, tmp_path / "car.glb").read_bytes(), tmp_path / "cut.glb"
    for length in torch.randint(len(whole) - 8, (40,), generator=torch.Generator().manual_seed(0)).tolist():
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="cut.glb"):
            load_mesh(path)


@pytest.mark.parametrize("lost", ["car.mtl", "car_texture.png"])
def test_a_lost_picture_is_an_error(sphere, lost, tmp_path):
    save_mesh(sphere, tmp_path / "car.obj")
    (tmp_path / lost).unlink()
    with pytest.raises(ValueError, match="car.obj names a picture that is missing or damaged"):
        load_mesh(tmp_path / "car.obj")


def test_a_broken_picture_inside_is_an_error(sphere, tmp_path):
    path = save_mesh(sphere, tmp_path / "car.glb")
    path.write_bytes(path.read_bytes().replace(b"\x89PNG", b"\x89QNG"))
    with pytest.raises(ValueError, match="car.glb names a picture that is missing or damaged"):
        load_mesh(path)


def test_other_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no mesh at .*nothing.glb"):
        load_mesh(tmp_path / "nothing.glb")
    with pytest.raises(ValueError, match="car.stl.*read from .glb or .obj"):
        load_mesh(tmp_path / "car.stl")
    (tmp_path / "points.obj").write_text("v 0 0 0\nv 1 0 0\n")
    with pytest.raises(ValueError, match="points.obj holds no triangles"):
        load_mesh(tmp_path / "points.obj")
    (tmp_path / "wrong.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 nan 0\nf 1 2 3\n")
    with pytest.raises(ValueError, match="wrong.obj is damaged: a vertex is not finite"):
        load_mesh(tmp_path / "wrong.obj")
