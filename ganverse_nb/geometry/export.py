"""Meshes for and from other programs: glTF binary (.glb) and Wavefront (.obj), with their texture."""

from __future__ import annotations

import errno
import hashlib
import math
import os
import re
import tempfile
import uuid
from pathlib import Path
from typing import Any

import torch

from ganverse_nb.geometry.gltf import read_glb
from ganverse_nb.geometry.materials import names_file
from ganverse_nb.geometry.mesh import Mesh, vertex_normals
from ganverse_nb.geometry.parts import UnreadableError, join_parts
from ganverse_nb.geometry.wavefront import read_obj
from ganverse_nb.runtime.errors import CAUSES, ExpectedError

FORMATS = (".glb", ".obj")
LONGEST = 40  # characters that the names of other files take from a mesh's: no system takes more than 255 bytes
# numbers of the glTF 2.0 specification
_ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER = 34962, 34963
_LINEAR, _MIPMAPS, _REPEAT, _CLAMP = 9729, 9987, 10497, 33071


def save_mesh(mesh: Mesh, path: str | Path) -> Path:
    """Writes one mesh (batch of 1) with its texture; y is up and the front faces +z, as glTF wants it.

    An .obj comes with its companions: with car.obj car.mtl and, of the texture, car_texture.png. Corners that share
    position and texture coordinate share a vertex, so the seam of a sphere is split; normals stay smooth across it. The
    texture becomes an 8 bit PNG of the same values, which is sRGB to every reader; values outside [0, 1] are clamped.

    Raises:
        ValueError: a batch of several meshes, a vertex that is not finite, a suffix that is neither .glb nor .obj, or
            the place is taken (`check_place`).
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
            material = trimesh.visual.material.SimpleMaterial(
                picture, white, white, black, name=companions(path)[0].stem
            )
        else:
            material = trimesh.visual.material.PBRMaterial(
                name=path.stem, baseColorTexture=picture, metallicFactor=0.0, roughnessFactor=1.0, doubleSided=True
            )
        visual = trimesh.visual.TextureVisuals(uv=unique[:, 1:].detach().cpu().numpy(), material=material)
    body = trimesh.Trimesh(
        vertices.detach().cpu().numpy(),
        faces.cpu().numpy(),
        vertex_normals=normals.detach().cpu().numpy(),
        visual=visual,
        process=False,
    )
    check_place(path, visual is not None)
    path.parent.mkdir(parents=True, exist_ok=True)
    leftover = f".{uuid.uuid4().hex[:8]}"  # see `files.LEFTOVER`
    with tempfile.TemporaryDirectory(leftover, f".{path.stem[:LONGEST]}.", path.parent) as folder:
        options: dict[str, Any] = {"tree_postprocessor": _complete}
        if path.suffix.lower() == ".obj":  # whose numbers have so many digits after the point, in any unit
            side = float((mesh.vertices.amax(1) - mesh.vertices.amin(1)).max()) or 1.0
            options = {"digits": 8 + max(0, -math.floor(math.log10(side)))}
            options |= {"mtl_name": companions(path)[1].name} if visual is not None else {}
        body.export(Path(folder) / path.name, include_normals=True, **options)
        for part in sorted(Path(folder).iterdir(), key=lambda p: p.name == path.name):  # the mesh itself comes last
            os.replace(part, path.parent / part.name)
    return path


def companions(path: Path) -> tuple[Path, Path]:
    """The picture and the .mtl of an .obj, called like it and like no picture that it may be made of.

    Of a name that is long, or has characters that mean something to readers of .obj, its hash tells it from others.
    """
    stem = re.sub(r"[^\w.-]|^-", "_", path.stem)[:LONGEST]
    if stem != path.stem:
        stem = f"{stem}-{hashlib.sha256(os.fsencode(path.stem)).hexdigest()[:8]}"
    return path.with_name(f"{stem}_texture.png"), path.with_name(f"{stem}.mtl")


def check_place(path: Path, has_texture: bool = True) -> None:
    """Nothing but an earlier mesh and its companions may be overwritten by one that is written to `path`.

    Raises:
        ValueError: a companion of an .obj would take the place of a file that the .obj there does not name.
        IsADirectoryError: it is a folder.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not has_texture or path.suffix.lower() != ".obj":
        return
    picture, library = companions(path)
    for file, owner, word in ((library, path, "mtllib"), (picture, library, "map_kd")):
        if os.path.lexists(file) and not names_file(owner, word, file.name):
            raise ValueError(
                f"{path} comes with a file {file.name}, and there is one already that belongs to no earlier "
                f"{path.name}: move it away, or choose another name."
            )


def load_mesh(path: str | Path, shape_only: bool = False) -> Mesh:
    """The mesh (batch of 1) of a .glb or .obj file, with its texture and texture coordinates where it has both.

    All parts of the file become one mesh, placed as the file says, and their pictures one texture (`join_parts`).
    What `save_mesh` wrote comes back as it was, but for texture values rounded to 8 bits. What shapes the surface or
    its base colour is honoured, or the file is refused (`gltf.read_glb`, `wavefront.read_obj`); normals, light,
    transparency, and colours where there is no picture at all, are not read.

    Args:
        shape_only: materials and pictures are not looked at: one that is missing is no error, the mesh has no texture.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: another suffix, a damaged file, one without triangles, one whose picture is missing or damaged, or
            one that needs what is not read; the message names it.
        ExpectedError: a .glb compressed with Draco, and DracoPy is not installed.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path}: meshes are read from {' or '.join(FORMATS)}.")
    if not path.is_file():
        raise FileNotFoundError(f"There is no mesh at {path}.")
    read = read_glb if path.suffix.lower() == ".glb" else read_obj
    try:
        return join_parts(read(path, shape_only))
    except UnreadableError as error:
        raise ValueError(f"{path} {error}") from error
    except ExpectedError as error:
        raise ExpectedError(f"{path}: {error}") from error
    except Exception as error:  # broken bytes lead to whatever
        if isinstance(error, OSError) and error.errno in CAUSES and error.filename in (path, str(path)):
            raise
        raise ValueError(f"{path} is damaged, or no {path.suffix} file ({type(error).__name__}: {error}).") from error


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
