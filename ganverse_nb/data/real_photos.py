"""Annotated photographs of a data set that somebody has: Pascal3D+ for cars, CUB-200-2011 or NABirds for birds.

Which of them a folder holds is told by what lies in it. Cameras are fitted to the keypoints: those of Pascal3D+ against
the mean of its CAD models, those of birds, which come without models, against the studio's mean bird,
by the seven parts that both have (beak, crown, eyes, breast, back, tail).
"""

from __future__ import annotations

from pathlib import Path

from ganverse_nb.categories import paper_facts
from ganverse_nb.data.annotated import AnnotatedPhotos
from ganverse_nb.data.cub import read_cub
from ganverse_nb.data.nabirds import is_nabirds, read_nabirds
from ganverse_nb.data.pascal3d import read_pascal3d
from ganverse_nb.data.studio_keypoints import keypoint_shape
from ganverse_nb.segmentation.segmenter import Segmenter

CUB = "CUB_200_2011"


def read_real_photos(
    folder: str | Path, category: str, split: str, resolution: int, segmenter: Segmenter, maximum: float
) -> AnnotatedPhotos:
    """The photographs of "train" or "test" that the readers' rules keep and whose keypoints fit a camera.

    Args:
        segmenter: makes the masks of the data sets that have none: all but CUB-200-2011.
        maximum: mean squared error of the keypoints, see `KeypointPhotos.with_cameras`.

    Raises:
        FileNotFoundError: the folder is none of the three, or a piece of it is missing.
        ValueError: a data set of another category, or damaged.
    """
    root = Path(folder)
    if (root / "Annotations").is_dir():
        read = read_pascal3d(root, category, split, resolution, segmenter)
        return read.photos.with_cameras(read.shape, maximum=maximum)
    if not (root / "parts" / "parts.txt").is_file():
        raise FileNotFoundError(
            f"{root} has neither Annotations/ nor parts/parts.txt; photo_model.photographs names a folder "
            "PASCAL3D+_release1.1, CUB_200_2011 or nabirds, as its archive unpacks."
        )
    (birds_of,) = (name for name, folder in paper_facts("photographs").items() if folder == CUB)
    if category != birds_of:
        raise ValueError(f"{root} has birds, and this run is of category {category!r}; give --category {birds_of}.")
    shape = keypoint_shape(category)
    birds = read_nabirds(root, split, resolution, segmenter) if is_nabirds(root) else read_cub(root, split, resolution)
    return birds.only(shape).with_cameras(shape, maximum=maximum)
