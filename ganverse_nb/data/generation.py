"""Makes the multi-view dataset: content x view codes -> pictures -> masks, in chunks that survive an interrupt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ganverse_nb.config import MultiviewConfig
from ganverse_nb.data.multiview import INDEX, MultiViewDataset, write_index
from ganverse_nb.gan.generator import resize_square
from ganverse_nb.gan.latents import mix, sample_w
from ganverse_nb.runtime.arrays import RECORD, filled, room_taken, rows_done
from ganverse_nb.runtime.demand import announce, step_demand
from ganverse_nb.runtime.team import Team
from ganverse_nb.segmentation.detections import LARGE, RULES, keep

if TYPE_CHECKING:
    from ganverse_nb.gan.generator import Generator
    from ganverse_nb.gan.viewpoints import ViewCodes
    from ganverse_nb.segmentation.segmenter import Segmenter

REASONS, REMOVED = "reasons", ("", *RULES, LARGE)  # while it is made: why a picture was removed, by number
TRIED = 1000  # pictures: it is told what more of them will take

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
    content_w = sample_w(generator, config.contents, seed, config.truncation).to(generator.const)

    def synthesize(view_w: Tensor, content: Tensor) -> Tensor:
        styles = generator.styles(mix(view_w, content, views.split_layer, generator.num_ws))
        return generator.uncrop(generator.synthesize(styles))

    def cut(pictures: Tensor) -> tuple[Tensor, list[str]]:
        found = segmenter.segment(generator.crop(pictures))  # the filter's share is of the picture without bars
        kept = keep(found, config.minimum_mask, config.maximum_mask, config.one_instance)
        return generator.uncrop(found.mask), kept.reason

    codes, resolution = views.codes.to(content_w), config.resolution or generator.resolution
    left = (config.contents - rows_done(directory)) * len(codes)
    if Team.from_environment().is_main and not (directory / INDEX).is_file() and left > TRIED:

        def prepare(number: int) -> Callable[[], object]:
            given = (codes[torch.arange(number) % len(codes)], content_w[:1].expand(number, -1))
            return lambda: _made(synthesize, cut, *given, resolution)

        pass_size = min(generator.at_once, segmenter.at_once)
        demand = step_demand(prepare, pass_size).times(left / pass_size)
        room = config.contents * len(codes) * 4 * resolution**2
        demand = replace(demand, disk=max(0, room - room_taken(directory)))
        announce("the multi-view pictures", demand, directory, "use a smaller GAN or segmenter")
    return generate(
        synthesize,
        cut,
        content_w,
        codes,
        views.azimuth_bin,
        directory,
        resolution=resolution,
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
    if (directory / INDEX).is_file():
        _tidy(directory)  # killed just before it was done
        return MultiViewDataset.load(directory)
    if not 0 <= test_contents < len(content_w):
        raise ValueError(f"{test_contents} held-out of {len(content_w)} contents leave none to train on.")
    contents, views = len(content_w), len(view_w)
    identity = {
        "views": views,
        "resolution": resolution,
        "content": float(content_w.double().sum()),
        "view": float(view_w.double().sum()),
    }

    def compute(rows: Tensor) -> dict[str, Tensor]:
        made = _made(
            synthesize, cut, view_w.repeat(len(rows), 1), content_w[rows].repeat_interleave(views, 0), resolution
        )
        return {name: values.unflatten(0, (-1, views)) for name, values in made.items()}

    row = {
        "images": torch.empty(views, 3, resolution, resolution, dtype=torch.uint8),
        "masks": torch.empty(views, 1, resolution, resolution, dtype=torch.uint8),
        REASONS: torch.empty(views, dtype=torch.uint8),
    }
    found = filled(
        directory, contents, row, compute, identity, chunk=contents_per_chunk, what="multi-view pictures",
        remedy=f"delete {directory} and make the dataset again", unit=views,
    )  # fmt: skip
    reasons = found[REASONS].long()
    dataset = MultiViewDataset(
        found["images"],
        found["masks"],
        reasons == 0,
        azimuth_bin,
        test_contents=test_contents,
        content_w=content_w.cpu(),
        view_w=view_w.cpu(),
        split_layer=split_layer,
        removed=dict.fromkeys(RULES, 0) | Counter(REMOVED[k] for k in reasons.flatten().tolist() if k),
    )
    team = Team.from_environment()
    team.wait()  # until all have read why pictures were removed
    if team.is_main:
        write_index(directory, dataset)
        _tidy(directory)
    team.wait()
    return MultiViewDataset.load(directory)


def _made(synthesize: Synthesize, cut: Cut, view: Tensor, content: Tensor, resolution: int) -> dict[str, Tensor]:
    """Pictures and masks of codes [B, w_dim] in bytes, and which rule of `REMOVED` removes each."""
    with torch.no_grad():
        pictures = synthesize(view, content)
        masks, reasons = cut(pictures)
        pictures, masks = (resize_square(part, resolution) for part in (pictures, masks))
    return {
        "images": to_bytes(pictures).cpu(),
        "masks": (masks > 0.5).to(torch.uint8).cpu(),
        REASONS: torch.tensor([REMOVED.index(reason) for reason in reasons], dtype=torch.uint8),
    }


def _tidy(directory: Path) -> None:
    """What only the making needs goes."""
    for name in (RECORD, f"{REASONS}.npy"):
        (directory / name).unlink(missing_ok=True)


def to_bytes(images: Tensor) -> Tensor:
    """[0, 1] float -> uint8, rounded."""
    return (images.clamp(0, 1) * 255 + 0.5).to(torch.uint8)
