"""Wavefront .obj files with their .mtl, as parts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from ganverse_nb.geometry.parts import Part, Picture, UnreadableError, Wrap, file_content, read_texels
from ganverse_nb.geometry.polygons import cut

CURVED = {"curv", "curv2", "surf", "call"}  # free-form surfaces, and other files
NUMBERS = {"-s": 3, "-o": 3, "-t": 3, "-mm": 2}  # options of a map, and how many numbers may follow
ONE_WORD = {"-bm", "-boost", "-texres", "-imfchan", "-type", "-blendu", "-blendv", "-clamp", "-cc"}


@dataclass
class Material:
    """What a .mtl says of one; the picture's coordinates are `uv * scale + offset`."""

    color: tuple[float, float, float] = (1.0, 1.0, 1.0)
    file: str | None = None
    wrap: Wrap = "wrap"
    scale: list[float] = field(default_factory=lambda: [1.0, 1.0])
    offset: list[float] = field(default_factory=lambda: [0.0, 0.0])


@dataclass
class _Faces:
    """Polygons of one material: the indices of their corners into positions, and into coordinates or -1."""

    sizes: list[int] = field(default_factory=list)
    points: list[int] = field(default_factory=list)
    uvs: list[int] = field(default_factory=list)


def read_obj(path: Path, shape_only: bool = False) -> list[Part]:
    """The parts of an .obj, one for each material; polygons are cut into triangles, also where they are concave.

    A part with a texture coordinate at every corner carries its material's `map_Kd`; one without, or without a map,
    its colour `Kd`. Colours beside a map are not read: most programs write them without meaning them.

    Raises:
        UnreadableError: damaged, of curved surfaces, or a material or picture is missing or damaged (unless
            `shape_only`, which reads neither).
        ValueError: a number is none.
    """
    positions: list[list[float]] = []
    coordinates: list[list[float]] = []
    groups: dict[str | None, _Faces] = defaultdict(_Faces)
    libraries: list[str] = []
    material: str | None = None
    for word, rest in _statements(file_content(path).decode("utf-8-sig", "surrogateescape")):
        if word == "v":
            positions.append([float(x) for x in rest.split()[:3]])
        elif word == "vt":
            coordinates.append([float(x) for x in (*rest.split(), "0")[:2]])
        elif word == "f":
            _add_face(groups[material], rest.split(), len(positions), len(coordinates))
        elif word == "usemtl":
            material = rest
        elif word == "mtllib":
            libraries.append(rest)
        elif word in CURVED:
            raise UnreadableError(f"has curved surfaces or other files ({word}); export it as polygons.")
    points = np.array(positions, np.float64).reshape(len(positions), 3)
    uvs = np.array(coordinates, np.float64).reshape(len(coordinates), 2)
    materials, missing = ({}, []) if shape_only else _materials(path, libraries)
    parts = []
    for name, group in groups.items():
        if name not in materials and name is not None and missing:
            raise UnreadableError(
                f"names a picture that is missing or damaged; an .obj needs its .mtl and .png beside it: "
                f"{missing[0]!r} is not there, or read the shape alone with shape_only."
            )
        parts.append(_part(path, points, uvs, group, materials.get(name or "", Material())))
    return parts


def _statements(text: str) -> Iterator[tuple[str, str]]:
    """The first word of each line in small letters, and the rest; comments go, lines with a backslash are joined."""
    for line in text.replace("\r\n", "\n").replace("\r", "\n").replace("\\\n", " ").split("\n"):
        word, _, rest = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip().replace("\t", " ").partition(" ")
        if word:
            yield word.lower(), rest.strip()


def _add_face(faces: _Faces, corners: Sequence[str], points: int, uvs: int) -> None:
    """Negative indices count from the last vertex before the face, as many as there are so far."""
    if len(corners) < 3:
        raise UnreadableError("is damaged: a face has fewer than three corners.")
    faces.sizes.append(len(corners))
    for corner in corners:
        point, uv, *_ = (*corner.split("/"), "")
        faces.points.append(_index(point, points))
        faces.uvs.append(_index(uv, uvs) if uv else -1)


