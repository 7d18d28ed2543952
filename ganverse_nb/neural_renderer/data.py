"""What StyleGAN-R is trained on: pictures, and the properties that f infers from them; more than memory holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.neural_renderer.properties import Infer, Properties, mask_out
from ganverse_nb.runtime.arrays import Rows, filled, whole
from ganverse_nb.runtime.precision import bfloat16
from ganverse_nb.runtime.tensors import checksum, weights_of

CHUNK = 64
CHECKED = 8  # pictures, about so many, that tell one set from another
PROPERTIES, SHAPES, TEXTURES = "properties", "shapes", "textures"  # a directory of a training, and its arrays


@dataclass(frozen=True)
class Pictures:
    """M pictures of the GAN: uint8 [M, 3, R, R], masks uint8 [M, 1, R, R] (0 or 1), and which codes made them.

    They stay where they are, as those of a dataset on disk: what is asked for is read.
    """

    images: Tensor | Rows
    masks: Tensor | Rows
    content: Tensor  # [M] row of the content code
    view: Tensor  # [M] row of the view code

    @classmethod
    def of_dataset(cls, images: Tensor, masks: Tensor, keep: Tensor, contents: Tensor | None = None) -> Pictures:
        """The kept pictures of a multi-view dataset: images [C, V, 3, R, R], masks [C, V, 1, R, R], keep [C, V].

        Args:
            contents: [n] whose pictures, and in which order they are numbered; all where None.
        """
        contents = torch.arange(len(keep)) if contents is None else contents
        content, view = keep[contents].nonzero(as_tuple=True)
        where = (contents[content], view)
        return cls(Rows((images, where)), Rows((masks, where)), content, view)

    def __len__(self) -> int:
        return len(self.content)

    def joined(self, other: Pictures) -> Pictures:
        """These pictures followed by `other`, whose content rows are kept as they are."""
        images, masks = (Rows.of(getattr(self, n)) + Rows.of(getattr(other, n)) for n in ("images", "masks"))
        content, view = (torch.cat([getattr(self, n), getattr(other, n)]) for n in ("content", "view"))
        return Pictures(images, masks, content, view)

    def identity(self) -> dict[str, Any]:
        """What tells these pictures from others: their codes' rows, and the content of a few of them."""
        some = torch.arange(0, len(self), max(1, len(self) // CHECKED))
        codes = {"content": self.content, "view": self.view}
        return {
            "count": len(self),
            "codes": checksum(codes, {}),
            "some": checksum({"images": self.images[some], "masks": self.masks[some]}, {}),
        }


class PropertyDataset:
    """Pictures with their shape (16 bits), texture (8 bits), background and camera, by row.

    Args:
        pictures: M pictures.
        infer: the frozen network f.
        cameras: the optimised camera of every view code.
        device: where the methods put what they return; everything is stored on the CPU, and so are rows.
        directory: where what f says of every picture is computed once, and kept on disk as long as f and the pictures
            are the same; where None, f is asked whenever somebody asks.

    Raises:
        ValueError: no picture, or a view without a camera.
    """

    def __init__(
        self,
        pictures: Pictures,
        infer: Infer,
        cameras: Camera,
        progress: bool = True,
        device: torch.device | str = "cpu",
        directory: Path | None = None,
    ):
        if len(pictures) == 0:
            raise ValueError("Not one picture of the multi-view dataset was kept; look at its masks.")
        if int(pictures.view.max()) >= len(cameras):
            raise ValueError(f"There are {len(cameras)} cameras, but pictures of view {int(pictures.view.max())}.")
        self.pictures, self.cameras, self.device = pictures, cameras.detach().to(device), device
        self._infer = infer
        order = pictures.content.argsort(stable=True)
        self._rows = order
        self._count = torch.bincount(pictures.content)
        self._start = self._count.cumsum(0) - self._count
        self._kept = None if directory is None else self._computed(directory, progress)

    def _computed(self, directory: Path, progress: bool) -> dict[str, Tensor]:
        """Shapes [M, V, 3] and textures [M, 3, Ht, Wt] of all pictures, on disk."""
        place = directory / PROPERTIES
        return filled(
            place,
            len(self),
            {name: values[0] for name, values in self.said(torch.arange(1)).items()},
            self.said,
            {"f": weights_of(self._infer), **self.pictures.identity()},
            chunk=CHUNK,
            what="shapes and textures",
            remedy=f"delete {place} and run the same command again",
            progress=progress,
            anew=True,
        )

    @torch.no_grad()
    def said(self, rows: Tensor) -> dict[str, Tensor]:
        """What f says of those pictures: `SHAPES` in 16 bits and `TEXTURES` in 8, on the CPU."""
        found: dict[str, list[Tensor]] = {SHAPES: [], TEXTURES: []}
        with bfloat16(False, self.device):  # whoever asks
            for part in rows.split(CHUNK):
                mesh = self._infer(self.images(part), self.masks(part))
                if mesh.texture is None:
                    raise ValueError("The inverse graphics network gave no texture.")
                found[SHAPES].append(mesh.vertices.half().cpu())
                found[TEXTURES].append((mesh.texture.float() * 255).round().byte().cpu())
            return {name: torch.cat(parts) for name, parts in found.items()}

    def __len__(self) -> int:
        return len(self.pictures)

    def images(self, rows: Tensor) -> Tensor:
        """[B, 3, R, R] in [0, 1]."""
        return self.pictures.images[rows].to(self.device).float() / 255

    def masks(self, rows: Tensor) -> Tensor:
        """[B, 1, R, R], 0 or 1."""
        return self.pictures.masks[rows].to(self.device).float()

    def shape(self, rows: Tensor) -> Tensor:
        """[B, V, 3] inferred vertices."""
        return self._floats(rows, SHAPES)[0]

    def texture(self, rows: Tensor) -> Tensor:
        """[B, 3, Ht, Wt] inferred texture."""
        return self._floats(rows, TEXTURES)[0] / 255

    def _floats(self, rows: Tensor, *names: str) -> list[Tensor]:
        found = self.said(rows) if self._kept is None else {name: whole(self._kept[name])[rows] for name in names}
        return [found[name].to(self.device).float() for name in names]

    def background(self, rows: Tensor) -> Tensor:
        """[B, 4, R, R], see `mask_out`."""
        return mask_out(self.images(rows), self.masks(rows))

    def properties(self, rows: Tensor) -> Properties:
        """All properties of those pictures."""
        shape, texture = self._floats(rows, SHAPES, TEXTURES)
        return Properties(self.cameras[self.pictures.view[rows]], shape, texture / 255, self.background(rows))

    def sample_rows(self, contents: Tensor, rng: torch.Generator) -> Tensor:
        """One random picture of each of `contents` [B] -> rows [B]."""
        position = (torch.rand(len(contents), generator=rng) * self._count[contents]).long()
        return self._rows[self._start[contents] + position.clamp(max=self._count[contents] - 1)]

    def usable(self, contents: Sequence[int]) -> Tensor:
        """Those of `contents` that have at least one picture.

        Raises:
            ValueError: none of them has.
        """
        found = [c for c in contents if c < len(self._count) and self._count[c] > 0]
        if not found:
            raise ValueError("No content with a kept picture is left to train on; make the dataset larger.")
        return torch.tensor(found)

    def rows_by_view(self, contents: Sequence[int]) -> dict[int, Tensor]:
        """For each view, the rows of its pictures of `contents` (at most one each), in the order of `contents`."""
        wanted = torch.isin(self.pictures.content, torch.as_tensor(list(contents)))
        rows = wanted.nonzero().squeeze(1)
        views = self.pictures.view[rows]
        return {int(v): rows[views == v] for v in views.unique()}
