"""Pictures of one's own whose masks are known: from their alpha channel, or from a file beside them.

A mask of `cup.jpg` is `cup_mask.png`, or `masks/cup.png`, beside it. A picture without a mask is left out, said once.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.data.image_folder import find_images, warn_of
from ganverse_nb.data.masks import as_mask
from ganverse_nb.data.pictures import on_white, whole_picture
from ganverse_nb.runtime.cores import cores
from ganverse_nb.runtime.errors import DamagedError, ExpectedError, ExpectedWarning, sentence
from ganverse_nb.runtime.files import digest, sha256
from ganverse_nb.runtime.tensors import load_tensors, save_tensors

FORMAT = "ganverse_nb.masked_pictures/1"
LOOKED_AT = 8  # pictures that tell whether a folder has masks
ALPHA, FILES = "alpha channel", "mask files"
CLEAR, SOLID = 16, 240  # alpha values of what is surely background and surely object


@dataclass(frozen=True)
class MaskedPictures:
    """Pictures with one object each, and where it is.

    Attributes:
        category: of the objects.
        images: [N, 3, R, R] uint8. masks: [N, 1, R, R] uint8, 0 or 1.
        origin: where the masks come from, in words for a report.
    """

    category: str
    images: Tensor
    masks: Tensor
    origin: str = "masked pictures of one's own"

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: slice | Tensor) -> MaskedPictures:
        return replace(self, images=self.images[index], masks=self.masks[index])

    def image(self) -> Tensor:
        """[N, 3, R, R] float32 in [0, 1]."""
        return self.images.float() / 255

    def save(self, path: Path) -> None:
        """Writes them, whole or not at all."""
        facts = {"category": self.category, "origin": self.origin}
        save_tensors(path, {"images": self.images, "masks": self.masks}, FORMAT, facts)

    @classmethod
    def load(cls, path: Path) -> MaskedPictures:
        """What `save` wrote.

        Raises:
            FileNotFoundError: no such file. ValueError: damaged, or something else.
        """
        remedy = f"delete {path.parent} and run the same command again"
        tensors, facts = load_tensors(path, FORMAT, "archive of masked pictures", remedy)
        images, masks = tensors["images"], tensors["masks"]
        if images.dtype != torch.uint8 or masks.shape != (len(images), 1, *images.shape[2:]):
            raise DamagedError(f"{path} is no archive of masked pictures; {remedy}.")
        return cls(facts["category"], images, masks, facts.get("origin", cls.origin))


def mask_beside(path: Path) -> Path | None:
    """The file of a picture's mask; None where there is none."""
    found = (path.with_name(f"{path.stem}_mask.png"), path.parent / "masks" / f"{path.stem}.png")
    return next((mask for mask in found if mask.is_file()), None)


def masks_key(folder: str | Path) -> str:
    """A hash of the mask files beside the pictures of a folder."""
    beside = (mask_beside(path) for path in find_images(folder)[0])
    return digest([[path.name, sha256(path)] for path in beside if path is not None])


def kind_of_masks(folder: str | Path, files: Iterable[Path] | None = None) -> str:
    """How the first pictures of a folder bring their masks: `ALPHA`, `FILES`, or "" where they do not."""
    looked = list(islice(find_images(folder)[0] if files is None else files, LOOKED_AT))
    if any(mask_beside(path) for path in looked):
        return FILES
    return ALPHA if any(_has_alpha(path) for path in looked) else ""


def read_masked_folder(folder: str | Path, resolution: int, category: str) -> MaskedPictures:
    """Every picture of a folder that brings its mask, cut to the square in its middle and scaled, as for the GAN.

    What is transparent is shown on white, as the GAN sees it.

    Raises:
        ImageFolderError: no such folder. ExpectedError: fewer than two pictures with usable masks; the message has the
            reason of the first that is not.
    """
    files, others = find_images(folder)
    warn_of(others, len(files))
    found: list[tuple[np.ndarray, np.ndarray] | str] = []
    with ThreadPoolExecutor(cores()) as pool:
        reading = pool.map(lambda path: _read(path, resolution), files)
        found = list(tqdm(reading, total=len(files), desc="masked pictures", unit="picture"))
    reasons = [one for one in found if isinstance(one, str)]
    pairs = [one for one in found if not isinstance(one, str)]
    if len(pairs) < 2:
        why = f" {reasons[0]}" if reasons else ""
        raise ExpectedError(
            f"{folder} holds {len(pairs)} pictures with a mask, and a segmenter needs many: an alpha channel, "
            f"NAME_mask.png beside NAME.jpg, or masks/NAME.png.{why}"
        )
    if reasons:
        said = f"{len(reasons)} of {len(files)} pictures in {folder} have no usable mask and are left out: {reasons[0]}"
        warnings.warn(said, ExpectedWarning, stacklevel=2)
    images, masks = (torch.from_numpy(np.stack(part)) for part in zip(*pairs, strict=True))
    return MaskedPictures(category, images.permute(0, 3, 1, 2).contiguous(), masks[:, None].contiguous())


def _read(path: Path, resolution: int) -> tuple[np.ndarray, np.ndarray] | str:
    """uint8 [R, R, 3] and [R, R], or why not."""
    size = (resolution, resolution)
    try:
        picture = whole_picture(path, alpha=True)
        beside = mask_beside(path)
        if beside is not None:
            inside = as_mask(beside, picture.size)
        elif picture.mode == "RGBA":
            inside = np.asarray(picture.getchannel("A")) >= 128
        else:
            return f"{path} has neither an alpha channel nor a file with its mask."
        if not inside.any() or inside.all():
            return f"the mask of {path} is {'full' if inside.all() else 'empty'}."
    except (ValueError, OSError) as error:
        return sentence(error)
    mask = ImageOps.fit(Image.fromarray(inside.astype(np.uint8) * 255), size, Image.Resampling.BOX)
    image = ImageOps.fit(on_white(picture).convert("RGB"), size, Image.Resampling.LANCZOS)
    cut = (np.asarray(mask) >= 128).astype(np.uint8)
    return (np.asarray(image), cut) if cut.any() else f"the mask of {path} is not in the square in its middle."


def _has_alpha(path: Path) -> bool:
    """Whether a picture is transparent in one part and solid in another."""
    try:
        picture = whole_picture(path, alpha=True)
    except (ValueError, OSError):
        return False
    if picture.mode != "RGBA":
        return False
    alpha = np.asarray(picture.getchannel("A"))
    return bool(alpha.min() < CLEAR and alpha.max() > SOLID)
