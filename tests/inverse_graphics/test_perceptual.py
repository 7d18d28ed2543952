import pytest
import torch

from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.inverse_graphics import perceptual
from ganverse_nb.inverse_graphics.perceptual import DiscriminatorFeatures, perceptual_features, perceptual_loss
from ganverse_nb.runtime import precision


@pytest.fixture
def features():
    torch.manual_seed(0)
    return DiscriminatorFeatures(Discriminator(16, (8, 8, 8)), bf16=False)


@pytest.fixture
def picture():
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 3:13, 3:13] = 1
    return torch.stack([rows / 16, columns / 16, (rows * columns) % 2])[None], mask


def test_it_is_zero_for_equal_pictures_and_grows_with_the_disturbance(features, picture):
    image, mask = picture
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    losses = [perceptual_loss(features, image + s * noise, image, mask).item() for s in (0, 0.05, 0.2, 0.5)]
    assert losses[0] == 0 and losses == sorted(losses) and losses[1] > 0


def test_it_is_the_mean_over_layers_of_squared_distances_of_unit_vectors(picture):
    image, mask = picture
    two = lambda x: [x, 3 * x[:, :, ::2, ::2]]  # noqa: E731
    other = image.roll(1, 1) * 0.5 + 0.2
    a, b = image * mask, other * mask
    unit = lambda x: x / (x.square().sum(1, keepdim=True) + 1e-6).sqrt()  # noqa: E731
    d = (unit(a) - unit(b)).square().sum(1)
    unit3 = lambda x: 3 * x / ((3 * x).square().sum(1, keepdim=True) + 1e-6).sqrt()  # noqa: E731
    d2 = (unit3(a[:, :, ::2, ::2]) - unit3(b[:, :, ::2, ::2])).square().sum(1)
    wanted = (d.mean() + d2.mean()) / 2
    assert perceptual_loss(two, other, image, mask).item() == pytest.approx(wanted.item(), rel=1e-5)


def test_outside_the_mask_nothing_counts(features, picture):
    image, mask = picture
    other = torch.where(mask > 0, image, torch.rand(3)[:, None, None])
    assert perceptual_loss(features, other, image, mask).item() == 0


def test_gradients_reach_the_render_inside_the_mask_only_and_never_the_discriminator(features, picture):
    image, mask = picture
    rendered = (1 - image).requires_grad_()
    wanted = image.clone().requires_grad_()
    perceptual_loss(features, rendered, wanted, mask).backward()
    assert rendered.grad.abs().sum() > 0 and (rendered.grad * (1 - mask)).abs().max() == 0
    assert wanted.grad is None and all(p.grad is None for p in features.discriminator.parameters())


def test_bfloat16_features_are_about_the_same(features, picture, monkeypatch):
    monkeypatch.setattr(precision, "_processor_has_bfloat16", lambda: True)  # emulated where it is not so
    image, mask = picture
    fast = DiscriminatorFeatures(features.discriminator, bf16=True)
    a, b = (perceptual_loss(f, 1 - image, image, mask).item() for f in (features, fast))
    assert a != b and a == pytest.approx(b, rel=0.05)


def test_the_choice_of_features_is_explicit(features, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    network = features.discriminator
    assert perceptual_features(network).name == "the GAN's discriminator"
    with pytest.raises(FileNotFoundError, match="vgg16"):
        perceptual_features(network, "lpips")
    with pytest.raises(ValueError, match="discriminator"):
        perceptual_features(None)
    with pytest.raises(ValueError, match="Unknown perceptual backbone"):
        perceptual_features(network, "resnet")
    chosen = []
    monkeypatch.setattr(perceptual, "LpipsFeatures", lambda path: chosen.append(path) or network)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / perceptual.BACKBONE).touch()
    assert perceptual_features(None) is network and len(chosen) == 1
    assert isinstance(perceptual_features(network, "discriminator"), DiscriminatorFeatures)
