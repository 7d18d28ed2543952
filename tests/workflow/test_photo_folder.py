"""`ganverse reconstruct FOLDER`: a row of each picture whatever it is, and an order that goes on where it was ended."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from ganverse_nb.inverse_graphics.reconstructor import Reconstructor
from ganverse_nb.runtime.errors import ExpectedError, ExpectedWarning
from ganverse_nb.runtime.files import LEFTOVER
from ganverse_nb.studio.photos import make_photos
from ganverse_nb.workflow import cli, photo_folder
from ganverse_nb.workflow.contact_sheet import GAP, LINE, SIZE
from ganverse_nb.workflow.photo_folder import SHEET, TABLE, reconstruct_folder
from ganverse_nb.workflow.photo_table import IN, OUT, UNREADABLE
from tests.runtime.test_picture_files import png
from tests.torture.content import content


@pytest.fixture(scope="module")
def own() -> Reconstructor:
    return Reconstructor.from_pretrained("car")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Cars, one of them in a folder below, and what people and strangers put beside them."""
    folder, outside = tmp_path / "photos", tmp_path / "secret.png"
    (folder / "below").mkdir(parents=True)
    images = make_photos("car", 5, seed=5, resolution=128).images.permute(0, 2, 3, 1).numpy()
    for number, pixels in enumerate(images):
        Image.fromarray(pixels).save(folder / ("below" if number == 4 else "") / f"car{number}.png")
    grey = Image.new("RGB", (80, 80), (99, 99, 99))
    others = [Image.new("RGB", (80, 80), color) for color in ("red", "blue")]
    grey.save(folder / "grey.gif", save_all=True, append_images=others)
    grey.save(outside)
    (folder / "empty.jpg").touch()
    (folder / "drawing.png").write_text("<svg xmlns='http://www.w3.org/2000/svg'></svg>")
    (folder / "paper.png").write_bytes(b"%PDF-1.7 ...")
    (folder / "bomb.png").write_bytes(png(20_000, 20_000))
    (folder / "\x1b[2J\n.png").write_bytes(b"no picture")
    (folder / "linked.png").symlink_to(outside)
    (folder / "again.png").symlink_to("car0.png")
    (folder / "notes.txt").write_text("of the journey")
    return folder


def test_every_picture_has_its_row_and_nothing_stops_the_rest(own, folder, tmp_path):
    with pytest.warns(ExpectedWarning, match="2 of 14 files were left out: .*linked.png links out of the folder"):
        rows = {row.photo: row for row in reconstruct_folder(own, folder, tmp_path / "out")}
    cars = ["again.png", "below/car4.png", *(f"car{number}.png" for number in range(4))]
    unreadable = {
        "\\x1b[2J\\n.png": "is not a picture",
        "bomb.png": "bomb.png has more than the 100 megapixels that are read; scale it down.",
        "drawing.png": "drawing.png is an SVG drawing, not a picture; give a PNG or JPEG.",
        "empty.jpg": "empty.jpg is empty (0 bytes); give a PNG or JPEG.",
        "paper.png": "paper.png is a PDF document, not a picture; give a PNG or JPEG.",
    }
    assert set(rows) == {*cars, "grey.gif", *unreadable}
    for name, words in unreadable.items():
        assert rows[name].verdict == UNREADABLE and words in rows[name].refusal
    grey = rows["grey.gif"]
    assert grey.verdict == OUT and grey.mesh == "" and "no instance" in grey.refusal
    assert grey.notes == "it holds several pictures, of which the first is looked at"
    assert sum(rows[name].verdict == IN for name in cars) >= 5
    for name in cars:
        row, alone = rows[name], own(folder / name)
        assert (row.verdict == IN) == alone.verdict.in_domain
        assert float(row.score) == pytest.approx(alone.verdict.score, abs=1e-3)
        if row.verdict == IN:
            assert torch.allclose(row.camera.azimuth, alone.camera.azimuth, atol=1e-2)
            mesh = trimesh.load(tmp_path / "out" / row.mesh, force="mesh", process=False)
            low, high = alone.mesh.vertices[0].amin(0), alone.mesh.vertices[0].amax(0)
            assert np.allclose(mesh.bounds, torch.stack([low, high]), atol=1e-3)
        with Image.open(tmp_path / "out" / row.cutout) as cutout:
            both = np.asarray(cutout)
        assert np.abs(both[..., :3] / 255 - alone.image[0].permute(1, 2, 0).numpy()).max() < 0.01
        assert (both[..., 3] > 0).mean() == pytest.approx(float(alone.mask.mean()), abs=0.002)
    with Image.open(tmp_path / "out" / SHEET) as sheet:  # of seven
        assert sheet.size == (2 * (7 * (SIZE + GAP) + 4 * GAP), 4 * (LINE + SIZE + GAP))
        beside = np.asarray(sheet.convert("L"))[LINE : LINE + SIZE]
    third = beside[:, 2 * GAP + 2 * (SIZE + GAP) :][:, :SIZE]
    assert 0.1 < (third < 250).mean() < 0.9  # the reconstruction, on white
    text = (tmp_path / "out" / TABLE).read_text()
    assert all(line.isprintable() for line in text.split("\n"))


