import pytest
import torch

from ganverse_nb.neural_renderer.editing import edit, observe, render_both
from ganverse_nb.neural_renderer.observer import Observer


@pytest.fixture
def photos(world):
    """Four pictures of one object each."""
    return world.paint(torch.rand(4, 3, generator=torch.Generator().manual_seed(0)))


def test_every_property_comes_from_its_own_source(model, photos):
    seen = model.encode(photos)
    made = edit(
        model,
        camera_from=photos[0:1],
        shape_from=photos[1:2],
        texture_from=photos[2:3],
        background_from=photos[3:4],
    )
    p = made.properties
    assert torch.equal(p.camera.azimuth, seen.camera.azimuth[:1])
    assert torch.equal(p.shape, seen.shape[1:2]) and torch.equal(p.texture, seen.texture[2:3])
    assert torch.equal(p.background, seen.background[3:4])
    assert torch.equal(made.image, model.render(p.camera, p.shape, p.texture, p.background))


def test_pictures_properties_and_cameras_can_be_mixed_and_one_serves_many(model, world, photos):
    known = model.encode(photos[:1])
    made = edit(
        model, camera_from=world.cameras(), shape_from=known, texture_from=photos[1:2], background_from=photos[2:3]
    )
    assert made.image.shape == (world.VIEWS, 3, 16, 16)
    assert torch.equal(made.properties.camera.azimuth, world.cameras().azimuth)


def test_a_picture_given_four_times_is_looked_at_once(model, photos):
    looks = []

    def counting(images, masks):
        looks.append(len(images))
        return observer.infer(images, masks)

    observer = model.observer
    model.observer = Observer(counting, observer.mask, observer.camera)
    edit(model, camera_from=photos, shape_from=photos, texture_from=photos, background_from=photos)
    assert looks == [4]


def test_dibr_shows_the_asked_shape_in_the_asked_texture(model, world, photos):
    seen = model.encode(photos)
    made = render_both(model, seen.replace(camera=world.cameras()[[0, 2, 4, 6]], shape=seen.shape * 0.4))
    assert made.dibr.rgb.shape == made.image.shape
    inside = made.dibr.mask.bool()
    green = made.properties.texture.mean((1, 2, 3))
    for i in range(4):
        torch.testing.assert_close(made.dibr.rgb[i][:, inside[i, 0]].mean(), green[i], atol=2e-3, rtol=0)
    areas = made.dibr.mask.sum((1, 2, 3))
    sizes = made.properties.shape.norm(dim=-1).mean(-1)
    assert areas[sizes.argmax()] > areas[sizes.argmin()] > 0


def test_photographs_without_an_object_or_of_wrong_size_are_refused(model, photos):
    old = model.observer
    known = model.encode(photos)
    model.observer = Observer(old.infer, lambda images: torch.zeros_like(images[:, :1]), old.camera)
    with pytest.raises(ValueError, match="shape_from: no object was found in picture 0, 1"):
        edit(model, camera_from=known, shape_from=photos[:2], texture_from=known, background_from=known)
    with pytest.raises(ValueError, match="resize"):
        observe(model, photos[..., :8])
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        observe(model, photos * 255)
