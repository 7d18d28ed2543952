"""Perspective cameras on a sphere around the object, in the conventions of the package docstring."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

NEAR, FAR = 0.1, 100.0


@dataclass(frozen=True)
class Camera:
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
    ) -> Camera:
        """Cameras from scalars or [B] tensors in any mix; scalars are repeated over the batch.

        Raises:
            ValueError: the batch sizes differ, or a value is not finite.
        """
        parts = {"azimuth": azimuth, "elevation": elevation, "distance": distance, "fov": fov}
        like = next((p for p in [*parts.values(), target] if isinstance(p, Tensor)), torch.zeros(()))
        dtype = like.dtype if like.is_floating_point() else torch.float32
        tensors = {k: torch.as_tensor(p, dtype=dtype, device=like.device).reshape(-1) for k, p in parts.items()}
        where = torch.as_tensor(target, dtype=dtype, device=like.device).reshape(-1, 3)
        sizes = {k: len(t) for k, t in tensors.items()} | {"target": len(where)}
        batch = max(sizes.values())
        if any(size not in (1, batch) for size in sizes.values()):
            raise ValueError(f"Camera.orbit: the batch sizes differ: {sizes}; give scalars or tensors of one length.")
        for name, tensor in (tensors | {"target": where}).items():
            if not torch.isfinite(tensor).all():
                raise ValueError(f"Camera.orbit: {name} holds a value that is not finite.")
        return cls(**{k: t.expand(batch) for k, t in tensors.items()}, target=where.expand(batch, 3))

    def __len__(self) -> int:
        return len(self.azimuth)

    def __getitem__(self, index: int | slice | list[int] | Tensor) -> Camera:
        """The cameras that `index` (a slice, an integer list or a tensor) picks."""
        index = [index] if isinstance(index, int) else index
        return Camera(**{k: v[index] for k, v in self.__dict__.items()})

    def to(self, device: torch.device | str) -> Camera:
        return Camera(**{k: v.to(device) for k, v in self.__dict__.items()})

    def detach(self) -> Camera:
        return Camera(**{k: v.detach() for k, v in self.__dict__.items()})

    def replace(self, **changes: Tensor) -> Camera:
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

    def to_view(self, points: Tensor) -> Tensor:
        """World points [B or 1, N, 3] -> camera space [B, N, 3]: x right, y up, looking down -z."""
        return (points - self.position[:, None]) @ self.axes().transpose(-1, -2)

    def to_clip(self, points: Tensor, aspect: float = 1.0) -> Tensor:
        """World points [B or 1, N, 3] -> OpenGL clip space [B, N, 4]; `aspect` is width / height of the picture."""
        view = self.to_view(points)
        focal = 1.0 / torch.tan(torch.deg2rad(self.fov) / 2)[:, None]
        x, y, z = view.unbind(-1)
        clip_z = (FAR + NEAR) / (NEAR - FAR) * z + 2 * FAR * NEAR / (NEAR - FAR)
        return torch.stack([focal / aspect * x, focal * y, clip_z, -z], -1)

    def to_image(self, points: Tensor, aspect: float = 1.0) -> Tensor:
        """World points [B or 1, N, 3] -> picture coordinates [B, N, 2] in [0, 1], x to the right, y down from row 0."""
        clip = self.to_clip(points, aspect)
        ndc = clip[..., :2] / clip[..., 3:]
        return torch.stack([0.5 + 0.5 * ndc[..., 0], 0.5 - 0.5 * ndc[..., 1]], -1)


def wrap_degrees(angle: Tensor) -> Tensor:
    """The same angle in [-180, 180)."""
    return (angle + 180.0) % 360.0 - 180.0
