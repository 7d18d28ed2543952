import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ganverse_nb.data.multiview import CODES, IMAGES, INDEX, MASKS, MultiViewDataset


def small(contents=5, views=4, test=2, keep=None):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (contents, views, 3, 8, 8), generator=generator, dtype=torch.uint8)
    masks = torch.randint(0, 2, (contents, views, 1, 8, 8), generator=generator, dtype=torch.uint8)
    keep = torch.ones(contents, views, dtype=torch.bool) if keep is None else keep
    codes = {"content_w": torch.randn(contents, 6, generator=generator), "view_w": torch.randn(views, 6)}
    return MultiViewDataset(images, masks, keep, torch.arange(views) * 3, test_contents=test, split_layer=2, **codes)


def test_pairs_are_two_different_kept_views_of_training_contents_and_all_of_them_come_up():
    keep = torch.tensor([[1, 1, 0, 1], [1, 0, 0, 0], [0, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1]]).bool()
    dataset = small(keep=keep)
    pairs = dataset.sample_views(4000, 2, torch.Generator().manual_seed(1))
    first, second = pairs.views
    assert (first != second).all()
    assert keep[pairs.content, first].all() and keep[pairs.content, second].all()
    seen = set(zip(pairs.content.tolist(), first.tolist(), second.tolist(), strict=True))
    wanted = {(0, i, j) for i in (0, 1, 3) for j in (0, 1, 3) if i != j} | {(2, 1, 2), (2, 2, 1)}
    assert seen == wanted  # content 1 has one kept view, 3 and 4 are held out
    share = torch.tensor([((pairs.content == 0) & (first == v)).float().mean() for v in (0, 1, 3)])
    assert torch.allclose(share, torch.full((3,), 1 / 6), atol=0.03)


def test_pairs_depend_on_the_given_generator_only():
    dataset = small()
    torch.manual_seed(1)
    a = dataset.sample_views(16, 2, torch.Generator().manual_seed(5))
    torch.manual_seed(2)
    b = dataset.sample_views(16, 2, torch.Generator().manual_seed(5))
    assert torch.equal(a.content, b.content) and torch.equal(a.view, b.view)


def test_one_or_four_views_of_a_content_are_sampled_from_contents_that_have_them():
    keep = torch.tensor([[1, 1, 0, 1], [1, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]]).bool()
    dataset, generator = small(keep=keep), torch.Generator().manual_seed(1)
    one, four = dataset.sample_views(500, 1, generator), dataset.sample_views(50, 4, generator)
    assert set(one.content.tolist()) == {0, 1, 2} and keep[one.content, one.view[:, 0]].all()
    assert set(four.content.tolist()) == {2} and (four.view.sort(1).values == torch.arange(4)).all()
    for wrong, words in ((5, "No content has 5 views"), (0, "at least one")):
        with pytest.raises(ValueError, match=words):
            dataset.sample_views(2, wrong, generator)


def test_who_finds_no_pair_is_told_what_the_filter_removed():
    dataset = small(keep=torch.zeros(5, 4, dtype=torch.bool))
    dataset.removed = {"no instance": 18, "more than one instance": 0, "mask too small": 2}
    told = "kept 0 of 20 pictures and removed 18 with no instance, 2 with mask too small: take another segmenter"
    with pytest.raises(ValueError, match=told):
        dataset.sample_views(2, 2, torch.Generator())


def test_split_is_by_content():
    dataset = small()
    assert dataset.train_contents.tolist() == [0, 1, 2] and dataset.test_contents.tolist() == [3, 4]


def test_all_pairs_are_every_ordered_pair_once():
    keep = torch.tensor([[1, 1, 0], [1, 1, 1]]).bool()
    pairs = small(2, 3, 0, keep).all_pairs(torch.tensor([1, 0]))
    listed = [(content, *views) for content, views in zip(pairs.content.tolist(), pairs.view.tolist(), strict=True)]
    assert len(listed) == len(set(listed)) == 8
    assert (0, 0, 1) in listed and (1, 2, 0) in listed and (0, 2, 0) not in listed


