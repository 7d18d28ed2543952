from dataclasses import replace

import pytest
import torch

from ganverse_nb.gan.generator import Generator
from ganverse_nb.neural_renderer.codes import exact_codes, fresh_pictures, view_dims
from ganverse_nb.neural_renderer.mapping import MappingNetwork
from ganverse_nb.neural_renderer.stylegan_r import StyleGANR


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


def test_fresh_pictures_are_new_contents_in_chosen_views(world):
    generator, _, content_w, view_w = world.gan_world()
    codes = exact_codes(generator, view_w, content_w, 2)
    more, pictures = fresh_pictures(
        generator, codes, world.mask_of, 10, world.SIDE, views_each=3, seed=5, progress=False
    )
    assert torch.equal(more.content[:24], codes.content) and len(more.content) == 34
    assert len(pictures) == 30 and set(pictures.content.tolist()) == set(range(24, 34))
    rows = torch.tensor([0, 29])
    again = generator.synthesize(more.styles(pictures.content[rows], pictures.view[rows]))
    assert (again - pictures.images[rows].float() / 255).abs().max() <= 0.5 / 255 + 1e-6
    same = fresh_pictures(generator, codes, world.mask_of, 10, world.SIDE, views_each=3, seed=5, progress=False)[1]
    assert torch.equal(same.images, pictures.images)


def test_fresh_pictures_without_an_object_are_dropped(world):
    generator, _, content_w, view_w = world.gan_world()
    codes = exact_codes(generator, view_w, content_w, 2)

    def every_second(images):
        return world.mask_of(images) * (torch.arange(len(images)) % 2)[:, None, None, None]

    _, pictures = fresh_pictures(generator, codes, every_second, 5, world.SIDE, views_each=2, seed=0, progress=False)
    assert pictures.content.tolist() == [24, 25, 26, 27, 28]


def test_a_larger_non_square_generator_is_shown_as_smaller_squares(world, tmp_path):
    """Official cars: 512 x 384 in a square with bars, while inverse graphics works on smaller squares."""
    torch.manual_seed(0)
    wide = Generator(32, 8, 8, 2, (8, 8, 8, 8), rows=(4, 28)).eval().requires_grad_(False)
    codes = exact_codes(wide, torch.randn(4, 8), torch.randn(3, 8), 2)
    more, pictures = fresh_pictures(wide, codes, world.mask_of, 5, world.SIDE, views_each=1, seed=1, progress=False)
    assert pictures.images.shape[1:] == (3, world.SIDE, world.SIDE)
    assert (pictures.images[:, :, [0, 15]] == 0).all() and (pictures.images[:, :, 2:14] > 0).any()
    whole = wide.uncrop(wide.synthesize(more.styles(pictures.content, pictures.view)))
    halved = torch.nn.functional.interpolate(whole, (16, 16), mode="bilinear", antialias=True)
    assert (pictures.images.float() / 255 - halved).abs().max() <= 0.51 / 255

    data, _ = world.training_set()
    split = codes.view.shape[1]
    sizes = replace(world.mapping_for(data, world.config()).sizes, view_dims=split, content_dims=codes.content.shape[1])
    StyleGANR(wide, MappingNetwork(sizes)).save(tmp_path / "wide.safetensors")
    renderer = StyleGANR.load(tmp_path / "wide.safetensors")
    properties = data.bank.properties(torch.arange(2))
    assert renderer.resolution == world.SIDE and renderer.synthesize(properties).shape == (2, 3, 16, 16)
    assert renderer.paint(properties).shape == (2, 3, 24, 32)
