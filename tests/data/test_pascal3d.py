"""A folder in the exact layout of release 1.1, made here, is read back."""

import math
import shutil

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from scipy.io import savemat

from ganverse_nb.data.annotated import FEW_POINTS
from ganverse_nb.data.crops import Crop
from ganverse_nb.data.pascal3d import BOX, HARD, POINTS, TRUE_NAMES, read_cad, read_pascal3d, to_world
from ganverse_nb.geometry.angles import wrap_degrees
from ganverse_nb.segmentation.detections import Detections
from ganverse_nb.segmentation.mask_rcnn import bounding_boxes
from ganverse_nb.workflow import experiments
from ganverse_nb.workflow.run import open_run

NAMES = (
    "left_back_trunk", "left_back_wheel", "left_front_light", "left_front_wheel", "right_back_trunk",
    "right_back_wheel", "right_front_light", "right_front_wheel", "upper_left_rearwindow", "upper_left_windshield",
    "upper_right_rearwindow", "upper_right_windshield",
)  # fmt: skip
SIZE = (320, 240)


def cad_points(stretch=1.0):
    """name -> (x, y, z) in the release's axes: z up, front at -y, left at +x."""
    points = {}
    for side, x in (("left", 1), ("right", -1)):
        points[f"{side}_front_wheel"] = (0.2 * x, -0.3, -0.1)
        points[f"{side}_back_wheel"] = (0.2 * x, 0.3, -0.1)
        points[f"{side}_front_light"] = (0.17 * x, -0.48, 0.0)
        points[f"{side}_back_trunk"] = (0.17 * x, 0.46, 0.05)
        points[f"upper_{side}_windshield"] = (0.14 * x, -0.1, 0.16)
        points[f"upper_{side}_rearwindow"] = (0.14 * x, 0.25, 0.15)
    return {name: np.array(points[name]) * [1, stretch, 1] for name in NAMES}


def release_projection(points, view):
    """Pixel coordinates, counted from 1, by the formula of the release's own tools."""
    a, e, theta = (math.radians(view[k]) for k in ("azimuth", "elevation", "theta"))
    d = view["distance"]
    center = np.array([d * math.cos(e) * math.sin(a), -d * math.cos(e) * math.cos(a), d * math.sin(e)])
    a, e = -a, -(math.pi / 2 - e)
    turn_z = np.array([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]])
    turn_x = np.array([[1, 0, 0], [0, math.cos(e), -math.sin(e)], [0, math.sin(e), math.cos(e)]])
    rotation = turn_x @ turn_z
    m = view["viewport"] * view["focal"]
    matrix = np.diag([m, m, -1]) @ np.hstack([rotation, (-rotation @ center)[:, None]])
    x = matrix @ np.vstack([points.T, np.ones(len(points))])
    x = x[:2] / x[2]
    x = np.array([[math.cos(theta), -math.sin(theta)], [math.sin(theta), math.cos(theta)]]) @ x
    return np.stack([x[0] + view["px"], -x[1] + view["py"]], 1)


def viewpoint(azimuth, elevation=12.0, theta=0.0, distance=18.0):
    return {
        "azimuth_coarse": 30.0 * round(azimuth / 30), "elevation_coarse": 10.0, "azimuth": azimuth,
        "elevation": elevation, "theta": theta, "distance": distance, "focal": 1.0, "px": 150.0, "py": 118.0,
        "viewport": 3000.0,
    }  # fmt: skip


def car(view, hidden=(), **flags):
    points = np.stack(list(cad_points().values()))
    xy = release_projection(points, view)
    anchors = {}
    for name, at in zip(NAMES, xy, strict=True):
        seen = name not in hidden
        anchors[name] = {"location": at if seen else np.zeros((0, 0)), "status": 1.0 if seen else 2.0}
    low, high = np.floor(xy.min(0)) - 3, np.ceil(xy.max(0)) + 3
    plain = {"difficult": 0.0, "truncated": 0.0, "occluded": 0.0} | flags
    return {
        "class": "car",
        "bbox": np.array([*low, *high]),
        "cad_index": 2.0,
        "anchors": anchors,
        "viewpoint": view,
    } | plain


def struct_array(items):
    """A MATLAB structure array [1, N]: all of its elements have all of the fields, empty where they are not given."""
    fields = list(dict.fromkeys(key for item in items for key in item))
    array = np.empty((1, len(items)), dtype=[(field, object) for field in fields])
    for k, item in enumerate(items):
        for field in fields:
            array[0, k][field] = item.get(field, np.zeros((0, 0)))
    return array


