"""CUB-200-2011 (Wah et al. 2011): birds with 15 keypoints and hand-drawn masks.

`CUB_200_2011/` as its archive unpacks (images.txt, bounding_boxes.txt, train_test_split.txt, parts/, images/), with the
masks of the separate archive segmentations.tgz in `CUB_200_2011/segmentations/` or beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from ganverse_nb.data.annotated import KeypointPhotos
from ganverse_nb.data.bird_parts import BirdPhoto, read_birds
from ganverse_nb.data.crops import Crop, open_photo

ARCHIVE = "CUB_200_2011.tgz"
AGREED = 128  # grey value from which most annotators counted a pixel as the bird


def read_cub(root: str | Path, split: str, resolution: int, limit: int | None = None) -> KeypointPhotos:
    """The birds of "train" (5994) or "test" (5794) at `resolution`; the first `limit` of them.

    Raises:
        FileNotFoundError: a table, a picture or the masks are missing.
        ValueError: unknown split, or a damaged table.
    """
    root = Path(root)
    folder = masks_folder(root)

    def masks(birds: Sequence[BirdPhoto], images: Tensor, crops: Sequence[Crop]) -> tuple[Tensor, Tensor]:
        drawn = []
        for bird, crop in zip(birds, crops):
            photo, path = open_photo(bird.path), folder / Path(bird.file).with_suffix(".png")
            mask = open_photo(path, "L")
            if mask.size != photo.size:
                raise ValueError(
                    f"{path} has {mask.size[0]} x {mask.size[1]} pixels and its photograph {photo.size[0]} x "
                    f"{photo.size[1]}; unpack CUB_200_2011.tgz and segmentations.tgz again."
                )
            drawn.append(crop.cut(mask, resolution) >= AGREED)
        found = torch.stack(drawn).to(torch.uint8)
        return found, found.flatten(1).any(1)

    return read_birds(root, split, resolution, masks, "empty mask", ARCHIVE, limit)


def masks_folder(root: Path) -> Path:
    """Where the drawn masks lie: in `CUB_200_2011/` or beside it.

    Raises:
        FileNotFoundError: in neither.
    """
    folders = (root / "segmentations", root.parent / "segmentations")
    folder = next((f for f in folders if f.is_dir()), None)
    if folder is None:
        raise FileNotFoundError(f"{folders[0]} is missing; unpack segmentations.tgz of CUB-200-2011 there.")
    return folder
