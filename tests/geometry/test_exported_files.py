"""What `save_mesh` writes, held against the formats themselves: read by the few lines below, drawn again, validated."""

import json
import shutil
import struct
import subprocess
from dataclasses import replace
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.export import save_mesh
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.render.renderer import render
from ganverse_nb.studio.car_mesh import car_mesh
from ganverse_nb.studio.cars import sample_cars

VALIDATOR = "gltf-validator@2.0.0-dev.3.10"


@pytest.fixture(scope="module")
def body():
    """A dented ellipsoid with a colourful texture, its front marked: no view of it is like another."""
    random = torch.Generator().manual_seed(0)
    sphere = uv_sphere()
    dents = 1 + 0.2 * torch.sin(4 * sphere.vertices).prod(-1, keepdim=True)
    texture = torch.nn.functional.interpolate(torch.rand(1, 3, 6, 12, generator=random), (64, 128), mode="bilinear")
    texture[:, :, 24:40, 56:72] = torch.tensor([1.0, 0.0, 0.2]).reshape(1, 3, 1, 1)
    return replace(sphere, vertices=sphere.vertices * dents * torch.tensor([0.25, 0.2, 0.5]), texture=texture)


def read_glb(path):
    """The one mesh of a .glb by the specification of glTF 2.0: a header, a chunk of JSON, a chunk of bytes."""
    data = path.read_bytes()
    magic, version, length, size, kind = struct.unpack("<4sIII4s", data[:20])
    assert (magic, version, length, kind) == (b"glTF", 2, len(data), b"JSON")
    tree, binary = json.loads(data[20 : 20 + size]), data[28 + size :]

    def view(index):
        part = tree["bufferViews"][index]
        return binary[part.get("byteOffset", 0) :][: part["byteLength"]]

    def numbers(index):
        part = tree["accessors"][index]
        dtype = {5123: "<u2", 5125: "<u4", 5126: "<f4"}[part["componentType"]]
        width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}[part["type"]]
        found = np.frombuffer(view(part["bufferView"])[part.get("byteOffset", 0) :], dtype, part["count"] * width)
        return found.reshape(part["count"], width)

    (node,) = [node for node in tree["nodes"] if "mesh" in node]
    assert not {"matrix", "rotation", "scale", "translation"} & set(node)
    (primitive,) = tree["meshes"][node["mesh"]]["primitives"]
    found = {name: numbers(index) for name, index in primitive["attributes"].items()}
    read = SimpleNamespace(
        tree=tree,
        vertices=found["POSITION"],
        normals=found["NORMAL"],
        uvs=found.get("TEXCOORD_0"),
        faces=numbers(primitive["indices"]).reshape(-1, 3),
    )
    if "material" in primitive:
        read.material = tree["materials"][primitive["material"]]
        base = read.material["pbrMetallicRoughness"]
        read.texture = tree["textures"][base["baseColorTexture"]["index"]]
        picture = Image.open(BytesIO(view(tree["images"][read.texture["source"]]["bufferView"])))
        assert not {"gamma", "icc_profile", "srgb", "chromaticity"} & set(picture.info)  # plain sRGB, as glTF says
        linear = (
            to_linear(np.asarray(picture.convert("RGB")) / 255) * np.array(base.get("baseColorFactor", [1] * 4))[:3]
        )
        read.colors = from_linear(linear)
        read.uvs = np.stack([read.uvs[:, 0], 1 - read.uvs[:, 1]], 1)  # glTF counts v from the top
    return read


def to_linear(value):
    """The sRGB standard's decoding, and below it the encoding: the way of a colour through a viewer."""
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def from_linear(value):
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)


def read_obj(path):
    """Positions, texture coordinates and faces (v/vt/vn) of an .obj, and the picture that its .mtl names."""
    lines = [line.split() for line in path.read_text().splitlines() if line.strip()]
    rows = {key: np.array([[float(x) for x in line[1:4]] for line in lines if line[0] == key]) for key in ("v", "vn")}
    uvs = np.array([[float(x) for x in line[1:3]] for line in lines if line[0] == "vt"])
    faces = np.array([[[int(i) for i in corner.split("/")] for corner in line[1:]] for line in lines if line[0] == "f"])
    (library,) = [line[1] for line in lines if line[0] == "mtllib"]
    words = [line.split() for line in (path.parent / library).read_text().splitlines() if line.strip()]
    settings = {line[0]: line[1:] for line in words}
    assert [float(x) for x in settings["Kd"]] == [1, 1, 1]
    colors = np.asarray(Image.open(path.parent / settings["map_Kd"][0]).convert("RGB")) / 255
    v, t, n = np.moveaxis(faces - 1, 2, 0)
    return SimpleNamespace(
        vertices=rows["v"], normals=rows["vn"], uvs=uvs, faces=v, uv_faces=t, normal_faces=n, colors=colors
    )


def drawn(mesh):
    cameras = Camera.orbit(torch.arange(0.0, 360, 45), torch.tensor([10.0, -30, 50, 0, 20, 80, -10, 30]), 2.0)
    return render(mesh, cameras, 128, background=torch.tensor([1.0, 1.0, 1.0])).rgb


