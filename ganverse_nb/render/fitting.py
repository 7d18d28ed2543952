"""A mesh fitted to masks by gradient descent through the soft silhouette: differentiable rendering at its smallest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ganverse_nb.geometry.camera import CameraModel
from ganverse_nb.geometry.deformation import mirror_vertices, smoothing_matrix
from ganverse_nb.geometry.losses import flatten_loss, laplacian_loss
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.geometry.overlap import soft_iou
from ganverse_nb.render.renderer import render
from ganverse_nb.render.silhouette import hardening

START_RADIUS = 0.35  # of the sphere that is deformed when no other mesh is given; objects are of about unit size
SIGMA = (3e-3, 3e-6)  # softness of the silhouette: first it reaches far, in the end no pixel is half seen ...
SIGMA_SHARE = 0.75  # ... which it is for the last quarter of the steps


@dataclass(frozen=True)
class MeshFit:
    """A fit from its start to its end, S steps later.

    Attributes:
        start: the one mesh that was deformed.
        vertices: [S + 1, V, 3] where its vertices were before each step and, last, after all of them.
        iou: [S + 1] overlap of what the cameras saw of them with the masks, mean over the cameras.
    """

    start: Mesh
    vertices: Tensor
    iou: Tensor

    @property
    def mesh(self) -> Mesh:
        """The result: one mesh, with the texture of the start where that has one."""
        return replace(self.start, vertices=self.vertices[-1:])

    def at(self, steps: list[int]) -> Mesh:
        """The bare shapes before each of some steps, one after the other in a batch."""
        return Mesh(self.vertices[steps], self.start.faces)


def fit_mesh(
    masks: Tensor,
    camera: CameraModel,
    start: Mesh | None = None,
    *,
    steps: int = 120,
    lr: float = 0.1,
    smoothing: float = 20.0,
    sigma: tuple[float, float] = SIGMA,
    weight_laplacian: float = 5.0,
    weight_flatten: float = 0.1,
    symmetric: bool = False,
    watch: Callable[[int, Mesh], None] | None = None,
) -> MeshFit:
    """Moves the vertices of one mesh until known cameras see it as masks show it; Adam on IoU, L_lap and L_sm of Eq 1.

    What no mask shows is left to the two terms on the shape and to the symmetry.

    Args:
        masks: [B, 1, R, R] in [0, 1], of one object.
        camera: the B cameras that saw it.
        start: the mesh to deform; a sphere of radius `START_RADIUS` when None.
        sigma: softness of the silhouette (see `soft_silhouette`) at the beginning and at the end.
        smoothing: how far a push on one vertex spreads over its neighbours, see `smoothing_matrix`; with 0 each moves
            alone, and the mesh crumples.
        symmetric: left and right move alike, mirrored at x = 0, so that each mask tells of both.
        watch: called before every step, and after the last, with the number of steps done and the mesh as it is.

    Raises:
        ValueError: not as many masks as cameras, several meshes to start from, or one that is not symmetric and has to
            be.

    >>> from ganverse_nb.geometry.camera import Camera
    >>> cameras = Camera.orbit(torch.tensor([0.0, 90.0]))
    >>> ball = uv_sphere()
    >>> masks = render(Mesh(0.5 * ball.vertices, ball.faces), cameras, 32).mask
    >>> fit = fit_mesh(masks, cameras, steps=40)
    >>> bool(fit.iou[0] < 0.6), bool(fit.iou[-1] > 0.9)
    (True, True)
    """
    if start is None:
        sphere = uv_sphere()
        start = Mesh(START_RADIUS * sphere.vertices, sphere.faces)
    if len(masks) != len(camera) or len(start) != 1:
        raise ValueError(f"fit_mesh: {len(masks)} masks, {len(camera)} cameras and {len(start)} meshes to start from.")
    moved = torch.zeros_like(start.vertices, requires_grad=True)
    smooth = smoothing_matrix(start.faces, start.vertices.shape[1], smoothing)
    mirror = mirror_vertices(start.vertices[0]) if symmetric else None
    optimizer = torch.optim.Adam([moved], lr=lr)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps), 0.05 * lr)
    path, overlaps = [], []
    for step in range(steps + 1):
        offsets = smooth @ moved
        if mirror is not None:
            offsets = 0.5 * (offsets + offsets[:, mirror] * offsets.new_tensor([-1.0, 1.0, 1.0]))
        mesh = Mesh(start.vertices + offsets, start.faces)
        softness = hardening(step / max(1, steps), *sigma, by=SIGMA_SHARE)
        seen = render(mesh, camera, masks.shape[-1], sigma=softness)
        path.append(mesh.vertices.detach()[0])
        overlaps.append(soft_iou(seen.mask, masks).mean())
        if watch is not None:
            watch(step, Mesh(mesh.vertices.detach(), mesh.faces))
        if step == steps:
            break
        shape = weight_laplacian * laplacian_loss(offsets, mesh.faces)
        shape = shape + weight_flatten * flatten_loss(mesh.vertices, mesh.faces)
        optimizer.zero_grad()
        (1 - soft_iou(seen.silhouette, masks).mean() + shape).backward()
        optimizer.step()
        slower.step()
    return MeshFit(start, torch.stack(path), torch.stack(overlaps))
