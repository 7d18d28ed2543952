"""The parts that a file of a mesh consists of, and the one mesh that is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.runtime.picture_files import PictureRefusedError, decoded
from ganverse_nb.runtime.text import megabytes

Wrap = Literal["wrap", "symmetric", "edge"]
MOST_BYTES = 250_000_000  # of a file
MOST_REPEATED = 2**24  # texels of a picture that a part repeats
MOST_TEXELS = 2**27  # of all pictures together
PLAIN_ROWS = 4  # of the texture, for a part of one colour


class UnreadableError(ValueError):
    """Why a file is not read. The message is a clause that follows the file's path."""


@dataclass(frozen=True)
class Picture:
    """What lies on a part.

    Attributes:
        texels: [H, W, 3] uint8, row 0 on top.
        wrap_u, wrap_v: how it goes on beyond its edges, as a mode of `numpy.pad`: "wrap", "symmetric" or "edge".
    """

    texels: np.ndarray
    wrap_u: Wrap = "wrap"
    wrap_v: Wrap = "wrap"


@dataclass(frozen=True)
class Part:
    """Triangles of one material, where the file places them.

    Attributes:
        points: [V, 3] float64.
        faces: [F, 3] int64.
        uvs: [F, 3, 2] float64, v = 0 at the bottom of the picture; None where there is no picture.
        picture: or None: `color` is all there is.
        color: RGB in [0, 1] of a part without a picture; None where it has several, which are not read.
    """

    points: np.ndarray
    faces: np.ndarray
    uvs: np.ndarray | None = None
    picture: Picture | None = None
    color: tuple[float, float, float] | None = (1.0, 1.0, 1.0)


def read_texels(data: bytes | memoryview, name: str) -> np.ndarray:
    """[H, W, 3] uint8 of a picture file of any mode; what is transparent keeps its colour.

    Raises:
        UnreadableError: damaged, too large, or its numbers are no colours.
    """
    try:
        return decoded(data, name, _rgb)
    except ValueError as error:
        raise UnreadableError(f"names a picture that is missing or damaged, or is not read: {error}") from error


def _rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I"):  # 16 bits of grey, which `convert` would clip at 255
        image = Image.fromarray(np.round(np.asarray(image) / 257.0).clip(0, 255).astype(np.uint8))
    elif image.mode == "F":
        raise PictureRefusedError("it holds real numbers; save it with 8 or 16 bits.")
    return np.array(image.convert("RGB"))