@pytest.mark.parametrize("suffix", [".glb", ".obj"])
def test_another_reader_draws_the_same_pictures(body, suffix, tmp_path):
    path = save_mesh(body, tmp_path / f"body{suffix}")
    read = read_glb(path) if suffix == ".glb" else read_obj(path)
    uv_faces = read.faces if suffix == ".glb" else read.uv_faces
    again = Mesh(
        torch.tensor(read.vertices, dtype=torch.float32)[None],
        torch.tensor(read.faces.astype(np.int64)),
        torch.tensor(read.uvs[uv_faces], dtype=torch.float32),
        torch.tensor(read.colors, dtype=torch.float32).permute(2, 0, 1)[None],
    )
    ours, theirs = drawn(body), drawn(again)
    assert -10 * torch.log10((ours - theirs).square().mean((1, 2, 3))).max() >= 30
    assert (ours.mean((2, 3)) - theirs.mean((2, 3))).abs().max() < 1e-3  # no gamma: it would shift the mean by 0.1
    upside_down = replace(again, vertices=again.vertices * torch.tensor([1.0, -1.0, -1.0]))
    assert -10 * torch.log10((ours - drawn(upside_down)).square().mean((1, 2, 3))).max() < 20  # the measure can tell


@pytest.mark.parametrize("suffix", [".glb", ".obj"])
def test_normals_are_unit_and_agree_across_the_seam(body, suffix, tmp_path):
    read = (read_glb if suffix == ".glb" else read_obj)(save_mesh(body, tmp_path / f"body{suffix}"))
    normal_faces = read.faces if suffix == ".glb" else read.normal_faces
    assert np.abs(np.linalg.norm(read.normals, axis=1) - 1).max() < 1e-5
    corners, normals = read.vertices[read.faces].reshape(-1, 3), read.normals[normal_faces].reshape(-1, 3)
    places, group = np.unique(corners.round(6), axis=0, return_inverse=True)
    assert len(places) == 642  # seam vertices are written more than once, at the same place
    mean = (
        np.stack([np.bincount(group.ravel(), normals[:, k]) for k in range(3)], 1) / np.bincount(group.ravel())[:, None]
    )
    assert np.abs(normals - mean[group.ravel()]).max() < 1e-4
    up = read.vertices[np.argmax(read.normals[:, 1])] if suffix == ".glb" else None
    assert up is None or up[1] > 0.1


def test_seam_vertices_are_written_once_per_texture_coordinate(body, tmp_path):
    read = read_glb(save_mesh(body, tmp_path / "body.glb"))
    assert len(read.vertices) == 20 * 33 + 2 * 32  # every ring once more at the seam, a pole once for each of its faces
    assert read.uvs.min() >= 0 and read.uvs.max() <= 1


def test_the_material_shows_the_texture_as_it_is(body, tmp_path):
    read = read_glb(save_mesh(body, tmp_path / "body.glb"))
    assert read.material["pbrMetallicRoughness"]["metallicFactor"] == 0
    assert read.material["doubleSided"]  # as this project's renderer
    sampler = read.tree["samplers"][read.texture["sampler"]]
    assert (sampler["wrapS"], sampler["wrapT"]) == (10497, 33071)  # repeat in u, clamp in v
    assert np.abs(read.colors - body.texture[0].permute(1, 2, 0).numpy()).max() <= 0.5 / 255 + 1e-6


@pytest.fixture(scope="session")
def validator(tmp_path_factory):
    """The Khronos Group's validator of glTF files; gives the report on a file."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("node and npm are not installed: the validator of glTF files is an npm package")
    folder = tmp_path_factory.mktemp("validator")
    command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--no-save", VALIDATOR]
    try:
        made = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm could not fetch {VALIDATOR} within two minutes")
    if made.returncode:
        pytest.skip(f"npm could not fetch {VALIDATOR}: {made.stderr.strip().splitlines()[-1:]}")
    script = (
        "require('gltf-validator').validateBytes(new Uint8Array(require('fs').readFileSync(process.argv[1])))"
        ".then(report => console.log(JSON.stringify(report)))"
    )

    def report(path):
        shown = subprocess.run(
            ["node", "-e", script, str(path)], cwd=folder, capture_output=True, text=True, check=True
        )
        return json.loads(shown.stdout)["issues"]

    return report


@pytest.mark.parametrize("kind", ["textured", "plain", "studio car", "flat"])
def test_the_reference_validator_has_nothing_to_say(body, kind, validator, tmp_path):
    mesh = {
        "textured": body,
        "plain": Mesh(body.vertices, body.faces),
        "studio car": car_mesh(sample_cars(1, torch.Generator().manual_seed(0))),
        "flat": replace(body, vertices=body.vertices * torch.tensor([1.0, 0.0, 0.0])),  # no face has an area
    }[kind]
    issues = validator(save_mesh(mesh, tmp_path / "mesh.glb"))
    found = [message for message in issues["messages"] if message["code"] != "ACCESSOR_INDEX_TRIANGLE_DEGENERATE"]
    assert not found and issues["numErrors"] == issues["numWarnings"] == 0


def test_the_validator_can_find_fault(body, validator, tmp_path):
    path = save_mesh(body, tmp_path / "body.glb")
    path.write_bytes(path.read_bytes().replace(b'"VEC2"', b'"VEC4"'))
    assert validator(path)["numErrors"] > 0
