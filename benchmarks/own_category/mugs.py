"""Mugs as meshes: a turned body with a wall, an inner surface and a handle, glazed in colours that vary.

A mug is upright (y) and mirrors itself in x = 0, the plane of its handle, which points away from the front (-z).

Examples:
    >>> from ganverse_nb.render.renderer import render
    >>> make_mug(np.random.default_rng(0)).vertices.shape[0]
    1
"""

from __future__ import annotations

import colorsys

import numpy as np

from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.parts import Part, Picture, join_parts

AROUND = 72  # facets of the body
GLAZE = (96, 288)  # texels of the glaze, rows by columns


def make_mug(rng: np.random.Generator) -> Mesh:
    """One mug with its texture, in the middle of the world; up to 0.9 wide."""
    height, radius, wall = rng.uniform(0.52, 0.78), rng.uniform(0.22, 0.29), rng.uniform(0.018, 0.032)
    taper, belly = rng.uniform(-0.16, 0.22), rng.uniform(-0.05, 0.24) * (rng.random() < 0.6)
    s = np.linspace(0, 1, 17)
    outer = radius * (1 + taper * (s - 0.5) + belly * np.sin(np.pi * s))
    outer[0] *= 0.94  # rounded off at the foot
    y = height * (s - 0.5)
    colors = _palette(rng)
    inside = colors[rng.integers(3)] if rng.random() < 0.6 else np.array([0.93, 0.92, 0.88])
    body = _turned(outer, y, Picture(_glaze(rng, colors)))
    lip = outer[-1] - wall
    rim = _turned(
        np.linspace(outer[-1], lip, 5),
        y[-1] + 0.35 * wall * np.sin(np.linspace(0, np.pi, 5)),
        None,
        inside if rng.random() < 0.5 else colors[1],
    )
    bottom = y[0] + 1.5 * wall
    hollow = np.maximum(np.interp(np.linspace(y[-1], bottom, 17), y, outer) - wall, 0.05)
    shade = np.linspace(0.95, 0.45, 64)[:, None, None] * np.ones((1, 8, 1)) * inside
    cavity = _turned(hollow, np.linspace(y[-1], bottom, 17), Picture((255 * shade[::-1]).astype(np.uint8)))
    floor = _turned(np.array([hollow[-1], 1e-4]), np.array([bottom, bottom]), None, 0.45 * inside)
    foot = _turned(np.array([1e-4, outer[0]]), np.array([y[0], y[0]]), None, 0.6 * colors[0])
    handle = _handle(rng, outer, y, wall, colors[0] if rng.random() < 0.65 else colors[2])
    parts = [body, rim, cavity, floor, foot, handle]
    points = np.concatenate([part.points for part in parts])
    middle = (points.min(0) + points.max(0)) / 2 * [0, 1, 1]
    return join_parts([Part(p.points - middle, p.faces, p.uvs, p.picture, p.color) for p in parts])


def _turned(radii: np.ndarray, y: np.ndarray, picture: Picture | None, color: np.ndarray | None = None) -> Part:
    """A profile of radii [P] at heights [P] turned about y; its outside is on the right of where the profile goes.

    u runs around from the back (the handle) and is 0.5 at the front; v along the profile.
    """
    angle = np.linspace(-np.pi, np.pi, AROUND + 1)
    points = np.stack(
        [
            radii[:, None] * np.sin(angle),
            np.repeat(y[:, None], AROUND + 1, 1),
            radii[:, None] * np.cos(angle),
        ],
        -1,
    )
    points[:, -1] = points[:, 0]  # exactly, so that the seam closes
    u, v = np.meshgrid(np.linspace(0, 1, AROUND + 1), np.linspace(0, 1, len(radii)))
    tone = (1.0, 1.0, 1.0) if color is None else tuple(map(float, color))
    return _grid(points, np.stack([u, v], -1), picture, tone)


def _grid(points: np.ndarray, uvs: np.ndarray, picture: Picture | None, color: tuple[float, ...]) -> Part:
    """Two triangles for each square of a grid of points [R, C, 3]."""
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])
    red, green, blue = color
    return Part(points.reshape(-1, 3), faces, uvs.reshape(-1, 2)[faces], picture, (red, green, blue))


