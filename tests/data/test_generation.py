import shutil
from types import SimpleNamespace

import pytest
import torch

from ganverse_nb.config import MultiviewConfig
from ganverse_nb.data import generation
from ganverse_nb.data.generation import REASONS, build_multiview, generate
from ganverse_nb.data.multiview import IMAGES, MASKS
from ganverse_nb.gan.generator import Generator
from ganverse_nb.runtime import demand
from ganverse_nb.runtime.arrays import RECORD, room_taken
from ganverse_nb.runtime.errors import ExpectedError, sentence
from ganverse_nb.runtime.files import read_json, write_json
from ganverse_nb.segmentation.detections import MANY, NONE, RULES, SMALL, Detections
from tests.runtime.test_checkpoints import full_disk

CONTENT, VIEW = torch.arange(5.0)[:, None] / 8, torch.arange(3.0)[:, None] / 32


def synthesize(view, content):
    """A picture whose colour tells which codes made it."""
    return (view + content)[:, :, None, None].expand(-1, 3, 8, 8).clone()


def cut(pictures):
    """Removes the pictures of content 2."""
    masks = torch.zeros(len(pictures), 1, 8, 8)
    masks[..., :4] = 1
    return masks, [SMALL if 0.24 < float(p.max()) < 0.34 else "" for p in pictures]


def make(directory, synthesize=synthesize, content=CONTENT, **changes):
    options = {"resolution": 8, "test_contents": 1, "contents_per_chunk": 2, **changes}
    return generate(synthesize, cut, content, VIEW, torch.tensor([0, 4, 8]), directory, **options)


def test_every_content_is_painted_in_every_view_and_filtered(tmp_path):
    dataset = make(tmp_path)
    wanted = ((CONTENT[:, None] + VIEW[None]) * 255).round().byte().squeeze(-1)
    assert torch.equal(dataset.images[:, :, 0, 0, 0], wanted)
    assert dataset.keep.sum(1).tolist() == [3, 3, 0, 3, 3]
    assert dataset.removed == {NONE: 0, MANY: 0, SMALL: 3}
    assert not (tmp_path / RECORD).exists() and not (tmp_path / f"{REASONS}.npy").exists()


def test_an_interrupt_costs_one_chunk_and_changes_nothing(tmp_path):
    calls = []

    def breaks(view, content):
        calls.append(len(view))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return synthesize(view, content)

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "a", breaks)
    done = []
    resumed = make(tmp_path / "a", lambda v, c: done.append(c[0].item()) or synthesize(v, c))
    assert done == [CONTENT[2].item(), CONTENT[4].item()]  # the first chunk is not painted again
    whole = make(tmp_path / "b")
    assert torch.equal(resumed.images, whole.images) and torch.equal(resumed.keep, whole.keep)
    assert resumed.counts() == whole.counts()


def test_a_complete_dataset_is_loaded_not_made(tmp_path):
    first = make(tmp_path)

    def never(view, content):
        raise AssertionError("painted again")

    assert torch.equal(make(tmp_path, never).images, first.images)


def test_the_beginnings_of_another_dataset_are_refused(tmp_path):
    begun(tmp_path)
    with pytest.raises(ValueError, match="part of other multi-view pictures; delete it"):
        make(tmp_path, content=CONTENT + 0.01)


def begun(directory):
    """A dataset that was interrupted after its first chunk."""

    def breaks(view, content):
        if content[0] > 0.2:
            raise KeyboardInterrupt
        return synthesize(view, content)

    with pytest.raises(KeyboardInterrupt):
        make(directory, breaks)
    return directory


