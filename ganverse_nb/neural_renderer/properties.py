"""Camera V, shape S, texture T and background B: how they are read off a picture, and how far apart two sets are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn

from ganverse_nb.gan.zoom import zoomed
from ganverse_nb.geometry.angles import wrap_degrees
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, detail_of, detailed_sphere

if TYPE_CHECKING:  # the dummies of a test need neither
    from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
    from ganverse_nb.segmentation.segmenter import Segmenter

FACTORS = ("camera", "shape", "texture", "background")

Infer = Callable[[Tensor, Tensor], Mesh]
"""The network f: pictures [B, 3, R, R] in [0, 1] and masks [B, 1, R, R] -> a mesh with vertices and texture."""


@dataclass(frozen=True)
class Properties:
    """The properties of B pictures.

    Attributes:
        camera: B cameras.
        shape: [B, V, 3] vertices in world space.
        texture: [B, 3, Ht, Wt] in [0, 1].
        background: [B, 4, R, R]: RGB with the object blanked, and an alpha that is 1 where the background is known
            (see `mask_out`).
    """

    camera: Camera
    shape: Tensor
    texture: Tensor
    background: Tensor

    def __len__(self) -> int:
        return len(self.shape)

    def __getitem__(self, index: Any) -> Self:
        index = [index] if isinstance(index, int) else index
        return replace(self, **{name: getattr(self, name)[index] for name in FACTORS})

    def to(self, device: torch.device | str) -> Self:
        return replace(self, **{name: getattr(self, name).to(device) for name in FACTORS})

    def replace(self, **changes: Any) -> Self:
        return replace(self, **changes)

    def mesh(self) -> Mesh:
        """Shape and texture as a mesh of the sphere that f deforms.

        Raises:
            ValueError: another number of vertices than that sphere's.
        """
        sphere = _sphere(detail_of(self.shape.shape[1])).to(self.shape.device)
        return Mesh(self.shape, sphere.faces, sphere.face_uvs, self.texture)

    def with_factor(self, factor: str, donor: Properties) -> Self:
        """The same pictures with one of `FACTORS` taken from `donor`.

        Raises:
            ValueError: unknown factor.
        """
        if factor not in FACTORS:
            raise ValueError(f"Unknown factor {factor!r}; one of {', '.join(FACTORS)} can be swapped.")
        return replace(self, **{factor: getattr(donor, factor)})


_sphere = lru_cache(2)(detailed_sphere)  # it takes as long to make as to render


def concatenate(parts: Sequence[Properties]) -> Properties:
    """Several batches as one.

    Raises:
        ValueError: nothing to concatenate.
    """
    if not parts:
        raise ValueError("concatenate: no properties were given.")
    camera = Camera.join([part.camera for part in parts])
    return Properties(camera, *(torch.cat([getattr(p, name) for p in parts]) for name in FACTORS[1:]))


def mask_out(images: Tensor, masks: Tensor) -> Tensor:
    """Background of a picture: "we simply mask out the object" (section 3.3).

    Args:
        images: [B, 3, R, R] in [0, 1].
        masks: [B, 1, R, R] of the object, in [0, 1].

    Returns:
        [B, 4, R, R]: the picture times (1 - mask), and 1 - mask as alpha.

    Raises:
        ValueError: the shapes do not fit each other.
    """
    if images.ndim != 4 or images.shape[1] != 3 or masks.shape != (len(images), 1, *images.shape[2:]):
        raise ValueError(
            f"mask_out needs pictures [B, 3, H, W] and masks [B, 1, H, W], got {tuple(images.shape)} and "
            f"{tuple(masks.shape)}."
        )
    alpha = 1.0 - masks
    return torch.cat([images * alpha, alpha], 1)


def hide(background: Tensor, masks: Tensor) -> Tensor:
    """The background [B, 4, R, R] with a further area `masks` [B, 1, R, R] unknown."""
    return background * (1.0 - masks)


def camera_distance(a: Properties, b: Properties) -> Tensor:
    """[B] absolute difference of azimuth in degrees."""
    return wrap_degrees(a.camera.azimuth - b.camera.azimuth).abs()


def shape_distance(a: Properties, b: Properties) -> Tensor:
    """[B] mean distance between corresponding vertices, world units."""
    return (a.shape - b.shape).norm(dim=-1).mean(-1)


def texture_distance(a: Properties, b: Properties) -> Tensor:
    """[B] mean absolute difference of texels, in [0, 1]."""
    return (a.texture - b.texture).abs().mean((1, 2, 3))


def background_distance(a: Properties, b: Properties) -> Tensor:
    """[B] mean absolute difference of the pixels that both backgrounds know, in [0, 1]; 0 where they share none."""
    both = a.background[:, 3:] * b.background[:, 3:]
    difference = (a.background[:, :3] - b.background[:, :3]).abs().mean(1, keepdim=True)
    return (difference * both).sum((1, 2, 3)) / both.sum((1, 2, 3)).clamp_min(1e-6)


DISTANCES = {
    "camera": camera_distance,
    "shape": shape_distance,
    "texture": texture_distance,
    "background": background_distance,
}


@dataclass(frozen=True)
class PropertyEncoder:
    """Inverse graphics as a single step: picture -> mask -> camera, shape, texture and background.

    Attributes:
        infer: the network f, (pictures, masks) -> Mesh.
        mask: pictures -> masks [B, 1, R, R]; the segmenter, or its differentiable stand-in while training.
        camera: the camera head, (pictures, masks) -> Camera; None where the camera is always given.
    """

    infer: Infer
    mask: Callable[[Tensor], Tensor]
    camera: Callable[[Tensor, Tensor], Camera] | None = None

    @classmethod
    def of(cls, inverse: InverseGraphicsModel, segmenter: Segmenter) -> PropertyEncoder:
        """The trained inverse graphics model (f and camera head) behind the segmenter."""
        return cls(inverse.network, lambda images: segmenter.segment(images).mask, inverse.head)

    def freeze(self) -> None:
        """Switch off the gradients of the networks' weights; those of pictures still pass through."""
        for part in (self.infer, self.mask, self.camera):
            if isinstance(part, nn.Module):
                part.requires_grad_(False)

    def __call__(
        self,
        images: Tensor,
        masks: Tensor | None = None,
        camera: Camera | None = None,
        size: Tensor | None = None,
    ) -> Properties:
        """Properties of pictures [B, 3, R, R] in [0, 1]; masks and camera are predicted where not given.

        Differentiable where mask, f and camera head are.

        Args:
            size: [B] how many times as large as f has learned objects are shown, where that is known: f sees them at
                the size that it knows.

        Raises:
            ValueError: no camera was given and there is no camera head.
        """
        masks = self.mask(images) if masks is None else masks
        if camera is None:
            if self.camera is None:
                raise ValueError("The picture's camera is unknown: give it, or an encoder with a camera head.")
            camera = self.camera(images, masks)
        if size is None:
            mesh = self.infer(images, masks)
        else:
            mesh = self.infer(zoomed(images, 1 / size, "reflection"), zoomed(masks, 1 / size))
        if mesh.texture is None:
            raise ValueError("The inverse graphics network gave no texture.")
        return Properties(camera, mesh.vertices, mesh.texture, mask_out(images, masks))
