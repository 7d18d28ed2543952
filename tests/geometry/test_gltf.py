"""glTF as others write it: placed, quantised, textured and compressed in every way, read right or refused by name."""

import math

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from ganverse_nb.geometry.export import load_mesh, save_mesh
from ganverse_nb.geometry.mesh import face_normals, uv_sphere
from ganverse_nb.render.texture import sample_texture
from tests.geometry.gltf_writer import CUBE, CUBE_FACES, SQUARE, SQUARE_FACES, SQUARE_UVS, Glb

QUARTERS = Image.fromarray(np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 0]]], np.uint8))
QUARTERS = QUARTERS.resize((32, 32), Image.Resampling.NEAREST)
"""Red and green above, blue and yellow below."""
RED, GREEN, BLUE, YELLOW = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 1.0, 0.0)


def volume(mesh):
    a, b, c = mesh.vertices[0].double()[mesh.faces].unbind(1)
    return float((a * torch.linalg.cross(b, c)).sum() / 6)


def colors(mesh, *points):
    """The colours of a mesh in the plane z = 0 at points (x, y)."""
    found = []
    for x, y in points:
        for corners, uvs in zip(mesh.vertices[0][mesh.faces].double(), mesh.face_uvs.double()):
            system = torch.cat([corners[:, :2].T, torch.ones(1, 3, dtype=torch.float64)])
            if torch.linalg.det(system).abs() < 1e-9:
                continue
            weights = torch.linalg.solve(system, torch.tensor([x, y, 1.0], dtype=torch.float64))
            if weights.min() > -1e-9:
                at = (weights @ uvs).view(1, 1, 1, 2).float()
                found.append(tuple(round(c, 2) for c in sample_texture(mesh.texture, at).flatten().tolist()))
                break
    return found


CORNERS = ((0.1, 0.9), (0.9, 0.9), (0.1, 0.1), (0.9, 0.1))


def square(**material):
    glb = Glb()
    return glb.part(SQUARE, SQUARE_FACES, TEXCOORD_0=SQUARE_UVS, material=glb.material(QUARTERS, **material))


# ---- where it stands


@pytest.mark.parametrize(
    ("node", "wanted", "low"),
    [
        ({"scale": [-1, 1, 1]}, 1.0, [-0.5, -0.5, -0.5]),
        ({"scale": [2, -3, 1], "translation": [1, 0, 0]}, 6.0, [0.0, -1.5, -0.5]),
        ({"scale": [-1, -1, -1]}, 1.0, [-0.5] * 3),
        ({"scale": [1e-4] * 3}, 1e-12, [-5e-5] * 3),
        ({"rotation": [0, 0, math.sqrt(0.5), math.sqrt(0.5)], "scale": [4, 1, 1]}, 4.0, [-0.5, -2.0, -0.5]),
        ({"matrix": [0, 2, 0, 0, 3, 0, 0, 0, 0, 0, 1, 0, 5, 0, 0, 1]}, 6.0, [3.5, -1.0, -0.5]),  # mirrors x and y
    ],
)
def test_nodes_place_and_mirror(node, wanted, low, tmp_path):
    glb = Glb(nodes=[{"mesh": 0, **node}]).part()
    mesh = load_mesh(glb.write(tmp_path / "a.glb"))
    assert volume(mesh) == pytest.approx(wanted, rel=1e-5)  # positive: it looks outwards
    assert torch.allclose(mesh.vertices[0].amin(0), torch.tensor(low), rtol=1e-5)


def test_children_stand_in_their_parents(tmp_path):
    nodes = [{"children": [1, 2], "scale": [1, 1, -2]}, {"mesh": 0, "translation": [2, 0, 0]}, {"mesh": 0}]
    mesh = load_mesh(Glb(nodes=nodes).part().write(tmp_path / "a.glb"))
    assert volume(mesh) == pytest.approx(4, rel=1e-6) and mesh.vertices[0].amax(0).tolist() == [2.5, 0.5, 1.0]


