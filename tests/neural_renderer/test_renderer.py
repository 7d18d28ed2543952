import math
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from ganverse_nb.data.pictures import write_picture
from ganverse_nb.gan.zoom import Zoom
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.inverse_graphics.camera_head import CameraHead
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.network import InverseGraphicsNetwork
from ganverse_nb.neural_renderer import renderer as renderer_module
from ganverse_nb.neural_renderer.properties import PropertyEncoder, mask_out
from ganverse_nb.neural_renderer.renderer import Renderer, StyleGANR, render_both
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.files import sha256, write_json
from ganverse_nb.runtime.shipped import Shipped


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
    with pytest.raises(FileNotFoundError, match="No StyleGAN-R at .*run the stage again"):
        StyleGANR.load(path)
    model.save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged"):
        StyleGANR.load(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="damaged"):
        StyleGANR.load(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="is no StyleGAN-R"):
        StyleGANR.load(path)
    save_file({"x": torch.zeros(1)}, path, {"format": "ganverse_nb StyleGAN-R 1"})
    with pytest.raises(ValueError, match="its format is .* is needed; delete its folder"):
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
    """Four pictures of one object each, in whole bytes."""
    return (world.draw(torch.rand(4, 3, generator=torch.Generator().manual_seed(0))) * 255).round() / 255


@pytest.fixture
def renderer(model):
    return Renderer(model)


def test_an_edit_without_changes_renders_the_picture_again(renderer, model, photos):
    edit = renderer.edit(photos[0])
    expected = render_both(model, model.encode(photos[:1]))
    assert torch.equal(edit.image, expected.image) and torch.equal(edit.dibr.rgb, expected.dibr.rgb)


def test_every_property_comes_from_its_own_source(renderer, model, photos):
    encoded = model.encode(photos)
    edit = renderer.edit(photos[0], shape_of=photos[1], texture_of=encoded[2], background_of=photos[3])
    p = edit.properties
    assert torch.equal(p.camera.azimuth, encoded.camera.azimuth[:1])
    assert torch.equal(p.shape, encoded.shape[1:2]) and torch.equal(p.texture, encoded.texture[2:3])
    assert torch.equal(p.background, encoded.background[3:4])
    assert torch.equal(edit.image, model.render(p.camera, p.shape, p.texture, p.background))


def test_one_source_serves_many(renderer, world, photos):
    many = renderer.encode(photos[0])[[0] * world.VIEWS].replace(camera=world.cameras())
    edit = renderer.edit(many, texture_of=photos[1])
    assert edit.image.shape == edit.dibr.rgb.shape == (world.VIEWS, 3, 16, 16)
    assert torch.equal(edit.properties.camera.azimuth, world.cameras().azimuth)


def test_camera_controls_replace_or_scale_what_the_source_has(renderer, photos):
    properties = renderer.encode(photos[0])
    own = properties.camera
    camera = renderer.edit(properties, azimuth=120, scale=1.25).properties.camera
    torch.testing.assert_close(camera.azimuth, torch.tensor([120.0]))
    torch.testing.assert_close(camera.elevation, own.elevation)
    torch.testing.assert_close(camera.distance * 1.25, own.distance)
    camera = renderer.edit(properties, elevation=-5).properties.camera
    torch.testing.assert_close(camera.elevation, torch.tensor([-5.0]))
    torch.testing.assert_close(camera.azimuth, own.azimuth)
    for impossible in ({"azimuth": float("nan")}, {"elevation": 91}, {"scale": 0.0}, {"scale": float("inf")}):
        with pytest.raises(ValueError, match=f"edit: {next(iter(impossible))} must"):
            renderer.edit(properties, **impossible)


def test_pictures_of_any_form_and_size_are_taken(renderer, model, photos, tmp_path):
    expected = model.encode(photos[:1])
    path = write_picture(photos[0], tmp_path / "photo.png")
    array = (photos[0] * 255).byte().permute(1, 2, 0).numpy()
    for picture in (path, str(path), array, Image.fromarray(array), photos[0], photos[:1]):
        assert torch.equal(renderer.encode(picture).shape, expected.shape)
    wide = torch.nn.functional.interpolate(photos[:1], (64, 64), mode="nearest")
    wide = torch.nn.functional.pad(wide, (20, 20))
    torch.testing.assert_close(renderer.encode(wide).shape, expected.shape, atol=0.02, rtol=0)
    for wrong in (tmp_path / "none.png", photos, 7):
        with pytest.raises((FileNotFoundError, ValueError)):
            renderer.encode(wrong)


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


def test_pictures_without_an_object_or_of_wrong_size_are_refused(renderer, model, photos):
    old = model.encoder
    with pytest.raises(ValueError, match="resize"):
        model.encode(photos[..., :8])
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        model.encode(photos * 255)
    model.encoder = PropertyEncoder(old.infer, lambda images: torch.zeros_like(images[:, :1]), old.camera)
    with pytest.raises(ValueError, match="images: no object was found in picture 0, 1"):
        model.encode(photos[:2])
    with pytest.raises(ValueError, match="the picture: no object was found"):
        renderer.edit(photos[0])


