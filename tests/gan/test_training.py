"""Training: resumes bit for bit, averages, mixes, refuses what it cannot use, and learns."""

from __future__ import annotations

import copy
import re
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from ganverse_nb.gan import rehearsal, training
from ganverse_nb.gan import trainer as trainer_module
from ganverse_nb.gan.beginning import check_beginning
from ganverse_nb.gan.checkpoint import CheckpointError, load_generator, provenance
from ganverse_nb.gan.trainer import EMA_HALF_LIFE, EMA_RAMP, GanTrainer
from ganverse_nb.gan.training import check_frozen, train_gan
from ganverse_nb.gan.view_pairs import same_views
from ganverse_nb.runtime.checkpoints import Checkpoints, load_state, read_metrics
from ganverse_nb.runtime.errors import DivergedError, ExpectedError, ExpectedWarning


def state(trainer, path):
    """What `save` keeps, by dotted names."""

    def flat(value, name="state"):
        if not isinstance(value, dict):
            return {name: torch.as_tensor(value)} if isinstance(value, (torch.Tensor, int, float)) else {}
        return {k: v for key, part in value.items() for k, v in flat(part, f"{name}.{key}").items()}

    trainer.save(path)
    return flat(load_state(path))


OFFICIAL = {"noise": True, "discriminator_filter": True, "bfloat16": False}
OURS = {"noise": False, "discriminator_filter": False, "bfloat16": True}
FEW_PICTURES = OURS | {"mirror": True, "augment": "color,translation,cutout"}
PAIRS = OURS | {"pair_weight": 0.5}


@pytest.mark.parametrize(
    "settings", [OFFICIAL, OURS, FEW_PICTURES, PAIRS], ids=["official", "ours", "few_pictures", "pairs"]
)
def test_interrupted_training_is_the_uninterrupted_one(small_config, photos, tmp_path, settings):
    config = replace(small_config, **settings)
    partners = same_views(len(photos), 4)
    straight = GanTrainer(photos, config, seed=3, partners=partners)
    for _ in range(6):
        straight.step()
    first = GanTrainer(photos, config, seed=3, partners=partners)
    for _ in range(3):
        first.step()
    first.save(tmp_path / "middle")
    second = GanTrainer(photos, config, seed=3, partners=partners)
    second.load(tmp_path / "middle")
    for _ in range(3):
        second.step()
    one, two = state(straight, tmp_path / "one"), state(second, tmp_path / "two")
    assert one.keys() == two.keys() and len(one) > 200
    different = [name for name in one if not torch.equal(one[name], two[name])]
    assert not different
    assert straight.steps == second.steps == 6
    begun = state(GanTrainer(photos, config, seed=3, partners=partners), tmp_path / "0")
    assert not torch.equal(one["state.networks.generator.const"], begun["state.networks.generator.const"])


