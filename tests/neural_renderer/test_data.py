from dataclasses import replace

import pytest
import torch

from ganverse_nb.gan.generator import Generator
from ganverse_nb.neural_renderer.codes import exact_codes, view_dims
from ganverse_nb.neural_renderer.data import Pictures, PropertyDataset
from ganverse_nb.neural_renderer.fresh import fresh_pictures
from ganverse_nb.neural_renderer.mapping import PropertyMapper
from ganverse_nb.neural_renderer.renderer import StyleGANR


@pytest.fixture
def factors():
    return torch.rand(6, 3, generator=torch.Generator().manual_seed(0))


def test_dataset_holds_what_f_infers_to_8_and_16_bits(world, factors):
    dataset = PropertyDataset(world.pictures(factors), world.infer, world.cameras(), progress=False)
    rows = torch.tensor([0, 13, 47])
    mesh = world.infer(dataset.images(rows), dataset.masks(rows))
    torch.testing.assert_close(dataset.texture(rows), mesh.texture.expand(-1, 3, -1, -1), atol=0.5 / 255 + 1e-6, rtol=0)
    torch.testing.assert_close(dataset.shape(rows), mesh.vertices, atol=1e-3, rtol=0)
    properties = dataset.properties(rows)
    assert torch.equal(properties.camera.azimuth, world.cameras().azimuth[torch.tensor([0, 5, 7])])
    assert torch.equal(properties.background[:, 3:], 1 - dataset.masks(rows))
    object_pixels = dataset.masks(rows).bool().expand(-1, 4, -1, -1)
    assert properties.background[object_pixels].abs().max() == 0


def test_what_f_says_is_kept_over_interrupts_and_as_long_as_f_and_pictures_are_the_same(world, tmp_path):
    many = torch.rand(20, 3, generator=torch.Generator().manual_seed(1))
    rows, shown = torch.tensor([159, 3, 77]), world.pictures(many)
    free = PropertyDataset(shown, world.infer, world.cameras(), progress=False).properties(rows)

    def kept(infer, shown=shown):
        return PropertyDataset(shown, infer, world.cameras(), progress=False, directory=tmp_path)

    class Breaks(torch.nn.Module):
        """f with a weight, which is interrupted in its third chunk."""

        def __init__(self, scale, after=99):
            super().__init__()
            self.scale, self.after, self.seen = torch.nn.Parameter(torch.tensor(scale)), after, []

        def forward(self, images, masks):
            self.seen.append(len(images))
            if len(self.seen) > self.after:
                raise KeyboardInterrupt
            return world.infer(images * self.scale, masks)

    with pytest.raises(KeyboardInterrupt):
        kept(Breaks(1.0, after=3))  # one picture to know the sizes, two chunks of 64
    f = Breaks(1.0)
    found = kept(f).properties(rows)
    assert f.seen == [1, 32]
    assert torch.equal(found.shape, free.shape) and torch.equal(found.texture, free.texture)
    assert kept(f).pictures is shown and f.seen == [1, 32, 1]
    other = Breaks(0.5)
    assert not torch.equal(kept(other).shape(rows), free.shape) and sum(other.seen) == 161
    kept(other, world.pictures(many.flip(0)))
    assert sum(other.seen) == 322
    path = tmp_path / "properties" / "textures.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match="shapes and textures .* are damaged: .*; delete .*properties and run"):
        kept(other, world.pictures(many.flip(0)))


def test_sampled_rows_show_the_given_contents_in_every_view(world, factors):
    dataset = PropertyDataset(world.pictures(factors), world.infer, world.cameras(), progress=False)
    contents = torch.arange(6).repeat(100)
    rows = dataset.sample_rows(contents, torch.Generator().manual_seed(0))
    assert torch.equal(dataset.pictures.content[rows], contents)
    assert len(rows.unique()) == 48


def test_contents_without_pictures_are_not_usable_and_filtered_pictures_are_never_drawn(world, factors):
    everything = world.pictures(factors)
    keep = torch.ones(6, 8, dtype=torch.bool)
    keep[2], keep[4, ::2] = False, False
    images = everything.images.view(6, 8, 3, 16, 16)
    kept = Pictures.of_dataset(images, everything.masks.reshape(6, 8, 1, 16, 16), keep)
    dataset = PropertyDataset(kept, world.infer, world.cameras(), progress=False)
    assert len(dataset) == 36 and dataset.usable(range(6)).tolist() == [0, 1, 3, 4, 5]
    rows = dataset.sample_rows(torch.full((200,), 4), torch.Generator().manual_seed(0))
    assert set(dataset.pictures.view[rows].tolist()) == {1, 3, 5, 7}
    by_view = dataset.rows_by_view([1, 2, 4])
    assert dataset.pictures.content[by_view[0]].tolist() == [1]
    assert dataset.pictures.content[by_view[1]].tolist() == [1, 4]
    with pytest.raises(ValueError, match="No content"):
        dataset.usable([2, 77])


def test_impossible_datasets_are_refused(world, factors):
    pictures = world.pictures(factors)
    empty = Pictures(*(t[:0] for t in (pictures.images, pictures.masks, pictures.content, pictures.view)))
    with pytest.raises(ValueError, match="was kept"):
        PropertyDataset(empty, world.infer, world.cameras(), progress=False)
    with pytest.raises(ValueError, match="cameras"):
        PropertyDataset(pictures, world.infer, world.cameras()[:5], progress=False)


