from dataclasses import replace

import pytest
import torch

from ganverse_nb.config import InverseGraphicsConfig
from ganverse_nb.data.annotated import AnnotatedPhotos
from ganverse_nb.data.multiview import MultiViewDataset, ViewSets
from ganverse_nb.evaluation.reconstruction import score_dataset
from ganverse_nb.geometry.angles import angle_error
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.overlap import hard_iou
from ganverse_nb.inverse_graphics import training
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.inference import reconstruct
from ganverse_nb.inverse_graphics.perceptual import feature_distance
from ganverse_nb.inverse_graphics.training import MODEL, PHASE, Trainer, flip_where, train_inverse_graphics
from ganverse_nb.render.renderer import render
from ganverse_nb.runtime.checkpoints import METRICS, STATE, read_metrics
from ganverse_nb.runtime.errors import DivergedError

SHORT = replace(
    InverseGraphicsConfig(),
    pairs=2,
    steps=4,
    perceptual_after=2,
    robust_steps=2,
    head_steps=2,
    texture_size=(32, 64),
)


class Edges:
    """Features enough for a test."""

    name = "edges"

    def distance(self, a, b):
        return feature_distance(*([images.diff(dim=-1), images[..., ::4, ::4]] for images in (a, b)))


edges = Edges()


@pytest.fixture(scope="module")
def trained(world, tmp_path_factory):
    """A short but real training."""
    config = replace(
        InverseGraphicsConfig(),
        pairs=4,
        steps=160,
        perceptual_after=120,
        lr=1e-3,
        camera_lr=1e-2,
        robust_steps=40,
        head_steps=150,
    )
    directory = tmp_path_factory.mktemp("training")
    return train_inverse_graphics(world.dataset, config, directory, edges), directory, config


def test_shapes_and_cameras_are_learned_from_pictures_with_coarse_labels(world, trained):
    model, _, config = trained
    scores = score_dataset(model, world.dataset, world.dataset.test_contents)
    start = training.new_model(world.dataset, config, 0)
    assert len(training.new_model(world.dataset, replace(config, detail=2), 0).network.template) == 2562
    before = score_dataset(start, world.dataset, world.dataset.test_contents)
    assert scores.same_view > 0.85 and scores.novel_view > 0.85
    assert scores.same_view > before.same_view and scores.novel_color < before.novel_color
    error = [angle_error(m.cameras().azimuth.detach(), world.azimuth) for m in (start, model)]
    assert error[1].mean < 0.6 * error[0].mean


def test_the_camera_head_sees_where_a_picture_was_taken_from(world, trained):
    model, _, _ = trained
    dataset, views = world.dataset, torch.arange(6)
    images, masks = dataset.batch(dataset.test_contents.repeat(6), views)
    mesh, camera = reconstruct(images, masks, model)
    assert angle_error(camera.azimuth, world.azimuth).median < 30  # chance: 90
    assert hard_iou(render(mesh, camera, 64).mask, masks).mean() > 0.6


def test_every_term_of_equation_1_is_logged_and_the_perceptual_one_joins_late(trained):
    _, directory, config = trained
    rows = read_metrics(directory / METRICS, PHASE)
    assert [r["step"] for r in rows] == [50, 100, 150, 200, 250, 300, 350]
    assert {"iou", "color", "laplacian", "flatten", "movement", "loss"} <= set(rows[0])
    assert "perceptual" not in rows[1] and "perceptual" in rows[2]
    assert {"robust_iou", "robust_vertices", "robust_texture"} <= set(rows[3]) and "head_azimuth" in rows[-1]
    r = rows[2]
    terms = ("iou", "color", "laplacian", "flatten", "movement", "perceptual")
    assert r["loss"] == pytest.approx(sum(getattr(config, f"weight_{t}") * r[t] for t in terms), abs=1e-3)


