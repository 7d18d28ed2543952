"""Cameras: on a sphere around the object, free, or with parallel rays; in the conventions of docs/conventions.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

NEAR, FAR = 0.1, 100.0


class CameraModel:
    """What all cameras have in common: a batch of B positions and rotations, each with a vertical field of view.

    The subclasses are dataclasses of tensors whose first dimension is the batch.
    """

    fov: Tensor
    parallel: ClassVar[bool] = False  # whether the rays are parallel (w is then the same everywhere)

    def __len__(self) -> int:
        return len(self.fov)

    def __getitem__(self, index: int | slice | list[int] | Tensor) -> Self:
        """The cameras that `index` (a slice, an integer list or a tensor) picks."""
        index = [index] if isinstance(index, int) else index
        return type(self)(**{k: v[index] for k, v in self.__dict__.items()})

    @classmethod
    def join(cls, cameras: Sequence[Self]) -> Self:
        """One batch after the other; there is at least one."""
        return cls(**{k: torch.cat([camera.__dict__[k] for camera in cameras]) for k in cameras[0].__dict__})

    def to(self, device: torch.device | str) -> Self:
        return type(self)(**{k: v.to(device) for k, v in self.__dict__.items()})

    def detach(self) -> Self:
        return type(self)(**{k: v.detach() for k, v in self.__dict__.items()})

    def axes(self) -> Tensor:
        """[B, 3, 3] camera axes as rows (right, up, backward) in world coordinates."""
        raise NotImplementedError

    @property
    def position(self) -> Tensor:
        """[B, 3] where the camera stands in the world."""
        raise NotImplementedError

    def to_view(self, points: Tensor) -> Tensor:
        """World points [B or 1, N, 3] -> camera space [B, N, 3]: x right, y up, looking down -z."""
        return (points - self.position[:, None]) @ self.axes().transpose(-1, -2)

    def view_projection(self, aspect: float = 1.0) -> Tensor:
        """[B, 4, 4] matrix from world points (x, y, z, 1) to OpenGL clip space; `aspect` is width / height."""
        focal = 1.0 / torch.tan(torch.deg2rad(self.fov) / 2)
        depth = (FAR + NEAR) / (NEAR - FAR)
        one = torch.ones_like(focal)
        axes = self.axes()[:, [0, 1, 2, 2]] * torch.stack([focal / aspect, focal, depth * one, -one], -1)[..., None]
        return _moved(
            axes, self.position, torch.stack([0 * one, 0 * one, 2 * FAR * NEAR / (NEAR - FAR) * one, 0 * one], -1)
        )

    def to_clip(self, points: Tensor, aspect: float = 1.0) -> Tensor:
        """World points [B or 1, N, 3] -> OpenGL clip space [B, N, 4]; `aspect` is width / height of the picture."""
        matrix = self.view_projection(aspect)
        batch = max(len(matrix), len(points))
        matrix, points = matrix.expand(batch, 4, 4), points.expand(batch, -1, 3)
        return torch.baddbmm(matrix[:, None, :, 3], points, matrix[..., :3].transpose(1, 2))

    def to_image(self, points: Tensor, aspect: float = 1.0) -> Tensor:
        """World points [B or 1, N, 3] -> picture coordinates [B, N, 2] in [0, 1], x to the right, y down from row 0."""
        clip = self.to_clip(points, aspect)
        ndc = clip[..., :2] / clip[..., 3:]
        return torch.stack([0.5 + 0.5 * ndc[..., 0], 0.5 - 0.5 * ndc[..., 1]], -1)


@dataclass(frozen=True)
class Camera(CameraModel):
    """A batch of B cameras that look at `target` with y up.

    Attributes:
        azimuth: [B] degrees; 0 sees the front of the object (from +z), 90 its left side (from +x).
        elevation: [B] degrees above the horizon.
        distance: [B] world units from `target`, positive.
        fov: [B] vertical field of view in degrees.
        target: [B, 3] point in the middle of the picture.

    Differentiable in every attribute. Build one with `Camera.orbit`.
    """

    azimuth: Tensor
    elevation: Tensor
    distance: Tensor
    fov: Tensor
    target: Tensor

    @classmethod
    def orbit(
        cls,
        azimuth: Tensor | float,
        elevation: Tensor | float = 0.0,
        distance: Tensor | float = 2.3,
        fov: Tensor | float = 30.0,
        target: Tensor | tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> Self:
        """Cameras from scalars or [B] tensors in any mix; scalars are repeated over the batch.

        Raises:
            ValueError: the batch sizes differ, a value is not finite, or fov is not between 0 and 180.

        Examples:
            >>> camera = Camera.orbit(azimuth=torch.tensor([0.0, 90.0]), elevation=10.0, distance=2.3)
            >>> len(camera), [round(float(x), 2) for x in camera.position[0]]
            (2, [0.0, 0.4, 2.27])
        """
        parts = {"azimuth": azimuth, "elevation": elevation, "distance": distance, "fov": fov}
        like = next((p for p in [*parts.values(), target] if isinstance(p, Tensor)), torch.zeros(()))
        dtype = like.dtype if like.is_floating_point() else torch.float32
        tensors = {k: torch.as_tensor(p, dtype=dtype, device=like.device).reshape(-1) for k, p in parts.items()}
        where = torch.as_tensor(target, dtype=dtype, device=like.device).reshape(-1, 3)
        batch = common_batch("Camera.orbit", tensors | {"target": where})
        return cls(**{k: t.expand(batch) for k, t in tensors.items()}, target=where.expand(batch, 3))

    def replace(self, **changes: Tensor) -> Self:
        """The same cameras with other attributes, [B] (or [B, 3] for `target`) each."""
        return replace(self, **changes)

    def axes(self) -> Tensor:
        """[B, 3, 3] camera axes as rows (right, up, backward) in world coordinates; defined at the poles too."""
        az, el = torch.deg2rad(self.azimuth), torch.deg2rad(self.elevation)
        sin_az, cos_az, sin_el, cos_el = az.sin(), az.cos(), el.sin(), el.cos()
        right = torch.stack([cos_az, torch.zeros_like(az), -sin_az], -1)
        up = torch.stack([-sin_el * sin_az, cos_el, -sin_el * cos_az], -1)
        backward = torch.stack([cos_el * sin_az, sin_el, cos_el * cos_az], -1)
        return torch.stack([right, up, backward], -2)

    @property
    def position(self) -> Tensor:
        """[B, 3] world position: target + d (cos el sin az, sin el, cos el cos az)."""
        return self.target + self.distance[:, None] * self.axes()[:, 2]


@dataclass(frozen=True)
class RolledCamera(Camera):
    """A batch of B cameras that look at `target` and are turned about the line of sight.

    Attributes:
        roll: [B] degrees that the camera is turned counter-clockwise, seen from behind it: the picture turns clockwise.

    Built from upright cameras with `RolledCamera.turn`; `RolledCamera.orbit` gives upright ones.
    """

    roll: Tensor

    @classmethod
    def turn(cls, camera: Camera, roll: Tensor) -> RolledCamera:
        """The same cameras, turned by `roll` [B] degrees."""
        parts = {k: v for k, v in vars(camera).items() if k != "roll"}
        return cls(**parts, roll=roll)

    @classmethod
    def orbit(cls, *arguments: Any, **options: Any) -> Self:
        """Upright ones, as `Camera.orbit` builds them."""
        upright = Camera.orbit(*arguments, **options)
        return cls(**vars(upright), roll=torch.zeros_like(upright.azimuth))

    def axes(self) -> Tensor:
        right, up, backward = super().axes().unbind(-2)
        turn = torch.deg2rad(self.roll)[:, None]
        return torch.stack([turn.cos() * right + turn.sin() * up, turn.cos() * up - turn.sin() * right, backward], -2)


@dataclass(frozen=True)
class WeakPerspectiveCamera(Camera):
    """Parallel rays (scaled orthographic projection), as some annotations of Pascal3D+ and many fits of cars use it.

    A `Camera` whose picture has one scale, that of the plane through `target`: cot(fov / 2) / distance half picture
    heights per world unit. Built with `WeakPerspectiveCamera.orbit`, or from a scale with `from_scale`. `distance`
    also places the near and the far plane.
    """

    parallel: ClassVar[bool] = True

    @classmethod
    def from_scale(
        cls,
        azimuth: Tensor | float,
        elevation: Tensor | float,
        scale: Tensor | float,
        target: Tensor | tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> Self:
        """Cameras of a `scale` (positive, half picture heights per world unit), far enough away for any object."""
        scale = torch.as_tensor(scale, dtype=torch.get_default_dtype()) if not isinstance(scale, Tensor) else scale
        distance = FAR / 2
        return cls.orbit(azimuth, elevation, distance, torch.rad2deg(2 * torch.atan(1 / (distance * scale))), target)

    @property
    def scale(self) -> Tensor:
        """[B] half picture heights per world unit."""
        return 1 / (self.distance * torch.tan(torch.deg2rad(self.fov) / 2))

    def view_projection(self, aspect: float = 1.0) -> Tensor:
        """[B, 4, 4] matrix from world points (x, y, z, 1) to clip space with w = `distance` and z linear in depth."""
        focal, w = 1.0 / torch.tan(torch.deg2rad(self.fov) / 2), self.distance
        depth = 2 * w / (NEAR - FAR)
        axes = self.axes()[:, [0, 1, 2, 2]] * torch.stack([focal / aspect, focal, depth, 0 * w], -1)[..., None]
        return _moved(axes, self.position, torch.stack([0 * w, 0 * w, depth * NEAR - w, w], -1))


@dataclass(frozen=True)
class FreeCamera(CameraModel):
    """A batch of B perspective cameras anywhere, turned in any way: for free rotations, roll and known poses.

    Attributes:
        rotation: [B, 3, 3] camera axes as rows (right, up, backward) in world coordinates.
        eye: [B, 3] where it stands in the world.
        fov: [B] vertical field of view in degrees.

    Differentiable in every attribute; optimise rotations through `turned`. Build one with `look_at`, or from any camera
    with `FreeCamera.like`.
    """

    rotation: Tensor
    eye: Tensor
    fov: Tensor

    def __post_init__(self) -> None:
        found = [tuple(t.shape) for t in (self.rotation, self.eye, self.fov)]
        batch = found[2][0] if len(found[2]) == 1 else "B"
        if found != [(batch, 3, 3), (batch, 3), (batch,)]:
            shapes = "rotation [B, 3, 3], eye [B, 3] and fov [B]"
            raise ValueError(f"FreeCamera: {shapes} must go together, got {', '.join(map(str, found))}.")

    @classmethod
    def like(cls, camera: CameraModel) -> FreeCamera:
        """The same perspective cameras, free to turn."""
        if camera.parallel:
            raise ValueError("FreeCamera.like: a camera with parallel rays has no perspective twin.")
        return cls(camera.axes(), camera.position, camera.fov)

    def axes(self) -> Tensor:
        return self.rotation

    @property
    def position(self) -> Tensor:
        return self.eye

    def turned(self, degrees: Tensor) -> FreeCamera:
        """Each camera turned in place about the axis degrees [B or 1, 3] by its length, counter-clockwise.

        The axis is given in the camera's own right, up and backward: positive entries look up, look left and roll the
        camera to its left (the picture turns clockwise). Differentiable everywhere, at zero too.

        Raises:
            ValueError: another shape, dtype or device, or a value that is not finite.
        """
        if degrees.ndim != 2 or degrees.shape[-1] != 3 or len(degrees) not in (1, len(self)):
            raise ValueError(f"degrees must be [1 or {len(self)}, 3], got {tuple(degrees.shape)}.")
        if (degrees.dtype, degrees.device) != (self.rotation.dtype, self.rotation.device):
            there = f"{self.rotation.dtype} on {self.rotation.device}"
            raise ValueError(f"degrees are {degrees.dtype} on {degrees.device}, the camera is {there}.")
        if not torch.isfinite(degrees).all():
            raise ValueError("degrees hold a value that is not finite.")
        x, y, z = torch.deg2rad(degrees).unbind(-1)
        zero = torch.zeros_like(x)
        rows = [zero, z, -y, -z, zero, x, y, -x, zero]
        turn = torch.linalg.matrix_exp(torch.stack(rows, -1).unflatten(-1, (3, 3)))
        return replace(self, rotation=turn @ self.rotation)


def common_batch(asked: str, given: dict[str, Tensor]) -> int:
    """The batch size of tensors that have it or 1; ValueError in the name of `asked` where they do not fit together.

    Checks that all are finite, and "fov" among them between 0 and 180 degrees.
    """
    sizes = {name: len(tensor) for name, tensor in given.items()}
    batch = max(sizes.values())
    if any(size not in (1, batch) for size in sizes.values()):
        raise ValueError(f"{asked}: the batch sizes differ: {sizes}; give one or {batch} of each.")
    for name, tensor in given.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{asked}: {name} holds a value that is not finite.")
    if not ((given["fov"] > 0) & (given["fov"] < 180)).all():
        raise ValueError(f"{asked}: fov must be between 0 and 180 degrees, got {given['fov'].tolist()}.")
    return batch


def _moved(axes: Tensor, position: Tensor, offset: Tensor) -> Tensor:
    """[B, 4, 4] of `axes` [B, 4, 3] applied to points seen from `position` [B, 3], plus `offset` [B, 4]."""
    return torch.cat([axes, (offset - (axes @ position[..., None])[..., 0])[..., None]], -1)
