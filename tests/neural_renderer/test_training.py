import json
from dataclasses import replace

import pytest
import torch

from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.neural_renderer import joint, rehearsal
from ganverse_nb.neural_renderer import warm_up as first_stage
from ganverse_nb.neural_renderer.codes import exact_codes
from ganverse_nb.neural_renderer.data import PropertyDataset
from ganverse_nb.neural_renderer.held_out import HeldOut, score
from ganverse_nb.neural_renderer.joint import JointStage, KeptState, fine_tune, get_weights, synthesis_parameters
from ganverse_nb.neural_renderer.losses import TrainingSet
from ganverse_nb.neural_renderer.mask_student import state_identity
from ganverse_nb.neural_renderer.renderer import StyleGANR
from ganverse_nb.neural_renderer.swaps import swap_pairs
from ganverse_nb.neural_renderer.training import split_contents, train_stylegan_r
from ganverse_nb.neural_renderer.warm_up import learning_rate_factor, warm_up
from ganverse_nb.runtime import demand
from ganverse_nb.runtime.checkpoints import load_state, read_metrics, save_state
from ganverse_nb.runtime.errors import DivergedError, ExpectedError
from ganverse_nb.runtime.shipped import SHIPPED


class Interrupted(Exception):
    """Stands for a lost machine."""


def interrupt_at(monkeypatch, module, name, call):
    """Let function `name` of `module` raise at its n-th call."""
    original, count = getattr(module, name), [0]

    def counted(*arguments, **keywords):
        count[0] += 1
        if count[0] == call:
            raise Interrupted
        return original(*arguments, **keywords)

    monkeypatch.setattr(module, name, counted)


def same(a, b):
    return all(torch.equal(a[k], b[k]) for k in a) and a.keys() == b.keys()


def test_warm_up_finds_out_which_factor_owns_each_dimension(world, tmp_path):
    data, owner = world.training_set()
    settings = world.config(warmup_steps=300, batch=16, hidden=64, gate_lr_multiplier=50.0)
    mapping = warm_up(world.mapping_for(data, settings), data, settings, tmp_path, seed=0, progress=False)
    assert (mapping.gates().argmax(0) == owner).float().mean() > 0.9
    assert mapping.decided()["all"] > 0.9
    last = read_metrics(tmp_path / "metrics.jsonl", "warmup")[-1]
    assert last["step"] == 300 and last["content"] < 0.1 and last["view"] < 0.05
    # the camera dimensions are sine and cosine of the azimuth, also between the views
    between = world.cameras()
    between = between.replace(azimuth=between.azimuth + 22.5)
    angle = torch.deg2rad(between.azimuth)
    with torch.no_grad():
        found = mapping.view_code(between)[:, :2]
    torch.testing.assert_close(found, torch.stack([angle.sin(), angle.cos()], 1), atol=0.25, rtol=0)


def test_interrupted_warm_up_continues_bit_for_bit(world, tmp_path, monkeypatch):
    data, _ = world.training_set()
    settings = world.config(warmup_steps=12)
    monkeypatch.setattr(first_stage, "SAVE_EVERY", 5)
    monkeypatch.setattr(first_stage, "LOG_EVERY", 2)
    whole = warm_up(world.mapping_for(data, settings), data, settings, tmp_path, seed=1, progress=False)
    broken = tmp_path / "broken"
    broken.mkdir()
    with monkeypatch.context() as patch:
        interrupt_at(patch, first_stage, "code_loss", 9)
        with pytest.raises(Interrupted):
            warm_up(world.mapping_for(data, settings), data, settings, broken, seed=1, progress=False)
    assert load_state(broken / "warmup.pt")["step"] == 5
    resumed = warm_up(world.mapping_for(data, settings, seed=9), data, settings, broken, seed=1, progress=False)
    assert same(whole.state_dict(), resumed.state_dict())
    assert (broken / "metrics.jsonl").read_text() == (tmp_path / "metrics.jsonl").read_text()