def test_save_and_load_give_the_same_dataset_memory_mapped(tmp_path):
    keep = torch.rand(5, 4, generator=torch.Generator().manual_seed(3)) > 0.3
    dataset = small(keep=keep)
    dataset.save(tmp_path)
    again = MultiViewDataset.load(tmp_path)
    for name in ("images", "masks", "keep", "azimuth_bin", "content_w", "view_w"):
        assert torch.equal(getattr(again, name), getattr(dataset, name)), name
    assert again.split_layer == 2 and again.test_contents.tolist() == [3, 4]
    counts = json.loads((tmp_path / INDEX).read_text())
    assert counts["kept"] == int(keep.sum()) and counts["kept_per_view"] == keep.sum(0).tolist()
    again.images[0, 0] = 0  # a memory map in copy-on-write mode
    assert torch.equal(MultiViewDataset.load(tmp_path).images, dataset.images)


def test_batch_is_float_pictures_in_unit_range():
    dataset = small()
    images, masks = dataset.batch(torch.tensor([1, 4]), torch.tensor([3, 0]))
    assert torch.equal((images * 255).round().byte(), dataset.images[[1, 4], [3, 0]])
    assert images.dtype == masks.dtype == torch.float32 and images.max() <= 1 and set(masks.unique().tolist()) == {0, 1}


@pytest.mark.parametrize("name", [IMAGES, INDEX])
def test_a_missing_file_is_named(tmp_path, name):
    small().save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        MultiViewDataset.load(tmp_path)


def test_a_damaged_array_is_named(tmp_path):
    small().save(tmp_path)
    (tmp_path / IMAGES).write_bytes((tmp_path / IMAGES).read_bytes()[:300])
    with pytest.raises(ValueError, match=r"images\.npy is damaged"):
        MultiViewDataset.load(tmp_path)


@pytest.mark.parametrize("name", [IMAGES, MASKS, CODES])
def test_changed_content_is_found_and_the_advice_works(tmp_path, name):
    """Zeroed pictures too, which are as good a uint8 array as any."""
    small().save(tmp_path / "multiview")
    path = tmp_path / "multiview" / name
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
    with pytest.raises(ValueError, match=rf"{name} is damaged: .*; delete .*multiview and make the dataset again"):
        MultiViewDataset.load(tmp_path / "multiview")
    shutil.rmtree(tmp_path / "multiview")
    small().save(tmp_path / "multiview")
    assert torch.equal(MultiViewDataset.load(tmp_path / "multiview").images, small().images)


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"files": {}, "test_contents": 99, "split_layer": 2, "removed": {}}']
)
def test_an_index_that_lies_is_a_sentence(tmp_path, text):
    small().save(tmp_path)
    (tmp_path / INDEX).write_text(text)
    with pytest.raises(ValueError, match="delete .* and make the dataset again"):
        MultiViewDataset.load(tmp_path)


def test_datasets_of_earlier_versions_are_taken(tmp_path):
    dataset = small()
    dataset.save(tmp_path)
    index = json.loads((tmp_path / INDEX).read_text())
    assert sorted(index.pop("files")) == sorted([IMAGES, MASKS, CODES]) and index.pop("checksum")
    (tmp_path / INDEX).write_text(json.dumps(index))
    save_file({k: getattr(dataset, k) for k in ("keep", "azimuth_bin", "content_w", "view_w")}, tmp_path / CODES)
    assert torch.equal(MultiViewDataset.load(tmp_path).images, dataset.images)


def test_arrays_that_would_execute_code_are_refused(tmp_path):
    small().save(tmp_path)
    np.save(tmp_path / IMAGES, np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="damaged"):
        MultiViewDataset.load(tmp_path)


def test_nothing_to_pair_is_an_error():
    dataset = small(keep=torch.eye(5, 4).bool())
    with pytest.raises(ValueError, match="2 views"):
        dataset.sample_views(2, 2, torch.Generator())


def test_wrong_shapes_are_refused():
    dataset = small()
    with pytest.raises(ValueError, match="uint8"):
        MultiViewDataset(dataset.images.float(), dataset.masks, dataset.keep, dataset.azimuth_bin, test_contents=1)
    with pytest.raises(ValueError, match="leave contents"):
        MultiViewDataset(dataset.images, dataset.masks, dataset.keep, dataset.azimuth_bin, test_contents=5)
