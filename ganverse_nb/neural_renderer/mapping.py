"""The mapping network of StyleGAN-R: camera, shape, texture and background -> the generator's styles (Eq 3, Eq 4)."""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganverse_nb.gan.zoom import Zoom
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.neural_renderer.view_code import CameraFeatures, ViewPath, select_dimensions
from ganverse_nb.runtime.placement import at_home

CONTENT_FACTORS = ("shape", "texture", "background")  # the order of the gates
VIEW_RESTS = ("interpolate", "mean")


@dataclass(frozen=True)
class MappingSizes:
    """All sizes of a `PropertyMapper`; saved with its weights."""

    view_dims: int  # the view code's length; it comes first in the flat styles
    content_dims: int
    camera_dims: int  # dimensions of the view code that g_v maps from the camera
    knots: int  # of the view path
    vertices: int
    texture: tuple[int, int]  # height, width
    resolution: int
    hidden: int
    harmonics: int
    rest: str  # where the other dimensions of the view code come from: one of VIEW_RESTS
    offset: int = 0  # hidden units of the network from the camera to an offset of all styles; 0: there is none
    zoom: int = 0  # pixels a side of the generator's features that are resampled to the asked scale; 0: none

    def __post_init__(self) -> None:
        if self.rest not in VIEW_RESTS:
            raise ValueError(f"Unknown view_rest {self.rest!r}; it is one of {', '.join(VIEW_RESTS)}.")

    def as_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict) -> MappingSizes:
        return cls(**{**values, "texture": tuple(values["texture"])})


def mlp(inputs: int, hidden: int, outputs: int, depth: int = 2) -> nn.Sequential:
    """`depth` hidden layers of `hidden` units."""
    sizes = [inputs] + [hidden] * depth
    layers: list[nn.Module] = []
    for a, b in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(a, b), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(hidden, outputs))


class PictureEncoder(nn.Module):
    """CNN [B, C, H, W] -> [B, outputs]: stride-2 convolutions down to about 4 pixels, then a small MLP.

    `wrap` pads the width circularly, for textures.
    """

    def __init__(self, channels: int, size: tuple[int, int], hidden: int, outputs: int, wrap: bool = False):
        super().__init__()
        self.wrap = wrap
        height, width = size
        widths, features = [channels], 16
        while min(height, width) > 4:
            widths.append(features)
            features = min(features * 2, 96)
            height, width = (height + 1) // 2, (width + 1) // 2
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2) for a, b in zip(widths[:-1], widths[1:], strict=True))
        self.head = mlp(widths[-1] * height * width, hidden, outputs, depth=1)

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = F.pad(x, (1, 1, 0, 0), mode="circular" if self.wrap else "constant")
            x = F.leaky_relu(conv(F.pad(x, (0, 0, 1, 1))), 0.2)
        return self.head(x.flatten(1))


