"""Every number that is a choice: one frozen dataclass per stage, one function per profile.

`smoke` tests the chain in minutes, `mini` (the default) is the whole paper at 64 px on two CPU cores, `gpu` and `paper`
run the same code at full size. Where the paper does not state a value, the comment gives the reason for ours.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any

CATEGORIES = ("car",)


@dataclass(frozen=True)
class PhotoConfig:
    """Photographs from the studio, which play the part of LSUN and Pascal3D+ pictures."""

    train: int = 8000  # for the pose regressor that measures views
    test: int = 400  # never seen by any network


@dataclass(frozen=True)
class GanConfig:
    """The StyleGAN2 teacher; research: 1.1M parameters at 64 px learn cars in half an hour on two cores."""

    resolution: int = 64
    z_dim: int = 128
    w_dim: int = 128
    mapping_layers: int = 4
    channels: tuple[int, ...] = (128, 128, 128, 64, 32)  # of 4, 8, 16, ... px
    batch: int = 32
    images: int = 400_000  # training length, counted in real pictures shown
    photos: int = 40_000  # size of the training set
    generator_lr: float = 2e-3
    discriminator_lr: float = 4e-4
    r1_gamma: float = 1.0
    r1_interval: int = 16
    path_length_weight: float = 2.0
    path_length_interval: int = 8
    mixing_probability: float = 0.9
    mixing_layers: tuple[int, int] = (2, 4)  # crossovers drawn near the split push shape into the content code


@dataclass(frozen=True)
class ViewConfig:
    """Choosing view codes and measuring whether they hold the view (section 3.1)."""

    candidates: int = 160  # random view codes looked at
    contents: int = 24  # contents per candidate
    bin_degrees: float = 20.0  # the best candidate of each bin is chosen; labels are 12 bins of 30 degrees
    split_layers: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    regressor_steps: int = 2000


@dataclass(frozen=True)
class MultiviewConfig:
    """The "StyleGAN multi-view dataset" (section 3.1)."""

    contents: int = 220
    test_contents: int = 20
    minimum_mask: float = 0.10  # of the picture, as in the paper
    truncation: float = 0.8


@dataclass(frozen=True)
class InverseGraphicsConfig:
    """Section 3.2, Eq 1 and Eq 2, with the weights of section 4.1."""

    texture_size: tuple[int, int] = (64, 128)
    pairs: int = 8  # objects per step, two views each
    steps: int = 7000
    perceptual_after: int = 3000
    lr: float = 5e-4
    camera_lr: float = 2e-3
    weight_iou: float = 3.0
    weight_color: float = 20.0
    weight_laplacian: float = 5.0
    weight_flatten: float = 5.0
    weight_movement: float = 2.5
    weight_perceptual: float = 0.5


@dataclass(frozen=True)
class StyleGANRConfig:
    """Section 3.3, Eq 3 to Eq 6."""

    warmup_steps: int = 3000
    finetune_steps: int = 700
    batch: int = 16
    warmup_lr: float = 1e-3
    finetune_lr: float = 1e-4
    view_share: float = 144 / 2048  # share of the view code's dimensions that the camera drives
    weight_entropy: float = 0.05


@dataclass(frozen=True)
class Config:
    """Everything that decides a run."""

    profile: str
    category: str = "car"
    seed: int = 0
    photos: PhotoConfig = field(default_factory=PhotoConfig)
    gan: GanConfig = field(default_factory=GanConfig)
    views: ViewConfig = field(default_factory=ViewConfig)
    multiview: MultiviewConfig = field(default_factory=MultiviewConfig)
    inverse: InverseGraphicsConfig = field(default_factory=InverseGraphicsConfig)
    stylegan_r: StyleGANRConfig = field(default_factory=StyleGANRConfig)


def _mini(category: str, seed: int) -> Config:
    return Config("mini", category, seed)


def _smoke(category: str, seed: int) -> Config:
    return Config(
        "smoke",
        category,
        seed,
        photos=PhotoConfig(train=128, test=16),
        gan=replace(GanConfig(), images=128, photos=64),
        views=ViewConfig(candidates=24, contents=4, regressor_steps=20),
        multiview=MultiviewConfig(contents=12, test_contents=4),
        inverse=InverseGraphicsConfig(steps=12, perceptual_after=6, pairs=2),
        stylegan_r=StyleGANRConfig(warmup_steps=8, finetune_steps=2, batch=4),
    )


PROFILES = {"smoke": _smoke, "mini": _mini}


def load_config(profile: str = "mini", category: str = "car", seed: int = 0, **overrides: Any) -> Config:
    """The configuration of a profile; `overrides` name nested settings with two underscores, as in `inverse__steps=100`.

    Raises:
        ValueError: unknown profile, category or setting; the message lists the known ones.
    """
    if profile not in PROFILES:
        raise ValueError(f"Unknown profile {profile!r}; the profiles are {', '.join(PROFILES)}.")
    if category not in CATEGORIES:
        raise ValueError(f"Unknown category {category!r}; the categories are {', '.join(CATEGORIES)}.")
    config = PROFILES[profile](category, int(seed))
    for name, value in overrides.items():
        config = _override(config, name.split("__"), value, name)
    return config


def _override(node: Any, path: list[str], value: Any, name: str) -> Any:
    known = [f.name for f in fields(node)]
    if path[0] not in known:
        raise ValueError(f"Unknown setting {name.replace('__', '.')!r}; here one of {', '.join(known)} is possible.")
    child = getattr(node, path[0])
    if len(path) > 1:
        if not is_dataclass(child):
            raise ValueError(f"Setting {name.replace('__', '.')!r}: {path[0]} has no parts.")
        return replace(node, **{path[0]: _override(child, path[1:], value, name)})
    return replace(node, **{path[0]: value})


def as_json(config: Config) -> dict[str, Any]:
    """The configuration as plain JSON types."""
    return asdict(config)
