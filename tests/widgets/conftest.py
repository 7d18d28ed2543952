"""Sources whose properties are known: ellipsoids of known colours before known cameras, and a renderer of that size."""

from types import SimpleNamespace

import pytest
import torch

from ganverse_nb.geometry.mesh import uv_sphere
from ganverse_nb.inverse_graphics.cameras import orbit_around
from ganverse_nb.neural_renderer.codes import exact_codes
from ganverse_nb.neural_renderer.data import PropertyDataset
from ganverse_nb.neural_renderer.losses import TrainingSet
from ganverse_nb.neural_renderer.properties import Properties, mask_out
from ganverse_nb.neural_renderer.renderer import StyleGANR
from ganverse_nb.widgets.control_scene import Scene
from ganverse_nb.widgets.sources import Sources
from tests.neural_renderer import conftest as small

SIDE = small.SIDE
RED, BLUE = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0])


def picture(color, elongation=0.0):
    """[1, 3, 16, 16] of one colour; the first pixel says how long the object is."""
    made = color[None, :, None, None].repeat(1, 1, SIDE, SIDE)
    made[0, :, 0, 0] = elongation
    return made


def encode(image, name):
    """The colour in the middle is that of the front and top; the rest is black. Black pictures show nothing."""
    color = image[0, :, 8, 8]
    if color.max() == 0:
        raise ValueError(f"{name}: no object was found in picture 0; choose another one.")
    size = torch.tensor([0.2, 0.15, 0.25 + 0.2 * float(image[0, 0, 0, 0])])
    texture = torch.zeros(1, 3, *small.TEXTURE)
    texture[0, :, :, 4:12] = color[:, None, None]
    texture[0, :, :2] = color[:, None, None]
    camera = orbit_around(
        torch.tensor([-70.0]), torch.tensor([14.0]), torch.tensor([2.0]), 30.0, torch.tensor([[0.03, -0.02]])
    )
    mask = torch.zeros(1, 1, SIDE, SIDE)
    mask[..., 4:12, 4:12] = 1
    return Properties(camera, uv_sphere().vertices * size, texture, mask_out(image, mask))


@pytest.fixture
def world():
    """The functions above, and how often a picture was encoded."""
    encoded = []

    def counted(image, name):
        encoded.append(name)
        return encode(image, name)

    return SimpleNamespace(
        picture=picture, encode=encode, counted=counted, encoded=encoded, RED=RED, BLUE=BLUE, SIDE=SIDE
    )


@pytest.fixture(scope="session")
def model():
    """A StyleGAN-R whose sizes fit; nothing is trained."""
    network, shown, content_w, view_w = small.gan_world()
    dataset = PropertyDataset(shown, small.infer, small.cameras(), progress=False)
    data = TrainingSet(dataset, exact_codes(network, view_w, content_w, 2), torch.arange(small.CONTENTS))
    return StyleGANR(network, small.mapping_for(data, small.config()).requires_grad_(False))


@pytest.fixture
def scene(world, model):
    pictures = {"red": picture(RED), "long blue": picture(BLUE, 1.0)}
    return Scene(Sources(world.counted, pictures, model.generator), small.cameras(), model)