def test_only_the_scene_that_is_shown_counts(tmp_path):
    nodes = [{"mesh": 0}, {"mesh": 0, "scale": [9, 9, 9]}]
    scenes = [{"nodes": [1]}, {"nodes": [0]}]
    assert volume(load_mesh(Glb(nodes=nodes, scenes=scenes, scene=1).part().write(tmp_path / "a.glb"))) == 1


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint8", "uint16"])
def test_quantised_vertices(dtype, tmp_path):
    """KHR_mesh_quantization: normalised integers are numbers in [-1, 1] or [0, 1], others what they are."""
    top = np.iinfo(dtype).max
    signed = dtype.startswith("i")
    values = np.round((2 * CUBE if signed else CUBE + 0.5) * top).astype(dtype)
    values = np.concatenate([values, np.zeros((8, 4 - 3), dtype)], 1)[:, :3]
    extensions = {"extensionsUsed": ["KHR_mesh_quantization"], "extensionsRequired": ["KHR_mesh_quantization"]}
    mesh = load_mesh(Glb(**extensions).part(values, quantised=["POSITION"]).write(tmp_path / "a.glb"))
    assert volume(mesh) == pytest.approx(8 if signed else 1, rel=1e-5)
    plain = Glb(nodes=[{"mesh": 0, "scale": [1 / top] * 3}], **extensions).part(values)
    assert volume(load_mesh(plain.write(tmp_path / "b.glb"))) == pytest.approx(8 if signed else 1, rel=1e-5)


def test_strips_fans_and_no_indices(tmp_path):
    strip = Glb().part(SQUARE[[0, 1, 3, 2]], None, mode=5)
    fan = Glb().part(SQUARE, None, mode=6)
    soup = Glb().part(SQUARE[SQUARE_FACES.reshape(-1)], None)
    for index, glb in enumerate((strip, fan, soup)):
        mesh = load_mesh(glb.write(tmp_path / f"{index}.glb"))
        normals = face_normals(mesh.vertices, mesh.faces)[0]
        assert (normals[:, 2] == 1).all() and len(normals) == 2


def test_sparse_and_interleaved_vertices(tmp_path):
    glb = Glb().part(faces=CUBE_FACES.astype(np.uint8))
    mixed = np.concatenate([CUBE, np.full((8, 2), 7, np.float32)], 1)
    stretched = {"indices": {"bufferView": glb.view(bytes([0, 1, 2, 3])), "componentType": 5121}, "count": 4}
    stretched["values"] = {"bufferView": glb.view((CUBE[:4] - np.array([1, 0, 0], np.float32)).tobytes())}
    place = {"bufferView": glb.view(mixed.tobytes(), byteStride=20), "componentType": 5126, "count": 8, "type": "VEC3"}
    glb.tree["accessors"][0] = place | {"sparse": stretched}
    assert volume(load_mesh(glb.write(tmp_path / "a.glb"))) == pytest.approx(2)


def test_points_and_lines_beside_triangles_are_left_out(tmp_path):
    glb = Glb().part().part(mode=0, faces=None).part(mode=1, faces=None)
    assert len(load_mesh(glb.write(tmp_path / "a.glb")).faces) == 12


# ---- its colours


def test_a_picture_lies_as_its_coordinates_say(tmp_path):
    assert colors(load_mesh(square().write(tmp_path / "a.glb")), *CORNERS) == [RED, GREEN, BLUE, YELLOW]


@pytest.mark.parametrize(
    ("move", "wanted"),
    [
        ({"offset": [0.5, 0.0]}, [GREEN, RED, YELLOW, BLUE]),
        ({"offset": [0, 1], "scale": [1, -1]}, [BLUE, YELLOW, RED, GREEN]),  # the other way up
        ({"rotation": math.pi / 2, "offset": [0, 1]}, [BLUE, RED, YELLOW, GREEN]),  # turned clockwise
        ({"rotation": math.pi / 2, "offset": [0, 1], "scale": [0.5, 0.5]}, [BLUE] * 4),  # the lower left quarter
    ],
)
def test_pictures_are_moved_by_their_transform(move, wanted, tmp_path):
    glb = square(texture={"extensions": {"KHR_texture_transform": move}})
    assert colors(load_mesh(glb.write(tmp_path / "a.glb")), *CORNERS) == wanted


def test_any_set_of_coordinates_and_any_numbers(tmp_path):
    for texture in ({"texCoord": 1}, {"texCoord": 0, "extensions": {"KHR_texture_transform": {"texCoord": 1}}}):
        glb = Glb()
        second = np.round(SQUARE_UVS * 65535).astype(np.uint16)
        material = glb.material(QUARTERS, texture=texture)
        glb.part(
            SQUARE,
            SQUARE_FACES,
            TEXCOORD_0=0 * SQUARE_UVS,
            TEXCOORD_1=second,
            quantised=["TEXCOORD_1"],
            material=material,
        )
        assert colors(load_mesh(glb.write(tmp_path / "a.glb")), *CORNERS) == [RED, GREEN, BLUE, YELLOW]


