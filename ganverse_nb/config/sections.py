"""Every number that is a choice: one frozen dataclass per stage, and `Config`, which has them all.

Where the paper does not state a value, the comment gives the reason for ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ganverse_nb.categories import DEFAULT, TEMPLATE, Category, find_category
from ganverse_nb.runtime.files import plain
from ganverse_nb.runtime.settings import RuntimeConfig, later


@dataclass(frozen=True)
class PhotoConfig:
    """Photographs from the studio, which play the part of LSUN and Pascal3D+ pictures."""

    train: int = 8000  # for the pose regressor that measures views
    test: int = 400  # never seen by any network; 0 for all three: no network here has learned from studio photos
    truth: int = 32  # objects that are photographed from all sides, for errors in 3D


@dataclass(frozen=True)
class StudioConfig:
    """The photo studio itself."""

    edition: int = 1  # 2 varies far more (`studio.randomization`); the bundled networks learned from 1


@dataclass(frozen=True)
class GanConfig:
    """The StyleGAN2 teacher; research: 1.1M parameters at 64 px learn cars in half an hour on two cores."""

    # the package's ("bundled", "bundled-128"), "trained" (by `train-gan` in the same run), or a file of any known kind
    network: str = "bundled"
    resolution: int = 64  # this and the rest: of a training
    z_dim: int = 128
    w_dim: int = 128
    mapping_layers: int = 4
    channels: tuple[int, ...] = (128, 128, 128, 64, 32)  # of 4, 8, 16, ... px
    batch: int = 32
    images: int = 400_000  # training length, counted in real pictures shown
    photos: int = 40_000  # size of the training set
    generator_lr: float = 5e-3  # of equalised weights; above the official 2e-3, for a training 60 times shorter
    discriminator_lr: float = 2e-3
    discriminator_filter: bool = False  # the official FIR before every halving slows D down ten times at first
    noise: bool = False  # fixed to the picture, not to the object: in a short training it takes over the surfaces
    r1_gamma: float = 0.3  # for studio photos; `auto_r1_gamma` for pictures of one's own
    r1_interval: int = 16
    path_length_weight: float = 2.0
    path_length_interval: int = 8
    path_length_batch: int = 8
    mixing_probability: float = 0.9
    mixing_layers: tuple[int, int] = (2, 2)  # crossovers drawn at the split push shape into the content code
    pair_weight: float = 1.0  # of judging pairs of one view, which frees the view code of the body; 0 without cameras
    # pixels: blocks of fewer stay as they were where the training begins with others' networks, and so does every w;
    # what the first layers' codes mean, which views there are for instance, then holds for the new network as well
    frozen_below: int = later(0)
    keep_weight: float = later(0.0)  # of looking as the others' pictures do at their size: without it colours fringe
    mirror: bool = False  # half of the photos mirrored: doubles a small set, but left and right become the same
    augment: str = ""  # of gan.augment: "color,translation,cutout" or some of them; "auto": where few are shown often
    bfloat16: bool = True  # convolutions, on processors that have it: twice as fast; losses stay float32


@dataclass(frozen=True)
class ViewConfig:
    """Choosing view codes and measuring whether they hold the view (section 3.1)."""

    codes: str = (
        "bundled"  # or "chosen" (by the regressor), "labelled" (in notebook 02), "suggested" (by nobody), a file
    )
    split_layer: int = 2  # k of codes that are made here; 0: as outlines suggest; bundled ones and files bring theirs
    views: int = 24  # view codes on the orbit around the object
    tiers: tuple[float, ...] = (6.0, 22.0)  # degrees of elevation of further view codes, below and above the orbit ...
    tier_views: int = 8  # ... and how many of each
    candidates: int = 2000  # random view codes looked at
    contents: int = 24  # contents that view codes are measured with
    bin_degrees: float = 20.0  # in the curve over k: the best code of each bin counts as chosen
    split_layers: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    measured: int = 64  # random view codes per split layer in the curve over k
    regressor_steps: int = 1400  # 0: the GAN's pictures are not like the studio's, so nothing reads azimuths off them
    regressor_batch: int = 64


@dataclass(frozen=True)
class SegmenterConfig:
    """The small Mask R-CNN, trained on studio photos, that stands in for COCO's where that one cannot be had."""

    # See load_segmenter: "auto", "bundled", "coco", "rembg", "onnx:FILE" or a file; and what the run itself trains:
    # "trained", or from the GAN's own features "clicks" (of notebook 02), "clicks:FILE" or "features" (no click).
    weights: str = "auto"
    photographs: str = "auto"  # the same, for photographs; "auto": the package's network for them, else `weights`
    photo_camera: str = later("auto")  # reads cameras off photographs: "auto", the package's, "none", or a file
    score: float = later(0.5)  # from which an instance in the GAN's pictures counts
    working_size: int = 128  # pictures are scaled to this; twice the GAN's 64 px, so that masks are finer than pixels
    widths: tuple[int, ...] = (16, 32, 64, 96)  # channels at 1/2, 1/4, 1/8 and 1/16 of the working size
    fine_channels: int = 24  # of the levels that masks and boxes are read from
    coarse_channels: int = 64  # of the level that proposals are read from
    mask_channels: int = 32
    photos: int = 6144  # size of the training set
    steps: int = 1400
    batch: int = 16
    lr: float = 2e-3
    bf16: bool = True  # in training: a third faster on processors that have it
    held_out: int = 256  # of the photos, the last ones: for the IoU that is logged
    evaluate_every: int = 200


