"""Pascal3D+ release 1.1 (Xiang et al. 2014): photographs with keypoints, viewpoints and CAD models, split as by CMR.

Folder, as its archive unpacks:

    Annotations/car_imagenet/ID.mat   car_pascal/ID.mat        `record`: objects with boxes, anchors and viewpoints
    Images/car_imagenet/ID.JPEG       car_pascal/ID.jpg
    CAD/car.mat                                                `car`: vertices, faces and keypoints of ten models
    PASCAL/VOCdevkit/VOC2012/ImageSets/Main/train.txt val.txt

All photographs of ImageNet and those of VOC's train set are for training, those of VOC's val set are the test set.
Keypoints carry the same names in photographs and CAD models. Eight of the car's names say left for what is right and
the other way round (CMR's correction, `TRUE_NAMES`), in both alike: the fit of cameras takes them as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.data.annotated import KeypointPhotos
from ganverse_nb.data.crops import Crop, open_photo, segmented
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.keypoint_cameras import LONG_LENS
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.runtime.extras import require
from ganverse_nb.segmentation.segmenter import Segmenter

MORE_POINTS_THAN = 3
HARD, POINTS, BOX = "difficult, truncated or occluded", "at most 3 visible keypoints", "mask of another object"
_SWAPPED = ("{}_front_wheel", "{}_back_wheel", "{}_front_light", "upper_{}_windshield")
TRUE_NAMES = {
    name.format(side): name.format(other) for name in _SWAPPED for side, other in (("left", "right"), ("right", "left"))
}
"""The car's misnamed keypoints and what they are; the rear window's and the boot's are named rightly."""


@dataclass(frozen=True)
class Viewpoint:
    """An annotated viewpoint, as the release has it: degrees, CAD units, pixels.

    `fine` is false where only the coarse angles were marked; such a one has no distance and no camera.
    """

    azimuth: float
    elevation: float
    theta: float
    distance: float
    focal: float
    principal: tuple[float, float]  # pixels, the left edge of the picture being 0
    viewport: float

    @property
    def fine(self) -> bool:
        return self.distance > 0

    def project(self, points: Tensor) -> Tensor:
        """[K, 2] pixel coordinates of world points [K, 3] (see `to_world`): the release's own projection."""
        view = Camera.orbit(self.azimuth, self.elevation, self.distance).to_view(points[None].float())[0].double()
        flat = self.viewport * self.focal * view[:, :2] / -view[:, 2:]
        cos, sin = math.cos(math.radians(self.theta)), math.sin(math.radians(self.theta))
        x, y = flat.unbind(-1)
        turned = torch.stack([cos * x - sin * y, -(sin * x + cos * y)], -1)
        return turned + turned.new_tensor(self.principal)

    def camera(self, crop: Crop) -> Camera:
        """The camera of a window that is turned by `theta`: weak perspective, as a lens of 3 degrees.

        The scale is that of the plane through the object's middle. The release's viewport is 3000 pixels, so that its
        cameras are nearly affine themselves.

        Raises:
            ValueError: only coarse angles are known, or the window is turned otherwise.
        """
        if not self.fine:
            raise ValueError("This viewpoint has coarse angles only; fit a camera to the keypoints.")
        if not math.isclose(crop.roll, self.theta, abs_tol=1e-6):
            raise ValueError(f"The window is turned by {crop.roll:g} degrees, the object by {self.theta:g}.")
        scale = self.viewport * self.focal / self.distance / (crop.side / 2)  # half windows per CAD unit
        u, v = crop.points(torch.tensor([self.principal], dtype=torch.float64))[0].tolist()
        distance = 1 / (scale * math.tan(math.radians(LONG_LENS) / 2))
        camera = Camera.orbit(self.azimuth, self.elevation, distance, LONG_LENS)
        right, up, _ = camera.axes().unbind(1)
        return camera.replace(target=-((2 * u - 1) * right + (1 - 2 * v) * up) / scale)


@dataclass(frozen=True)
class Pascal3D:
    """One split of one category.

    Attributes:
        photos: square pictures with keypoints; their `files` are the list of the split's pictures.
        viewpoints: of each, as annotated; crops: the window that each was cut out of.
        cad_index: [N] int64, which of `models` the annotator chose.
        models: the CAD models in our world's axes (y up, front +z), in CAD units.
        shape: keypoint name -> [3], the mean over the models that have it.
    """

    photos: KeypointPhotos
    viewpoints: tuple[Viewpoint, ...]
    crops: tuple[Crop, ...]
    cad_index: Tensor
    models: tuple[Mesh, ...]
    shape: dict[str, Tensor]