@pytest.mark.parametrize(
    "change", [{"done": 3}, {"done": -1}, {"done": "2"}, {"checksums": {}}, {"identity": None}, None]
)
def test_a_record_that_lies_is_a_sentence_and_the_advice_works(tmp_path, change):
    directory = begun(tmp_path / "a")
    record = read_json(directory / RECORD)
    write_json(
        directory / RECORD, [] if change is None else {k: v for k, v in (record | change).items() if v is not None}
    )
    with pytest.raises(ValueError, match=rf"delete {directory} (and make the dataset again|or choose)"):
        make(directory)
    shutil.rmtree(directory)
    assert len(make(directory)) == 5


@pytest.mark.parametrize("name", [IMAGES, MASKS])
def test_a_damaged_array_of_an_interrupted_dataset_is_a_sentence(tmp_path, name):
    directory = begun(tmp_path / "a")
    (directory / name).write_bytes((directory / name).read_bytes()[:100])
    with pytest.raises(ValueError, match=rf"{name} is damaged .*; delete {directory} and make the dataset again"):
        make(directory)


def test_a_record_that_a_kill_left_beside_the_finished_dataset_is_removed(tmp_path):
    make(tmp_path)
    (tmp_path / RECORD).write_text("{}")
    make(tmp_path)
    assert not (tmp_path / RECORD).exists()


def test_a_full_disk_is_told_before_anything_is_painted(tmp_path):
    """Memory that is mapped from a file without room would end the process when it is written."""
    with full_disk(after=2000), pytest.raises(OSError) as caught:
        make(tmp_path, lambda view, content: 1 / 0)
    assert sentence(caught.value).startswith(f"{tmp_path / IMAGES}: the system does not allow a file of this size;")


def test_no_training_contents_is_refused_before_anything_is_painted(tmp_path):
    with pytest.raises(ValueError, match="none to train on"):
        make(tmp_path, test_contents=5)


