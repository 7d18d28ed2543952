"""Whose keypoints a run uses, and what notebook 03 lets a person mark."""

import pytest
import torch

from ganverse_nb.categories import CATEGORIES, Category, read_category
from ganverse_nb.gan.keypoints import KeypointError, Keypoints, bundled_keypoints
from ganverse_nb.gan.viewpoints import ViewCodes
from ganverse_nb.runtime.errors import ExpectedError, SettingError
from ganverse_nb.workflow.keypoints import (
    PLACED,
    keypoint_annotation,
    keypoints,
    keypoints_file,
    point_names,
)
from ganverse_nb.workflow.needs import needs
from ganverse_nb.workflow.run import open_run


@pytest.fixture
def opened(tmp_path):
    return lambda seed=0, **settings: open_run(
        "smoke",
        "car",
        seed,
        tmp_path / "runs",
        tmp_path / "figures",
        {k.replace("__", "."): v for k, v in settings.items()},
    )


def place_all(annotation, points):
    """Every point as in another file; only the last one by a click, as each is saved."""
    mine, last = annotation.keypoints, points.places[-1, -1]
    mine.places.copy_(points.places)
    mine.decided[:] = True
    name, view = points.names[-1], len(points) - 1
    annotation.not_seen(view, name) if last.isnan().any() else annotation.place(view, name, *last.tolist())


def keypoint_need(run):
    return {need.name: need for need in needs(run.config, run.root)}["keypoints"]


def test_those_of_a_person_are_used_once_every_point_is_decided(opened):
    run = opened()
    bundled, mine = keypoints(run), keypoint_annotation(run)
    assert keypoints_file(run) == bundled_keypoints("car") and keypoint_need(run).here
    assert mine.keypoints.names == bundled.names and torch.equal(mine.keypoints.content, bundled.content)
    mine.place(0, bundled.names[0], 0.25, 0.5)
    assert keypoints_file(run) == bundled_keypoints("car")  # one click is not enough
    place_all(mine, bundled)
    assert keypoints_file(run) == run.directory / PLACED
    own = keypoints(run)
    assert (own.places - bundled.places).abs().nan_to_num().max() < 1e-3 and own.facts["made_by"].startswith("a person")
    assert str(run.directory) in keypoint_need(run).what


def test_those_of_the_package_are_of_its_larger_gans_too(opened, monkeypatch):
    small, large = opened(), opened(gan__network="bundled-128", seed=1)
    assert torch.equal(keypoints(large).places.nan_to_num(), keypoints(small).places.nan_to_num())
    assert keypoint_need(large).here
    grown = {"start": {"sha256": "of another"}}
    monkeypatch.setattr("ganverse_nb.workflow.keypoints.provenance", lambda path: grown)
    with pytest.raises(KeypointError, match=r"other pictures \(teacher differs\)"):
        keypoints(large)
    assert len(keypoints(small))


def test_a_gan_of_ones_own_is_marked_before_anything_asks_for_its_points(opened, tmp_path):
    source = tmp_path / "views.safetensors"
    ViewCodes.load("car").save(source)  # the same codes, by a file
    run = opened(views__codes=str(source))
    with pytest.raises(ExpectedError, match=f"No point is placed yet.*notebook 03.*{PLACED}"):
        keypoints(run)
    assert not keypoint_need(run).here
    mine = keypoint_annotation(run)
    assert mine.keypoints.names == point_names(CATEGORIES["car"])
    mine.place(0, mine.keypoints.names[0], 0.5, 0.5)
    with pytest.raises(ExpectedError, match="Not every point is placed yet"):
        keypoints_file(run)
    known = Keypoints.load(bundled_keypoints("car"))
    place_all(mine, known)
    assert torch.equal(keypoints(run).placed, known.placed)
    with pytest.raises(AssertionError):
        torch.testing.assert_close(mine.keypoints.content, known.content)  # another object
    other = opened(views__codes=str(source))
    ViewCodes.load("horse").save(source)
    with pytest.raises(KeypointError, match="other pictures .views_file differs|points of"):
        keypoints(other)


def test_points_of_ones_own_category_are_named_in_its_file(tmp_path):
    path = tmp_path / "mug.toml"
    path.write_text('name = "mug"\nkeypoints = ["left_handle", "right_handle", "rim"]\n')
    assert point_names(read_category(path)) == ("left_handle", "right_handle", "rim")
    with pytest.raises(ExpectedError, match=r'No point of mugs has a name.*keypoints = \["left_handle"'):
        point_names(Category("mug"))
    for wrong, words in (
        ('["rim", "rim"]', "twice: 'rim'"),
        ('"rim"', "list of names"),
        ('["a rim"]', "list of names"),
    ):
        path.write_text(f'name = "mug"\nkeypoints = {wrong}\n')
        with pytest.raises(SettingError, match=words):
            read_category(path)
