"""Studio photographs with keypoints, and the cameras that these give."""

import pytest
import torch

from ganverse_nb.data.annotated import BAD_FIT, FEW_POINTS, AnnotatedPhotos
from ganverse_nb.data.studio_keypoints import annotate_keypoints, keypoint_shape, visible_keypoints
from ganverse_nb.geometry.angles import wrap_degrees
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.studio.photos import make_photos


@pytest.fixture(scope="module")
def photos():
    return make_photos("car", 32, seed=11)


@pytest.mark.parametrize(
    ("azimuth", "seen", "hidden"),
    [(0.0, "front_light", "back_light"), (180.0, "back_light", "front_light"), (90.0, "left_", "right_front_wheel")],
)
def test_keypoints_are_visible_where_nothing_hides_them(azimuth, seen, hidden):
    photos = make_photos("car", 6, seed=4, camera=Camera.orbit(azimuth, 8.0, 2.1))
    visible = visible_keypoints(photos).float().mean(0)
    shares = dict(zip(photos.keypoint_names, visible.tolist(), strict=True))
    assert min(v for k, v in shares.items() if seen in k and "windshield" not in k and "rear" not in k) > 0.6
    assert max(v for k, v in shares.items() if hidden in k) < 0.2


def test_annotators_are_a_little_off_and_miss_some(photos):
    exact = annotate_keypoints(photos, 0.0, 0.0)
    clicked = annotate_keypoints(photos, 0.02, 0.25)
    assert torch.equal(exact.points, photos.camera.to_image(photos.keypoints()))
    assert float((clicked.points - exact.points).std()) == pytest.approx(0.02, rel=0.1)
    assert not (clicked.visible & ~exact.visible).any()
    assert float(clicked.visible.sum() / exact.visible.sum()) == pytest.approx(0.75, abs=0.07)


def test_cameras_of_photographs_come_from_their_keypoints(photos):
    clicked = annotate_keypoints(photos, 0.01, 0.1)
    found = clicked.with_cameras(keypoint_shape("car"), 30.0)
    true = photos.camera[found.index]
    assert len(found) > 0.8 * len(photos) and sum(found.removed.values()) == len(photos) - len(found)
    assert wrap_degrees(found.camera.azimuth - true.azimuth).abs().median() < 4  # one shape for vans and sports cars
    assert (found.camera.elevation - true.elevation).abs().median() < 5
    assert torch.equal(found.images, photos.images[found.index])
    assert found.files[0] == f"photo {int(found.index[0])}"


def test_photographs_whose_keypoints_are_wrong_or_too_few_go(photos):
    clicked = annotate_keypoints(photos[:6], 0.0, 0.0)
    clicked.points[1] = clicked.points[1].flip(0)
    clicked.visible[1] = True
    clicked.visible[2] = torch.arange(12) < 3
    found = clicked.with_cameras(keypoint_shape("car"), 30.0)
    assert not {1, 2} & set(found.index.tolist())
    assert found.removed[FEW_POINTS] == 1 and found.removed[BAD_FIT] >= 1


def test_unknown_keypoints_are_named(photos):
    clicked = annotate_keypoints(photos[:2], 0.0, 0.0)
    shape = keypoint_shape("car")
    del shape["left_back_wheel"]
    with pytest.raises(ValueError, match="Unknown keypoint 'left_back_wheel'; the keypoint shape has left_front_wheel"):
        clicked.with_cameras(shape)
    some = clicked.only(shape)
    assert some.keypoint_names == tuple(shape) and some.points.shape == (2, 11, 2)
    assert torch.equal(some.shape_of(shape), torch.stack(list(shape.values())))


def test_they_survive_saving_and_serve_as_pictures_to_train_on(photos, tmp_path):
    found = annotate_keypoints(photos, 0.0, 0.0).with_cameras(keypoint_shape("car"), 30.0)
    found.save(tmp_path)
    loaded = AnnotatedPhotos.load(tmp_path)
    assert loaded.files == found.files and loaded.removed == found.removed
    assert torch.equal(loaded.masks, found.masks) and torch.equal(loaded.camera.target, found.camera.target)
    singles = loaded.sample_views(500, 1, torch.Generator().manual_seed(0))
    assert set(singles.content.tolist()) == set(range(len(loaded)))
    assert len(singles.views) == 1 and torch.equal(singles.views[0], singles.content)
    images, masks = loaded.batch(singles.content[:4], singles.views[0][:4])
    assert torch.equal((images * 255).round().byte(), found.images[singles.content[:4]])
    assert set(masks.unique().tolist()) == {0.0, 1.0}
    with pytest.raises(ValueError, match="set views_per_object to 1"):
        loaded.sample_views(4, 2, torch.Generator())


def test_known_cameras_stay_as_they_are():
    camera = Camera.orbit(
        torch.tensor([20.0, 200.0]), 12.0, 2.1, 30.0, torch.tensor([[0.1, -0.05, 0.2], [0.0, 0.1, 0.0]])
    )
    cameras = LearnableCameras.of(camera)
    points = torch.randn(1, 20, 3, generator=torch.Generator().manual_seed(0)) * 0.3
    assert torch.allclose(cameras().to_image(points), camera.to_image(points), atol=1e-5)
    assert not any(p.requires_grad for p in cameras.parameters())
    with pytest.raises(ValueError, match="one field of view"):
        LearnableCameras.of(camera.replace(fov=torch.tensor([20.0, 30.0])))
