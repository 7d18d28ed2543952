"""What a photo says about itself is what the picture shows."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ganverse_nb import categories
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.render.rasterize import rasterize
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.process import stops_like_ctrl_c
from ganverse_nb.studio import archive
from ganverse_nb.studio.categories import CATEGORIES
from ganverse_nb.studio.photos import Photos, make_photos


@pytest.fixture(scope="module", params=CATEGORIES)
def photos(request: pytest.FixtureRequest) -> Photos:
    return make_photos(request.param, 24, seed=5)


def _iou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    a, b = a.flatten(1) > 0.5, b.flatten(1) > 0.5
    return (a & b).sum(1) / (a | b).sum(1)


def test_mask_is_the_projection_of_the_mesh(photos: Photos) -> None:
    mesh = photos.mesh()
    seen = rasterize(photos.camera.to_clip(mesh.vertices), mesh.faces, 64)
    assert _iou(photos.masks.float(), seen.mask).min() > (0.93 if photos.category == "car" else 0.8)  # thin limbs


def test_depth_agrees_with_the_mesh(photos: Photos) -> None:
    mesh = photos.mesh()
    seen = rasterize(photos.camera.to_clip(mesh.vertices), mesh.faces, 64)
    both = (photos.masks > 0) & (seen.mask > 0)
    error = (photos.depth.float() - seen.depth[:, None]).abs()[both]
    assert error.median() < 0.005
    assert (photos.depth[photos.masks == 0] == 0).all()


def test_keypoints_lie_on_the_object(photos: Photos) -> None:
    at = (photos.camera.to_image(photos.keypoints()) * 64).long().clamp(0, 63)
    grown = torch.nn.functional.max_pool2d(photos.masks.float(), 5, 1, 2)
    on_object = grown[torch.arange(len(photos))[:, None], 0, at[..., 1], at[..., 0]]
    assert on_object.mean() > 0.97


@pytest.mark.parametrize("category", CATEGORIES)
def test_body_types_have_different_silhouettes(category: str) -> None:
    side, types = Camera.orbit(90.0, 5.0, 2.1), CATEGORIES[category].types
    masks = torch.cat([make_photos(category, 1, seed=6, camera=side, body_type=t).masks for t in types]).float()
    pairs = torch.combinations(torch.arange(len(masks)))
    assert _iou(masks[pairs[:, 0]], masks[pairs[:, 1]]).median() < 0.8


def test_masks_fill_a_useful_part_of_the_picture(photos: Photos) -> None:
    share = photos.masks.float().mean((1, 2, 3))
    assert share.min() > (0.1 if photos.category == "car" else 0.04) and share.max() < 0.6


def test_one_seed_gives_the_same_photos_and_another_others(photos: Photos) -> None:
    again = make_photos(photos.category, 24, seed=5)
    assert torch.equal(photos.images, again.images)
    assert not torch.equal(photos.images, make_photos(photos.category, 24, seed=6).images)


def test_a_camera_may_take_several_objects() -> None:
    shared = make_photos("car", 24, seed=5, per_camera=4)
    for value in vars(shared.camera).values():
        groups = value.view(6, 4, *value.shape[1:])
        assert torch.equal(groups, groups[:, :1].expand_as(groups))
    assert len(shared.camera.azimuth.unique()) == 6
    assert len(shared.objects["length"].unique()) == 24
    with pytest.raises(ValueError, match="must divide 16"):
        make_photos("car", 24, seed=5, per_camera=3)


def test_photos_survive_saving(photos: Photos, tmp_path: Path) -> None:
    photos.save(tmp_path)
    loaded = Photos.load(tmp_path)
    assert loaded.category == photos.category
    assert torch.equal(loaded.images, photos.images)
    assert torch.equal(loaded.mesh().vertices, photos.mesh().vertices)
    assert torch.equal(loaded.camera.azimuth, photos.camera.azimuth)
    assert [p.name for p in tmp_path.iterdir()] == ["photos.safetensors"]


def test_an_interrupted_archive_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "PIECE", 16)
    whole = archive.make_photo_archive("car", 40, 0, tmp_path / "whole", workers=1)
    made = archive._make_piece
    calls = []

    def fail_after_one(*order: object) -> int:
        if calls:
            raise KeyboardInterrupt
        calls.append(order)
        return made(*order)

    monkeypatch.setattr(archive, "_make_piece", fail_after_one)
    with pytest.raises(KeyboardInterrupt):
        archive.make_photo_archive("car", 40, 0, tmp_path / "cut", workers=1)
    monkeypatch.setattr(archive, "_make_piece", lambda *order: calls.append(order) or made(*order))
    resumed = archive.make_photo_archive("car", 40, 0, tmp_path / "cut", workers=1)
    assert len(calls) == 3  # one before the interruption, the other two after it
    assert torch.equal(whole.images, resumed.images)


def test_the_work_in_a_piece_does_not_grow_with_the_resolution() -> None:
    assert [archive.piece_size(side) for side in (32, 64, 128, 200, 256, 4096)] == [512, 512, 128, 32, 32, 16]


def sleeps(*order: object) -> int:
    time.sleep(60)
    return 0


def test_an_interruption_ends_the_processes_that_photograph_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces that wait, and those that are being made: with 40,000 photos they would take minutes."""
    monkeypatch.setattr(archive, "get_context", lambda method: multiprocessing.get_context("fork"))  # begins at once
    monkeypatch.setattr(archive, "_make_piece", sleeps)
    others = set(multiprocessing.active_children())
    threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGTERM]).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), stops_like_ctrl_c():
        archive.make_photo_archive("car", 20 * archive.PIECE, 0, tmp_path, workers=2)
    while (left := set(multiprocessing.active_children()) - others) and time.monotonic() - began < 2.3:
        time.sleep(0.01)  # the pool waits for them as well: whoever comes first strikes them off a moment later
    assert time.monotonic() - began < 2.3 and not left


