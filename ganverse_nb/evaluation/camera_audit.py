"""How good the cameras of photographs are: the camera head's, and those refined by silhouettes. Beyond the paper."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.evaluation.alignment import Similarity
from ganverse_nb.geometry.angles import wrap_degrees
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.inverse_graphics.refine import refine_camera
from ganverse_nb.render.renderer import render
from ganverse_nb.studio.photos import Photos

SOURCES = ("true", "predicted", "refined")
CLEAR = 60.0  # degrees from straight ahead (or behind) up to which a photograph clearly shows the front (or the rear)


@dataclass(frozen=True)
class PoseErrors:
    """Errors of N cameras, after the gauge common to all was taken off.

    Attributes:
        azimuth, elevation: [N] degrees, found minus true.
        distance: [N] found over true distance from the object's centre, minus 1.
        rotation: [N] angle in degrees of the rotation between the two.
    """

    azimuth: Tensor
    elevation: Tensor
    distance: Tensor
    rotation: Tensor

    @property
    def front_back_flipped(self) -> Tensor:
        """[N] bool: cameras on the wrong side of the object, more than 90 degrees away."""
        return self.azimuth.abs() > 90


@dataclass(frozen=True)
class CameraAudit:
    """Cameras of N photographs.

    Attributes:
        errors: of the "predicted" and the "refined" ones.
        iou: [N] hard IoU of the predicted shape with the true mask, seen by the "true", the "predicted" and the
            "refined" camera.
        front_rear: [2, 2] photographs that clearly show the front (first row) or the rear, by what the camera head
            takes them for: front (first column) or rear.
        refined: the refined cameras.
    """

    errors: dict[str, PoseErrors]
    iou: dict[str, Tensor]
    front_rear: Tensor
    refined: Camera

    @property
    def confused(self) -> float:
        """Share of the clear photographs whose front and rear are taken for each other; NaN of none."""
        return float((self.front_rear[0, 1] + self.front_rear[1, 0]) / self.front_rear.sum())


@torch.no_grad()
def audit_cameras(mesh: Mesh, camera: Camera, photos: Photos, masks: Tensor, gauge: Similarity) -> CameraAudit:
    """Compare the cameras of N reconstructed photographs with the true ones.

    Args:
        mesh, camera: the N predictions (`inverse_graphics.inference.reconstruct`).
        masks: [N, 1, R, R] that they were made from; the refinement sees these, never the true ones.
        gauge: from the model's world to the true one, as `evaluation.ground_truth.Reconstructions.gauge`: cameras
            learned without labels are known up to it. It is one for all photographs.

    Raises:
        ValueError: not as many photographs as predictions.
    """
    if len(mesh) != len(photos):
        raise ValueError(f"audit_cameras: {len(mesh)} reconstructions of {len(photos)} photographs.")
    with torch.enable_grad():
        refined = refine_camera(mesh, camera, masks, lens=False)
    errors = {
        "predicted": pose_errors(camera, photos.camera, gauge),
        "refined": pose_errors(refined, photos.camera, gauge),
    }
    in_place = Mesh(gauge(mesh.vertices), mesh.faces)
    seen = {"true": (in_place, photos.camera), "predicted": (mesh, camera), "refined": (mesh, refined)}
    true_masks = photos.masks.float()
    overlap = {name: hard_iou(render(*seen[name], true_masks.shape[-1]).mask, true_masks) for name in SOURCES}
    return CameraAudit(errors, overlap, front_rear(photos.camera.azimuth, errors["predicted"].azimuth), refined)


def pose_errors(found: Camera, true: Camera, gauge: Similarity) -> PoseErrors:
    """Errors of the cameras `found` [N] in the model's world against `true` [N] ones in the world `gauge` leads to."""
    axes = found.axes() @ gauge.rotation.to(found.fov.dtype).T
    backward = axes[:, 2]
    azimuth = torch.rad2deg(torch.atan2(backward[:, 0], backward[:, 2]))
    elevation = torch.rad2deg(torch.asin(backward[:, 1].clamp(-1, 1)))
    ratio = gauge(found.position).norm(dim=1) / true.position.norm(dim=1)
    trace = (axes * true.axes()).sum((1, 2))
    rotation = torch.rad2deg(torch.acos(((trace - 1) / 2).clamp(-1, 1)))
    return PoseErrors(wrap_degrees(azimuth - true.azimuth), elevation - true.elevation, ratio - 1, rotation)


def front_rear(true_azimuth: Tensor, error: Tensor) -> Tensor:
    """[2, 2] counts, see `CameraAudit`, of azimuths [N] and their errors [N] in degrees."""
    found_front = wrap_degrees(true_azimuth + error).abs() <= 90
    turn = wrap_degrees(true_azimuth).abs()
    rows = [turn <= CLEAR, turn >= 180 - CLEAR]
    return torch.stack([torch.stack([(row & found_front).sum(), (row & ~found_front).sum()]) for row in rows])
