"""A world small enough to know everything about: pictures whose shape, texture and background are one number each."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
import torch
from torch import Tensor

from ganverse_nb.config import StyleGANRConfig
from ganverse_nb.gan.generator import Generator
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.neural_renderer.codes import Codes, exact_codes
from ganverse_nb.neural_renderer.data import Pictures, PropertyDataset
from ganverse_nb.neural_renderer.losses import TrainingSet
from ganverse_nb.neural_renderer.mapping import PropertyMapper
from ganverse_nb.neural_renderer.properties import PropertyEncoder
from ganverse_nb.neural_renderer.renderer import StyleGANR

SIDE, CONTENTS, VIEWS = 16, 24, 8
TEXTURE = (8, 16)
HEIGHTS = torch.tensor([5.0, 12, 9, 20, 7, 15, 18, 11])
SPHERE = uv_sphere()


def config(**changes) -> StyleGANRConfig:
    """Small enough for a test."""
    small = {
        "warmup_steps": 20,
        "finetune_steps": 4,
        "batch": 4,
        "hidden": 32,
        "fresh_contents": 0,
        "evaluate_every": 2,
    }
    return StyleGANRConfig(**{**small, "mask_steps": 4, "validation_contents": 6, **changes})


def object_mask() -> Tensor:
    """[1, SIDE, SIDE], a square in the middle."""
    mask = torch.zeros(1, SIDE, SIDE)
    mask[:, 4:12, 4:12] = 1
    return mask


def draw(factors: Tensor) -> Tensor:
    """[B, 3] numbers (shape, texture, background) in [0, 1] -> pictures: red, green, and blue around the object."""
    mask = object_mask()
    shape, texture, around = factors[:, :, None, None].unbind(1)
    return torch.stack([shape * mask[0], texture * mask[0], around * (1 - mask[0])], 1)


def infer(images: Tensor, masks: Tensor) -> Mesh:
    """f of that world: the sphere grows with red, the texture is the green inside the mask. Differentiable."""
    area = masks.sum((2, 3)).clamp_min(1)
    red, green = ((images * masks).sum((2, 3)) / area)[:, :2].unbind(1)
    vertices = SPHERE.vertices * (0.5 + red)[:, None, None]
    texture = green[:, None, None, None].expand(-1, 3, *TEXTURE)
    return Mesh(vertices, SPHERE.faces, SPHERE.face_uvs, texture)


def mask_of(images: Tensor) -> Tensor:
    """The segmenter of that world knows where the object is."""
    return object_mask().expand(len(images), -1, -1, -1)


def camera_of(images: Tensor, masks: Tensor) -> Camera:
    """A camera head that is always of one opinion, but differentiable."""
    return Camera.orbit(images.mean((1, 2, 3)) * 360, 10.0, 2.3)


def cameras() -> Camera:
    """One per view, all around."""
    return Camera.orbit(torch.arange(VIEWS) * (360.0 / VIEWS), HEIGHTS, 2.3 - 0.01 * HEIGHTS.roll(3))


def encoder() -> PropertyEncoder:
    return PropertyEncoder(infer, mask_of, camera_of)


def pictures(factors: Tensor) -> Pictures:
    """Every content [C, 3] in every view (views look the same here)."""
    content = torch.arange(len(factors)).repeat_interleave(VIEWS)
    view = torch.arange(VIEWS).repeat(len(factors))
    images = (draw(factors)[content] * 255).round().byte()
    return Pictures(images, object_mask().byte().expand(len(images), -1, -1, -1), content, view)


def training_set(seed: int = 0, dims_per_factor: int = 10) -> tuple[TrainingSet, Tensor]:
    """Content codes whose dimensions belong to one factor each; returns the set and the owner of every dimension."""
    rng = torch.Generator().manual_seed(seed)
    factors = torch.rand(CONTENTS, 3, generator=rng)
    owner = torch.arange(3).repeat(dims_per_factor)
    slope = torch.randn(len(owner), generator=rng).sign() * (0.5 + torch.rand(len(owner), generator=rng))
    content = factors[:, owner] * slope + 1.0
    angle = torch.deg2rad(cameras().azimuth)
    view = torch.cat([angle.sin()[:, None], angle.cos()[:, None], torch.randn(VIEWS, 18, generator=rng)], 1)
    dataset = PropertyDataset(pictures(factors), infer, cameras(), progress=False)
    return TrainingSet(dataset, Codes(view, content), torch.arange(CONTENTS)), owner


def mapping_for(data: TrainingSet, settings: StyleGANRConfig, seed: int = 0) -> PropertyMapper:
    torch.manual_seed(seed)
    return PropertyMapper.fit(
        data.codes.view,
        data.dataset.cameras,
        data.codes.content,
        data.dataset.shape(torch.arange(len(data.dataset))),
        texture=TEXTURE,
        resolution=SIDE,
        view_share=0.1,
        hidden=settings.hidden,
    )


def generator(seed: int = 0) -> Generator:
    torch.manual_seed(seed)
    network = Generator(SIDE, z_dim=8, w_dim=8, mapping_layers=2, channels=(8, 8, 8))
    return network.eval().requires_grad_(False)


def gan_world(seed: int = 0) -> tuple[Generator, Pictures, Tensor, Tensor]:
    """A generator, pictures of it with the toy world's masks, and the codes [C, 8], [VIEWS, 8] that made them."""
    network = generator(seed)
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        content_w = network.mapping(torch.randn(CONTENTS, 8, generator=rng))
        view_w = network.mapping(torch.randn(VIEWS, 8, generator=rng))
        codes = exact_codes(network, view_w, content_w, 2)
        content = torch.arange(CONTENTS).repeat_interleave(VIEWS)
        view = torch.arange(VIEWS).repeat(CONTENTS)
        images = (network.synthesize(codes.styles(content, view)) * 255).round().byte()
    masks = object_mask().byte().expand(len(images), -1, -1, -1)
    return network, Pictures(images, masks, content, view), content_w, view_w


@pytest.fixture
def model() -> StyleGANR:
    """A renderer whose sizes fit; nothing is trained."""
    network, shown, content_w, view_w = gan_world()
    dataset = PropertyDataset(shown, infer, cameras(), progress=False)
    data = TrainingSet(dataset, exact_codes(network, view_w, content_w, 2), torch.arange(CONTENTS))
    return StyleGANR(network, mapping_for(data, config()).requires_grad_(False), encoder(), {"note": 1})


@pytest.fixture
def world() -> ModuleType:
    """This module."""
    return sys.modules[__name__]
