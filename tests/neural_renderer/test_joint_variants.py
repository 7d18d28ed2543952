"""The trainings of notebook 08b differ in the terms beside Eq 6, and in nothing else."""

from dataclasses import fields

import pytest

from ganverse_nb.config import load_config
from ganverse_nb.neural_renderer.joint_variants import BESIDE, KEPT, VARIANTS, variant_settings

FULL, PAPER = (load_config(profile).stylegan_r for profile in ("mini", "paper"))


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_lacks_terms_and_ends_like_the_others(variant):
    changed = variant_settings(FULL, variant)
    names = {field.name for field in fields(FULL) if getattr(changed, field.name) != getattr(FULL, field.name)}
    lacking = {f"weight_{name}" for name in BESIDE if name not in KEPT[variant]}
    assert names == {name for name in lacking if getattr(FULL, name)} | {"keep_best", "zoom_at", "scales"}
    assert all(getattr(changed, name) == 0 for name in lacking)
    assert changed.zoom_at == 0 and all(getattr(changed, f"weight_{name}") > 0 for name in KEPT[variant])


def test_every_term_beside_the_papers_is_named():
    """What the profile `paper` leaves out of the joint stage is what "Eq 6 as printed" leaves out."""
    weights = {f.name for f in fields(FULL) if f.name.startswith("weight_")}
    ours = {name for name in weights if not getattr(PAPER, name) and getattr(FULL, name)}
    assert ours == {f"weight_{name}" for name in BESIDE if getattr(FULL, f"weight_{name}")}


def test_an_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="the variants are eq6, adversarial, dual"):
        variant_settings(FULL, "all")
