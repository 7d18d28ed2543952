from types import SimpleNamespace

import pytest
import torch
from lpips import LPIPS
from torchvision.models import VGG16_Weights, vgg16

from ganverse_nb.evaluation.kid import kernel_distance, sampled_pictures
from ganverse_nb.gan.checkpoint import load_discriminator, load_generator
from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.inverse_graphics import perceptual
from ganverse_nb.inverse_graphics.perceptual import (
    VGG16,
    DiscriminatorFeatures,
    LpipsFeatures,
    feature_distance,
    perceptual_distance,
    perceptual_features,
    perceptual_loss,
)
from ganverse_nb.runtime import downloads, precision
from ganverse_nb.runtime.errors import ExpectedError


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
    maps = lambda x: [x, 3 * x[:, :, ::2, ::2]]  # noqa: E731
    two = SimpleNamespace(distance=lambda a, b: feature_distance(maps(a), maps(b)))
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


@pytest.fixture
def backbone(monkeypatch):
    """A VGG16 of random weights in the place of the trained one, which nothing is downloaded for."""
    network = torch.nn.Sequential(*vgg16(weights=None).features)
    monkeypatch.setattr("torchvision.models.vgg16", lambda **options: SimpleNamespace(features=network))
    monkeypatch.setattr(downloads.Weights, "get", lambda self, download=False: self.path)


def test_lpips_is_the_library_s_own_class_with_its_own_linear_weights(backbone, picture):
    image, mask = (x.repeat(2, 1, 2, 2) for x in picture)
    other = torch.rand(image.shape, generator=torch.Generator().manual_seed(1))
    ours, theirs = LpipsFeatures(), LPIPS(net="vgg", verbose=False)
    wanted = theirs(2 * other - 1, 2 * image - 1).flatten()
    assert wanted.min() > 0
    torch.testing.assert_close(perceptual_distance(ours, other, image), wanted)
    masked = theirs(2 * other * mask - 1, 2 * image * mask - 1).mean()
    torch.testing.assert_close(perceptual_loss(ours, other, image, mask), masked)
    assert perceptual_loss(ours, image, image, mask).item() == 0
    assert ours.describe(image).shape == (2, 64 + 128 + 256 + 512 + 512)  # VGG16's five levels


def test_gradients_of_lpips_reach_the_render_inside_the_mask_only(backbone, picture):
    image, mask = picture
    features, rendered, wanted = LpipsFeatures(), (1 - image).requires_grad_(), image.clone().requires_grad_()
    before = torch.get_rng_state()
    perceptual_loss(features, rendered, wanted, mask).backward()
    assert rendered.grad.abs().sum() > 0 and (rendered.grad * (1 - mask)).abs().max() == 0
    assert wanted.grad is None and all(p.grad is None for p in features.network.parameters())
    assert torch.equal(torch.get_rng_state(), before)  # a loss draws nothing


def test_lpips_takes_its_backbone_from_torchs_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert VGG16.url == VGG16_Weights.IMAGENET1K_V1.url
    assert round(VGG16_Weights.IMAGENET1K_V1.meta["_file_size"]) == VGG16.megabytes
    VGG16.path.parent.mkdir(parents=True)
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in vgg16(weights=None).state_dict().items()}
    # one number for each tensor: a small file in the place of a large one
    torch.save({name: torch.tensor(0.01).expand(shape) for name, shape in shapes.items()}, VGG16.path)
    with pytest.raises(ExpectedError, match="damaged"):
        perceptual_features(None)
    monkeypatch.setattr(downloads, "sha256", lambda path: VGG16.hash_prefix)
    before = torch.get_rng_state()
    features = perceptual_features(None)
    assert isinstance(features, LpipsFeatures) and torch.equal(torch.get_rng_state(), before)
    assert all((weight == 0.01).all() for weight in features.network.net.parameters())


def test_the_choice_of_features_is_explicit(features, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    network = features.discriminator
    assert perceptual_features(network).name == "the GAN's discriminator"
    with pytest.raises(ExpectedError, match=r"fetch-weights.*vgg16.*perceptual_backbone=discriminator"):
        perceptual_features(network, "lpips")
    with pytest.raises(ValueError, match="discriminator"):
        perceptual_features(None)
    with pytest.raises(ValueError, match="Unknown perceptual backbone"):
        perceptual_features(network, "resnet")
    chosen = []
    monkeypatch.setattr(perceptual, "LpipsFeatures", lambda download: chosen.append(download) or network)
    monkeypatch.setattr(perceptual, "has_lpips", lambda: True)
    assert perceptual_features(None) is network and chosen == [False]
    assert perceptual_features(network, "lpips", download=True) is network and chosen == [False, True]
    assert isinstance(perceptual_features(network, "discriminator"), DiscriminatorFeatures)


def test_descriptions_are_features_averaged_over_places(features):
    pictures = torch.rand(3, 3, 16, 16)
    described = features.describe(pictures)
    assert described.shape == (3, sum(layer.shape[1] for layer in features.maps(pictures)))
    torch.testing.assert_close(
        described[:, : features.maps(pictures)[0].shape[1]], features.maps(pictures)[0].mean((2, 3))
    )


def test_the_last_features_tell_grain_from_the_gans_own_pictures():
    """`RendererScores.grain_kid`: what the joint stage without the game leaves on a car (docs/stylegan_r.md)."""
    pictures = sampled_pictures(load_generator("car"), 120, seed=0).float() / 255
    noise = torch.randn(60, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    features = DiscriminatorFeatures(load_discriminator("car"), bf16=False)
    own, others, grainy = (
        features.describe(part, last=True)
        for part in (pictures[:60], pictures[60:], (pictures[60:] + 0.04 * noise).clamp(0, 1))
    )
    assert torch.equal(own, features.describe(pictures[:60])[:, -own.shape[1] :])
    assert kernel_distance(own, grainy)[0] > 5 * kernel_distance(own, others)[0] > 0
