"""The StyleGAN2 generator (Karras et al. 2020, skip architecture), with its styles as input and output.

Mathematically the official network: equalised learning rates, modulation and demodulation as x*s -> conv -> *d
(no grouped convolution), FIR-filtered upsampling, noise, leaky ReLU with gain sqrt(2), skip ToRGB.
Field names as in the paper: z, w, w_plus (one w per layer), styles (the paper's w*, outputs of the affine layers).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganverse_nb.gan import latents
from ganverse_nb.gan.ops import ACTIVATION_GAIN, activate, activate_, at_least_float32, upsample, upsampling_conv2d
from ganverse_nb.gan.zoom import Zoom
from ganverse_nb.runtime.placement import at_home

W_AVERAGE_DECAY = 0.995
PASS_MEMORY = 2 * 2**30  # bytes that a pass without gradients may take: sixteen 512 px pictures of config-e took 3 GB
MAPS = 6  # of the largest size, in float32, that a pass holds at its peak; measured at 256 and 512 px


class StyleLayer(NamedTuple):
    """One style: `name` of its layer, `w_index` that feeds it, `size` = input channels of the layer, `kind`."""

    name: str
    w_index: int
    size: int
    kind: str  # "conv" or "torgb"


class FullyConnected(nn.Module):
    """Equalised linear layer: y = x (W m / sqrt(fan_in))^T + m b, W ~ N(0, 1) / m; optional lrelu * sqrt(2)."""

    def __init__(self, inputs: int, outputs: int, lr_multiplier: float = 1.0, bias: float = 0.0, active: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((outputs,), float(bias)))
        self.weight_gain = lr_multiplier / math.sqrt(inputs)
        self.bias_gain = lr_multiplier
        self.active = active

    def forward(self, x: Tensor) -> Tensor:
        gain = ACTIVATION_GAIN if self.active else 1.0
        y = F.linear(x, self.weight * (self.weight_gain * gain), self.bias * (self.bias_gain * gain))
        return activate(y) if self.active else y


class MappingNetwork(nn.Module):
    """z [B, z_dim] -> w [B, w_dim]; z is normalised to unit mean square; learning rate multiplier 0.01."""

    w_average: Tensor

    def __init__(self, z_dim: int, w_dim: int, layers: int):
        super().__init__()
        sizes = [z_dim] + [w_dim] * layers
        self.layers = nn.ModuleList(
            FullyConnected(a, b, lr_multiplier=0.01, active=True) for a, b in zip(sizes[:-1], sizes[1:], strict=True)
        )
        self.register_buffer("w_average", torch.zeros(w_dim))

    @at_home
    def forward(self, z: Tensor) -> Tensor:
        x = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        for layer in self.layers:
            x = layer(x)
        return x


class ModulatedConv(nn.Module):
    """3x3 convolution whose input is scaled by a style and whose output is demodulated; `up` doubles the resolution."""

    noise_const: Tensor

    def __init__(self, inputs: int, outputs: int, w_dim: int, resolution: int, up: bool):
        super().__init__()
        self.affine = FullyConnected(w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.up = up

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None, clamp: float | None) -> Tensor:
        """x [B, I, h, w], style [B, I], noise [B or 1, 1, H, W] or None -> [B, O, H, W]."""
        demodulation = torch.rsqrt(style.square() @ self.weight.square().sum((2, 3)).t() + 1e-8)
        x = x * style.to(x.dtype)[:, :, None, None]
        if self.up:
            y = upsampling_conv2d(x, self.weight)
        else:
            y = F.conv2d(x, self.weight.to(x.dtype), padding=1)
        # in as few passes over the pixels as there can be: they are what a large picture's time goes into
        bias, scale = self.bias * ACTIVATION_GAIN, demodulation * ACTIVATION_GAIN
        y = torch.addcmul(bias.to(x.dtype)[:, None, None], y, scale.to(x.dtype)[:, :, None, None])
        if noise is not None:
            y = y.add_((noise * (self.noise_strength * ACTIVATION_GAIN)).to(x.dtype))
        y = activate_(y)
        return y if clamp is None else y.clamp(-clamp, clamp)


class ToRGB(nn.Module):
    """1x1 modulated convolution to three channels, no demodulation, as one small matrix product per sample."""

    def __init__(self, inputs: int, w_dim: int):
        super().__init__()
        self.affine = FullyConnected(w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(3, inputs))
        self.bias = nn.Parameter(torch.zeros(3))
        self.weight_gain = 1.0 / math.sqrt(inputs)

    def forward(self, x: Tensor, style: Tensor, clamp: float | None) -> Tensor:
        b, c, h, w = x.shape
        weight = self.weight * (style * self.weight_gain)[:, None, :]  # [B, 3, C]
        pixels = x.permute(0, 2, 3, 1).reshape(b, h * w, c)
        rgb = at_least_float32(torch.bmm(pixels, weight.to(x.dtype).transpose(1, 2))) + self.bias
        rgb = rgb.view(b, h, w, 3).permute(0, 3, 1, 2)
        return rgb if clamp is None else rgb.clamp(-clamp, clamp)


class Generator(nn.Module):
    """StyleGAN2 generator.

    Args:
        resolution: side of the square picture, a power of two >= 8.
        z_dim, w_dim: sizes of the latent and the intermediate latent.
        mapping_layers: depth of the mapping network.
        channels: feature channels at 4, 8, 16, ... `resolution` pixels.
        conv_clamp: bound on every layer's output (NVIDIA's mixed-precision networks use 256), None for none.
        rows: the rows [first, last) that hold the picture, None for all. NVIDIA's 512x384 cars are rows 64 to 447 of a
            512 px square; `synthesize` crops to them (`crop`), `uncrop` makes squares of its pictures.

    Attributes:
        num_ws: number of layers that take a w.
        split_layer: the layers below it hold the view (section 3.1); None where nobody has looked.

    Raises:
        ValueError: `resolution` is not a power of two >= 8 or `channels` has the wrong length.
    """

    def __init__(
        self,
        resolution: int,
        z_dim: int,
        w_dim: int,
        mapping_layers: int,
        channels: Sequence[int],
        conv_clamp: float | None = None,
        rows: tuple[int, int] | None = None,
    ):
        super().__init__()
        resolutions = block_resolutions(resolution, channels)
        self.resolution, self.z_dim, self.w_dim = resolution, z_dim, w_dim
        self.channels, self.conv_clamp = tuple(channels), conv_clamp
        self.rows = checked_rows(rows, resolution)
        self.mapping = MappingNetwork(z_dim, w_dim, mapping_layers)
        self.const = nn.Parameter(torch.randn(channels[0], 4, 4))
        self.convs = nn.ModuleList()
        self.torgbs = nn.ModuleList()
        layers: list[StyleLayer] = []
        for i, (res, width) in enumerate(zip(resolutions, channels, strict=True)):
            if i > 0:
                layers.append(StyleLayer(f"b{res}.conv0", 2 * i - 1, channels[i - 1], "conv"))
                self.convs.append(ModulatedConv(channels[i - 1], width, w_dim, res, up=True))
            layers.append(StyleLayer(f"b{res}.conv1", 2 * i, width, "conv"))
            self.convs.append(ModulatedConv(width, width, w_dim, res, up=False))
            layers.append(StyleLayer(f"b{res}.torgb", 2 * i + 1, width, "torgb"))
            self.torgbs.append(ToRGB(width, w_dim))
        self.layers = tuple(layers)
        self.num_ws = layers[-1].w_index + 1
        self.style_dims = tuple(layer.size for layer in layers)
        self.split_layer: int | None = None

    @property
    def picture_size(self) -> tuple[int, int]:
        """Height and width of what `synthesize` gives: the square without black bars."""
        first, last = self.rows or (0, self.resolution)
        return last - first, self.resolution

    @property
    def at_once(self) -> int:
        """How many pictures a pass without gradients makes: as many as `PASS_MEMORY` is enough for."""
        largest = max(width * (4 * 2**i) ** 2 for i, width in enumerate(self.channels))
        return max(1, PASS_MEMORY // (4 * MAPS * largest))

    def parameters_below(self, resolution: int) -> list[nn.Parameter]:
        """Those of the mapping network and of the blocks of fewer pixels than `resolution`; none where it is 0."""
        count = sum(side < resolution for side in block_resolutions(self.resolution, self.channels))
        blocks = [*self.torgbs[:count], *self.convs[: max(0, 2 * count - 1)]]
        early = [p for block in blocks for p in block.parameters()]
        return [*self.mapping.parameters(), self.const, *early] if count else []

    def _modules_in_order(self) -> list[ModulatedConv | ToRGB]:
        convs, torgbs = iter(self.convs), iter(self.torgbs)
        ordered = [next(convs) if layer.kind == "conv" else next(torgbs) for layer in self.layers]
        return cast("list[ModulatedConv | ToRGB]", ordered)

    def _noise_maps(self) -> list[Tensor]:
        return [conv.noise_const for conv in cast("list[ModulatedConv]", list(self.convs))]

    @at_home
    def truncate(self, w: Tensor, psi: float) -> Tensor:
        """w_average + psi (w - w_average); psi = 1 changes nothing."""
        return latents.truncate(w, self.mapping.w_average, psi)

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that make a generator of the same sizes, in plain JSON types."""
        return {
            "resolution": self.resolution,
            "z_dim": self.z_dim,
            "w_dim": self.w_dim,
            "mapping_layers": len(self.mapping.layers),
            "channels": list(self.channels),
            "conv_clamp": self.conv_clamp,
            "rows": self.rows,
        }

    @at_home
    def styles(self, w: Tensor) -> list[Tensor]:
        """w [B, w_dim] or w_plus [B, num_ws, w_dim] -> one style [B, size] per entry of `layers`.

        Concatenate them for the paper's w*.

        Raises:
            ValueError: wrong shape.
        """
        w_plus = latents.broadcast(w, self.num_ws)
        if w_plus.dim() != 3 or w_plus.shape[1:] != (self.num_ws, self.w_dim):
            raise ValueError(
                f"w must be [B, {self.w_dim}], w_plus [B, {self.num_ws}, {self.w_dim}], got {tuple(w.shape)}."
            )
        modules = self._modules_in_order()
        return [m.affine(w_plus[:, layer.w_index]) for layer, m in zip(self.layers, modules, strict=True)]

    def split_styles(self, styles: Tensor | Sequence[Tensor]) -> list[Tensor]:
        """Flat styles [B, sum(style_dims)] (or already a list) -> list with one tensor per layer.

        Raises:
            ValueError: wrong size.
        """
        if isinstance(styles, Tensor):
            if styles.dim() != 2 or styles.shape[1] != sum(self.style_dims):
                raise ValueError(f"Styles must be [B, {sum(self.style_dims)}], got {tuple(styles.shape)}.")
            return list(styles.split(self.style_dims, 1))
        if tuple(s.shape[1] for s in styles) != self.style_dims:
            raise ValueError(f"Styles must have the sizes {self.style_dims}, got {tuple(s.shape[1] for s in styles)}.")
        return list(styles)

    def sample_noise(self, batch: int, rng: torch.Generator | None = None) -> list[Tensor]:
        """Fresh noise N(0, 1), one [batch, 1, R, R] per convolution."""
        drawn = self.const.device if rng is None else rng.device
        noise = [torch.randn(batch, 1, *m.shape, generator=rng, device=drawn) for m in self._noise_maps()]
        return [one.to(self.const.device) for one in noise]

    @at_home
    def synthesis(
        self,
        styles: Sequence[Tensor],
        noise: Sequence[Tensor] | None,
        dtype: torch.dtype = torch.float32,
        zoom: Zoom | None = None,
    ) -> Tensor:
        """List of styles -> picture [B, 3, R, R] in about [-1, 1] (stays inside `gan/`)."""
        return self._run(styles, noise, dtype, zoom)[0]

    def block_features(self, styles: Sequence[Tensor], noise: str | Sequence[Tensor] = "const") -> list[Tensor]:
        """List of styles -> the features [B, C, r, r] that leave each block, r = 4, 8, ... R."""
        return self.conv_features(styles, noise)[::2]  # the first block has one convolution, all others two

    @at_home
    def conv_features(self, styles: Sequence[Tensor], noise: str | Sequence[Tensor] = "const") -> list[Tensor]:
        """List of styles -> the features [B, C, r, r] that leave each convolution, r = 4, 8, 8, 16, 16, ... R, R."""
        return self._run(styles, self._noise(noise, styles[0].shape[0], None), torch.float32)[1]

    @at_home
    def torgb_weight(self, block: int, styles: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Weight [B, 3] and bias [3] of a block's ToRGB (-1: the last) for features that are equal in all channels."""
        torgb = self.torgbs[block]
        assert isinstance(torgb, ToRGB)
        style = [s for s, layer in zip(styles, self.layers, strict=True) if layer.kind == "torgb"][block]
        return (torgb.weight * (style * torgb.weight_gain)[:, None, :]).sum(2), torgb.bias

    def _run(
        self,
        styles: Sequence[Tensor],
        noise: Sequence[Tensor] | None,
        dtype: torch.dtype,
        zoom: Zoom | None = None,
    ) -> tuple[Tensor, list[Tensor]]:
        batch = styles[0].shape[0]
        x = self.const.to(dtype)[None].expand(batch, -1, -1, -1).contiguous(memory_format=torch.channels_last)
        image: Tensor | None = None
        activations: list[Tensor] = []
        for layer, module, style in zip(self.layers, self._modules_in_order(), styles, strict=True):
            if layer.kind == "conv":
                x = module(x, style, None if noise is None else noise[len(activations)], self.conv_clamp)
                activations.append(x)
                if zoom is not None and layer.name == f"b{zoom.side}.conv1":
                    x, image = zoom(x), None if image is None else zoom(image)
            else:
                rgb = module(x, style, self.conv_clamp)
                image = rgb if image is None else upsample(image) + rgb
        assert image is not None
        return image, activations

    @at_home
    def synthesize(
        self,
        styles: Tensor | Sequence[Tensor],
        noise: str | Sequence[Tensor] = "const",
        rng: torch.Generator | None = None,
        dtype: torch.dtype = torch.float32,
        zoom: Zoom | None = None,
    ) -> Tensor:
        """Styles (flat [B, S] or list) -> pictures [B, 3, *picture_size] float32 in [0, 1].

        Without gradients any number of them, `at_once` at a time.

        Args:
            noise: "const" (the network's own maps), "random" (fresh, from `rng`), "none", or one map per convolution.
            dtype: of the convolutions.
            zoom: features of one block seen larger or smaller, where one is given.

        Raises:
            ValueError: sizes or `noise` not understood.
        """
        parts = self.split_styles(styles)
        batch = parts[0].shape[0]
        maps = self._noise(noise, batch, rng)
        step = max(1, batch) if torch.is_grad_enabled() else self.at_once
        pictures = []
        for start in range(0, max(1, batch), step):
            some = slice(start, start + step)
            noises = None if maps is None else [m if len(m) == 1 else m[some] for m in maps]
            zoomed = None if zoom is None else zoom.part(some)
            image = self.synthesis([style[some] for style in parts], noises, dtype, zoomed)
            pictures.append(self.as_picture(image.float()).clamp(0.0, 1.0))
        return pictures[0] if len(pictures) == 1 else torch.cat(pictures)

    def squares(
        self,
        styles: Tensor | Sequence[Tensor],
        side: int,
        dtype: torch.dtype = torch.float32,
        zoom: Zoom | None = None,
    ) -> Tensor:
        """Styles -> pictures [B, 3, side, side] in [0, 1], scaled from its own size for networks that take squares."""
        return self.as_squares(self.synthesize(styles, dtype=dtype, zoom=zoom), side)

    def as_squares(self, pictures: Tensor, side: int) -> Tensor:
        """Pictures [B, 3, *picture_size] in [0, 1] -> [B, 3, side, side], with bars where the network has them."""
        return resize_square(self.uncrop(pictures), side)

    def from_squares(self, squares: Tensor) -> Tensor:
        """[B, 3, R, R] in [0, 1] as `squares` gives them -> pictures [B, 3, *picture_size], scaled, without bars."""
        return self.crop(resize_square(squares, self.resolution))

    def as_picture(self, square: Tensor) -> Tensor:
        """What `synthesis` gives as pictures [B, 3, *picture_size] in about [0, 1], with the official code's offset."""
        return self.crop(square) * (127.5 / 255.0) + 128.0 / 255.0

    def crop(self, square: Tensor) -> Tensor:
        """[..., R, R] -> [..., *picture_size]: without the black bars."""
        return square if self.rows is None else square[..., slice(*self.rows), :]

    def uncrop(self, pictures: Tensor) -> Tensor:
        """[..., *picture_size] -> [..., R, R] with bars of 0: for networks that work on squares."""
        if self.rows is None:
            return pictures
        return F.pad(pictures, (0, 0, self.rows[0], self.resolution - self.rows[1]))

    def _noise(self, noise: str | Sequence[Tensor], batch: int, rng: torch.Generator | None) -> Sequence[Tensor] | None:
        if not isinstance(noise, str):
            return noise
        if noise == "const":
            return [m[None, None] for m in self._noise_maps()]
        if noise == "random":
            return self.sample_noise(batch, rng)
        if noise == "none":
            return None
        raise ValueError(f"Unknown noise {noise!r}; it is 'const', 'random', 'none' or a list of maps.")

    def forward(self, z: Tensor, psi: float = 1.0, noise: str | Sequence[Tensor] = "const") -> Tensor:
        """z [B, z_dim] -> pictures [B, 3, *picture_size] in [0, 1]."""
        return self.synthesize(self.styles(self.truncate(self.mapping(z), psi)), noise)

    @classmethod
    def from_pretrained(cls, source: str | Path = "car") -> Generator:
        """A bundled network by its name ("car"; "car-128" of 128 px), or a file: ours, NVIDIA's or rosinality's.

        Float32, on the CPU, in evaluation mode (`checkpoint.load_generator`); a bundled one knows its `split_layer`.

        Examples:
            >>> generator = Generator.from_pretrained("car")
            >>> generator.picture_size, generator.split_layer
            ((64, 64), 2)

        Raises:
            FileNotFoundError: no such file or bundled name.
            CheckpointError: the file is damaged or something else.
        """
        from ganverse_nb.gan.checkpoint import WEIGHTS, load_generator, resolve  # they need this file
        from ganverse_nb.gan.viewpoints import ViewCodes

        generator, folder = load_generator(source), resolve(source).resolve().parent
        if folder.parent == WEIGHTS and (folder / "views.safetensors").is_file():  # those of every size it comes in
            generator.split_layer = ViewCodes.load(folder.name).split_layer
        return generator

    def sample(self, seed: int = 0, psi: float = 1.0, count: int = 1) -> Tensor:
        """Random pictures [count, 3, *picture_size] in [0, 1].

        Examples:
            >>> generator = Generator.from_pretrained("car")
            >>> generator.sample(seed=3, psi=0.7).shape
            torch.Size([1, 3, 64, 64])

        Args:
            seed: the same seed gives the same pictures.
            psi: truncation: how far from the average the objects may lie. 1 leaves them as they come; smaller values
                give more ordinary and cleaner ones, 0 the average itself.

        Raises:
            ValueError: less than one picture.
        """
        if count < 1:
            raise ValueError(f"The number of pictures must be at least 1, got {count}.")
        return latents.pictures_of(self, latents.sample_w(self, count, seed, psi))

    @at_home
    def mix(self, view: int | Tensor, content: int | Tensor, k: int | None = None) -> Tensor:
        """The objects of `content` seen as those of `view` are: pictures [B, 3, *picture_size] in [0, 1] (section 3.1).

        Examples:
            >>> generator = Generator.from_pretrained("car")
            >>> generator.mix(view=3, content=7).shape
            torch.Size([1, 3, 64, 64])

        Args:
            view: w codes [B, w_dim] for the layers below `k`, or the seed of a `sample`.
            content: w codes [B, w_dim] for the others, or a seed. One code goes with each of several.
            k: the split layer, 0..num_ws; None: the network's `split_layer`.

        Raises:
            ValueError: shapes that do not go together, a k that the network does not have, or none where it is unknown.
        """
        k = self.split_layer if k is None else k
        if k is None:
            raise ValueError("Which layers hold this network's view is not known; give k (the paper's has 4).")
        first, second = (
            (latents.sample_w(self, 1, code) if isinstance(code, int) else code).to(self.const)
            for code in (view, content)
        )
        if first.dim() == second.dim() == 2 and 1 in (len(first), len(second)):
            first, second = torch.broadcast_tensors(first, second)
        return latents.pictures_of(self, latents.mix(first, second, k, self.num_ws))


def resize_square(pictures: Tensor, side: int) -> Tensor:
    """[B, C, R, R] in [0, 1] -> [B, C, side, side], smoothed where it shrinks; the same tensor if it has that size."""
    if pictures.shape[-2:] == (side, side):
        return pictures
    return F.interpolate(pictures, (side, side), mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)


def checked_rows(rows: tuple[int, int] | None, resolution: int) -> tuple[int, int] | None:
    """The rows [first, last) that hold the picture; None where those are all.

    Raises:
        ValueError: the picture has not these rows.
    """
    if rows is not None and not 0 <= rows[0] < rows[1] <= resolution:
        raise ValueError(f"The rows of a {resolution} px picture must be two of 0..{resolution}, got {rows}.")
    return None if rows is None or tuple(rows) == (0, resolution) else (int(rows[0]), int(rows[1]))


def block_resolutions(resolution: int, channels: Sequence[int]) -> list[int]:
    """[4, 8, ..., resolution].

    Raises:
        ValueError: not a power of two >= 8, or `channels` has the wrong length.
    """
    if resolution < 8 or resolution & (resolution - 1):
        raise ValueError(f"A StyleGAN2 needs a resolution that is a power of two >= 8, got {resolution}.")
    resolutions = [2**i for i in range(2, resolution.bit_length())]
    if len(channels) != len(resolutions):
        raise ValueError(
            f"{resolution} px needs {len(resolutions)} channel counts (4..{resolution}), got {len(channels)}."
        )
    return resolutions
