"""The score of a mesh is that of its surface: however it is written down, in whatever unit."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganverse_nb.evaluation.alignment import align_points
from ganverse_nb.evaluation.canonical import canonical_mesh
from ganverse_nb.evaluation.ground_truth import score_meshes
from ganverse_nb.evaluation.surfaces import outer_faces, sample_surface
from ganverse_nb.evaluation.volume import volume_iou
from ganverse_nb.geometry.mesh import Mesh, face_normals, uv_sphere
from ganverse_nb.studio.ground_truth_views import make_ground_truth_views

SMALL = uv_sphere(5, 8)
EGG = Mesh(SMALL.vertices * torch.tensor([0.3, 0.2, 0.5]), SMALL.faces, SMALL.face_uvs)


def volume(mesh):
    a, b, c = mesh.vertices[0].double()[mesh.faces].unbind(1)
    return float((a * torch.linalg.cross(b, c)).sum() / 6)


def both(*meshes):
    """Several meshes in one."""
    starts = torch.tensor([0, *(m.vertices.shape[1] for m in meshes)]).cumsum(0)
    return Mesh(
        torch.cat([m.vertices for m in meshes], 1),
        torch.cat([m.faces + start for m, start in zip(meshes, starts)]),
        torch.cat([m.face_uvs for m in meshes]),
    )


def turned_over(mesh):
    return Mesh(mesh.vertices, mesh.faces.flip(1), mesh.face_uvs.flip(1))


def rewritten(mesh, seed, stray, doubled, parts):
    """The same surface in another order, in parts, with what does not matter."""
    rng = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(mesh.faces), generator=rng)
    rows = torch.cat([rows, rows[: round(doubled * len(rows))]])
    turn = (torch.randint(3, (len(rows), 1), generator=rng) + torch.arange(3)) % 3  # another corner comes first
    faces = mesh.faces[rows].gather(1, turn)
    uvs = mesh.face_uvs[rows].gather(1, turn[..., None].expand(-1, -1, 2))
    part = torch.randint(parts, (len(rows), 1), generator=rng)  # each with vertices of its own
    count = mesh.vertices.shape[1]
    shuffled = torch.randperm(parts * count, generator=rng)
    vertices = torch.empty(1, parts * count, 3)
    vertices[:, shuffled] = mesh.vertices.repeat(1, parts, 1)
    vertices = torch.cat([vertices, 9 * torch.randn(1, stray, 3, generator=rng)], 1)
    return Mesh(vertices, shuffled[faces + part * count], uvs)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 3), st.sampled_from([0.0, 0.3, 1.0]), st.integers(1, 4))
def test_one_surface_has_one_form(seed, stray, doubled, parts):
    found, wanted = canonical_mesh(rewritten(EGG, seed, stray, doubled, parts)), canonical_mesh(EGG)
    for name in ("vertices", "faces", "face_uvs"):
        assert torch.equal(getattr(found, name), getattr(wanted, name))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.01, 1.0))
def test_faces_doubled_back_to_back_keep_the_winding_of_their_neighbours(seed, share):
    rows = torch.randperm(len(EGG.faces), generator=torch.Generator().manual_seed(seed))
    backs = turned_over(
        Mesh(EGG.vertices, *(t[rows[: math.ceil(share * len(rows))]] for t in (EGG.faces, EGG.face_uvs)))
    )
    found = canonical_mesh(rewritten(both(EGG, backs), seed, 1, 0.0, 2))
    assert len(found.faces) == len(EGG.faces) and found.vertices.shape[1] == EGG.vertices.shape[1]
    assert volume(found) == pytest.approx(volume(EGG), rel=1e-5)
    assert (face_normals(found.vertices, found.faces) * found.vertices[:, found.faces].mean(2)).sum(-1).min() > 0


def test_a_hollow_keeps_its_winding_and_two_bodies_find_theirs():
    hollow = both(EGG, turned_over(Mesh(0.5 * EGG.vertices, EGG.faces, EGG.face_uvs)))
    assert volume(canonical_mesh(hollow)) == pytest.approx(volume(EGG) * (1 - 0.5**3), rel=1e-5)
    two = both(EGG, Mesh(EGG.vertices + 2.0, EGG.faces, EGG.face_uvs))
    found = canonical_mesh(both(two, turned_over(two)))
    assert len(found.faces) == 2 * len(EGG.faces) and volume(found) == pytest.approx(2 * volume(EGG), rel=1e-4)
    clockwise = canonical_mesh(turned_over(EGG))  # nothing is unsure: it stays
    assert volume(clockwise) == pytest.approx(-volume(EGG), rel=1e-5)


def test_faces_without_area_go():
    flat = torch.tensor([[0, 0, 1], [2, 3, 2]])
    uvs = torch.zeros(2, 3, 2)
    found = canonical_mesh(Mesh(EGG.vertices, torch.cat([flat, EGG.faces]), torch.cat([uvs, EGG.face_uvs])))
    assert torch.equal(found.faces, canonical_mesh(EGG).faces)


def test_texture_coordinates_stay_at_their_corners():
    found = canonical_mesh(EGG)
    pairs = [
        {(*p, *t) for p, t in zip(m.vertices[0, m.faces].reshape(-1, 3).tolist(), m.face_uvs.reshape(-1, 2).tolist())}
        for m in (EGG, found)
    ]
    assert pairs[0] == pairs[1]


@pytest.mark.parametrize("unit", [1e-10, 0.01, 1000.0, 1e8])
def test_the_outside_is_found_in_every_unit(unit):
    inner = Mesh(0.5 * EGG.vertices, EGG.faces, EGG.face_uvs)
    mesh = both(EGG, inner)
    vertices = mesh.vertices[0] * unit
    assert torch.equal(outer_faces(vertices, mesh.faces), outer_faces(mesh.vertices[0], mesh.faces))
    stray = torch.cat([vertices, torch.tensor([[1e3, 0.0, 0.0]]) * unit])
    assert torch.equal(outer_faces(stray, mesh.faces), outer_faces(vertices, mesh.faces))
    found = sample_surface(vertices, mesh.faces, 100, torch.Generator().manual_seed(0))
    assert torch.allclose(found.normals.norm(dim=1), torch.ones(100), atol=1e-5)


@pytest.mark.parametrize("unit", [1e-3, 39.4, 1000.0])
def test_a_similarity_is_found_in_other_units(unit):
    points = sample_surface(EGG.vertices[0], EGG.faces, 1500, torch.Generator().manual_seed(0)).points
    found = align_points(points[:700] * unit + 3 * unit, points[700:], "similarity")
    assert found.scale * unit == pytest.approx(1, rel=0.02)


def test_the_true_mesh_is_perfect_however_it_is_written():
    """In centimetres, with stray vertices, doubled back to back, in pieces."""
    truth = make_ground_truth_views("car", 1, seed=5).photos
    mesh = truth.mesh()
    textured = Mesh(mesh.vertices, mesh.faces, torch.zeros(len(mesh.faces), 3, 2))
    wild = rewritten(both(textured, turned_over(textured)), 1, 2, 0.1, 3)
    plain, found = (
        score_meshes([m], truth, ["any_pose"], points=1500)["any_pose"].values()
        for m in (mesh, Mesh(100 * wild.vertices, wild.faces))
    )
    assert plain["volume_iou"] > 0.95 and found["volume_iou"] == pytest.approx(plain["volume_iou"].item(), abs=0.01)
    assert found["chamfer"] == pytest.approx(plain["chamfer"].item(), abs=1e-3)


def test_volumes_of_doubled_meshes():
    doubled = canonical_mesh(both(EGG, turned_over(EGG)))
    wanted = (EGG.vertices[0], EGG.faces)
    assert volume_iou((doubled.vertices[0], doubled.faces), wanted, 32) == 1
