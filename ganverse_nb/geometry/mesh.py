"""Triangle meshes and the UV sphere that every prediction deforms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

SPHERE_RINGS, SPHERE_SEGMENTS = 20, 32


@dataclass(frozen=True)
class Mesh:
    """A batch of B meshes that share their topology, or different ones padded to one size by `join_meshes`.

    Attributes:
        vertices: [B, V, 3] world space.
        faces: [F, 3] int64, counter-clockwise seen from outside; [B, F, 3] where each of several meshes has its own. A
            single mesh has no need of that: what comes as [1, F, 3] is kept as [F, 3].
        face_uvs: [F, 3, 2] (with own faces [B, F, 3, 2]) texture coordinates of each corner, or None. u may exceed 1
            across the seam (textures wrap in u); v = 0 is the bottom row of the texture.
        texture: [B or 1, 3, Ht, Wt] RGB in [0, 1], row 0 on top (v = 1), or None.
    """

    vertices: Tensor
    faces: Tensor
    face_uvs: Tensor | None = None
    texture: Tensor | None = None

    def __post_init__(self) -> None:
        if self.vertices.ndim != 3 or self.vertices.shape[-1] != 3:
            raise ValueError(f"Mesh: vertices must be [B, V, 3], got {tuple(self.vertices.shape)}.")
        own = self.faces.ndim == 3 and len(self.faces) == len(self.vertices)
        if not (self.faces.ndim == 2 or own) or self.faces.shape[-1] != 3 or self.faces.dtype != torch.int64:
            raise ValueError(f"Mesh: faces must be [F, 3] int64, got {tuple(self.faces.shape)} {self.faces.dtype}.")
        if self.face_uvs is not None and self.face_uvs.shape != (*self.faces.shape, 2):
            raise ValueError(f"Mesh: face_uvs must be [F, 3, 2], got {tuple(self.face_uvs.shape)}.")
        if self.texture is not None and (self.texture.ndim != 4 or self.texture.shape[1] != 3):
            raise ValueError(f"Mesh: texture must be [B, 3, Ht, Wt], got {tuple(self.texture.shape)}.")
        if self.faces.ndim == 3 and len(self.faces) == 1:
            object.__setattr__(self, "faces", self.faces[0])
            object.__setattr__(self, "face_uvs", None if self.face_uvs is None else self.face_uvs[0])

    def __len__(self) -> int:
        return len(self.vertices)

    def __getitem__(self, index: int | slice | list[int] | Tensor) -> Mesh:
        index = [index] if isinstance(index, int) else index
        faces, face_uvs, texture = self.faces, self.face_uvs, self.texture
        if faces.ndim == 3:
            faces, face_uvs = faces[index], None if face_uvs is None else face_uvs[index]
        if texture is not None and not len(texture) == 1 < len(self):  # which all share
            texture = texture[index]
        return Mesh(self.vertices[index], faces, face_uvs, texture)

    @classmethod
    def load(cls, path: str | Path, shape_only: bool = False) -> Mesh:
        """The mesh (batch of 1) of a .glb or .obj file, see `geometry.export.load_mesh`; the same errors.

        Examples:
            >>> Mesh.load(uv_sphere().save(folder / "sphere.glb")).faces.shape
            torch.Size([1280, 3])
        """
        from ganverse_nb.geometry.export import load_mesh

        return load_mesh(path, shape_only)

    def save(self, path: str | Path) -> Path:
        """Writes one mesh (batch of 1) as .glb or .obj, see `geometry.export.save_mesh`; the same errors.

        Examples:
            >>> uv_sphere().save(folder / "sphere.obj").name
            'sphere.obj'
        """
        from ganverse_nb.geometry.export import save_mesh

        return save_mesh(self, path)

    def to(self, device: torch.device | str) -> Mesh:
        """The same meshes on another device."""
        move = lambda t: None if t is None else t.to(device)  # noqa: E731
        return Mesh(self.vertices.to(device), self.faces.to(device), move(self.face_uvs), move(self.texture))


def join_meshes(meshes: Sequence[Mesh]) -> Mesh:
    """One batch of meshes of any topology, in their order: rendered in one call, each as if it were alone.

    Vertices are padded with the origin and faces with (0, 0, 0), which is never seen. Textures must have one size; a
    texture that several meshes of a batch share is repeated.

    Raises:
        ValueError: no meshes, or some with and some without a texture, or textures, dtypes or devices that differ.
    """
    if not meshes:
        raise ValueError("join_meshes: meshes is empty; give at least one.")
    kinds = {(m.vertices.dtype, m.vertices.device, m.face_uvs is None, m.texture is None) for m in meshes}
    sizes = {tuple(m.texture.shape[1:]) for m in meshes if m.texture is not None}
    if len(kinds) > 1 or len(sizes) > 1:
        raise ValueError(
            "join_meshes: meshes must agree in dtype, device and in having face_uvs and a texture [3, Ht, Wt] of one "
            f"size; got (dtype, device, no face_uvs, no texture) {kinds} and textures {sizes}."
        )

    for m in meshes:
        if m.texture is not None and len(m.texture) not in (1, len(m)):
            raise ValueError(f"join_meshes: {len(m)} meshes have {len(m.texture)} textures; give one or {len(m)}.")

    def padded(tensors: Sequence[Tensor], rows: int) -> Tensor:
        """[B, N, ...] of a batch of [n, ...] or [B, n, ...] per mesh, followed by zeros."""
        count, parts = max(t.shape[-rows] for t in tensors), []
        for mesh, t in zip(meshes, tensors):
            t = t.expand(len(mesh), *t.shape[-rows:])
            parts.append(torch.cat([t, t.new_zeros(len(mesh), count - t.shape[1], *t.shape[2:])], 1))
        return torch.cat(parts)

    uvs = [m.face_uvs for m in meshes if m.face_uvs is not None]
    textures = [m.texture.expand(len(m), -1, -1, -1) for m in meshes if m.texture is not None]
    return Mesh(
        padded([m.vertices for m in meshes], 2),
        padded([m.faces for m in meshes], 2),
        padded(uvs, 3) if uvs else None,
        torch.cat(textures) if textures else None,
    )


def corners(values: Tensor, faces: Tensor) -> Tensor:
    """[B, F, 3, C] values [B or 1, V, C] of the vertices at the corners of faces [F, 3] or [B or 1, F, 3]."""
    if faces.ndim == 2:
        return values[:, faces]
    batch = max(len(values), len(faces))
    index = faces.flatten(1)[..., None].expand(batch, -1, values.shape[-1])
    return values.expand(batch, -1, -1).gather(1, index).unflatten(1, (-1, 3))


def face_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """[B, F, 3] normals whose length is twice the face's area (counter-clockwise faces point outwards)."""
    a, b, c = corners(vertices, faces).unbind(2)
    return torch.linalg.cross(b - a, c - a, dim=-1)