def test_the_factor_of_the_base_colour_is_of_light(tmp_path):
    """It multiplies linear light: half of white is 188 of 255."""
    glb = square(factor=[0.5, 0.25, 1.0, 1.0])
    assert colors(load_mesh(glb.write(tmp_path / "a.glb")), *CORNERS) == [
        (0.74, 0.0, 0.0),
        (0.0, 0.54, 0.0),
        (0.0, 0.0, 1.0),
        (0.74, 0.54, 0.0),
    ]


@pytest.mark.parametrize("picture", [QUARTERS, None])
@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_colour_that_is_not_finite_is_refused(wrong, picture, tmp_path):
    glb = Glb()
    material = glb.material(picture, factor=[wrong, 0.5, 1.0, 1.0])
    glb.part(SQUARE, SQUARE_FACES, TEXCOORD_0=SQUARE_UVS, material=material)
    with pytest.raises(ValueError, match="a.glb is damaged: a colour of a material is not finite"):
        load_mesh(glb.write(tmp_path / "a.glb"))
    assert load_mesh(tmp_path / "a.glb", shape_only=True).faces.shape == (2, 3)


@pytest.mark.parametrize("bits", [8, 16])
def test_grey_pictures_of_every_depth(bits, tmp_path):
    grey = np.array([[0, 51], [102, 255]], np.uint16).repeat(16, 0).repeat(16, 1)
    picture = Image.fromarray(grey * 257) if bits == 16 else Image.fromarray(grey.astype(np.uint8))
    glb = Glb()
    glb.part(SQUARE, SQUARE_FACES, TEXCOORD_0=SQUARE_UVS, material=glb.material(picture))
    assert colors(load_mesh(glb.write(tmp_path / "a.glb")), *CORNERS) == [(v, v, v) for v in (0.0, 0.2, 0.4, 1.0)]


@pytest.mark.parametrize(
    ("wrap", "wanted"),
    [
        (10497, [RED, BLUE, RED, BLUE]),  # repeated
        (33648, [BLUE, RED, RED, BLUE]),  # mirrored
        (33071, [RED, RED, RED, BLUE]),  # its edge goes on
    ],
)
@pytest.mark.parametrize("axis", [0, 1])
def test_a_picture_goes_on_as_its_sampler_says(axis, wrap, wanted, tmp_path):
    """From one picture before it to its end."""
    glb = Glb()
    uvs = SQUARE_UVS.copy()
    uvs[:, axis] = 2 * uvs[:, axis] - 1
    picture = QUARTERS if axis == 1 else QUARTERS.transpose(Image.Transpose.TRANSPOSE)
    glb.part(
        SQUARE, SQUARE_FACES, TEXCOORD_0=uvs, material=glb.material(picture, sampler={"wrapS": wrap, "wrapT": wrap})
    )
    way = [(0.1, y) for y in (0.9, 0.6, 0.4, 0.1)] if axis == 1 else [(x, 0.9) for x in (0.1, 0.4, 0.6, 0.9)]
    assert colors(load_mesh(glb.write(tmp_path / "a.glb")), *way) == wanted


def test_parts_with_other_pictures_and_plain_ones_become_one_texture(tmp_path):
    glb = Glb()
    green = Image.new("RGB", (8, 4), (0, 255, 0))
    for shift, material in enumerate(
        (glb.material(QUARTERS), glb.material(factor=[0.5, 0, 0, 1]), glb.material(green))
    ):
        place = SQUARE + np.array([shift, 0, 0], np.float32)
        glb.part(place, SQUARE_FACES, TEXCOORD_0=SQUARE_UVS, material=material)
    mesh = load_mesh(glb.write(tmp_path / "a.glb"))
    assert colors(mesh, *CORNERS) == [RED, GREEN, BLUE, YELLOW]
    for y in (0.001, 0.5, 0.999):  # nothing of one mixes with the next
        assert colors(mesh, (1.5, y), (2.5, y)) == [(0.74, 0.0, 0.0), GREEN]
    again = load_mesh(save_mesh(mesh, tmp_path / "b.glb"))
    assert torch.equal(again.texture, mesh.texture) and torch.allclose(again.face_uvs, mesh.face_uvs)