def test_states_of_other_settings_are_refused(world, tmp_path):
    data, _ = world.training_set()
    settings = world.config(warmup_steps=4)
    warm_up(world.mapping_for(data, settings), data, settings, tmp_path, seed=1, progress=False)
    other = replace(settings, warmup_lr=0.5)
    with pytest.raises(ValueError, match=r"warmup.pt was begun with other settings \(stylegan_r.warmup_lr .* 0.5 now"):
        warm_up(world.mapping_for(data, other), data, other, tmp_path, seed=1, progress=False)
    with pytest.raises(ValueError, match=r"other settings \(seed 1 there, 2 now\)"):
        warm_up(world.mapping_for(data, settings), data, settings, tmp_path, seed=2, progress=False)


@pytest.mark.parametrize("kept", ["mask_student.pt", "warmup.pt", "finetune.pt"])
def test_each_state_belongs_to_the_settings_it_was_begun_with(world, tmp_path, kept):
    trained(*arguments(world, tmp_path))
    for path in tmp_path.glob("*.pt"):
        if path.name != kept:
            path.unlink()
    with pytest.raises(ValueError, match=rf"{kept} was begun with other settings \(stylegan_r.weight_shape .* 0.3 now"):
        trained(*arguments(world, tmp_path, weight_shape=0.3))


def arguments(world, tmp_path, **changes):
    """What `train_stylegan_r` takes in the toy world."""
    generator, pictures, content_w, view_w = world.gan_world()
    settings = world.config(validation_contents=6, fresh_contents=8, **changes)
    return (
        pictures,
        range(20),
        content_w,
        view_w,
        2,
        world.cameras(),
        generator,
        world.encoder(),
        settings,
        tmp_path,
        0,
    )


def trained(*given):
    return train_stylegan_r(*given, discriminator=judge(), progress=False)


def judge():
    """A discriminator of the toy world's size."""
    torch.manual_seed(4)
    return Discriminator(16, (8, 8, 8))


def test_training_leaves_teacher_untouched_and_is_what_it_saved(world, tmp_path):
    given = arguments(world, tmp_path)
    teacher = {k: v.clone() for k, v in given[6].state_dict().items()}
    model = trained(*given)
    assert same(teacher, given[6].state_dict())
    loaded = StyleGANR.load(tmp_path / "stylegan_r.safetensors")
    assert same(loaded.mapping.state_dict(), model.mapping.state_dict())
    assert same(loaded.generator.state_dict(), model.generator.state_dict())
    warm = StyleGANR.load(tmp_path / "mapping_only.safetensors", generator=given[6])
    assert same(warm.generator.state_dict(), teacher)
    with pytest.raises(
        ValueError, match="mapping_only.safetensors does not hold a usable StyleGAN-R"
    ):  # the teacher is not in it
        StyleGANR.load(tmp_path / "mapping_only.safetensors")
    assert set(SHIPPED["stylegan_r"]) <= {path.name for path in tmp_path.iterdir()}
    assert set(model.notes) >= {"gates_decided", "mask_student_iou", "camera_dims", "finetune"}
    json.dumps(model.notes)
    phases = [entry["step"] for entry in read_metrics(tmp_path / "metrics.jsonl", "finetune")]
    assert phases == sorted(phases) and phases[0] == 0 and phases[-1] == 4


def test_interrupted_joint_stage_continues_bit_for_bit(world, tmp_path, monkeypatch):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    expected = trained(*arguments(world, whole))
    with monkeypatch.context() as patch:
        interrupt_at(patch, joint, "draw_scenes", 4)
        with pytest.raises(Interrupted):
            trained(*arguments(world, broken))
    assert load_state(broken / "finetune.pt")["step"] == 2
    resumed = trained(*arguments(world, broken))
    assert same(expected.mapping.state_dict(), resumed.mapping.state_dict())
    assert same(expected.generator.state_dict(), resumed.generator.state_dict())
    assert (whole / "metrics.jsonl").read_text() == (broken / "metrics.jsonl").read_text()


