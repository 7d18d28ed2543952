"""Public sets of real photographs: tiny files in the layouts of their archives, and what is read of them."""

import shutil

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ganverse_nb.data.photo_sets import READERS, read_photo_set
from ganverse_nb.data.photo_sets.photo import PhotoSet, RealPhoto
from ganverse_nb.data.photo_sets.studio_folder import write_studio_folder
from tests.data.test_birds import make as make_birds

BOX = (10, 8, 50, 32)  # of every object, right and bottom not included
SIZE = (64, 40)


def picture(path, background="white", size=SIZE, box=BOX):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", size, background)
    ImageDraw.Draw(image).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=(200, 30, 30))
    image.save(path, quality=95)


def mask(path, mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("L", SIZE)
    ImageDraw.Draw(image).rectangle((BOX[0], BOX[1], BOX[2] - 1, BOX[3] - 1), fill=255)
    image.convert(mode).save(path)


def carvana(root):
    for car in ("0cdf5b5d0ce1", "fff9b3a5373f"):
        for side in (1, 5, 16):
            picture(root / "train" / f"{car}_{side:02}.jpg")
            mask(root / "train_masks" / f"{car}_{side:02}_mask.gif", "P")


def coil100(root):
    for name in ("obj6", "obj15", "obj27", "obj69", "obj100", "obj1"):
        for angle in (0, 5, 270):
            picture(root / f"{name}__{angle}.png", (25, 25, 25), (128, 128))


def epfl(root):
    """Two sequences of five frames, a full turn in the first four; the second turns the other way round."""
    base = root / "tripod-seq"
    names = "tripod_seq_%02d_%03d.jpg\nbbox_%02d.txt"
    for sequence in (1, 2):
        for frame in range(1, 6):
            picture(base / f"tripod_seq_{sequence:02}_{frame:03}.jpg")
        left, top, right, bottom = BOX
        (base / f"bbox_{sequence:02}.txt").write_text(f"{left} {top} {right - left} {bottom - top}\n" * 5)
    (base / "tripod-seq.txt").write_text(f"2 64 40\n5 5\n{names}\n5 5\n2 1\n1 -1\n")
    (base / "times.txt").write_text("0 10 30 40 80 \n0 20 40 50 80\n")


def weizmann(root):
    for number in (1, 2, 11):
        picture(root / "rgb" / f"horse{number:03}.jpg")
        mask(root / "figure_ground" / f"horse{number:03}.jpg")


def cub(root):
    make_birds(root, ["1", "2", "3"], [f"001.Albatross/Albatross_{k}.jpg" for k in (1, 2, 3)], 1)


def davis(root):
    for name in ("car-turn", "blackswan", "breakdance"):
        for frame in (0, 1):
            picture(root / "JPEGImages" / "480p" / name / f"{frame:05}.jpg")
            mask(root / "Annotations" / "480p" / name / f"{frame:05}.png")


MASKS = """file,mask,category,object,azimuth_deg,source
a/one.jpg,a/one_mask.png,car,red,22.5,garage
a/two.jpg,a/two_mask.png,car,red,,garage
b/three.png,b/three_mask.png,horse,,,
"""
BOXES = """file,category,object,azimuth_deg,box_left,box_top,box_width,box_height,source
c/four.jpg,car,blue,350.5,10.5,8,40,24,hall
"""


def table(root):
    for name in ("a/one.jpg", "a/two.jpg", "b/three.png", "c/four.jpg"):
        picture(root / name)
        mask((root / name).with_name(f"{(root / name).stem}_mask.png"))
    (root / "masks.csv").write_text(MASKS)
    (root / "boxes.csv").write_text(BOXES)


LAYOUTS = {
    "carvana": carvana,
    "coil100": coil100,
    "epfl": epfl,
    "weizmann": weizmann,
    "cub": cub,
    "davis": davis,
    "folder-with-masks": table,
}


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """The folder of each set, by its name."""
    root = tmp_path_factory.mktemp("sets")
    for name, make in LAYOUTS.items():
        (root / name).mkdir()
        make(root / name)
    return {name: root / name for name in LAYOUTS}


def check_masks(photos):
    for photo in photos.photos:
        image = photo.image()
        wanted = np.zeros((image.height, image.width), bool)
        wanted[BOX[1] : BOX[3], BOX[0] : BOX[2]] = True
        assert (photo.mask(image) == wanted).mean() > 0.99, photo.path


def test_every_set_has_a_layout_here():
    assert set(LAYOUTS) == set(READERS)


def test_carvana(sets):
    photos = read_photo_set("carvana", sets["carvana"])
    assert photos.name == "carvana" and len(photos) == 6 and photos.categories == ["car"]
    assert [(p.object, p.azimuth) for p in photos.photos[:3]] == [("0cdf5b5d0ce1", a) for a in (0.0, 90.0, 337.5)]
    check_masks(photos)
    assert {p.object for p in read_photo_set("carvana", sets["carvana"], objects=["fff9b3a5373f"]).photos} == {
        "fff9b3a5373f"
    }


def test_coil_reads_cars_and_makes_masks_of_them(sets):
    photos = read_photo_set("coil100", sets["coil100"])
    assert photos.name == "coil" and {p.object for p in photos.photos} == {f"obj{k}" for k in (6, 15, 27, 69, 100)}
    assert [p.azimuth for p in photos.photos[:3]] == [90, 95, 0]  # the side, past it, the front
    check_masks(photos)
    assert len(read_photo_set("coil100", sets["coil100"], objects=["1", "obj6"])) == 6


def test_coils_dark_windows_belong_to_the_car(tmp_path):
    path = tmp_path / "obj6__0.png"
    picture(path, (25, 25, 25), (128, 128))
    image = Image.open(path)
    ImageDraw.Draw(image).rectangle((20, 15, 30, 20), fill=(25, 25, 25))  # as dark as the background, inside
    image.putpixel((0, 0), (90, 90, 90))  # noise
    image.save(path)
    check_masks(read_photo_set("coil100", tmp_path, objects=["6"]))


def test_epfl_azimuths_come_from_the_times(sets):
    """A turn takes 80 s; front frame 2 of the first, 1 of the second sequence; clockwise shows the left side next."""
    for folder in (sets["epfl"], sets["epfl"] / "tripod-seq"):
        photos = read_photo_set("epfl", folder)
        assert len(photos) == 10 and not photos.has_masks and photos.photos[0].box == (10, 8, 50, 32)
        azimuth = {p.path.stem[-6:]: p.azimuth for p in photos.photos}
        assert [azimuth[f"01_{k:03}"] for k in range(1, 6)] == [315, 0, 90, 135, 315]
        assert [azimuth[f"02_{k:03}"] for k in range(1, 6)] == [0, 270, 180, 135, 0]
        assert {p.object for p in photos.photos} == {"seq1", "seq2"}


def test_weizmann_has_masks_as_jpeg(sets):
    photos = read_photo_set("weizmann", sets["weizmann"])
    assert photos.name == "horses" and [p.path.stem for p in photos.photos] == ["horse001", "horse002", "horse011"]
    assert photos.categories == ["horse"] and photos.photos[0].azimuth is None
    check_masks(photos)


def test_cub_is_its_test_set(sets):
    (photo,) = read_photo_set("cub", sets["cub"]).photos
    assert photo.path.name == "Albatross_3.jpg" and photo.box == (20, 30, 60, 54)
    image = photo.image()
    assert photo.mask(image).sum() == pytest.approx(np.pi / 4 * 40 * 24, rel=0.05)


def test_davis_has_several_categories(sets):
    with pytest.raises(ValueError, match="shows bird, car; choose one with --category"):
        read_photo_set("davis", sets["davis"])
    photos = read_photo_set("davis", sets["davis"], "car")
    assert photos.name == "davis" and [p.object for p in photos.photos] == ["car-turn"] * 2
    check_masks(photos)


def test_a_folder_with_tables(sets):
    photos = read_photo_set("folder-with-masks", sets["folder-with-masks"], "car")
    assert [p.path.name for p in photos.photos] == ["one.jpg", "two.jpg", "four.jpg"] and not photos.has_masks
    one, two, four = photos.photos
    assert (one.object, one.azimuth, two.azimuth, one.box) == ("red", 22.5, None, None)
    assert (four.object, four.azimuth, four.box) == ("blue", 350.5, (10.5, 8, 50.5, 32))
    assert photos.name == "folder_with_masks"
    part = read_photo_set("folder-with-masks", sets["folder-with-masks"] / "a")  # the tables lie above it
    assert part.name == "garage" and len(part) == 2 and part.has_masks
    check_masks(part)


def test_masks_of_coil_in_a_table_are_made(tmp_path):
    picture(tmp_path / "obj6__0.png", (25, 25, 25), (128, 128))
    (tmp_path / "masks.csv").write_text("file,mask,category,source\nobj6__0.png,,car,coil-100\n")
    photos = read_photo_set("folder-with-masks", tmp_path)
    assert photos.name == "coil"
    check_masks(photos)


def test_a_folder_without_tables(tmp_path):
    for name in ("my_car.jpg", "other.png"):
        picture(tmp_path / name)
        mask(tmp_path / f"{name[:-4]}_mask.png")
    picture(tmp_path / "without.jpg")
    with pytest.raises(ValueError, match="has no masks.csv, so nobody says .* --category"):
        read_photo_set("folder-with-masks", tmp_path)
    photos = read_photo_set("folder-with-masks", tmp_path, "car")
    assert [p.object for p in photos.photos] == ["my_car", "other"]
    check_masks(photos)


def test_the_studio_writes_such_a_folder(tmp_path):
    assert write_studio_folder(tmp_path, "horse", objects=2, sides=3, resolution=64) == 6
    photos = read_photo_set("folder-with-masks", tmp_path)
    assert (
        photos.name == "studio"
        and photos.has_masks
        and [p.object for p in photos.photos] == ["horse0"] * 3 + ["horse1"] * 3
    )
    first, second = photos.photos[0].azimuth, photos.photos[1].azimuth
    assert second - first == pytest.approx(120, abs=0.02)
    for photo in photos.photos:
        assert photo.mask(photo.image()).any()


def test_a_sample_is_always_the_same_and_in_order():
    photos = PhotoSet("many", tuple(RealPhoto(f"{k}.jpg", "car", str(k)) for k in range(100)))
    some = photos.sample(10)
    numbers = [int(p.object) for p in some.photos]
    assert len(set(numbers)) == 10 and numbers == sorted(numbers) and some == photos.sample(10)
    assert photos.sample(None) is photos and photos.sample(1000) is photos
    with pytest.raises(ValueError, match="--limit 0"):
        photos.sample(0)


def rewrite(name, old, new):
    return lambda root: (root / name).write_text((root / name).read_text().replace(old, new, 1))


@pytest.mark.parametrize(
    ("dataset", "change", "message"),
    [
        ("carvana", lambda root: shutil.rmtree(root / "train_masks"), "train_masks is missing; unpack train.zip"),
        ("carvana", lambda root: (root / "train_masks/fff9b3a5373f_05_mask.gif").unlink(), "_05_mask.gif is missing"),
        ("carvana", lambda root: picture(root / "train" / "holiday.jpg"), "holiday.jpg is not named as in Carvana"),
        ("coil100", lambda root: [p.unlink() for p in root.glob("obj69_*")], "holds no obj69__ANGLE.png; unpack"),
        ("epfl", lambda root: (root / "tripod-seq/tripod-seq.txt").unlink(), "tripod-seq.txt is missing; unpack"),
        ("epfl", lambda root: (root / "tripod-seq/bbox_02.txt").unlink(), "bbox_02.txt is missing"),
        ("epfl", lambda root: (root / "tripod-seq/tripod_seq_01_003.jpg").unlink(), "tripod_seq_01_003.jpg is missing"),
        ("epfl", rewrite("tripod-seq/times.txt", "0 10 30", "0 ten 30"), "times.txt has '0 ten 30 40 80' where numb"),
        ("epfl", rewrite("tripod-seq/times.txt", "0 10 30 40 80", "0 10 30"), "has not the 5 frames"),
        ("epfl", rewrite("tripod-seq/times.txt", "0 10 30 40 80", "0 0 0 0 0"), "gives a full turn no time"),
        ("epfl", rewrite("tripod-seq/tripod-seq.txt", "\n2 1\n", "\n0 1\n"), "has not the 5 frames"),
        ("epfl", rewrite("tripod-seq/tripod-seq.txt", "\n1 -1", ""), "has 6 lines and 7 are needed"),
        ("epfl", rewrite("tripod-seq/tripod-seq.txt", "\n1 -1", "\n1"), "different numbers of sequences"),
        ("weizmann", lambda root: (root / "rgb").rename(root / "pictures"), "rgb is missing; unpack weizmann"),
        ("cub", lambda root: shutil.rmtree(root / "segmentations"), "segmentations is missing"),
        ("davis", lambda root: (root / "Annotations/480p/car-turn/00001.png").unlink(), "00001.png is missing"),
        ("folder-with-masks", lambda root: (root / "a/two.jpg").unlink(), "Line 3 of .*masks.csv names .*two.jpg"),
        ("folder-with-masks", lambda root: (root / "a/two_mask.png").unlink(), "Line 3 .* the mask .*two_mask.png"),
        (
            "folder-with-masks",
            rewrite("masks.csv", "22.5", "left"),
            "Line 2 of .*masks.csv has 'left' in the column 'az",
        ),
        ("folder-with-masks", rewrite("masks.csv", "22.5", "nan"), "Line 2 of .*masks.csv has 'nan' in the column 'az"),
        ("epfl", rewrite("tripod-seq/times.txt", "0 10 30", "0 inf 30"), "times.txt has '0 inf 30 40 80' where numb"),
        ("folder-with-masks", rewrite("masks.csv", ",category", ",kind"), "nothing in the column 'category'"),
    ],
)
def test_missing_and_renamed_pieces_are_said_in_a_sentence(sets, tmp_path, dataset, change, message):
    copy = shutil.copytree(sets[dataset], tmp_path / "copy")
    change(copy)
    with pytest.raises((FileNotFoundError, ValueError), match=message) as caught:
        read_photo_set(dataset, copy, "car" if dataset == "davis" else None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("imagenet", "."), "No reader knows the set 'imagenet'; the sets are carvana"),
        (("carvana", "nowhere"), "no folder nowhere"),
        (("folder-with-masks", "."), "holds no photographs of the set .*masks.csv"),
        (("carvana", None, "bird"), "has no photographs of 'bird', it shows car"),
        (("carvana", None, None, ["beetle"]), "has no object 'beetle'; its objects are 0cdf5b5d0ce1"),
    ],
)
def test_what_cannot_be_read_is_refused(sets, tmp_path, monkeypatch, asked, message):
    monkeypatch.chdir(tmp_path)
    dataset, folder, *rest = asked
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        read_photo_set(dataset, folder or sets[dataset], *rest)
