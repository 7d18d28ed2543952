import copy
import json
import resource

import pytest
import torch
from safetensors.torch import save_file

from ganverse_nb.inverse_graphics.camera_head import CameraHead
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.inference import reconstruct
from ganverse_nb.inverse_graphics.model import FORMAT, InverseGraphicsModel
from ganverse_nb.inverse_graphics.network import InverseGraphicsNetwork
from ganverse_nb.runtime.tensors import load_tensors, packed, save_tensors, unpacked


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    network = InverseGraphicsNetwork(texture_size=(32, 64), symmetric_texture=False, smoothing=2.0)
    return InverseGraphicsModel(network, CameraHead(bins=12), LearnableCameras(torch.tensor([3, 1]), fov=25.0)).eval()


def pictures(count=3):
    masks = torch.zeros(count, 1, 64, 64)
    masks[..., 20:44, 10:50] = 1
    return torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(0)), masks


def test_a_saved_model_predicts_the_same(model, tmp_path):
    model.save(tmp_path / "model.safetensors", steps=5)
    again = InverseGraphicsModel.load(tmp_path / "model.safetensors")
    (a, camera_a), (b, camera_b) = reconstruct(*pictures(), model), reconstruct(*pictures(), again)
    assert torch.equal(a.vertices, b.vertices) and torch.equal(a.texture, b.texture)
    assert torch.equal(camera_a.position, camera_b.position)
    assert torch.equal(model.cameras().position, again.cameras().position) and again.cameras.fov == 25.0
    assert list(tmp_path.iterdir()) == [tmp_path / "model.safetensors"]


def test_packed_to_eight_bits_it_reconstructs_nearly_the_same(model):
    """As `ganverse bundle` ships it."""
    eight = copy.deepcopy(model)
    eight.load_state_dict(unpacked(packed(model.state_dict())))
    a, b = reconstruct(*pictures(), model)[0], reconstruct(*pictures(), eight)[0]
    assert not torch.equal(a.vertices, b.vertices)
    assert (a.vertices - b.vertices).abs().max() < 1e-3 and (a.texture - b.texture).abs().max() < 1e-2


def test_missing_damaged_and_foreign_files_are_named(model, tmp_path):
    with pytest.raises(FileNotFoundError, match="run the stage"):
        InverseGraphicsModel.load(tmp_path / "none.safetensors")
    path = tmp_path / "model.safetensors"
    model.save(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="damaged"):
        InverseGraphicsModel.load(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="damaged"):
        InverseGraphicsModel.load(path)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="is no inverse graphics model"):
        InverseGraphicsModel.load(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda settings: settings["network"].update(texture_size=[1 << 14, 1 << 15]),
        lambda settings: settings["network"].update(encoder_channels=[1 << 14] * 4),
        lambda settings: settings["network"].update(code=1 << 16),
        lambda settings: settings["head"].update(bins=1 << 24),
        lambda settings: settings["cameras"].update(views=1 << 28),
        lambda settings: settings["cameras"].update(views=-1),
        lambda settings: settings["network"].update(resolution="64"),
        lambda settings: settings["network"].update(unknown=1),
        lambda settings: settings.pop("head"),
    ],
)
def test_settings_that_lie_are_one_sentence_and_make_no_room(model, tmp_path, change):
    """Also where the checksum is right, or missing as in files of earlier versions."""
    path = tmp_path / "model.safetensors"
    model.save(path)
    tensors, metadata = load_tensors(path, FORMAT, "model", "again")
    settings = json.loads(metadata["settings"])
    change(settings)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for write in (
        lambda: save_tensors(path, tensors, FORMAT, {"settings": settings, "notes": {}}),
        lambda: save_file(dict(tensors), path, {"format": FORMAT, "settings": json.dumps(settings), "notes": "{}"}),
    ):
        write()
        with pytest.raises(
            ValueError, match=r"^.*model.safetensors does not hold a usable inverse graphics model \(.*again\.$"
        ):
            InverseGraphicsModel.load(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 256 << 10  # kB


def test_reconstruct_gives_a_mesh_and_a_camera_per_picture_in_any_batches(model):
    images, masks = pictures(5)
    mesh, camera = reconstruct(images, masks, model)
    split, split_camera = reconstruct(images, masks, model, batch=2)
    assert mesh.vertices.shape == (5, 642, 3) and mesh.texture.shape == (5, 3, 32, 64) and len(camera) == 5
    assert torch.allclose(mesh.vertices, split.vertices, atol=1e-5)
    assert torch.allclose(camera.position, split_camera.position, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i, m: (i[..., :32, :32], m[..., :32, :32]), "64"),
        (lambda i, m: (i, m[:, :, :32]), "64"),
        (lambda i, m: (i[:, :1], m), "64"),
        (lambda i, m: ((i * 255).byte(), m), "divide"),
        (lambda i, m: (i * 255, m), "divide"),
        (lambda i, m: (i * 2 - 1, m), "divide"),
        (lambda i, m: (i, m * torch.tensor([1.0, 0.0, 1.0])[:, None, None, None]), "mask of picture 1 is empty"),
    ],
)
def test_wrong_pictures_are_refused_in_one_sentence(model, change, message):
    with pytest.raises(ValueError, match=message):
        reconstruct(*change(*pictures()), model)
