"""A small writer of .glb files, for what trimesh would not write."""

import io
import json
import struct

import numpy as np
from PIL import Image

CUBE = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)], np.float32)
CUBE_FACES = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1]]
    + [[2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]],
    np.uint32,
)
SQUARE = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
SQUARE_UVS = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)  # of glTF: v = 0 is the top
SQUARE_FACES = np.array([[0, 1, 2], [0, 2, 3]], np.uint16)
NUMBERS = {"int8": 5120, "uint8": 5121, "int16": 5122, "uint16": 5123, "uint32": 5125, "float32": 5126}
KINDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}


class Glb:
    """A tree that grows: arrays, pictures, materials and parts are added, and give their number."""

    def __init__(self, **tree):
        self.blob = b""
        self.tree = {"asset": {"version": "2.0"}, "bufferViews": [], "accessors": [], "meshes": [{"primitives": []}]}
        self.tree |= {"nodes": [{"mesh": 0}], "scenes": [{"nodes": [0]}], "scene": 0, **tree}

    def add(self, kind, item):
        self.tree.setdefault(kind, []).append(item)
        return len(self.tree[kind]) - 1

    def view(self, data, **more):
        place = {"buffer": 0, "byteOffset": len(self.blob), "byteLength": len(data)}
        self.blob += data + b"\0" * (-len(data) % 4)
        return self.add("bufferViews", place | more)

    def array(self, values, **more):
        values = np.asarray(values)
        flat = values.reshape(len(values), -1) if not more.pop("scalar", False) else values.reshape(-1, 1)
        kind = {"componentType": NUMBERS[values.dtype.name], "count": len(flat), "type": KINDS[flat.shape[1]]}
        return self.add("accessors", {"bufferView": self.view(flat.tobytes()), **kind, **more})

    def part(self, positions=CUBE, faces=CUBE_FACES, mode=4, quantised=(), **rest):
        """Attributes are arrays, or arguments of `array`; `quantised` names those that are normalised."""
        material = rest.pop("material", None)
        named = {"POSITION": positions, **rest}
        attributes = {n: self.array(a, **({"normalized": True} if n in quantised else {})) for n, a in named.items()}
        primitive = {"attributes": attributes, "mode": mode}
        if faces is not None:
            primitive["indices"] = self.array(faces, scalar=True)
        if material is not None:
            primitive["material"] = material
        self.tree["meshes"][0]["primitives"].append(primitive)
        return self

    def material(self, picture=None, factor=None, texture=None, sampler=None, format="PNG"):
        """`picture` is a Pillow image or the bytes of a file; `texture` more of the reference to it."""
        content = {} if factor is None else {"baseColorFactor": factor}
        if picture is not None:
            if isinstance(picture, Image.Image):
                file = io.BytesIO()
                picture.save(file, format)
                picture = file.getvalue()
            source = {"source": self.add("images", {"bufferView": self.view(picture), "mimeType": "image/png"})}
            if sampler is not None:
                source["sampler"] = self.add("samplers", sampler)
            content["baseColorTexture"] = {"index": self.add("textures", source), **(texture or {})}
        return self.add("materials", {"pbrMetallicRoughness": content})

    def write(self, path):
        self.tree["buffers"] = [{"byteLength": len(self.blob)}, *self.tree.get("buffers", [])]
        text = json.dumps(self.tree).encode()
        text += b" " * (-len(text) % 4)
        body = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(self.blob), 0x004E4942)
        path.write_bytes(struct.pack("<III", 0x46546C67, 2, 12 + len(body) + len(self.blob)) + body + self.blob)
        return path
