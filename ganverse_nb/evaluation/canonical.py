"""One form of a mesh for all ways to write its surface down, so that its scores depend on the surface alone."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.runtime.extras import require


def canonical_mesh(mesh: Mesh) -> Mesh:
    """The same surface as `mesh` (batch of 1), however that is cut into parts and in whatever order it comes.

    Vertices at one place become one; those that no face uses, faces that name a vertex twice, and all but one of the
    faces with the same corners go. Vertices and faces are in the order of their coordinates. A face that was there with
    both windings keeps the one that fits its neighbours; where a whole surface was, it looks outwards.
    """
    faces = mesh.faces
    used, index = (mesh.vertices[0, faces].reshape(-1, 3) + 0.0).unique(dim=0, return_inverse=True)
    corners = index.reshape(-1, 3)
    turn = (corners.argmin(1, keepdim=True) + torch.arange(3)) % 3  # the smallest index comes first
    corners = corners.gather(1, turn)
    keep = (corners[:, 0] < corners[:, 1]) & (corners[:, 0] < corners[:, 2]) & (corners[:, 1] != corners[:, 2])
    corners, uvs = corners[keep], None
    columns = [corners.sort(1).values.double(), corners.double()]
    if mesh.face_uvs is not None:
        uvs = mesh.face_uvs[keep].gather(1, turn[keep, :, None].expand(-1, -1, 2))
        columns.append(uvs.flatten(1).double())
    order = np.lexsort(torch.cat(columns, 1).numpy().T[::-1])
    corners, uvs = corners[order], None if uvs is None else uvs[order]
    _, group = corners.sort(1).values.unique_consecutive(dim=0, return_inverse=True)
    first = torch.cat([torch.ones(1, dtype=torch.bool), group[1:] != group[:-1]])[: len(group)]
    both = torch.zeros(len(group), dtype=torch.bool)
    both[group[(corners != corners[first][group]).any(1)]] = True
    single = corners[first]
    flip = _inside_out(used, single, both[: len(single)])
    single = torch.where(flip[:, None], single.flip(1), single)
    if uvs is not None:
        uvs = torch.where(flip[:, None, None], uvs[first].flip(1), uvs[first])
    return Mesh(used[None], single, uvs, mesh.texture)


def _inside_out(vertices: Tensor, faces: Tensor, unsure: Tensor) -> Tensor:
    """[F] bool: which faces [F, 3] to turn over, of those whose winding is `unsure`.

    Neighbours across an edge of two faces agree if they run along it in opposite directions. Each face has two nodes in
    a graph, as it is and turned over, with an edge between those of neighbours that agree: its connected components are
    the windings of whole surfaces.
    """
    if not unsure.any():
        return torch.zeros_like(unsure)
    require("eval", "The score of a mesh with doubled faces", "scipy")
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(faces)
    sides = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    _, edge, uses = sides.sort(1).values.unique(dim=0, return_inverse=True, return_counts=True)
    order = edge.argsort(stable=True)
    start = (uses.cumsum(0) - uses)[uses == 2]
    a, b = order[start], order[start + 1]
    crossed = (sides[a, 0] == sides[b, 0]).long()  # both run the same way: one of them has to be turned over
    a, b = a % count, b % count
    rows, columns = torch.cat([a, a + count]), torch.cat([b + crossed * count, b + (1 - crossed) * count])
    graph = coo_matrix((np.ones(len(rows)), (rows.numpy(), columns.numpy())), (2 * count, 2 * count))
    labels = torch.from_numpy(connected_components(graph, directed=False)[1]).long()
    as_is, turned = labels[:count], labels[count:]

    x, y, z = (vertices.double() - vertices.double().mean(0))[faces].unbind(1)
    volume = (x * torch.linalg.cross(y, z)).sum(1)
    sure = torch.zeros(2 * count, dtype=torch.float64)  # of each component: how much speaks for it
    outwards = sure.clone()
    for component, sign in ((as_is, 1.0), (turned, -1.0)):
        sure.index_add_(0, component, sign * (~unsure).double())
        outwards.index_add_(0, component, sign * volume)
    for_it, against = sure[as_is], sure[turned]
    outside_in = outwards[as_is] < outwards[turned]
    return unsure & torch.where(for_it != against, for_it < against, outside_in)
