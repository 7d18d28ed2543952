"""Pictures with the properties that the frozen network f sees in them: what StyleGAN-R is trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.neural_renderer.properties import Properties, mask_out

Infer = Callable[[Tensor, Tensor], Mesh]
"""The network f: pictures [B, 3, R, R] in [0, 1] and masks [B, 1, R, R] -> vertices and texture."""

CHUNK = 64


@dataclass(frozen=True)
class Pictures:
    """M pictures of the GAN: uint8 [M, 3, R, R], masks uint8 [M, 1, R, R] (0 or 1), and which codes made them."""

    images: Tensor
    masks: Tensor
    content: Tensor  # [M] row of the content code
    view: Tensor  # [M] row of the view code

    @classmethod
    def of_dataset(cls, images: Tensor, masks: Tensor, keep: Tensor) -> Pictures:
        """The kept ones of a multi-view dataset: images [C, V, 3, R, R], masks [C, V, 1, R, R], keep [C, V]."""
        content, view = keep.nonzero(as_tuple=True)
        return cls(images[content, view], masks[content, view], content, view)

    def __len__(self) -> int:
        return len(self.content)

    def joined(self, other: Pictures) -> Pictures:
        """Both, the contents of `other` being numbered as they are."""
        pairs = ((getattr(self, n), getattr(other, n)) for n in ("images", "masks", "content", "view"))
        return Pictures(*(torch.cat(pair) for pair in pairs))


class PropertyBank:
    """Pictures with their shape (16 bits), texture (8 bits), background and camera, by row.

    Args:
        pictures: M pictures.
        infer: the frozen network f.
        cameras: the optimised camera of every view code.
        device: where everything is put when it is asked for; it is kept in memory as it is. Rows are CPU tensors.

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
    ):
        if len(pictures) == 0:
            raise ValueError("Not one picture of the multi-view dataset was kept; look at its masks.")
        if int(pictures.view.max()) >= len(cameras):
            raise ValueError(f"There are {len(cameras)} cameras, but pictures of view {int(pictures.view.max())}.")
        self.pictures, self.cameras, self.device = pictures, cameras.to(device), device
        order = pictures.content.argsort(stable=True)
        self._rows = order
        self._count = torch.bincount(pictures.content)
        self._start = self._count.cumsum(0) - self._count
        shapes, textures = [], []
        with torch.no_grad():
            for rows in tqdm(
                torch.arange(len(pictures)).split(CHUNK), desc="shapes and textures", disable=not progress
            ):
                mesh = infer(self.images(rows), self.masks(rows))
                if mesh.texture is None:
                    raise ValueError("The inverse graphics network gave no texture.")
                shapes.append(mesh.vertices.half().cpu())
                textures.append((mesh.texture.float() * 255).round().byte().cpu())
        self.shapes, self.textures = torch.cat(shapes), torch.cat(textures)

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
        return self.shapes[rows].to(self.device).float()

    def texture(self, rows: Tensor) -> Tensor:
        """[B, 3, Ht, Wt] inferred texture."""
        return self.textures[rows].to(self.device).float() / 255

    def background(self, rows: Tensor) -> Tensor:
        """[B, 4, R, R], see `mask_out`."""
        return mask_out(self.images(rows), self.masks(rows))

    def properties(self, rows: Tensor) -> Properties:
        """Everything of those pictures."""
        camera = self.cameras[self.pictures.view[rows]]
        return Properties(camera, self.shape(rows), self.texture(rows), self.background(rows))

    def sample_rows(self, contents: Tensor, rng: torch.Generator) -> Tensor:
        """One random picture of each of `contents` [B] -> rows [B]."""
        position = (torch.rand(len(contents), generator=rng) * self._count[contents]).long()
        return self._rows[self._start[contents] + position.clamp(max=self._count[contents] - 1)]

    def usable(self, contents: Sequence[int]) -> Tensor:
        """Those of `contents` that have a picture.

        Raises:
            ValueError: none has.
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
