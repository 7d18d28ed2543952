"""How well real photographs are cut out and reconstructed: the rows `real.<set>.*`.

Nothing is taken off the azimuths for a gauge: what is called front must be the front. The one row
`azimuth_error_deg_aligned` says what would be left if one rotation, the same for the whole set, were taken off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.data.crops import box_iou
from ganverse_nb.data.photo_sets import PhotoSet, RealPhoto
from ganverse_nb.evaluation.silhouettes import box_normalised, other_sides_iou, pairs_of_sides
from ganverse_nb.geometry.angles import angle_error, angular_distance
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.inverse_graphics.given_masks import window_mask
from ganverse_nb.inverse_graphics.inference import reconstruct_and_compare
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.photo_fit import fit_shape
from ganverse_nb.inverse_graphics.reconstructor import Reconstructor
from ganverse_nb.inverse_graphics.refine import refine_hypotheses
from ganverse_nb.inverse_graphics.sight import Sight
from ganverse_nb.render.renderer import render
from ganverse_nb.runtime.rows import Measurement as M
from ganverse_nb.segmentation.cutout import Cutout
from ganverse_nb.segmentation.detections import bounding_boxes
from ganverse_nb.segmentation.squares import square_mask

BATCH = 32
SEEN = 256  # pixels of the squares of whole pictures in which masks are compared
OTHERS = 6  # other sides that each photograph's mesh is compared with
NEAR, FLIPPED = 15.0, 90.0  # degrees
SAME_BOX = 0.5  # IoU of boxes from which an object counts as found
GIVEN, OWN = "given", "own"
BARS = {
    "carvana.mask_iou": ">= 0.88",
    "carvana.mask_single": ">= 0.9",
    "carvana.iou_predicted": ">= 0.87",
    "carvana.iou_refined": ">= 0.93",
    "carvana.azimuth_error_predicted_deg": "<= 6",
    "carvana.azimuth_error_deg": "<= 4",
    "carvana.within_15": ">= 0.9",
    "carvana.flipped": "<= 0.03",
    "carvana.other_sides_iou": ">= 0.85",
    "carvana.other_sides_gain": ">= 0.02",
    "carvana.let_in": ">= 0.85",
    "coil.azimuth_error_deg": "<= 10",
    "coil.flipped": "<= 0.05",
    "coil.iou_refined": ">= 0.88",
    "epfl.azimuth_error_deg": "<= 15",
    "epfl.found": ">= 0.8",
    "epfl.let_in": ">= 0.6",
    "horses.mask_iou": ">= 0.7",
    "horses.iou_predicted": ">= 0.7",
    "horses.iou_refined": ">= 0.8",
    "horses.let_in": ">= 0.6",
}


@dataclass(frozen=True)
class Looked:
    """What was seen of N photographs: by the segmenter in the whole pictures, and by f in the windows of n of them.

    Attributes:
        rows: [n] which of the N have a mask that a window could be cut by.
        sight: of the n: the windows, and the masks that f sees.
        true_masks: [n, 1, R, R] what the renders are compared with: the given masks, or those of f where none are.
        silhouettes: [n, 1, S, S] the same masks without place and size, from the whole pictures.
        count: [N] how many objects the segmenter found.
        let_in: [N] bool, whether the verdict on the picture, cut out by the segmenter, is "in domain".
        mask_iou: [N] of its mask with the given one; NaN where none is given.
        box_iou: [N] of its object's box with the true one; NaN where that is not known.
    """

    rows: Tensor
    sight: Sight
    true_masks: Tensor
    silhouettes: Tensor
    count: Tensor
    let_in: Tensor
    mask_iou: Tensor
    box_iou: Tensor


@dataclass(frozen=True)
class PhotoSetScores:
    """Reconstructions of the n photographs of a set that have a mask, and the verdicts on all N.

    Attributes:
        photos: the N photographs; `looked` at.
        masks: "given" or "own": which masks f saw.
        mesh: [n] textured, what f made of them.
        predicted, refined: [n] cameras; iou_predicted, iou_refined: [n] of the render with the true mask.
        iou_fitted: [n] the same of the shape fitted to the mask (`fit_shape`), which `--refine` begins with.
        other_sides, other_sides_mean: [P] IoU of silhouettes from other sides: of the photograph's own shape, and of
            the mean shape of the set; other_sides_fitted: of the fitted shape.
    """

    photos: PhotoSet
    looked: Looked
    masks: str
    mesh: Mesh
    predicted: Camera
    refined: Camera
    iou_predicted: Tensor
    iou_refined: Tensor
    iou_fitted: Tensor
    other_sides: Tensor
    other_sides_mean: Tensor
    other_sides_fitted: Tensor

    def measurements(self) -> dict[str, M]:
        """The rows `real.<set>.*`; each says in its unit by which masks, shares and IoU are in [0, 1].

        Where a set gives masks and the segmenter's were used all the same, the names end in `_own_masks`.
        """
        found: dict[str, M] = {}
        looked, own, by = self.looked, "the segmenter's masks", f"{self.masks} masks"
        if self.photos.has_masks:
            found["mask_iou"] = M(looked.mask_iou.mean(), own)
        found["mask_single"] = M((looked.count == 1).float().mean(), own)
        if not looked.box_iou.isnan().any():
            hit = (looked.count == 1) & (looked.box_iou >= SAME_BOX)
            found["found"] = M(hit.float().mean(), own)
        found["let_in"] = M(looked.let_in.float().mean(), own)
        after = {"photographs": M(len(self.photos)), "reconstructed": M(len(looked.rows) / len(self.photos), by)}
        after["iou_predicted"] = M(_mean(self.iou_predicted), by)
        after["iou_refined"] = M(_mean(self.iou_refined), by)
        after["iou_fitted"] = M(_mean(self.iou_fitted), by)
        after |= self._azimuths(by)
        if len(self.other_sides):
            shapes = self.other_sides.mean(), self.other_sides_mean.mean()
            after["other_sides_iou"] = M(shapes[0], by)
            after["mean_shape_other_sides_iou"] = M(shapes[1], by)
            after["other_sides_gain"] = M(shapes[0] - shapes[1], by)
            after["other_sides_iou_fitted"] = M(self.other_sides_fitted.mean(), by)
            after["other_sides_gain_fitted"] = M(self.other_sides_fitted.mean() - shapes[1], by)
        suffix = "_own_masks" if self.masks == OWN and self.photos.has_masks else ""
        found |= {f"{key}{suffix}": value for key, value in after.items()}
        name = self.photos.name
        return {f"real.{name}.{k}": M(m.value, m.unit, bar=BARS.get(f"{name}.{k}", "")) for k, m in found.items()}

    def _azimuths(self, by: str) -> dict[str, M]:
        known = [k for k, row in enumerate(self.looked.rows.tolist()) if self.photos.photos[row].azimuth is not None]
        if not known:
            return {}
        truth = torch.tensor([self.photos.photos[row].azimuth for row in self.looked.rows[known].tolist()])
        found: dict[str, M] = {}
        degrees = f"°, {by}"
        for name, camera in {"_predicted": self.predicted, "": self.refined}.items():
            azimuth = camera.azimuth[known]
            error = angular_distance(azimuth, truth)
            aligned = angle_error(azimuth, truth)
            found |= {
                f"azimuth_error{name}_deg": M(error.quantile(0.5), degrees),
                f"within_15{name}": M((error <= NEAR).float().mean(), by),
                f"flipped{name}": M((error > FLIPPED).float().mean(), by),
                f"azimuth_error{name}_deg_aligned": M(aligned.median, f"°, {aligned.offset:+.1f}° taken off, {by}"),
            }
        return found


def score_photo_set(
    reconstructor: Reconstructor, photos: PhotoSet, masks: str | None = None, seed: int = 0
) -> PhotoSetScores:
    """Reconstruct all photographs of a set, and compare with what is known about them.

    Args:
        masks: "given": f sees the masks of the set; "own": those of the segmenter, of the whole picture; None: given
            where every photograph has one.

    Raises:
        FileNotFoundError, ValueError: a picture or a mask is missing or not usable, the set gives no masks, or not one
            object was found.
    """
    masks = masks or (GIVEN if photos.has_masks else OWN)
    if masks not in (GIVEN, OWN):
        raise ValueError(f"Masks are {GIVEN} or {OWN}, not {masks!r}.")
    if masks == GIVEN and not photos.has_masks:
        raise ValueError(f"The set {photos.name} gives no masks of some photographs; measure it with its own masks.")
    looked = look(reconstructor, photos.photos, masks)
    if len(looked.rows) == 0:
        raise ValueError(f"The segmenter found no object in any photograph of the set {photos.name}.")
    model = reconstructor.model
    sight = looked.sight
    mesh, predicted, _ = reconstruct_and_compare(sight.images, sight.masks, model, opinion=sight.opinion)
    parts = torch.arange(len(looked.rows)).split(BATCH)
    moved = (_refined(model, mesh, looked, part) for part in tqdm(parts, desc="cameras", unit="batch"))
    cameras, fitted_cameras, shapes = zip(*moved, strict=True)
    refined, fitted_camera = Camera.join(cameras), Camera.join(fitted_cameras)
    fitted = Mesh(torch.cat([shape.vertices for shape in shapes]), mesh.faces)
    iou_predicted, iou_refined, iou_fitted = (
        torch.cat([_overlap(shape, camera, looked.true_masks, part) for part in parts])
        for shape, camera in ((mesh, predicted), (mesh, refined), (fitted, fitted_camera))
    )
    shown = [photos.photos[row] for row in looked.rows.tolist()]
    sides = [photo.azimuth if photos.has_masks else None for photo in shown]  # own masks tell no true silhouettes
    pairs = pairs_of_sides([photo.object for photo in shown], sides, OTHERS, seed)
    azimuth = torch.tensor([photo.azimuth or 0.0 for photo in shown])
    mean = Mesh(mesh.vertices.mean(0, keepdim=True).expand_as(mesh.vertices), mesh.faces)
    others, others_mean, others_fitted = (
        other_sides_iou(shape, camera, azimuth, looked.silhouettes, pairs)
        for shape, camera in ((mesh, refined), (mean, refined), (fitted, fitted_camera))
    )
    return PhotoSetScores(
        photos, looked, masks, mesh, predicted, refined, iou_predicted, iou_refined, iou_fitted,
        others, others_mean, others_fitted,
    )  # fmt: skip


def look(reconstructor: Reconstructor, photos: Sequence[RealPhoto], masks: str) -> Looked:
    """Read photographs and masks, let the segmenter cut them out, and cut the windows that f sees.

    Raises:
        FileNotFoundError, ValueError: a picture or a mask is missing or not usable.
    """
    resolution = reconstructor.resolution
    parts: list[Looked] = []
    for start in tqdm(range(0, len(photos), BATCH), desc="photographs", unit="batch"):
        batch = photos[start : start + BATCH]
        pictures = [photo.image() for photo in batch]
        true = [photo.mask(picture) for photo, picture in zip(batch, pictures, strict=True)]
        found = [reconstructor.segmenter.cut_out(picture) for picture in pictures]
        seen = reconstructor.see(pictures, found)
        let_in = [verdict.in_domain for verdict in reconstructor.domain.judge(seen, reconstructor.model)]
        used = true if masks == GIVEN else [cutout.mask for cutout in found]
        rows = [row for row, mask in enumerate(used) if mask is not None and mask.any()]
        kept = [mask for mask in used if mask is not None and mask.any()]
        sight = reconstructor.see([pictures[row] for row in rows], [Cutout.of_mask(mask) for mask in kept])
        there = [true[row] for row in rows]
        wanted = [square_mask(mask if known is None else known) for known, mask in zip(there, kept, strict=True)]
        cut = [window_mask(m, corner, resolution) for m, corner in zip(wanted, sight.corners, strict=True)]
        parts.append(
            Looked(
                start + torch.tensor(rows, dtype=torch.int64),
                sight,
                torch.cat([sight.masks[:0], *cut]),
                torch.cat([box_normalised(sight.masks[:0]), *(box_normalised(_tensor(mask)) for mask in wanted)]),
                seen.count,
                torch.tensor(let_in),
                torch.tensor([_mask_iou(*pair) for pair in zip(found, true, strict=True)]),
                torch.tensor([_box_iou(*pair) for pair in zip(found, batch, strict=True)]),
            )
        )
    sights = Sight.join([part.sight for part in parts])
    rest = {n: torch.cat([getattr(p, n) for p in parts]) for n in Looked.__annotations__ if n != "sight"}
    return Looked(sight=sights, **rest)


def _refined(model: InverseGraphicsModel, mesh: Mesh, looked: Looked, rows: Tensor) -> tuple[Camera, Camera, Mesh]:
    """The best of the refined hypotheses for some of the windows; camera and shape fitted from there."""
    images, masks = looked.sight.images[rows], looked.sight.masks[rows]
    with torch.no_grad():
        reading = looked.sight.read(model, rows)
    camera = refine_hypotheses(mesh[rows], reading, images, masks).best()
    shape, fitted = fit_shape(mesh[rows], camera, masks)
    return camera, fitted, shape


def _overlap(mesh: Mesh, camera: Camera, masks: Tensor, rows: Tensor) -> Tensor:
    seen = render(Mesh(mesh.vertices[rows], mesh.faces), camera[rows], masks.shape[-1]).mask
    return hard_iou(seen, masks[rows])


def _mask_iou(found: Cutout, true: np.ndarray | None) -> float:
    """IoU in the square of the whole picture; NaN without a true mask."""
    if true is None:
        return torch.nan
    pair = (square_mask(mask).resize((SEEN, SEEN), Image.Resampling.BOX) for mask in (found.mask, true))
    return float(hard_iou(*(_tensor(mask) for mask in pair)))


def _box_iou(found: Cutout, photo: RealPhoto) -> float:
    """IoU of boxes; NaN without a true one."""
    if photo.box is None:
        return torch.nan
    box = bounding_boxes(torch.from_numpy(found.mask)[None])
    return float(box_iou(box, torch.tensor([photo.box]).float()))


def _tensor(mask: Image.Image) -> Tensor:
    """[1, 1, S, S] of 0 and 1."""
    return torch.from_numpy(np.asarray(mask) >= 128).float()[None, None]


def _mean(values: Tensor) -> Tensor:
    return values.mean() if len(values) else torch.tensor(torch.nan)
