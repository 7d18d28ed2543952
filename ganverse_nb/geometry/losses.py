"""What keeps a predicted shape well behaved: L_sm, L_lap and L_mov of Eq 1, each a mean whatever the mesh's size."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from ganverse_nb.geometry.mesh import power_of_two
from ganverse_nb.runtime.compiling import uncompiled

NO_AREA = 1e-10  # twice the area of a face too small to have a direction, for a mesh of sides 1 to 2


@dataclass(frozen=True)
class Topology:
    """What the losses need to know of the faces.

    Attributes:
        edges: [E, 2] int64, each edge once, smaller vertex first.
        degree: [V, 1] number of neighbours of each vertex, at least 1.
        face_pairs: [P, 2] int64, the two faces of every edge that has exactly two.
    """

    edges: Tensor
    degree: Tensor
    face_pairs: Tensor


_TOPOLOGIES: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


@uncompiled
def topology(faces: Tensor, count: int) -> Topology:
    """The topology of `faces` [F, 3] over `count` vertices; remembered for as long as this faces tensor lives."""
    if faces.is_inference():  # changes of such a tensor are not counted
        return _topology(faces, count)
    known = _TOPOLOGIES.get(faces)
    if known is None or known[0] != (faces._version, count):
        with torch.inference_mode(False):  # what is remembered may be needed for a gradient later
            known = _TOPOLOGIES[faces] = ((faces._version, count), _topology(faces, count))
    return known[1]


def laplacian_loss(vertices: Tensor, faces: Tensor) -> Tensor:
    """L_lap = mean over meshes and vertices of |x_i - mean of x_j over the neighbours j of i|^2 (uniform Laplacian).

    Args:
        vertices: [B, V, 3] positions, or offsets from a template, which then move like their neighbours.
        faces: [F, 3] int64.

    Zero when every vertex lies in the middle of its neighbours; vertices without neighbours count as zero.

    Raises:
        ValueError: the shapes do not fit.
    """
    return vertex_laplacian(vertices, faces).mean()


def vertex_laplacian(vertices: Tensor, faces: Tensor) -> Tensor:
    """[B, V] what each vertex adds to `laplacian_loss`: its squared distance from the middle of its neighbours."""
    _check(vertices, faces)
    top = topology(faces, vertices.shape[1])
    i, j = top.edges.unbind(1)
    step = vertices.index_select(1, j) - vertices.index_select(1, i)
    total = torch.zeros_like(vertices).index_add(1, i, step).index_add(1, j, -step)
    return (total / top.degree.to(vertices.dtype)).square().sum(-1)


def flatten_loss(vertices: Tensor, faces: Tensor) -> Tensor:
    """L_sm = mean over meshes and edges of (1 - cos(n_1, n_2))^2, n_1 and n_2 the normals of the edge's two faces.

    0 on a plane, 1 at a right angle, 4 where the surface folds back on itself. Needs faces of one winding. Edges of
    one face or of more than two are left out; a face without area counts
    as perpendicular to its neighbours and gets no gradient.

    Raises:
        ValueError: the shapes do not fit.
    """
    bends = edge_bends(vertices, faces)
    return bends.mean() if bends.shape[1] else vertices.sum() * 0.0


def edge_bends(vertices: Tensor, faces: Tensor) -> Tensor:
    """[B, P] what each edge of two faces (`Topology.face_pairs`) adds to `flatten_loss`."""
    _check(vertices, faces)
    pairs = topology(faces, vertices.shape[1]).face_pairs
    side = (vertices.amax(1, keepdim=True) - vertices.amin(1, keepdim=True)).amax(2, keepdim=True)
    unit = vertices / power_of_two(side)
    corners = unit.index_select(1, faces.reshape(-1)).unflatten(1, (-1, 3))
    a, b, c = corners.unbind(2)
    cross = torch.linalg.cross(b - a, c - a, dim=-1)
    length = cross.norm(dim=-1, keepdim=True)
    normals = torch.where(length > NO_AREA, cross, 0.0) / length.clamp(min=NO_AREA)
    cosine = (normals.index_select(1, pairs[:, 0]) * normals.index_select(1, pairs[:, 1])).sum(-1)
    return (1 - cosine).square()


def movement_loss(offsets: Tensor) -> Tensor:
    """L_mov = mean over meshes and vertices of |d_i|^2, d_i the movement of vertex i away from the template.

    The paper asks for a movement that is "uniform and small" and gives no formula. This one is both, because
    mean |d_i|^2 = |mean d|^2 + mean |d_i - mean d|^2: the size of the common movement plus the spread around it.

    Args:
        offsets: [B, V, 3] in world units.

    Raises:
        ValueError: another shape.
    """
    if offsets.ndim != 3 or offsets.shape[-1] != 3:
        raise ValueError(f"offsets must be [B, V, 3], got {tuple(offsets.shape)}.")
    return offsets.square().sum(-1).mean()


def _topology(faces: Tensor, count: int) -> Topology:
    sides = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).sort(1).values
    owner = torch.arange(len(faces), device=faces.device).repeat(3)
    edges, which, uses = sides.unique(dim=0, return_inverse=True, return_counts=True)
    by_edge = owner[which.argsort(stable=True)]
    start = uses.cumsum(0) - uses
    first = start[uses == 2]
    proper = edges[edges[:, 0] != edges[:, 1]]  # a face that names a vertex twice has an edge without length
    degree = torch.bincount(proper.reshape(-1), minlength=count).clamp(min=1)[:, None]
    return Topology(proper, degree, torch.stack([by_edge[first], by_edge[first + 1]], 1))


def _check(vertices: Tensor, faces: Tensor) -> None:
    if vertices.ndim != 3 or vertices.shape[-1] != 3:
        raise ValueError(f"vertices must be [B, V, 3], got {tuple(vertices.shape)}.")
    if faces.ndim != 2 or faces.shape[-1] != 3 or faces.dtype != torch.int64:
        raise ValueError(f"faces must be [F, 3] int64, got {tuple(faces.shape)} {faces.dtype}.")
