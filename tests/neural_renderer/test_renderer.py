import pytest
import torch
from safetensors.torch import save_file

from ganverse_nb.neural_renderer.properties import PropertyEncoder, mask_out
from ganverse_nb.neural_renderer.renderer import StyleGANR, edit, render_both


@pytest.fixture
def data(world):
    return world.training_set()[0]


def test_pictures_have_the_generators_size_and_range(model, data):
    p = data.dataset.properties(torch.arange(5))
    images = model.render(p.camera, p.shape, p.texture, p.background)
    assert images.shape == (5, 3, 16, 16) and images.dtype == torch.float32
    assert images.min() >= 0 and images.max() <= 1 and not images.requires_grad


def test_render_is_the_generator_at_the_mapped_styles(model, data):
    p = data.dataset.properties(torch.arange(5))
    styles = model.mapping(p.camera, p.shape, p.texture, p.background)
    expected = model.generator.synthesize(styles)
    torch.testing.assert_close(model.render(p.camera, p.shape, p.texture, p.background), expected)


def test_single_properties_serve_all_pictures(model, data):
    p = data.dataset.properties(torch.arange(6))
    one = p[2]
    mixed = model.render(p.camera, one.shape, one.texture, one.background)
    for i in range(6):
        torch.testing.assert_close(mixed[i : i + 1], model.render(p[i].camera, one.shape, one.texture, one.background))


def test_a_background_without_an_object_needs_no_mask(model, data):
    p = data.dataset.properties(torch.arange(2))
    picture = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    known = mask_out(picture, torch.zeros(2, 1, 16, 16))
    assert torch.equal(
        model.render(p.camera, p.shape, p.texture, picture), model.render(p.camera, p.shape, p.texture, known)
    )


def test_wrong_sizes_are_named(model, data):
    p = data.dataset.properties(torch.arange(3))
    with pytest.raises(ValueError, match="shape must be"):
        model.render(p.camera, p.shape[:, :5], p.texture, p.background)
    with pytest.raises(ValueError, match="texture must be"):
        model.render(p.camera, p.shape, p.texture[..., :3], p.background)
    with pytest.raises(ValueError, match="background must be"):
        model.render(p.camera, p.shape, p.texture, p.background[:, :1])
    with pytest.raises(ValueError, match="batch sizes differ"):
        model.render(p.camera, p.shape[:2], p.texture, p.background)


def test_save_and_load_give_the_same_pictures(model, data, tmp_path):
    model.save(tmp_path / "model.safetensors")
    loaded = StyleGANR.load(tmp_path / "model.safetensors")
    p = data.dataset.properties(torch.arange(3))
    assert torch.equal(*(m.render(p.camera, p.shape, p.texture, p.background) for m in (model, loaded)))
    assert loaded.notes == {"note": 1} and loaded.mapping.sizes == model.mapping.sizes
    with pytest.raises(ValueError, match="encoder"):
        loaded.encode(torch.zeros(1, 3, 16, 16))


def test_missing_damaged_and_foreign_files_are_one_clear_sentence(model, tmp_path):
    path = tmp_path / "model.safetensors"
    with pytest.raises(FileNotFoundError, match="stylegan_r"):
        StyleGANR.load(path)
    model.save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged"):
        StyleGANR.load(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="damaged"):
        StyleGANR.load(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="not a StyleGAN-R"):
        StyleGANR.load(path)


def test_encode_reads_the_properties_off_a_picture(model, world):
    images = world.draw(torch.tensor([[0.5, 0.25, 0.75]]))
    encoded = model.encode(images)
    mesh = world.infer(images, world.mask_of(images))
    assert torch.equal(encoded.shape, mesh.vertices) and torch.equal(encoded.texture, mesh.texture)
    assert encoded.background[0, 2].max() == 0.75 and encoded.background[0, 2, 4:12, 4:12].max() == 0
    assert torch.equal(encoded.camera.azimuth, world.camera_of(images, None).azimuth)
    known = world.cameras()[0]
    assert model.encode(images, camera=known).camera is known


@pytest.fixture
def photos(world):
    """Four pictures of one object each."""
    return world.draw(torch.rand(4, 3, generator=torch.Generator().manual_seed(0)))


def test_every_property_comes_from_its_own_source(model, photos):
    encoded = model.encode(photos)
    made = edit(
        model,
        camera_from=photos[0:1],
        shape_from=photos[1:2],
        texture_from=photos[2:3],
        background_from=photos[3:4],
    )
    p = made.properties
    assert torch.equal(p.camera.azimuth, encoded.camera.azimuth[:1])
    assert torch.equal(p.shape, encoded.shape[1:2]) and torch.equal(p.texture, encoded.texture[2:3])
    assert torch.equal(p.background, encoded.background[3:4])
    assert torch.equal(made.image, model.render(p.camera, p.shape, p.texture, p.background))


def test_pictures_properties_and_cameras_can_be_mixed_and_one_serves_many(model, world, photos):
    known = model.encode(photos[:1])
    made = edit(
        model, camera_from=world.cameras(), shape_from=known, texture_from=photos[1:2], background_from=photos[2:3]
    )
    assert made.image.shape == (world.VIEWS, 3, 16, 16)
    assert torch.equal(made.properties.camera.azimuth, world.cameras().azimuth)


def test_a_picture_given_four_times_is_encoded_once(model, photos):
    encoded = []

    def counting(images, masks):
        encoded.append(len(images))
        return encoder.infer(images, masks)

    encoder = model.encoder
    model.encoder = PropertyEncoder(counting, encoder.mask, encoder.camera)
    edit(model, camera_from=photos, shape_from=photos, texture_from=photos, background_from=photos)
    assert encoded == [4]


def test_dibr_shows_the_target_shape_and_texture(model, world, photos):
    encoded = model.encode(photos)
    made = render_both(model, encoded.replace(camera=world.cameras()[[0, 2, 4, 6]], shape=encoded.shape * 0.4))
    assert made.dibr.rgb.shape == made.image.shape
    inside = made.dibr.mask.bool()
    green = made.properties.texture.mean((1, 2, 3))
    for i in range(4):
        torch.testing.assert_close(made.dibr.rgb[i][:, inside[i, 0]].mean(), green[i], atol=2e-3, rtol=0)
    areas = made.dibr.mask.sum((1, 2, 3))
    sizes = made.properties.shape.norm(dim=-1).mean(-1)
    assert areas[sizes.argmax()] > areas[sizes.argmin()] > 0


def test_photographs_without_an_object_or_of_wrong_size_are_refused(model, photos):
    old = model.encoder
    known = model.encode(photos)
    model.encoder = PropertyEncoder(old.infer, lambda images: torch.zeros_like(images[:, :1]), old.camera)
    with pytest.raises(ValueError, match="shape_from: no object was found in picture 0, 1"):
        edit(model, camera_from=known, shape_from=photos[:2], texture_from=known, background_from=known)
    with pytest.raises(ValueError, match="resize"):
        model.encode(photos[..., :8])
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        model.encode(photos * 255)