def test_exact_codes_are_the_styles_of_the_mixed_w_plus(world):
    generator, pictures, content_w, view_w = world.gan_world()
    codes = exact_codes(generator, view_w, content_w, k=2)
    w_plus = content_w[:3, None].repeat(1, generator.num_ws, 1)
    w_plus[:, :2] = view_w[:3, None]
    torch.testing.assert_close(codes.styles(torch.arange(3), torch.arange(3)), torch.cat(generator.styles(w_plus), 1))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_view_code_ends_before_the_first_layer_of_the_content(world, k):
    generator = world.generator()
    dims, done = view_dims(generator, k), 0
    for layer in generator.layers:
        assert (layer.w_index < k) == (done < dims)
        done += layer.size


def test_impossible_splits_are_refused(world):
    for k in (0, 99):
        with pytest.raises(ValueError, match="at least one layer"):
            view_dims(world.generator(), k)


def test_fresh_pictures_are_new_contents_in_chosen_views(world, tmp_path):
    generator, _, content_w, view_w = world.gan_world()
    codes = exact_codes(generator, view_w, content_w, 2)
    more, pictures = fresh_pictures(
        generator, codes, world.mask_of, 10, world.SIDE, tmp_path, views_each=3, seed=5, progress=False
    )
    assert torch.equal(more.content[:24], codes.content) and len(more.content) == 34
    assert len(pictures) == 30 and set(pictures.content.tolist()) == set(range(24, 34))
    rows = torch.tensor([0, 29])
    again = generator.synthesize(more.styles(pictures.content[rows], pictures.view[rows]))
    assert (again - pictures.images[rows].float() / 255).abs().max() <= 0.5 / 255 + 1e-6

    def never(images):
        raise AssertionError("painted again")

    never.__qualname__ = world.mask_of.__qualname__
    same = fresh_pictures(generator, codes, never, 10, world.SIDE, tmp_path, views_each=3, seed=5, progress=False)[1]
    every = torch.arange(30)
    assert torch.equal(same.images[every], pictures.images[every])


def test_fresh_contents_are_none_of_the_datasets(world, tmp_path):
    """The seed of a run draws the dataset's contents, those that are held out among them; it is given here, too."""
    generator, _, _, view_w = world.gan_world()
    drawn = torch.randn(10, generator.z_dim, generator=torch.Generator().manual_seed(5))
    codes = exact_codes(generator, view_w, generator.truncate(generator.mapping(drawn), 0.8), 2)
    more, _ = fresh_pictures(generator, codes, world.mask_of, 10, world.SIDE, tmp_path, seed=5, progress=False)
    assert torch.cdist(more.content[10:], codes.content).min() > 1e-3


def test_fresh_pictures_without_an_object_are_dropped(world, tmp_path):
    generator, _, content_w, view_w = world.gan_world()
    codes = exact_codes(generator, view_w, content_w, 2)

    def every_second(images):
        return world.mask_of(images) * (torch.arange(len(images)) % 2)[:, None, None, None]

    _, pictures = fresh_pictures(
        generator, codes, every_second, 5, world.SIDE, tmp_path, views_each=2, seed=0, progress=False
    )
    assert pictures.content.tolist() == [24, 25, 26, 27, 28]


def test_a_larger_non_square_generator_is_shown_as_smaller_squares(world, tmp_path):
    """Official cars: 512 x 384 in a square with bars, while inverse graphics works on smaller squares."""
    torch.manual_seed(0)
    wide = Generator(32, 8, 8, 2, (8, 8, 8, 8), rows=(4, 28)).eval().requires_grad_(False)
    codes = exact_codes(wide, torch.randn(4, 8), torch.randn(3, 8), 2)
    more, pictures = fresh_pictures(
        wide, codes, world.mask_of, 5, world.SIDE, tmp_path, views_each=1, seed=1, progress=False
    )
    assert pictures.images.shape[1:] == (3, world.SIDE, world.SIDE)
    images = pictures.images[torch.arange(5)]
    assert (images[:, :, [0, 15]] == 0).all() and (images[:, :, 2:14] > 0).any()
    whole = wide.uncrop(wide.synthesize(more.styles(pictures.content, pictures.view)))
    halved = torch.nn.functional.interpolate(whole, (16, 16), mode="bilinear", antialias=True)
    assert (images.float() / 255 - halved).abs().max() <= 0.51 / 255

    data, _ = world.training_set()
    split = codes.view.shape[1]
    sizes = replace(world.mapping_for(data, world.config()).sizes, view_dims=split, content_dims=codes.content.shape[1])
    StyleGANR(wide, PropertyMapper(sizes)).save(tmp_path / "wide.safetensors")
    renderer = StyleGANR.load(tmp_path / "wide.safetensors")
    properties = data.dataset.properties(torch.arange(2))
    assert renderer.resolution == world.SIDE and renderer.synthesize(properties).shape == (2, 3, 16, 16)
    assert renderer.synthesize_full(properties).shape == (2, 3, 24, 32)
