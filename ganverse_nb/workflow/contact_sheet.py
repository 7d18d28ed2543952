"""A sheet to look through: of photographs of a folder what was seen in them, and what was made of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.render.shots import orbit_views, textured
from ganverse_nb.runtime.files import atomic_path
from ganverse_nb.workflow.photo_table import Row

SHOWN = 60  # photographs on a sheet; of more, so many are taken at even steps
SIZE, GAP, LINE, ACROSS = (
    128,
    4,
    16,
    2,
)  # pixels of a picture, between two, of words; photographs in a row
SIDES = (30.0, 120.0, 210.0, 300.0)  # degrees from which others see it
OUTLINE = (1.0, 0.45, 0.0)
LETTERS = 120  # of a line


def contact_sheet(rows: Sequence[Row], output: Path, path: Path) -> None:
    """Writes a PNG: name and verdict, and beside each other photograph, outline, reconstruction, and other sides.

    Args:
        rows: of the table in `output`, whose files are looked at. Photographs that could not be read are left out.
        path: of the sheet.
    """
    seen = [row for row in rows if row.cutout]
    shown = [seen[index] for index in sample(len(seen))]
    strips = [_strip(row, output) for row in shown] or [_blank("no picture could be read")]
    strips += [Image.new("RGB", strips[0].size, "white")] * (-len(strips) % ACROSS)
    wide, high = strips[0].size
    sheet = Image.new("RGB", (ACROSS * (wide + 4 * GAP), len(strips) // ACROSS * (high + GAP)), "white")
    for place, strip in enumerate(strips):
        sheet.paste(strip, (place % ACROSS * (wide + 4 * GAP) + 2 * GAP, place // ACROSS * (high + GAP)))
    with atomic_path(path) as temporary:
        sheet.save(temporary)


def sample(count: int) -> list[int]:
    """Which of so many photographs are shown: all, or `SHOWN` at even steps, the first and the last one included.

    Examples:
        >>> sample(3), sample(6000)[:3], sample(6000)[-1]
        ([0, 1, 2], [0, 102, 203], 5999)
    """
    return list(range(count)) if count <= SHOWN else [round(k * (count - 1) / (SHOWN - 1)) for k in range(SHOWN)]


def told(rows: Sequence[Row]) -> str:
    """Which photographs are on the sheet, in words."""
    count = sum(bool(row.cutout) for row in rows)
    which = f"all {count}" if count <= SHOWN else f"{SHOWN} of {count}, at even steps from the first to the last,"
    return f"{which} that could be read, each with its outline, the reconstruction, and from other sides"


def _strip(row: Row, output: Path) -> Image.Image:
    """One photograph: words above pictures."""
    strip = _blank(_words(row))
    for place, picture in enumerate(_pictures(row, output)):
        pixels = (picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
        strip.paste(Image.fromarray(pixels), (place * (SIZE + GAP), LINE))
    return strip


def _words(row: Row) -> str:
    verdict = row.refusal.removeprefix(f"{row.photo.rpartition('/')[2]} is ") or f"{row.verdict}, score {row.score}"
    return f"{_short(row.photo)}   {verdict}"


def _blank(words: str) -> Image.Image:
    """Room for a photograph's pictures, below words."""
    strip = Image.new("RGB", ((3 + len(SIDES)) * (SIZE + GAP), LINE + SIZE), "white")
    ImageDraw.Draw(strip).text((0, 2), words[:LETTERS], "black", ImageFont.load_default(11))
    return strip


def _pictures(row: Row, output: Path) -> list[Tensor]:
    """[3, SIZE, SIZE] each."""
    with Image.open(output / row.cutout) as file:
        both = torch.from_numpy(np.array(file.convert("RGBA"))).permute(2, 0, 1)[None].float() / 255
    large = F.interpolate(both, (SIZE, SIZE), mode="nearest")
    photo, mask = large[:, :3], large[:, 3:]
    edge = F.max_pool2d(mask, 3, 1, 1) - mask
    outlined = photo * (1 - edge) + torch.tensor(OUTLINE)[:, None, None] * edge
    found = [photo[0], outlined[0]]
    if row.mesh:
        mesh = Mesh.load(output / row.mesh)
        found.append(textured(mesh, row.camera, SIZE)[0])
        found += list(textured(*orbit_views(mesh, list(SIDES)), SIZE))
    return found


def _short(name: str, most: int = 40) -> str:
    return name if len(name) <= most else f"...{name[3 - most :]}"
