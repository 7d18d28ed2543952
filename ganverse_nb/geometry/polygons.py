"""Polygons cut into triangles."""

from __future__ import annotations

import numpy as np

EXACT = 1e-6  # of its area, by which what a polygon is cut into may differ from it


def cut(corners: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """[T, 3] corners of the triangles that polygons are cut into, in their order, also where they are concave.

    A polygon of more than three corners is cut without those that lie where the one before does; one that crosses
    itself becomes a fan from its first corner.

    Args:
        corners: [C, 3] float64, one polygon after the other.
        sizes: [P] corners of each polygon, three or more.
    """
    kept = np.nonzero(_are_apart(corners, sizes) | np.repeat(sizes == 3, sizes))[0]
    sizes = np.bincount(np.repeat(np.arange(len(sizes)), sizes)[kept], minlength=len(sizes))
    starts = np.cumsum(sizes) - sizes
    parts, order = [np.zeros((0, 3), int)], [np.zeros(0, int)]
    for size in np.unique(sizes[sizes > 2]):
        which = np.nonzero(sizes == size)[0]
        index = kept[starts[which, None] + np.arange(size)]
        concave = _is_concave(corners[index]) if size > 3 else np.zeros(len(which), bool)
        parts.append(index[~concave][:, _fan(size)].reshape(-1, 3))
        order.append(np.repeat(which[~concave], size - 2))
        for polygon, place in zip(index[concave], which[concave]):
            parts.append(polygon[_ears(corners[polygon])])
            order.append(np.full(len(parts[-1]), place))
    return np.concatenate(parts)[np.argsort(np.concatenate(order), kind="stable")]


def _are_apart(corners: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """[C] whether a corner lies elsewhere than the one before it in its polygon."""
    before = np.arange(len(corners)) - 1
    starts = np.cumsum(sizes) - sizes
    before[starts] = starts + sizes - 1
    return (corners != corners[before]).any(1)


def _fan(size: int) -> np.ndarray:
    """[size - 2, 3] triangles of a polygon, all at its first corner."""
    return np.stack([np.zeros(size - 2, int), np.arange(1, size - 1), np.arange(2, size)], 1)


def _normals(polygons: np.ndarray) -> np.ndarray:
    """[P, 3] of polygons [P, N, 3], twice their area long (Newell's method)."""
    flat = polygons - polygons[:, :1]
    return np.cross(flat, np.roll(flat, -1, 1)).sum(1)


def _is_concave(polygons: np.ndarray) -> np.ndarray:
    """[P] whether polygons [P, N, 3] turn both ways; then a fan from a corner would leave them."""
    sides = np.roll(polygons, -1, 1) - polygons
    turns = (np.cross(sides, np.roll(sides, -1, 1)) * _normals(polygons)[:, None]).sum(2)
    return (turns < -1e-9 * np.abs(turns).max(1, keepdims=True)).any(1)


def _ears(polygon: np.ndarray) -> np.ndarray:
    """[T, 3] triangles of a concave polygon [N, 3], wound as it is.

    There are fewer than N - 2 where corners lie on a side between others. What does not cover the polygon's own area
    (Newell's, which is that of any fan, as its triangles outside count against it) is of one that crosses itself.
    """
    from mapbox_earcut import triangulate_float64

    axis = int(np.abs(_normals(polygon[None])[0]).argmax())
    flat = np.ascontiguousarray(np.delete(polygon - polygon[0], axis, 1))
    found = triangulate_float64(flat, np.array([len(flat)], np.uint32)).astype(int).reshape(-1, 3)

    def areas(triangles: np.ndarray) -> np.ndarray:
        (ax, ay), (bx, by), (cx, cy) = np.moveaxis(flat[triangles], 0, 2)
        return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)

    fan = _fan(len(polygon))
    whole, covered = areas(fan).sum(), areas(found)
    if abs(np.abs(covered).sum() - abs(whole)) > EXACT * abs(whole):
        return fan
    return found if covered.sum() * whole > 0 else found[:, ::-1]
