"""Makes the multi-view dataset: content x view codes -> pictures -> masks, in chunks that survive an interrupt."""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.config import MultiviewConfig
from ganverse_nb.data.multiview import IMAGES, INDEX, MASKS, MultiViewDataset, map_array, write_index
from ganverse_nb.gan.generator import resize_square
from ganverse_nb.gan.latents import mix, sample_w
from ganverse_nb.runtime.errors import DamagedError
from ganverse_nb.runtime.files import content_of, naming, read_json, write_json
from ganverse_nb.segmentation.detections import RULES, keep

if TYPE_CHECKING:
    from ganverse_nb.gan.generator import Generator
    from ganverse_nb.gan.viewpoints import ViewCodes
    from ganverse_nb.segmentation.segmenter import Segmenter

PROGRESS = "progress.json"

Synthesize = Callable[[Tensor, Tensor], Tensor]
"""(view codes [B, w_dim], content codes [B, w_dim]) -> pictures [B, 3, H, W] in [0, 1]."""

Cut = Callable[[Tensor], tuple[Tensor, list[str]]]
"""Pictures [B, 3, H, W] -> masks [B, 1, H, W] of 0 and 1, and for each picture why the filter removes it, or ""."""


def build_multiview(
    generator: Generator,
    views: ViewCodes,
    segmenter: Segmenter,
    config: MultiviewConfig,
    directory: Path,
    seed: int = 0,
) -> MultiViewDataset:
    """The dataset of section 3.1: `config.contents` random objects in every chosen view, cut out by Mask R-CNN.

    The pictures are cut out as large as the generator makes them, and then scaled to `config.resolution`.

    Contents are drawn once, truncated by `config.truncation`, and mixed with the view codes at the split layer; the
    noise maps are the generator's own, so a content differs between views by the view code alone. The paper's filter
    drops pictures with no or more than one instance and with masks below `config.minimum_mask` of the picture.
    Resumable: calling again with the same arguments continues.

    Raises:
        ValueError: the directory holds part of another dataset; the configuration leaves no training contents.
    """
    content_w = sample_w(generator, config.contents, seed, config.truncation)

    def synthesize(view_w: Tensor, content: Tensor) -> Tensor:
        styles = generator.styles(mix(view_w, content, views.split_layer, generator.num_ws))
        return generator.uncrop(generator.synthesize(styles))

    def cut(pictures: Tensor) -> tuple[Tensor, list[str]]:
        found = segmenter.segment(generator.crop(pictures))  # the filter's share is of the picture without bars
        kept = keep(found, config.minimum_mask, config.maximum_mask, config.one_instance)
        return generator.uncrop(found.mask), kept.reason

    return generate(
        synthesize,
        cut,
        content_w,
        views.codes.to(content_w),
        views.azimuth_bin,
        directory,
        resolution=config.resolution or generator.resolution,
        test_contents=config.test_contents,
        split_layer=views.split_layer,
        contents_per_chunk=4 if generator.resolution <= 128 else 1,
    )