class BrokenPool(ProcessPoolExecutor):
    """One whose processes are ended from outside."""

    def submit(self, *order: object, **options: object) -> Future:
        done: Future = Future()
        done.set_exception(BrokenProcessPool("a process was ended"))
        return done


def test_a_process_that_photographs_and_dies_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "PIECE", 16)
    monkeypatch.setattr(archive, "ProcessPoolExecutor", BrokenPool)
    with pytest.raises(ExpectedError, match="A process that photographs was ended, most often for want of"):
        archive.make_photo_archive("car", 40, 0, tmp_path, workers=2)


def test_processes_that_photograph_end_with_the_one_that_started_them() -> None:
    """As when that is killed: nobody is there to stop them."""
    fork = multiprocessing.get_context("fork")
    listener, speaker = fork.Pipe(duplex=False)

    def work() -> None:
        archive._begin_worker()
        time.sleep(60)

    def start() -> None:
        worker = fork.Process(target=work)
        worker.start()
        speaker.send(worker.pid)
        time.sleep(60)

    owner = fork.Process(target=start)
    owner.start()
    worker = listener.recv()
    owner.kill()
    owner.join()
    ends = time.monotonic() + 2
    while Path(f"/proc/{worker}").exists() and time.monotonic() < ends:
        time.sleep(0.02)
    state = Path(f"/proc/{worker}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_pieces_that_a_kill_left_beside_the_finished_archive_are_removed(tmp_path: Path) -> None:
    archive.make_photo_archive("car", 4, 0, tmp_path, workers=1)
    (tmp_path / "piece-0000000").mkdir()
    (tmp_path / "piece-0000000" / "photos.safetensors").write_bytes(b"left")
    archive.make_photo_archive("car", 4, 0, tmp_path, workers=1)
    assert [path.name for path in tmp_path.iterdir()] == ["photos.safetensors"]


def test_damaged_photos_are_a_sentence_and_those_of_earlier_versions_are_taken(tmp_path: Path) -> None:
    photos = make_photos("car", 2, 0, 16)
    photos.save(tmp_path)
    path = tmp_path / "photos.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000] + bytes([whole[-1000] ^ 1]) + whole[-999:])
    with pytest.raises(ValueError, match="photos.safetensors is damaged: .*; delete .* and make them again"):
        Photos.load(tmp_path)
    path.write_bytes(whole)
    tensors = load_file(path)
    save_file(tensors, path)
    assert torch.equal(Photos.load(tmp_path).images, photos.images)
    for wrong in ({"masks": tensors["masks"][:1]}, {"camera.azimuth": tensors["camera.azimuth"][:1]}):
        save_file(tensors | wrong, path)
        with pytest.raises(ValueError, match="photos.safetensors does not hold a usable set of photos"):
            Photos.load(tmp_path)


def test_the_first_photos_of_an_archive_are_had_without_the_others(tmp_path: Path) -> None:
    whole = archive.make_photo_archive("car", 40, 3, tmp_path, workers=1)
    first = archive.first_photos("car", 32, 3)
    assert torch.equal(first.images, whole.images[:32]) and torch.equal(first.depth, whole.depth[:32])
    for count in (0, 20, 528):
        with pytest.raises(ValueError, match=f"by 16s, up to 512; got {count}"):
            archive.first_photos("car", count, 3)


def test_photos_of_the_web_are_outside_of_the_studios_ranges() -> None:
    web, plain = make_photos("car", 24, seed=8, style="web"), make_photos("car", 24, seed=8)
    assert not ((web.camera.elevation > 4) & (web.camera.elevation < 26)).any()
    for name in ("roof", "width"):
        ratio = web.objects[name] / plain.objects[name]  # the same cars, stretched
        assert ((ratio < 0.87) | (ratio > 1.15)).all()
    edges = torch.cat(
        [web.masks[..., 0].flatten(1), web.masks[..., -1].flatten(1), web.masks[:, 0, 0], web.masks[:, 0, -1]], 1
    )
    assert not edges.any(), "whole in the picture"
    assert web.masks.float().mean((1, 2, 3)).min() > 0.05
    seen = web.image()[:, :, :4].std((0, 2, 3)).mean() / plain.image()[:, :, :4].std((0, 2, 3)).mean()
    assert seen > 1.3, "skies vary more"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_photos("boat", 1, 0), "no 'boat'"),
        (lambda: make_photos("car", 0, 0), "at least 1"),
        (lambda: make_photos("car", 1, 0, body_type="tank"), "Unknown body type 'tank'"),
        (lambda: make_photos("car", 1, 0, style="film"), "Unknown style 'film'; the studio's are studio, web"),
        (lambda: make_photos("horse", 1, 0, body_type="mule"), "Unknown body type 'mule'"),
    ],
)
def test_bad_orders_are_refused_in_a_sentence(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_the_colours_of_the_mesh_are_those_of_the_photos(photos: Photos) -> None:
    """Painted vertices under the photo's light give its colours."""
    mesh, colors = photos.mesh(), photos.colors()
    assert colors.min() >= 0 and colors.max() <= 1
    seen = rasterize(photos.camera.to_clip(mesh.vertices), mesh.faces, 64)
    b, i, j = torch.nonzero((seen.face_index >= 0) & (photos.masks[:, 0] > 0), as_tuple=True)
    corners = mesh.faces[seen.face_index[b, i, j]]
    paint = (colors[b[:, None], corners] * seen.barycentric[b, i, j][:, :, None]).sum(1)
    picture = photos.image()[b, :, i, j]
    correlation = torch.corrcoef(torch.stack([paint.flatten(), picture.flatten()]))[0, 1]
    assert correlation > 0.7


def test_the_settings_name_the_studios_categories() -> None:
    assert set(categories.CATEGORIES) == set(CATEGORIES)


def test_photos_of_nothing_known_are_refused(photos: Photos, tmp_path: Path) -> None:
    photos.save(tmp_path)
    tensors = load_file(tmp_path / "photos.safetensors")
    renamed = {k.replace(f"{CATEGORIES[photos.category].plural}.", "boats."): v for k, v in tensors.items()}
    save_file(renamed, tmp_path / "photos.safetensors")
    with pytest.raises(ValueError, match="none of car, horse, bird"):
        Photos.load(tmp_path)


def test_missing_photos_say_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make_photos"):
        Photos.load(tmp_path)
