"""Training pictures from a folder: every readable file as a small square, kept as one array.

make_image_archive("pictures of birds", 64, Path("birds.safetensors"))
images = load_image_archive(Path("birds.safetensors"))
"""

from __future__ import annotations

import hashlib
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.data.pictures import read_picture
from ganverse_nb.runtime.errors import ExpectedError, ExpectedWarning
from ganverse_nb.runtime.files import sha256
from ganverse_nb.runtime.tensors import load_tensors, save_tensors

FORMAT = "ganverse_nb.images/1"
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
NAMED = 3  # unreadable files that a warning names


class ImageFolderError(ExpectedError):
    """A folder that no GAN can be trained on."""


def list_images(folder: str | Path) -> list[Path]:
    """The picture files in a folder and its sub-folders, sorted, by suffix; hidden ones are left out.

    Raises:
        ImageFolderError: no such folder, or fewer than two pictures in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ImageFolderError(f"There is no folder {folder}; give one that holds pictures.")
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    _refuse_too_few(folder, len(files))
    return files


def folder_key(folder: str | Path) -> str:
    """A SHA-256 over the names and bytes of `list_images`: the same wherever the folder lies and however it got there.

    Raises:
        ImageFolderError: as `list_images`.
    """
    whole = hashlib.sha256()
    for path in list_images(folder):
        whole.update(f"{path.relative_to(folder).as_posix()}\0{sha256(path)}\n".encode())
    return whole.hexdigest()


def read_image_folder(folder: str | Path, resolution: int) -> Tensor:
    """uint8 [N, 3, R, R] RGB, in the order of `list_images`, each as `read_picture(fit=True)` gives it.

    Unreadable files are skipped; one `ExpectedWarning` names the first of them and their number. All pictures are held
    in memory: 12 kB each at 64 px.

    Raises:
        ImageFolderError: no such folder, or fewer than two readable pictures in it.
    """
    files = list_images(folder)
    images = torch.empty(len(files), 3, resolution, resolution, dtype=torch.uint8)

    def read(index: int) -> str | None:
        try:
            images[index] = read_picture(files[index], resolution, fit=True)[0].mul(255).round().byte()
        except (ValueError, OSError) as error:
            return str(error)
        return None

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding and scaling run outside Python's lock
        reasons = list(tqdm(pool.map(read, range(len(files))), total=len(files), desc="pictures", unit="picture"))
    skipped = [reason for reason in reasons if reason is not None]
    if skipped:
        more = f" And {len(skipped) - NAMED} more." if len(skipped) > NAMED else ""
        warnings.warn(
            f"{len(skipped)} of {len(files)} pictures were skipped: {' '.join(skipped[:NAMED])}{more}",
            ExpectedWarning,
            stacklevel=2,
        )
    readable = torch.tensor([reason is None for reason in reasons])
    _refuse_too_few(Path(folder), int(readable.sum()))
    return images[readable]


def make_image_archive(folder: str | Path, resolution: int, path: Path) -> None:
    """`read_image_folder`, kept in `path`. Who calls it keeps the `folder_key`, to know when it must be made again.

    Raises:
        ImageFolderError: as `read_image_folder`.
    """
    save_tensors(path, {"images": read_image_folder(folder, resolution)}, FORMAT)


def load_image_archive(path: Path) -> Tensor:
    """The pictures that `make_image_archive` kept, uint8 [N, 3, R, R].

    Raises:
        FileNotFoundError: no such file. ValueError: damaged, or something else.
    """
    return load_tensors(path, FORMAT, "archive of pictures", "delete it and run the same command again")[0]["images"]


def _refuse_too_few(folder: Path, count: int) -> None:
    if count < 2:
        found = "no readable picture" if count == 0 else "only one readable picture"
        raise ImageFolderError(
            f"{folder} holds {found}, and a GAN needs many; "
            f"pictures are files that end in {', '.join(sorted(SUFFIXES))}."
        )