def to_world(points: Tensor) -> Tensor:
    """Pascal3D+ has z up and the object's front at -y; [..., 3] in the axes of this package: y up, front at +z."""
    x, y, z = points.unbind(-1)
    return torch.stack([x, z, -y], -1)


def read_pascal3d(
    root: str | Path, category: str, split: str, resolution: int, segmenter: Segmenter, batch: int = 32
) -> Pascal3D:
    """The objects of `split` ("train" or "test") that CMR's rules keep, cut out at `resolution`.

    Left out are difficult, truncated and occluded objects, those with at most 3 visible keypoints, and those whose mask
    by `segmenter` has another box. (CMR takes hand-drawn masks for VOC's photographs; they are not in the release.)

    Raises:
        FileNotFoundError: a piece of the release is missing.
        ValueError: unknown split, keypoint names that the CAD models lack, a picture of another size than annotated, or
            nothing is left.
    """
    root = Path(root)
    if split not in ("train", "test"):
        raise ValueError(f"Pascal3D+ is read as 'train' or 'test', not {split!r}.")
    models, shape = read_cad(root, category)
    removed = dict.fromkeys((HARD, POINTS, BOX), 0)
    kept: list[tuple[str, Crop, Viewpoint, int, Tensor, Tensor, Tensor, Tensor]] = []
    waiting: list[Any] = []

    def cut_out() -> None:
        masks, same = segmented(segmenter, torch.stack([w[4] for w in waiting]), [w[1] for w in waiting])
        kept.extend((*w, mask) for w, mask, good in zip(waiting, masks, same.tolist()) if good)
        removed[BOX] += int((~same).sum())
        waiting.clear()

    names = tuple(shape)
    for path, photo in tqdm(_records(root, category, split), desc=f"Pascal3D+ {split}", unit="photo"):
        record = load_mat(path)["record"]
        objects = np.atleast_1d(record.objects)
        picture = None
        for number, thing in enumerate(objects, 1):
            if str(getattr(thing, "class")) != category:
                continue
            if thing.difficult or thing.truncated or thing.occluded:
                removed[HARD] += 1
                continue
            points, visible = _anchors(thing.anchors, names, path)
            if int(visible.sum()) <= MORE_POINTS_THAN:
                removed[POINTS] += 1
                continue
            if picture is None:
                picture = open_photo(photo)
                _check_size(picture.size, record, photo, path)
            viewpoint = _viewpoint(thing.viewpoint)
            left, top, right, bottom = (float(v) for v in thing.bbox)
            try:
                crop = Crop.around((left - 1, top - 1, right, bottom), viewpoint.theta)  # 1-based, both ends inside
            except ValueError as error:
                raise ValueError(f"{path}: of object {number}, {error}; unpack the release again.") from None
            name = f"{photo.parent.name}/{photo.name}#{number}"
            image = crop.cut(picture, resolution)
            waiting.append((name, crop, viewpoint, int(thing.cad_index) - 1, image, crop.points(points), visible))
            if len(waiting) == batch:
                cut_out()
    if waiting:
        cut_out()
    if not kept:
        raise ValueError(f"{root}: of the {split} photographs no {category} is left; {removed} were left out.")
    files, crops, viewpoints, cads, images, points_, visible_, masks = zip(*kept)
    stack = torch.stack
    photos = KeypointPhotos(stack(images), stack(masks), stack(points_), stack(visible_), names, files, removed)
    return Pascal3D(photos, viewpoints, crops, torch.tensor(cads), models, shape)


