"""Many photos on disk: made in pieces by all cores, so that an interrupted order goes on where it was."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, connection, get_context, parent_process
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from ganverse_nb.runtime.cores import cores
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.process import without_ctrl_c
from ganverse_nb.studio.editions import check_edition
from ganverse_nb.studio.photos import BATCH, FILE, Photos, check_order, join, make_photos
from ganverse_nb.studio.randomization import Randomization

SERIES = 512  # photos that share a seed
PIECE = 512  # photos that are kept at once, at most: some 20 seconds of a core, whatever the resolution


def make_photo_archive(
    category: str,
    count: int,
    seed: int,
    directory: Path,
    resolution: int = 64,
    per_camera: int = 1,
    workers: int | None = None,
    edition: int = 1,
    knobs: Randomization | None = None,
) -> Photos:
    """`count` photos in `directory`, as `Photos.load` reads them; the rest is as in `make_photos`.

    Pieces that exist already are not made again. An interruption ends it at once, and so does the end of this process:
    pieces that were not finished are lost, some 20 seconds of each core's work.

    The pictures do not depend on `workers` (default: one process for each core that may be used).
    """
    check_order(category, count)
    check_edition(edition)
    if (directory / FILE).is_file():
        _remove_pieces(directory)  # killed before all of them were
        return Photos.load(directory)
    size = piece_size(resolution)
    numbers = {start: min(size, count - start) for start in range(0, count, size)}
    pieces = {start: directory / f"piece-{start:07d}-{number}" for start, number in numbers.items()}
    how = {"resolution": resolution, "per_camera": per_camera, "edition": edition, "knobs": knobs}
    orders = [
        (piece, category, numbers[start], _series_seed(seed, start), how | {"first": start % SERIES})
        for start, piece in pieces.items()
        if not (piece / FILE).is_file()
    ]
    workers = min(workers or cores(), len(orders))
    bar = tqdm(total=count, initial=count - sum(order[2] for order in orders), desc="photos", unit="photo")
    with bar:
        if workers <= 1:
            for order in orders:
                bar.update(_make_piece(*order))
        else:
            _make_beside_each_other(orders, workers, bar)
    photos = join([Photos.load(piece) for piece in pieces.values()])
    photos.save(directory)
    _remove_pieces(directory)
    return photos


def piece_size(resolution: int) -> int:
    """Photos that are kept at once: fewer of large ones, a power of two."""
    size = max(BATCH, PIECE * 64**2 // max(64, resolution) ** 2)
    return 1 << size.bit_length() - 1


def _make_beside_each_other(orders: list[tuple[Any, ...]], workers: int, bar: tqdm) -> None:
    """Pieces by several processes; an interruption ends those, too."""
    others = set(active_children())
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin_worker) as pool:
        try:
            with without_ctrl_c():
                made = [pool.submit(_make_piece, *order) for order in orders]
            for done in as_completed(made):
                bar.update(done.result())
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(active_children()) - others:
                process.kill()
                process.join()
            if isinstance(error, BrokenProcessPool):
                raise ExpectedError(
                    "A process that photographs was ended, most often for want of memory; close some programs and run "
                    "the same command again: the photos that are there are not made again."
                ) from None
            raise


def _begin_worker() -> None:
    """One thread for each; Ctrl-C reaches the process that started this one, and this one ends with that."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None

    def follow() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _remove_pieces(directory: Path) -> None:
    for piece in directory.glob("piece-*"):
        shutil.rmtree(piece, ignore_errors=True)


def first_photos(category: str, count: int, seed: int, resolution: int = 64, edition: int = 1) -> Photos:
    """The first photos of the archive that `seed` makes, without the others.

    Raises:
        ValueError: `count` is not a multiple of 16 up to 512: photos are arranged by sixteens, in series of 512.
    """
    if count % BATCH or not 0 < count <= SERIES:
        raise ValueError(f"The first photos come by {BATCH}s, up to {SERIES}; got {count}.")
    return make_photos(category, count, _series_seed(seed, 0), resolution, edition=edition)


def _series_seed(seed: int, start: int) -> int:
    """The seed of the series that photo number `start` belongs to."""
    return seed * 10_007 + start // SERIES * SERIES


def _make_piece(directory: Path, category: str, count: int, seed: int, how: dict[str, Any]) -> int:
    make_photos(category, count, seed, **how).save(directory)
    return count
