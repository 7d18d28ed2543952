""".obj files of the wild: every one of them means one surface, and is read as that or refused."""

import pytest
import torch
from PIL import Image

from ganverse_nb.geometry.export import load_mesh
from ganverse_nb.geometry.mesh import face_normals
from tests.geometry.test_gltf import colors

POINTS = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
FACE = "f 1/1 2/2 3/3 4/4\n"
RED, DARK = (200 / 255, 0.0, 0.0), (0.0, 0.0, 100 / 255)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "my maps").mkdir()
    Image.new("RGB", (4, 4), (200, 0, 0)).save(tmp_path / "t.png")
    for name in ("my maps/t 2.png", "dark #2.png", "my maps/dark  #2.png", "-s 2.png", "dark\\2.png"):
        Image.new("RGB", (4, 4), (0, 0, 100)).save(tmp_path / name)
    return tmp_path


def area(mesh):
    return float(face_normals(mesh.vertices, mesh.faces).norm(dim=-1).sum() / 2)


def load(folder, text, **options):
    (folder / "m.obj").write_bytes(text.encode() if isinstance(text, str) else text)
    return load_mesh(folder / "m.obj", **options)


def color(mesh, x=0.3, y=0.4):
    ((red, green, blue),) = colors(mesh, (x, y))
    return red, green, blue


NEGATIVE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf -3 -2 -1\nv 0 0 1\nv 3 0 1\nv 0 3 1\nf -3 -2 -1\n"
ARROW = "v 0 0 0\nv 2 0 0\nv 2 2 0\nv 1 .5 0\nv 0 2 0\n"
STAR = "v 3 0 0\nv 1 1 0\nv 0 3 0\nv -1 1 0\nv -3 0 0\nv -1 -1 0\nv 0 -3 0\nv 1 -1 0\nf 1 2 3 4 5 6 7 8\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (NEGATIVE, 5.0),
        (NEGATIVE.replace("\n", "\r\n"), 5.0),
        ("\ufeff" + NEGATIVE, 5.0),
        (ARROW + "f 1 2 3 4 5\n", 2.5),
        (ARROW + "f 4 5 1 2 3\n", 2.5),
        (ARROW + "f 5 4 3 2 1\n", 2.5),
        (ARROW.replace(" 0\n", " 7\n") + "f -5 -4 -3 -2 -1", 2.5),
        (STAR, 12.0),
        (POINTS + "f 1 2 3 4 # a quad\n", 1.0),
        (POINTS + "f 1 2 3 \\\n4\n", 1.0),
        (POINTS + "f\t1//1 2//1 3//1\nF 1 3 4\n", 1.0),
        (POINTS.replace("v 1 1 0", "v 1 1 0 0.5 0.5 0.5") + "f 1 2 3 4\nl 1 2\np 1\n", 1.0),
        ("f 1 2 3\n" + POINTS, 0.5),  # before its vertices
        (POINTS + "mtllib gone.mtl\nf 1/1 2/2 3/3 4/4\n", 1.0),
    ],
)
def test_shapes(text, wanted, folder):
    mesh = load(folder, text)
    assert area(mesh) == pytest.approx(wanted, abs=1e-5) and mesh.texture is None


def test_triangles_of_concave_faces_keep_the_side_they_look_to(folder):
    for face, sign in (("f 1 2 3 4 5", 1), ("f 5 4 3 2 1", -1)):
        mesh = load(folder, ARROW + face)
        assert (torch.sign(face_normals(mesh.vertices, mesh.faces)[0, :, 2]) == sign).all()


CORNER = [(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)]  # an L, of area 3
MIDDLES = [(0, 0), (1, 0), (2, 0), (2, 1), (1.5, 1), (1, 1), (1, 1.25), (1, 2), (0.5, 2), (0, 2), (0, 1)]
SLIT = [(0, 0), (2, 0), (2, 1), (2, 0.5), (2, 1), (1, 1), (1, 2), (0, 2)]  # there and back
COMB = [(0, 0), (8, 0), (8, 3), (6, 3), (6, 1), (5, 1), (5, 3), (3, 3), (3, 1), (2, 1), (2, 3), (0, 3)]


