"""glTF binary files (.glb) as parts: all that shapes the surface or its base colour is honoured, or refused by name.

https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ganverse_nb.geometry.parts import Part, Picture, UnreadableError, Wrap, file_content, read_texels
from ganverse_nb.runtime.extras import require

Tree = dict[str, Any]
JSON_CHUNK, BINARY_CHUNK = 0x4E4F534A, 0x004E4942
NUMBERS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
COLUMNS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
TRIANGLES, STRIP, FAN = 4, 5, 6
WRAPS: dict[int, Wrap] = {10497: "wrap", 33648: "symmetric", 33071: "edge"}
MOST_ZEROS = 2**28  # bytes of an accessor that has no bytes of its own
DRACO, TRANSFORM = "KHR_draco_mesh_compression", "KHR_texture_transform"
GLOSSINESS = "KHR_materials_pbrSpecularGlossiness"
TEXTURE_SOURCES = ("EXT_texture_webp", "EXT_texture_avif")
# what may be required: read here, or without any influence on shape and base colour
UNDERSTOOD = {
    *(DRACO, TRANSFORM, GLOSSINESS, *TEXTURE_SOURCES, "KHR_mesh_quantization"),
    *("KHR_materials_unlit", "KHR_materials_clearcoat", "KHR_materials_sheen", "KHR_materials_specular"),
    *("KHR_materials_ior", "KHR_materials_iridescence", "KHR_materials_anisotropy", "KHR_materials_emissive_strength"),
    *("KHR_materials_transmission", "KHR_materials_volume", "KHR_materials_dispersion", "KHR_materials_variants"),
    *("KHR_lights_punctual", "KHR_xmp_json_ld"),
}


def read_glb(path: Path, shape_only: bool = False) -> list[Part]:
    """The parts of the file's scene, placed by its nodes; points and lines are left out.

    Honoured are transforms of any kind, mirroring ones too, integer and sparse attributes, strips and fans, any set of
    texture coordinates and their transform, how a picture goes on beyond its edge, the factor of the base colour, and
    Draco. Colours of vertices are taken where a part has one for all. Refused are others on or beside a picture,
    skeletons, shapes that blend, files outside, and every extension that the file requires and is not understood.

    Raises:
        UnreadableError: one of these, or damaged; of materials and pictures, nothing is read for `shape_only`.
        KeyError, IndexError, TypeError, ValueError, struct.error: damaged.
        ExpectedError: Draco, and its library is not installed.
    """
    return list(_File(file_content(path), shape_only).parts())


class _File:
    """A file in memory; `tree` is its JSON."""

    def __init__(self, data: bytes, shape_only: bool) -> None:
        self.shape_only = shape_only
        chunks = dict(_chunks(data))
        self.tree: Tree = json.loads(chunks[JSON_CHUNK].tobytes())
        unknown = sorted(set(self.tree.get("extensionsRequired", ())) - UNDERSTOOD)
        if unknown:
            raise UnreadableError(f"requires {', '.join(unknown)}, which is not read here; export it without.")
        inside = [chunks.get(BINARY_CHUNK, b"")]  # what the first buffer without an address stands for
        self.buffers = [
            memoryview(_inline(buffer["uri"]) if "uri" in buffer else inside.pop() if inside else b"")
            for buffer in self.tree.get("buffers", [])
        ]
        self.pictures: dict[Any, Picture] = {}

    def parts(self) -> Iterator[Part]:
        for node, matrix in self._placed():
            if "EXT_mesh_gpu_instancing" in node.get("extensions", ()):
                raise UnreadableError("has nodes of EXT_mesh_gpu_instancing, which is not read; export single meshes.")
            if "mesh" not in node:
                continue
            if "skin" in node:
                raise UnreadableError("is bound to a skeleton (skin); apply its pose before the export.")
            mesh = self.tree["meshes"][node["mesh"]]
            if any(node.get("weights", mesh.get("weights", ()))):
                raise UnreadableError("blends between shapes (morph targets); apply them before the export.")
            for primitive in mesh["primitives"]:
                if primitive.get("mode", TRIANGLES) in (TRIANGLES, STRIP, FAN):
                    yield self._part(primitive, matrix)

    def _placed(self) -> Iterator[tuple[Tree, np.ndarray]]:
        """Every node of the scene with its matrix [4, 4] to the world."""
        nodes, seen = self.tree.get("nodes", []), set()
        if "scenes" in self.tree:
            roots = self.tree["scenes"][self.tree.get("scene", 0)].get("nodes", [])
        else:
            roots = sorted(set(range(len(nodes))) - {child for node in nodes for child in node.get("children", ())})
        waiting = [(root, np.eye(4)) for root in reversed(roots)]
        while waiting:
            number, parent = waiting.pop()
            if number in seen:
                raise UnreadableError("is damaged: a node has two parents.")
            seen.add(number)
            node = nodes[number]
            matrix = parent @ _matrix(node)
            waiting += [(child, matrix) for child in reversed(node.get("children", []))]
            yield node, matrix

    def _part(self, primitive: Tree, matrix: np.ndarray) -> Part:
        arrays = self._arrays(primitive)
        points = arrays["POSITION"] @ matrix[:3, :3].T + matrix[:3, 3]
        order = np.arange(len(points)) if "indices" not in arrays else arrays["indices"].astype(np.int64).reshape(-1)
        faces = _faces(order, primitive.get("mode", TRIANGLES))
        if np.linalg.det(matrix[:3, :3]) < 0:  # a mirror turns the surface inside out
            faces = faces[:, ::-1]
        material = {} if self.shape_only else self._material(primitive)
        color = np.array(material.get("factor", [1.0] * 4), np.float64)[:3]
        is_one_color = True
        if "COLOR_0" in arrays and not self.shape_only:
            colors = arrays["COLOR_0"][faces.reshape(-1), :3]
            is_one_color = bool((colors == colors[:1]).all())
            color = color * colors[:1].prod(0) if is_one_color else color  # of a part without faces there is none
        if not np.isfinite(color).all():
            raise UnreadableError("is damaged: a colour of a material is not finite.")
        texture = material.get("texture")
        if texture is None:
            return Part(points, faces, color=tuple(_to_srgb(color).tolist()) if is_one_color else None)
        if not is_one_color:
            raise UnreadableError(
                "has colours of vertices on a picture, which are not read; bake them into the picture."
            )
        move = texture.get("extensions", {}).get(TRANSFORM, {})
        name = f"TEXCOORD_{move.get('texCoord', texture.get('texCoord', 0))}"
        if name not in arrays:
            raise UnreadableError(f"has a picture on a part without texture coordinates ({name}); unwrap it.")
        uvs = _transformed(arrays[name], move)
        uvs = np.stack([uvs[:, 0], 1 - uvs[:, 1]], 1)  # v = 0 is the top in glTF
        return Part(points, faces, uvs[faces], self._picture(texture["index"], tuple(color.tolist())))

    def _arrays(self, primitive: Tree) -> dict[str, np.ndarray]:
        """The attributes [N, columns] as real numbers, and the indices, of a primitive."""
        draco = primitive.get("extensions", {}).get(DRACO)
        names = {n: i for n, i in primitive["attributes"].items() if n.startswith(("POSITION", "TEXCOORD_", "COLOR_0"))}
        if "indices" in primitive:
            names["indices"] = primitive["indices"]
        packed = {} if draco is None else _draco(self._view(draco["bufferView"]), draco["attributes"])
        return {
            name: _real(packed[name], self.tree["accessors"][index]) if name in packed else self._accessor(index)
            for name, index in names.items()
        }

    def _view(self, index: int) -> memoryview:
        view = self.tree["bufferViews"][index]
        start = view.get("byteOffset", 0)
        data = self.buffers[view["buffer"]][start : start + view["byteLength"]]
        if min(start, view["byteLength"]) < 0 or len(data) < view["byteLength"]:
            without = f" without {', '.join(view['extensions'])}" if "extensions" in view else ""
            raise UnreadableError(f"is damaged: a part of its data is not there; export it again{without}.")
        return data

    def _accessor(self, index: int) -> np.ndarray:
        accessor = self.tree["accessors"][index]
        dtype, columns = np.dtype(NUMBERS[accessor["componentType"]]), COLUMNS[accessor["type"]]
        if "bufferView" in accessor:
            values = self._rows(accessor, accessor["count"], dtype, columns).copy()
        elif "sparse" in accessor and accessor["count"] * columns * dtype.itemsize <= MOST_ZEROS:
            values = np.zeros((accessor["count"], columns), dtype)
        else:
            raise UnreadableError("has vertices or faces without data; export it again, without compression.")
        if sparse := accessor.get("sparse"):
            places = np.dtype(NUMBERS[sparse["indices"]["componentType"]])
            where = self._rows(sparse["indices"], sparse["count"], places, 1)[:, 0]
            values[where] = self._rows(sparse["values"], sparse["count"], dtype, columns)
        return _real(values, accessor)

    def _rows(self, place: Tree, count: int, dtype: np.dtype, columns: int) -> np.ndarray:
        """[count, columns] numbers of an accessor, which may lie among others."""
        view, data = self.tree["bufferViews"][place["bufferView"]], self._view(place["bufferView"])
        size = columns * dtype.itemsize
        stride, start = view.get("byteStride", size), place.get("byteOffset", 0)
        if count < 1 or stride < size or start < 0 or start + (count - 1) * stride + size > len(data):
            raise UnreadableError("is damaged: its sizes do not fit its data.")
        return np.ndarray((count, columns), dtype, data, start, (stride, dtype.itemsize))

    def _material(self, primitive: Tree) -> Tree:
        """ "factor" and "texture" of the base colour, where they are given."""
        if "material" not in primitive:
            return {}
        material = self.tree["materials"][primitive["material"]]
        glossy = material.get("extensions", {}).get(GLOSSINESS)
        metallic = material.get("pbrMetallicRoughness", {})
        names, source = ("diffuseFactor", "diffuseTexture"), glossy
        if glossy is None:
            names, source = ("baseColorFactor", "baseColorTexture"), metallic
        return {ours: source[theirs] for ours, theirs in zip(("factor", "texture"), names) if theirs in source}

    def _picture(self, index: int, factor: tuple[float, ...]) -> Picture:
        if (index, factor) not in self.pictures:
            texture = self.tree["textures"][index]
            sampler = self.tree["samplers"][texture["sampler"]] if "sampler" in texture else {}
            texels = self._texels(texture)
            if factor != (1.0, 1.0, 1.0):
                texels = np.round(_to_srgb(_to_linear(texels / 255.0) * factor) * 255).astype(np.uint8)
            wrap_u, wrap_v = (WRAPS[sampler.get(name, 10497)] for name in ("wrapS", "wrapT"))
            self.pictures[index, factor] = Picture(texels, wrap_u, wrap_v)
        return self.pictures[index, factor]

    def _texels(self, texture: Tree) -> np.ndarray:
        extensions = texture.get("extensions", {})
        source = next((extensions[name]["source"] for name in TEXTURE_SOURCES if name in extensions), None)
        source = texture.get("source") if source is None else source
        if source is None:
            kinds = ", ".join(extensions) or "without a source"
            raise UnreadableError(f"has a picture of a kind that is not read ({kinds}); export it with PNG or JPEG.")
        image = self.tree["images"][source]
        data = self._view(image["bufferView"]) if "bufferView" in image else _inline(image["uri"])
        return read_texels(data, f"picture {source} of its own")


def _chunks(data: bytes) -> Iterator[tuple[int, memoryview]]:
    """The kind and content of each chunk."""
    magic, version, length = struct.unpack_from("<4sII", data)
    if magic != b"glTF" or version != 2 or length > len(data):
        raise UnreadableError("is damaged, or no glTF binary file of version 2.")
    view, start = memoryview(data)[:length], 12
    while start + 8 <= length:
        size, kind = struct.unpack_from("<II", view, start)
        start += 8 + size
        if start > length:
            raise UnreadableError("is damaged: it ends before its content does.")
        yield kind, view[start - size : start]


def _inline(uri: str) -> bytes:
    """The bytes that a data: URI holds."""
    if not uri.startswith("data:"):
        raise UnreadableError("needs files outside itself; export it as one .glb with everything inside.")
    return base64.b64decode(uri.partition(",")[2], validate=True)


def _matrix(node: Tree) -> np.ndarray:
    """[4, 4] of a node, to its parent."""
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    matrix = np.eye(4)
    x, y, z, w = node.get("rotation", (0.0, 0.0, 0.0, 1.0))
    norm = (x * x + y * y + z * z + w * w) or 1.0
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    rotation = np.eye(3) + 2 * (w * cross + cross @ cross) / norm
    matrix[:3, :3] = rotation * np.array(node.get("scale", (1.0, 1.0, 1.0)))
    matrix[:3, 3] = node.get("translation", (0.0, 0.0, 0.0))
    return matrix


def _faces(order: np.ndarray, mode: int) -> np.ndarray:
    """[F, 3] of vertices in their order, all of one winding."""
    if mode == TRIANGLES:
        return order[: len(order) // 3 * 3].reshape(-1, 3)
    first = np.arange(len(order) - 2)
    if mode == FAN:
        return np.stack([np.full_like(first, order[0]), order[first + 1], order[first + 2]], 1)
    odd = first % 2
    return np.stack([order[first], order[first + 1 + odd], order[first + 2 - odd]], 1)


def _real(values: np.ndarray, accessor: Tree) -> np.ndarray:
    """[N, columns] integers as the numbers that they stand for."""
    if not accessor.get("normalized") or values.dtype.kind == "f":
        return values.astype(np.float64)
    return np.maximum(values / float(np.iinfo(NUMBERS[accessor["componentType"]]).max), -1.0)


def _transformed(uvs: np.ndarray, move: Tree) -> np.ndarray:
    """Texture coordinates [N, 2] moved by a KHR_texture_transform: scaled, turned, shifted."""
    angle = move.get("rotation", 0.0)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (uvs * np.array(move.get("scale", (1.0, 1.0)))) @ turn.T + np.array(move.get("offset", (0.0, 0.0)))


def _draco(data: memoryview, ids: dict[str, int]) -> dict[str, np.ndarray]:
    """Attributes and indices of a compressed primitive."""
    require("eval", f"A mesh of {DRACO}", "DracoPy")
    import DracoPy

    try:
        decoded = DracoPy.decode(bytes(data))
        inside = {attribute["unique_id"]: np.asarray(attribute["data"]) for attribute in decoded.attributes}
        faces = np.asarray(getattr(decoded, "faces", []))  # a cloud of points has none
    except Exception as error:  # a decoder raises whatever the broken bytes lead to
        raise UnreadableError(f"is damaged: its {DRACO} cannot be decoded ({error}).") from error
    missing = [name for name, number in ids.items() if number not in inside] + ["faces"] * (not faces.size)
    if missing:
        raise UnreadableError(f"is damaged: its {DRACO} cannot be decoded: it holds no {', '.join(missing)}.")
    return {name: inside[number] for name, number in ids.items()} | {"indices": faces}


def _to_linear(srgb: np.ndarray) -> np.ndarray:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _to_srgb(linear: np.ndarray) -> np.ndarray:
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
