"""The first render of a process: in a fork, from several threads at once, and without a home to keep kernels in."""

import multiprocessing
import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import uv_sphere
from ganverse_nb.render import launch, start
from ganverse_nb.render.rasterize import rasterize
from ganverse_nb.runtime.errors import ExpectedWarning

SPHERE = uv_sphere()


def seen():
    clip = Camera.orbit(torch.arange(4) * 40.0).to_clip(SPHERE.vertices * 0.5)
    return rasterize(clip, SPHERE.faces, 128, backend="warp").face_index


def in_child(clip, size, wanted):
    found = rasterize(clip, SPHERE.faces, size, backend="warp").face_index
    os._exit(0 if torch.equal(found, wanted) else 3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked on Unix only")
def test_a_forked_child_renders_after_its_parent_did(monkeypatch):
    """With threads of its own: the parent's, which are remembered, are not there."""
    monkeypatch.setattr(launch, "kernel_threads", lambda: 2)
    clip = Camera.orbit(torch.arange(4) * 40.0).to_clip(SPHERE.vertices * 0.5).contiguous()
    wanted = rasterize(clip, SPHERE.faces, 256, backend="warp").face_index
    assert launch._worker.cache_info().currsize > 0
    child = multiprocessing.get_context("fork").Process(target=in_child, args=(clip, 256, wanted))
    child.start()
    child.join(60)
    hung = child.is_alive()
    child.kill()
    assert not hung and child.exitcode == 0


class Views(Dataset):
    """Renders of the sphere, made by whoever loads them."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        clip = Camera.orbit(40.0 * index).to_clip(SPHERE.vertices * 0.5).contiguous()
        return rasterize(clip, SPHERE.faces, 128, backend="warp").face_index[0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked on Unix only")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_of_a_data_loader_render_whichever_way_they_are_started(method):
    wanted = seen()  # this process has rendered before they are
    loader = DataLoader(Views(), batch_size=2, num_workers=1, multiprocessing_context=method, timeout=120)
    assert torch.equal(torch.cat(list(loader)), wanted)


def test_several_threads_may_render_first_and_the_streams_of_the_process_stay():
    """In a process of its own: everything is made once, and nothing of the process is redirected."""
    script = """
        import os, sys
        from concurrent.futures import ThreadPoolExecutor
        import warp
        from tests.render.test_start import seen
        calls = []
        real, warp.init = warp.init, lambda: calls.append(1) or real()
        os.dup2 = None
        with ThreadPoolExecutor(6) as threads:
            pictures = list(threads.map(lambda _: seen(), range(6)))
        assert all((p == pictures[0]).all() for p in pictures) and len(calls) == 1
        os.write(2, b"still open")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and done.stderr.endswith("still open"), done.stderr


@pytest.fixture
def fresh(monkeypatch):
    """Warp as it has not begun, with what it would do on a machine: what it says, and the folders it is asked for."""
    asked = []
    monkeypatch.setattr(start.wp.config, "kernel_cache_dir", None)
    made = start._start.__wrapped__

    def begin(init):
        def recorded():
            asked.append(start.wp.config.kernel_cache_dir)
            init()

        monkeypatch.setattr(start.wp, "init", recorded)
        made()
        return asked

    return begin


def forbidden():
    if start.wp.config.kernel_cache_dir is None:
        raise PermissionError(13, "Permission denied", "/.cache")


def test_without_a_folder_that_can_be_written_a_temporary_one_is_taken(fresh):
    with pytest.warns(ExpectedWarning, match="/.cache: permission is denied.*WARP_CACHE_PATH") as said:
        first, folder = fresh(forbidden)
    assert first is None and Path(folder).is_dir() and len(said) == 1
    Path(folder).rmdir()


def test_a_user_without_a_name_or_home_gets_a_temporary_folder(fresh, monkeypatch):
    for name in ("WARP_CACHE_PATH", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as where neither HOME nor the user is known
    with pytest.warns(ExpectedWarning, match="no home folder"):
        (folder,) = fresh(lambda: None)
    Path(folder).rmdir()


def test_a_folder_that_can_be_written_is_kept(fresh, monkeypatch, tmp_path, recwarn):
    monkeypatch.setattr(start.wp.config, "kernel_cache_dir", str(tmp_path))
    assert fresh(lambda: None) == [str(tmp_path)] and not recwarn


def test_what_is_made_once_is_made_once():
    from ganverse_nb.runtime.threads import made_once

    made = []

    @made_once
    def make(key):
        made.append(key)
        return object()

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(make, [1] * 40))
    assert len(set(map(id, found))) == 1 and made == [1]
