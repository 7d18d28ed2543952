"""The stages that ask the studio for photographs, which no network of the run but the pose regressor learns from."""

from __future__ import annotations

from pathlib import Path

from ganverse_nb.studio.archive import first_photos, make_photo_archive
from ganverse_nb.studio.ground_truth_views import GroundTruthViews, make_ground_truth_views
from ganverse_nb.studio.photos import Photos
from ganverse_nb.workflow.inputs import needs_studio
from ganverse_nb.workflow.run import Run, Stage

# Seeds of photo sets that must not share a photo; `train-gan` and `train-segmenter` take the seeds below 1000.
TRAIN_PHOTOS, TEST_PHOTOS, PHOTO_VARIETY, DOMAIN_PHOTOS, DOMAIN_CHECK = 1000, 2000, 3000, 4000, 5000
GROUND_TRUTH, RECOVERY_OBJECTS = 6000, 7000


def train_photos(run: Run) -> Photos:
    """Photos with known cameras, for the pose regressor that measures views."""
    return Photos.load(run.finish(train_photos_stage(run)))


def train_photos_stage(run: Run) -> Stage:
    return _photo_archive(run, "train_photos", run.config.photos.train, TRAIN_PHOTOS + run.config.seed)


def test_photos(run: Run) -> Photos:
    """Photos that no network of the run learns from."""
    return Photos.load(run.finish(test_photos_stage(run)))


def test_photos_stage(run: Run) -> Stage:
    needs_studio(run, "A test photo with its true shape and camera")
    return _photo_archive(run, "test_photos", run.config.photos.test, TEST_PHOTOS + run.config.seed)


def first_test_photos(run: Run, count: int) -> Photos:
    """The first of `test_photos`, a multiple of 16, at once: a first look need not wait for all of them."""
    needs_studio(run, "A test photo with its true shape and camera")
    config = run.config
    if count >= config.photos.test:
        return test_photos(run)
    return first_photos(
        config.category, count, TEST_PHOTOS + config.seed, config.resolution, edition=config.studio.edition
    )


def ground_truth_views(run: Run) -> GroundTruthViews:
    """Photos that no network of the run learns from, and further ones of their objects from all sides."""
    return GroundTruthViews.load(run.finish(ground_truth_views_stage(run)))


def ground_truth_views_stage(run: Run) -> Stage:
    order = ground_truth_order(run)

    def compute(directory: Path) -> None:
        make_ground_truth_views(*order).save(directory)

    return Stage("ground_truth_views", compute, order)


def ground_truth_order(run: Run) -> tuple[str, int, int, int, int]:
    """Category, number, seed, resolution and edition of `ground_truth_views`."""
    needs_studio(run, "A photo with its object from all sides")
    config = run.config
    return config.category, config.photos.truth, GROUND_TRUTH + config.seed, config.resolution, config.studio.edition


def _photo_archive(run: Run, name: str, count: int, seed: int) -> Stage:
    category, resolution, edition = run.config.category, run.config.resolution, run.config.studio.edition

    def compute(directory: Path) -> None:
        make_photo_archive(category, count, seed, directory, resolution, edition=edition)

    return Stage(name, compute, [category, count, seed, resolution, edition])
