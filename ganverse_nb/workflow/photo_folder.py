"""Photographs of a whole folder: a mesh of each, a row of a table for each, a sheet to look through.

Rows are added as photographs are done, some at a time; whoever gives the order again, however it was ended, goes on
after them, to the same bits. Nothing of a photograph is kept in memory once its row is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from PIL import Image
from tqdm.auto import tqdm

from ganverse_nb.data.image_folder import find_images, first_reasons, warn_of
from ganverse_nb.data.masked_folder import mask_beside
from ganverse_nb.data.pictures import Picture
from ganverse_nb.inverse_graphics.reconstruction import Reconstruction
from ganverse_nb.inverse_graphics.reconstructor import BATCH, Reconstructor
from ganverse_nb.runtime.checkpoints import check_identity
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.files import atomic_path, digest, read_json, remove_leftovers, write_json
from ganverse_nb.runtime.picture_files import SUFFIXES
from ganverse_nb.runtime.tensors import weights_of
from ganverse_nb.workflow.contact_sheet import contact_sheet
from ganverse_nb.workflow.locks import exclusive
from ganverse_nb.workflow.photo_table import IN, OUT, UNREADABLE, Row, Table, escaped, output_names

TABLE, SETTINGS, SHEET = "reconstructions.csv", "reconstructions.json", "contact_sheet.png"
MESHES, CUTOUTS = "meshes", "cutouts"


def reconstruct_folder(
    reconstructor: Reconstructor, folder: Path, output: Path, *, refine: bool = False, force: bool = False
) -> list[Row]:
    """Reconstructs every picture in a folder and below, or those that are not done yet; a row of each.

    In `output` there are then `reconstructions.csv`; `meshes/NAME.glb` of those in domain; `cutouts/NAME.png`, the
    window that the networks saw, with the mask as its alpha channel, of all that could be read; `contact_sheet.png`.
    `NAME_mask.png` or `masks/NAME.png` beside a picture is its mask, as an alpha channel is; others are cut out. Links
    are followed inside of the folder alone. What has changed since its row was written is done again.

    Args:
        refine: as of a single picture.
        force: meshes also of those out of domain in which an object was found.

    Raises:
        ExpectedError: no such folder, no picture in it, or another process is at it.
        ValueError: `output` was begun with other settings, or holds the pictures.
    """
    files = _pictures(folder, output)
    output.mkdir(parents=True, exist_ok=True)
    (output / ".locks").mkdir(exist_ok=True)
    with exclusive(output / ".locks" / "reconstruct.lock", str(output)):
        remove_leftovers(output, deep=True)
        settings, table = _settings(reconstructor, refine, force), Table(output / TABLE, output)
        known = _known_rows(output, settings, table)
        batch = 1 if refine else BATCH  # a refined photograph takes seconds, and no more than its work is to be lost
        rows = table.keep(known, files, batch, mask_beside)
        _note(output, settings, len(rows))
        todo = [name for name in files if name not in rows]
        if todo:
            (output / SHEET).unlink(missing_ok=True)
        _reconstruct(reconstructor, {name: files[name] for name in todo}, output, table, rows, refine, force, batch)
        done = [rows[name] for name in files]
        if not (output / SHEET).exists():
            contact_sheet(done, output, output / SHEET)
        table.write(done)
        _note(output, settings, len(done))
    return done


def told(rows: Sequence[Row], output: Path) -> str:
    """What became of the pictures, and where it is, in lines."""
    count = Counter(row.verdict for row in rows)
    parts = [f"{count[IN]} in domain", f"{count[OUT]} out of domain", f"{count[UNREADABLE]} that cannot be read"]
    beside = sum(row.mask.startswith("file ") for row in rows)
    parts += [f"{beside} cut out by the mask files beside them"] if beside else []
    meshes = sum(bool(row.mesh) for row in rows)
    return f"{len(rows)} pictures: {', '.join(parts)}\nwrote {meshes} meshes to {output / MESHES}, {output / TABLE}"


def _pictures(folder: Path, output: Path) -> dict[str, Path]:
    """Names below the folder, as `escaped` -> pictures. What is left out is told in a warning."""
    if output.resolve() == folder.resolve():
        raise ValueError(f"{output} holds the pictures; give another folder with --out.")
    found, others = find_images(folder, without=output)
    if not found:
        why = f" {first_reasons(others)}" if others else ""
        raise ExpectedError(
            f"{folder} holds no picture; pictures are files that end in {', '.join(sorted(SUFFIXES))}.{why}"
        )
    warn_of(others, len(found))
    return {escaped(path.relative_to(folder).as_posix()): path for path in found}


def _settings(reconstructor: Reconstructor, refine: bool, force: bool) -> dict[str, object]:
    """What every result depends on, beside its picture."""
    return {
        "category": reconstructor.domain.category,
        "network": weights_of(reconstructor.model),
        "segmenter": reconstructor.segmenter.source,
        "camera": weights_of(reconstructor.camera),
        "domain": digest(asdict(reconstructor.domain)),
        "refine": refine,
        "force": force,
    }


def _known_rows(output: Path, settings: dict[str, object], table: Table) -> int:
    """How many rows the last one who gave this order has found or left whole.

    Raises:
        ValueError: they belong to other settings, or nobody knows to which.
    """
    path = output / SETTINGS
    if not path.exists():
        if table.path.exists():
            raise ValueError(f"{table.path} is there without {path}, its settings; delete it to begin again.")
        _note(output, settings, 0)
        return 0
    there = read_json(path, f"delete {output} to begin again")
    check_identity(output, there.get("settings"), settings)
    return int(there.get("rows", 0))


def _note(output: Path, settings: dict[str, object], rows: int) -> None:
    write_json(output / SETTINGS, {"settings": settings, "rows": rows}, sealed=True)


def _reconstruct(
    reconstructor: Reconstructor,
    pictures: dict[str, Path],
    output: Path,
    table: Table,
    rows: dict[str, Row],
    refine: bool,
    force: bool,
    batch: int,
) -> None:
    """Adds the rows of pictures, a batch at a time, after the files that they name."""
    names, new = output_names(list(pictures) + list(rows)), list[Row]()
    results = reconstructor.many(pictures.values(), refine, batch, mask_of=mask_of)
    with tqdm(total=len(rows) + len(pictures), initial=len(rows), desc="photos", unit="photo") as bar:
        for (name, path), result in zip(pictures.items(), results, strict=True):
            mesh, cutout = Path(MESHES, f"{names[name]}.glb"), Path(CUTOUTS, f"{names[name]}.png")
            row = Row.of(name, path, result, mask_beside(path))
            if isinstance(result, Reconstruction):
                write_cutout(result, output / cutout)
                row = row.replace(cutout=cutout.as_posix())
                if result.mesh is not None and (force or result.verdict.in_domain):
                    result.save(output / mesh, force=force)
                    row = row.replace(mesh=mesh.as_posix())
            if not row.mesh:  # it may have had one before it changed
                (output / mesh).unlink(missing_ok=True)
            new.append(row)
            if len(new) == batch or len(rows) + len(new) == bar.total:
                table.add(new)
                rows |= {row.photo: row for row in new}
                bar.update(len(new))
                new = []


def mask_of(picture: Picture) -> Path | None:
    """The file of a photograph's mask, if there is one beside it."""
    return mask_beside(Path(str(picture)))


def write_cutout(result: Reconstruction, path: Path) -> None:
    """The window that the networks saw, in RGBA, opaque where the object is."""
    both = torch.cat([result.image[0], result.mask[0]])
    pixels = (both.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    with atomic_path(path) as temporary:
        Image.fromarray(pixels).save(temporary)