def _handle(rng: np.random.Generator, outer: np.ndarray, y: np.ndarray, wall: float, color: np.ndarray) -> Part:
    """A bent tube of oval section in the plane x = 0, from the upper wall to the lower one."""
    height = y[-1] - y[0]
    low, high = y[0] + height * rng.uniform(0.12, 0.26), y[0] + height * rng.uniform(0.74, 0.9)
    reach, square = rng.uniform(0.13, 0.22), rng.uniform(0.45, 1.0)
    wide, thick = rng.uniform(0.028, 0.05), rng.uniform(0.02, 0.034)
    t = np.linspace(-np.pi / 2, np.pi / 2, 25)
    path_y = (low + high) / 2 + (high - low) / 2 * np.sign(np.sin(t)) * np.abs(np.sin(t)) ** max(square, 0.6)
    root = np.interp([low, high], y, outer) - 0.6 * wall
    path_z = np.interp(path_y, [low, high], root) + reach * np.abs(np.cos(t)) ** square
    path = np.stack([path_z, path_y], -1)
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.stack([along[:, 1], -along[:, 0]], -1)
    angle = np.linspace(0, 2 * np.pi, 13)
    angle[-1] = 0
    points = np.stack(
        [
            np.repeat(wide * np.sin(angle)[None], len(t), 0),
            path[:, None, 1] + thick * across[:, None, 1] * np.cos(angle),
            -(path[:, None, 0] + thick * across[:, None, 0] * np.cos(angle)),
        ],
        -1,
    )
    u, v = np.meshgrid(np.linspace(0, 1, 13), np.linspace(0, 1, len(t)))
    return _grid(points[:, ::-1], np.stack([u, v], -1), None, tuple(map(float, color)))


def _palette(rng: np.random.Generator) -> np.ndarray:
    """[3, 3] colours: of the glaze, of its second tone and of prints."""
    hue = rng.random()
    tones = [
        (hue, rng.uniform(0.05, 0.85), rng.uniform(0.3, 0.97)),
        ((hue + rng.choice([0.0, 0.08, 0.5, 0.33])) % 1, rng.uniform(0.0, 0.8), rng.uniform(0.15, 0.95)),
        (rng.random(), rng.uniform(0.3, 0.95), rng.uniform(0.2, 0.9)),
    ]
    return np.array([colorsys.hsv_to_rgb(*tone) for tone in tones])


def _glaze(rng: np.random.Generator, colors: np.ndarray) -> np.ndarray:
    """[H, W, 3] uint8 of the outer wall: one or two tones, bands, and a print in front or on both sides."""
    rows, columns = GLAZE
    v, u = np.meshgrid((np.arange(rows)[::-1] + 0.5) / rows, (np.arange(columns) + 0.5) / columns, indexing="ij")
    side = np.abs(u - 0.5) * 2  # 0 at the front, 1 at the handle
    texels = np.broadcast_to(colors[0], (rows, columns, 3)).copy()
    dipped = rng.random()
    if dipped < 0.3:  # in a second glaze, with an uneven edge
        edge = rng.uniform(0.25, 0.7) + 0.03 * np.cos(2 * np.pi * side * rng.integers(2, 6))
        texels[v < edge if rng.random() < 0.5 else v > edge] = colors[1]
    elif dipped < 0.4:
        texels[side < rng.uniform(0.3, 0.55)] = colors[1]
    for _ in range(rng.integers(0, 3)):
        middle, half = rng.uniform(0.12, 0.9), rng.uniform(0.015, 0.06)
        texels[np.abs(v - middle) < half] = colors[rng.integers(1, 3)]
    kind = rng.choice(["disc", "square", "stripes", "dots", "checks", "none"], p=[0.24, 0.2, 0.16, 0.14, 0.12, 0.14])
    where = 0.0 if rng.random() < 0.6 else 0.5  # the front, or both sides
    across, up = (side - where) * 2.8, (v - 0.52) * 2.2
    size = rng.uniform(0.38, 0.62)
    inside = np.maximum(np.abs(across), np.abs(up)) < size
    if kind == "disc":
        texels[across**2 + up**2 < size**2] = colors[2]
        texels[across**2 + up**2 < (rng.uniform(0, 0.6) * size) ** 2] = colors[1]
    elif kind == "square":
        texels[inside] = colors[2]
    elif kind == "stripes":
        texels[inside & ((across * rng.uniform(2.5, 5)) % 1 < 0.5)] = colors[2]
    elif kind == "dots":
        step = rng.uniform(0.22, 0.34)
        near = ((across / step) % 1 - 0.5) ** 2 + ((up / step) % 1 - 0.5) ** 2 < 0.1
        texels[near & (np.abs(across) < 1.6 * size)] = colors[2]
    elif kind == "checks":
        step = rng.uniform(0.2, 0.3)
        texels[inside & ((np.floor(across / step) + np.floor(up / step)) % 2 == 0)] = colors[2]
    speckle = rng.uniform(0, 0.02) * rng.standard_normal((rows, columns, 1))
    texels *= 1 - 0.3 * np.clip(0.12 - v, 0, 1)[..., None] / 0.12 * rng.random()  # darker at the foot
    return (255 * np.clip(texels + speckle, 0, 1)).astype(np.uint8)