def test_what_is_told_before_it_begins_changes_nothing_and_stops_what_does_not_fit(
    world, tmp_path, monkeypatch, capsys
):
    quiet = trained(*arguments(world, tmp_path / "a"))
    assert "about" not in capsys.readouterr().err
    monkeypatch.setattr(rehearsal, "TOLD", 1)
    told = trained(*arguments(world, tmp_path / "b"))
    assert "StyleGAN-R: about " in capsys.readouterr().err
    assert same(quiet.mapping.state_dict(), told.mapping.state_dict())
    assert same(quiet.generator.state_dict(), told.generator.state_dict())
    monkeypatch.setattr(demand, "free_memory", lambda: (1, "this machine"))
    monkeypatch.setattr(demand, "taken", lambda work: work() or 2)
    with pytest.raises(ExpectedError, match=r"No room for StyleGAN-R: .* lower stylegan_r\.batch .now 4"):
        trained(*arguments(world, tmp_path / "c"))
    assert not list((tmp_path / "c").iterdir())


def warm_model(world, tmp_path, steps=40):
    """A renderer after a short warm-up with its data and held-out contents."""
    generator, pictures, content_w, view_w = world.gan_world()
    dataset = PropertyDataset(pictures, world.infer, world.cameras(), progress=False)
    data = TrainingSet(dataset, exact_codes(generator, view_w, content_w, 2), torch.arange(18))
    settings = world.config(warmup_steps=steps)
    mapping = warm_up(world.mapping_for(data, settings), data, settings, tmp_path, 0, progress=False)
    return StyleGANR(generator, mapping), data, HeldOut.of(dataset, range(18, 24), 0)


def test_joint_stage_never_ends_worse_on_held_out_contents_than_it_began(world, tmp_path):
    """A learning rate that ruins the generator: the state before it is what is kept."""
    model, data, held_out = warm_model(world, tmp_path)
    before = get_weights(model)
    settings = world.config(finetune_steps=6, generator_lr=1.0, finetune_lr=1.0)
    fine_tune(model, data, world.encoder(), held_out, settings, tmp_path, 0, False, judge())
    assert model.notes["finetune"]["kept_step"] == 0
    assert same(before["generator"], model.generator.state_dict())
    assert same(before["mapping"], model.mapping.state_dict())


def test_joint_stage_improves_the_cycle_and_trains_synthesis_only(world, tmp_path):
    model, data, held_out = warm_model(world, tmp_path)
    before = get_weights(model)["generator"]
    start = held_out.measure(model.synthesize, world.encoder())
    settings = world.config(finetune_steps=24, batch=8, generator_lr=2e-3, finetune_lr=1e-3, evaluate_every=8)
    fine_tune(model, data, world.encoder(), held_out, settings, tmp_path, 0, False, judge())
    end = held_out.measure(model.synthesize, world.encoder())
    assert score(end, start) < score(start, start)
    after = model.generator.state_dict()
    moved = {k for k in before if not torch.equal(before[k], after[k])}
    assert moved and all(".affine." not in k and not k.startswith("mapping.") for k in moved)
    assert not any(k.endswith("noise_strength") for k in moved)  # grain that looks sharp to the discriminator
    assert len(synthesis_parameters(model)) == len(moved)
    with torch.no_grad():
        model.generator.convs[0].noise_strength.fill_(0.1)  # of a GAN that has learned with noise, it is learned on
    assert len(synthesis_parameters(model)) == len(moved) + 1


