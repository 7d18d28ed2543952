import pytest
import torch
from safetensors.torch import save_file

from ganverse_nb.neural_renderer.properties import mask_out
from ganverse_nb.neural_renderer.stylegan_r import StyleGANR


@pytest.fixture
def data(world):
    return world.training_set()[0]


def test_pictures_have_the_generators_size_and_range(model, data):
    p = data.bank.properties(torch.arange(5))
    images = model.render(p.camera, p.shape, p.texture, p.background)
    assert images.shape == (5, 3, 16, 16) and images.dtype == torch.float32
    assert images.min() >= 0 and images.max() <= 1 and not images.requires_grad


def test_render_is_the_generator_at_the_mapped_styles(model, data):
    p = data.bank.properties(torch.arange(5))
    styles = model.mapping(p.camera, p.shape, p.texture, p.background)
    expected = model.generator.synthesize(styles)
    torch.testing.assert_close(model.render(p.camera, p.shape, p.texture, p.background), expected)


def test_single_properties_serve_all_pictures(model, data):
    p = data.bank.properties(torch.arange(6))
    one = p[2]
    mixed = model.render(p.camera, one.shape, one.texture, one.background)
    for i in range(6):
        torch.testing.assert_close(mixed[i : i + 1], model.render(p[i].camera, one.shape, one.texture, one.background))


def test_a_background_without_an_object_needs_no_mask(model, data):
    p = data.bank.properties(torch.arange(2))
    picture = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    known = mask_out(picture, torch.zeros(2, 1, 16, 16))
    assert torch.equal(
        model.render(p.camera, p.shape, p.texture, picture), model.render(p.camera, p.shape, p.texture, known)
    )


def test_wrong_sizes_are_named(model, data):
    p = data.bank.properties(torch.arange(3))
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
    p = data.bank.properties(torch.arange(3))
    assert torch.equal(*(m.render(p.camera, p.shape, p.texture, p.background) for m in (model, loaded)))
    assert loaded.notes == {"note": 1} and loaded.mapping.sizes == model.mapping.sizes
    with pytest.raises(ValueError, match="observer"):
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
    images = world.paint(torch.tensor([[0.5, 0.25, 0.75]]))
    seen = model.encode(images)
    mesh = world.infer(images, world.mask_of(images))
    assert torch.equal(seen.shape, mesh.vertices) and torch.equal(seen.texture, mesh.texture)
    assert seen.background[0, 2].max() == 0.75 and seen.background[0, 2, 4:12, 4:12].max() == 0
    assert torch.equal(seen.camera.azimuth, world.camera_of(images, None).azimuth)
    known = world.cameras()[0]
    assert model.encode(images, camera=known).camera is known
