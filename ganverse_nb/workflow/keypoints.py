"""The keypoints of a run (appendix D): those that a person placed in notebook 03, else the package's own."""

from __future__ import annotations

from pathlib import Path

from ganverse_nb.categories import Category
from ganverse_nb.config import Config
from ganverse_nb.gan.checkpoint import BUNDLED, provenance
from ganverse_nb.gan.keypoints import KeypointAnnotation, Keypoints, bundled_keypoints
from ganverse_nb.gan.latents import sample_w
from ganverse_nb.geometry.structure_from_motion import Motion
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.workflow.inputs import teacher_file
from ganverse_nb.workflow.run import Run
from ganverse_nb.workflow.stages import teacher, use_weights, view_codes

PLACED = "my_keypoints.json"  # in the run's directory; notebook 03 writes it
ANNOTATED, TRUNCATION = 8, 0.7  # seed, added to the run's, and truncation of the object that is annotated


def keypoint_annotation(run: Run) -> KeypointAnnotation:
    """What the labeller of notebook 03 works on, new or continued: one object of the run's GAN in every view code.

    Of the package's own GAN it is the object of the package's points, else an ordinary one.

    Raises:
        ExpectedError: nobody has named points of a category of one's own. KeypointError: the file is of other pictures.
    """
    gan, names = teacher(run), point_names(run.config.kind)
    content = sample_w(gan, 1, run.config.seed + ANNOTATED, TRUNCATION)[0]
    if has_bundled(run.config):
        content = Keypoints.load(bundled_keypoints(run.config.category)).content
    facts = {**_made_from(run), "made_by": "a person, in notebook 03"}
    return KeypointAnnotation(names, len(view_codes(run)), gan.resolution, run.directory / PLACED, content, facts)


def point_names(kind: Category) -> tuple[str, ...]:
    """What the points of a category are called: as those of the package are, or as the file of one's own says.

    Raises:
        ExpectedError: nobody has named them.
    """
    if not kind.is_own:
        return Keypoints.load(bundled_keypoints(kind.name)).names
    if not kind.keypoints:
        raise ExpectedError(
            f"No point of {kind.objects} has a name: write some into {kind.source or 'the file of the category'}, as "
            'in keypoints = ["left_handle", "right_handle", "rim", "foot"]; points on both sides begin with left_ and '
            "right_."
        )
    return kind.keypoints


def keypoints_file(run: Run) -> Path:
    """The file of the run's keypoints: the one of notebook 03 once every point is decided, else the package's.

    Raises:
        ExpectedError, FileNotFoundError: neither is there; the message says what to do.
    """
    placed = run.directory / PLACED
    if is_annotated(placed):
        return placed
    if has_bundled(run.config):
        return bundled_keypoints(run.config.category)
    begun = "Not every point is placed" if placed.is_file() else "No point is placed"
    raise ExpectedError(f"{begun} yet: do it with the labeller of notebook 03, which keeps them in {placed}.")


def keypoints(run: Run) -> Keypoints:
    """The points of one content in every view code, see `keypoints_file`.

    The package's were placed in pictures of its GAN of 64 px. The larger ones that have grown from it paint the same.
    """
    path, views, made_from = keypoints_file(run), len(view_codes(run)), _made_from(run)
    size: int | None = teacher(run).resolution
    if run.config.gan.network != "bundled" and path != run.directory / PLACED:
        size, made_from["teacher"] = None, provenance(teacher_file(run))["start"]["sha256"]
    return Keypoints.load(path, views=views, picture_size=size, made_from=made_from)


def keypoint_motion(run: Run) -> Motion:
    """Cameras of the view codes from the keypoints; the search begins at the coarse labels (seconds)."""
    path, config = keypoints_file(run), run.config.inverse
    start = {"elevation": config.initial_elevation, "distance": config.initial_distance}
    return keypoints(run).motion(view_codes(run).labelled_azimuth, path, **start)


def is_annotated(path: Path) -> bool:
    """Whether every point of a file is placed or decided not to be seen.

    Raises:
        KeypointError: the file is damaged.
    """
    return path.is_file() and bool(Keypoints.load(path).decided.all())


def has_bundled(config: Config) -> bool:
    """Whether the package's points are of the pictures of such a run."""
    return not config.kind.is_own and config.gan.network in BUNDLED and config.views.codes == "bundled"


def _made_from(run: Run) -> dict[str, str]:
    return {"teacher": use_weights(run, "teacher"), "views_file": use_weights(run, "views")}