def test_without_keep_best_every_step_is_taken_and_the_last_state_kept(world, tmp_path):
    """The paper's way: the measure decides nothing, not even where the generator is ruined."""
    model, data, held_out = warm_model(world, tmp_path)
    before = get_weights(model)["generator"]
    settings = world.config(finetune_steps=6, generator_lr=0.3, finetune_lr=0.3, patience=1, keep_best=False)
    fine_tune(model, data, world.encoder(), held_out, settings, tmp_path, 0, False, judge())
    last = load_state(tmp_path / "finetune.pt")
    assert last["step"] == 6 == model.notes["finetune"]["kept_step"]
    assert same(last["average"]["generator"], model.generator.state_dict())
    assert not same(before, model.generator.state_dict())


class Weighted(torch.nn.Module):
    """A network of the toy world with a weight of its own."""

    def __init__(self, function):
        super().__init__()
        self.function, self.weight = function, torch.nn.Parameter(torch.ones(()))

    def forward(self, images, masks):
        return self.function(images * self.weight, masks)


def test_f_camera_head_teacher_and_cameras_are_frozen(world, tmp_path):
    """No stage accumulates a gradient in them: not the mask student, the dataset, the warm-up or the joint stage."""
    given = list(arguments(world, tmp_path, weight_camera=0.5))
    f, head = Weighted(world.infer), Weighted(world.camera_of)
    teacher = given[6].requires_grad_(True)
    cameras = world.cameras()
    azimuth, elevation, distance = (
        getattr(cameras, name).clone().requires_grad_(True) for name in ("azimuth", "elevation", "distance")
    )
    given[5] = cameras.replace(azimuth=azimuth, elevation=elevation, distance=distance)
    given[7] = type(given[7])(f, world.mask_of, head)
    trained(*given)
    parameters = [*f.parameters(), *head.parameters(), *teacher.parameters(), azimuth, elevation, distance]
    assert all(parameter.grad is None for parameter in parameters)


def test_the_joint_stage_freezes_the_encoder_and_still_sends_gradients_through_it(world, tmp_path):
    model, data, held_out = warm_model(world, tmp_path, steps=1)
    f = Weighted(world.infer)
    before = get_weights(model)["generator"]
    encoder = type(world.encoder())(f, world.mask_of, world.camera_of)
    settings = world.config(finetune_steps=2, weight_code=0.0, keep_best=False)
    fine_tune(model, data, encoder, held_out, settings, tmp_path, 0, False, judge())
    assert f.weight.grad is None and not f.weight.requires_grad
    assert not same(before, model.generator.state_dict())


def test_a_warm_up_whose_losses_are_not_finite_stops(world, tmp_path):
    data, _ = world.training_set()
    settings = world.config(warmup_steps=3, warmup_lr=float("nan"))
    with pytest.raises(
        DivergedError, match=r"warmup diverged: .* is not finite at step 3 .* a lower stylegan_r.warmup_lr"
    ):
        warm_up(world.mapping_for(data, settings), data, settings, tmp_path, seed=1, progress=False)
    assert not list(tmp_path.iterdir())


def test_a_joint_stage_without_a_finite_score_to_begin_with_stops(world, tmp_path, monkeypatch):
    model, data, held_out = warm_model(world, tmp_path, steps=1)
    monkeypatch.setattr(HeldOut, "measure", lambda *arguments: {"swap": float("nan"), "outline": 0.1})
    with pytest.raises(
        DivergedError, match="finetune diverged: held_out_swap is not finite at step 0 .no state was kept"
    ):
        fine_tune(model, data, world.encoder(), held_out, world.config(), tmp_path, 0, False, judge())
    assert not (tmp_path / "finetune.pt").exists()


