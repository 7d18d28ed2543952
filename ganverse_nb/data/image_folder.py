"""Training pictures from a folder: every readable file as a small square, kept as one array.

make_image_archive("pictures of birds", 64, Path("birds.safetensors"))
images = load_image_archive(Path("birds.safetensors"))
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.data.pictures import read_picture
from ganverse_nb.runtime.cores import cores
from ganverse_nb.runtime.errors import DamagedError, ExpectedError, ExpectedWarning, sentence
from ganverse_nb.runtime.files import sha256
from ganverse_nb.runtime.picture_files import SUFFIXES, formats_of
from ganverse_nb.runtime.tensors import load_tensors, save_tensors

FORMAT = "ganverse_nb.images/1"
NAMED = 3  # of each kind of file that is left out, a warning names so many


class ImageFolderError(ExpectedError):
    """A folder that no GAN can be trained on."""


def list_images(folder: str | Path) -> list[Path]:
    """The picture files in a folder and its sub-folders, sorted; hidden ones are left out.

    Links are followed inside of the folder alone: in a stranger's, others would read whatever this machine holds.

    Raises:
        ImageFolderError: no such folder, or fewer than two pictures in it.
    """
    files, others = find_images(folder)
    _refuse_too_few(Path(folder), len(files), others)
    return files


def find_images(folder: str | Path, without: Path | None = None) -> tuple[list[Path], list[str]]:
    """`list_images`, and what else is in the folder, each with why it is none: by its name, or where that says nothing
    by its content.

    Args:
        without: a folder in it that is not looked into.

    Raises:
        ImageFolderError: no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ImageFolderError(f"There is no folder {folder}; give one that holds pictures.")
    files: list[Path] = []
    others: list[str] = []
    for path in _walk(folder, others, without):
        if not path.is_file():
            others.append(f"{path} is a link to nothing" if path.is_symlink() else f"{path} is no file")
        elif path.suffix.lower() in SUFFIXES or _looks_like_a_picture(path):
            files.append(path)
        else:
            others.append(f"{path} is no picture")
    names = {path.with_suffix("") for path in files}
    return sorted(path for path in files if not _is_mask(path, names)), others


def _is_mask(path: Path, names: set[Path]) -> bool:
    """Whether a file is the mask of a picture that is there: `cup_mask.png` or `masks/cup.png`, of `cup.jpg`."""
    plain = path.with_suffix("")
    if plain.name.endswith("_mask"):
        return plain.with_name(plain.name.removesuffix("_mask")) in names
    return plain.parent.name == "masks" and plain.parent.parent / plain.name in names


def _walk(folder: Path, others: list[str], without: Path | None) -> Iterator[Path]:
    """Everything in a folder and below that is not hidden. Each folder is read once, however many links lead to it."""
    root, seen = os.path.realpath(folder), set[str]()
    apart = os.path.realpath(without) if without else ""
    waiting, links = [folder], list[Path]()
    while waiting or links:
        place = waiting.pop() if waiting else links.pop()
        real = os.path.realpath(place)
        if real in seen:
            others.append(f"{place} links to a folder that is read anyway")
            continue
        seen.add(real)
        try:
            for path in sorted(place.iterdir()):
                if path.name.startswith(".") or (apart and os.path.realpath(path) == apart):
                    continue
                if path.is_symlink() and path.exists() and not _is_inside(path, root):
                    others.append(f"{path} links out of the folder and is not followed; cp -rL copies a folder whole")
                elif path.is_dir():
                    (links if path.is_symlink() else waiting).append(path)
                else:
                    yield path
        except OSError as error:
            others.append(f"{place} cannot be read ({error.strerror})")


def _is_inside(path: Path, root: str) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(root)


def _looks_like_a_picture(path: Path) -> bool:
    """Whether a file whose name does not say so begins like a picture of one of the usual formats."""
    try:
        with Image.open(path, formats=formats_of(path.name)):
            return True
    except Exception:  # whatever a decoder makes of something else
        return False


def folder_key(folder: str | Path) -> str:
    """A SHA-256 over the names and bytes of `list_images`: the same wherever the folder lies and however it got there.

    Raises:
        ImageFolderError: as `list_images`.
    """
    whole = hashlib.sha256()
    for path in list_images(folder):
        whole.update(f"{path.relative_to(folder).as_posix()}\0{sha256(path)}\n".encode())
    return whole.hexdigest()


def read_image_folder(folder: str | Path, resolution: int | tuple[int, int]) -> Tensor:
    """uint8 [N, 3, R, R] RGB, in the order of `list_images`, each as `read_picture(fit=True)` gives it.

    Unreadable pictures are skipped, other files left out; one `ExpectedWarning` counts both and names the first of
    them. All pictures are held in memory: 12 kB each at 64 px.

    Args:
        resolution: R, or a height and a width.

    Raises:
        ImageFolderError: no such folder, or fewer than two readable pictures in it.
    """
    files, others = find_images(folder)
    _refuse_too_few(Path(folder), len(files), others)
    height, width = (resolution, resolution) if isinstance(resolution, int) else resolution
    images = torch.empty(len(files), 3, height, width, dtype=torch.uint8)

    def read(index: int) -> str | None:
        try:
            images[index] = read_picture(files[index], resolution, fit=True)[0].mul(255).round().byte()
        except (ValueError, OSError) as error:
            return sentence(error)
        return None

    with ThreadPoolExecutor(cores()) as pool:  # decoding and scaling run outside Python's lock
        reasons = list(tqdm(pool.map(read, range(len(files))), total=len(files), desc="pictures", unit="picture"))
    skipped = [reason for reason in reasons if reason is not None]
    told = [
        f"{len(found)} of {of} were {what}: {first_reasons(found)}"
        for found, of, what in (
            (skipped, f"{len(files)} pictures", "skipped"),
            (others, f"{len(files) + len(others)} files", "left out"),
        )
        if found
    ]
    if told:
        warnings.warn(" ".join(told), ExpectedWarning, stacklevel=2)
    readable = torch.tensor([reason is None for reason in reasons])
    _refuse_too_few(Path(folder), int(readable.sum()), skipped + others)
    return images[readable]


def warn_of(others: list[str], files: int) -> None:
    """Says in a warning what `find_images` has left out beside so many pictures."""
    if others:
        left = f"{len(others)} of {files + len(others)} files were left out: {first_reasons(others)}"
        warnings.warn(left, ExpectedWarning, stacklevel=3)


def first_reasons(reasons: list[str]) -> str:
    """The first of some reasons (see `find_images`), and how many more there are."""
    more = f" And {len(reasons) - NAMED} more." if len(reasons) > NAMED else ""
    return " ".join(f"{reason.removesuffix('.')}." for reason in reasons[:NAMED]) + more


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
    what, remedy = "archive of pictures", f"delete {path.parent} and run the same command again"
    images = load_tensors(path, FORMAT, what, remedy)[0]["images"]
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] != 3:
        raise DamagedError(f"{path} is no {what}: it holds {images.dtype} {tuple(images.shape)}; {remedy}.")
    return images


def _refuse_too_few(folder: Path, count: int, others: list[str]) -> None:
    if count < 2:
        found = "no readable picture" if count == 0 else "only one readable picture"
        why = f" {first_reasons(others)}" if others else ""
        raise ImageFolderError(
            f"{folder} holds {found}, and a GAN needs many; "
            f"pictures are files that end in {', '.join(sorted(SUFFIXES))}.{why}"
        )