def test_an_order_that_was_ended_goes_on_to_the_same_bits(own, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(photo_folder, "BATCH", 3)
    asked = list[Path]()

    def many(pictures, refine, batch, mask_of, ends_after: float = np.inf) -> Iterator:
        for number, (picture, result) in enumerate(
            zip(pictures, whole(pictures, refine, batch, mask_of=mask_of), strict=True)
        ):
            asked.append(picture)
            if number == ends_after:
                raise KeyboardInterrupt
            yield result

    whole, out = own.many, tmp_path / "out"
    monkeypatch.setattr(own, "many", many)
    with pytest.warns(ExpectedWarning):
        rows = reconstruct_folder(own, folder, out)
    undisturbed = content(out)
    assert len(asked) == len(rows) == 12
    with pytest.warns(ExpectedWarning):
        assert reconstruct_folder(own, folder, out) == rows
    assert len(asked) == 12 and content(out) == undisturbed  # nothing was to be done
    out.rename(tmp_path / "undisturbed")
    for ends_after in (4, 2, 4):  # at the fifth; of what is left then at the third, and so on
        monkeypatch.setattr(own, "many", lambda *of, at=ends_after, **named: many(*of, ends_after=at, **named))
        with pytest.warns(ExpectedWarning), pytest.raises(KeyboardInterrupt):
            reconstruct_folder(own, folder, out)
        with (out / TABLE).open("a") as table:
            table.write('car2.png,"in dom')
    (out / "meshes" / ".car0.abcd.12345678").mkdir()
    asked.clear()
    monkeypatch.setattr(own, "many", many)
    with pytest.warns(ExpectedWarning):
        assert reconstruct_folder(own, folder, out) == rows
    assert len(asked) == 12 - 6 and content(out) == undisturbed
    assert not [path for path in out.rglob(".*") if LEFTOVER.fullmatch(path.name)]

    asked.clear()  # one has changed, one has come, one has gone
    Image.open(folder / "car1.png").save(folder / "car9.png")
    os.utime(folder / "car2.png", (1, 1))
    (folder / "paper.png").unlink()
    with pytest.warns(ExpectedWarning):
        after = reconstruct_folder(own, folder, out)
    assert [path.name for path in asked] == ["car2.png", "car9.png"]
    assert {row.photo for row in after} == {row.photo for row in rows} - {"paper.png"} | {"car9.png"}
    with pytest.warns(ExpectedWarning), pytest.raises(ValueError, match=r"force False there, True now\); delete it or"):
        reconstruct_folder(own, folder, out, force=True)


def test_what_cannot_be_an_order_is_refused_before_anything_is_written(own, folder, tmp_path):
    with pytest.raises(ValueError, match="holds the pictures; give another folder with --out"):
        reconstruct_folder(own, folder, folder)
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "a.txt").write_text("words")
    with pytest.raises(ExpectedError, match="none holds no picture; .*a.txt is no picture"):
        reconstruct_folder(own, tmp_path / "none", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    reconstruct_folder(own, folder, tmp_path / "out")
    other = Reconstructor(own.model, own.segmenter, own.domain, own.framing, camera=None)
    with pytest.raises(ValueError, match="other settings .*camera"):
        reconstruct_folder(other, folder, tmp_path / "out")


def test_the_command_says_what_became_of_them_and_what_is_next(tmp_path, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    pixels = make_photos("car", 1, seed=5, resolution=128).images[0].permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(photos / "car.png")
    (photos / "bad.png").write_text("nothing")
    out = photos / "out"  # what comes out of the folder does not go into it
    command = ["reconstruct", str(photos), "--out", str(out), "--runs", str(tmp_path / "runs")]
    for _ in range(2):
        assert cli.main(command) == 0
        said = capsys.readouterr()
        assert "2 pictures: 1 in domain, 0 out of domain, 1 that cannot be read" in said.out
        assert "contact_sheet.png: all 1 that could be read" in said.out and "left out" not in said.err
        assert said.out.endswith(f"next: ganverse edit {photos / 'car.png'} --category car --azimuth 120 --fit\n")
    assert cli.main([*command, "--turntable", "turn.gif"]) == 2
    assert "--turntable is of a single picture" in capsys.readouterr().err
    assert cli.main(["reconstruct", str(tmp_path / "nowhere"), *command[4:]]) == 2
    assert "There is no picture at" in capsys.readouterr().err


def test_mask_files_beside_the_photographs_are_taken_told_and_looked_at_again_when_they_change(own, tmp_path):
    folder, out = tmp_path / "photos", tmp_path / "out"
    (folder / "masks").mkdir(parents=True)
    photos = make_photos("car", 4, seed=5, resolution=128)
    for number, pixels in enumerate(photos.images.permute(0, 2, 3, 1).numpy()):
        Image.fromarray(pixels).save(folder / f"car{number}.png")
    masks = [Image.fromarray(mask[0].numpy().astype(np.uint8) * 255) for mask in photos.masks]
    masks[0].save(folder / "car0_mask.png")
    masks[1].save(folder / "masks" / "car1.png")
    masks[2].resize((64, 64)).save(folder / "car2_mask.png")
    done = reconstruct_folder(own, folder, out)
    rows = {row.photo: row for row in done}
    assert set(rows) == {f"car{number}.png" for number in range(4)}  # masks are no photographs
    assert [rows[f"car{n}.png"].mask for n in (0, 1)] == ["file car0_mask.png", "file car1.png"]
    assert rows["car3.png"].mask == own.segmenter.source
    assert rows["car2.png"].verdict == UNREADABLE and "a mask is of the size of its picture" in rows["car2.png"].refusal
    assert "2 cut out by the mask files beside them" in photo_folder.told(done, out)
    alone = own(folder / "car0.png", mask=folder / "car0_mask.png")
    assert float(rows["car0.png"].azimuth) == pytest.approx(float(alone.camera.azimuth), abs=1e-2)

    (folder / "car0_mask.png").unlink()
    masks[2].save(folder / "car2_mask.png")
    again = {row.photo: row for row in reconstruct_folder(own, folder, out)}
    assert again["car0.png"].mask == own.segmenter.source and again["car2.png"].mask == "file car2_mask.png"
    assert again["car1.png"] == rows["car1.png"] and again["car3.png"] == rows["car3.png"]


def test_large_photographs_come_to_what_smaller_ones_do(own, tmp_path):
    """Those that nothing is fitted to are scaled down as they are decoded, which the notes tell."""
    pixels = make_photos("car", 1, seed=5, resolution=256).images[0].permute(1, 2, 0).numpy()
    for side in (512, 3000):
        Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC).save(
            tmp_path / f"{side}.jpg", quality=95
        )
    small, large = own.many([tmp_path / "512.jpg", tmp_path / "3000.jpg"])
    assert small.notes == () and large.notes == ("it was scaled down from 3000 x 3000 pixels",)
    assert float((small.camera.azimuth - large.camera.azimuth).abs()) < 2
    assert float((small.mask - large.mask).abs().sum() / small.mask.sum()) < 0.05