@pytest.fixture
def trained(model, tmp_path, monkeypatch):
    """The directory of a run with tiny networks, and the mask that the segmenter there finds."""
    torch.manual_seed(0)
    inverse = InverseGraphicsModel(InverseGraphicsNetwork(), CameraHead(), LearnableCameras(torch.arange(4)))
    for stage in ("inverse_graphics", "stylegan_r"):
        (tmp_path / stage).mkdir()
    inverse.save(tmp_path / "inverse_graphics" / "model.safetensors")
    model.save(tmp_path / "stylegan_r" / "stylegan_r.safetensors")
    write_json(tmp_path / "config.json", {"category": "car", "segmenter": {"weights": "bundled"}})
    asked = []
    monkeypatch.setattr(renderer_module, "load_segmenter", lambda *names: asked.append(names))
    return SimpleNamespace(folder=tmp_path, inverse=inverse, segmenters=asked)


def is_whole(renderer, model, trained):
    """Whether a renderer has the networks of `trained`."""
    found = renderer.stylegan_r
    pairs = [(found.generator, model.generator), (found.mapping, model.mapping)]
    pairs += [(found.encoder.infer, trained.inverse.network), (found.encoder.camera, trained.inverse.head)]
    return all(torch.equal(a, b) for x, y in pairs for a, b in zip(x.parameters(), y.parameters(), strict=True))


def test_the_networks_of_a_run_are_loaded_by_its_directory_or_by_the_file(model, trained):
    file = trained.folder / "stylegan_r" / "stylegan_r.safetensors"
    for source in (trained.folder, str(trained.folder), file):
        renderer = Renderer.from_pretrained(source)
        assert renderer.resolution == 16 and is_whole(renderer, model, trained)
    assert trained.segmenters == [("car", "bundled")] * 3


def test_a_file_alone_renders_properties_but_no_pictures(model, trained, photos):
    file = trained.folder / "alone.safetensors"
    model.save(file)
    renderer, properties = Renderer.from_pretrained(file), model.encode(photos[:1])
    assert torch.equal(renderer.edit(properties).image, model.synthesize(properties))
    with pytest.raises(ValueError, match="needs inverse graphics"):
        renderer.edit(photos[0])


def test_the_networks_of_the_package_are_loaded_by_the_category(model, trained, monkeypatch):
    hashes = {
        stage: {name: sha256(trained.folder / stage / name)}
        for stage, name in (("inverse_graphics", "model.safetensors"), ("stylegan_r", "stylegan_r.safetensors"))
    }
    config = {"category": "horse", "segmenter": {"weights": "auto"}}
    facts = {"config": config, "stages": {k: {"files": v} for k, v in hashes.items()}}
    monkeypatch.setattr(renderer_module.Shipped, "of", lambda name: Shipped(trained.folder, facts))
    for name in ("horse", "horse-128"):
        assert is_whole(Renderer.from_pretrained(name), model, trained)
    assert trained.segmenters == 2 * [("horse", "auto")]


def test_what_is_not_there_is_one_clear_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="no directory of a run"):
        Renderer.from_pretrained(tmp_path)
    with pytest.raises(FileNotFoundError, match="No StyleGAN-R at"):
        Renderer.from_pretrained(tmp_path / "none.safetensors")
    with pytest.raises(ExpectedError, match="no networks for 'submarine'"):
        Renderer.from_pretrained("submarine")


def test_a_camera_further_away_shows_zoomed_features_of_the_generator(model, data, tmp_path):
    p = data.dataset.properties(torch.arange(3))
    zoomed = StyleGANR(model.generator, model.mapping.with_zoom(8))
    zoomed.save(tmp_path / "zoomed.safetensors")
    usual = 1 / zoomed.mapping.path.nearness_at(p.camera.azimuth)
    for scale in (1.0, 0.8):
        camera = p.camera.replace(distance=usual / scale)
        styles = model.styles(p.replace(camera=camera))
        expected = model.generator.synthesize(styles, zoom=Zoom(8, torch.full((3,), scale)))
        for renderer in (zoomed, StyleGANR.load(tmp_path / "zoomed.safetensors")):
            torch.testing.assert_close(renderer.render(camera, p.shape, p.texture, p.background), expected)
            torch.testing.assert_close(renderer.synthesize_full(p.replace(camera=camera)), expected)


def test_features_that_the_generator_does_not_have_are_refused(model):
    with pytest.raises(ValueError, match="zoom_at is one of 4, 8, 16 for this GAN, or 0; got 32"):
        StyleGANR(model.generator, model.mapping.with_zoom(32))


def test_a_photograph_s_lens_is_taken_as_size(model, data):
    """The refinement finds any field of view; StyleGAN-R knows one, and takes the distance for size."""
    p = data.dataset.properties(torch.arange(1))
    near = Camera.orbit([30.0], [10.0], 2.0, 30.0)
    far = near.replace(
        fov=torch.tensor([10.0]), distance=2.0 * torch.tensor([15.0]).deg2rad().tan() / math.tan(math.radians(5))
    )
    mesh = Mesh(p.shape, uv_sphere().faces, uv_sphere().face_uvs, torch.rand(1, 3, 8, 16))
    mask = torch.zeros(1, 1, 16, 16)
    made = SimpleNamespace(mesh=mesh, camera=far, image=torch.rand(1, 3, 16, 16), mask=mask, name="photo.jpg")
    found = Renderer(model)._reconstructed(made)
    torch.testing.assert_close(found.camera.distance, near.distance)
    assert found.camera.fov.tolist() == [30.0]