def power_of_two(length: Tensor) -> Tensor:
    """The power of two at or below each positive length, 1 elsewhere: a unit to divide by without any rounding.

    Products of the lengths of a tiny mesh would otherwise vanish, or fall below a bound meant for one of size 1.
    """
    length = length.detach()
    return torch.where(length > 0, length.log2().floor().exp2(), 1.0)


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """[B, V, 3] unit normals, the faces around a vertex weighted by area; zero where a vertex has no area."""
    per_face = face_normals(vertices, faces)
    total = torch.zeros_like(vertices)
    for corner in range(3):
        if faces.ndim == 2:
            total = total.index_add(1, faces[:, corner], per_face)
        else:
            total = total.scatter_add(1, faces[..., corner, None].expand(-1, -1, 3), per_face)
    return directions(total)


def directions(vectors: Tensor) -> Tensor:
    """Vectors [..., 3] of any size with length 1, zero where they are zero."""
    return torch.nn.functional.normalize(vectors / power_of_two(vectors.abs().amax(-1, keepdim=True)), dim=-1)


def uv_sphere(rings: int = SPHERE_RINGS, segments: int = SPHERE_SEGMENTS) -> Mesh:
    """The unit sphere of `rings` x `segments` vertices plus two poles on the y axis; 642 vertices by default.

    Texture coordinates are per corner, so that the seam (at the rear, azimuth 180) shares its vertices and no texel is
    stretched across it; a pole has the u of the middle of each of its faces. u = 0.5 is the front (+z), v = 1 the top.
    """
    latitude = torch.arange(1, rings + 1) * (torch.pi / (rings + 1)) - torch.pi / 2
    longitude = torch.arange(segments) * (2 * torch.pi / segments) - torch.pi
    y = latitude.sin()[:, None].expand(rings, segments)
    x = latitude.cos()[:, None] * longitude.sin()
    z = latitude.cos()[:, None] * longitude.cos()
    poles = torch.tensor([[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]])
    vertices = torch.cat([torch.stack([x, y, z], -1).reshape(-1, 3), poles])
    south, north = rings * segments, rings * segments + 1

    faces, uvs = [], []
    for j in range(segments):
        left, right = j / segments, (j + 1) / segments
        k = (j + 1) % segments
        for i in range(rings - 1):
            a, b, c, d = i * segments + j, i * segments + k, (i + 1) * segments + k, (i + 1) * segments + j
            low, high = (i + 1) / (rings + 1), (i + 2) / (rings + 1)
            faces += [(a, b, c), (a, c, d)]
            uvs += [[(left, low), (right, low), (right, high)], [(left, low), (right, high), (left, high)]]
        middle, first, last = (left + right) / 2, 1 / (rings + 1), rings / (rings + 1)
        top = (rings - 1) * segments
        faces += [(south, k, j), (north, top + j, top + k)]
        uvs += [[(middle, 0.0), (right, first), (left, first)], [(middle, 1.0), (left, last), (right, last)]]
    return Mesh(vertices[None], torch.tensor(faces), torch.tensor(uvs))


def detailed_sphere(detail: int = 1) -> Mesh:
    """The `uv_sphere` with `detail` times as many rings and segments: 642 vertices, 2,562, 5,762, ..."""
    return uv_sphere(detail * SPHERE_RINGS, detail * SPHERE_SEGMENTS)


def detail_of(vertices: int) -> int:
    """Of the `detailed_sphere` that has so many vertices.

    Raises:
        ValueError: none has.
    """
    detail = round(math.sqrt(max(0, vertices - 2) / (SPHERE_RINGS * SPHERE_SEGMENTS)))
    if detail < 1 or detail**2 * SPHERE_RINGS * SPHERE_SEGMENTS + 2 != vertices:
        known = ", ".join(str(n * n * SPHERE_RINGS * SPHERE_SEGMENTS + 2) for n in (1, 2, 3))
        raise ValueError(f"A shape is a deformed sphere of {known}, ... vertices, not {vertices}.")
    return detail
