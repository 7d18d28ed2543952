"""Sets that come as pictures and masks, in the layouts of their archives: Carvana, COIL-100, Weizmann, CUB, DAVIS."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ganverse_nb.data.bird_parts import bird_table
from ganverse_nb.data.cub import AGREED, ARCHIVE, masks_folder
from ganverse_nb.data.masks import as_mask
from ganverse_nb.data.photo_sets.photo import MaskOf, PhotoSet, RealPhoto, need, photo_set

SIDES = 16  # of every car of Carvana, a turntable's full turn
COIL_CARS = ("obj6", "obj15", "obj27", "obj69", "obj100")
COIL_FRONT = 90.0  # degrees: at the turntable's 0 these cars show their left side
FLAT = 12  # values by which COIL's background, tyres' shadows in it included, varies
DAVIS_SHOWS = {
    "car": ("car-roundabout", "car-shadow", "car-turn", "drift-chicane", "drift-straight", "drift-turn"),
    "horse": ("horsejump-high", "horsejump-low"),
    "bird": ("blackswan", "flamingo", "mallard-fly", "mallard-water"),
}


def mask_file(path: Path, cut: float | None = None) -> MaskOf:
    """Reads the mask in a file, see `data.masks.as_mask`."""
    return partial(_from_file, path, cut)


def _from_file(path: Path, cut: float | None, image: Image.Image) -> np.ndarray:
    return as_mask(path, image.size, cut)


def read_carvana(folder: Path) -> PhotoSet:
    """Carvana Image Masking Challenge: `train/ID_NN.jpg`, `train_masks/ID_NN_mask.gif`, NN from 01 (front) to 16.

    Azimuths are nominal: the turntable stops every 22.5 degrees.

    Raises:
        FileNotFoundError: a folder or a mask is missing. ValueError: a picture of another name.
    """
    unpack = "unpack train.zip and train_masks.zip of the challenge there"
    pictures, masks = need(folder / "train", unpack), need(folder / "train_masks", unpack)
    photos = []
    for path in sorted(pictures.glob("*.jpg")):
        match = re.fullmatch(r"(.+)_(\d\d)", path.stem)
        if match is None or not 1 <= int(match[2]) <= SIDES:
            raise ValueError(f"{path} is not named as in Carvana, ID_NN.jpg with NN from 01 to {SIDES}.")
        mask = need(masks / f"{path.stem}_mask.gif", unpack)
        azimuth = (int(match[2]) - 1) * 360 / SIDES
        photos.append(RealPhoto(path, "car", match[1], azimuth, mask_of=mask_file(mask)))
    return photo_set("carvana", photos, folder, "train/ID_NN.jpg and train_masks/ID_NN_mask.gif")


def read_coil(folder: Path, objects: tuple[str, ...] = COIL_CARS) -> PhotoSet:
    """COIL-100: `objK__ANGLE.png`, of which only a few are cars; they stand on a flat background, which gives the mask.

    Args:
        objects: those to read, as `obj6` or `6`. Azimuths count from the side that these five cars show at angle 0;
            those of other objects are off by as much as they stand otherwise.

    Raises:
        FileNotFoundError: there are no such pictures.
    """
    photos = []
    for name in (o if o.startswith("obj") else f"obj{o}" for o in objects):
        angles = {
            int(p.stem.split("__")[1]): p for p in folder.glob(f"{name}__*.png") if p.stem.split("__")[1].isdigit()
        }
        if not angles:
            raise FileNotFoundError(f"{folder} holds no {name}__ANGLE.png; unpack coil-100.zip there.")
        for angle, path in sorted(angles.items()):
            photos.append(RealPhoto(path, "car", name, (angle + COIL_FRONT) % 360, mask_of=off_background))
    return photo_set("coil", photos, folder, "objK__ANGLE.png")


def off_background(image: Image.Image) -> np.ndarray:
    """bool [H, W]: all but the flat background that is connected with the border of the picture.

    Dark tyres and windows stay, unlike with a threshold of the brightness.

    Raises:
        ValueError: there is nothing but background.
    """
    values = np.asarray(image.convert("RGB")).astype(np.int16)
    border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    flat = (np.abs(values - np.median(border, 0)) <= FLAT).all(2)
    framed = Image.fromarray(np.pad(flat, 1, constant_values=True).astype(np.uint8)).copy()  # one that can be written
    ImageDraw.floodfill(framed, (0, 0), 2)
    found = Image.fromarray((np.asarray(framed)[1:-1, 1:-1] != 2).astype(np.uint8))
    inside = np.asarray(found.filter(ImageFilter.MedianFilter(3))) > 0  # single pixels of noise go
    if not inside.any():
        raise ValueError("A picture of COIL-100 shows nothing but its background; unpack coil-100.zip again.")
    return inside


def read_weizmann(folder: Path) -> PhotoSet:
    """Weizmann horses: `rgb/horseNNN.jpg`, `figure_ground/horseNNN.jpg` (a mask with the blur of a JPEG).

    Raises:
        FileNotFoundError: a folder or a mask is missing.
    """
    unpack = "unpack weizmann_horse_db.zip there"
    pictures, masks = need(folder / "rgb", unpack), need(folder / "figure_ground", unpack)
    photos = [
        RealPhoto(path, "horse", path.stem, mask_of=mask_file(need(masks / path.name, unpack)))
        for path in sorted(pictures.glob("horse*.jpg"))
    ]
    return photo_set("horses", photos, folder, "rgb/horseNNN.jpg and figure_ground/horseNNN.jpg")


def read_cub(folder: Path) -> PhotoSet:
    """CUB-200-2011, its test set, with boxes and drawn masks; see `data.cub`.

    Raises:
        FileNotFoundError: a table, a picture or the masks are missing. ValueError: a damaged table.
    """
    masks, (_, birds) = masks_folder(folder), bird_table(folder, "test", ARCHIVE)
    photos = [
        RealPhoto(
            bird.path, "bird", bird.file, None, bird.box, mask_file((masks / bird.file).with_suffix(".png"), AGREED)
        )
        for bird in birds
    ]
    return photo_set("cub", photos, folder, "images.txt, train_test_split.txt and images/")


def read_davis(folder: Path) -> PhotoSet:
    """DAVIS 2016: `JPEGImages/480p/SEQUENCE/*.jpg`, `Annotations/480p/SEQUENCE/*.png`; cars, horses and birds of it.

    Raises:
        FileNotFoundError: a folder or a mask is missing, or there is none of these sequences.
    """
    unpack = "unpack DAVIS-data.zip there"
    pictures, masks = (need(folder / name / "480p", unpack) for name in ("JPEGImages", "Annotations"))
    photos = [
        RealPhoto(path, category, name, mask_of=mask_file(need(masks / name / f"{path.stem}.png", unpack)))
        for category, names in DAVIS_SHOWS.items()
        for name in names
        for path in sorted((pictures / name).glob("*.jpg"))
    ]
    return photo_set("davis", photos, folder, f"JPEGImages/480p/ with {DAVIS_SHOWS['car'][0]} and others")