@dataclass(frozen=True)
class MultiviewConfig:
    """The "StyleGAN multi-view dataset" (section 3.1)."""

    contents: int = 220
    test_contents: int = 20
    minimum_mask: float = 0.10  # of the picture, as in the paper
    maximum_mask: float = later(1.0)  # of the picture; the paper has no such bound
    one_instance: bool = later(True)  # whether pictures with more than one are removed, as in the paper
    truncation: float = 1.0  # of contents, here and where view codes are measured; 1: as varied as the GAN draws them
    resolution: int = 0  # of the pictures that all later networks see; 0: the GAN's


@dataclass(frozen=True)
class InverseGraphicsConfig:
    """Section 3.2, Eq 1 and Eq 2, with the weights of section 4.1."""

    texture_size: tuple[int, int] = (64, 128)
    pairs: int = 8  # objects per step
    views_per_object: int = 2  # that share one shape and texture in a step (Eq 2); 1 is Eq 1, without consistency
    steps: int = 7600
    perceptual_after: int = 5600
    lr: float = 5e-4
    camera_lr: float = 2e-3  # radians and world units; not stated in the paper
    decay_lr: bool = True  # down a cosine in the second half; not in the paper
    camera_share: float = 0.3  # of the steps, in which the cameras move: measured, their error grows again afterwards
    weight_iou: float = 3.0
    weight_color: float = 20.0
    weight_laplacian: float = 5.0
    weight_flatten: float = 5.0
    weight_movement: float = 2.5
    weight_perceptual: float = 0.5
    perceptual_pictures: int = 4  # of a step's renders that get the perceptual term, drawn at random
    # "lpips", "discriminator", or "auto": LPIPS if it is here with its weights. What is learned must not depend on what
    # happens to lie in a cache, so the profiles name one.
    perceptual_backbone: str = "discriminator"
    sigma: tuple[float, float] = (1 / 7000, 5e-6)  # softness of the silhouette at the start (kaolin's) and at the end
    initial_elevation: float = 8.0  # the paper says 0; its views are seen from 0 to 30
    initial_distance: float = 2.3
    template: tuple[float, ...] = TEMPLATE  # half axes x, y, z of what is deformed; none: fitted to the masks
    detail: int = later(1)  # of the sphere that is deformed: 1 has 642 vertices, 2 has 2,562, 3 has 5,762
    smoothing: float = 4.0  # of the shape head's offsets, in edges; this and the next four: not in the paper
    symmetric_shape: bool = True
    symmetric_texture: bool = True
    mirror_pictures: bool = True  # half of the pairs are shown mirrored, with mirrored cameras
    clip_gradients: float = 5.0  # the largest norm of a step's gradient; 0: any
    robust_steps: int = 1500  # of f, after those: on pictures and renders as photographs are; not in the paper
    robust_lr: float = 3e-4
    head_steps: int = 2000  # camera head, after f
    head_lr: float = 2e-3
    head_pictures: int = 8  # of the dataset in a step of the camera head
    head_renders: int = 3  # of each of their meshes in that step
    elevations: tuple[float, float] = (-3.0, 45.0)  # degrees, of all those renders: beyond those of the view codes
    light: bool = False  # f also predicts spherical harmonic light (appendix K); the paper leaves it out, as do we
    weight_albedo_prior: float = 0.0  # of the texture's variation, which light is to explain; not in the paper

    def lasting(self, steps: int) -> InverseGraphicsConfig:
        """The same in so many steps; perceptual term and robust steps keep their shares of them."""
        share = steps / self.steps
        return replace(
            self,
            steps=steps,
            perceptual_after=round(self.perceptual_after * share),
            robust_steps=round(self.robust_steps * share),
        )


