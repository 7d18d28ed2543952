"""The upload button, driven as a front end does it, without a kernel."""

from datetime import datetime
from pathlib import Path

import ipywidgets
import pytest
import torch

from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.inverse_graphics.domain import Verdict
from ganverse_nb.inverse_graphics.reconstruction import Reconstruction
from ganverse_nb.widgets import PhotoUpload


def result(path, verdict):
    sphere = uv_sphere()
    mesh = Mesh(0.4 * sphere.vertices, sphere.faces, sphere.face_uvs, torch.full((1, 3, 4, 8), 0.5))
    return Reconstruction(path.name, torch.rand(1, 3, 8, 8), torch.ones(1, 1, 8, 8), verdict, mesh, Camera.orbit(0.0))


def give(upload, name="car.jpg", content=b"bytes"):
    file = {
        "name": name,
        "type": "image/jpeg",
        "size": len(content),
        "content": content,
        "last_modified": datetime.now(),
    }
    upload.button.value = (file,)


@pytest.fixture
def seen():
    return []


def controls(result):
    return ipywidgets.Label(f"controls for {result.name}")


def test_a_photo_in_domain_gets_controls(seen):
    def reconstruct(path):
        seen.append((path.name, path.read_bytes(), path))
        return result(path, Verdict(0.4, 2.0, {}, ""))

    upload = PhotoUpload(reconstruct, controls)
    give(upload, "../car.jpg")
    (name, content, path) = seen[0]
    assert (name, content) == ("car.jpg", b"bytes") and not path.exists()
    assert upload.status.value == "in domain (score 0.4, limit 2.0)" and not upload.errors
    photo, beside = upload.body.children
    assert beside.value == "controls for car.jpg" and bytes(photo.value).startswith(b"\x89PNG")


def test_a_photo_out_of_domain_gets_words_only():
    upload = PhotoUpload(
        lambda path: result(path, Verdict(7.0, 2.0, {}, "the object does not look like a car")), controls
    )
    give(upload)
    assert upload.status.value.startswith("out of domain: the object does not look like a car")
    assert len(upload.body.children) == 1
    assert upload.result.mesh is not None


def test_a_file_that_cannot_be_used_is_a_sentence_without_its_temporary_place():
    def refuse(path):
        raise ValueError(f"{path} is not a picture; give a PNG or JPEG.")

    upload = PhotoUpload(refuse, controls)
    give(upload, "notes.txt")
    assert upload.status.value == "notes.txt is not a picture; give a PNG or JPEG."
    assert upload.errors == [upload.status.value] and upload.result is None and not upload.body.children


def test_a_bug_is_shown_and_raised():
    def bug(path: Path):
        raise KeyError("bug")

    upload = PhotoUpload(bug, controls)
    with pytest.raises(KeyError):
        give(upload)
    assert "KeyError" in upload.status.value
