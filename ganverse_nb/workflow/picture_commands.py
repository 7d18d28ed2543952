"""What the picture commands of the command line do: `reconstruct`, `edit` and `project`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganverse_nb.workflow.run import Run

if TYPE_CHECKING:
    from torch import Tensor

    from ganverse_nb.gan.generator import Generator
    from ganverse_nb.gan.projection import Distance
    from ganverse_nb.inverse_graphics.reconstructor import Reconstructor


def project(gan: str, picture: Path, output: Path, space: str, steps: int, seed: int, fit: bool) -> str:
    """Writes the picture of a GAN's that is most like the given one, and its latent beside it; how like, in words."""
    from ganverse_nb.data.pictures import check_suffix, read_picture, write_picture
    from ganverse_nb.gan.checkpoint import load_generator
    from ganverse_nb.gan.projection import project
    from ganverse_nb.runtime.placement import compute_device
    from ganverse_nb.runtime.tensors import save_tensors

    check_suffix(output)
    generator = load_generator(gan)
    image = read_picture(picture, generator.picture_size, fit)
    distance, name, noise_weight = _likeness()
    how: dict[str, Any] = {"steps": steps, "noise_weight": noise_weight, "seed": seed, "device": compute_device()}
    found = project(generator, image, space, distance, **how)
    write_picture(found.picture[0], output)
    tensors = {"latent": found.latent, "styles": found.styles}
    tensors |= {f"noise.{index}": noise for index, noise in enumerate(found.noise or [])}
    facts = {"gan": gan, "space": space, "distance": name, "seed": seed}
    save_tensors(output.with_suffix(".safetensors"), tensors, "ganverse_nb.projection/1", facts)
    psnr = -10 * (found.picture - image).square().mean().clamp_min(1e-10).log10()
    return f"PSNR {float(psnr):.1f} dB after {found.steps} steps in {space}, compared by {name}"


def _likeness() -> tuple[Distance, str, float]:
    """How projections compare pictures, its name, and the weight of noise regularisation that goes with it."""
    from ganverse_nb.gan.projection import NOISE_WEIGHT, PERCEPTUAL_NOISE_WEIGHT, pyramid_distance
    from ganverse_nb.inverse_graphics.perceptual import LpipsFeatures, has_lpips

    if not has_lpips():
        why = "as LPIPS is not installed or its weights not on disk (`ganverse fetch-weights vgg16`)"
        return pyramid_distance, f"an image pyramid, {why}", NOISE_WEIGHT
    features = LpipsFeatures()
    return lambda a, b: features.distance(a, b).mean(), features.name, PERCEPTUAL_NOISE_WEIGHT


def reconstruct(
    networks: Run | str,
    picture: Path,
    output: Path,
    turntable: Path | None = None,
    force: bool = False,
    refine: bool = False,
    segmenter: str | None = None,
    photo_camera: str | None = None,
) -> str:
    """Writes the textured mesh of the object in a picture to `output`, and it turning to `turntable`; tells about it.

    Args:
        networks: the run whose networks are used, or the name of those that come with the package.
        refine: fit camera, shape and texture to the picture.
        segmenter: who cuts the object out instead of the networks' own, as `load_segmenter` names them.
        photo_camera: likewise who has an opinion on the camera, as `load_photo_camera` names them.

    Raises:
        OutOfDomainError: the picture is not of one whole object of the category, and `force` is not set.
        ValueError: a picture that cannot be read, a suffix that is not known, or a file in the mesh's place.
    """
    from ganverse_nb.inverse_graphics.reconstruction import check_outputs

    check_outputs(output, turntable)
    result = _reconstructor(networks, segmenter, photo_camera)(picture, refine)
    written = result.save(output, turntable, force)
    told = [f"wrote {' and '.join(map(str, written))}", f"the picture was taken from {result.whence}", *result.notes]
    return "; ".join([*told, f"mask by {result.mask_source}", str(result.verdict)])


def reconstruct_folder(
    networks: Run | str,
    folder: Path,
    output: Path,
    force: bool = False,
    refine: bool = False,
    segmenter: str | None = None,
    photo_camera: str | None = None,
) -> tuple[str, Path | None]:
    """Writes the meshes, the table and the contact sheet of all pictures in a folder to `output`, or what of it is not
    there yet; tells about it, and a picture that is in domain.

    Raises:
        ExpectedError, ValueError: as `photo_folder.reconstruct_folder`.
    """
    from ganverse_nb.workflow.contact_sheet import told as shown
    from ganverse_nb.workflow.photo_folder import SHEET, reconstruct_folder, told
    from ganverse_nb.workflow.photo_table import IN

    reconstructor = _reconstructor(networks, segmenter, photo_camera)
    rows = reconstruct_folder(reconstructor, folder, output, refine=refine, force=force)
    well = [folder / row.photo for row in rows if row.verdict == IN and "\\" not in row.photo]
    advice = [reconstructor.segmenter.advice] if len(well) < len(rows) else []
    lines = [told(rows, output), f"wrote {output / SHEET}: {shown(rows)}", *filter(None, advice)]
    return "\n".join(lines), next(iter(well), None)


