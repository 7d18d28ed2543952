"""The "StyleGAN multi-view dataset" of section 3.1: the same contents seen from every chosen view code, with masks.

On disk: `images.npy` and `masks.npy` (uint8, memory-mapped), `codes.safetensors` (what made them, what was kept) and
`index.json` (sizes, split, counts per view, what the mask filter removed and why).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganverse_nb.runtime.arrays import map_array, whole
from ganverse_nb.runtime.errors import DamagedError
from ganverse_nb.runtime.files import atomic_path, content_of, read_json, write_json
from ganverse_nb.runtime.fingerprints import changed, fingerprint
from ganverse_nb.runtime.tensors import load_tensors, save_tensors

FORMAT = "ganverse_nb.multiview_codes/1"
INDEX, IMAGES, MASKS, CODES = "index.json", "images.npy", "masks.npy", "codes.safetensors"


@dataclass(frozen=True)
class ViewSets:
    """n contents, each with kept pictures of it in k different views: the pairs (i, j) of Eq 2 where k is 2.

    Attributes:
        content: [n] which content.
        view: [n, k] which view codes, never one of them twice for a content.
    """

    content: Tensor
    view: Tensor

    @property
    def views(self) -> tuple[Tensor, ...]:
        """k times the view codes [n] of the contents."""
        return self.view.unbind(1)


class MultiViewDataset:
    """C contents in V views.

    Attributes:
        images: [C, V, 3, H, W] uint8; masks: [C, V, 1, H, W] uint8, 0 or 1. Memory-mapped if loaded from disk.
        keep: [C, V] bool: the picture passed the mask filter.
        azimuth_bin: [V] int64, 0..11: the coarse label of each view code, all that is known of the cameras.
        content_w: [C, w_dim]; view_w: [V, w_dim]: codes (zero-width where the pictures do not come from a GAN).
        split_layer: how many layers took the view code.
        test_contents: how many contents, the last ones, are held out.
        removed: how many pictures each rule of the filter removed.

    Raises:
        ValueError: shapes that do not fit each other, no training contents.
    """

    def __init__(
        self,
        images: Tensor,
        masks: Tensor,
        keep: Tensor,
        azimuth_bin: Tensor,
        *,
        test_contents: int,
        content_w: Tensor | None = None,
        view_w: Tensor | None = None,
        split_layer: int = 0,
        removed: dict[str, int] | None = None,
    ) -> None:
        contents, views = images.shape[:2]
        if images.ndim != 5 or images.shape[2] != 3 or images.dtype != torch.uint8:
            raise ValueError(f"Images must be [C, V, 3, H, W] uint8, got {tuple(images.shape)} {images.dtype}.")
        if masks.shape != (contents, views, 1, *images.shape[-2:]) or masks.dtype != torch.uint8:
            raise ValueError(f"Masks must be [C, V, 1, H, W] uint8 like the images, got {tuple(masks.shape)}.")
        if keep.shape != (contents, views) or len(azimuth_bin) != views:
            raise ValueError(f"keep must be [{contents}, {views}] and azimuth_bin [{views}].")
        if not 0 <= test_contents < contents:
            raise ValueError(f"test_contents must leave contents to train on: {test_contents} of {contents}.")
        self.images, self.masks, self.keep = images, masks, keep.bool()
        self.azimuth_bin = azimuth_bin.long()
        self.content_w = torch.zeros(contents, 0) if content_w is None else content_w
        self.view_w = torch.zeros(views, 0) if view_w is None else view_w
        self.split_layer, self.test_count, self.removed = split_layer, test_contents, dict(removed or {})

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        return (
            f"MultiViewDataset({len(self)} contents, {self.num_views} views of {self.resolution} px, "
            f"{int(self.keep.sum())} of {self.keep.numel()} pictures kept)"
        )

    @property
    def num_views(self) -> int:
        """How many view codes."""
        return self.images.shape[1]

    @property
    def resolution(self) -> int:
        """Width and height of the pictures."""
        return self.images.shape[-1]

    @property
    def train_contents(self) -> Tensor:
        """Contents to learn from: all but the last `test_contents`."""
        return torch.arange(len(self) - self.test_count)

    @property
    def test_contents(self) -> Tensor:
        """Contents that are held out."""
        return torch.arange(len(self) - self.test_count, len(self))

    def batch(self, content: Tensor, view: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures [B, 3, H, W] float32 in [0, 1] and masks [B, 1, H, W] float32 of `content` [B] in `view` [B]."""
        return whole(self.images)[content, view].float() / 255, whole(self.masks)[content, view].float()

    def kept_pictures(self, contents: Tensor) -> tuple[Tensor, Tensor]:
        """(content [n], view [n]) of all kept pictures of `contents`."""
        row, view = self.keep[contents].nonzero(as_tuple=True)
        return contents[row], view

    def usable(self, contents: Tensor, views: int = 2) -> Tensor:
        """Those of `contents` with at least so many kept views: two are what a pair needs."""
        return contents[self.keep[contents].sum(1) >= views]

    def sample_views(
        self, count: int, views: int, generator: torch.Generator, contents: Tensor | None = None
    ) -> ViewSets:
        """`count` random contents (of the training ones by default), each in `views` random views: Eq 2 has two.

        Raises:
            ValueError: fewer than one view, or no content has so many kept ones.
        """
        if views < 1:
            raise ValueError(f"sample_views: {views} views of an object; give at least one.")
        usable = self.usable(self.train_contents if contents is None else contents, views)
        if len(usable) == 0:
            raise ValueError(f"No content has {views} views that passed the mask filter. {self._filtered()}")
        content = usable[torch.randint(len(usable), (count,), generator=generator)]
        return ViewSets(
            content, torch.multinomial(self.keep[content].float(), views, replacement=False, generator=generator)
        )

    def _filtered(self) -> str:
        """What the filter removed, and what changes that."""
        told = ", ".join(f"{count} with {reason}" for reason, count in self.removed.items() if count)
        return (
            f"It kept {int(self.keep.sum())} of {self.keep.numel()} pictures{f' and removed {told}' if told else ''}: "
            "take another segmenter (segmenter.weights), change the filter (segmenter.score, multiview.one_instance, "
            "multiview.minimum_mask), or take fewer views of an object."
        )

    def all_pairs(self, contents: Tensor) -> ViewSets:
        """Every ordered pair of different kept views of `contents`."""
        keep = self.keep[contents]
        both = keep[:, :, None] & keep[:, None, :] & ~torch.eye(self.num_views, dtype=torch.bool)
        row, first, second = both.nonzero(as_tuple=True)
        return ViewSets(contents[row], torch.stack([first, second], 1))

    def counts(self) -> dict[str, Any]:
        """What a table of the dataset shows: pictures made, kept, removed by which rule, and kept per view."""
        return {
            "contents": len(self),
            "views": self.num_views,
            "pictures": self.keep.numel(),
            "kept": int(self.keep.sum()),
            "removed": self.removed,
            "kept_per_view": self.keep.sum(0).tolist(),
            "contents_with_two_views": len(self.usable(torch.arange(len(self)))),
        }

    def save(self, directory: Path) -> None:
        """Write everything under `directory`; the index comes last and makes the dataset complete."""
        directory.mkdir(parents=True, exist_ok=True)
        for name, tensor in ((IMAGES, self.images), (MASKS, self.masks)):
            with atomic_path(directory / name) as partial:
                np.save(partial, tensor.numpy())
        write_index(directory, self)

    @classmethod
    def load(cls, directory: Path) -> MultiViewDataset:
        """The dataset under `directory`; pictures are memory-mapped, and their checksums compared once per process.

        Raises:
            FileNotFoundError: no complete dataset there.
            ValueError: a file is damaged, or does not fit the index.
        """
        directory = Path(directory)
        remedy = f"delete {directory} and make the dataset again"
        missing = [name for name in (INDEX, IMAGES, MASKS, CODES) if not (directory / name).is_file()]
        if missing:
            raise FileNotFoundError(
                f"No complete multi-view dataset in {directory}: {', '.join(missing)} missing; {remedy}."
            )
        with content_of(directory / INDEX, "index of a dataset", remedy):
            index = dict(read_json(directory / INDEX, remedy))
            bad = changed(directory, dict(index.get("files", {})))  # earlier versions kept no checksums
        if bad is not None:
            raise DamagedError(f"{bad} is damaged: its content has changed since it was written; {remedy}.")
        codes, _ = load_tensors(directory / CODES, FORMAT, "set of codes", remedy, unnamed=True)
        images, masks = (map_array(directory / name, remedy) for name in (IMAGES, MASKS))
        with content_of(directory, "dataset", remedy):
            return cls(
                images,
                masks,
                codes["keep"],
                codes["azimuth_bin"],
                test_contents=index["test_contents"],
                content_w=codes["content_w"],
                view_w=codes["view_w"],
                split_layer=index["split_layer"],
                removed=index["removed"],
            )


def write_index(directory: Path, dataset: MultiViewDataset) -> None:
    """Write codes.safetensors and, last, index.json."""
    tensors = {
        "keep": dataset.keep,
        "azimuth_bin": dataset.azimuth_bin,
        "content_w": dataset.content_w.float(),
        "view_w": dataset.view_w.float(),
    }
    save_tensors(directory / CODES, tensors, FORMAT)
    index = {
        **dataset.counts(),
        "resolution": dataset.resolution,
        "test_contents": dataset.test_count,
        "split_layer": dataset.split_layer,
        "files": {name: fingerprint(directory / name) for name in (IMAGES, MASKS, CODES)},
    }
    write_json(directory / INDEX, index, sealed=True)
