import copy

import pytest
import torch

from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.zoom import Zoom, zoomed
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.neural_renderer.adversary import Adversary
from ganverse_nb.neural_renderer.codes import exact_codes
from ganverse_nb.neural_renderer.data import PropertyDataset
from ganverse_nb.neural_renderer.dual import scene_loss
from ganverse_nb.neural_renderer.joint import JointStage
from ganverse_nb.neural_renderer.losses import TrainingSet
from ganverse_nb.neural_renderer.properties import Properties
from ganverse_nb.neural_renderer.renderer import StyleGANR
from ganverse_nb.render.renderer import render

SIDE = 32


@pytest.fixture
def scene(world):
    """A scene and its picture: an ellipsoid before a grey wall."""
    shape = world.SPHERE.vertices * torch.tensor([0.6, 0.4, 1.0])
    wall = torch.cat([torch.full((1, 3, SIDE, SIDE), 0.7), torch.ones(1, 1, SIDE, SIDE)], 1)
    target = Properties(Camera.orbit([40.0], 8.0, 2.6), shape, torch.full((1, 3, *world.TEXTURE), 0.3), wall)
    output = render(target.mesh(), target.camera, SIDE)
    return target, output.rgb * output.mask + 0.7 * (1 - output.mask), output.mask


def test_a_picture_of_the_scene_itself_has_nothing_wrong(world, scene):
    target, image, mask = scene
    loss, parts = scene_loss(image, mask, target, world.config())
    assert parts["colors"] == pytest.approx(0, abs=1e-6) and parts["surroundings"] == pytest.approx(0, abs=1e-6)
    assert parts["silhouette"] == pytest.approx(0, abs=1e-6)  # a soft outline would ask for a larger object


def test_each_fault_is_seen_by_its_own_term(world, scene):
    target, image, mask = scene
    darker = torch.where(mask > 0.5, image - 0.1, image)
    other_wall = torch.where(mask > 0.5, image, image - 0.2)
    right = scene_loss(image, mask, target, world.config())[1]
    colors = scene_loss(darker, mask, target, world.config())[1]
    assert colors["colors"] == pytest.approx(0.1, abs=1e-4) and colors["surroundings"] == right["surroundings"]
    wall = scene_loss(other_wall, mask, target, world.config())[1]
    assert wall["surroundings"] == pytest.approx(0.2, abs=1e-4) and wall["colors"] == right["colors"]
    moved = scene_loss(image.roll(4, 3), mask.roll(4, 3), target, world.config())[1]
    assert moved["silhouette"] > right["silhouette"] + 0.1


def test_gradients_pull_picture_and_mask_only(world, scene):
    target, image, mask = scene
    image, soft = image.clone().requires_grad_(), (mask.roll(3, 3) * 0.9).requires_grad_()
    shape = target.shape.clone().requires_grad_()
    scene_loss(image, soft, target.replace(shape=shape), world.config())[0].backward()
    assert shape.grad is None and soft.grad is not None
    missing = (mask > 0.5) & (mask.roll(3, 3) < 0.5)
    assert (soft.grad[missing] < 0).all()  # descent adds to the mask where the object is missing


def test_the_adversary_learns_what_is_real_and_leaves_the_teachers_alone(world):
    torch.manual_seed(0)
    teacher = Discriminator(16, (8, 8, 8))
    before = {k: v.clone() for k, v in teacher.state_dict().items()}
    adversary = Adversary(teacher, world.config(adversary_lr=1e-2, bfloat16=False))
    real, fake = 0.7 + 0.1 * torch.rand(8, 3, 16, 16), 0.3 + 0.1 * torch.rand(8, 3, 16, 16)
    losses = [float(adversary.learn(real, fake, step)) for step in range(1, 25)]
    assert losses[-1] < 0.3 * losses[0]
    shown = fake.clone().requires_grad_()
    assert float(adversary.loss(real)) < float(adversary.loss(shown))
    adversary.loss(shown).backward()
    assert shown.grad.abs().sum() > 0 and all(p.grad is None for p in adversary.network.parameters())
    assert all(torch.equal(before[k], v) for k, v in teacher.state_dict().items())
    again = Adversary(teacher, world.config(adversary_lr=1e-2, bfloat16=False))
    again.restore(copy.deepcopy(adversary.state()))
    assert float(again.learn(real, fake, 25)) == float(adversary.learn(real, fake, 25))
    assert torch.equal(again.loss(fake), adversary.loss(fake))


def test_the_adversary_judges_what_is_shown_smaller_or_larger_as_a_real_picture_of_that_size(world):
    adversary, seen = Adversary(Discriminator(32, (8, 8, 8, 8)), world.config(bfloat16=False)), []
    as_it_is = adversary._seen
    adversary._seen = lambda *given: seen.append(as_it_is(*given)) or seen[-1]
    usual, size = torch.linspace(0, 1, 32).expand(4, 3, 32, 32), torch.tensor([0.75, 0.9, 1.0, 1.3])
    real = zoomed(usual, size, "reflection")  # as the joint stage brings them, and a renderer that is perfect
    adversary.learn(real, real.clone(), 1, size=size)
    assert len(seen) == 2 and torch.equal(*seen)
    torch.testing.assert_close(seen[0][:3], usual[:3] * 2 - 1, atol=0.05, rtol=0)  # the middle, at the usual size
    adversary.loss(real, size)
    assert torch.equal(seen[2][2:], real[2:] * 2 - 1)  # what is larger is judged as it is


def test_real_pictures_of_another_size_are_the_teachers_own_and_as_sharp(world):
    """Resampled pictures are blurred, and the game asked for blur."""
    generator, pictures, content_w, view_w = world.gan_world()
    codes = exact_codes(generator, view_w, content_w, 2)
    settings = world.config(zoom_at=8, weight_adversarial=1.0, bfloat16=False)
    own = TrainingSet(PropertyDataset(pictures, world.infer, world.cameras(), False), codes, torch.arange(24))
    model = StyleGANR(generator, world.mapping_for(own, settings).with_zoom(8))
    stage = JointStage(model, own, world.encoder(), settings, 0, Discriminator(world.SIDE, (8,) * 3))
    rows, size = torch.arange(4), torch.tensor([0.75, 0.9, 1.0, 1.3])
    styles = codes.styles(pictures.content[rows], pictures.view[rows])
    expected = generator.squares(styles, world.SIDE, zoom=Zoom(8, size)).detach()
    stage.model.generator.const.data.add_(1.0)  # what is trained is another one
    torch.testing.assert_close(stage._real(rows, size), expected)
    assert torch.equal(stage._real(rows, None), own.dataset.images(rows))
