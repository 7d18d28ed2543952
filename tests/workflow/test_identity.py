"""A stage's identity holds everything that its result depends on, and nothing else.

Every stage is computed once at the size of a test while a watched configuration notes which of its settings are read:
by the computation itself, or in telling what is to be computed. Then every setting is changed, and every weight file:
the identity of a stage must change with whatever its computation reads, and with nothing that is read nowhere.
"""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from functools import cache, partial
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.torch import save_file

from ganverse_nb.config import Config, load_config
from ganverse_nb.gan.checkpoint import bundled
from ganverse_nb.gan.keypoints import bundled_keypoints
from ganverse_nb.runtime.files import plain, sha256
from ganverse_nb.segmentation.mask_rcnn import bundled_path
from ganverse_nb.workflow import experiments, photo_stages, stages
from ganverse_nb.workflow.run import Run

TINY = {
    "photos.train": 24,
    "photos.test": 20,
    "photos.truth": 1,
    "views.codes": "chosen",
    "views.views": 3,
    "views.tiers": (14.0,),
    "views.tier_views": 1,
    "views.candidates": 12,
    "views.contents": 3,
    "views.split_layers": (1, 2),
    "views.measured": 2,
    "views.regressor_steps": 3,
    "views.regressor_batch": 8,
    "multiview.contents": 8,
    "multiview.test_contents": 3,
    "inverse.steps": 4,  # the trainings have lengths of their own: what one of them reads is not another's
    "inverse.perceptual_after": 1,
    "inverse.robust_steps": 4,  # three quarters of it are the photo model's, of five more than of four
    "inverse.head_steps": 2,
    "inverse.head_pictures": 2,
    "inverse.head_renders": 1,
    "inverse.pairs": 2,
    "inverse.weight_albedo_prior": 0.5,
    "photo_model.photos": 20,
    "photo_model.steps": 3,
    "initialization.steps": 5,
    "initialization.recovery_steps": 2,
    "initialization.recovery_contents": 2,
    "initialization.recovery_views": 6,
    "ablation.steps": 6,
    "light.steps": 7,
    "stylegan_r.warmup_steps": 3,
    "stylegan_r.finetune_steps": 2,
    "stylegan_r.evaluate_every": 1,
    "stylegan_r.fresh_contents": 4,
    "stylegan_r.mask_steps": 2,
    "stylegan_r.validation_contents": 3,
}
ALLOWING = {"weights", "evaluation"}  # sections that say what may be done or how it is measured, and decide no stage
OTHER = {  # settings whose other value cannot be made up
    "views.codes": "bundled",
    "gan.network": None,  # a weight file: see below
    "segmenter.weights": None,
    "segmenter.photographs": None,
    "photo_model.photographs": None,  # a folder: tests/data has tests of those
    "inverse.perceptual_backbone": None,  # "lpips" needs its weights: tests/inverse_graphics
    "stylegan_r.view_rest": "mean",
    "multiview.resolution": 32,
}
STAGES = {
    "train_photos": stages.train_photos_stage,
    "test_photos": stages.test_photos_stage,
    "ground_truth_views": stages.ground_truth_views_stage,
    "pose_regressor": stages.pose_regressor_stage,
    "view_codes": stages.view_codes_stage,
    "view_gate": stages.view_gate_stage,
    "gan_kid": stages.gan_kid_stage,
    "multiview": stages.multiview_stage,
    "inverse_graphics": stages.inverse_graphics_stage,
    "framing": stages.framing_stage,
    "domain": stages.domain_stage,
    "domain_check": stages.domain_check_stage,
    "stylegan_r": stages.stylegan_r_stage,
    "annotated_photos": experiments.annotated_photos_stage,
    "photo_model": experiments.photo_model_stage,
    "view_initialization": partial(experiments.initialized_graphics_stage, initial="view"),
    "ablation_full_0": partial(experiments.ablation_stage, variant="full", seed=0),
    "ablation_full_0_scores": partial(experiments.ablation_scores_stage, variant="full", seed=0),
    "recovery_15": partial(experiments.recovery_stage, noise=15.0),
    "light_light": partial(experiments.light_variant_stage, name="light"),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("identity")
    return Run(load_config("smoke", settings=TINY), root / "runs", root / "figures", shipped=False)


@pytest.fixture(scope="module")
def reads(run):
    """(stage, settings that its computation read), and (stage, those that were read in telling of it).

    What the stages read that it called for is theirs.
    """
    patch = pytest.MonkeyPatch()
    computing, telling, within = {}, {}, []

    @contextmanager
    def inside(book, name):
        within.append((book, name))
        try:
            yield
        finally:
            within.pop()

    def watch(section, mine):
        cls = type(mine)
        plain = cls.__getattribute__

        def read(self, name):
            value = plain(self, name)
            if within and within[-1][0] is not None and name in cls.__dataclass_fields__:
                book, stage = within[-1]
                # a copy with other steps, say, has its other settings from here; a segmenter's file has its own
                if self is mine or (section != "segmenter" and value == plain(mine, name)):
                    book.setdefault(stage, set()).add(f"{section}.{name}")
            return value

        patch.setattr(cls, "__getattribute__", read)

    def unwatched(owner, name):
        plain = getattr(owner, name)

        def call(*arguments, **options):
            with inside(None, None):
                return plain(*arguments, **options)

        patch.setattr(owner, name, call)

    for module in (photo_stages, stages, experiments):
        for name in dir(module):
            if name.endswith("_stage"):
                unwatched(module, name)
    patch.setattr(Run, "command", "watched")  # tells every setting
    compute = Run._stage

    def computed(self, name, work, settings, identity, shared=False):
        def body(directory):
            computing.setdefault(name, set())
            with inside(computing, name):
                work(directory)

        with inside(None, None):
            return compute(self, name, body, settings, identity, shared)

    patch.setattr(Run, "_stage", computed)
    unwatched(Run, "finish")
    for field in fields(Config):
        value = getattr(run.config, field.name)
        if is_dataclass(value):
            watch(field.name, value)
    try:
        for name, tell in STAGES.items():
            with inside(telling, name):
                stage = tell(run)
            run.finish(stage)
    finally:
        patch.undo()
    return computing, telling


class Paper:
    """A run that is only asked what its stages depend on: it has no directory."""

    def __init__(self, config):
        self.config, self.command, self.directory = config, "", Path("nowhere")

    def use_weights(self, name, path):
        pass

    def note(self, key, value):
        pass


def identities(config):
    """Stage -> what it adds to the identity of its needs, in words; and stage -> identity."""
    told = {name: tell(Paper(config)) for name, tell in STAGES.items()}
    own = {name: json.dumps(_own(stage), sort_keys=True) for name, stage in told.items()}
    return own, {name: stage.identity for name, stage in told.items()}


def _own(stage):
    return [plain(stage.settings), [need.name for need in stage.needs]]


@pytest.fixture(autouse=True)
def hashes_once(monkeypatch):
    """The same files are asked for in every one of the hundred configurations."""
    for module in (stages, experiments):
        monkeypatch.setattr(module, "sha256", cache(sha256))


def settings():
    config = load_config("smoke", settings=TINY)
    for section in fields(config):
        part = getattr(config, section.name)
        if is_dataclass(part) and section.name not in ALLOWING:
            yield from (f"{section.name}.{field.name}" for field in fields(part))


def changed(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1 if value < 10 else value - 1
    if isinstance(value, tuple):
        return (*(changed(v) for v in value[:1]), *value[1:]) if value and not isinstance(value[0], str) else value[:-1]
    return value + "x"


def test_a_setting_changes_exactly_the_stages_that_read_it(run, reads):
    computing, telling = reads
    assert set(STAGES) <= set(computing), "a stage was not computed"
    before, wrong = identities(run.config), []
    for name in settings():
        section, field = name.split(".")
        value = OTHER.get(name, changed(getattr(getattr(run.config, section), field)))
        if value is None:
            continue
        other = replace(run.config, **{section: replace(getattr(run.config, section), **{field: value})})
        own, whole = ({s for s in STAGES if a[s] != b[s]} for a, b in zip(identities(other), before, strict=True))
        read = {stage for stage in STAGES if name in computing.get(stage, ())}
        if missing := read - whole:
            wrong.append(f"{name} is read by {sorted(missing)}, whose identity does not have it")
        if idle := {stage for stage in own - read if name not in telling.get(stage, ())}:
            wrong.append(f"{name} changes the identity of {sorted(idle)}, which do not read it")
    assert not wrong, "\n" + "\n".join(wrong)


def _stamped(source, target):
    """A copy of a weight file that holds the same and is another one."""
    if source.suffix == ".safetensors":
        with safe_open(source, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            save_file(tensors, target, metadata=(file.metadata() or {}) | {"copy": "another"})
    else:
        target.write_text(source.read_text() + "\n")
    return target


@pytest.mark.parametrize(
    ("setting", "file", "readers"),
    [
        (
            "gan.network",
            lambda: bundled("car", "teacher"),
            {"view_codes", "view_gate", "gan_kid", "multiview", "photo_model"},
        ),
        ("views.codes", lambda: bundled("car", "views"), {"view_gate", "multiview"}),
        ("segmenter.weights", lambda: bundled_path("car"), {"view_gate", "multiview", "domain"}),
        ("segmenter.photographs", lambda: bundled_path("photographs"), {"domain"}),
    ],
)
def test_a_weight_file_changes_exactly_the_stages_that_read_it(run, setting, file, readers, tmp_path):
    """Stages made from these change with them."""
    (tmp_path / "one").mkdir()
    copies = [shutil.copy(file(), tmp_path / "one"), _stamped(file(), tmp_path / file().name)]
    section, field = setting.split(".")
    bundled_codes = replace(run.config, views=replace(run.config.views, codes="bundled"))
    config = bundled_codes if setting == "views.codes" else run.config
    both = [
        identities(replace(config, **{section: replace(getattr(config, section), **{field: str(path)})}))
        for path in copies
    ]
    (one, _), (other, _) = both
    assert {stage for stage in STAGES if one[stage] != other[stage]} == readers


def test_a_foreground_network_is_told_by_its_kind_and_its_file(run, tmp_path):
    """A stage that reads masks names no file before the network is read, so a file of any content will do here."""

    def told(weights):
        return identities(replace(run.config, segmenter=replace(run.config.segmenter, weights=weights)))[0]

    (tmp_path / "elsewhere").mkdir()
    files = [tmp_path / "one.onnx", tmp_path / "elsewhere" / "two.onnx", tmp_path / "other.onnx"]
    for file, content in zip(files, ("network", "network", "another")):
        file.write_text(content)
    one, moved, other = (told(f"onnx:{file}") for file in files)
    assert one == moved
    readers = {"view_gate", "multiview", "domain"}
    assert {stage for stage in STAGES if one[stage] != other[stage]} == readers
    plain_file = told(str(files[0]))  # the same bytes, read as a segmenter of one's own
    assert {stage for stage in STAGES if one[stage] != plain_file[stage]} == readers


def test_keypoints_change_the_training_that_begins_at_them(tmp_path, monkeypatch):
    run = Run(load_config("smoke"), tmp_path / "runs", tmp_path / "figures", shipped=False)
    tell = [
        lambda: experiments.initialized_graphics_stage(run, "keypoint").identity,
        lambda: experiments.ablation_stage(run, "keypoint_cameras", 0).identity,
        lambda: experiments.initialized_graphics_stage(run, "view").identity,
    ]
    before = [identity() for identity in tell]
    copy = _stamped(bundled_keypoints("car"), tmp_path / "keypoints.json")
    monkeypatch.setattr("ganverse_nb.workflow.keypoints.bundled_keypoints", lambda category: copy)
    assert [a == identity() for a, identity in zip(before, tell, strict=True)] == [False, False, True]


def test_a_changed_need_changes_what_is_made_from_it(run, tmp_path):
    other = Run(replace(run.config, multiview=replace(run.config.multiview, contents=13)), tmp_path, tmp_path)
    for stage in ("inverse_graphics", "framing", "domain", "stylegan_r", "light_light"):
        assert STAGES[stage](other).identity != STAGES[stage](run).identity
    for stage in ("train_photos", "pose_regressor", "view_codes", "gan_kid", "photo_model"):
        assert STAGES[stage](other).identity == STAGES[stage](run).identity