def _reconstructor(networks: Run | str, segmenter: str | None, photo_camera: str | None) -> Reconstructor:
    """From a photograph to a mesh, with the networks of a run or those that come with the package."""
    from ganverse_nb.inverse_graphics.photo_camera import load_photo_camera
    from ganverse_nb.inverse_graphics.reconstructor import Reconstructor
    from ganverse_nb.runtime.placement import compute_device
    from ganverse_nb.runtime.shipped import Shipped

    category = networks.config.category if isinstance(networks, Run) else Shipped.of(networks).category
    camera = load_photo_camera(category, photo_camera) if photo_camera else None  # before anything that takes long
    if isinstance(networks, Run):
        from ganverse_nb.workflow.stages import reconstructor

        made = reconstructor(networks, segmenter)
    else:
        made = Reconstructor.from_pretrained(networks, segmenter)
    if photo_camera:
        made.camera = None if camera is None else camera.to(compute_device())
    return made


def edit(
    networks: Run | str,
    sources: dict[str, Path],
    turn: dict[str, float],
    output: Path,
    *,
    fit: bool = False,
    keep: bool = False,
    keep_background: bool = False,
    turntable: Path | None = None,
) -> None:
    """Writes the picture that StyleGAN-R makes of camera, shape, texture and background of four pictures.

    Args:
        networks: the run whose networks are used, or the name of those that come with the package.
        sources: for each of camera, shape, texture and background the picture it comes from.
        turn: azimuth, elevation or distance to use instead of the camera's own.
        keep, keep_background: as in `Renderer.encode`, of the picture that the camera comes from, and `Renderer.edit`.
        turntable: also a GIF of the result, turning.

    Raises:
        ValueError: as `Renderer.edit`, or a turntable that is no .gif.
    """
    from ganverse_nb.data.pictures import check_suffix, write_picture
    from ganverse_nb.neural_renderer.properties import FACTORS
    from ganverse_nb.neural_renderer.renderer import KeptProperties, Renderer
    from ganverse_nb.render.shots import check_gif
    from ganverse_nb.workflow import stages

    check_suffix(output)
    if turntable is not None:
        check_gif(turntable)
    if not 0 < turn.get("distance", 1.0) < math.inf:
        raise ValueError(f"--distance {turn['distance']:g}: give a positive number of world units, as in 2.3.")

    def read(gan: Generator, side: int) -> dict[Path, Tensor]:
        return {path: _read_square(path, gan, side, fit) for path in sorted(set(sources.values()))}

    if isinstance(networks, Run):
        pictures = read(stages.teacher(networks), networks.config.resolution)  # before anything that takes long
        model = stages.stylegan_r(networks)
    else:
        model = Renderer.from_pretrained(networks).stylegan_r
        pictures = read(model.generator, model.resolution)
    encoded = {path: model.encode(picture, name=str(path)) for path, picture in pictures.items()}
    renderer, own = Renderer(model), encoded[sources["camera"]]
    if keep:
        own = renderer.keep(own, pictures[sources["camera"]])
    scale = float(own.camera.distance) / turn["distance"] if "distance" in turn else 1.0
    others: dict[str, Any] = {f"{name}_of": encoded[sources[name]] for name in ("shape", "texture", "background")}
    edit = renderer.edit(
        own,
        azimuth=turn.get("azimuth"),
        elevation=turn.get("elevation"),
        scale=scale,
        keep_background=keep_background,
        **others,
    )
    tuned = own.tuned if isinstance(own, KeptProperties) else model
    write_picture(edit.image[0] if keep_background else tuned.synthesize_full(edit.properties)[0], output)
    if turntable is not None:
        renderer.save_turntable(own.replace(**{name: getattr(edit.properties, name) for name in FACTORS}), turntable)


def _read_square(path: Path, gan: Generator, side: int, fit: bool) -> Tensor:
    """[1, 3, side, side] of a picture of that size or of the GAN's own, or of any that `fit` may crop and scale."""
    from ganverse_nb.data.pictures import read_picture, whole_picture

    height, width = gan.picture_size
    if not fit and (height, width) != (side, side) and whole_picture(path).size == (width, height):
        return gan.as_squares(read_picture(path, gan.picture_size), side)
    return read_picture(path, side, fit)
