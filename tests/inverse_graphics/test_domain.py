"""The out-of-domain score, on real studio pictures with the bundled segmenter."""

import math

import pytest
import torch

from ganverse_nb.evaluation.domain_check import DomainCheck, judge_kinds
from ganverse_nb.evaluation.out_of_distribution import CUT, EMPTY, SEVERAL, ood_pictures
from ganverse_nb.inverse_graphics.camera_head import CameraHead
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.domain import Domain, on_border
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.network import InverseGraphicsNetwork
from ganverse_nb.segmentation.mask_rcnn import load_segmenter
from ganverse_nb.studio.photos import make_photos


@pytest.fixture(scope="module")
def segmenter():
    return load_segmenter("car", "bundled")


@pytest.fixture(scope="module")
def model():
    """Untrained, so that only the other cues can tell."""
    torch.manual_seed(0)
    return InverseGraphicsModel(
        InverseGraphicsNetwork(), CameraHead(), LearnableCameras(torch.zeros(2, dtype=torch.int64))
    )


@pytest.fixture(scope="module")
def domain(segmenter, model):
    return Domain.fit(make_photos("car", 96, seed=4100).image(), segmenter, model)


@pytest.fixture(scope="module")
def kinds():
    return ood_pictures("car", 4, seed=4200)


def test_photographs_pass_and_ood_pictures_do_not(domain, segmenter, model, kinds):
    fresh = domain.judge(make_photos("car", 16, seed=4300).image(), segmenter, model)
    assert sum(verdict.in_domain for verdict in fresh) >= 14
    assert set(kinds) == {"horses", "birds", CUT, SEVERAL, EMPTY}
    judged = {kind: domain.judge(images, segmenter, model) for kind, images in kinds.items()}
    assert sum(verdict.in_domain for verdicts in judged.values() for verdict in verdicts) <= 1
    assert sum("cut off by the border" in v.reason and math.isfinite(v.score) for v in judged[CUT]) >= 3
    assert all(v.reason == "no instance" and v.score == math.inf and not v.scores for v in judged[EMPTY])
    assert sum(v.reason == "more than one instance (2)" for v in judged[SEVERAL]) >= 3
    assert any("does not look like a car" in v.reason for v in judged["horses"] + judged["birds"])
    assert str(judged[EMPTY][0]).startswith("out of domain: no instance (score infinite, limit ")


def test_a_verdict_does_not_depend_on_the_pictures_beside_it(domain, segmenter, model, kinds):
    pair = torch.cat([kinds[EMPTY][:1], kinds[CUT][:1]])
    together, alone = domain.judge(pair, segmenter, model)[1], domain.judge(pair[1:], segmenter, model)[0]
    assert together.reason == alone.reason and together.score == pytest.approx(alone.score, rel=1e-3)


def test_a_domain_survives_saving(domain, segmenter, model, kinds, tmp_path):
    domain.save(tmp_path / "domain.safetensors")
    again = Domain.load(tmp_path / "domain.safetensors")
    assert again.judge(kinds[CUT], segmenter, model) == domain.judge(kinds[CUT], segmenter, model)
    (tmp_path / "domain.safetensors").write_bytes(b"torn")
    with pytest.raises(ValueError, match="damaged.*run the stage domain again"):
        Domain.load(tmp_path / "domain.safetensors")


def test_it_takes_photographs_to_know_what_is_usual(segmenter, model, kinds):
    with pytest.raises(ValueError, match="one object in 0 of 4 photos"):
        Domain.fit(kinds[EMPTY], segmenter, model)


def test_the_outline_on_the_border():
    masks = torch.zeros(3, 1, 16, 16)
    masks[0, :, 4:10, 4:10] = 1  # inside
    masks[1, :, 4:10, 12:] = 1  # cut on the right: 6 of its outline of 16 there, and the 2 of the corners beside them
    masks[2] = 1
    assert on_border(masks).tolist() == [0.0, 0.5, 1.0]


def test_shares_and_separation():
    check = DomainCheck(2.0, {"photographs": [0.0, 1.0, 2.0, 3.0], "horses": [2.5, None], "birds": [1.0, 9.0]})
    assert check.refused("photographs") == 0.25
    assert check.refused("horses") == 1.0 and check.refused("birds") == 0.5
    assert check.ood_refused == 0.75
    assert check.separation("horses") == (3 + 4) / 8
    assert check.separation("birds") == (1 + 0.5 + 4) / 8


def test_the_roc_curve_of_known_scores():
    check = DomainCheck(2.0, {"photographs": [0.0, 1.0, 2.0, 3.0], "horses": [2.5, None], "birds": [1.0, 9.0]})
    assert check.roc("horses") == ([0, 0, 0.25, 0.25, 0.5, 0.75, 1], [0, 0.5, 0.5, 1, 1, 1, 1])
    for kind in check.ood_kinds:
        refused, found = (torch.tensor(values) for values in check.roc(kind))
        assert torch.trapezoid(found, refused) == pytest.approx(check.separation(kind))
    apart = DomainCheck(2.0, {"photographs": [0.0, 1.0], "horses": [5.0, None]})
    assert apart.separation("horses") == 1.0 and 1.0 in apart.roc("horses")[1][: apart.roc("horses")[0].count(0.0)]


def test_kinds_are_judged_beside_photographs_only(domain, segmenter, model, kinds):
    usual = make_photos("car", 4, seed=4300).image()
    check = judge_kinds(domain, {"photographs": usual, "empty": kinds[EMPTY]}, segmenter, model)
    assert check.limit == domain.limit and check.ood_kinds == ["empty"]
    assert check.refused("empty") == 1.0 and check.scores["empty"] == [None] * len(kinds[EMPTY])
    assert check.scores["photographs"] == [v.score for v in domain.judge(usual, segmenter, model)]
    with pytest.raises(ValueError, match="usual pictures"):
        judge_kinds(domain, kinds, segmenter, model)