def file_content(path: Path) -> bytes:
    """The bytes of a file of a mesh.

    Raises:
        UnreadableError: more than `MOST_BYTES`.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise UnreadableError(f"has {megabytes(size)}, and files of up to {megabytes(MOST_BYTES)} are read.")
    return path.read_bytes()


def join_parts(parts: Sequence[Part]) -> Mesh:
    """One mesh (batch of 1) of all parts. Vertices at exactly the same place become one, so that seams close.

    Several pictures become one texture, below each other, those of fewer columns stretched to the widest; parts
    without a picture get some rows of their colour. Where no part has a picture, the mesh has no texture.

    Raises:
        UnreadableError: no triangles, numbers that are not finite, faces of vertices that are not there, a part of
            several colours beside one with a picture, or texture coordinates that go on for more pictures than can be
            laid side by side.
    """
    parts = [part for part in parts if len(part.faces)]
    if not parts:
        raise UnreadableError("holds no triangles; export it as a mesh with faces.")
    for part in parts:
        wrong = part.faces.min() < 0 or part.faces.max() >= len(part.points)
        if wrong or not (np.isfinite(part.points[part.faces]).all() and np.isfinite(_uvs(part)).all()):
            raise UnreadableError("is damaged: a vertex is not finite, or a face names one that is not there.")
    starts = np.cumsum([0, *(len(part.points) for part in parts)])
    points = np.concatenate([part.points for part in parts]).astype(np.float32)
    if not np.isfinite(points).all():
        raise UnreadableError("is damaged: a vertex is not finite, or larger than float32 can hold.")
    vertices, index = _joined(torch.from_numpy(points))
    faces = index[torch.from_numpy(np.concatenate([part.faces + start for part, start in zip(parts, starts)]))]
    if all(part.picture is None for part in parts):
        return Mesh(vertices[None], faces)
    texels, uvs = _stacked([_unrolled(part) for part in parts])
    texture = torch.from_numpy(texels).permute(2, 0, 1)[None].float() / 255
    return Mesh(vertices[None], faces, torch.from_numpy(uvs.astype(np.float32)), texture)


def _uvs(part: Part) -> np.ndarray:
    """[F, 3, 2] of a part; the middle of its colour where it has no picture."""
    return np.full((*part.faces.shape, 2), 0.5) if part.uvs is None or part.picture is None else part.uvs


def _unrolled(part: Part) -> tuple[np.ndarray, np.ndarray]:
    """A picture [H, W, 3] and coordinates [F, 3, 2] of a part within it, in v, and also in u where it does not wrap.

    A texture here wraps in u and ends in v. Pictures that repeat are laid side by side, as often as the part asks.
    """
    uvs = _uvs(part)
    if part.picture is None:
        if part.color is None:
            raise UnreadableError(
                "has colours of vertices beside a part with a picture, which are not read; bake them into a picture."
            )
        color = np.round(np.clip(part.color, 0, 1) * np.array(255.0)).astype(np.uint8)
        return np.tile(color, (PLAIN_ROWS, 1, 1)), uvs
    texels, wrap_u, wrap_v = part.picture.texels, part.picture.wrap_u, part.picture.wrap_v
    half = 0.5 / np.array(texels.shape[1::-1])  # of a texel, where a clamped edge begins
    if wrap_v == "wrap":  # each face at the first of the pictures it may be on
        uvs = uvs - [0, 1] * np.floor(uvs.min(1, keepdims=True) + half)
    before = np.maximum(-np.floor(uvs.min((0, 1)) + half), 0)
    after = np.maximum(np.ceil(uvs.max((0, 1)) - half) - 1, 0)
    if wrap_u == "wrap":
        before[0] = after[0] = 0
    count = before + 1 + after
    if count.prod() > 1 and texels.shape[0] * texels.shape[1] * count.prod() > MOST_REPEATED:
        raise UnreadableError(f"has {count[0]:.0f} x {count[1]:.0f} times its picture on a part, too large a texture.")
    height, width = texels.shape[:2]
    (left, below), (right, above) = before.astype(int).tolist(), after.astype(int).tolist()
    texels = np.pad(texels, ((0, 0), (left * width, right * width), (0, 0)), wrap_u)
    texels = np.pad(texels, ((above * height, below * height), (0, 0), (0, 0)), wrap_v)
    return texels, (uvs + before) / count


def _stacked(unrolled: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """One picture of several below each other, and the coordinates of all parts in it; each different one once."""
    pictures = {(texels.shape, texels.tobytes()): texels for texels, _ in unrolled}
    width = max(texels.shape[1] for texels in pictures.values())
    height = sum(len(texels) for texels in pictures.values())
    if height * width > MOST_TEXELS:
        raise UnreadableError(f"has pictures of {width} x {height} texels together, too large a texture.")
    if len(pictures) == 1:
        return next(iter(pictures.values())), np.concatenate([uvs for _, uvs in unrolled])
    bottoms, bottom = {}, 0
    rows: list[np.ndarray] = []
    for key, texels in pictures.items():
        bottoms[key], bottom = bottom + 1, bottom + len(texels) + 2
        rows.insert(0, np.pad(_widened(texels, width), ((1, 1), (0, 0), (0, 0)), "edge"))  # none mixes with the next
    placed = []
    for texels, uvs in unrolled:
        u, v = np.moveaxis(uvs, -1, 0)
        placed.append(np.stack([u, (bottoms[texels.shape, texels.tobytes()] + v * len(texels)) / bottom], -1))
    return np.concatenate(rows), np.concatenate(placed)


def _widened(texels: np.ndarray, width: int) -> np.ndarray:
    """[H, width, 3] of a picture [H, W, 3]."""
    return np.asarray(Image.fromarray(texels).resize((width, len(texels)), Image.Resampling.BILINEAR))


def _joined(points: Tensor) -> tuple[Tensor, Tensor]:
    """The different ones among `points` [N, 3], in the order in which they come, and the new index of each [N]."""
    _, group = (points + 0.0).unique(dim=0, return_inverse=True)  # + 0 makes -0 and 0 the same
    first = torch.full((int(group.max()) + 1,), len(points)).scatter_reduce(0, group, torch.arange(len(points)), "amin")
    order = first.argsort()
    return points[first[order]], order.argsort()[group]
