"""Single photographs with a mask and an annotated camera each: what the baseline of section 4.1 learns from."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from ganverse_nb.data.crops import boxes
from ganverse_nb.data.multiview import ViewSets
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.keypoint_cameras import LONG_LENS, MINIMUM_POINTS, fit_cameras
from ganverse_nb.runtime.files import content_of
from ganverse_nb.runtime.tensors import load_tensors, save_tensors

FILE, FORMAT = "annotated.safetensors", "ganverse_nb annotated photographs 1"
MAXIMUM_ERROR = 0.01
FEW_POINTS, BAD_FIT = "fewer than 4 visible keypoints", "keypoints that fit no camera"


@dataclass(frozen=True)
class KeypointPhotos:
    """N square pictures of one object each, with keypoints.

    Attributes:
        images: [N, 3, R, R] uint8; masks: [N, 1, R, R] uint8, 0 or 1.
        points: [N, K, 2] picture coordinates in [0, 1], x to the right, y down; visible: [N, K] bool.
        keypoint_names: of the K keypoints.
        files: what each picture is called where it comes from: the list of a data set's pictures.
        removed: how many objects each rule left out.
    """

    images: Tensor
    masks: Tensor
    points: Tensor
    visible: Tensor
    keypoint_names: tuple[str, ...]
    files: tuple[str, ...]
    removed: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Tensor) -> KeypointPhotos:
        """The pictures that `index` [n] int64 picks."""
        files = tuple(self.files[i] for i in index.tolist())
        images, masks, points, visible = (t[index] for t in (self.images, self.masks, self.points, self.visible))
        return replace(self, images=images, masks=masks, points=points, visible=visible, files=files)

    def only(self, names: Iterable[str]) -> KeypointPhotos:
        """The same pictures with those of the keypoints `names` that they have."""
        wanted = set(names)
        kept = [k for k, name in enumerate(self.keypoint_names) if name in wanted]
        left = tuple(self.keypoint_names[k] for k in kept)
        points, visible = self.points[:, kept], self.visible[:, kept]
        return replace(self, points=points, visible=visible, keypoint_names=left)

    def shape_of(self, shape: dict[str, Tensor]) -> Tensor:
        """[K, 3] the points of a keypoint shape (name -> [3]) in the order of `keypoint_names`.

        Raises:
            ValueError: a keypoint that the shape does not have.
        """
        unknown = [name for name in self.keypoint_names if name not in shape]
        if unknown:
            raise ValueError(f"Unknown keypoint {unknown[0]!r}; the keypoint shape has {', '.join(shape)}.")
        return torch.stack([shape[name] for name in self.keypoint_names])

    def with_cameras(
        self, shape: dict[str, Tensor], fov: float = LONG_LENS, maximum: float = MAXIMUM_ERROR
    ) -> AnnotatedPhotos:
        """Cameras by `fit_cameras` against one keypoint shape (name -> [3]); photographs that fit none go.

        Args:
            maximum: mean squared error of the keypoints in squares of the longer side of the object's box (CMR's rule).

        Raises:
            ValueError: a keypoint that the shape does not have, or no photograph is left.
        """
        order = self.shape_of(shape)
        enough = (self.visible.sum(1) >= MINIMUM_POINTS).nonzero().flatten()
        fit = fit_cameras(self.points[enough], self.visible[enough], order, fov)
        stays = (fit.error < maximum * boxes(self.masks[enough])[1].square()).nonzero().flatten()
        if len(stays) == 0:
            raise ValueError(f"None of {len(self)} photographs has keypoints that fit a camera; look at its keypoints.")
        kept = enough[stays]
        removed = self.removed | {FEW_POINTS: len(self) - len(enough), BAD_FIT: len(enough) - len(stays)}
        files = tuple(self.files[i] for i in kept.tolist())
        return AnnotatedPhotos(self.images[kept], self.masks[kept], fit.camera[stays], kept, files, removed)


@dataclass(frozen=True)
class AnnotatedPhotos:
    """N photographs, each of another object, with cameras of one field of view.

    It is trained on as a `MultiViewDataset` is: photograph and camera n are content n in view n.

    Attributes:
        images: [N, 3, R, R] uint8; masks: [N, 1, R, R] uint8, 0 or 1.
        camera: the N annotated cameras.
        index: [N] int64, where each stands in the set that it was chosen from.
        files: what each is called there.
        removed: how many objects each rule left out.
    """

    images: Tensor
    masks: Tensor
    camera: Camera
    index: Tensor
    files: tuple[str, ...]
    removed: dict[str, int]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: Tensor) -> AnnotatedPhotos:
        """The photographs that `rows` [n] int64 picks."""
        files = tuple(self.files[i] for i in rows.tolist())
        return replace(
            self,
            images=self.images[rows],
            masks=self.masks[rows],
            camera=self.camera[rows],
            index=self.index[rows],
            files=files,
        )

    @property
    def resolution(self) -> int:
        """Width and height of the pictures."""
        return self.images.shape[-1]

    @property
    def train_contents(self) -> Tensor:
        """All of them: photographs to test on are a set of their own."""
        return torch.arange(len(self))

    def batch(self, content: Tensor, view: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures [B, 3, R, R] float32 in [0, 1] and masks [B, 1, R, R] float32 of `content` [B]."""
        return self.images[content].float() / 255, self.masks[content].float()

    def kept_pictures(self, contents: Tensor) -> tuple[Tensor, Tensor]:
        """(content [n], view [n]), one and the same here."""
        return contents, contents

    def sample_views(self, count: int, views: int, generator: torch.Generator) -> ViewSets:
        """Random photographs, each in the one view it was taken from: Eq 2 has no second one here, and becomes Eq 1.

        Raises:
            ValueError: more than one view is asked for.
        """
        if views != 1:
            raise ValueError(f"A photograph shows its object in one view, not {views}; set views_per_object to 1.")
        content = torch.randint(len(self), (count,), generator=generator)
        return ViewSets(content, content[:, None])

    def save(self, directory: Path) -> None:
        """Write `annotated.safetensors`, whole or not at all."""
        tensors = {"images": self.images, "masks": self.masks, "index": self.index}
        tensors |= {f"camera.{k}": v for k, v in vars(self.camera).items()}
        save_tensors(directory / FILE, tensors, FORMAT, {"files": self.files, "removed": self.removed})

    @classmethod
    def load(cls, directory: Path) -> AnnotatedPhotos:
        """What `save` wrote.

        Raises:
            FileNotFoundError: nothing there.
            ValueError: the file is damaged, or of another version.
        """
        path, what = Path(directory) / FILE, "set of annotated photographs"
        remedy = f"delete {directory}, if it is there, and run the stage annotated_photos again"
        t, metadata = load_tensors(path, FORMAT, what, remedy)
        with content_of(path, what, remedy):
            camera = Camera(**{k.removeprefix("camera."): v for k, v in t.items() if k.startswith("camera.")})
            files, removed = tuple(json.loads(metadata["files"])), json.loads(metadata["removed"])
            return cls(t["images"], t["masks"], camera, t["index"], files, removed)