@dataclass(frozen=True)
class PhotoModelConfig:
    """The baseline of section 4.1: the same network, trained on single photographs with annotated cameras."""

    photographs: str = ""  # folder of Pascal3D+ (cars), CUB-200-2011 or NABirds (birds); without it the studio's
    photos: int = 4000  # of the studio; the paper counts 4175 cars in Pascal3D+
    keypoint_noise: float = 0.01  # standard deviation of an annotated keypoint, as a share of the picture's side
    keypoint_missed: float = 0.1  # share of the visible keypoints that nobody marked
    maximum_error: float = 0.01  # of the keypoints under the fitted camera; CMR's rule
    steps: int = 3000  # 16 photographs each, as many as `inverse` shows; the other settings are `inverse`'s


@dataclass(frozen=True)
class InitializationConfig:
    """Appendix D: trainings from other initial cameras, compared among themselves; without camera head."""

    steps: int = 1200  # of each of the two trainings of Table A, else with the settings of `inverse`
    camera_share: float = 0.6  # of the steps, in which the cameras move: so few steps would not bring them far else
    recovery_steps: int = 600
    recovery_contents: int = 48  # objects of the studio, seen by known cameras
    recovery_views: int = 24
    recovery_noise: tuple[float, ...] = (15.0, 30.0)  # degrees, at most: half a bin of labels, and a whole one


@dataclass(frozen=True)
class AblationConfig:
    """Figures 6 and P: trainings that differ in one part of `inverse`, compared among themselves; no camera head."""

    variants: tuple[str, ...] = (  # of inverse_graphics.ablation; all are compared with `full`
        "full",
        "no_multiview",
        "no_perceptual",
        "fixed_cameras",
        "four_views",
        "keypoint_cameras",
    )
    seeds: int = 3  # trainings of every variant, on the same pictures
    steps: int = 1200  # of each; the perceptual term sets in at the same share of them as in `inverse`
    camera_share: float = 0.6  # of the steps, in which the cameras move, for the reason in `InitializationConfig`


@dataclass(frozen=True)
class LightConfig:
    """Appendix K: trainings with and without light, compared among themselves; cameras as `inverse` left them."""

    steps: int = 1200  # of each of the trainings, else with the settings of `inverse`; without camera head
    weight_albedo_prior: float = 1.0  # of one further training with light; 0: there is none
    photos: int = 96  # of the studio, with known light and colours, to measure with


@dataclass(frozen=True)
class StyleGANRConfig:
    """Section 3.3, Eq 3 to Eq 6. Losses are in units of the data's own variance, so that weights are near 1."""

    warmup_steps: int = 3000
    finetune_steps: int = 500
    batch: int = 16
    warmup_lr: float = 1e-3
    finetune_lr: float = 5e-4  # of the mapping network in the joint stage
    generator_lr: float = 1e-3  # of the generator in the joint stage
    adversary_lr: float = 1e-3  # of the discriminator in the joint stage
    joint_decay_from: float = 0.7  # of the joint stage: from there these three fall to zero; 1: they stay
    average: float = 0.98  # what is kept is a running average of the weights, of about 1 / (1 - this) steps; 0: none
    hidden: int = 256  # width of the four networks
    view_share: float = 144 / 2048  # share of the view code's dimensions that are mapped from the camera
    view_rest: str = "interpolate"  # the other dimensions: between the nearest chosen views, or their "mean"
    view_harmonics: int = 3  # of the azimuth; the chosen views are too few for more
    view_offset: int = 128  # hidden units of a network from the camera to an offset of all styles; 0: none, as in Eq 3
    zoom_at: int = 8  # pixels a side of the features that are resampled to the asked scale; 0: none, as in Eq 3
    camera_jitter: float = 0.25  # on elevation and scale, in units of their spread: few views, or they explain azimuth
    warmup_decay_from: float = 0.6  # of the warm-up: from there the learning rate falls to zero; 1: it stays
    weight_entropy: float = 0.3  # 0.01 left the gates at a third each
    entropy_ramp: float = 0.7  # of the warm-up, in which the entropy's weight grows from zero; 0: it is there at once
    gate_lr_multiplier: float = 10.0  # the gates are single numbers per dimension and move slower than networks
    fresh_contents: int = 2000  # drawn beside the dataset's, which alone would be learned by heart
    hide_probability: float = 0.5  # of a second silhouette cut out of the background, so g_b cannot read the shape
    weight_shape: float = 1.0  # the four terms of Eq 6
    weight_texture: float = 2.0
    weight_background: float = 1.0
    weight_same_background: float = 1.0
    scales: tuple[float, float] = (0.75, 1.33)  # that the joint stage asks for, as shares of the dataset's
    elevation_reach: float = 1.0  # degrees that it asks for beyond those of the chosen views
    weight_camera: float = 1.0  # angles against the camera head's reading; this and the next ones are not in Eq 6
    weight_adversarial: float = 1.0  # the game with the teacher's discriminator goes on
    adversary_r1_gamma: float = 0.3
    adversary_r1_interval: int = 8
    weight_silhouette: float = 4.0  # the object's mask in the picture against DIB-R's silhouette: 1 - soft IoU
    weight_colors: float = 12.0  # the object's colours, blurred, against DIB-R's render (L1)
    weight_surroundings: float = 12.0  # what is known of the background against the picture, likewise
    weight_code: float = 0.3  # Eq 5 goes on in the joint stage, so that the mapping network forgets nothing
    weight_anchor: float = 0.0  # pictures of the data set's own codes stay what they are (L1)
    clip_gradients: float = 0.0  # the largest norm of a joint step's gradient; 0: any
    bfloat16: bool = True  # convolutions of the joint stage, on processors that have it
    mask_steps: int = 400  # of the differentiable stand-in for the segmenter
    validation_contents: int = 16  # held out of training, to evaluate the joint stage on
    evaluate_every: int = 100
    keep_best: bool = True  # of the joint stage, by these evaluations, and end early; False: all steps, the last state
    patience: int = 6  # evaluations without improvement