@pytest.mark.parametrize(
    ("corners", "wanted"),
    [
        (CORNER, 3.0),
        (CORNER[:4] + CORNER[3:], 3.0),  # the inner corner twice
        (CORNER[:3] + CORNER[2:4] + CORNER[3:4] * 2 + CORNER[4:] + CORNER[:1], 3.0),
        (MIDDLES, 3.0),  # corners on the sides
        (SLIT, 3.0),
        (COMB, 20.0),
        (COMB[:5] + COMB[4:], 20.0),
    ],
)
def test_concave_faces_are_cut_right_from_whichever_corner_they_begin(corners, wanted, folder):
    """Also where corners repeat, as the same vertex or as another at its place."""
    for shift in range(len(corners)):
        for one in (corners[shift:] + corners[:shift], (corners[shift:] + corners[:shift])[::-1]):
            points = "".join(f"v {x} 5 {y}\n" for x, y in one)
            shared = " ".join(str(one.index(corner) + 1) for corner in one)
            for face in (shared, " ".join(str(k + 1) for k in range(len(one)))):
                mesh = load(folder, f"{points}f {face}\n")
                assert area(mesh) == pytest.approx(wanted, abs=1e-5)
                assert len(set(torch.sign(face_normals(mesh.vertices, mesh.faces)[0, :, 1]).tolist()) - {0.0}) == 1


def test_repeated_corners_leave_the_other_faces_as_they_are(folder):
    square, flat, triangle = "f 1 2 3 4\n", "f 1 1 2 2\n", "f 1 2 2\n"
    whole = load(folder, POINTS + square).faces.tolist()
    assert load(folder, POINTS + "f 1 2 2 3 4 4\n").faces.tolist() == whole
    assert load(folder, POINTS + flat + square).faces.tolist() == whole
    assert load(folder, POINTS + square + triangle).faces.tolist() == [*whole, [0, 1, 1]]
    with pytest.raises(ValueError, match="m.obj holds no triangles"):
        load(folder, POINTS + flat)


def test_a_face_that_crosses_itself_is_a_fan(folder):
    assert load(folder, "v 0 0 0\nv 2 2 0\nv 2 0 0\nv 0 2 0\nv -1 1 0\nf 1 2 3 4 5\n").faces[:, 0].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("mtl", "wanted"),
    [
        ("newmtl a\nmap_Kd t.png\n", RED),
        ("newmtl a\nKd 0.5 0.5 0.5\nmap_kd t.png\n", RED),
        ("newmtl a\nmap_Kd -s 1 1 1 -o 0 0 -blendu on -bm 1.0 t.png\n", RED),
        ("newmtl a\nmap_Kd my maps/t 2.png\n", DARK),
        ("newmtl a\nmap_Kd my maps\\t 2.png\n", DARK),
        ("newmtl a\nmap_Kd -mm 0 1 C:\\somewhere\\else\\t.png # of another machine\n", RED),
        ("newmtl a\nmap_Kd t.png # was my maps/t 2.png\n", RED),
        ("newmtl a\nmap_Kd C:\\maps\\my maps\\dark #2.png\n", DARK),
        ("newmtl a\nmap_Kd -s 1 1 1\tmy maps/dark  #2.png\n", DARK),
        ("newmtl a\nmap_Kd -s 2.png\n", DARK),
        ("newmtl a\nmap_Kd dark\\2.png\n", DARK),
        ("newmtl a # red\nmap_Kd t.png\n", RED),
        ("newmtl b\nmap_Kd my maps/t 2.png\nnewmtl a\nmap_Kd t.png\n", RED),
    ],
)
def test_pictures(mtl, wanted, folder):
    (folder / "a.mtl").write_text(mtl)
    assert color(load(folder, "mtllib a.mtl\n" + POINTS + "usemtl a\n" + FACE)) == pytest.approx(wanted, abs=0.01)