def _index(text: str, count: int) -> int:
    number = int(text)
    if number == 0 or number < -count:
        raise UnreadableError(f"is damaged: a face names vertex {number}, and they count from 1.")
    return number - 1 if number > 0 else count + number


def _part(path: Path, points: np.ndarray, uvs: np.ndarray, group: _Faces, material: Material) -> Part:
    indices, coordinates = np.array(group.points), np.array(group.uvs)
    if indices.max() >= len(points) or coordinates.max() >= len(uvs):
        raise UnreadableError("is damaged: a face names a vertex that is not there.")
    triangles = cut(points[indices], np.array(group.sizes))
    used, faces = np.unique(indices[triangles], return_inverse=True)
    points, faces = points[used], faces.reshape(-1, 3)
    if material.file is None:
        return Part(points, faces, color=material.color)
    if coordinates.min() < 0:
        raise UnreadableError("has a picture on faces without texture coordinates; unwrap them.")
    at = uvs[coordinates[triangles]] * material.scale + material.offset
    texels = _texels(path, material.file)
    return Part(points, faces, at, Picture(texels, material.wrap, material.wrap))


def _materials(path: Path, libraries: Sequence[str]) -> tuple[dict[str, Material], list[str]]:
    """The materials of all libraries that are there, and the names of those that are not."""
    materials: dict[str, Material] = {}
    missing = []
    for line in libraries:
        whole = _beside(path, line)  # a name may have spaces in it
        for name in [line] if whole else line.split():
            file = whole or _beside(path, name)
            if file is None:
                missing.append(name)
            else:
                for material, content in _read_mtl(file).items():
                    materials.setdefault(material, content)
    return materials, missing


def _read_mtl(file: Path) -> dict[str, Material]:
    materials: dict[str, Material] = {}
    current = Material()
    for word, rest in _statements(file_content(file).decode("utf-8-sig", "surrogateescape")):
        if word == "newmtl":
            current = materials[rest] = Material()
        elif word == "kd" and not rest.startswith(("xyz", "spectral")):
            red, green, blue = ([float(x) for x in rest.split()] * 3)[:3]
            current.color = (red, green, blue)
        elif word == "map_kd":
            _read_map(current, rest.split())
    return materials


def _read_map(material: Material, words: list[str]) -> None:
    """The file of a map, and its options; one that changes the picture itself is refused."""
    while len(words) > 1 and words[0] in {*NUMBERS, *ONE_WORD}:
        option = words.pop(0)
        numbers: list[float] = []
        while len(words) > 1 and len(numbers) < NUMBERS.get(option, 0) and re.fullmatch(r"[-+.\deE]+", words[0]):
            numbers.append(float(words.pop(0)))
        if option in ("-s", "-o"):
            into = material.scale if option == "-s" else material.offset
            into[: len(numbers[:2])] = numbers[:2]
        elif option in ("-t", "-mm"):
            if numbers != [0.0, 1.0][: len(numbers)] if option == "-mm" else any(numbers):
                raise UnreadableError(
                    f"has a picture changed by {option}, which is not read; bake it into the picture."
                )
        else:
            value = words.pop(0)
            material.wrap = "edge" if (option, value) == ("-clamp", "on") else material.wrap
    material.file = " ".join(words)


def _texels(path: Path, name: str) -> np.ndarray:
    file = _beside(path, name)
    if file is None:
        raise UnreadableError(
            f"names a picture that is missing or damaged: {name!r}; put it beside the .obj or in a folder there, or "
            "read the shape alone with shape_only."
        )
    return read_texels(file_content(file), repr(name))


def _beside(path: Path, name: str) -> Path | None:
    """The file that another one names, or one of that name beside it; None where neither is there.

    Nothing outside of the folder is looked at, however it is named or linked: a file of a stranger must not bring
    those of this machine into a mesh.
    """
    place = PurePosixPath(name.replace("\\", "/"))
    folder = path.parent.resolve()
    for file in (folder / place, folder / place.name):
        if place.name and file.is_file() and file.resolve().is_relative_to(folder):
            return file
    return None