def test_an_interrupted_training_ends_where_an_uninterrupted_one_does(world, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "CHECKPOINT_EVERY", 3)
    monkeypatch.setattr(training, "LOG_EVERY", 1)
    whole = train_inverse_graphics(world.dataset, SHORT, tmp_path / "whole", edges)
    head_step = Trainer.head_step

    def breaks(trainer):
        if trainer.step == 7:
            raise KeyboardInterrupt
        return head_step(trainer)

    monkeypatch.setattr(Trainer, "head_step", breaks)
    with pytest.raises(KeyboardInterrupt):
        train_inverse_graphics(world.dataset, SHORT, tmp_path, edges)
    monkeypatch.setattr(Trainer, "head_step", head_step)
    assert (tmp_path / STATE).exists() and not (tmp_path / MODEL).exists()
    with pytest.raises(ValueError, match=r"state.pt was begun with other settings \(inverse.lr .* there, 0.5 now\)"):
        train_inverse_graphics(world.dataset, replace(SHORT, lr=0.5), tmp_path, edges)
    resumed = train_inverse_graphics(world.dataset, SHORT, tmp_path, edges)
    for (name, a), b in zip(whole.state_dict().items(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    assert [row["step"] for row in read_metrics(tmp_path / METRICS, PHASE)] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert not (tmp_path / STATE).exists()


def test_a_finished_training_is_loaded_and_the_global_random_state_is_left_alone(world, tmp_path):
    torch.manual_seed(3)
    wanted = torch.rand(1)
    torch.manual_seed(3)
    first = train_inverse_graphics(world.dataset, SHORT, tmp_path, edges)
    assert torch.equal(torch.rand(1), wanted)
    stamp = (tmp_path / MODEL).stat().st_mtime_ns
    second = train_inverse_graphics(world.dataset, SHORT, tmp_path, edges)
    assert torch.equal(first.cameras.azimuth, second.cameras.azimuth) and (tmp_path / MODEL).stat().st_mtime_ns == stamp


@pytest.mark.parametrize(("rate", "step"), [("lr", 2), ("robust_lr", 6), ("head_lr", 8)])
def test_a_training_that_diverges_stops_and_names_the_settings_to_try(world, tmp_path, monkeypatch, rate, step):
    """f, its robust steps and the camera head; a checkpoint is kept after 4 steps."""
    monkeypatch.setattr(training, "CHECKPOINT_EVERY", 4)
    kept = r"no state was kept yet" if step < 4 else r"state.pt still holds step 4"
    told = rf"inverse_graphics diverged: .* is not finite at step {step} \(.*{kept}\); .*inverse.{rate} "
    with pytest.raises(DivergedError, match=told):
        train_inverse_graphics(world.dataset, replace(SHORT, **{rate: 1e30}), tmp_path, edges)
    assert not (tmp_path / MODEL).exists() and (tmp_path / STATE).exists() == (step > 4)


def test_a_finished_training_with_other_settings_pictures_or_cameras_is_refused(world, tmp_path):
    model, dataset = train_inverse_graphics(world.dataset, SHORT, tmp_path, edges), world.dataset
    cameras = LearnableCameras.of(Camera.orbit(world.azimuth, 12.0, 2.3))
    fewer = MultiViewDataset(dataset.images, dataset.masks, dataset.keep, dataset.azimuth_bin, test_contents=2)
    for pictures, config, seed, given, differs in (
        (dataset, replace(SHORT, weight_color=1.0), 0, None, "inverse.weight_color .* there, 1.0 now"),
        (dataset, SHORT, 1, None, "seed 0 there, 1 now"),
        (dataset, SHORT, 0, cameras, "initial_cameras .* there, .* now"),
        (fewer, SHORT, 0, None, "pictures.count 24 there, 18 now"),
    ):
        with pytest.raises(ValueError, match=rf"model.safetensors was begun with other settings \({differs}"):
            train_inverse_graphics(pictures, config, tmp_path, edges, seed, cameras=given)
    model.save(tmp_path / MODEL)
    with pytest.raises(ValueError, match="does not tell with which settings"):
        train_inverse_graphics(dataset, SHORT, tmp_path, edges)


def test_a_perceptual_term_without_features_is_refused(world, tmp_path):
    with pytest.raises(ValueError, match="features"):
        train_inverse_graphics(world.dataset, SHORT, tmp_path)


def test_a_render_explains_its_own_picture_in_both_views(world, tmp_path):
    """Eq 2: the mesh of view i is compared in view i and in view j; the truth leaves next to no picture error."""
    dataset, config = world.dataset, replace(SHORT, weight_perceptual=0.0)
    trainer = Trainer(dataset, config, tmp_path, None, 0, "cpu", False)
    with torch.no_grad():
        trainer.model.cameras.azimuth.copy_(torch.deg2rad(world.azimuth))
        trainer.model.cameras.elevation.fill_(torch.deg2rad(torch.tensor(12.0)).item())
    pairs = ViewSets(torch.tensor([0, 0]), torch.tensor([[1, 4], [3, 0]]))
    for mirrored in (torch.tensor([False, False]), torch.tensor([True, True])):
        (image_i, mask_i), (image_j, mask_j) = trainer.pictures(pairs, mirrored)
        camera = trainer.model.cameras(torch.cat(pairs.views), mirrored.repeat(2))
        mesh = world.true_mesh(0, 2)
        terms = trainer.terms(mesh, camera, torch.cat([image_i, image_j]), torch.cat([mask_i, mask_j]))
        assert terms["color"] < 0.003 and terms["iou"] < 0.1
        wrong = trainer.terms(mesh, camera, torch.cat([image_j, image_i]), torch.cat([mask_j, mask_i]))
        assert wrong["color"] > 3 * terms["color"] and wrong["iou"] > 2 * terms["iou"]


def single_photos(world):
    """Each of the world's pictures as a photograph of its own, with its true camera."""
    dataset = world.dataset
    content, view = dataset.kept_pictures(torch.arange(4))
    images, masks = dataset.images[content, view], dataset.masks[content, view]
    camera = Camera.orbit(world.azimuth[view], 12.0, 2.3)
    files = tuple(f"photo {k}" for k in range(len(view)))
    return AnnotatedPhotos(images, masks, camera, torch.arange(len(view)), files, {})


def test_single_photographs_with_known_cameras_are_learned_from_and_the_cameras_stay(world, tmp_path):
    """The baseline of section 4.1: Eq 1 alone."""
    photos = single_photos(world)
    config = replace(SHORT, pairs=6, views_per_object=1, steps=40, lr=1e-3, weight_perceptual=0.0)
    cameras = LearnableCameras.of(photos.camera)
    start = training.new_model(photos, config, 0, cameras)
    model = train_inverse_graphics(photos, config, tmp_path, cameras=cameras)
    assert torch.equal(model.cameras.azimuth, LearnableCameras.of(photos.camera).azimuth)
    assert torch.equal(model.cameras().position, cameras().position)
    images, masks = photos.batch(torch.arange(len(photos)), torch.arange(len(photos)))
    scores = []
    for m in (start, model):
        with torch.no_grad():
            scores.append(hard_iou(render(m.network(images, masks), photos.camera, 64).mask, masks).mean())
    assert scores[1] > 0.85 and scores[1] > scores[0] + 0.02


def test_single_photographs_need_their_cameras(world, tmp_path):
    with pytest.raises(ValueError, match="give their cameras"):
        training.new_model(single_photos(world), SHORT, 0)


def test_flip_where_mirrors_only_what_it_is_told():
    x = torch.arange(12.0).view(2, 1, 2, 3)
    flipped = flip_where(x, torch.tensor([False, True]))
    assert torch.equal(flipped[0], x[0]) and torch.equal(flipped[1], x[1].flip(-1))
