"""Of a folder of photographs in clutter the surely cut out objects, each on plain ground, beside its mask.

    python -m benchmarks.own_category.cut_out FOLDER cars --category car

The package's own segmenter of photographs cuts, on each photograph as it is and once more with a border round it; only
where both agree on one closed outline the object is kept, set in the middle and scaled to one height, as a camera on a
turntable sees it. What comes out is a folder as `ganverse new-category --images` takes it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from scipy import ndimage
from scipy.spatial import ConvexHull
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.data.image_folder import find_images
from ganverse_nb.segmentation.mask_rcnn import load_segmenter, photo_weights
from ganverse_nb.segmentation.photo_segmenter import PhotoSegmenter

SIDE, BORDER, BATCH = 64, 10, 128  # pixels of what comes out, and of the border of the second look
GROUND = (0.42, 0.60, 0.45)  # a colour that few cars have
HEIGHT, WIDTH, LARGEST = 0.44, 0.92, 2.2  # of a car in its picture; how far a small one is enlarged
SOLID = 0.85  # of the area within a car's convex outline; legs leave less
AREA, AGREE, WHOLE, UNSURE, CUT_OFF = (0.12, 0.8), 0.68, 0.85, 0.45, 0.6
SAME = 0.012  # mean difference of two pictures of 16 px that count as one


@dataclass(frozen=True)
class Look:
    """One photograph [3, S, S], and the probability [2, S, S] of the object, without and with a border."""

    photo: Tensor
    inside: Tensor


def looks(folder: Path, category: str) -> Iterator[tuple[Path, Look]]:
    """Every photograph of a folder."""
    segmenter = load_segmenter(category, photo_weights(category))
    assert isinstance(segmenter, PhotoSegmenter)
    files = find_images(folder)[0]
    for start in tqdm(range(0, len(files), BATCH), desc="cut out", unit=f"{BATCH} photos"):
        some = files[start : start + BATCH]
        small = [Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC) for path in some]
        photos = torch.from_numpy(np.stack([np.asarray(one) for one in small])).permute(0, 3, 1, 2).float() / 255
        plain, _ = segmenter.probabilities(photos)
        wide, _ = segmenter.probabilities(F.pad(photos, (BORDER,) * 4, mode="replicate"))
        both = torch.cat([plain, wide[..., BORDER:-BORDER, BORDER:-BORDER]], 1)
        yield from zip(some, map(Look, photos, both), strict=True)


def outline(look: Look, solid: float = SOLID) -> np.ndarray | None:
    """The mask [S, S] bool of the object; None where it is not sure, whole, closed and of a usable size."""
    mean = look.inside.mean(0).numpy()
    plain, wide = (look.inside > 0.5).numpy()
    labels, count = ndimage.label(mean > 0.5)
    if not count or (plain & wide).sum() < AGREE * (plain | wide).sum():
        return None
    largest = labels == 1 + np.argmax(ndimage.sum(mean > 0.5, labels, range(1, count + 1)))
    mask = ndimage.binary_opening(ndimage.binary_fill_holes(largest), np.ones((3, 3)))
    if largest.sum() < WHOLE * (mean > 0.5).sum() or not AREA[0] < mask.mean() < AREA[1]:
        return None
    corners = np.argwhere(mask)
    closed = mask.sum() > solid * ConvexHull(corners).volume
    sure = ((mean > 0.15) & (mean < 0.85)).sum() < UNSURE * mask.sum()
    inside = max(edge.mean() for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1])) < CUT_OFF
    return mask if closed and sure and inside else None


def on_ground(look: Look, mask: np.ndarray, high: float = HEIGHT) -> tuple[Tensor, Tensor] | None:
    """The object in the middle of plain ground [3, S, S] and its mask [S, S]; None where it is too small for that."""
    rows, columns = np.nonzero(mask)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    scale = min(high * SIDE / height, WIDTH * SIDE / width)
    if scale > LARGEST:
        return None
    near, core = (torch.from_numpy(grown(mask)).float() for grown in (ndimage.binary_dilation, ndimage.binary_erosion))
    soft = torch.maximum(((look.inside.mean(0) * near - 0.35) / 0.4).clamp(0, 1), core)
    steps = (torch.arange(SIDE) + 0.5 - SIDE / 2) / scale
    middle = [(values.min() + values.max() + 1) / 2 for values in (rows, columns)]
    y, x = (((steps + centre) / SIDE * 2 - 1).float() for centre in middle)
    grid = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1)[None]
    cut = F.grid_sample(torch.cat([look.photo, soft[None]])[None], grid, align_corners=False)[0]
    rgb, alpha = cut[:3], cut[3:]
    return rgb * alpha + torch.tensor(GROUND)[:, None, None] * (1 - alpha), alpha[0]


def cut_out(folder: Path, output: Path, category: str, solid: float = SOLID, high: float = HEIGHT) -> int:
    """Writes `output`/NAME.png and NAME_mask.png of what is surely cut out, each once; returns how many."""
    output.mkdir(parents=True)
    seen = torch.zeros(0, 3 * 16 * 16)
    for path, look in looks(folder, category):
        mask = outline(look, solid)
        placed = None if mask is None else on_ground(look, mask, high)
        if placed is None:
            continue
        picture, alpha = placed
        small = F.interpolate(picture[None], (16, 16), mode="area").flatten(1)
        if len(seen) and float((seen - small).abs().mean(1).min()) < SAME:
            continue
        seen = torch.cat([seen, small])
        pixels = (picture.permute(1, 2, 0).clamp(0, 1).numpy() * 255 + 0.5).astype(np.uint8)
        Image.fromarray(pixels).save(output / f"{path.stem}.png")
        Image.fromarray(((alpha > 0.5).numpy() * 255).astype(np.uint8)).save(output / f"{path.stem}_mask.png")
    return len(seen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--category", default="car", help="as the package's segmenter knows it")
    parser.add_argument("--solid", type=float, default=SOLID, help="share of its convex outline that an object fills")
    parser.add_argument("--height", type=float, default=HEIGHT, help="of the object, as a share of its picture")
    options = parser.parse_args()
    made = cut_out(options.folder, options.output, options.category, options.solid, options.height)
    print(made, "pictures")


if __name__ == "__main__":
    main()