def write(root, source, name, objects, size=SIZE, red=True):
    suffix = {"imagenet": ".JPEG", "pascal": ".jpg"}[source]
    picture = Image.new("RGB", SIZE, "white")
    for thing in objects:
        if thing["class"] == "car" and red:
            left, top, right, bottom = thing["bbox"]
            ImageDraw.Draw(picture).rectangle((left - 1, top - 1, right - 1, bottom - 1), fill=(220, 20, 20))
    path = root / "Images" / f"car_{source}" / f"{name}{suffix}"
    picture.save(path, quality=95)
    record = {"filename": path.name, "imgsize": np.array([*size, 3.0]), "objects": struct_array(objects)}
    savemat(root / "Annotations" / f"car_{source}" / f"{name}.mat", {"record": record})


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    root = tmp_path_factory.mktemp("pascal") / "PASCAL3D+_release1.1"
    lists = root / "PASCAL" / "VOCdevkit" / "VOC2012" / "ImageSets" / "Main"
    for part in ("Annotations", "Images"):
        for source in ("imagenet", "pascal"):
            (root / part / f"car_{source}").mkdir(parents=True)
    lists.mkdir(parents=True)
    (root / "CAD").mkdir()
    vertices, faces = np.random.default_rng(0).normal(size=(9, 3)), np.array([[1.0, 2, 3], [7, 8, 9]])
    common = {"vertices": vertices, "faces": faces, "pnames": np.array(NAMES, dtype=object)}
    savemat(root / "CAD" / "car.mat", {"car": struct_array([common | cad_points(s) for s in (0.98, 1.02)])})
    person = {"class": "person", "bbox": np.array([1.0, 1, 9, 9]), "difficult": 0.0, "truncated": 0.0, "occluded": 0.0}
    write(root, "imagenet", "n1", [person, car(viewpoint(37.0))])
    write(root, "imagenet", "n2", [car(viewpoint(200.0, theta=6.0))])
    write(root, "imagenet", "n3", [car(viewpoint(90.0), truncated=1.0), car(viewpoint(90.0), hidden=NAMES[3:])])
    write(root, "imagenet", "n4", [car(viewpoint(120.0))], red=False)
    write(root, "pascal", "2008_01", [car(viewpoint(300.0, 18.0))])
    write(root, "pascal", "2008_02", [car(viewpoint(250.0, 5.0))])
    (lists / "train.txt").write_text("2008_01\n2008_99\n")
    (lists / "val.txt").write_text("2008_02\n")
    return root


class RedThings:
    """A segmenter for these pictures."""

    def segment(self, images):
        mask = ((images[:, :1] > 0.5) & (images[:, 1:2] < 0.5)).float()
        count = mask.flatten(1).amax(1).long()
        return Detections(mask, count, count.float(), bounding_boxes(mask[:, 0]))


@pytest.fixture(scope="module")
def train(release):
    return read_pascal3d(release, "car", "train", 64, RedThings())


def test_the_splits_and_the_rules_are_those_of_cmr(release, train):
    names = ["car_imagenet/n1.JPEG#2", "car_imagenet/n2.JPEG#1", "car_pascal/2008_01.jpg#1"]
    assert list(train.photos.files) == names
    assert train.photos.removed == {HARD: 1, POINTS: 1, BOX: 1}
    test = read_pascal3d(release, "car", "test", 32, RedThings())
    assert test.photos.files == ("car_pascal/2008_02.jpg#1",)
    assert test.photos.images.shape == (1, 3, 32, 32)
    assert train.cad_index.tolist() == [1, 1, 1]


def test_the_release_projects_as_its_own_tools_do(train):
    points = np.stack(list(cad_points().values()))
    assert len(train.viewpoints) == 3
    for view in train.viewpoints:
        ours = view.project(to_world(torch.from_numpy(points)))
        px, py = view.principal
        given = vars(view) | {"px": px, "py": py}
        assert np.abs(ours.numpy() - release_projection(points, given)).max() < 1e-2  # pixels


def test_cameras_of_windows_show_the_keypoints_where_they_were_marked(train):
    world = to_world(torch.from_numpy(np.stack(list(cad_points().values())))).float()
    for view, crop, marked in zip(train.viewpoints, train.crops, train.photos.points, strict=True):
        assert (view.camera(crop).to_image(world[None])[0] - marked).abs().max() < 0.025  # of the window: affine
    inside = (train.photos.points > 0) & (train.photos.points < 1)
    assert inside.all() and train.photos.visible.all()
    with pytest.raises(ValueError, match="turned by 0 degrees, the object by 6"):
        train.viewpoints[1].camera(Crop(train.crops[1].center, train.crops[1].side))


