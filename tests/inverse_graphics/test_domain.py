"""The out-of-domain score, on studio pictures, with the networks that come with the package."""

import math
from dataclasses import replace

import pytest
import torch

from ganverse_nb.data.pictures import as_image
from ganverse_nb.evaluation.domain_check import DomainCheck, judge_kinds
from ganverse_nb.evaluation.out_of_distribution import CUT, EMPTY, SEVERAL, ood_pictures
from ganverse_nb.inverse_graphics.domain import Domain, read_cues
from ganverse_nb.inverse_graphics.reconstructor import Reconstructor
from ganverse_nb.segmentation.cutout import Cutout
from ganverse_nb.studio.photos import make_photos


def photos(category, count, seed, edition=1):
    return [as_image(image) for image in make_photos(category, count, seed, 128, edition=edition).image()]


@pytest.fixture(scope="module")
def reconstructor():
    return Reconstructor.from_pretrained("car")


@pytest.fixture(scope="module")
def sight(reconstructor):
    """What is seen of sixteen photographs."""
    return reconstructor.see(photos("car", 16, 4100))


@pytest.fixture(scope="module")
def kinds():
    return {kind: [as_image(image) for image in images] for kind, images in ood_pictures("car", 4, 4200, 128).items()}


def test_photographs_of_both_editions_pass_and_ood_pictures_do_not(reconstructor, kinds):
    for edition in (1, 2):
        fresh = reconstructor.judge(photos("car", 10, 4300, edition))
        assert sum(verdict.in_domain for verdict in fresh) >= 9, [str(v) for v in fresh]
    assert set(kinds) == {"horses", "birds", CUT, SEVERAL, EMPTY}
    judged = {kind: reconstructor.judge(pictures) for kind, pictures in kinds.items()}
    assert sum(verdict.in_domain for verdicts in judged.values() for verdict in verdicts) <= 1
    assert any("cut off by the border" in v.reason and math.isfinite(v.score) for v in judged[CUT])
    nothing = [v for v in judged[EMPTY] if v.reason == "no instance"]
    assert len(nothing) >= 3 and all(v.score == math.inf and not v.scores for v in nothing)
    assert sum(v.reason == "more than one instance (2)" for v in judged[SEVERAL]) >= 3
    assert str(nothing[0]).startswith("out of domain: no instance (score infinite, limit ")


def test_whoever_cuts_it_out_a_horse_is_no_car(reconstructor):
    for category, passes in (("car", True), ("horse", False)):
        some = make_photos(category, 4, 4301, 128)
        given = [Cutout.of_mask(mask[0].numpy() > 0) for mask in some.masks]
        sight = reconstructor.see([as_image(image) for image in some.image()], given)
        verdicts = reconstructor.domain.judge(sight, reconstructor.model)
        assert sum(verdict.in_domain == passes for verdict in verdicts) >= 3, [str(v) for v in verdicts]
        if not passes:
            assert sum("does not look like a car" in verdict.reason for verdict in verdicts) >= 2


def test_a_verdict_does_not_depend_on_the_pictures_beside_it(reconstructor, kinds):
    pair = [kinds[EMPTY][0], kinds[CUT][0]]
    together, alone = reconstructor.judge(pair)[1], reconstructor.judge(pair[1:])[0]
    assert together.reason == alone.reason and together.score == pytest.approx(alone.score, rel=1e-3)


def test_a_domain_is_what_its_photographs_are_and_survives_saving(reconstructor, sight, tmp_path):
    domain = Domain.fit(sight, reconstructor.model, "car")
    rows, cues = read_cues(sight, reconstructor.model)
    assert domain.median == {name: float(value.median()) for name, value in cues.items()}
    assert set(cues) == {"border", "misfit", "doubt"} and len(rows) >= 14
    assert sum(v.in_domain for v in domain.judge(sight, reconstructor.model)) >= len(rows) - 1
    domain.save(tmp_path / "domain.safetensors")
    assert Domain.load(tmp_path / "domain.safetensors").judge(sight, reconstructor.model) == domain.judge(
        sight, reconstructor.model
    )
    (tmp_path / "domain.safetensors").write_bytes(b"torn")
    with pytest.raises(ValueError, match="damaged.*run the stage domain again"):
        Domain.load(tmp_path / "domain.safetensors")


def test_where_nobody_knows_the_category_there_is_no_doubt(reconstructor, sight):
    sight = replace(sight, doubt=None)
    domain = Domain.fit(sight, reconstructor.model, "lamp")
    assert set(domain.median) == {"border", "misfit"}
    assert "doubt" not in reconstructor.domain.judge(sight, reconstructor.model)[0].scores


def test_it_takes_photographs_to_know_what_is_usual(reconstructor, kinds):
    with pytest.raises(ValueError, match="One object was found in [01] of 4 photos; 12 are needed"):
        Domain.fit(reconstructor.see(kinds[EMPTY]), reconstructor.model, "car")


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


def test_kinds_are_judged_beside_photographs_only(reconstructor):
    usual, empty = make_photos("car", 4, 4300, 128).image(), ood_pictures("car", 4, 4200, 128)[EMPTY]
    check = judge_kinds(reconstructor, {"photographs": usual, "empty": empty})
    assert check.limit == reconstructor.domain.limit and check.ood_kinds == ["empty"]
    assert check.refused("empty") == 1.0 and check.scores["empty"].count(None) >= 3
    judged = reconstructor.judge([as_image(image) for image in usual])
    assert check.scores["photographs"] == [v.score for v in judged]
    with pytest.raises(ValueError, match="usual pictures"):
        judge_kinds(reconstructor, {"empty": empty})