class PropertyMapper(nn.Module):
    """The mapping network of section 3.3: g_v, g_s, g_t, g_b of Eq 3 and the gates of Eq 4.

    All networks work in standardised units: code = mean + deviation * output, with the statistics of the codes seen
    by `fit`; shapes enter as their difference from the mean shape.
    """

    content_mean: Tensor
    content_deviation: Tensor
    view_mean: Tensor
    view_deviation: Tensor
    camera_dims: Tensor
    shape_mean: Tensor
    shape_deviation: Tensor

    def __init__(self, sizes: MappingSizes):
        super().__init__()
        self.sizes = sizes
        content, hidden = sizes.content_dims, sizes.hidden
        self.camera_features = CameraFeatures(sizes.harmonics)
        self.g_v = mlp(self.camera_features.size, hidden // 2, sizes.camera_dims)
        self.g_s = mlp(sizes.vertices * 3, hidden, content)
        self.g_t = PictureEncoder(3, sizes.texture, hidden, content, wrap=True)
        self.g_b = PictureEncoder(4, (sizes.resolution, sizes.resolution), hidden, content)
        self.gate_logits = nn.Parameter(torch.zeros(len(CONTENT_FACTORS), content))
        self.path = ViewPath(sizes.knots, sizes.view_dims)
        self.offset_features = CameraFeatures(sizes.harmonics, wide=True) if sizes.offset else None
        self.offset = self._offset_network() if sizes.offset else None
        self.register_buffer("camera_dims", torch.arange(sizes.camera_dims))
        for name, size in {"content": content, "view": sizes.view_dims}.items():
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_deviation", torch.ones(size))
        self.register_buffer("shape_mean", torch.zeros(sizes.vertices, 3))
        self.register_buffer("shape_deviation", torch.ones(()))

    def _offset_network(self) -> nn.Sequential:
        """From the camera to an offset of all styles, in their standard deviations; it begins as zero."""
        styles = self.sizes.view_dims + self.sizes.content_dims
        network = mlp(self.camera_features.size, self.sizes.offset, styles, depth=1)
        for parameter in network[-1].parameters():
            nn.init.zeros_(parameter)
        return network

    @classmethod
    def fit(
        cls,
        view_codes: Tensor,
        cameras: Camera,
        content_codes: Tensor,
        shapes: Tensor,
        *,
        texture: tuple[int, int],
        resolution: int,
        on_orbit: Tensor | None = None,
        view_share: float = 144 / 2048,
        rest: str = "interpolate",
        harmonics: int = 3,
        hidden: int = 256,
        offset: int = 0,
    ) -> PropertyMapper:
        """An untrained network whose sizes, statistics, camera dimensions and view path come from the data.

        Args:
            view_codes: [N, Dv] flat styles of the view layers, one row per chosen view.
            cameras: the N optimised cameras of those views.
            content_codes: [C, Dc] flat styles of the other layers.
            shapes: [M, V, 3] inferred vertices of training pictures.
            on_orbit: [N] bool, the views that the path goes through; all where None.
        """
        if len(cameras) != len(view_codes):
            raise ValueError(f"{len(view_codes)} view codes need as many cameras, got {len(cameras)}.")
        camera_dims = select_dimensions(view_codes, cameras.azimuth, view_share)
        path = ViewPath.through(view_codes, cameras, on_orbit)
        sizes = MappingSizes(
            view_dims=view_codes.shape[1],
            content_dims=content_codes.shape[1],
            camera_dims=len(camera_dims),
            knots=len(path.azimuth),
            vertices=shapes.shape[1],
            texture=(texture[0], texture[1]),
            resolution=resolution,
            hidden=hidden,
            harmonics=harmonics,
            rest=rest,
            offset=offset,
        )
        network = cls(sizes)
        network.path.load_state_dict(path.state_dict())
        network.camera_dims.copy_(camera_dims)
        network.camera_features.fit(cameras)
        if network.offset_features is not None:
            network.offset_features.fit(cameras)
        for name, codes in {"content": content_codes, "view": view_codes}.items():
            getattr(network, f"{name}_mean").copy_(codes.mean(0))
            getattr(network, f"{name}_deviation").copy_(codes.std(0, correction=0).clamp_min(1e-4))
        network.shape_mean.copy_(shapes.float().mean(0))
        spread = (shapes.float() - network.shape_mean).square().mean().sqrt()
        network.shape_deviation.copy_(spread.clamp_min(1e-6))
        return network

    def gates(self) -> Tensor:
        """[3, Dc] shares of shape, texture and background in every dimension of the content code, summing to 1."""
        return self.gate_logits.softmax(0)

    def gate_entropy(self) -> Tensor:
        """Mean over the dimensions of the gates' entropy (nats), the last term of Eq 5; ln 3 = undecided."""
        return -(self.gates() * self.gate_logits.log_softmax(0)).sum(0).mean()

    def decided(self, threshold: float = 0.9) -> dict[str, float]:
        """Share of the content dimensions where a factor's gate is above `threshold`, and their sum as "all"."""
        won = (self.gates() > threshold).float().mean(1)
        return {**dict(zip(CONTENT_FACTORS, won.tolist(), strict=True)), "all": float(won.sum())}

    @at_home
    def view_code(self, camera: Camera) -> Tensor:
        """[B, Dv]: g_v in the camera dimensions, the path through the chosen codes (or their mean) in the others."""
        if self.sizes.rest == "mean":
            code = self.view_mean.expand(len(camera), -1)
        else:
            code = self.path(camera)
        dims = self.camera_dims
        mapped = self.g_v(self.camera_features(camera)) * self.view_deviation[dims] + self.view_mean[dims]
        return code.index_copy(1, dims, mapped)

    @torch.no_grad()
    def shift(self, offset: Tensor) -> None:
        """Add a constant [Dv + Dc] to all styles from now on, in place."""
        view, content = offset.split([self.sizes.view_dims, self.sizes.content_dims])
        for part, more in ((self.path.codes, view), (self.view_mean, view), (self.content_mean, content)):
            part.add_(more)

    def with_rest(self, rest: str) -> PropertyMapper:
        """The same weights, with the dimensions that g_v does not map taken from another one of VIEW_RESTS."""
        return self._with(rest=rest)

    def with_zoom(self, side: int) -> PropertyMapper:
        """The same weights, with the generator's features of `side` pixels resampled to the asked scale; 0: none."""
        return self._with(zoom=side)

    def _with(self, **sizes: Any) -> PropertyMapper:
        other = copy.copy(self)
        other.sizes = replace(self.sizes, **sizes)
        return other

    def size(self, camera: Camera) -> Tensor:
        """[B] how many times as large as from the chosen views' mean scale (1 / distance) B cameras show objects."""
        usual = self.camera_features.mean[1]
        return 1.0 / (camera.distance.to(usual) * usual)

    def zoom(self, camera: Camera) -> Zoom | None:
        """What is done to the features of the generator for B cameras; nothing as Eq 3 has it.

        The view code at an azimuth shows objects as large as the chosen views there do, which differ a little.
        """
        if not self.sizes.zoom:
            return None
        there = self.path.nearness_at(camera.azimuth.to(self.path.azimuth))
        return Zoom(self.sizes.zoom, 1.0 / (camera.distance.to(there) * there))

    @at_home
    def factor_codes(self, shape: Tensor, texture: Tensor, background: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """z_shape, z_txt, z_bck of Eq 3, each [B, Dc] in standardised units."""
        offset = (shape - self.shape_mean) / self.shape_deviation
        return self.g_s(offset.flatten(1)), self.g_t(texture - 0.5), self.background_code(background)

    @at_home
    def background_code(self, background: Tensor) -> Tensor:
        """g_b(B), [B, Dc] in standardised units; `background` [B, 4, R, R] from `mask_out`."""
        alpha = background[:, 3:]
        return self.g_b(torch.cat([background[:, :3] - 0.5 * alpha, 1.0 - alpha], 1))

    @at_home
    def content_code(self, shape: Tensor, texture: Tensor, background: Tensor) -> Tensor:
        """Eq 4: w_STB = s_m * z_shape + s_t * z_txt + s_b * z_bck, [B, Dc]."""
        codes = torch.stack(self.factor_codes(shape, texture, background))
        return (self.gates()[:, None] * codes).sum(0) * self.content_deviation + self.content_mean

    @at_home
    def forward(self, camera: Camera, shape: Tensor, texture: Tensor, background: Tensor) -> Tensor:
        """Flat styles [B, Dv + Dc] for `Generator.synthesize`.

        With `offset`, the camera also moves the content code a little, and the view code from where Eq 3 has it: the
        layers behind the split hold some of the view, too.
        """
        styles = torch.cat([self.view_code(camera), self.content_code(shape, texture, background)], 1)
        if self.offset is None or self.offset_features is None:
            return styles
        deviation = torch.cat([self.view_deviation, self.content_deviation])
        return styles + self.offset(self.offset_features(camera)) * deviation
