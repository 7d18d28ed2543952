"""How the vertices of a deformed mesh move together: with their neighbours, and with their mirror images."""

from __future__ import annotations

import torch
from torch import Tensor


def mirror_vertices(vertices: Tensor) -> Tensor:
    """[V] index of each vertex's mirror image at the plane x = 0; `vertices` is [V, 3] and symmetric.

    Raises:
        ValueError: the vertices are not symmetric.
    """
    points = vertices.double()
    distance, index = torch.cdist(points * points.new_tensor([-1.0, 1.0, 1.0]), points).min(1)
    if distance.max() > 1e-4:
        raise ValueError("mirror_vertices: the mesh is not symmetric at x = 0; turn the symmetric shape off.")
    return index


def smoothing_matrix(faces: Tensor, count: int, strength: float) -> Tensor:
    """[V, V] inverse of I + strength * L, L the uniform graph Laplacian (degree minus adjacency).

    Vertices moved through it move together with their neighbours, so that gradients of the silhouette, which reach a
    few vertices only, do not crumple the mesh (Nicolet et al. 2021, "Large Steps in Inverse Rendering of Geometry").
    Rows sum to one: a translation of the whole mesh passes unchanged.
    """
    adjacency = torch.zeros(count, count, dtype=torch.float64)
    for a, b in ((0, 1), (1, 2), (2, 0)):
        adjacency[faces[:, a], faces[:, b]] = adjacency[faces[:, b], faces[:, a]] = 1.0
    laplacian = torch.diag(adjacency.sum(1)) - adjacency
    return torch.linalg.inv(torch.eye(count, dtype=torch.float64) + strength * laplacian).float()


def symmetric_smoothing(faces: Tensor, mirror: Tensor, strength: float) -> Tensor:
    """`smoothing_matrix` made equal on both sides of a mesh whose mirrored vertices are `mirror` [V].

    The diagonals of a sphere's faces all run one way, so that its Laplacian alone is not symmetric.
    """
    smooth = smoothing_matrix(faces, len(mirror), strength)
    return 0.5 * (smooth + smooth[mirror][:, mirror])