def test_keypoints_alone_give_the_annotated_viewpoint(train):
    fitted = train.photos.with_cameras(train.shape)
    assert fitted.removed[FEW_POINTS] == 0 and len(fitted) == 3
    azimuth = torch.tensor([v.azimuth for v in train.viewpoints])
    elevation = torch.tensor([v.elevation for v in train.viewpoints])
    assert wrap_degrees(fitted.camera.azimuth - azimuth).abs().max() < 1.5
    assert (fitted.camera.elevation - elevation).abs().max() < 1.5


def test_a_run_that_is_told_where_the_release_is_uses_it(release, train, tmp_path, monkeypatch):
    run = open_run("smoke", runs=tmp_path, figures=tmp_path, settings={"photo_model.photographs": str(release)})
    monkeypatch.setattr(experiments, "segmenter", lambda run: RedThings())
    photos = experiments.annotated_photos(run)
    assert photos.files == train.photos.files and photos.removed[HARD] == 1
    assert experiments.annotated_photos(run, test=True).files == ("car_pascal/2008_02.jpg#1",)
    assert experiments.true_shapes(run, photos, 2) is None  # a CAD model of the release is not the car's own shape
    assert not (run.directory / "train_photos").exists()


def test_cad_models_stand_in_our_world(release):
    models, shape = read_cad(release, "car")
    assert len(models) == 2 and models[0].faces.tolist() == [[0, 1, 2], [6, 7, 8]]
    assert torch.allclose(shape["left_front_light"], torch.tensor([0.17, 0.0, 0.48]), atol=1e-6)  # left +x, front +z
    assert set(shape) == set(NAMES)


def test_eight_names_of_the_car_mean_the_other_side():
    assert len(TRUE_NAMES) == 8 and set(TRUE_NAMES) <= set(NAMES)
    assert all(TRUE_NAMES[TRUE_NAMES[name]] == name != TRUE_NAMES[name] for name in TRUE_NAMES)
    permutation = [1, 6, 7, 8, 5, 2, 3, 4, 9, 12, 11, 10]  # CMR's, over the sorted names
    assert [TRUE_NAMES.get(name, name) for name in sorted(NAMES)] == [sorted(NAMES)[i - 1] for i in permutation]


def test_a_viewpoint_with_coarse_angles_only_has_no_camera(release, tmp_path):
    copy = shutil.copytree(release, tmp_path / "copy")
    view = viewpoint(250.0)
    thing = car(view)
    thing["viewpoint"] = view | {"distance": 0.0}
    write(copy, "pascal", "2008_02", [thing])
    (found,) = read_pascal3d(copy, "car", "test", 32, RedThings()).viewpoints
    assert not found.fine and (found.azimuth, found.elevation) == (240.0, 10.0)
    with pytest.raises(ValueError, match="coarse angles only"):
        found.camera(Crop((1.0, 1.0), 10.0))


def other_size(root):
    write(root, "pascal", "2008_02", [car(viewpoint(0.0))], size=(500, 375))


def other_keypoint(root):
    antenna = {"antenna": {"location": np.ones(2), "status": 1.0}}
    write(root, "pascal", "2008_02", [car(viewpoint(0.0)) | {"anchors": antenna}])


def drop(*parts):
    def change(root):
        path = root.joinpath(*parts)
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("Annotations", "car_pascal"), "Annotations/car_pascal is missing; unpack PASCAL3D"),
        (drop("Images", "car_pascal"), "Images/car_pascal is missing; unpack"),
        (drop("CAD", "car.mat"), "CAD/car.mat is missing; unpack"),
        (drop("PASCAL", "VOCdevkit", "VOC2012", "ImageSets", "Main", "val.txt"), "Main/val.txt is missing; unpack"),
        (drop("Images", "car_pascal", "2008_02.jpg"), "2008_02.jpg is missing; unpack"),
        (lambda root: (root / "CAD" / "car.mat").write_bytes(b"no"), "car.mat is damaged"),
        (other_size, "320 x 240 pixels and 2008_02.mat was made for 500 x 375"),
        (other_keypoint, "2008_02.mat has the keypoint 'antenna'; the CAD models have left_back_trunk"),
        (lambda root: write(root, "pascal", "2008_02", [car(viewpoint(0.0), difficult=1.0)]), "no car is left"),
    ],
)  # fmt: skip
def test_missing_and_wrong_pieces_are_said_in_a_sentence(release, tmp_path, change, message):
    copy = shutil.copytree(release, tmp_path / "copy")
    change(copy)
    with pytest.raises((FileNotFoundError, ValueError), match=message) as caught:
        read_pascal3d(copy, "car", "test", 32, RedThings())
    assert "\n" not in str(caught.value)


def test_other_splits_are_refused(release):
    with pytest.raises(ValueError, match="'train' or 'test', not 'val'"):
        read_pascal3d(release, "car", "val", 32, RedThings())
