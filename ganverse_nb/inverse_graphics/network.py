"""The network f of section 3.2: a masked picture in, a deformed sphere and its texture out."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from ganverse_nb.geometry.deformation import mirror_vertices, smoothing_matrix, symmetric_smoothing
from ganverse_nb.geometry.mesh import Mesh, detailed_sphere
from ganverse_nb.render.light import FACTORS, white_light
from ganverse_nb.runtime.placement import at_home

TEMPLATE = (0.22, 0.17, 0.5)
"""Half axes (x, y, z) of the ellipsoid that is deformed: a car's proportions; the network learns the mean shape."""


class ResidualDown(nn.Module):
    """[B, C, H, W] -> [B, C', H/2, W/2]."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(inputs, outputs, 4, 2, 1)
        self.norm = nn.GroupNorm(8, outputs)
        self.body = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.act = nn.LeakyReLU(0.2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.norm(self.down(x)))
        return x + self.act(self.body(x))


class Encoder(nn.Module):
    """Masked picture and mask -> code [B, code]. The background is removed, so f cannot read the scene.

    GroupNorm instead of BatchNorm: a step has few pictures, and photographs have other statistics than GAN pictures.
    """

    def __init__(self, resolution: int, channels: tuple[int, ...], code: int) -> None:
        super().__init__()
        stages = int(math.log2(resolution // 4))
        if 4 * 2**stages != resolution:
            raise ValueError(f"Encoder: the resolution must be 4 times a power of two, got {resolution}.")
        widths = [4, *(channels[min(i, len(channels) - 1)] for i in range(stages))]
        self.resolution = resolution
        self.stages = nn.Sequential(*(ResidualDown(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)))
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(widths[-1] * 16, code), nn.LayerNorm(code), nn.LeakyReLU(0.2))

    def forward(self, images: Tensor, masks: Tensor) -> Tensor:
        if images.shape[-2:] != (self.resolution, self.resolution) or masks.shape[-2:] != images.shape[-2:]:
            raise ValueError(
                f"The network was made for {self.resolution} x {self.resolution} pictures with masks of that size, "
                f"got {tuple(images.shape)} and {tuple(masks.shape)}; resize them first."
            )
        x = torch.cat([(2 * images - 1) * masks, masks], 1).contiguous(memory_format=torch.channels_last)
        return self.head(self.stages(x))


class WrappedConv(nn.Module):
    """3x3 convolution on a texture [B, C, H, W] whose columns continue around the object, without a seam.

    Half a texture (`wrap` off) ends at the mirror plane, where its mirror image continues it by itself.
    """

    def __init__(self, inputs: int, outputs: int, wrap: bool) -> None:
        super().__init__()
        self.wrap = wrap
        self.conv = nn.Conv2d(inputs, outputs, 3, 1, (1, 0) if wrap else 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(nn.functional.pad(x, (1, 1, 0, 0), mode="circular") if self.wrap else x)


class TextureDecoder(nn.Module):
    """Code [B, code] and mean colour [B, 3] -> texture [B, 3, Ht, Wt] in [0, 1]; symmetric: a half and its mirror.

    A texture pixel is the same place on every object, so each resolution adds a learned constant of that place. The
    mean colour of the object in the picture is what the decoder's output is added to (as a logit).
    """

    def __init__(self, size: tuple[int, int], channels: tuple[int, ...], code: int, symmetric: bool) -> None:
        super().__init__()
        height, width = size[0], size[1] // 2 if symmetric else size[1]
        ups = len(channels) - 1
        self.start = (channels[0], height >> ups, width >> ups)
        if min(self.start[1:]) < 1 or (self.start[1] << ups, self.start[2] << ups) != (height, width):
            raise ValueError(f"TextureDecoder: texture size {size} must be divisible by {2**ups} per (half) side.")
        self.symmetric = symmetric
        self.linear = nn.Linear(code, math.prod(self.start))
        self.convs, self.places = nn.ModuleList(), nn.ParameterList()
        for level, (a, b) in enumerate(zip(channels[:-1], channels[1:], strict=True), start=1):
            self.convs.append(WrappedConv(a, b, not symmetric))
            self.places.append(nn.Parameter(torch.zeros(1, b, self.start[1] << level, self.start[2] << level)))
        self.to_rgb = WrappedConv(channels[-1], 3, not symmetric)

    def forward(self, code: Tensor, mean_color: Tensor) -> Tensor:
        x = self.linear(code).view(-1, *self.start).contiguous(memory_format=torch.channels_last)
        for conv, place in zip(self.convs, self.places, strict=True):
            x = nn.functional.interpolate(x, scale_factor=2, mode="nearest")
            x = nn.functional.leaky_relu(conv(x) + place.to(x.dtype), 0.2)
        base = torch.logit(mean_color.float(), eps=0.02)[:, :, None, None]
        half = torch.sigmoid(self.to_rgb(x).float() + base).contiguous()
        return torch.cat([half, half.flip(-1)], -1) if self.symmetric else half


class LightHead(nn.Module):
    """Code [B, code] -> spherical harmonic coefficients of a grey light [B, 9], see `render.light`.

    It starts at a white room, which leaves every texture as it is.
    """

    def __init__(self, code: int) -> None:
        super().__init__()
        self.linear = nn.Linear(code, len(FACTORS))
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, code: Tensor) -> Tensor:
        return self.linear(code) + white_light(code)


def mean_color(images: Tensor, masks: Tensor) -> Tensor:
    """[B, 3] mean colour of pictures [B, 3, H, W] inside masks [B, 1, H, W]."""
    return (images * masks).sum((2, 3)) / masks.sum((2, 3)).clamp(min=1.0)


class InverseGraphicsNetwork(nn.Module):
    """f: pictures [B, 3, R, R] in [0, 1] and masks [B, 1, R, R] -> Mesh with 642 vertices and a texture (section 3.2).

    With `detail` 2 it has 2,562, and so on (`geometry.mesh.detailed_sphere`).

    Shape: vertex offsets from an ellipsoid of half axes `template`, spread over the mesh by `smoothing` (0: as they
    are; `smoothing_matrix`); the bias of the last layer is the learned mean shape. Texture: UV map.
    `symmetric_shape` and `symmetric_texture` mirror left and right at x = 0. These are switches, off in the profile
    `paper`, which deforms a sphere. With `light` it is the network of appendix K, which `predict`s nine spherical
    harmonic coefficients (`render.light`) too.
    """

    template: Tensor
    faces: Tensor
    face_uvs: Tensor
    smooth: Tensor
    mirror: Tensor

    def __init__(
        self,
        resolution: int = 64,
        texture_size: tuple[int, int] = (64, 128),
        *,
        encoder_channels: tuple[int, ...] = (32, 64, 128, 192),
        texture_channels: tuple[int, ...] = (128, 96, 64, 32, 24),
        code: int = 256,
        symmetric_shape: bool = True,
        symmetric_texture: bool = True,
        template: tuple[float, float, float] = TEMPLATE,
        smoothing: float = 4.0,
        light: bool = False,
        detail: int = 1,
    ) -> None:
        super().__init__()
        self.settings = {
            "resolution": resolution,
            "texture_size": list(texture_size),
            "encoder_channels": list(encoder_channels),
            "texture_channels": list(texture_channels),
            "code": code,
            "symmetric_shape": symmetric_shape,
            "symmetric_texture": symmetric_texture,
            "template": list(template),
            "smoothing": smoothing,
            "light": light,
            "detail": detail,
        }
        sphere = detailed_sphere(detail)
        ellipsoid = sphere.vertices[0] * torch.tensor(template)
        count = len(ellipsoid)
        self.symmetric_shape = symmetric_shape
        mirror = mirror_vertices(ellipsoid)
        if symmetric_shape:
            smooth = symmetric_smoothing(sphere.faces, mirror, smoothing)
        else:
            smooth = smoothing_matrix(sphere.faces, count, smoothing)
        for name, tensor in {
            "template": ellipsoid,
            "faces": sphere.faces,
            "face_uvs": sphere.face_uvs,
            "smooth": smooth,
            "mirror": mirror,
        }.items():
            self.register_buffer(name, tensor, persistent=False)
        self.encoder = Encoder(resolution, tuple(encoder_channels), code)
        last = nn.Linear(code, 3 * count)
        self.shape_head = nn.Sequential(nn.Linear(code, code), nn.LeakyReLU(0.2), last)
        self.texture_decoder = TextureDecoder(
            (texture_size[0], texture_size[1]), tuple(texture_channels), code, symmetric_texture
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # the default shrinks the signal in each layer
                nn.init.kaiming_normal_(module.weight, 0.2, nonlinearity="leaky_relu")
        nn.init.normal_(self.texture_decoder.to_rgb.conv.weight, std=0.01)  # start at the mean colour
        nn.init.normal_(last.weight, std=1e-3)  # start at the ellipsoid
        nn.init.zeros_(last.bias)
        self.light_head = LightHead(code) if light else None  # last, so that the others start as they do without it

    @property
    def resolution(self) -> int:
        """Width and height of the pictures that the network takes."""
        return self.encoder.resolution

    @at_home
    def offsets(self, vertices: Tensor) -> Tensor:
        """[B, V, 3] how far vertices have moved from the ellipsoid."""
        return vertices - self.template

    def forward(self, images: Tensor, masks: Tensor) -> Mesh:
        return self.predict(images, masks)[0]

    @at_home
    def predict(self, images: Tensor, masks: Tensor) -> tuple[Mesh, Tensor | None]:
        """The mesh, and the light [B, 9] in world axes in which the pictures show it; None of a network without one.

        With light the texture is the surface's own colour: pictures are texture x shading.
        """
        code = self.encoder(images, masks)
        with torch.autocast(code.device.type, enabled=False):  # bfloat16 would move vertices by a third of a percent
            raw = self.shape_head(code.float()).view(len(code), -1, 3)
            if self.symmetric_shape:
                raw = 0.5 * (raw + raw[:, self.mirror] * raw.new_tensor([-1.0, 1.0, 1.0]))
            moved = self.smooth @ raw.transpose(0, 1).reshape(len(self.template), -1)
            vertices = self.template + moved.view(len(self.template), -1, 3).transpose(0, 1)
            light = None if self.light_head is None else self.light_head(code.float())
        texture = self.texture_decoder(code, mean_color(images, masks))
        return Mesh(vertices, self.faces, self.face_uvs, texture), light


def repeat_mesh(mesh: Mesh, times: int) -> Mesh:
    """The same predictions again: mesh b, b + B, b + 2B ... are one object."""
    texture = None if mesh.texture is None else mesh.texture.repeat(times, 1, 1, 1)
    return replace(mesh, vertices=mesh.vertices.repeat(times, 1, 1), texture=texture)