def two_parts(paint, factor=None, picture=QUARTERS):
    """A square with a picture, and one of colours of its vertices beside it."""
    glb = square() if picture else Glb().part(SQUARE, SQUARE_FACES)
    beside = SQUARE + np.array([1, 0, 0], np.float32)
    return glb.part(beside, SQUARE_FACES, COLOR_0=paint, quantised=("COLOR_0",), material=glb.material(factor=factor))


@pytest.mark.parametrize(
    ("paint", "factor", "wanted"),
    [
        (np.array([[0, 0, 255, 255]] * 4, np.uint8), None, BLUE),
        (np.array([[0, 0, 128, 255]] * 4, np.uint8), None, (0.0, 0.0, 0.74)),  # of light, as glTF means it
        (np.array([[0, 0.5, 1]] * 4, np.float32), [1.0, 0.5, 0.0, 1.0], (0.0, 0.54, 0.0)),
    ],
)
def test_a_part_of_one_painted_colour_keeps_it_beside_a_picture(paint, factor, wanted, tmp_path):
    mesh = load_mesh(two_parts(paint, factor).write(tmp_path / "a.glb"))
    assert colors(mesh, *CORNERS, (1.5, 0.5)) == [RED, GREEN, BLUE, YELLOW, wanted]


def test_one_painted_colour_on_a_picture_is_of_light_as_its_factor(tmp_path):
    glb = square(factor=[0.5, 1.0, 1.0, 1.0])
    paint = glb.array(np.array([[1, 0.25, 1]] * 4, np.float32))
    glb.tree["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"] = paint
    found = colors(load_mesh(glb.write(tmp_path / "a.glb")), *CORNERS)
    assert found == [(0.74, 0.0, 0.0), (0.0, 0.54, 0.0), BLUE, (0.74, 0.54, 0.0)]


def test_several_painted_colours_are_refused_beside_a_picture_and_not_read_without_any(tmp_path):
    paint = np.array([[255, 0, 0], [0, 0, 255]] * 2, np.uint8)
    path = two_parts(paint).write(tmp_path / "a.glb")
    with pytest.raises(
        ValueError, match="a.glb has colours of vertices beside a part with a picture, which"
    ) as failure:
        load_mesh(path)
    assert len(str(failure.value).splitlines()) == 1 and load_mesh(path, shape_only=True).faces.shape == (4, 3)
    assert load_mesh(two_parts(paint, picture=None).write(tmp_path / "b.glb")).texture is None


def test_a_painted_colour_that_is_not_finite_is_refused(tmp_path):
    path = two_parts(np.full((4, 3), math.inf, np.float32)).write(tmp_path / "a.glb")
    with pytest.raises(ValueError, match="a.glb is damaged: a colour of a material is not finite"):
        load_mesh(path)


def test_glossiness_files_keep_their_colour(tmp_path):
    glb = square()
    old = glb.tree["materials"][0].pop("pbrMetallicRoughness")["baseColorTexture"]
    glossy = {"diffuseTexture": old, "diffuseFactor": [1, 1, 1, 1]}
    glb.tree["materials"][0]["extensions"] = {"KHR_materials_pbrSpecularGlossiness": glossy}
    assert colors(load_mesh(glb.write(tmp_path / "a.glb")), *CORNERS) == [RED, GREEN, BLUE, YELLOW]


# ---- compressed


def test_draco_is_decoded(tmp_path):
    body = trimesh.creation.icosphere(2)
    path = tmp_path / "a.glb"
    path.write_bytes(body.export(file_type="glb", extension_draco=True))
    assert b"KHR_draco_mesh_compression" in path.read_bytes()
    mesh = load_mesh(path)
    assert volume(mesh) == pytest.approx(body.volume, rel=1e-3) and len(mesh.faces) == len(body.faces)


def test_a_damaged_draco_part_is_named(tmp_path):
    glb = Glb(extensionsRequired=["KHR_draco_mesh_compression"]).part()
    packed = glb.view(b"DRACO\x02\x02" + bytes(57))
    extension = {"KHR_draco_mesh_compression": {"bufferView": packed, "attributes": {"POSITION": 0}}}
    glb.tree["meshes"][0]["primitives"][0]["extensions"] = extension
    for accessor in glb.tree["accessors"]:
        del accessor["bufferView"]
    with pytest.raises(ValueError, match="a.glb is damaged: its KHR_draco_mesh_compression cannot be decoded") as told:
        load_mesh(glb.write(tmp_path / "a.glb"))
    assert "position" in str(told.value).lower()  # in the decoder's words or in ours