def generate(
    synthesize: Synthesize,
    cut: Cut,
    content_w: Tensor,
    view_w: Tensor,
    azimuth_bin: Tensor,
    directory: Path,
    *,
    resolution: int,
    test_contents: int,
    split_layer: int = 0,
    contents_per_chunk: int = 4,
) -> MultiViewDataset:
    """Every content [C, w_dim] in every view [V, w_dim], cut out; complete chunks are never made twice.

    Pictures and masks are kept at `resolution`, to which larger ones are scaled.

    The codes are given, not drawn here, so a resumed run makes the same dataset. A directory that holds another
    dataset's progress is refused.

    Raises:
        ValueError: the directory holds the beginnings of a dataset of another size.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / PROGRESS
    if (directory / INDEX).is_file():
        path.unlink(missing_ok=True)  # killed just before it was deleted
        return MultiViewDataset.load(directory)
    if not 0 <= test_contents < len(content_w):
        raise ValueError(f"{test_contents} held-out of {len(content_w)} contents leave none to train on.")
    contents, views = len(content_w), len(view_w)
    codes = {"content": float(content_w.double().sum()), "view": float(view_w.double().sum())}
    wanted = {"contents": contents, "views": views, "resolution": resolution, "codes": codes}
    progress: dict[str, Any] = {"done": 0, "reasons": [], **wanted}
    if path.is_file():
        remedy = f"delete {directory} and make the dataset again"
        with content_of(path, "record of a dataset", remedy):
            progress = dict(read_json(path, remedy))
            if {k: progress[k] for k in wanted} != wanted:
                raise DamagedError(
                    f"{directory} holds part of another multi-view dataset; delete it or choose another place."
                )
            if not 0 <= progress["done"] <= contents or len(progress["reasons"]) != views * progress["done"]:
                raise ValueError("its counts do not fit each other")
    shape = (contents, views, 3, resolution, resolution)
    images = _array(directory / IMAGES, shape, bool(progress["done"]))
    masks = _array(directory / MASKS, (contents, views, 1, resolution, resolution), bool(progress["done"]))
    sums = [zlib.crc32(array[: progress["done"]].data) for array in (images, masks)]
    if progress.get("checksums", sums) != sums:  # earlier versions kept none
        raise DamagedError(
            f"The pictures in {directory} are damaged: they have changed since they were written; delete it and make "
            "the dataset again."
        )

    with tqdm(total=contents * views, initial=progress["done"] * views, desc="multi-view pictures", unit="img") as bar:
        for start in range(progress["done"], contents, contents_per_chunk):
            stop = min(start + contents_per_chunk, contents)
            chunk = content_w[start:stop].repeat_interleave(views, 0)
            with torch.no_grad():
                pictures = synthesize(view_w.repeat(stop - start, 1), chunk)
                cut_out, reasons = cut(pictures)
                pictures, cut_out = (resize_square(part, resolution) for part in (pictures, cut_out))
            images[start:stop] = to_bytes(pictures).reshape(stop - start, *shape[1:]).cpu().numpy()
            masks[start:stop] = (cut_out > 0.5).to(torch.uint8).reshape(masks[start:stop].shape).cpu().numpy()
            images.flush()
            masks.flush()
            sums = [
                zlib.crc32(array[start:stop].data, value) for array, value in zip((images, masks), sums, strict=True)
            ]
            progress = {**progress, "done": stop, "reasons": progress["reasons"] + reasons, "checksums": sums}
            write_json(path, progress, sealed=True)
            bar.update((stop - start) * views)

    dataset = MultiViewDataset(
        torch.from_numpy(images),
        torch.from_numpy(masks),
        torch.tensor([not r for r in progress["reasons"]]).view(contents, views),
        azimuth_bin,
        test_contents=test_contents,
        content_w=content_w.cpu(),
        view_w=view_w.cpu(),
        split_layer=split_layer,
        removed=dict.fromkeys(RULES, 0) | Counter(r for r in progress["reasons"] if r),
    )
    write_index(directory, dataset)
    path.unlink()
    return MultiViewDataset.load(directory)


def _array(path: Path, shape: tuple[int, ...], there: bool) -> np.memmap:
    """The array of a file, mapped into memory: the one that is `there`, or a new one that has its room on the disk.

    Raises:
        ValueError: the one that is there is damaged. OSError: there is no room.
    """
    if there:
        found = map_array(path)
        if tuple(found.shape) != shape or found.dtype != torch.uint8:
            raise DamagedError(
                f"{path} is damaged: it holds {found.dtype} {tuple(found.shape)}; delete {path.parent} and make the "
                "dataset again."
            )
        return np.lib.format.open_memmap(path, "r+")
    with naming(path):
        array = np.lib.format.open_memmap(path, "w+", np.uint8, shape)
        if hasattr(os, "posix_fallocate"):  # without room, the process would be killed when it writes to its memory
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def to_bytes(images: Tensor) -> Tensor:
    """[0, 1] float -> uint8, rounded."""
    return (images.clamp(0, 1) * 255 + 0.5).to(torch.uint8)
