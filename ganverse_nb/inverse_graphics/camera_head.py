"""A camera for a picture that comes without one, and how sure it is.

The paper's f predicts shape and texture only and leaves open where a photograph's camera comes from. Here a small
network learns it, without any label of a photograph (`camera_training`). A silhouette often fits several azimuths, the
front's and the rear's most of all, so that the answer is a distribution: bins of azimuth, each with the place in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ganverse_nb.geometry.angles import wrap_degrees
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.inverse_graphics.network import Encoder
from ganverse_nb.inverse_graphics.windows import Pose, Window
from ganverse_nb.runtime.placement import at_home

SHARE = 0.7  # of the window's side that the longer side of the object's box takes
ELEVATION, DISTANCE, SHIFT = (15.0, 15.0), (1.9, 0.3), 0.05  # typical value and unit of each output, in the window
LEAST = 1e-6  # probability


@dataclass(frozen=True)
class CameraReading:
    """What the head reads off B pictures.

    Attributes:
        logits: [B, K] of K azimuth bins; bin k is around k * 360 / K degrees.
        offsets: [B, K] of the azimuth from its bin's middle, in bins.
        rest: the other parameters as a Pose, whose azimuth is the likeliest.
        fov: degrees.
    """

    logits: Tensor
    offsets: Tensor
    rest: Pose
    fov: float

    @property
    def bin_degrees(self) -> float:
        """Width of a bin."""
        return 360.0 / self.logits.shape[1]

    def camera(self) -> Camera:
        """[B] the likeliest; differentiable."""
        return self.rest.camera(self.fov)

    def log_probability(self, azimuth: Tensor) -> Tensor:
        """[B, n] of the bins at `azimuth` [B, n] degrees, interpolated between neighbours."""
        place = (azimuth % 360) / self.bin_degrees
        low, share = place.floor().long() % self.logits.shape[1], place - place.floor()
        p = self.logits.softmax(1)
        both = (1 - share) * p.gather(1, low) + share * p.gather(1, (low + 1) % self.logits.shape[1])
        return both.clamp(min=LEAST).log()

    def advised(self, logits: Tensor, offsets: Tensor, elevation: Tensor, trust: float) -> CameraReading:
        """This reading and another one of the same pictures, whose probabilities count `trust` in [0, 1] of all.

        Args:
            logits, offsets: [B, K] of the other one.
            elevation: [B] degrees, of the other one.
        """
        mine, other = (1 - trust) * self.logits.softmax(1), trust * logits.softmax(1)
        p = mine + other
        places = (mine * self.offsets + other * offsets) / p.clamp(min=LEAST)
        together = p.clamp(min=LEAST).log()
        rest = replace(
            self.rest,
            azimuth=azimuth_of(together, places),
            elevation=(1 - trust) * self.rest.elevation + trust * elevation,
        )
        return CameraReading(together, places, rest, self.fov)

    def hypotheses(self, count: int) -> Camera:
        """The `count` likeliest azimuths for each picture: peaks of the distribution, and the first one's mirror image.

        A camera in front and one behind that see the same outline are each other's mirror image: azimuth a and 180 - a.

        Returns:
            [count * B], the first hypothesis of every picture, then the second ...

        Raises:
            ValueError: fewer than one.
        """
        if count < 1:
            raise ValueError(f"hypotheses: at least one is needed, got {count}.")
        p, first = self.logits.softmax(1), self.rest.azimuth[:, None]
        peak = (p >= p.roll(1, 1)) & (p >= p.roll(-1, 1))
        others = torch.where(peak, p, p - 1).argsort(1, descending=True)[:, 1 : max(1, count - 1)]
        peaks = (others + self.offsets.gather(1, others).clamp(-1, 1)) * self.bin_degrees
        azimuth = wrap_degrees(torch.cat([first, peaks, 180 - first][: 1 if count == 1 else None], 1))
        rest, times = self.rest, azimuth.shape[1]
        pose = Pose(
            azimuth.T.flatten(), rest.elevation.repeat(times), rest.distance.repeat(times), rest.shift.repeat(times, 1)
        )
        return pose.camera(self.fov)


def azimuth_of(logits: Tensor, offsets: Tensor) -> Tensor:
    """[B] degrees, from the likeliest of K bins and its neighbours, weighed; bins and places in them are [B, K]."""
    bins = logits.shape[1]
    peak = logits.argmax(1, keepdim=True)
    near = (peak + torch.tensor([-1, 0, 1], device=logits.device)) % bins
    weight = logits.gather(1, near).softmax(1)
    steps = torch.tensor([-1.0, 0.0, 1.0], device=logits.device) + offsets.gather(1, near)
    return wrap_degrees((peak[:, 0] + (weight * steps).sum(1)) * (360.0 / bins))


class CameraHead(nn.Module):
    """Masked pictures [B, 3, R, R] and masks [B, 1, R, R] -> Camera [B].

    It looks at a window in which the object has a stated size (`SHARE`); outputs are those of the window, brought back.
    """

    def __init__(
        self,
        resolution: int = 64,
        *,
        channels: tuple[int, ...] = (24, 48, 96, 128),
        code: int = 192,
        bins: int = 24,
        fov: float = 30.0,
    ) -> None:
        super().__init__()
        self.settings = {
            "resolution": resolution,
            "channels": list(channels),
            "code": code,
            "bins": bins,
            "fov": fov,
        }
        self.bins, self.fov = bins, fov
        self.encoder = Encoder(resolution, tuple(channels), code)
        self.out = nn.Linear(code, 2 * bins + 4)

    def forward(self, images: Tensor, masks: Tensor) -> Camera:
        """The likeliest camera of each picture.

        Raises:
            ValueError: pictures of another size.
        """
        return self.read(images, masks).camera()

    @at_home
    def read(self, images: Tensor, masks: Tensor) -> CameraReading:
        """All that the head reads off pictures; of one with an empty mask, as StyleGAN-R may make, off the whole."""
        shows = (masks > 0.5).flatten(1).any(1)[:, None, None, None]
        window = Window.around(torch.where(shows, masks, torch.ones_like(masks)), SHARE)
        seen = self.read_window(*window.cut(images, masks))
        return CameraReading(seen.logits, seen.offsets, window.outside(seen.rest, self.fov), self.fov)

    @at_home
    def read_window(self, images: Tensor, masks: Tensor) -> CameraReading:
        """The reading of pictures that are such windows already, in the window's own world."""
        code = self.encoder(images, masks)
        with torch.autocast(code.device.type, enabled=False):
            raw = self.out(code.float())
        logits, offsets, rest = raw.split([self.bins, self.bins, 4], 1)
        azimuth = azimuth_of(logits, offsets)
        elevation = ELEVATION[0] + ELEVATION[1] * rest[:, 0]
        distance = (math.log(DISTANCE[0]) + DISTANCE[1] * rest[:, 1]).exp()
        return CameraReading(logits, offsets, Pose(azimuth, elevation, distance, SHIFT * rest[:, 2:]), self.fov)
