"""Wavefront .obj files with their .mtl, as parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ganverse_nb.geometry.materials import Library, Material, statements, uncommented
from ganverse_nb.geometry.parts import Part, Picture, UnreadableError
from ganverse_nb.geometry.polygons import cut

CURVED = {"curv", "curv2", "surf", "call"}  # free-form surfaces, and other files


@dataclass
class _Faces:
    """Polygons of one material: the indices of their corners into positions, and into coordinates or -1."""

    sizes: list[int] = field(default_factory=list)
    points: list[int] = field(default_factory=list)
    uvs: list[int] = field(default_factory=list)


def read_obj(path: Path, shape_only: bool = False) -> list[Part]:
    """The parts of an .obj, one for each material; polygons are cut into triangles, also where they are concave.

    A part with a texture coordinate at every corner carries its material's `map_Kd`; one without, or without a map,
    its colour `Kd`. Colours beside a map are not read: most programs write them without meaning them. Names of files
    and materials may hold blanks, backslashes and "#", which begins a comment only where nothing has the whole name.

    Raises:
        UnreadableError: damaged, of curved surfaces, or a library, material or picture is missing or damaged (unless
            `shape_only`, which reads none).
        ValueError: a number is none.
    """
    positions: list[list[float]] = []
    coordinates: list[list[float]] = []
    groups: dict[str, _Faces] = defaultdict(_Faces)
    libraries: list[str] = []
    material = ""
    for word, rest in statements(path):
        if word == "v":
            positions.append([float(x) for x in uncommented(rest).split()[:3]])
        elif word == "vt":
            coordinates.append([float(x) for x in (*uncommented(rest).split(), "0")[:2]])
        elif word == "f":
            _add_face(groups[material], uncommented(rest).split(), len(positions), len(coordinates))
        elif word == "usemtl":
            material = rest
        elif word == "mtllib":
            libraries.append(rest)
        elif word in CURVED:
            raise UnreadableError(f"has curved surfaces or other files ({word}); export it as polygons.")
    points = np.array(positions, np.float64).reshape(len(positions), 3)
    uvs = np.array(coordinates, np.float64).reshape(len(coordinates), 2)
    library = Library(path.parent.resolve(), [] if shape_only else libraries)
    return [_part(points, uvs, group, library, library.find(name)) for name, group in groups.items()]


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


def _part(points: np.ndarray, uvs: np.ndarray, group: _Faces, library: Library, material: Material) -> Part:
    indices, coordinates = np.array(group.points), np.array(group.uvs)
    if indices.max() >= len(points) or coordinates.max() >= len(uvs):
        raise UnreadableError("is damaged: a face names a vertex that is not there.")
    triangles = cut(points[indices], np.array(group.sizes))
    used, faces = np.unique(indices[triangles], return_inverse=True)
    points, faces = points[used], faces.reshape(-1, 3)
    if material.map is None:
        if not np.isfinite(material.color).all():
            raise UnreadableError("is damaged: a colour of a material is not finite.")
        return Part(points, faces, color=material.color)
    if coordinates.min() < 0:
        raise UnreadableError("has a picture on faces without texture coordinates; unwrap them.")
    found = library.read_map(material)
    at = uvs[coordinates[triangles]] * found.scale + found.offset
    return Part(points, faces, at, Picture(found.texels, found.wrap, found.wrap))