def read_cad(root: str | Path, category: str) -> tuple[tuple[Mesh, ...], dict[str, Tensor]]:
    """The CAD models of a category in our axes, and their mean keypoints by name.

    Raises:
        FileNotFoundError, ValueError: the file is missing, or has other content.
    """
    path = Path(root) / "CAD" / f"{category}.mat"
    content = load_mat(path)
    if category not in content:
        raise ValueError(f"{path} has no CAD models of {category!r}; unpack release 1.1 again.")
    models, points = [], {}  # type: ignore[var-annotated]
    for cad in np.atleast_1d(content[category]):
        vertices = to_world(torch.from_numpy(np.asarray(cad.vertices, dtype=np.float32)))
        models.append(Mesh(vertices[None], torch.from_numpy(np.asarray(cad.faces, dtype=np.int64)) - 1))
        for name in cad._fieldnames:
            value = np.asarray(getattr(cad, name))
            if name not in ("vertices", "faces", "pnames") and value.shape == (3,):
                points.setdefault(name, []).append(to_world(torch.from_numpy(value.astype(np.float32))))
    if not points:
        raise ValueError(f"{path} has CAD models without keypoints; unpack release 1.1 again.")
    return tuple(models), {name: torch.stack(found).mean(0) for name, found in sorted(points.items())}


def load_mat(path: Path) -> dict[str, Any]:
    """The variables of a MATLAB file, structures as objects.

    Raises:
        FileNotFoundError, ValueError: it is missing or damaged.
    """
    require("train", "Pascal3D+", "scipy")
    from scipy.io import loadmat

    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; unpack PASCAL3D+_release1.1.zip again.")
    try:
        return loadmat(path, struct_as_record=False, squeeze_me=True)
    except Exception as error:  # scipy raises many kinds on damaged files
        raise ValueError(f"{path} is damaged ({error}); unpack PASCAL3D+_release1.1.zip again.") from None


def _records(root: Path, category: str, split: str) -> list[tuple[Path, Path]]:
    """(annotation, photograph) of a split, in the order of their names."""
    found: list[tuple[Path, Path]] = []
    sources = [("imagenet", ".JPEG"), ("pascal", ".jpg")] if split == "train" else [("pascal", ".jpg")]
    for source, suffix in sources:
        folder, pictures = (root / part / f"{category}_{source}" for part in ("Annotations", "Images"))
        for needed in (folder, pictures):
            if not needed.is_dir():
                raise FileNotFoundError(f"{needed} is missing; unpack PASCAL3D+_release1.1.zip again.")
        annotations = sorted(folder.glob("*.mat"))
        if source == "pascal":
            ids = set(_voc_ids(root, "train" if split == "train" else "val"))
            annotations = [path for path in annotations if path.stem in ids]
        found += [(path, pictures / f"{path.stem}{suffix}") for path in annotations]
    return found


def _voc_ids(root: Path, name: str) -> Iterator[str]:
    path = root / "PASCAL" / "VOCdevkit" / "VOC2012" / "ImageSets" / "Main" / f"{name}.txt"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; unpack PASCAL3D+_release1.1.zip again.")
    return (line.split()[0] for line in path.read_text().splitlines() if line.strip())


def _anchors(anchors: Any, names: tuple[str, ...], path: Path) -> tuple[Tensor, Tensor]:
    """Pixel coordinates [K, 2] and visibility [K] of the keypoints `names`; a location that is there is visible."""
    given = list(getattr(anchors, "_fieldnames", ()))
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ValueError(f"{path} has the keypoint {unknown[0]!r}; the CAD models have {', '.join(names)}.")
    points, visible = torch.zeros(len(names), 2, dtype=torch.float64), torch.zeros(len(names), dtype=torch.bool)
    for name in given:
        location = np.asarray(getattr(anchors, name).location, dtype=np.float64)
        if location.size == 2:
            points[names.index(name)] = torch.from_numpy(location) - 0.5  # the first pixel's centre is 1 there
            visible[names.index(name)] = True
    return points, visible


def _viewpoint(given: Any) -> Viewpoint:
    """The fine angles, or the coarse ones where the distance says that there are no others."""
    distance = float(given.distance)
    kind = "" if distance > 0 else "_coarse"
    return Viewpoint(
        float(getattr(given, f"azimuth{kind}")),
        float(getattr(given, f"elevation{kind}")),
        float(given.theta) if distance > 0 else 0.0,
        distance,
        float(given.focal),
        (float(given.px) - 0.5, float(given.py) - 0.5),
        float(given.viewport),
    )


def _check_size(size: tuple[int, int], record: Any, photo: Path, path: Path) -> None:
    expected = tuple(int(v) for v in np.asarray(record.imgsize).reshape(-1)[:2])
    if size != expected:
        raise ValueError(
            f"{photo} has {size[0]} x {size[1]} pixels and {path.name} was made for {expected[0]} x {expected[1]}; "
            "use the release's own pictures."
        )
