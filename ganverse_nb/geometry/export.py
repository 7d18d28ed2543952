"""Meshes for other programs: glTF binary (.glb) and Wavefront (.obj), with their texture."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import torch

from .mesh import Mesh, vertex_normals

FORMATS = (".glb", ".obj")


def save_mesh(mesh: Mesh, path: str | Path) -> Path:
    """Writes one mesh (batch of 1) with its texture; y is up and the front faces +z, as glTF wants it.

    An .obj comes with an .mtl and a .png of the same stem. Corners that share position and texture coordinate share a
    vertex, so the seam of a sphere is split; normals stay smooth across it.

    Raises:
        ValueError: a batch of several meshes, or a suffix that is neither .glb nor .obj.
    """
    import trimesh
    from PIL import Image

    path = Path(path)
    if len(mesh) != 1:
        raise ValueError(f"save_mesh: one mesh at a time, got a batch of {len(mesh)}; pick one, as in mesh[0].")
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path}: meshes are written as {' or '.join(FORMATS)}.")
    normals = vertex_normals(mesh.vertices, mesh.faces)[0]
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
                name=path.stem, baseColorTexture=picture, metallicFactor=0.0, roughnessFactor=1.0
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
        options = {"mtl_name": f"{path.stem}.mtl"} if path.suffix.lower() == ".obj" and visual is not None else {}
        body.export(Path(folder) / path.name, include_normals=True, **options)
        for part in sorted(Path(folder).iterdir(), key=lambda p: p.name == path.name):  # the mesh itself comes last
            os.replace(part, path.parent / part.name)
    return path
