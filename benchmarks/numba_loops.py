"""Z-buffer and soft silhouette as plain loops over faces, compiled by Numba: what a person without us would write.

A picture per core; of each face all pixels in its box (for the silhouette grown by the reach), forward, and backward
to the clip coordinates. This is how the prototype was written whose speed the renderer had to beat.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import torch
from numba import float32, njit, prange
from torch import Tensor

from ganverse_nb.render.silhouette import CUT

ONE, HALF, TINY = float32(1), float32(0.5), float32(1e-20)


@njit(inline="always")
def to_screen(clip, x, y, inverse_w):
    """Fill x, y [V] in NDC and 1 / w [V] from clip coordinates [V, 4]."""
    for v in range(len(clip)):
        inverse_w[v] = ONE / clip[v, 3]
        x[v], y[v] = clip[v, 0] * inverse_w[v], clip[v, 1] * inverse_w[v]


@njit(inline="always")
def span(low, high, size):
    """First and last pixel whose centre lies between two positions, both counted from the start of a row or column."""
    first = max(int(math.ceil((low + ONE) * HALF * size - HALF)), 0)
    return first, min(int(math.floor((high + ONE) * HALF * size - HALF)), size - 1)


@njit(inline="always")
def box(x, y, i, j, k, reach, size):
    """First and last column, first and last row of the pixels within `reach` of a face's box."""
    columns = span(min(x[i], x[j], x[k]) - reach, max(x[i], x[j], x[k]) + reach, size)
    rows = span(-max(y[i], y[j], y[k]) - reach, -min(y[i], y[j], y[k]) + reach, size)
    return columns[0], columns[1], rows[0], rows[1]


@njit(inline="always")
def to_segment(px, py, ax, ay, bx, by):
    """Squared distance of a point to the segment a-b, where on it the nearest point is, and the way from there."""
    dx, dy = bx - ax, by - ay
    t = ((px - ax) * dx + (py - ay) * dy) / max(dx * dx + dy * dy, TINY)
    t = min(max(t, float32(0)), ONE)
    ex, ey = px - ax - t * dx, py - ay - t * dy
    return ex * ex + ey * ey, t, ex, ey


@njit(parallel=True, fastmath=True)
def forward(clip, faces, sigma, reach, face_index, outside):
    """`face_index` [B, R, R], -1 where no face is; `outside` [B, R, R]: the product of 1 - exp(-d^2 / sigma)."""
    size = face_index.shape[1]
    for b in prange(len(clip)):
        count = clip.shape[1]
        x, y, inverse_w = np.empty(count, np.float32), np.empty(count, np.float32), np.empty(count, np.float32)
        nearest = np.zeros((size, size), np.float32)  # the largest 1 / w so far
        to_screen(clip[b], x, y, inverse_w)
        face_index[b], outside[b] = -1, ONE
        for f in range(len(faces)):
            i, j, k = faces[f]
            area = (x[j] - x[i]) * (y[k] - y[i]) - (y[j] - y[i]) * (x[k] - x[i])
            if area == 0:
                continue
            first_column, last_column, first_row, last_row = box(x, y, i, j, k, float32(0), size)
            for row in range(first_row, last_row + 1):
                py = ONE - float32(2 * row + 1) / size
                for column in range(first_column, last_column + 1):
                    px = float32(2 * column + 1) / size - ONE
                    u = ((x[j] - px) * (y[k] - py) - (y[j] - py) * (x[k] - px)) / area
                    v = ((x[k] - px) * (y[i] - py) - (y[k] - py) * (x[i] - px)) / area
                    w = ONE - u - v
                    near = u * inverse_w[i] + v * inverse_w[j] + w * inverse_w[k]
                    if u >= 0 and v >= 0 and w >= 0 and near > nearest[row, column]:
                        nearest[row, column], face_index[b, row, column] = near, f
        for f in range(len(faces)):
            i, j, k = faces[f]
            first_column, last_column, first_row, last_row = box(x, y, i, j, k, reach, size)
            for row in range(first_row, last_row + 1):
                py = ONE - float32(2 * row + 1) / size
                for column in range(first_column, last_column + 1):
                    if face_index[b, row, column] >= 0:
                        continue
                    px = float32(2 * column + 1) / size - ONE
                    square = min(
                        to_segment(px, py, x[i], y[i], x[j], y[j])[0],
                        to_segment(px, py, x[j], y[j], x[k], y[k])[0],
                        to_segment(px, py, x[k], y[k], x[i], y[i])[0],
                    )
                    if square < reach * reach:
                        outside[b, row, column] *= ONE - math.exp(-square / sigma)


