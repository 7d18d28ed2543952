"""What the training and picture commands of the command line do, each in the stages of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .run import Run

if TYPE_CHECKING:
    from torch import Tensor

    from .segmentation.mask_rcnn import Segmenter


def train_gan(run: Run) -> Path:
    """Photographs the training set and trains the GAN on it; returns the file of its networks.

    Started by `accelerate launch -m ganverse_nb.cli train-gan` or torchrun, all processes train one GAN.
    """
    import torch

    from .gan.team import Team
    from .gan.training import train_gan
    from .studio.archive import make_photo_archive
    from .studio.photos import Photos

    config, category, seed = run.config.gan, run.config.category, run.config.seed
    team = Team.from_environment()

    def photograph(directory: Path) -> None:
        make_photo_archive(category, config.photos, seed, directory, config.resolution)

    if team.leads:
        run.stage("gan_photos", photograph, [category, config.photos, seed, config.resolution])
    team.wait()
    photos = Photos.load(run.directory / "gan_photos").images
    device = "cuda" if torch.cuda.is_available() else "cpu"

    def train(directory: Path) -> None:
        train_gan(photos, config, directory, seed, device=device, command=_typed(run, "train-gan"))

    return run.stage("gan", train, [config, seed], needs=["gan_photos"], team=team) / "teacher.safetensors"


def train_segmenter(run: Run) -> Path:
    """Photographs the training set and trains the small Mask R-CNN on it; returns its file."""
    from .segmentation.training import WEIGHTS, train_segmenter
    from .studio.archive import make_photo_archive
    from .studio.photos import Photos

    config, category, seed = run.config.segmenter, run.config.category, run.config.seed

    def photograph(directory: Path) -> None:
        make_photo_archive(category, config.photos, seed + 1, directory)  # not the photos that the GAN sees

    photos = Photos.load(run.stage("segmenter_photos", photograph, [category, config.photos, seed + 1]))

    def train(directory: Path) -> None:
        train_segmenter(photos, config, directory, seed, category=category, command=_typed(run, "train-segmenter"))

    return run.stage("segmenter", train, [config, category, seed], needs=["segmenter_photos"]) / WEIGHTS


def reconstruct(run: Run, picture: Path, output: Path, fit: bool) -> str:
    """Writes the textured mesh of the object in a picture to `output` (.glb or .obj); returns its camera in words."""
    from . import stages
    from .geometry.export import save_mesh
    from .inverse_graphics.inference import reconstruct

    model, segmenter = stages.inverse_graphics(run), stages.segmenter(run)
    image, mask = _masked(picture, segmenter, model.resolution, fit)
    mesh, camera = reconstruct(image, mask, model)
    save_mesh(mesh, output)
    values = {name: float(getattr(camera, name)[0]) for name in ("azimuth", "elevation", "distance")}
    return (
        f"azimuth {values['azimuth'] % 360:.0f}, elevation {values['elevation']:.0f}, distance {values['distance']:.2f}"
    )


def edit(run: Run, sources: dict[str, Path], turn: dict[str, float], output: Path, fit: bool) -> None:
    """Writes the picture that StyleGAN-R makes of camera, shape, texture and background of four pictures.

    Args:
        sources: for each of camera, shape, texture and background the picture it comes from.
        turn: azimuth, elevation or distance to use instead of the camera's own.
    """
    import torch

    from . import stages
    from .data.pictures import read_picture, write_picture
    from .neural_renderer.editing import edit, observe

    model = stages.stylegan_r(run)
    paths = set(sources.values())
    seen = {path: observe(model, read_picture(path, model.resolution, fit), str(path)) for path in sorted(paths)}
    camera = seen[sources["camera"]].camera
    camera = camera.replace(**{name: torch.tensor([value]) for name, value in turn.items()})
    others = {f"{name}_from": seen[sources[name]] for name in ("shape", "texture", "background")}
    write_picture(edit(model, camera_from=camera, **others).image[0], output)


def _masked(path: Path, segmenter: Segmenter, resolution: int, fit: bool) -> tuple[Tensor, Tensor]:
    """A picture and the mask of its object; ValueError where nothing is found. Several objects: the surest is taken."""
    from .data.pictures import read_picture
    from .segmentation.detections import keep

    image = read_picture(path, resolution, fit)
    found = segmenter.segment(image)
    if found.count[0] == 0:
        raise ValueError(f"{path}: no object was found in the picture; crop it closer, or give another one.")
    reason = keep(found).reason[0]
    if reason:
        print(f"{path}: {reason}; the result may be poor.")
    return image, found.mask


def _typed(run: Run, command: str) -> str:
    """The command line that does this again."""
    return run.command.replace("ganverse reproduce", f"ganverse {command}")