def test_a_joint_stage_that_diverges_keeps_the_last_finite_state(world, tmp_path):
    model, data, held_out = warm_model(world, tmp_path, steps=1)
    settings = world.config(finetune_steps=2, evaluate_every=1)
    fine_tune(model, data, world.encoder(), held_out, settings, tmp_path, 0, False, judge())
    longer = replace(settings, finetune_steps=4)
    save_state(tmp_path / "finetune.pt", load_state(tmp_path / "finetune.pt"), state_identity(longer, 0))
    kept = (tmp_path / "finetune.pt").read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joint, "cycle_loss", lambda target, predicted, *rest: (predicted.shape.sum() * float("nan"), {}))
        with pytest.raises(DivergedError, match=r"is not finite at step 3 \(.*finetune.pt still holds step 2\)"):
            fine_tune(model, data, world.encoder(), held_out, longer, tmp_path, 0, False, judge())
    assert (tmp_path / "finetune.pt").read_bytes() == kept


def test_learning_rate_and_entropy_of_the_warm_up(world, tmp_path):
    assert [learning_rate_factor(done, 0.6) for done in (0.2, 0.6)] == [1.0, 1.0]
    assert learning_rate_factor(0.8, 0.6) == pytest.approx(0.501) and learning_rate_factor(1.0, 0.6) < 0.01
    assert [learning_rate_factor(done, 1.0) for done in (0.2, 1.0)] == [1.0, 1.0]
    data, _ = world.training_set()
    ends = []
    for name, ramp in (("ramp", 0.7), ("constant", 0.0)):
        settings = world.config(warmup_steps=5, weight_entropy=5.0, gate_lr_multiplier=100.0, entropy_ramp=ramp)
        (tmp_path / name).mkdir()
        mapping = warm_up(world.mapping_for(data, settings), data, settings, tmp_path / name, 0, progress=False)
        ends.append(float(mapping.gate_entropy()))
    assert ends[1] < ends[0]


def test_early_stop_waits_for_patience_and_keeps_the_best(world, tmp_path):
    model, _, _ = warm_model(world, tmp_path, steps=1)
    first = {"swap": 1.0, "outline": 0.2, "color": 0.1, "reconstruction": 0.1}
    keeper = KeptState(2, first)
    for step, factor in enumerate([1.0, 0.8, 0.9]):
        keeper.offer(step, {k: v * factor for k, v in first.items()}, model)
        assert not keeper.exhausted
    keeper.offer(3, first, model)
    assert keeper.exhausted and keeper.step == 1 and keeper.score == pytest.approx(0.8)


def test_each_term_needs_its_network(world, tmp_path):
    model, data, _ = warm_model(world, tmp_path, steps=1)
    blind = type(world.encoder())(world.infer, world.mask_of)
    with pytest.raises(ValueError, match="camera head"):
        JointStage(model, data, blind, world.config(), 0, judge())
    with pytest.raises(ValueError, match="discriminator"):
        JointStage(model, data, world.encoder(), world.config(), 0)


def test_swap_pairs_are_two_contents_in_one_view(world):
    data, _ = world.training_set()
    sources, donors = swap_pairs(data.dataset, range(18, 24), limit=20, seed=0)
    shown = data.dataset.pictures
    assert len(sources) == 20 and torch.equal(shown.view[sources], shown.view[donors])
    assert (shown.content[sources] != shown.content[donors]).all() and shown.content[sources].min() >= 18
    with pytest.raises(ValueError, match="two held-out contents"):
        swap_pairs(data.dataset, [3], limit=20, seed=0)


def test_validation_contents_are_the_last_and_leave_some(world):
    assert split_contents(torch.arange(5), 2) == ([0, 1, 2], [3, 4])
    for impossible in (1, 5):
        with pytest.raises(ValueError, match="validation_contents"):
            split_contents(torch.arange(5), impossible)


def test_the_joint_stage_is_measured_with_the_masks_of_the_segmenter(world, tmp_path, monkeypatch):
    """Those of the student, which the renderer learns to satisfy, are not asked."""
    asked, measure = [], HeldOut.measure
    monkeypatch.setattr(
        HeldOut, "measure", lambda self, render, reader: asked.append(reader) or measure(self, render, reader)
    )
    trained(*arguments(world, tmp_path))
    assert asked and all(reader.mask is world.mask_of for reader in asked)
