"""What StyleGAN-R is trained on: pictures, the codes that made them, and the properties that f infers from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.gan.generator import Generator
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.neural_renderer.properties import Infer, Properties, mask_out

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
        """The kept pictures of a multi-view dataset: images [C, V, 3, R, R], masks [C, V, 1, R, R], keep [C, V]."""
        content, view = keep.nonzero(as_tuple=True)
        return cls(images[content, view], masks[content, view], content, view)

    def __len__(self) -> int:
        return len(self.content)

    def joined(self, other: Pictures) -> Pictures:
        """These pictures followed by `other`, whose content rows are kept as they are."""
        pairs = ((getattr(self, n), getattr(other, n)) for n in ("images", "masks", "content", "view"))
        return Pictures(*(torch.cat(pair) for pair in pairs))


class PropertyDataset:
    """Pictures with their shape (16 bits), texture (8 bits), background and camera, by row.

    Args:
        pictures: M pictures.
        infer: the frozen network f.
        cameras: the optimised camera of every view code.
        device: where the methods put what they return; everything is stored on the CPU, and so are rows.

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
        self.pictures, self.cameras, self.device = pictures, cameras.detach().to(device), device
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
        """All properties of those pictures."""
        camera = self.cameras[self.pictures.view[rows]]
        return Properties(camera, self.shape(rows), self.texture(rows), self.background(rows))

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


@dataclass(frozen=True)
class Codes:
    """w* in its two halves: `view` [N, Dv] and `content` [C, Dc]. Flat styles are a view code, then a content code."""

    view: Tensor
    content: Tensor

    def styles(self, content: Tensor, view: Tensor) -> Tensor:
        """[B, Dv + Dc] of those rows."""
        return torch.cat([self.view[view], self.content[content]], 1)


def view_dims(generator: Generator, k: int) -> int:
    """How many of the flat styles belong to the view code (layers whose w index is below k); they are the first ones.

    Raises:
        ValueError: k leaves no layer to the view or none to the content.
    """
    inside = [layer.size for layer in generator.layers if layer.w_index < k]
    if not inside or len(inside) == len(generator.layers):
        raise ValueError(f"The split layer {k} must leave at least one layer to the view and one to the content.")
    return sum(inside)


@torch.no_grad()
def exact_codes(generator: Generator, view_w: Tensor, content_w: Tensor, k: int) -> Codes:
    """Codes of view_w [N, w_dim] (layers below k) and content_w [C, w_dim] (the others)."""
    split = view_dims(generator, k)
    return Codes(flat_styles(generator, view_w)[:, :split], flat_styles(generator, content_w)[:, split:])


def flat_styles(generator: Generator, w: Tensor) -> Tensor:
    """The same w [B, w_dim] in every layer -> all styles in one row, [B, sum(style_dims)]."""
    return torch.cat(generator.styles(w.to(generator.const.device)), 1)


@torch.no_grad()
def fresh_pictures(
    generator: Generator,
    codes: Codes,
    mask: Callable[[Tensor], Tensor],
    count: int,
    side: int,
    *,
    views_each: int = 2,
    psi: float = 0.8,
    minimum_mask: float = 0.1,
    seed: int = 0,
    progress: bool = True,
) -> tuple[Codes, Pictures]:
    """New contents in random chosen views: "we sample viewpoint codes among the chosen viewpoints, and sample the
    remaining dimensions" (section 3.3). Training on the dataset's few hundred contents alone would overfit to them.

    Args:
        generator: the frozen teacher.
        codes: its chosen view codes and the content codes so far.
        mask: pictures [B, 3, R, R] -> masks [B, 1, R, R].
        count: number of new contents.
        side: width and height of the pictures.
        psi: truncation of the new contents.
        minimum_mask: pictures whose mask is smaller than this share are dropped, as in the dataset.

    Returns:
        `codes` with the new contents appended, and the new pictures, numbered accordingly.
    """
    rng = torch.Generator().manual_seed(seed)
    z = torch.randn(count, generator.z_dim, generator=rng).to(generator.const.device)
    w = generator.truncate(generator.mapping(z), psi)
    split = codes.view.shape[1]
    first = len(codes.content)
    codes = Codes(codes.view, torch.cat([codes.content, flat_styles(generator, w)[:, split:]]))
    content = torch.arange(first, first + count).repeat_interleave(views_each)
    view = torch.randint(len(codes.view), content.shape, generator=rng)
    images, masks = [], []
    for rows in tqdm(torch.arange(len(content)).split(CHUNK), desc="fresh pictures", disable=not progress):
        made = generator.squares(codes.styles(content[rows], view[rows]), side)
        images.append((made * 255).round().byte().cpu())
        masks.append((mask(made) > 0.5).byte().cpu())
    pictures = Pictures(torch.cat(images), torch.cat(masks), content, view)
    good = pictures.masks.float().mean((1, 2, 3)) >= minimum_mask
    return codes, Pictures(pictures.images[good], pictures.masks[good], content[good], view[good])