LINES = ["b.mtl a.mtl", "b.mtl\nmtllib a.mtl", "./a.mtl", "my a.mtl", "a #2.mtl", "a  b.mtl", "a\\b.mtl"]
LINES += ["a.mtl # and b.mtl", "C:\\my files\\my a.mtl", "x/b.mtl y/a.mtl", "C:\\x\\a #2.mtl"]


@pytest.mark.parametrize("line", LINES)
def test_libraries(line, folder):
    (folder / "b.mtl").write_text("newmtl b\nKd 1 0 0\n")
    for name in ("a.mtl", "my a.mtl", "a #2.mtl", "a  b.mtl", "a\\b.mtl"):
        (folder / name).write_text("# no map_Kd x.png here\nnewmtl a\nmap_Kd t.png\n")
    text = f"mtllib {line}\n" + POINTS + "usemtl a\n" + FACE
    assert color(load(folder, text)) == pytest.approx(RED, abs=0.01)


def test_a_picture_may_lie_where_its_library_does(folder):
    (folder / "my maps" / "a.mtl").write_text("newmtl a\nmap_Kd t.png\n")
    text = "mtllib my maps/a.mtl\n" + POINTS + "usemtl a\n" + FACE
    assert color(load(folder, text)) == pytest.approx(RED, abs=0.01)  # beside the .obj, where that one has none
    Image.new("RGB", (4, 4), (0, 0, 100)).save(folder / "my maps" / "t.png")
    assert color(load(folder, text)) == pytest.approx(DARK, abs=0.01)


@pytest.mark.parametrize(
    ("red", "dark", "used"),
    [
        ("Material #25", "Material #26", ("Material #25", "Material #26")),  # as 3ds Max names them
        ("a", "a #2", ("a", "a #2")),
        ("a  b", "a b", ("a  b", "a b")),
        ("a # the body", "b # the wheels", ("a", "b")),
        ("a", "b", ("a # the body", "b\t# the wheels")),
        ("a", "A", ("a", "A")),
        ("#25", "#26", ("#25", "#26")),
    ],
)
def test_each_part_has_the_colour_of_its_own_material(red, dark, used, folder):
    shifted = "v 1 0 0\nv 2 0 0\nv 2 1 0\nv 1 1 0\n"
    parts = POINTS + f"usemtl {used[0]}\n" + FACE + shifted + f"usemtl {used[1]}\nf -4/1 -3/2 -2/3 -1/4\n"
    for textures in ("map_Kd t.png", "map_Kd my maps/t 2.png"), ("map_Kd t.png", "Kd 0 0 0.3922"):
        (folder / "a.mtl").write_text(f"newmtl {red}\n{textures[0]}\nnewmtl {dark}\n{textures[1]}\n")
        mesh = load(folder, "mtllib a.mtl\n" + parts)
        assert color(mesh) == pytest.approx(RED, abs=0.01) and color(mesh, 1.4) == pytest.approx(DARK, abs=0.01)


@pytest.mark.parametrize("name", ["", "None", "(null)"])
def test_faces_of_no_material_are_white(name, folder):
    (folder / "a.mtl").write_text("newmtl a\nmap_Kd t.png\n")
    shifted = "v 1 0 0\nv 2 0 0\nv 2 1 0\nv 1 1 0\n"
    mesh = load(folder, f"mtllib a.mtl\n{POINTS}usemtl {name}\n{FACE}{shifted}usemtl a\nf -4/1 -3/2 -2/3 -1/4\n")
    assert color(mesh) == (1, 1, 1) and color(mesh, 1.4) == pytest.approx(RED, abs=0.01)


def test_materials_without_any_library_are_not_asked_for(folder):
    assert load(folder, POINTS + "usemtl a\n" + FACE).texture is None


def test_a_picture_is_scaled_and_shifted_by_its_options(folder):
    halves = Image.new("RGB", (8, 2), (200, 0, 0))
    halves.paste((0, 0, 100), (4, 0, 8, 2))
    halves.save(folder / "halves.png")
    text = "mtllib a.mtl\n" + POINTS + "usemtl a\n" + FACE
    for options, wanted in (("", [RED, DARK]), ("-o 0.5", [DARK, RED]), ("-s 2 1", [RED, RED])):
        (folder / "a.mtl").write_text(f"newmtl a\nmap_Kd {options} halves.png\n")
        found = colors(load(folder, text), (0.1, 0.5), (0.6, 0.5))
        assert found == [tuple(round(c, 2) for c in color) for color in wanted]