@dataclass(frozen=True)
class EvaluationConfig:
    """How much the notebooks measure with; no stage reads it, and nothing is learned from it."""

    azimuths: int = 24  # that renderers are asked for, at each of two elevations and two scales (Figure J)
    pictures: int = 400  # of the KID of renderers
    projection_steps: int = 200  # of the search for a picture's latent code (Figure 8)
    tuning_steps: int = later(120)  # of StyleGAN-R around one photograph (Figures 8, 11 and L)
    objects_of_a_kind: int = 16  # usual and unusual ones, whose shapes are compared with true ones (Figure O)
    studio_objects: int = 4  # that stand for real photographs where there is no folder of them


@dataclass(frozen=True)
class WeightsConfig:
    """Weights that others publish: COCO's and VGG16's, where `segmenter` and `inverse` ask for them by name."""

    download: bool = False  # the first time, without asking; no result depends on it, so a run's directory keeps none


@dataclass(frozen=True)
class Config:
    """Everything that decides a run."""

    profile: str
    category: str = DEFAULT
    seed: int = 0
    studio: StudioConfig = field(default_factory=StudioConfig)
    photos: PhotoConfig = field(default_factory=PhotoConfig)
    gan: GanConfig = field(default_factory=GanConfig)
    views: ViewConfig = field(default_factory=ViewConfig)
    segmenter: SegmenterConfig = field(default_factory=SegmenterConfig)
    multiview: MultiviewConfig = field(default_factory=MultiviewConfig)
    inverse: InverseGraphicsConfig = field(default_factory=InverseGraphicsConfig)
    photo_model: PhotoModelConfig = field(default_factory=PhotoModelConfig)
    initialization: InitializationConfig = field(default_factory=InitializationConfig)
    ablation: AblationConfig = field(default_factory=AblationConfig)
    light: LightConfig = field(default_factory=LightConfig)
    stylegan_r: StyleGANRConfig = field(default_factory=StyleGANRConfig)
    evaluation: EvaluationConfig = later(EvaluationConfig())
    weights: WeightsConfig = field(default_factory=WeightsConfig)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)
    own: Category | None = later(None)  # what is known of `category`, where it is a user's

    @property
    def kind(self) -> Category:
        """What is known of the category."""
        return self.own or find_category(self.category)

    @property
    def resolution(self) -> int:
        """Width and height of the pictures that everything after the GAN works on."""
        return self.multiview.resolution or self.gan.resolution

    @property
    def has_studio(self) -> bool:
        """Whether the GAN's pictures are like the studio's, so that photos of known cameras can measure it."""
        return self.photos.train > 0 and self.photos.test > 0 and self.views.regressor_steps > 0


def as_json(config: Config) -> dict[str, Any]:
    """The configuration as plain JSON types."""
    return dict(plain(config))
