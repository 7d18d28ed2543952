"""Photographs with their light: the unlit colour and the shading of every pixel, which a network would have to find."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ganverse_nb.render.rasterize import rasterize
from ganverse_nb.studio.editions import check_edition, find_kind
from ganverse_nb.studio.photos import BATCH, Photos, arrange, check_order, join, photograph, surface_points
from ganverse_nb.studio.scene import Scene, diffuse_light


@dataclass(frozen=True)
class LitPhotos:
    """N photographs and the scenes they were taken in (`studio.scene`)."""

    photos: Photos
    scene: Scene

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, rows: Tensor) -> LitPhotos:
        return LitPhotos(self.photos[rows], {name: value[rows] for name, value in self.scene.items()})

    def intrinsic(self) -> tuple[Tensor, Tensor, Tensor]:
        """Unlit colours [N, 3, R, R] in [0, 1], shading [N, 1, R, R] (mean of the channels) and where they are known.

        The third is [N, 1, R, R], 1 where the middle of a pixel shows the object. There a matte object's picture is
        colour x shading; glass and gloss come on top of it. Shading is 1 where as much light arrives as leaves a white
        surface white. In the second edition shadows are not part of it, and pictures have been through a camera:
        colour x shading is what they are like without shadows, gloss, noise and the lens.
        """
        photos, kind = self.photos, find_kind(self.photos.category, self.photos.edition)
        mesh, size = photos.mesh(), photos.images.shape[-1]
        seen = rasterize(photos.camera.to_clip(mesh.vertices), mesh.faces, size)
        b, i, j = torch.nonzero((seen.face_index >= 0) & (photos.masks[:, 0] > 0), as_tuple=True)
        points = surface_points(kind, mesh, b, seen.face_index[b, i, j], seen.barycentric[b, i, j])
        to_camera = photos.camera.position[b] - points.positions
        away = (points.normals * to_camera).sum(1, keepdim=True) < 0
        points = points._replace(normals=torch.where(away, -points.normals, points.normals))
        albedo, shading = torch.zeros(len(self), size, size, 3), torch.zeros(len(self), size, size)
        known = torch.zeros(len(self), size, size)
        albedo[b, i, j] = kind.paint(photos.objects, points).albedo
        shading[b, i, j] = self._arriving(b, points.normals).mean(1)
        known[b, i, j] = 1.0
        return albedo.permute(0, 3, 1, 2), shading[:, None], known[:, None]

    def arriving(self, normals: Tensor) -> Tensor:
        """[N, P] shading of matte surfaces with unit `normals` [P, 3] in each of the scenes, mean of the channels."""
        count = len(normals)
        index = torch.arange(len(self)).repeat_interleave(count)
        return self._arriving(index, normals.repeat(len(self), 1)).mean(1).view(len(self), count)

    def _arriving(self, index: Tensor, normals: Tensor) -> Tensor:
        """[P, 3] light on surfaces with `normals` [P, 3] in scenes `index` [P]."""
        if self.photos.edition == 1:
            return diffuse_light(self.scene, index, normals)
        from ganverse_nb.studio.second.photograph import diffuse_light as diffuse_light_second

        return diffuse_light_second(self.scene, index, normals)


def make_lit_photos(category: str, count: int, seed: int, resolution: int = 64, edition: int = 1) -> LitPhotos:
    """`count` photographs of random objects in random scenes that are kept.

    Raises:
        ValueError: unknown category or edition, or `count` is not positive.
    """
    check_order(category, count)
    check_edition(edition)
    generator = torch.Generator().manual_seed(seed)
    objects, scene, camera = arrange(category, count, generator, edition=edition)
    batches = []
    for start in range(0, count, BATCH):
        some = slice(start, start + BATCH)
        things, places = ({name: value[some] for name, value in group.items()} for group in (objects, scene))
        batches.append(photograph(things, places, camera[some], resolution, category, edition))
    return LitPhotos(join(batches), scene)
