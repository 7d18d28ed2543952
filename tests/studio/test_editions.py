"""The first edition stays what the bundled networks learned from; the other one is asked for."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch

from ganverse_nb.config import load_config
from ganverse_nb.studio import archive
from ganverse_nb.studio.categories import CATEGORIES
from ganverse_nb.studio.editions import EDITIONS, find_kind
from ganverse_nb.studio.ground_truth_views import make_ground_truth_views
from ganverse_nb.studio.lit import make_lit_photos
from ganverse_nb.studio.out_of_distribution import ood_photos
from ganverse_nb.studio.photos import Photos, make_photos
from ganverse_nb.studio.randomization import PHOTOS

# Of three photos each, before there was a second edition: mean of the pictures, pixels of the masks, and the sum of
# all coordinates of the meshes. Sums of floats differ in their last digits from machine to machine; these do not show.
FIRST = {
    "car": ([112.87369537, 135.03710938, 63.26008987], [283, 225, 203], 3933.867132),
    "horse": ([89.71712494, 91.59439850, 78.57845306], [170, 225, 170], 3484.158544),
    "bird": ([114.56380463, 87.15657806, 128.10319519], [124, 97, 139], 2558.037553),
}
DIGESTS = {"car": "583ce10751293838", "horse": "209b7b3a364cb6b5", "bird": "9428384840f265eb"}


def _digest(photos: Photos) -> str:
    digest = hashlib.sha256()
    camera = photos.camera
    for part in (
        photos.images, photos.masks, photos.depth, camera.azimuth, camera.distance, photos.mesh().vertices,
    ):  # fmt: skip
        digest.update(part.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_first_edition_is_unchanged(category: str) -> None:
    photos = make_photos(category, 3, seed=11, resolution=32)
    means, areas, coordinates = FIRST[category]
    assert photos.edition == 1
    assert photos.images.float().mean((1, 2, 3)).tolist() == pytest.approx(means, abs=2e-3)
    assert photos.masks.float().sum((1, 2, 3)).tolist() == areas
    assert float(photos.mesh().vertices.double().abs().sum()) == pytest.approx(coordinates, rel=1e-6)
    if _digest(photos) != DIGESTS[category]:
        pytest.skip("the same photos within rounding; bit for bit they are those of another processor")


def test_the_default_is_the_first() -> None:
    assert load_config("mini", "car").studio.edition == 1
    assert load_config("mini", "car", settings={"studio.edition": 2}).studio.edition == 2


def test_unknown_editions_are_refused(tmp_path: Path) -> None:
    calls = [
        lambda: make_photos("car", 1, 0, edition=3),
        lambda: archive.make_photo_archive("car", 1, 0, tmp_path, edition=0),
        lambda: make_ground_truth_views("car", 1, 0, edition=3),
        lambda: find_kind("car", 4),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"no edition \d; it has 1 and 2"):
            call()
    assert EDITIONS == (1, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_photos("car", 1, 0, edition=2, style="web"), "'web' belongs to the first edition"),
        (lambda: make_photos("car", 1, 0, knobs=PHOTOS), "no knobs; they belong to edition=2"),
        (lambda: make_photos("car", 1, 0, edition=2, body_type="tank"), "Unknown body type 'tank'"),
    ],
)
def test_what_an_edition_lacks_is_refused(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_every_maker_takes_an_edition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "PIECE", 16)
    made = archive.make_photo_archive("car", 20, 3, tmp_path, 32, workers=1, edition=2)
    again = Photos.load(tmp_path)
    assert again.edition == 2 and torch.equal(again.images, made.images)
    assert torch.equal(again.camera.roll, made.camera.roll) and torch.equal(again.mesh().vertices, made.mesh().vertices)
    assert torch.equal(make_photos("car", 20, 3 * 10_007, 32, edition=2).images, made.images)  # in pieces or in one
    assert torch.equal(archive.first_photos("car", 16, 3, 32, edition=2).images, made.images[:16])
    truth = make_ground_truth_views("bird", 1, 2, 32, edition=2)
    assert truth.photos.edition == truth.views.edition == 2
    lit = make_lit_photos("horse", 2, 1, 32, edition=2)
    assert lit.photos.edition == 2
    assert ood_photos("bird", 1, 0, 32, edition=2)["car"].edition == 2
    with pytest.raises(ValueError, match="Out-of-distribution cars are built by the studio.s first edition"):
        ood_photos("car", 1, 0, edition=2)
