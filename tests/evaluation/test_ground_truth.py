"""The truth against itself is perfect; known errors are found; meshes of others are read, matched and refused."""

import json

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from ganverse_nb.evaluation.alignment import Similarity
from ganverse_nb.evaluation.ground_truth import found_objects, score_meshes, score_reconstructions
from ganverse_nb.evaluation.mesh_folder import read_meshes, score_folder, write_photos
from ganverse_nb.geometry.export import save_mesh
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.segmentation.detections import Detections
from ganverse_nb.studio.ground_truth_views import VIEWS, make_ground_truth_views
from tests.certain import CertainHead

POINTS = 12_000
GREY = 0.5


@pytest.fixture(scope="module")
def truth():
    return make_ground_truth_views("car", 2, seed=3)


def painted(photos, color=(GREY, GREY, GREY)):
    """The true meshes of photos in one colour."""
    mesh = photos.mesh()
    uvs = torch.full((len(mesh.faces), 3, 2), 0.5)
    texture = torch.tensor(color)[None, :, None, None].expand(1, 3, 2, 2).contiguous()
    return [Mesh(mesh.vertices[i : i + 1], mesh.faces, uvs, texture) for i in range(len(mesh))]


def tilted(mesh, scale, degrees, shift):
    angle = torch.deg2rad(torch.tensor(float(degrees)))
    c, s = angle.cos(), angle.sin()
    rotation = torch.tensor([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    return Mesh(
        Similarity(scale, rotation, torch.tensor(shift))(mesh.vertices), mesh.faces, mesh.face_uvs, mesh.texture
    )


def test_the_truth_against_itself_is_perfect(truth):
    values = score_meshes(painted(truth.photos), truth, ["none"], points=POINTS)["none"].values()
    assert (values["chamfer"] < 0.008).all() and (values["f2"] > 0.99).all() and (values["normals"] > 0.95).all()
    assert (values["volume_iou"] == 1).all()
    assert (values["iou"] == 1).all() and (values["iou_above"] == 1).all()
    assert values["perceptual"].isnan().all()  # no features were given


def test_what_all_meshes_have_in_common_is_the_gauge(truth):
    moved = [tilted(mesh, 0.85, 5, (0.02, 0.01, -0.02)) for mesh in painted(truth.photos)]
    scores = score_meshes(moved, truth, ["none", "gauge"], points=POINTS)
    found = scores["gauge"].transforms[0]
    assert found.scale == pytest.approx(1 / 0.85, rel=0.03)
    assert (scores["none"].values()["iou"] < 0.85).all() and (scores["gauge"].values()["iou"] > 0.95).all()
    assert (scores["gauge"].values()["volume_iou"] > 0.9).all() and (scores["none"].values()["volume_iou"] < 0.75).all()


def test_colors_are_compared_after_one_gain_for_each_channel(truth):
    one = truth[torch.tensor([0])]
    dark, bright = (
        score_meshes(painted(one.photos, c), one, ["none"], points=4000)["none"] for c in ((0.2,) * 3, (0.8, 0.4, 0.6))
    )
    assert dark.color_visible.item() == pytest.approx(bright.color_visible.item(), abs=1e-5)  # the light is not known
    assert dark.color_visible > 0.02 and dark.color_hidden > 0.02  # a car has windows and wheels
    plain = Mesh(*(getattr(painted(one.photos)[0], k) for k in ("vertices", "faces")))
    bare = score_meshes([plain], one, ["none"], points=4000)["none"]
    assert bare.color_visible.isnan().all() and bare.psnr.isnan().all() and (bare.iou == 1).all()


def test_views_tell_right_from_wrong_colors(truth):
    one = truth[torch.tensor([1])]
    body = one.views.image()[one.views.masks.expand(-1, 3, -1, -1) > 0].view(-1).median().item()
    near, far = (
        score_meshes(painted(one.photos, (c,) * 3), one, ["none"], points=4000)["none"] for c in (body, 1 - body)
    )
    assert near.psnr.shape == (1, VIEWS)
    assert (near.psnr > far.psnr).float().mean() > 0.5 or abs(body - 0.5) < 0.05


class Oracle(torch.nn.Module):
    """Stands for a model that gives the meshes and cameras it was made with."""

    def __init__(self, mesh, camera):
        super().__init__()
        self.resolution = 64
        self.network, self.head = lambda images, masks: mesh, CertainHead(lambda images, masks: camera)
        self.cameras = torch.nn.Module()
        self.cameras.azimuth = torch.zeros(1)


def test_reconstructions_of_photos_without_further_views_are_scored_too(truth):
    mesh = truth.photos.mesh()
    textured = Mesh(mesh.vertices, mesh.faces, torch.zeros(len(mesh.faces), 3, 2), torch.full((2, 3, 2, 2), GREY))
    masks = truth.photos.masks.float()
    result = score_reconstructions(Oracle(textured, truth.photos.camera), truth.photos, masks, points=4000)
    assert list(result.scores) == ["none", "gauge", "similarity"] and result.gauge.scale == pytest.approx(1, abs=0.02)
    assert (result.scores["none"].volume_iou == 1).all() and result.scores["none"].iou.isnan().all()
    assert not result.scores["none"].color_hidden.isnan().any()


class Blind:
    """A segmenter that finds the objects of some pictures only."""

    def __init__(self, found):
        self.found = found

    def segment(self, images):
        mask = torch.tensor(self.found).float()[:, None, None, None].expand(-1, 1, 64, 64)
        ones = torch.ones(len(images))
        return Detections(mask, ones.long(), ones, torch.zeros(len(images), 4))


def test_photographs_without_a_found_object_are_left_out_with_their_views(truth):
    rest, masks = found_objects(Blind([False, True]), truth)
    assert len(rest) == len(masks) == 1 and torch.equal(rest.photos.images[0], truth.photos.images[1])
    assert torch.equal(rest.views.images, truth.views.images[VIEWS:])
    with pytest.raises(ValueError, match="found no object"):
        found_objects(Blind([False, False]), truth)


def test_as_many_meshes_as_photographs_are_needed(truth):
    with pytest.raises(ValueError, match="1 meshes for 2 photographs"):
        score_meshes(painted(truth.photos)[:1], truth, ["none"])


# ---- folders of other systems


def test_a_mesh_in_foreign_axes_and_units_is_matched_by_name_and_aligned(truth, tmp_path):
    mesh = tilted(painted(truth.photos)[1], 12.0, 90, (3.0, 2.0, 1.0))
    upright = Mesh(mesh.vertices[..., [2, 0, 1]], mesh.faces, mesh.face_uvs, mesh.texture)
    save_mesh(upright, tmp_path / "photo_001.glb")
    report = score_folder(read_meshes(tmp_path, 2), truth)
    assert report.names == ["photo_001"] and report.missing == ["photo_000"]
    values = report.as_dict()["meshes"]["photo_001"]
    assert values["volume_iou"] > 0.8 and values["f2"] > 0.9
    assert report.as_dict()["scale"][0] == pytest.approx(1 / 12, rel=0.03)
    assert "photo_000" in str(report) and json.dumps(report.as_dict()["summary"]["chamfer"])
    with pytest.raises(ValueError, match="any_pose"):
        score_folder({}, truth, align="best")


def test_a_file_of_several_parts_is_one_mesh(tmp_path):
    parts = [
        trimesh.creation.box(),
        trimesh.creation.box(transform=trimesh.transformations.translation_matrix([3, 0, 0])),
    ]
    trimesh.Scene(parts).export(tmp_path / "photo_000.glb")
    (mesh,) = read_meshes(tmp_path, 1, shape_only=True).values()
    assert len(mesh.faces) == 24 and mesh.vertices[0, :, 0].max() == 3.5


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("photo_000.glb", lambda p: trimesh.creation.box().export(p), "photo_000.glb has no texture.*--shape-only"),
        ("photo_007.glb", lambda p: trimesh.creation.box().export(p), "photo_007.glb belongs to no photograph"),
        ("car.glb", lambda p: trimesh.creation.box().export(p), "car.glb belongs to no photograph"),
        ("photo_000.glb", lambda p: p.write_bytes(b"glTF"), "photo_000.glb is damaged"),
        (
            "photo_000.glb",
            lambda p: trimesh.Scene([trimesh.PointCloud([[0, 0, 0]])]).export(p),
            "photo_000.glb holds no",
        ),
        ("photo_000.obj", lambda p: p.write_text("v 0 0 0"), "There is no .glb"),
    ],
)
def test_what_cannot_be_scored_is_refused_by_name_with_a_cure(tmp_path, name, make, words):
    make(tmp_path / name)
    with pytest.raises(ValueError, match=words):
        read_meshes(tmp_path, 2)


def test_photographs_for_others_show_the_same_objects_at_any_size(truth, tmp_path):
    assert write_photos(tmp_path, "car", 2, 3, 128) == 2
    picture = Image.open(tmp_path / "photo_001.png")
    assert picture.size == (128, 128) and picture.mode == "RGBA"
    small = torch.from_numpy(np.array(picture.convert("RGB").resize((64, 64), Image.Resampling.BOX)))
    assert (small.permute(2, 0, 1).float() - truth.photos.images[1]).abs().mean() < 2
    alpha = torch.from_numpy(np.array(picture)[..., 3]).float() / 255
    shrunk = torch.nn.functional.avg_pool2d(alpha[None, None], 2)[0] >= 0.5
    assert (shrunk != truth.photos.masks[1].bool()).float().mean() < 0.01
    with pytest.raises(ValueError, match="at least 32"):
        write_photos(tmp_path, "car", 1, 3, 8)
    with pytest.raises(FileNotFoundError, match="no folder"):
        read_meshes(tmp_path / "nowhere", 2)
