"""FID and KID through torch-fidelity: on an Inception of random weights, whose file the test makes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ganverse_nb.evaluation import fid
from ganverse_nb.evaluation.fid import INCEPTION, gan_distance, picture_distance
from ganverse_nb.gan.generator import Generator


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    path = tmp_path_factory.mktemp("inception") / "random.pth"
    torch.save({}, path)
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
        network = FeatureExtractorInceptionV3("random", ["2048"], str(path))
    for module in network.modules():  # the default weights let all signals fade
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture(autouse=True)
def early_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 192 features instead of 2048: the square root of a covariance that large takes half a minute."""
    assert fid.LAYER == "2048"
    monkeypatch.setattr(fid, "LAYER", "192")


def test_the_same_pictures_are_at_no_distance_and_darker_ones_at_some(weights: Path) -> None:
    pictures = torch.randint(0, 256, (6, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    same = picture_distance(pictures, pictures, weights)
    darker = picture_distance(pictures, pictures // 2, weights)
    assert abs(same.fid) < 1e-3 * darker.fid and darker.kid > same.kid
    assert (darker.real, darker.generated) == (6, 6)
    assert "Inception" in str(darker)


def test_a_gan_is_measured_on_as_many_pictures_as_there_are_photos(weights: Path) -> None:
    torch.manual_seed(0)
    generator = Generator(16, 6, 10, 2, (12, 12, 8)).requires_grad_(False)
    photos = torch.randint(0, 256, (6, 3, 16, 16), dtype=torch.uint8)
    found = gan_distance(generator, photos, weights, seed=1, pictures=4)
    assert (found.real, found.generated) == (4, 4) and found.fid > 0
    assert found == gan_distance(generator, photos, weights, seed=1, pictures=4)


def test_pictures_that_are_no_bytes_are_refused(weights: Path) -> None:
    with pytest.raises(ValueError, match=r"generated must be uint8 \[N >= 2"):
        picture_distance(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.zeros(4, 3, 8, 8), weights)


def test_the_weights_are_those_that_torch_fidelity_asks_for() -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3

    assert INCEPTION.url == URL_INCEPTION_V3