def test_meshopt_is_refused_by_name_unless_its_fallback_is_there(tmp_path):
    name = "EXT_meshopt_compression"
    glb = Glb(extensionsRequired=[name]).part()
    with pytest.raises(ValueError, match="a.glb requires EXT_meshopt_compression"):
        load_mesh(glb.write(tmp_path / "a.glb"))
    for fallback in (True, False):
        glb = Glb(extensionsUsed=[name]).part()
        for view in glb.tree["bufferViews"]:
            view["extensions"] = {name: {}}
            view["buffer"] = 0 if fallback else 1
        glb.tree["buffers"] = [] if fallback else [{"byteLength": 1000, "extensions": {name: {"fallback": True}}}]
        path = glb.write(tmp_path / "b.glb")
        if fallback:
            assert volume(load_mesh(path)) == 1
        else:
            with pytest.raises(ValueError, match="b.glb is damaged.*without EXT_meshopt_compression"):
                load_mesh(path)


# ---- refused


def skinned(glb):
    glb.tree["nodes"][0]["skin"] = 0


def blended(glb):
    glb.tree["meshes"][0]["weights"] = [0.0, 0.5]


def instanced(glb):
    glb.tree["nodes"][0]["extensions"] = {"EXT_mesh_gpu_instancing": {}}


def basis(glb):
    del glb.tree["textures"][0]["source"]
    glb.tree["textures"][0]["extensions"] = {"KHR_texture_basisu": {"source": 0}}


def unmapped(glb):
    del glb.tree["meshes"][0]["primitives"][0]["attributes"]["TEXCOORD_0"]


def painted(glb):
    colors = glb.array(np.array([[255, 0, 0, 255]] * 3 + [[0, 0, 0, 255]], np.uint8), normalized=True)
    glb.tree["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"] = colors


def far(glb):
    uvs = glb.array(SQUARE_UVS * 1e6)
    glb.tree["meshes"][0]["primitives"][0]["attributes"]["TEXCOORD_0"] = uvs


def outside(glb):
    glb.tree["images"][0] = {"uri": "../secret.png"}


def hollow(glb):
    del glb.tree["accessors"][0]["bufferView"]
    glb.tree["accessors"][0]["count"] = 10**12


def endless(glb):
    glb.tree["nodes"][0]["children"] = [0]


def bottomless(glb):
    glb.tree["accessors"][0]["count"] = 10**12


def required(glb):
    glb.tree["extensionsRequired"] = ["KHR_mesh_quantization", "EXT_new"]


@pytest.mark.parametrize(
    ("change", "words", "shape_matters"),
    [
        (skinned, "bound to a skeleton", True),
        (blended, "morph targets", True),
        (instanced, "EXT_mesh_gpu_instancing", True),
        (hollow, "without data", True),
        (endless, "two parents", True),
        (bottomless, "sizes do not fit", True),
        (required, "requires EXT_new, which", True),
        (basis, "KHR_texture_basisu", False),
        (unmapped, r"without texture coordinates \(TEXCOORD_0\)", False),
        (painted, "colours of vertices", False),
        (far, "1 x 1000000 times its picture", False),
        (outside, "files outside itself", False),
    ],
)
def test_what_is_not_read_is_refused_by_name(change, words, shape_matters, tmp_path):
    glb = square()
    change(glb)
    path = glb.write(tmp_path / "a.glb")
    with pytest.raises(ValueError, match=f"a.glb .*{words}") as failure:
        load_mesh(path)
    assert len(str(failure.value).splitlines()) == 1
    if shape_matters:
        with pytest.raises(ValueError, match=words):
            load_mesh(path, shape_only=True)
    else:
        assert load_mesh(path, shape_only=True).texture is None


def test_what_was_saved_in_any_unit_comes_back(tmp_path):
    for suffix in (".glb", ".obj"):
        for unit in (1e-6, 1.0, 1e6):
            sphere = uv_sphere(6, 8)
            read = load_mesh(save_mesh(type(sphere)(unit * sphere.vertices, sphere.faces), tmp_path / f"a{suffix}"))
            assert torch.allclose(read.vertices, unit * sphere.vertices, rtol=1e-5, atol=1e-6 * unit)
