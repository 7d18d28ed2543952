"""Horses and birds: closed surfaces that stand on the ground, face the front and stay inside every picture."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import face_normals
from ganverse_nb.studio import bird_mesh, horse_mesh
from ganverse_nb.studio.cameras import sample_cameras
from ganverse_nb.studio.categories import CATEGORIES, StudioCategory
from ganverse_nb.studio.photos import make_photos, photograph_orbit
from ganverse_nb.studio.sampling import Objects
from ganverse_nb.studio.scene import sample_scenes
from ganverse_nb.studio.tubes import Layout

LAYOUTS = {"horse": horse_mesh.layout, "bird": bird_mesh.layout}
NEUTRAL = {
    "horse": ("stride", "lift", "turn", "tail_swing", "rearing"),
    "bird": ("turn",),
}
MANE = {"horse": 2}  # tubes on one side only


@pytest.fixture(scope="module", params=LAYOUTS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def category(name: str) -> StudioCategory:
    return CATEGORIES[name]


@pytest.fixture(scope="module")
def animals(category: StudioCategory) -> Objects:
    return category.sample(96, torch.Generator().manual_seed(3), None)


def _tube_volumes(layout: Layout, vertices: Tensor) -> tuple[Tensor, Tensor]:
    """[B, tubes] volume and length of the net area of every closed tube."""
    faces, vertices = layout.faces, vertices.double()
    vectors = face_normals(vertices, faces) / 2
    parts = (vectors * vertices[:, faces].mean(2)).sum(-1) / 3
    firsts = torch.tensor([offset for _, offset in layout.tubes])
    owner = torch.bucketize(faces[:, 0].contiguous(), firsts, right=True) - 1
    volume = torch.zeros(len(vertices), len(firsts), dtype=torch.float64).index_add(1, owner, parts)
    area = torch.zeros(len(vertices), len(firsts), 3, dtype=torch.float64).index_add(1, owner, vectors)
    return volume, area.norm(dim=-1)


def test_every_part_is_closed_and_faces_outwards(name: str, category: StudioCategory, animals: Objects) -> None:
    vertices = category.mesh(animals).vertices
    assert vertices.isfinite().all()
    volume, area = _tube_volumes(LAYOUTS[name](), vertices)
    assert area.max() < 1e-6  # a closed surface has no net area
    assert volume.min() > 0


def test_they_stand_on_the_ground_and_are_centred(name: str, category: StudioCategory, animals: Objects) -> None:
    vertices, parts = category.mesh(animals).vertices, category.face_parts()
    assert (vertices.amin(1) + vertices.amax(1)).abs().max() < 1e-5
    height = vertices[..., 1].amin(1) - category.floor(animals)
    stands = animals["aloft"] == 0 if name == "bird" else torch.ones(len(height), dtype=torch.bool)
    assert height[stands].abs().max() < 1e-5
    assert (height[~stands] > 0.01).all()
    lowest = vertices[stands, :, 1].argmin(1)
    part_of = torch.zeros(vertices.shape[1], dtype=torch.int64)
    part_of[category.mesh(animals).faces.flatten()] = parts.repeat_interleave(3)
    feet = part_of[lowest] >= (horse_mesh.LEG if name == "horse" else bird_mesh.LEG)
    assert feet.all()


def test_every_camera_sees_all_of_them(category: StudioCategory, animals: Objects) -> None:
    vertices = category.mesh(animals).vertices
    for seed in range(8):
        camera = sample_cameras(len(vertices), torch.Generator().manual_seed(seed), category.aim)
        at = camera.to_image(vertices)
        assert at.min() > 0 and at.max() < 1
    high = Camera.orbit(torch.tensor([0.0, 90.0, 215.0]).repeat(32), 25.0, 0.95 * 2.1, 30.0)
    at = high.to_image(vertices)
    assert at.min() > 0 and at.max() < 1


def test_keypoints_are_named_once_and_lie_on_the_surface(category: StudioCategory, animals: Objects) -> None:
    assert len(set(category.keypoint_names)) == len(category.keypoint_names)
    distance = torch.cdist(
        category.keypoints(animals), category.mesh(animals).vertices, compute_mode="donot_use_mm_for_euclid_dist"
    ).amin(2)
    assert distance.max() < 1e-4


def test_left_and_right_mirror_each_other_at_rest(name: str, category: StudioCategory, animals: Objects) -> None:
    neutral = {k: torch.zeros_like(v) if k in NEUTRAL[name] else v for k, v in animals.items()}
    points = dict(zip(category.keypoint_names, category.keypoints(neutral).unbind(1)))
    pairs = [(k, k.replace("left", "right")) for k in points if k.startswith("left")]
    assert len(pairs) >= 4
    shift = neutral["centre"][:, 0]
    for left, right in pairs:
        mirrored = points[right] * torch.tensor([-1.0, 1.0, 1.0])
        mirrored[:, 0] -= 2 * shift
        assert (points[left] - mirrored).abs().max() < 1e-4, left
        assert (points[left][:, 0] > points[right][:, 0]).all()  # its left is +x


def test_the_head_is_in_front(name: str, category: StudioCategory, animals: Objects) -> None:
    points = dict(zip(category.keypoint_names, category.keypoints(animals).unbind(1)))
    first, last = ("nose", "dock") if name == "horse" else ("beak", "tail")
    assert (points[first][:, 2] > points[last][:, 2] + 0.2).all()


def test_front_and_rear_look_different(name: str, category: StudioCategory) -> None:
    generator = torch.Generator().manual_seed(5)
    camera = Camera.orbit(torch.tensor([90.0, 270.0]), 8.0, 2.1)
    photos = photograph_orbit(
        category.sample(1, generator, None), sample_scenes(1, generator, category.grounds), camera, category=name
    )
    left, right = photos.masks.float()
    assert (left * right.flip(-1)).sum() / torch.maximum(left, right.flip(-1)).sum() > 0.8  # one outline, mirrored ...
    assert (left * right).sum() / torch.maximum(left, right).sum() < 0.75  # ... whose ends are not alike


def test_poses_and_proportions_vary(name: str) -> None:
    masks = make_photos(name, 24, seed=8, camera=Camera.orbit(90.0, 8.0, 2.1)).masks.flatten(1).float()
    pairs = torch.combinations(torch.arange(len(masks)))
    a, b = masks[pairs[:, 0]], masks[pairs[:, 1]]
    iou = (a * b).sum(1) / torch.maximum(a, b).sum(1)
    assert iou.median() < 0.75


def test_coats_and_plumages_vary(category: StudioCategory, animals: Objects) -> None:
    colors = animals["coat" if "coat" in animals else "back"]
    assert len({tuple(c) for c in colors.tolist()}) > 0.9 * len(colors)
    assert colors.std(0).min() > 0.12
    assert animals["pose"].unique().numel() >= 3 and animals["type"].unique().numel() == len(category.types)


def test_wings_are_spread_or_folded() -> None:
    birds = CATEGORIES["bird"].sample(64, torch.Generator().manual_seed(1), None)
    points = dict(zip(bird_mesh.KEYPOINT_NAMES, bird_mesh.keypoints(birds).unbind(1)))
    width = (points["left_wing_tip"] - points["right_wing_tip"]).norm(dim=1) / birds["scale"]
    is_spread = birds["spread"] > 0
    assert is_spread.any() and (~is_spread).any()
    assert width[is_spread].min() > width[~is_spread].max()


def test_a_grazing_horse_has_its_head_down_and_a_rearing_one_its_front_hooves_up() -> None:
    horses = CATEGORIES["horse"].sample(200, torch.Generator().manual_seed(2), None)
    points = dict(zip(horse_mesh.KEYPOINT_NAMES, horse_mesh.keypoints(horses).unbind(1)))
    grazing, rearing = horses["pose"] == 3, horses["rearing"] > 0
    above = {k: p[:, 1] - horses["floor"] for k, p in points.items()}
    assert (above["nose"][grazing] < 0.2).all() and (above["nose"][~grazing] > 0.3).all()
    assert (above["left_front_hoof"][rearing] > 0.1).all() and (above["left_front_hoof"][~rearing] < 0.25).all()
