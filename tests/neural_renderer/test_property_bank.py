import pytest
import torch

from ganverse_nb.neural_renderer.bank import Pictures, PropertyBank


@pytest.fixture
def factors():
    return torch.rand(6, 3, generator=torch.Generator().manual_seed(0))


def test_bank_holds_what_f_sees_to_8_and_16_bits(world, factors):
    bank = PropertyBank(world.pictures(factors), world.infer, world.cameras(), progress=False)
    rows = torch.tensor([0, 13, 47])
    mesh = world.infer(bank.images(rows), bank.masks(rows))
    torch.testing.assert_close(bank.texture(rows), mesh.texture.expand(-1, 3, -1, -1), atol=0.5 / 255 + 1e-6, rtol=0)
    torch.testing.assert_close(bank.shape(rows), mesh.vertices, atol=1e-3, rtol=0)
    properties = bank.properties(rows)
    assert torch.equal(properties.camera.azimuth, world.cameras().azimuth[torch.tensor([0, 5, 7])])
    assert torch.equal(properties.background[:, 3:], 1 - bank.masks(rows))
    object_pixels = bank.masks(rows).bool().expand(-1, 4, -1, -1)
    assert properties.background[object_pixels].abs().max() == 0


def test_sampled_rows_show_the_asked_contents_in_every_view(world, factors):
    bank = PropertyBank(world.pictures(factors), world.infer, world.cameras(), progress=False)
    contents = torch.arange(6).repeat(100)
    rows = bank.sample_rows(contents, torch.Generator().manual_seed(0))
    assert torch.equal(bank.pictures.content[rows], contents)
    assert len(rows.unique()) == 48


def test_contents_without_pictures_are_not_usable_and_filtered_pictures_are_never_drawn(world, factors):
    everything = world.pictures(factors)
    keep = torch.ones(6, 8, dtype=torch.bool)
    keep[2], keep[4, ::2] = False, False
    images = everything.images.view(6, 8, 3, 16, 16)
    kept = Pictures.of_dataset(images, everything.masks.reshape(6, 8, 1, 16, 16), keep)
    bank = PropertyBank(kept, world.infer, world.cameras(), progress=False)
    assert len(bank) == 36 and bank.usable(range(6)).tolist() == [0, 1, 3, 4, 5]
    rows = bank.sample_rows(torch.full((200,), 4), torch.Generator().manual_seed(0))
    assert set(bank.pictures.view[rows].tolist()) == {1, 3, 5, 7}
    by_view = bank.rows_by_view([1, 2, 4])
    assert bank.pictures.content[by_view[0]].tolist() == [1]
    assert bank.pictures.content[by_view[1]].tolist() == [1, 4]
    with pytest.raises(ValueError, match="No content"):
        bank.usable([2, 77])


def test_impossible_banks_are_refused(world, factors):
    pictures = world.pictures(factors)
    empty = Pictures(*(t[:0] for t in (pictures.images, pictures.masks, pictures.content, pictures.view)))
    with pytest.raises(ValueError, match="was kept"):
        PropertyBank(empty, world.infer, world.cameras(), progress=False)
    with pytest.raises(ValueError, match="cameras"):
        PropertyBank(pictures, world.infer, world.cameras()[:5], progress=False)
