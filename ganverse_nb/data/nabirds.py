"""NABirds (Van Horn et al. 2015): birds with 11 keypoints; masks come from a segmenter.

`nabirds/` as its archive unpacks: images.txt, bounding_boxes.txt, train_test_split.txt, parts/, images/. Its bill is
called beak here, as in CUB-200-2011 and the studio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from ganverse_nb.data.annotated import KeypointPhotos
from ganverse_nb.data.bird_parts import BirdPhoto, read_birds
from ganverse_nb.data.crops import Crop, segmented
from ganverse_nb.segmentation.segmenter import Segmenter

BILL, BEAK = "bill", "beak"


def is_nabirds(root: Path) -> bool:
    """Whether the parts of a folder laid out like NABirds or CUB-200-2011 are those of NABirds."""
    return BILL in (root / "parts" / "parts.txt").read_text(encoding="utf-8").split()


def read_nabirds(
    root: str | Path, split: str, resolution: int, segmenter: Segmenter, limit: int | None = None
) -> KeypointPhotos:
    """The birds of "train" or "test" at `resolution` whose mask by `segmenter` fits the annotated box (IoU 0.8).

    Args:
        limit: only the first so many photographs of the split.

    Raises:
        FileNotFoundError: a table or a picture is missing.
        ValueError: unknown split, or a damaged table.
    """

    def masks(birds: Sequence[BirdPhoto], images: Tensor, crops: Sequence[Crop]) -> tuple[Tensor, Tensor]:
        return segmented(segmenter, images, crops)

    photos = read_birds(Path(root), split, resolution, masks, "mask of another object", "nabirds.tar.gz", limit)
    return replace(photos, keypoint_names=tuple(BEAK if name == BILL else name for name in photos.keypoint_names))
