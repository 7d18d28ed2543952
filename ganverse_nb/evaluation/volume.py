"""Volumes of meshes on a grid, and how much two of them have in common."""

from __future__ import annotations

import torch
from torch import Tensor

CELLS = 64  # along the longest side of the box around both meshes
OPEN_EDGES = 0.05  # share of edges with a face on one side only, above which a surface encloses nothing
_ASIDE = (0.00317, 0.00211, 0.00149)  # of a cell: rays that miss the vertices of meshes made on round numbers


def is_closed(faces: Tensor) -> bool:
    """Whether faces [F, 3] enclose a volume, up to small holes: at most OPEN_EDGES of the edges lie on a border."""
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).sort(1).values
    count = edges.unique(dim=0, return_counts=True)[1]
    return bool((count % 2 == 1).double().mean() <= OPEN_EDGES)


def volume_iou(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor], cells: int = CELLS) -> float:
    """Volumetric intersection over union of two meshes (vertices [V, 3], faces [F, 3]), NaN where one is not closed.

    Parts that overlap count once. Faces must be counter-clockwise seen from outside, or all of them clockwise.
    """
    if not (is_closed(a[1]) and is_closed(b[1])):
        return float("nan")
    both = torch.cat([a[0], b[0]]).double()
    low, high = both.amin(0), both.amax(0)
    cell = float((high - low).max()) / cells
    shape = [int(n) for n in ((high - low) / cell).ceil().clamp(min=1)]
    first, second = (inside_grid((v.double() - low) / cell, f, shape) for v, f in (a, b))
    return float((first & second).sum() / (first | second).sum().clamp(min=1))


def inside_grid(vertices: Tensor, faces: Tensor, shape: list[int]) -> Tensor:
    """[X, Y, Z] bool: which cells' centres (i + 1/2, j + 1/2, k + 1/2) a mesh in units of cells encloses.

    The surface winds round a point as often as a ray from it leaves the surface more often than it enters. Rays along
    the three axes vote, so that a small hole misleads one of them at most.
    """
    moved = vertices.double() + vertices.new_tensor(_ASIDE)
    votes = torch.zeros(shape, dtype=torch.int64)
    for axes in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        winding = _winding(moved[:, axes], faces, [shape[axis] for axis in axes])
        back = [axes.index(axis) for axis in range(3)]
        votes += (winding != 0).long().permute(back)
    return votes >= 2


def _winding(vertices: Tensor, faces: Tensor, shape: list[int]) -> Tensor:
    """[X, Y, Z] winding number at each cell's centre, from a ray that goes up along the last axis."""
    corners = vertices[faces]
    flat = corners[..., :2]
    limit = torch.tensor(shape[:2])
    first = (flat.amin(1) - 0.5).ceil().long().clamp(min=0)
    last = torch.minimum((flat.amax(1) - 0.5).floor().long(), limit - 1)
    spans = (last - first + 1).clamp(min=0)
    counts = spans.prod(1)  # rays that may meet each face
    face = torch.arange(len(faces)).repeat_interleave(counts)
    index = torch.arange(len(face)) - (counts.cumsum(0) - counts)[face]
    column = first[face] + torch.stack([index // spans[face, 1], index % spans[face, 1]], 1)

    def side(start: Tensor, end: Tensor) -> Tensor:
        """Twice the signed area of start, end and the ray's foot."""
        a, b, p = start[face], end[face], column + 0.5
        return (b[:, 0] - a[:, 0]) * (p[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (p[:, 0] - a[:, 0])

    a, b, c = flat.unbind(1)
    weights = torch.stack([side(b, c), side(c, a), side(a, b)], 1)
    met = (weights > 0).all(1) | (weights < 0).all(1)
    weights, face, column = weights[met], face[met], column[met]
    area = weights.sum(1)
    height = (weights * corners[face][..., 2]).sum(1) / area
    below = (height - 0.5).ceil().long().clamp(0, shape[2])  # how many centres of the column are below the face
    steps = torch.zeros(shape[0], shape[1], shape[2] + 1, dtype=torch.int64)
    steps.index_put_((column[:, 0], column[:, 1], below), area.sign().long(), accumulate=True)
    return steps.flip(2).cumsum(2).flip(2)[..., 1:]
