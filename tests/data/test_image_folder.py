"""Folders of pictures: every format and mode alike, what cannot be read named, kept as long as nothing changed."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image, features

from ganverse_nb.data.image_folder import (
    ImageFolderError,
    find_images,
    folder_key,
    list_images,
    load_image_archive,
    make_image_archive,
    read_image_folder,
)
from ganverse_nb.data.pictures import read_picture
from ganverse_nb.runtime.errors import ExpectedWarning

RED, GREY = (200, 40, 80), 120


@pytest.fixture
def scene():
    """RGB, 40 x 24: `RED` with a blue left half of the middle square."""
    pixels = np.full((24, 40, 3), RED, np.uint8)
    pixels[:, 8:20] = (0, 0, 255)
    return Image.fromarray(pixels)


def halves(image):
    """Mean colours of the left and right half, without the border between them."""
    side = image.shape[-1]
    values = image.float()
    return [part.mean((1, 2)) for part in (values[..., : side // 2 - 1], values[..., side // 2 + 1 :])]


def check(image, left=(0, 0, 255), right=RED, atol=4):
    for found, wanted in zip(halves(image), (left, right)):
        torch.testing.assert_close(found, torch.tensor(wanted).float(), atol=atol, rtol=0)


SAVED = [
    ".png",
    ".JPG",
    ".jpeg",
    ".webp",
    ".bmp",
    ".tif",
    ".TIFF",
    ".avif",
    ".gif",
    ".jp2",
    ".jfif",
    ".ppm",
    ".qoi",
    "",
]


@pytest.mark.parametrize("suffix", SAVED)
def test_formats(tmp_path, scene, suffix):
    formats = {".JPG": "JPEG", ".TIFF": "TIFF", ".jfif": "JPEG", "": "PNG"}
    if suffix == ".avif" and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    for name in "ab":
        quality = {"quality": 95} if suffix in (".jpeg", ".webp", ".avif") else {}
        scene.save(tmp_path / f"{name}{suffix}", formats.get(suffix), **quality)
    images = read_image_folder(tmp_path, 16)
    assert images.shape == (2, 3, 16, 16) and images.dtype == torch.uint8
    check(images[0], atol=10)


@pytest.mark.parametrize("mode", ["RGBA", "P", "CMYK", "YCbCr"])
def test_modes_of_colour(tmp_path, scene, mode):
    path = tmp_path / ("a.tif" if mode in ("CMYK", "YCbCr") else "a.png")
    scene.convert(mode).save(path, compression="tiff_lzw")  # Pillow before 13 cannot read its own YCbCr without
    scene.save(tmp_path / "b.png")
    check(read_image_folder(tmp_path, 16)[0], atol=8)


def test_a_jpeg_in_cmyk(tmp_path, scene):
    scene.convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    check(read_picture(tmp_path / "a.jpg", 16, fit=True)[0] * 255, atol=12)


@pytest.mark.parametrize("values", ["L", "1", "I;16", "I;16B", "I", "F"])
def test_grey_of_any_depth(tmp_path, values):
    grey = np.full((24, 24), GREY, np.uint8)
    wide = grey.astype(np.uint16) * 257
    picture = {
        "L": lambda: Image.fromarray(grey),
        "1": lambda: Image.new("1", (24, 24), 1),
        "I;16": lambda: Image.fromarray(wide),
        "I;16B": lambda: Image.fromarray(wide.astype(">u2")),
        "I": lambda: Image.fromarray(wide.astype(np.int32)),
        "F": lambda: Image.fromarray(grey.astype(np.float32) / 255),
    }[values]()
    assert picture.mode == values
    picture.save(tmp_path / "a.tif")
    wanted = 255 if values == "1" else GREY
    assert (read_picture(tmp_path / "a.tif", 16, fit=True) * 255).round().unique().tolist() == [wanted]
    if values == "I":  # 32 bits that hold bytes
        Image.fromarray(grey.astype(np.int32)).save(tmp_path / "b.tif")
        assert (read_picture(tmp_path / "b.tif", 16, fit=True) * 255).round().unique().tolist() == [wanted]
    if values in ("L", "I;16"):
        picture.save(tmp_path / "a.png")
        assert (read_picture(tmp_path / "a.png", 16, fit=True) * 255).round().unique().tolist() == [wanted]


def test_real_numbers_of_unknown_range_are_refused(tmp_path):
    Image.fromarray(np.full((8, 8), 3.5, np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match="outside 0..1"):
        read_picture(tmp_path / "a.tif", 8, fit=True)


def test_orientation_and_large_jpegs(tmp_path, scene):
    """EXIF 6: the picture was taken with the camera turned; large ones are decoded smaller, with the same result."""
    exif = Image.Exif()
    exif[0x0112] = 6
    large = scene.resize((800, 480), Image.Resampling.NEAREST)
    large.rotate(90, expand=True).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    check(read_picture(tmp_path / "turned.jpg", 16, fit=True)[0] * 255, atol=8)


def test_scaling_is_filtered(tmp_path):
    """Lines of one pixel become their mean, not a moire."""
    stripes = np.zeros((128, 128, 3), np.uint8)
    stripes[:, ::2] = 200
    Image.fromarray(stripes).save(tmp_path / "a.png")
    inner = read_picture(tmp_path / "a.png", 16, fit=True)[0, :, :, 2:-2] * 255
    assert (inner - 100).abs().max() <= 2


def test_unreadable_files_are_named_and_skipped(tmp_path, scene):
    (tmp_path / "deeper").mkdir()
    scene.save(tmp_path / "deeper" / "a.png")
    scene.save(tmp_path / "b.png")
    whole = (tmp_path / "b.png").read_bytes()
    for name in ("c.png", "d.jpg", "e.webp", "f.tif"):
        (tmp_path / name).write_bytes(b"" if name == "e.webp" else whole[:60])
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "._b.png").write_bytes(b"a shadow that some systems write")
    with pytest.warns(ExpectedWarning) as caught:
        images = read_image_folder(tmp_path, 16)
    assert len(images) == 2
    message = str(caught[0].message)
    assert "4 of 6 pictures were skipped" in message and "And 1 more." in message
    assert all(name in message for name in ("c.png", "d.jpg", "e.webp")) and "f.tif" not in message
    assert "1 of 7 files were left out" in message and "notes.txt is no picture" in message and "._b" not in message


def test_links_are_followed_inside_alone_and_what_is_left_out_is_named(tmp_path, scene):
    folder, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    (folder / "a").mkdir(parents=True)
    elsewhere.mkdir()
    for path in (folder / "a" / "0.png", folder / "1.png", elsewhere / "2.png"):
        scene.save(path)
    (folder / "again.png").symlink_to("a/0.png")
    (folder / "a" / "back").symlink_to(folder)
    (folder / "b").symlink_to("a")
    (folder / "linked").symlink_to(elsewhere)
    (folder / "linked.png").symlink_to(elsewhere / "2.png")
    (folder / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.warns(ExpectedWarning) as caught:
        images = read_image_folder(folder, 16)
    files = [path.relative_to(folder).as_posix() for path in list_images(folder)]
    assert files == ["1.png", "a/0.png", "again.png"] and len(images) == 3
    (message,) = (str(warning.message) for warning in caught)
    assert "5 of 8 files were left out" in message and "gone.png is a link to nothing" in message
    assert f"{folder / 'linked'} links out of the folder and is not followed; cp -rL" in message
    _, others = find_images(folder)
    again = [f"{folder / name} links to a folder that is read anyway" for name in ("a/back", "b")]
    assert set(again) < set(others) and len(others) == 5


def test_folders_that_link_to_each_other_are_read_once(tmp_path, scene):
    """Twelve folders with links to all twelve: followed in every order they would be 12! paths."""
    for number in range(12):
        (tmp_path / str(number)).mkdir()
        scene.save(tmp_path / str(number) / "a.png")
        for other in range(12):
            (tmp_path / str(number) / f"to{other}").symlink_to(tmp_path / str(other))
    files, others = find_images(tmp_path)
    assert len(files) == 12 and len(others) == 144


def test_a_phones_pictures_without_their_plugin_are_counted(tmp_path, scene):
    for name in "ab":
        scene.save(tmp_path / f"{name}.png")
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    with pytest.warns(ExpectedWarning, match="1 of 3 pictures were skipped: .*phone.heic is a (damaged )?HEIC picture"):
        assert len(read_image_folder(tmp_path, 16)) == 2


def test_pictures_are_brought_to_any_shape(tmp_path, scene):
    """The middle of 40 x 24 pixels, of which the blue part is 12 wide, in 8 rows of 12."""
    for name in "ab":
        scene.save(tmp_path / f"{name}.png")
    images = read_image_folder(tmp_path, (8, 12))
    assert images.shape == (2, 3, 8, 12)
    inner = images[0, :, 4].float()
    torch.testing.assert_close(inner[:, 3], torch.tensor([0.0, 0.0, 255.0]), atol=6, rtol=0)
    torch.testing.assert_close(inner[:, 9], torch.tensor(RED).float(), atol=6, rtol=0)


@pytest.mark.filterwarnings("ignore:.*skipped")
def test_folders_without_pictures_are_refused_in_a_sentence(tmp_path, scene):
    with pytest.raises(ImageFolderError, match="There is no folder"):
        read_image_folder(tmp_path / "nowhere", 16)
    with pytest.raises(ImageFolderError, match="no readable picture"):
        read_image_folder(tmp_path, 16)
    scene.save(tmp_path / "a.png")
    with pytest.raises(ImageFolderError, match="only one readable picture"):
        read_image_folder(tmp_path, 16)
    (tmp_path / "b.png").write_bytes(b"torn")
    with pytest.raises(ImageFolderError, match="only one readable picture"):
        read_image_folder(tmp_path, 16)
    (tmp_path / "a.png").unlink()
    (tmp_path / "c.png").write_bytes(b"torn")
    with pytest.raises(ImageFolderError, match="no readable picture"):
        read_image_folder(tmp_path, 16)


def test_the_archive_is_the_folder_and_its_key_the_content(tmp_path, scene):
    folder, archive = tmp_path / "pictures", tmp_path / "archive.safetensors"
    folder.mkdir()
    for name in "ab":
        scene.save(folder / f"{name}.png")
    make_image_archive(folder, 16, archive)
    assert torch.equal(load_image_archive(archive), read_image_folder(folder, 16))
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["archive.safetensors"]

    key = folder_key(folder)
    shutil.copytree(folder, tmp_path / "copy")
    assert folder_key(tmp_path / "copy") == key
    scene.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "b.png")
    assert folder_key(folder) != key
    make_image_archive(folder, 16, archive)
    changed = load_image_archive(archive)
    check(changed[0])
    check(changed[1], left=RED, right=(0, 0, 255))
