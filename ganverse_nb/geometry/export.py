"""Meshes for and from other programs: glTF binary (.glb) and Wavefront (.obj), with their texture."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganverse_nb.geometry.mesh import Mesh, vertex_normals

FORMATS = (".glb", ".obj")
# numbers of the glTF 2.0 specification
_ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER = 34962, 34963
_LINEAR, _MIPMAPS, _REPEAT, _CLAMP = 9729, 9987, 10497, 33071


def save_mesh(mesh: Mesh, path: str | Path) -> Path:
    """Writes one mesh (batch of 1) with its texture; y is up and the front faces +z, as glTF wants it.

    An .obj comes with an .mtl and a .png of the same stem. Corners that share position and texture coordinate share a
    vertex, so the seam of a sphere is split; normals stay smooth across it. The texture becomes an 8 bit PNG of the
    same values, which is sRGB to every reader; values outside [0, 1] are clamped.

    Raises:
        ValueError: a batch of several meshes, a vertex that is not finite, or a suffix that is neither .glb nor .obj.
    """
    import trimesh
    from PIL import Image

    path = Path(path)
    if len(mesh) != 1:
        raise ValueError(f"save_mesh: one mesh at a time, got a batch of {len(mesh)}; pick one, as in mesh[0].")
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path}: meshes are written as {' or '.join(FORMATS)}.")
    if not torch.isfinite(mesh.vertices).all():
        raise ValueError("save_mesh: the mesh has a vertex that is not finite.")
    normals = vertex_normals(mesh.vertices, mesh.faces)[0]
    up = normals.new_tensor([0.0, 1.0, 0.0])  # glTF knows unit normals only, even where a vertex has no area around it
    normals = torch.where(normals.norm(dim=-1, keepdim=True) > 0.5, normals, up)
    if mesh.face_uvs is None or mesh.texture is None:
        vertices, faces, visual = mesh.vertices[0], mesh.faces, None
    else:
        corners = torch.cat([mesh.faces.reshape(-1, 1).double(), mesh.face_uvs.reshape(-1, 2).double()], 1)
        unique, index = corners.unique(dim=0, return_inverse=True)
        source = unique[:, 0].long()
        vertices, normals, faces = mesh.vertices[0, source], normals[source], index.reshape(-1, 3)
        pixels = (mesh.texture[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0)
        picture = Image.fromarray(pixels.cpu().numpy())
        if path.suffix.lower() == ".obj":
            white, black = [255, 255, 255, 255], [0, 0, 0, 255]
            material = trimesh.visual.material.SimpleMaterial(picture, white, white, black, name=path.stem)
        else:
            material = trimesh.visual.material.PBRMaterial(
                name=path.stem, baseColorTexture=picture, metallicFactor=0.0, roughnessFactor=1.0, doubleSided=True
            )
        visual = trimesh.visual.TextureVisuals(uv=unique[:, 1:].cpu().numpy(), material=material)
    body = trimesh.Trimesh(
        vertices.detach().cpu().numpy(),
        faces.cpu().numpy(),
        vertex_normals=normals.detach().cpu().numpy(),
        visual=visual,
        process=False,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
        options: dict[str, Any] = {"tree_postprocessor": _complete}
        if path.suffix.lower() == ".obj":
            options = {"mtl_name": f"{path.stem}.mtl"} if visual is not None else {}
        body.export(Path(folder) / path.name, include_normals=True, **options)
        for part in sorted(Path(folder).iterdir(), key=lambda p: p.name == path.name):  # the mesh itself comes last
            os.replace(part, path.parent / part.name)
    return path


def load_mesh(path: str | Path) -> Mesh:
    """The mesh (batch of 1) of a .glb or .obj file, with its texture and texture coordinates where it has both.

    All parts of the file become one mesh, placed as the file says. Vertices at exactly the same place become one, so
    that a seam closes: what `save_mesh` wrote comes back as it was, but for texture values rounded to 8 bits.
    Normals, and colours that are no picture, are not read.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: another suffix, a damaged file, one without triangles, one whose picture is missing or damaged, or
            one with several pictures.
    """
    import trimesh

    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path}: meshes are read from {' or '.join(FORMATS)}.")
    if not path.is_file():
        raise FileNotFoundError(f"There is no mesh at {path}.")
    try:
        scene = trimesh.load_scene(path, process=False)
        parts = [(scene.graph[node], scene.geometry[scene.graph[node][1]]) for node in scene.graph.nodes_geometry]
        bodies = [
            (matrix, body) for (matrix, _), body in parts if isinstance(body, trimesh.Trimesh) and len(body.faces)
        ]
        pictures = [_picture(body) for _, body in bodies]
    except Exception as error:  # trimesh's readers raise whatever the broken bytes lead to
        raise ValueError(f"{path} is damaged, or no {path.suffix} file ({type(error).__name__}: {error}).") from error
    if not bodies:
        raise ValueError(f"{path} holds no triangles; export it as a mesh with faces.")
    different = {picture.numpy().tobytes(): picture for picture in pictures if picture is not None}
    if len(different) > 1 or (different and any(picture is None for picture in pictures)):
        raise ValueError(f"{path} has {len(different)} pictures for {len(bodies)} parts; a mesh has one for all of it.")
    if not different and _names_picture(path):
        raise ValueError(
            f"{path} names a picture that is missing or damaged; an .obj needs its .mtl and .png beside it."
        )
    points = np.concatenate([trimesh.transform_points(body.vertices, matrix) for matrix, body in bodies])
    starts = np.cumsum([0, *(len(body.vertices) for _, body in bodies)])
    corners = np.concatenate([body.faces + start for (_, body), start in zip(bodies, starts)])
    if not np.isfinite(points).all() or corners.min() < 0 or corners.max() >= len(points):
        raise ValueError(f"{path} is damaged: a vertex is not finite, or a face names one that is not there.")
    vertices, index = _joined(torch.from_numpy(points.astype(np.float32)))
    faces = index[torch.from_numpy(corners.astype(np.int64))]
    if not different:
        return Mesh(vertices[None], faces)
    uvs = np.concatenate([body.visual.uv for _, body in bodies])[corners].astype(np.float32)
    (picture,) = different.values()
    return Mesh(vertices[None], faces, torch.from_numpy(uvs), picture.permute(2, 0, 1)[None].float() / 255)


def _complete(tree: dict[str, Any]) -> None:
    """What trimesh leaves out of a glTF tree: what each buffer is for, and how the texture goes on beyond its edge."""
    for mesh in tree["meshes"]:
        for primitive in mesh["primitives"]:
            targets = dict.fromkeys(primitive["attributes"].values(), _ARRAY_BUFFER)
            for accessor, target in (targets | {primitive["indices"]: _ELEMENT_ARRAY_BUFFER}).items():
                tree["bufferViews"][tree["accessors"][accessor]["bufferView"]]["target"] = target
    for texture in tree.get("textures", []):
        tree["samplers"] = [{"magFilter": _LINEAR, "minFilter": _MIPMAPS, "wrapS": _REPEAT, "wrapT": _CLAMP}]
        texture["sampler"] = 0


def _picture(body: Any) -> Tensor | None:
    """[Ht, Wt, 3] uint8 texture of a part, if it has one and coordinates to go with it."""
    material = getattr(body.visual, "material", None)
    image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    if image is None or image.format is None or getattr(body.visual, "uv", None) is None:
        return None  # a picture of no format came from no file: trimesh puts one pixel where there is no material
    return torch.from_numpy(np.array(image.convert("RGB")))


def _names_picture(path: Path) -> bool:
    """Whether the file says that it has a texture; trimesh is silent about one that it cannot read."""
    data = path.read_bytes()
    if path.suffix.lower() == ".glb":
        return b'"baseColorTexture"' in data
    libraries = [line.split(maxsplit=1)[1].strip() for line in data.splitlines() if line.startswith(b"mtllib ")]
    files = [path.parent / os.fsdecode(name) for name in libraries]
    return any(not file.is_file() or b"map_Kd" in file.read_bytes() for file in files)


def _joined(points: Tensor) -> tuple[Tensor, Tensor]:
    """The different ones among `points` [N, 3], in the order in which they come, and the new index of each [N]."""
    _, group = (points + 0.0).unique(dim=0, return_inverse=True)  # + 0 makes -0 and 0 the same
    first = torch.full((int(group.max()) + 1,), len(points)).scatter_reduce(0, group, torch.arange(len(points)), "amin")
    order = first.argsort()
    return points[first[order]], order.argsort()[group]