def test_a_gan_dataset_mixes_each_content_with_each_view_code_at_the_split_layer(tmp_path):
    torch.manual_seed(0)
    gan = Generator(16, 8, 8, 2, (8, 8, 8)).eval()
    codes = torch.randn(3, 8)
    views = SimpleNamespace(codes=codes, azimuth_bin=torch.tensor([0, 4, 8]), split_layer=2)

    def segment(pictures):
        masks = torch.ones(len(pictures), 1, 16, 16)
        return Detections(masks, torch.ones(len(pictures), dtype=torch.int64), masks[:, 0, 0, 0], torch.zeros(1, 4))

    config = MultiviewConfig(contents=5, test_contents=1, truncation=0.7)
    dataset = build_multiview(gan, views, SimpleNamespace(segment=segment), config, tmp_path, seed=3)
    assert dataset.keep.all() and set(dataset.removed) == set(RULES)
    with torch.no_grad():
        w_plus = dataset.content_w[4][None, None].repeat(1, gan.num_ws, 1)
        w_plus[:, :2] = codes[1]
        wanted = gan.synthesize(gan.styles(w_plus))
    assert (dataset.images[4, 1].float() / 255 - wanted[0]).abs().max() < 0.51 / 255
    again = build_multiview(gan, views, SimpleNamespace(segment=segment), config, tmp_path / "again", seed=3)
    assert torch.equal(again.images, dataset.images)
    centre = gan.mapping.w_average
    z = torch.randn(5, 8, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        assert torch.allclose(dataset.content_w, centre + 0.7 * (gan.mapping(z) - centre), atol=1e-5)


def test_a_dataset_that_does_not_fit_is_not_begun(tmp_path, monkeypatch, capsys):
    gan, interrupted = Generator(16, 8, 8, 2, (8, 8, 8)).eval(), []
    views = SimpleNamespace(codes=torch.randn(3, 8), azimuth_bin=torch.tensor([0, 4, 8]), split_layer=2)

    def segment(pictures):
        if interrupted and interrupted[0].exists():
            raise KeyboardInterrupt
        masks = torch.ones(len(pictures), 1, 16, 16)
        return Detections(masks, torch.ones(len(pictures), dtype=torch.int64), masks[:, 0, 0, 0], torch.zeros(1, 4))

    def build(place):
        config = MultiviewConfig(contents=5, test_contents=1)
        return build_multiview(gan, views, SimpleNamespace(segment=segment, at_once=8), config, place, seed=3)

    quiet = build(tmp_path / "a")
    monkeypatch.setattr(generation, "TRIED", 0)
    told = build(tmp_path / "b")
    assert "The multi-view pictures: about " in capsys.readouterr().err and torch.equal(quiet.images, told.images)
    build(tmp_path / "b")  # complete: nothing to tell
    assert "about" not in capsys.readouterr().err
    monkeypatch.setattr(demand, "taken", lambda work: work() or 1)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=21_000 - room_taken(tmp_path / "d")))
        interrupted.append(tmp_path / "d" / IMAGES)
        with pytest.raises(KeyboardInterrupt):
            build(tmp_path / "d")
        interrupted.clear()
        assert torch.equal(build(tmp_path / "d").images, quiet.images)  # goes on in the room that it has
    monkeypatch.setattr(demand, "free_memory", lambda: (0, "this machine"))
    with pytest.raises(ExpectedError, match="No room for the multi-view pictures: about .* this machine leaves 0 MB"):
        build(tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_a_picture_with_black_bars_is_judged_without_them_and_stored_as_a_square(tmp_path):
    """NVIDIA's cars are 512x384 in a square: bars neither reach the segmenter nor lower a mask's share."""
    torch.manual_seed(0)
    gan = Generator(16, 8, 8, 2, (8, 8, 8), rows=(4, 12)).eval()
    views = SimpleNamespace(codes=torch.randn(2, 8), azimuth_bin=torch.tensor([0, 6]), split_layer=2)
    sizes = []

    def segment(pictures):
        sizes.append(tuple(pictures.shape[2:]))
        masks = torch.zeros(len(pictures), 1, 8, 16)
        masks[..., :2] = 1  # an eighth of the picture, a sixteenth of the square
        return Detections(masks, torch.ones(len(pictures), dtype=torch.int64), masks[:, 0, 0, 0], torch.zeros(1, 4))

    config = MultiviewConfig(contents=3, test_contents=1, minimum_mask=0.1)
    dataset = build_multiview(gan, views, SimpleNamespace(segment=segment), config, tmp_path)
    assert set(sizes) == {(8, 16)} and dataset.keep.all() and dataset.resolution == 16
    bars = [*range(4), *range(12, 16)]
    assert (dataset.images[..., bars, :] == 0).all() and (dataset.masks[..., bars, :] == 0).all()
    assert (dataset.masks[..., 4:12, :2] == 1).all() and (dataset.images[..., 4:12, :] > 0).any()
    square = torch.rand(2, 3, 16, 16)
    assert torch.equal(gan.crop(gan.uncrop(gan.crop(square))), square[..., 4:12, :])


def test_pictures_are_cut_out_at_full_size_and_kept_at_the_size_asked_for(tmp_path):
    torch.manual_seed(0)
    gan = Generator(32, 8, 8, 2, (8, 8, 8, 8)).eval()
    views = SimpleNamespace(codes=torch.randn(2, 8), azimuth_bin=torch.tensor([0, 6]), split_layer=2)

    def segment(pictures):
        assert pictures.shape[2:] == (32, 32)
        masks = torch.zeros(len(pictures), 1, 32, 32)
        masks[..., :9] = 1  # four columns of 16, and half of a fifth
        return Detections(masks, torch.ones(len(pictures), dtype=torch.int64), masks[:, 0, 0, 0], torch.zeros(1, 4))

    config = MultiviewConfig(contents=3, test_contents=1, resolution=16)
    dataset = build_multiview(gan, views, SimpleNamespace(segment=segment), config, tmp_path)
    assert dataset.resolution == 16 and dataset.images.shape == (3, 2, 3, 16, 16)
    assert (dataset.masks[..., :4] == 1).all() and (dataset.masks[..., 5:] == 0).all()
