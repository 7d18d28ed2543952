"""The renderer's definition in plain torch, as short and as slow as can be: what every backend is tested against.

Memory and time grow with faces x pixels. Differentiable by autograd.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ganverse_nb.geometry.mesh import corners as corners_of
from ganverse_nb.render.rasterize import Fragments
from ganverse_nb.render.silhouette import CUT, SIGMA, Truncation


def pixel_centers(height: int, width: int, like: Tensor) -> Tensor:
    """[H, W, 2] x and y of the pixel centres in normalized device coordinates; row 0 is the top one, y near 1."""
    x = (2 * torch.arange(width, dtype=like.dtype, device=like.device) + 1) / width - 1
    y = 1 - (2 * torch.arange(height, dtype=like.dtype, device=like.device) + 1) / height
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)], -1)


def rasterize(vertices_clip: Tensor, faces: Tensor, resolution: tuple[int, int]) -> Fragments:
    """What `rasterize.rasterize` gives: solve sum_k b_k (x_k, y_k, w_k) = (x, y, 1) for every pixel and face.

    The pixel sees the face where all b_k >= 0; its view depth there is 1 / sum(b) and its barycentrics b / sum(b).
    """
    points = pixel_centers(*resolution, like=vertices_clip).reshape(-1, 2)
    points = torch.cat([points, torch.ones_like(points[:, :1])], -1)
    corners = corners_of(vertices_clip, faces)  # [B, F, 3, 4]
    columns = corners[..., [0, 1, 3]].transpose(-1, -2)
    flat = torch.linalg.det(columns.detach()).abs() < 1e-14
    columns = torch.where(flat[..., None, None], torch.eye(3, dtype=columns.dtype), columns)
    b = torch.einsum("bfkc,pc->bfpk", torch.linalg.inv(columns), points)
    total = b.sum(-1)
    z = (b * corners[..., 2][:, :, None]).sum(-1)
    seen = (b >= 0).all(-1) & (total > 0) & (z.abs() <= 1) & ~flat[..., None]  # z / w with w = 1
    nearness = torch.where(seen, total.detach(), 0.0)
    best, face_index = nearness.max(1)
    chosen = b.gather(1, face_index[:, None, :, None].expand(-1, 1, -1, 3))[:, 0]
    covered = best > 0
    depth = 1 / chosen.sum(-1).where(covered, 1.0)
    shape = (len(vertices_clip), *resolution)
    return Fragments(
        torch.where(covered, face_index, -1).reshape(shape),
        (chosen * depth[..., None] * covered[..., None]).reshape(*shape, 3),
        (depth * covered).reshape(shape),
    )


def soft_silhouette(
    vertices_clip: Tensor,
    faces: Tensor,
    face_index: Tensor,
    sigma: float = SIGMA,
    cut: float = CUT,
    truncation: Truncation | None = None,
) -> Tensor:
    """What `silhouette.soft_silhouette` gives: every face looks at every pixel."""
    batch, height, width = face_index.shape
    aspect = vertices_clip.new_tensor([width / height, 1.0])
    points = (pixel_centers(height, width, like=vertices_clip) * aspect).reshape(-1, 2)
    corners = corners_of(vertices_clip, faces)
    front = (corners[..., 3] > 0).all(-1)
    screen = corners[..., :2] / torch.where(front[..., None, None], corners[..., 3:], 1.0) * aspect
    squares = torch.stack([_segment_square(points, screen[:, :, k], screen[:, :, (k + 1) % 3]) for k in range(3)])
    probability = torch.exp(-squares.amin(0) / sigma)
    a, b, c = screen.unbind(2)
    area = (b - a)[..., 0] * (c - a)[..., 1] - (b - a)[..., 1] * (c - a)[..., 0]
    counts = (front & (area != 0))[..., None]
    if truncation is None:
        counts = counts & (probability > cut)
    else:
        low = screen.amin(2)[:, :, None] - truncation.boxlen
        high = screen.amax(2)[:, :, None] + truncation.boxlen
        counts = counts & ((points >= low) & (points < high)).all(-1)
        counts = counts & (counts.cumsum(1) <= truncation.knum)
    outside = 1 - torch.where(counts, 1 - probability, 1.0).prod(1).reshape(batch, height, width)
    return torch.where(face_index >= 0, 1.0, outside)[:, None]


def _segment_square(points: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """[B, F, P] squared distance of points [P, 2] from the segments start, end [B, F, 2]."""
    way = (end - start)[:, :, None]
    rest = points - start[:, :, None]
    length = (way * way).sum(-1)
    t = ((rest * way).sum(-1) / torch.where(length > 0, length, 1.0)).clamp(0, 1)
    return (rest - t[..., None] * way).square().sum(-1)