@njit(parallel=True, fastmath=True)
def backward(clip, faces, sigma, reach, face_index, outside, weights, gradient):
    """`gradient` [B, V, 4] of sum(weights * silhouette), silhouette = 1 - outside off the object."""
    size = face_index.shape[1]
    for b in prange(len(clip)):
        count = clip.shape[1]
        x, y, inverse_w = np.empty(count, np.float32), np.empty(count, np.float32), np.empty(count, np.float32)
        by_x, by_y = np.zeros(count, np.float32), np.zeros(count, np.float32)
        to_screen(clip[b], x, y, inverse_w)
        for f in range(len(faces)):
            i, j, k = faces[f]
            first_column, last_column, first_row, last_row = box(x, y, i, j, k, reach, size)
            for row in range(first_row, last_row + 1):
                py = ONE - float32(2 * row + 1) / size
                for column in range(first_column, last_column + 1):
                    if face_index[b, row, column] >= 0:
                        continue
                    px = float32(2 * column + 1) / size - ONE
                    start, end = i, j
                    square, t, ex, ey = to_segment(px, py, x[i], y[i], x[j], y[j])
                    other = to_segment(px, py, x[j], y[j], x[k], y[k])
                    if other[0] < square:
                        start, end = j, k
                        square, t, ex, ey = other
                    other = to_segment(px, py, x[k], y[k], x[i], y[i])
                    if other[0] < square:
                        start, end = k, i
                        square, t, ex, ey = other
                    if square < reach * reach:
                        probability = math.exp(-square / sigma)
                        slope = 2 * weights[b, row, column] * outside[b, row, column] * probability / sigma
                        slope /= max(ONE - probability, TINY)
                        by_x[start] += slope * (ONE - t) * ex
                        by_y[start] += slope * (ONE - t) * ey
                        by_x[end] += slope * t * ex
                        by_y[end] += slope * t * ey
        for v in range(count):
            gradient[b, v, 0], gradient[b, v, 1] = by_x[v] * inverse_w[v], by_y[v] * inverse_w[v]
            gradient[b, v, 2] = 0
            gradient[b, v, 3] = -(by_x[v] * x[v] + by_y[v] * y[v]) * inverse_w[v]


class NumbaLoops:
    """The pass of one scene: clip [B, V, 4], faces [F, 3] and weights [B, 1, R, R] of the silhouette; call it.

    Attributes:
        face_index: int64 [B, R, R]. outside: [B, R, R], 1 - silhouette off the object; both of the last call.
    """

    def __init__(self, clip: Tensor, faces: Tensor, weights: Tensor, sigma: float) -> None:
        numba.set_num_threads(min(numba.get_num_threads(), len(clip)))
        self.clip, self.faces = clip.detach().numpy(), faces.numpy()
        self.weights = weights[:, 0].numpy()
        self.sigma, self.reach = np.float32(sigma), np.float32(math.sqrt(sigma * math.log(1 / CUT)))
        self.face_index = np.empty(self.weights.shape, np.int64)
        self.outside = np.empty(self.weights.shape, np.float32)
        self.gradient = np.empty_like(self.clip)

    def __call__(self) -> Tensor:
        """[B, V, 4] the gradient of sum(weights * silhouette) in the clip coordinates."""
        fixed = (self.clip, self.faces, self.sigma, self.reach, self.face_index, self.outside)
        forward(*fixed)
        backward(*fixed, self.weights, self.gradient)
        return torch.from_numpy(self.gradient)