def test_photos_come_once_per_epoch_in_an_order_of_its_own(small_config, photos):
    photos = torch.arange(20, dtype=torch.uint8).view(20, 1, 1, 1).expand(20, 3, 16, 16).contiguous()
    trainer = GanTrainer(photos, small_config, seed=0)
    seen = []
    for trainer.steps in range(5):  # two epochs of 20 in batches of 8
        seen += ((trainer.real_batch()[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()
    assert sorted(seen[:20]) == sorted(seen[20:]) == list(range(20))
    assert seen[:20] != seen[20:]


def test_half_of_the_photos_are_mirrored_when_asked(small_config, photos):
    photos = photos[:1].expand(8, -1, -1, -1).contiguous()
    plain, trainer = (GanTrainer(photos, replace(small_config, mirror=mirror), 0) for mirror in (False, True))
    picture = plain.real_batch()[0]
    shown = torch.cat([trainer.real_batch() for _ in range(50)])
    mirrored = (shown == picture.flip(2)).all(3).all(2).all(1)
    assert ((shown == picture).all(3).all(2).all(1) ^ mirrored).all()
    assert mirrored.float().mean() == pytest.approx(0.5, abs=0.1)


def test_the_discriminator_sees_real_and_generated_pictures_augmented(small_config, photos, monkeypatch):
    """With every draw at its middle the picture stays, but for the hole: both batches have it, in both passes."""
    trainer = GanTrainer(photos, replace(small_config, augment="cutout", bfloat16=False), seed=0)
    seen, trunk = [], trainer.discriminator.trunk
    monkeypatch.setattr(trainer.discriminator, "trunk", lambda x, dtype: seen.append(x) or trunk(x, dtype))
    before = trainer.generator.const.detach().clone()
    trainer.step()
    assert len(seen) == 2 and not torch.equal(trainer.generator.const, before)
    holes = [(x == 0).all(1).flatten(1).sum(1) for x in seen]
    assert all(int(hole.min()) >= 16 for hole in holes) and not torch.equal(*holes)
    plain = GanTrainer(photos, small_config, seed=0)
    images = torch.rand(8, 3, 16, 16)
    state = plain.rng.get_state()
    assert plain.augment(images) is images and torch.equal(plain.rng.get_state(), state)
    with pytest.raises(ValueError, match="Unknown augmentation 'blur'"):
        GanTrainer(photos, replace(small_config, augment="blur"), seed=0)


def test_style_mixing_crosses_two_codes_within_the_given_layers(small_config, photos):
    trainer = GanTrainer(photos, replace(small_config, mixing_probability=1.0, mixing_layers=(2, 4)), seed=0)
    w_plus = trainer.latents(400).detach()
    first, last = w_plus[:, :1], w_plus[:, -1:]
    from_first = (w_plus == first).all(2)
    assert ((w_plus == last).all(2) != from_first).all()
    crossover = from_first.sum(1)
    assert (from_first == (torch.arange(trainer.generator.num_ws) < crossover[:, None])).all()
    assert crossover.unique().tolist() == [2, 3, 4]
    assert crossover.bincount().max() < 0.45 * 400
    trainer = GanTrainer(photos, replace(small_config, mixing_probability=0.25), seed=0)
    w_plus = trainer.latents(2000)
    assert (w_plus[:, 0] != w_plus[:, -1]).any(1).float().mean() == pytest.approx(0.25, abs=0.04)


def test_average_follows_with_its_half_life_and_ramp(small_config, photos):
    trainer = GanTrainer(photos, small_config, seed=0)
    expected = trainer.average.const.clone()
    for step in range(1, 4):
        trainer.step()
        decay = 0.5 ** (8 / min(EMA_HALF_LIFE, EMA_RAMP * 8 * step))
        expected = decay * expected + (1 - decay) * trainer.generator.const.detach()
    torch.testing.assert_close(trainer.average.const, expected)
    assert torch.equal(trainer.average.mapping.w_average, trainer.generator.mapping.w_average)
    assert trainer.generator.mapping.w_average.abs().max() > 0


def test_the_path_length_penalty_does_not_begin_by_shortening_paths(small_config, photos):
    """Its mean starts at the first length, not at 0: the first penalty is the variance of the lengths."""
    trainer = GanTrainer(photos, small_config, seed=0)
    length = float(trainer.step()["path_length"])
    assert float(trainer.path_length_mean) == pytest.approx(length)
    for _ in range(3):
        metrics = trainer.step()
    assert float(trainer.path_length_mean) == pytest.approx(0.99 * length + 0.01 * float(metrics["path_length"]))


def test_regularisers_run_when_their_turn_comes(small_config, photos):
    trainer = GanTrainer(photos, small_config, seed=0)
    keys = [set(trainer.step()) for _ in range(6)]
    assert [("r1" in k, "path_length" in k) for k in keys] == [
        (True, True), (False, False), (True, False), (False, True), (True, False), (False, False),
    ]  # fmt: skip
    assert float(trainer.path_length_mean) > 0


def test_a_step_takes_both_gradients_at_the_same_point(small_config, photos):
    """The shared forward pass gives each network the gradient of its own loss and nothing of the other's."""
    from ganverse_nb.gan.losses import discriminator_loss, generator_loss

    config = replace(small_config, bfloat16=False, r1_gamma=0.0, path_length_weight=0.0)
    trainer, twin = GanTrainer(photos, config, seed=0), GanTrainer(photos, config, seed=0)
    fake = twin.generator.synthesis(twin.generator.styles(twin.latents(8)), twin.noise(8))
    loss_g = generator_loss(twin.discriminator(fake))
    grads_g = torch.autograd.grad(loss_g, twin.generator.const, retain_graph=True)
    loss_d = discriminator_loss(twin.discriminator(fake.detach()), twin.discriminator(twin.real_batch()))
    grads_d = torch.autograd.grad(loss_d, twin.discriminator.conv.weight)
    taken = {}
    for name in ("generator", "discriminator"):
        optimiser = getattr(trainer, f"{name}_optimiser")
        network = getattr(trainer, name)
        optimiser.step = lambda name=name, network=network: taken.update(
            {name: [p.grad.clone() for p in network.parameters() if p.grad is not None]}
        )
    trainer.step()
    assert any(
        torch.allclose(g, grads_g[0], rtol=1e-4, atol=1e-7) for g in taken["generator"] if g.shape == grads_g[0].shape
    )
    assert any(
        torch.allclose(g, grads_d[0], rtol=1e-4, atol=1e-7)
        for g in taken["discriminator"]
        if g.shape == grads_d[0].shape
    )


def test_training_writes_whole_files_and_goes_on_where_it_stopped(small_config, photos, tmp_path):
    teacher = train_gan(photos, small_config, tmp_path, 1, images=32, snapshot_every=16, command="test", progress=False)
    assert load_generator(teacher).resolution == 16
    assert provenance(teacher)["images"] == 32 and provenance(teacher)["command"] == "test"
    lost = '{"phase": "gan", "step": 6, "images": 48}\n'  # written by a run that then lost its state
    (tmp_path / "metrics.jsonl").open("a").write(lost)
    train_gan(photos, small_config, tmp_path, 1, images=64, snapshot_every=16, progress=False)
    lines = read_metrics(tmp_path / "metrics.jsonl", "gan")
    assert [line["images"] for line in lines] == [16, 32, 48, 64]
    assert all(line["loss_d"] > 0 and line["images_per_second"] > 0 for line in lines)
    assert sorted(p.name for p in (tmp_path / "grids").iterdir()) == [f"{n:08d}.png" for n in (16, 32, 48, 64)]
    assert not list(tmp_path.rglob("*.partial"))
    once = tmp_path / "once"
    straight = train_gan(photos, small_config, once, 1, images=64, snapshot_every=16, command="test", progress=False)
    one, two = (load_generator(path).state_dict() for path in (straight, teacher))
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_another_training_is_refused(small_config, photos, tmp_path):
    train_gan(photos, small_config, tmp_path, 1, images=8, progress=False)
    with pytest.raises(CheckpointError, match="other settings .seed 1 there, 2 now"):
        train_gan(photos, small_config, tmp_path, 2, images=16, progress=False)
    with pytest.raises(CheckpointError, match="gan.r1_gamma .* there, 5.0 now"):
        train_gan(photos, replace(small_config, r1_gamma=5.0), tmp_path, 1, images=16, progress=False)
    (tmp_path / "state.pt").write_bytes(b"torn")
    with pytest.raises(CheckpointError, match="state.pt"):
        train_gan(photos, small_config, tmp_path, 1, images=16, progress=False)


def test_unusable_photos_and_settings_are_refused(small_config, photos):
    with pytest.raises(ValueError, match="uint8"):
        GanTrainer(photos.float(), small_config, 0)
    with pytest.raises(ValueError, match=r"\[N, 3, 16, 16\]"):
        GanTrainer(photos[..., :8], small_config, 0)
    with pytest.raises(ValueError, match="fewer than one batch"):
        GanTrainer(photos[:5], small_config, 0)
    with pytest.raises(ValueError, match="multiple of 4"):
        GanTrainer(photos, replace(small_config, batch=6), 0)


def test_divergence_stops_before_anything_is_overwritten(small_config, photos, tmp_path, monkeypatch):
    train_gan(photos, small_config, tmp_path, 1, images=8, progress=False)
    before = (tmp_path / "state.pt").read_bytes()
    step = GanTrainer.step
    monkeypatch.setattr(GanTrainer, "step", lambda self: {**step(self), "loss_g": torch.tensor(float("nan"))})
    lines = (tmp_path / "metrics.jsonl").read_text()
    told = (
        r"gan diverged: loss_g is not finite at step 2 \(.*state.pt still holds step 1\); .* a lower gan.generator_lr"
    )
    with pytest.raises(
        DivergedError, match=told + r" \(now 0.\d+\) or gan.discriminator_lr .* or a higher gan.r1_gamma"
    ):
        train_gan(photos, small_config, tmp_path, 1, images=16, progress=False)
    assert (tmp_path / "state.pt").read_bytes() == before and (tmp_path / "metrics.jsonl").read_text() == lines


def test_a_learning_rate_that_is_no_number_leaves_nothing_and_the_advice_works(small_config, photos, tmp_path):
    bad = replace(small_config, generator_lr=float("nan"))
    with pytest.raises(DivergedError, match="no state was kept yet"):
        train_gan(photos, bad, tmp_path / "bad", 1, images=32, snapshot_every=8, progress=False)
    assert not list((tmp_path / "bad").glob("*.*"))
    assert load_generator(train_gan(photos, small_config, tmp_path / "good", 1, images=8, progress=False))


@pytest.mark.parametrize("last", ["save_grid", "save_networks", "save"])
def test_a_training_killed_among_its_last_files_ends_as_if_it_had_not_been(
    small_config, photos, tmp_path, monkeypatch, last
):
    """Whichever file of the last snapshot is the first not to be written: no older teacher is called finished."""

    def train(directory):
        return train_gan(photos, small_config, directory, 1, images=16, snapshot_every=8, command="t", progress=False)

    def killed(*arguments, **options):
        calls.append(0)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    whole, broken, calls = tmp_path / "whole", tmp_path / "broken", []
    train(whole)
    owner = Checkpoints if last == "save" else training
    original = getattr(owner, last)
    with monkeypatch.context() as patch:
        patch.setattr(owner, last, killed)
        with pytest.raises(KeyboardInterrupt):
            train(broken)
    teacher = train(broken)
    assert provenance(teacher)["images"] == 16
    one, two = (load_generator(path).state_dict() for path in (whole / "teacher.safetensors", teacher))
    assert all(torch.equal(one[key], two[key]) for key in one)
    lines = [[row["step"] for row in read_metrics(d / "metrics.jsonl", "gan")] for d in (whole, broken)]
    assert lines[0] == lines[1] == [1, 2]


@pytest.mark.parametrize("state", ["stale", "missing", "damaged"])
def test_a_teacher_that_is_not_of_the_last_state_is_written_anew(small_config, photos, tmp_path, state):
    teacher = train_gan(photos, small_config, tmp_path, 1, images=8, progress=False)
    stale = teacher.read_bytes()
    wanted = load_generator(train_gan(photos, small_config, tmp_path, 1, images=16, progress=False)).state_dict()
    if state == "missing":
        teacher.unlink()
    else:
        teacher.write_bytes(stale if state == "stale" else stale[:3000])
    found = load_generator(train_gan(photos, small_config, tmp_path, 1, images=16, progress=False)).state_dict()
    assert all(torch.equal(found[key], wanted[key]) for key in wanted) and provenance(teacher)["images"] == 16


def test_other_photos_of_the_same_number_are_refused(small_config, photos, tmp_path):
    train_gan(photos, small_config, tmp_path, 1, images=8, progress=False)
    with pytest.raises(CheckpointError, match="state.pt .*begun with other photos of the same number.*; delete it"):
        train_gan(255 - photos, small_config, tmp_path, 1, images=16, progress=False)
    (tmp_path / "state.pt").unlink()
    assert train_gan(255 - photos, small_config, tmp_path, 1, images=16, progress=False).is_file()


def test_it_learns_the_colour_of_its_photos(small_config, tmp_path):
    """Photos of one colour: after a few hundred steps the averaged generator paints it."""
    colour = torch.tensor([200, 60, 30], dtype=torch.uint8)
    photos = colour.view(1, 3, 1, 1).expand(32, 3, 16, 16).contiguous()
    config = replace(small_config, bfloat16=False, path_length_weight=0.0, generator_lr=1e-2, discriminator_lr=1e-2)
    trainer = GanTrainer(photos, config, seed=0)

    def distance():
        z = torch.randn(16, 6, generator=torch.Generator().manual_seed(0))
        return float((trainer.average(z).mean((0, 2, 3)) * 255 - colour).abs().max())

    start = distance()
    for _ in range(160):
        trainer.step()
    assert distance() < 0.4 * start


def test_after_a_training_small_numbers_are_what_they_were(small_config, photos, tmp_path):
    def smallest():
        return float(torch.tensor(5e-324, dtype=torch.float64) * 1.0)

    assert smallest() > 0
    train_gan(photos, small_config, tmp_path, images=16, progress=False)
    assert smallest() > 0  # else SciPy's k-d tree, among others, falls over


def test_a_training_begins_with_another_ones_networks_and_counts_its_pictures(small_config, photos, tmp_path):
    first = train_gan(photos, small_config, tmp_path / "first", images=32, progress=False)
    trainer = GanTrainer(photos, small_config, seed=5)
    trainer.start_from(first)
    assert trainer.images == 32
    shipped = load_generator(first).state_dict()
    for network in (trainer.generator, trainer.average):
        assert all(torch.equal(value, shipped[name]) for name, value in network.state_dict().items())
    second = train_gan(photos, small_config, tmp_path / "second", seed=5, images=48, start=first, progress=False)
    told = provenance(second)
    assert told["images"] == 48 and told["start"]["images"] == 32 and len(told["start"]["sha256"]) == 64
    again = train_gan(photos, small_config, tmp_path / "second", seed=5, images=64, start=first, progress=False)
    assert provenance(again)["images"] == 64  # went on from its own state
    for other in (None, second):  # a state is not continued under the name of another beginning
        with pytest.raises(CheckpointError, match="begun"):
            train_gan(photos, small_config, tmp_path / "second", seed=5, images=80, start=other, progress=False)
    with pytest.raises(ValueError, match="has seen 32 pictures already"):
        train_gan(photos, small_config, tmp_path / "third", images=32, start=first, progress=False)
    check_beginning(first, small_config)  # both as a training itself finds, without its networks
    with pytest.raises(CheckpointError, match="generator of .*teacher.safetensors cannot begin this training: w_dim"):
        check_beginning(first, replace(small_config, w_dim=12))
    larger = GanTrainer(photos, replace(small_config, w_dim=12), seed=5)
    with pytest.raises(
        CheckpointError,
        match="generator of .*teacher.safetensors cannot begin this training: w_dim",
    ):
        larger.start_from(first)


def test_a_state_of_another_kind_of_device_is_one_sentence(small_config, photos, tmp_path):
    trainer = GanTrainer(photos, small_config, seed=3)
    kept = trainer.state() | {"rng": torch.zeros(16, dtype=torch.uint8)}  # what a GPU's generator tells of itself
    trainer.checkpoints(tmp_path).save(7, **kept)
    before = (tmp_path / "state.pt").read_bytes()
    with pytest.raises(CheckpointError) as refused:
        train_gan(photos, small_config, tmp_path, seed=3, progress=False)
    assert str(refused.value) == (
        f"{tmp_path / 'state.pt'} does not fit this training (cpu cannot go on with random numbers of another kind of "
        "device: continue it on that); delete it to start this stage again."
    )
    assert (tmp_path / "state.pt").read_bytes() == before


def test_a_step_without_a_finite_gradient_changes_nothing_and_is_counted(small_config, photos, tmp_path, monkeypatch):
    """The loss is finite, its gradient is not: the generator waits for the next batch, the discriminator learns."""
    usual, bad = trainer_module.generator_loss, {2}

    def loss(logits):
        now = seen.setdefault("step", 0) + 1
        seen["step"] = now
        return usual(logits) + (0 * logits).sum().square().sqrt() if now in bad else usual(logits)

    monkeypatch.setattr(trainer_module, "generator_loss", loss)
    seen: dict = {}
    trainer = GanTrainer(photos, small_config, 1)
    trainer.step()
    before = [copy.deepcopy(network.state_dict()) for network in (trainer.generator, trainer.discriminator)]
    assert float(trainer.step()["left_out"]) == 1
    weights = [name for name, _ in trainer.generator.named_parameters()]
    assert all(torch.equal(before[0][name], trainer.generator.state_dict()[name]) for name in weights)
    assert not torch.equal(before[1]["out.weight"], trainer.discriminator.state_dict()["out.weight"])
    assert float(trainer.step()["left_out"]) == 0
    assert not all(torch.equal(before[0][name], trainer.generator.state_dict()[name]) for name in weights)

    seen.clear()
    with pytest.warns(ExpectedWarning, match="Step 2 of the training gan is left out"):
        train_gan(photos, small_config, tmp_path, 1, images=4 * small_config.batch, progress=False)
    assert read_metrics(tmp_path / "metrics.jsonl", "gan")[-1]["left_out"] == 1
    seen.clear()
    bad |= {3, 4}
    with pytest.warns(ExpectedWarning), pytest.raises(DivergedError, match="the gradient is not finite at step 4"):
        train_gan(photos, small_config, tmp_path / "bad", 1, images=8 * small_config.batch, progress=False)


def test_what_a_training_will_take_is_told_and_changes_nothing(small_config, photos, tmp_path, monkeypatch, capsys):
    images = 3 * small_config.batch
    train_gan(photos, small_config, tmp_path / "silent", 1, images=images, progress=False)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(rehearsal, "TOLD", 1)
    train_gan(photos, small_config, tmp_path / "told", 1, images=images, progress=False)
    assert re.search(r"The GAN: about \d+ s, .*of the disk\.", capsys.readouterr().err)
    one, other = (load_generator(tmp_path / name / "teacher.safetensors").state_dict() for name in ("silent", "told"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    with pytest.raises(ExpectedError, match="No room for the GAN: 4.. kB of the disk are needed and 0 kB are free"):
        train_gan(photos, small_config, tmp_path / "full", 1, images=images, progress=False)
    assert not (tmp_path / "full" / "state.pt").exists()


def test_blocks_below_a_resolution_and_every_w_stay_as_they_began(small_config, photos, tmp_path):
    begun = load_generator(train_gan(photos, small_config, tmp_path / "first", seed=1, progress=False))
    config = replace(small_config, frozen_below=16)
    start = tmp_path / "first" / "teacher.safetensors"
    learned = load_generator(
        train_gan(photos, config, tmp_path / "second", seed=2, start=start, counted=False, progress=False)
    )
    first, second = begun.state_dict(), learned.state_dict()
    changed = {name for name, value in first.items() if not torch.equal(value, second[name])}
    assert {name.rsplit(".", 1)[0] for name in changed} >= {"convs.3", "convs.4", "torgbs.2"}  # those of 16 px
    assert all(name.startswith(("convs.3", "convs.4", "torgbs.2")) for name in changed)
    z = torch.randn(4, small_config.z_dim)
    assert torch.equal(begun.mapping(z), learned.mapping(z))
    assert not torch.equal(begun(z, noise="none"), learned(z, noise="none"))


def test_pictures_stay_like_those_of_the_networks_that_it_began_with(small_config, photos, tmp_path):
    few = replace(small_config, resolution=8, channels=small_config.channels[:2], noise=False, mixing_layers=(1, 2))
    start = train_gan(torch.nn.functional.avg_pool2d(photos.float(), 2).byte(), few, tmp_path / "few", progress=False)
    original, z = load_generator(start), torch.randn(16, small_config.z_dim)
    apart = {}
    for weight in (0.0, 300.0):
        config = replace(small_config, noise=False, frozen_below=8, keep_weight=weight, images=160)
        train_gan(photos, config, tmp_path / f"{weight}", start=start, counted=False, images=80, progress=False)
        path = train_gan(photos, config, tmp_path / f"{weight}", start=start, counted=False, progress=False)  # goes on
        enlarged = torch.nn.functional.avg_pool2d(load_generator(path)(z), 2)
        apart[weight] = float((enlarged - original(z)).square().mean())
        shown = [line for line in read_metrics(tmp_path / f"{weight}" / "metrics.jsonl", "gan") if "apart" in line]
        assert bool(shown) == (weight > 0)
    assert apart[300.0] < 0.5 * apart[0.0]


def test_nothing_is_frozen_that_did_not_begin_with_other_networks(small_config, photos, tmp_path):
    generator = GanTrainer(photos, small_config, 0).generator
    assert generator.parameters_below(0) == [] and all(p.requires_grad for p in generator.parameters())
    with pytest.raises(ValueError, match=r"gan\.frozen_below keeps .*--from car"):
        train_gan(photos, replace(small_config, frozen_below=8), tmp_path, progress=False)
    start = train_gan(photos, small_config, tmp_path / "start", images=8, progress=False)
    large = replace(small_config, resolution=64, channels=(*small_config.channels, 8, 8))
    for config, most in ((small_config, 16), (large, 32)):
        with pytest.raises(ValueError, match=rf"gan\.frozen_below is at most {most} .* got {2 * most}: blocks"):
            check_frozen(replace(config, frozen_below=2 * most), start)
        check_frozen(replace(config, frozen_below=most), start)
    with pytest.raises(ValueError, match=r"gan\.keep_weight needs the networks .* keep_to"):
        GanTrainer(photos, replace(small_config, frozen_below=8, keep_weight=1.0), 0).step()
    with pytest.raises(ValueError, match=r"gan\.keep_weight .* gan\.frozen_below"):
        train_gan(photos, replace(small_config, keep_weight=1.0), tmp_path, progress=False)
