"""What a photo of the second edition says about itself is what the picture shows; every knob does what it says."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ganverse_nb.geometry.camera import Camera, RolledCamera
from ganverse_nb.geometry.mesh import face_normals
from ganverse_nb.render.rasterize import rasterize
from ganverse_nb.studio.categories import CATEGORIES
from ganverse_nb.studio.editions import find_kind
from ganverse_nb.studio.photos import Photos, arrange, make_photos, photograph, photograph_orbit
from ganverse_nb.studio.randomization import PHOTOS, SEGMENTER, Randomization
from ganverse_nb.studio.second import car_body, car_types, herd
from ganverse_nb.studio.second.scene_columns import Card

PLAIN = replace(
    PHOTOS, clutter=0.0, writing=0.0, jpeg_share=0.0, noise=0.0, blur=(0.0, 0.0), background_blur=0.0, vignette=0.0,
    exposure=0.0, white_balance=0.0, contrast=0.0, roll=0.0, booths=1.0, halls=0.0, rider=0.0, tack=0.0,
)  # fmt: skip


@pytest.fixture(scope="module", params=CATEGORIES)
def photos(request: pytest.FixtureRequest) -> Photos:
    return make_photos(request.param, 24, seed=5, edition=2)


def _iou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    a, b = a.flatten(1) > 0.5, b.flatten(1) > 0.5
    return (a & b).sum(1) / (a | b).sum(1)


def test_masks_and_depth_are_those_of_the_mesh(photos: Photos) -> None:
    mesh = photos.mesh()
    seen = rasterize(photos.camera.to_clip(mesh.vertices), mesh.faces, 64)
    dry = torch.ones(len(photos), dtype=torch.bool)
    if "afloat" in photos.objects:
        dry = photos.objects["afloat"] == 0  # the others are partly under water
    if "rider" in photos.objects:
        dry = photos.objects["rider"] == 0
    assert _iou(photos.masks.float(), seen.mask)[dry].min() > (0.9 if photos.category == "car" else 0.75)
    both = (photos.masks > 0) & (seen.mask > 0)
    assert (photos.depth.float() - seen.depth[:, None]).abs()[both].median() < 0.006
    assert (photos.depth[photos.masks == 0] == 0).all()


def test_keypoints_lie_on_the_object(photos: Photos) -> None:
    at = (photos.camera.to_image(photos.keypoints()) * 64).long().clamp(0, 63)
    grown = torch.nn.functional.max_pool2d(photos.masks.float(), 5, 1, 2)
    on_object = grown[torch.arange(len(photos))[:, None], 0, at[..., 1], at[..., 0]]
    assert on_object.mean() > 0.94


def test_objects_are_whole_and_cameras_within_their_ranges(photos: Photos) -> None:
    camera = photos.camera
    assert isinstance(camera, RolledCamera) and camera.roll.abs().max() <= 8 and camera.roll.std() > 0.5
    assert camera.elevation.min() >= 0 and camera.elevation.max() <= 40
    at = camera.to_image(photos.mesh().vertices)
    assert at.min() > 0 and at.max() < 1
    middle = (at.amin(1) + at.amax(1)) / 2
    assert (middle - 0.5).abs().max() > 0.03, "off-centre objects"


def test_cameras_cover_sides_heights_distances_and_lenses() -> None:
    """Arranged only: a hundred times as fast as photographed."""
    _, _, camera = arrange("car", 256, torch.Generator().manual_seed(0), edition=2)
    assert camera.elevation.min() < 1 and camera.elevation.max() > 32
    assert torch.histc(camera.azimuth, 8, 0, 360).min() > 15
    assert camera.fov.min() < 17 and camera.fov.max() > 43
    at_one_lens = camera.distance * torch.tan(torch.deg2rad(camera.fov) / 2)
    assert at_one_lens.quantile(0.99) / at_one_lens.quantile(0.01) > 1.8
    assert camera.distance.max() / camera.distance.min() > 1.8


def test_one_seed_gives_the_same_photos_whatever_the_count(photos: Photos) -> None:
    again = make_photos(photos.category, 16, seed=5, edition=2)
    assert torch.equal(photos.images[:16], again.images) and torch.equal(photos.masks[:16], again.masks)
    assert not torch.equal(again.images, make_photos(photos.category, 16, seed=6, edition=2).images)


def test_colours_without_light_are_those_of_the_photos(photos: Photos) -> None:
    mesh, colors = photos.mesh(), photos.colors()
    assert colors.min() >= 0 and colors.max() <= 1
    seen = rasterize(photos.camera.to_clip(mesh.vertices), mesh.faces, 64)
    b, i, j = torch.nonzero((seen.face_index >= 0) & (photos.masks[:, 0] > 0), as_tuple=True)
    first = b == 0
    albedo = photos.albedo(0, seen.face_index[b, i, j][first], seen.barycentric[b, i, j][first])
    assert albedo.shape == (int(first.sum()), 3)
    paint = (colors[b[:, None], mesh.faces[seen.face_index[b, i, j]]] * seen.barycentric[b, i, j][:, :, None]).sum(1)
    correlation = torch.corrcoef(torch.stack([paint.flatten(), photos.image()[b, :, i, j].flatten()]))[0, 1]
    assert correlation > 0.4


def test_a_camera_may_take_several_objects_and_all_of_them_whole() -> None:
    _, _, camera = arrange("car", 14, torch.Generator().manual_seed(2), per_camera=4, edition=2)
    for value in vars(camera).values():
        groups = value[:12].view(3, 4, *value.shape[1:])
        assert torch.equal(groups, groups[:, :1].expand_as(groups))
    objects, _, camera = arrange("car", 14, torch.Generator().manual_seed(2), per_camera=4, edition=2)
    at = camera.to_image(find_kind("car", 2).mesh(objects).vertices)
    assert at.min() > 0 and at.max() < 1


def test_at_least_ten_body_types_of_cars_and_more_families_of_birds() -> None:
    assert len(car_types.TYPE_NAMES) >= 10
    wanted = {"pickup", "convertible", "sedan", "wagon", "suv", "van", "sports", "hatchback", "box_van", "classic"}
    assert wanted <= set(car_types.TYPE_NAMES)
    assert len(find_kind("bird", 2).types) > len(CATEGORIES["bird"].types)
    side = Camera.orbit(90.0, 5.0, 2.1)
    masks = []
    for name in car_types.TYPE_NAMES:
        mesh = car_body.car_mesh(car_types.sample_cars(1, torch.Generator().manual_seed(4), name))
        masks.append(rasterize(side.to_clip(mesh.vertices), mesh.faces, 64).mask)
    pairs = torch.combinations(torch.arange(len(masks)))
    silhouettes = torch.cat(masks)
    assert _iou(silhouettes[pairs[:, 0]], silhouettes[pairs[:, 1]]).median() < 0.88


@pytest.mark.parametrize("body_type", car_types.TYPE_NAMES)
def test_cars_are_closed_centred_and_stand_on_the_ground(body_type: str) -> None:
    cars = car_types.sample_cars(4, torch.Generator().manual_seed(0), body_type)
    mesh = car_body.car_mesh(cars)
    vertices, parts = mesh.vertices.double(), car_body.face_parts()
    normals, middles = face_normals(vertices, mesh.faces) / 2, vertices[:, mesh.faces].mean(2)
    for part in (car_body.BODY, car_body.WHEEL):
        assert normals[:, parts == part].sum(1).abs().max() < 1e-5
        assert ((normals[:, parts == part] * middles[:, parts == part]).sum((1, 2)) > 1e-4).all()
    assert torch.allclose(vertices[..., 1].amin(1), -car_body.height(cars).double() / 2, atol=2e-3)
    assert (vertices[..., 2].abs().amax(1) < 0.56).all()


def test_roll_turns_the_picture() -> None:
    upright = Camera.orbit(30.0, 10.0, 2.0)
    rolled = RolledCamera.turn(upright, torch.tensor([90.0]))
    above = torch.tensor([[[0.0, 0.3, 0.0]]])
    x, y = (2 * rolled.to_image(above) - 1)[0, 0].tolist()
    assert x > 0.3 and y == pytest.approx(0, abs=1e-6), "what is above goes to the right: clockwise"
    assert torch.allclose(rolled.position, upright.position)
    assert torch.equal(RolledCamera.orbit(30.0).axes(), Camera.orbit(30.0).axes())


# Each knob: its field at zero, and the same field turned up.
SWITCHES: dict[str, object] = {
    "noise": 0.2, "blur": (2.0, 3.0), "background_blur": 9.0, "jpeg_share": 1.0, "exposure": 1.0, "white_balance": 0.3,
    "contrast": 0.5, "vignette": 1.0, "clutter": 12.0, "writing": 1.0, "shadows": 1.0, "contact": 1.0, "gloss": 1.0,
    "ground_texture": 3.0, "stickers": 3.0, "two_tone": 1.0, "stripes": 1.0, "dirt": 1.0, "scratches": 1.0,
}  # fmt: skip
ZEROS: dict[str, object] = {"blur": (0.0, 0.0)}


@pytest.fixture(scope="module")
def switched() -> Randomization:
    """Everything off that can be."""
    off = {name: ZEROS.get(name, 0.0) for name in SWITCHES}
    return replace(PHOTOS, **off, booths=0.0, halls=0.0, roll=0.0, off_centre=0.0)


@pytest.mark.parametrize("name", SWITCHES)
def test_a_knob_at_zero_switches_its_effect_off(name: str, switched: Randomization) -> None:
    """Turned up it changes pictures; at zero, the rest of its random numbers changes nothing."""
    order = {"count": 6, "seed": 3, "resolution": 32, "edition": 2}
    plain = make_photos("car", knobs=switched, **order)
    turned = make_photos("car", knobs=replace(switched, **{name: SWITCHES[name]}), **order)
    assert not torch.equal(plain.images, turned.images)
    assert torch.equal(plain.masks, turned.masks) and torch.equal(plain.camera.azimuth, turned.camera.azimuth)


def test_without_the_knobs_pictures_have_no_noise_and_no_borders(switched: Randomization) -> None:
    objects, scene, _ = arrange("car", 1, torch.Generator().manual_seed(3), edition=2, knobs=switched)
    for name in ("noise", "blur", "background_blur", "jpeg", "vignette", "black", "contrast", "ground_contrast"):
        assert scene[name].abs().max() == 0, name
    assert (scene["gain"] == 1).all() and (scene["saturation"] == 1).all()
    assert (scene["cards"][..., Card.kind] == 0).all() and (scene["ink_letters"] == 0).all()
    for name in ("two_tone", "stripe", "dirt", "scratches", "coat", "flake"):
        assert objects[name].abs().max() == 0, name


def test_shadows_lie_on_the_side_away_from_the_light() -> None:
    knobs = replace(PLAIN, softness=(0.01, 0.02), off_centre=0.0, contact=0.0, gloss=0.0)
    cars, scene, _ = arrange("car", 1, torch.Generator().manual_seed(8), body_type="van", edition=2, knobs=knobs)
    scene |= {"ground": torch.full((1, 3), 0.7), "ground_contrast": torch.zeros(1), "horizon_soft": torch.zeros(1)}
    scene |= {
        "disc_radius": torch.zeros(1),
        "gloss": torch.zeros(1),
        "lamp_light": torch.tensor([[2.0] * 3 + [0.0] * 6]),
    }
    camera = Camera.orbit(0.0, 40.0, 3.5, 30.0)
    sides = {}
    for sign in (1.0, -1.0):  # lamp on the left (+x: on the right of the picture), then on the right
        lamp = torch.nn.functional.normalize(torch.tensor([[sign, 0.9, 0.0]]), dim=1)
        lit = scene | {"lamp_direction": torch.cat([lamp, lamp, lamp], 1)}
        picture = photograph(cars, lit, camera, 64, "car", edition=2).image().mean(1)[0]
        floor = car_body.height(cars)[0] / 2
        at = camera.to_image(torch.tensor([[[0.42, -floor, 0.0], [-0.42, -floor, 0.0]]]))[0] * 64
        sides[sign] = [float(picture[int(y), int(x)]) for x, y in at]
    assert sides[1.0][0] > 1.15 * sides[1.0][1]
    assert sides[-1.0][1] > 1.15 * sides[-1.0][0]


def test_a_shadow_knob_at_zero_leaves_the_ground_evenly_lit() -> None:
    knobs = replace(PLAIN, shadows=0.0, contact=0.0, ground_texture=0.0)
    cars, scene, _ = arrange("car", 1, torch.Generator().manual_seed(8), edition=2, knobs=knobs)
    scene |= {"horizon_soft": torch.zeros(1), "disc_radius": torch.zeros(1), "gloss": torch.zeros(1)}
    photo = photograph(cars, scene, Camera.orbit(40.0, 40.0, 3.0, 30.0), 64, "car", edition=2)
    ground = photo.image()[0, :, 40:][:, torch.nn.functional.max_pool2d(photo.masks.float(), 3, 1, 1)[0, 0, 40:] == 0]
    assert ground.std(1).max() < 0.01


def test_riders_are_not_part_of_the_horse_and_saddles_are() -> None:
    knobs = replace(PHOTOS, rider=1.0)
    photos = make_photos("horse", 4, seed=1, edition=2, knobs=knobs)
    assert (photos.objects["rider"] == 1).all() and (photos.objects["tack"] == 1).all()
    horse = photos.mesh()
    rider = herd.rider_mesh(photos.objects)
    alone = rasterize(photos.camera.to_clip(horse.vertices), horse.faces, 64).mask > 0
    man = rasterize(photos.camera.to_clip(rider.vertices), rider.faces, 64).mask > 0
    outside = man & ~alone
    assert outside.flatten(1).sum(1).min() > 15
    assert photos.masks[outside].float().mean() < 0.15
    assert int((find_kind("horse", 2).face_parts() == herd.SADDLE).sum()) > 0
    none = make_photos("horse", 4, seed=1, edition=2, knobs=replace(PHOTOS, rider=0.0, tack=0.0))
    assert (none.objects["rider"] == 0).all() and (none.objects["tack"] == 0).all()


def test_the_segmenters_photos_are_cut_off_and_partly_hidden() -> None:
    knobs = replace(SEGMENTER, cut_off=1.0, occluders=2.0)
    photos = make_photos("car", 24, seed=2, edition=2, knobs=knobs)
    edge = torch.cat([photos.masks[..., 0], photos.masks[..., -1], photos.masks[:, :, 0], photos.masks[:, :, -1]], 2)
    assert edge.flatten(1).any(1).float().mean() > 0.25
    mesh = photos.mesh()
    whole = rasterize(photos.camera.to_clip(mesh.vertices), mesh.faces, 64).mask
    hidden = 1 - (photos.masks * whole).sum((1, 2, 3)) / whole.sum((1, 2, 3))
    assert (hidden > 0.08).float().mean() > 0.25
    assert ((photos.masks > 0) & (torch.nn.functional.max_pool2d(whole, 3, 1, 1) == 0)).sum() == 0


def test_views_from_all_sides_keep_object_and_scene() -> None:
    objects, scene, _ = arrange("car", 1, torch.Generator().manual_seed(3), edition=2)
    views = photograph_orbit(objects, scene, Camera.orbit(torch.tensor([0.0, 120.0, 240.0]), 10.0, 2.3), edition=2)
    vertices = views.mesh().vertices
    assert torch.equal(vertices, vertices[:1].expand_as(vertices))
    half = views[torch.tensor([2, 0])]
    assert half.edition == 2 and torch.equal(half.images[1], views.images[0])
