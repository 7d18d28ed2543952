"""Inverse graphics as a single step: picture -> mask -> camera, shape, texture, background."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.neural_renderer.bank import Infer
from ganverse_nb.neural_renderer.properties import Properties, mask_out

if TYPE_CHECKING:  # the dummies of a test need neither
    from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
    from ganverse_nb.segmentation.mask_rcnn import Segmenter


@dataclass(frozen=True)
class Observer:
    """Everything that reads properties off a picture.

    Attributes:
        infer: the frozen network f, (pictures, masks) -> Mesh.
        mask: pictures -> masks [B, 1, R, R]; the segmenter, or its differentiable stand-in while training.
        camera: (pictures, masks) -> Camera, the camera head; None where cameras are always given.
    """

    infer: Infer
    mask: Callable[[Tensor], Tensor]
    camera: Callable[[Tensor, Tensor], Camera] | None = None

    @classmethod
    def of(cls, inverse: InverseGraphicsModel, segmenter: Segmenter) -> Observer:
        """The trained inverse graphics model (f and camera head) behind the segmenter."""
        return cls(inverse.network, lambda images: segmenter.segment(images).mask, inverse.head)

    def __call__(self, images: Tensor, masks: Tensor | None = None, camera: Camera | None = None) -> Properties:
        """Properties of pictures [B, 3, R, R] in [0, 1]; masks and camera are found where they are not given.

        Differentiable where mask, f and camera head are.

        Raises:
            ValueError: no camera was given and there is no camera head.
        """
        masks = self.mask(images) if masks is None else masks
        if camera is None:
            if self.camera is None:
                raise ValueError(
                    "The camera of a picture is unknown here: give one, or an Observer with a camera head."
                )
            camera = self.camera(images, masks)
        mesh = self.infer(images, masks)
        if mesh.texture is None:
            raise ValueError("The inverse graphics network gave no texture.")
        return Properties(camera, mesh.vertices, mesh.texture, mask_out(images, masks))