def test_one_textured_and_one_plain_part(folder):
    (folder / "a.mtl").write_text("newmtl a\nmap_Kd t.png\nnewmtl b\nKd 0 0.4 0\n")
    shifted = "v 1 0 0\nv 2 0 0\nv 2 1 0\nv 1 1 0\n"
    for face in ("f -4 -3 -2 -1\n", "f -4/1 -3/2 -2/3 -1/4\n"):
        mesh = load(folder, "mtllib a.mtl\n" + POINTS + "usemtl a\n" + FACE + shifted + "usemtl b\n" + face)
        assert area(mesh) == pytest.approx(2) and mesh.vertices.shape[1] == 6
        assert color(mesh) == pytest.approx(RED, abs=0.01) and color(mesh, 1.4) == pytest.approx((0, 0.4, 0), abs=0.01)


@pytest.mark.parametrize(
    ("mtl", "text", "words"),
    [
        (None, POINTS + "usemtl a\n" + FACE, "needs its .mtl .*'a.mtl' is not there"),
        ("newmtl a\nmap_Kd gone.png\n", POINTS + "usemtl a\n" + FACE, "missing or damaged: 'gone.png'"),
        ("newmtl a\nmap_Kd -t 1 1 1 t.png\n", POINTS + "usemtl a\n" + FACE, "changed by -t"),
        ("newmtl a\nmap_Kd -mm 0.5 2 t.png\n", POINTS + "usemtl a\n" + FACE, "changed by -mm"),
        ("newmtl a\nmap_Kd t.png\n", POINTS + "usemtl a\nf 1 2 3 4\n", "without texture coordinates"),
        ("newmtl a\nmap_Kd gone.png # not t.png, nor x/t.png\n", POINTS + "usemtl a\n" + FACE, "'gone.png # not"),
        ("newmtl a\nmap_Kd -mm 0.5 2 x/t.png\n", POINTS + "usemtl a\n" + FACE, "changed by -mm"),
        ("newmtl a\nKd nan nan nan\n", POINTS + "usemtl a\n" + FACE, "a colour of a material is not finite"),
        ("newmtl a\nKd 0 1e999 0\n", POINTS + "usemtl a\n" + FACE, "a colour of a material is not finite"),
        ("newmtl body\n", POINTS + "usemtl Body\n" + FACE, "the material 'Body', which its .mtl does not have"),
        ("newmtl M #25\n", POINTS + "usemtl M #26\n" + FACE, "the material 'M #26', which its .mtl does not"),
        ("newmtl M #25\nnewmtl M #26\n", POINTS + "usemtl M\n" + FACE, "the material 'M', which its .mtl does not"),
    ],
)
def test_a_picture_that_cannot_be_read_is_refused_unless_the_shape_is_asked_for(mtl, text, words, folder):
    if mtl is not None:
        (folder / "a.mtl").write_text(mtl)
    with pytest.raises(ValueError, match=f"m.obj .*{words}"):
        load(folder, "mtllib a.mtl\n" + text)
    assert area(load(folder, "mtllib a.mtl\n" + text, shape_only=True)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (POINTS + "f 1 2 9\n", "a vertex that is not there"),
        (POINTS + "f 1 2 0\n", "names vertex 0"),
        (POINTS + "f -9 1 2\n", "names vertex -9"),
        (POINTS + "f 1 2\n", "fewer than three"),
        (POINTS + "f 1 2 3\nsurf 0 1 0 1 1 2\n", "curved surfaces"),
        (POINTS + "f 1 2 x\n", "is damaged"),
        ("v 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "is damaged"),
    ],
)
def test_damaged_files_are_named(text, words, folder):
    with pytest.raises(ValueError, match=f"m.obj .*{words}") as failure:
        load(folder, text)
    assert len(str(failure.value).splitlines()) == 1
