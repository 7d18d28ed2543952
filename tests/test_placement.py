"""All that computes uses the device of the run, and answers where it was asked; `tests.far` stands for a GPU."""

import pytest
import torch

from ganverse_nb.data.generation import to_bytes
from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.evaluation import consistency
from ganverse_nb.evaluation.ground_truth import score_meshes
from ganverse_nb.evaluation.reconstruction import score_dataset
from ganverse_nb.figures import mapping_network
from ganverse_nb.gan.clicks import Click, Clicks
from ganverse_nb.gan.latents import crossed_pictures, sample_w
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import uv_sphere
from ganverse_nb.inverse_graphics.inference import reconstruct
from ganverse_nb.neural_renderer.pivotal import tuned_to
from ganverse_nb.render.renderer import render
from ganverse_nb.runtime import placement
from ganverse_nb.runtime.placement import at_home, at_work, device_of, moved, work_on
from ganverse_nb.runtime.tensors import weights_of
from ganverse_nb.segmentation import feature_masks
from ganverse_nb.studio.photos import make_photos
from ganverse_nb.workflow import stages
from ganverse_nb.workflow.run import open_run
from tests.far import FAR, far_device

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def where_runs_compute(monkeypatch):
    """Is the process's, and stays as it was."""
    monkeypatch.setattr(placement, "_of_run", list(placement._of_run))


@pytest.fixture(scope="module")
def photos():
    return make_photos("car", 2, seed=3)


def of_the_package(root):
    """A run whose networks come with the package: nothing is trained."""
    return open_run("mini", "car", runs=root / "runs", figures=root / "figures")


def asked(run, photos):
    """What networks of a run answer to questions from the processor's memory, as cells of notebooks ask them."""
    teacher, views, model = stages.teacher(run), stages.view_codes(run), stages.inverse_graphics(run)
    found = stages.segmenter(run).segment(photos.image())
    mesh, camera = reconstruct(photos.image(), found.mask, model)
    w = sample_w(teacher, 2, seed=1, psi=0.7)
    warm = stages.stylegan_r(run)
    read = warm.encode(photos.image(), found.mask, camera)
    return {
        "mask": found.mask,
        "score": found.score,
        "w": w,
        "crossed": crossed_pictures(teacher, views.codes[:2], w, views.split_layer),
        "mixed": teacher.mix(1, 2, 2),
        "vertices": mesh.vertices,
        "texture": mesh.texture,
        "azimuth": camera.azimuth,
        "learned": model.cameras().azimuth.detach(),
        "distance": stages.perceptual(run).distance(photos.image(), photos.image().flip(0)),
        "rendered": render(mesh, camera, 64).rgb,
        "silhouette": render(mesh, camera, 64).silhouette,
        "edited": warm.render(camera, mesh.vertices, mesh.texture, read.background),
    }, {"teacher": teacher, "f": model, "generator": warm.generator, "mapping": warm.mapping}


def test_networks_of_a_run_lie_on_its_device_and_answer_where_they_are_asked(photos, tmp_path):
    near, _ = asked(of_the_package(tmp_path), photos)
    with far_device() as mode:
        far, networks = asked(of_the_package(tmp_path), photos)
        assert {name: device_of(network) for name, network in networks.items()} == dict.fromkeys(networks, FAR)
        assert mode.computed > 500 and mode.launched > 4, "networks and the renderer have computed on the device"
        assert {name for name, answer in far.items() if answer.device != CPU} == set()
    for name in near:
        tolerance = {"azimuth": 0.05}.get(name, 5e-3)
        assert float((near[name] - far[name]).abs().max()) < tolerance, name


def test_every_stage_that_hands_a_network_out_puts_it_on_the_device_of_the_run():
    """What is loaded in `workflow` for a notebook or a command; where it is missing, all cells would compute slowly."""
    from pathlib import Path

    import ganverse_nb.workflow

    classes = ("Generator", "InverseGraphicsModel", "StyleGANR", "PoseRegressor")
    loads = [*(f"{name}.load(" for name in classes), "load_generator(", "load_discriminator(", "load_segmenter("]
    known = {"load_segmenter(run.config.kind, setting"}  # which fetches a file
    folder, seen = Path(ganverse_nb.workflow.__file__).parent, 0
    for path in (
        folder / f"{name}.py" for name in ("stages", "experiments", "networks", "feature_segmenter", "commands")
    ):
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines):
            if any(load in line for load in loads) and not line.startswith(("from", "import", "def", "    from")):
                near = "\n".join(lines[number : number + 2])
                ok = "compute_device()" in near or any(one in line for one in known) or '"""' in line
                assert ok, f"{path.name}:{number + 1} hands out a network that stays with the processor: {line.strip()}"
                seen += 1
    assert seen > 8


def test_a_tensor_that_is_left_behind_is_told_by_the_far_device():
    """The stand-in fails as a GPU does; otherwise the tests above would prove nothing."""
    with far_device() as mode:
        there, here = torch.ones(3, device=FAR), torch.ones(3)
        with pytest.raises(RuntimeError, match="same device"):
            there + here
        with pytest.raises(RuntimeError, match="same device"):
            here[torch.zeros(1, dtype=torch.int64, device=FAR)]
        with pytest.raises((RuntimeError, TypeError)):
            there.numpy()
        assert (there.cpu() + here).tolist() == [2, 2, 2] and there.sum().item() == 3 and mode.computed


def test_what_has_no_weights_computes_on_the_device_of_the_run_only_in_a_run():
    ball, camera = uv_sphere(), Camera.orbit(30.0, 10.0)
    with far_device() as mode:
        work_on("cpu")
        wanted = render(ball, camera, 16).mask
        assert mode.launched == 0
        work_on(FAR)
        found = render(ball, camera, 16)
        assert mode.launched > 0 and found.mask.device == CPU
        torch.testing.assert_close(found.mask, wanted)
        there = render(ball.to(FAR), camera.to(FAR), 16)
        assert there.mask.device == FAR  # asked there, answered there


def test_gradients_come_back_to_where_the_question_lay():
    with far_device():
        network = torch.nn.Linear(3, 1).to(FAR)

        class Asked(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = network

            @at_home
            def forward(self, x):
                return self.inner(x)

        question = torch.ones(2, 3, requires_grad=True)
        answer = Asked()(question)
        answer.sum().backward()
        assert answer.device == question.grad.device == CPU and network.weight.grad.device == FAR
        torch.testing.assert_close(question.grad, network.weight.detach().cpu().expand(2, 3))


class Sum(torch.nn.Linear):
    @at_home
    def forward(self, first, second):
        return super().forward(first + second)


def test_one_question_may_lie_on_several_devices():
    """Pictures of the dataset beside what a network on the device has made of them."""
    near, ball, camera = torch.ones(2, 3), uv_sphere(), Camera.orbit(30.0, 10.0)
    with far_device():
        network, far = Sum(3, 1).to(FAR), near.to(FAR)
        for first, second in ((far, near), (near, far), (far, far)):
            assert network(first, second).device == network(first, second=second).device == first.device
        assert render(ball.to(FAR), camera, 16).mask.device == FAR
        assert render(ball, camera.to(FAR), 16).mask.device == CPU


def test_containers_are_moved_with_what_is_in_them():
    with far_device():
        value = {"mesh": uv_sphere(), "list": [torch.ones(1), 3, None, "text"], "camera": Camera.orbit(0.0, 0.0)}
        there = moved(value, FAR)
        assert there["mesh"].vertices.device == there["list"][0].device == there["camera"].azimuth.device == FAR
        assert there["list"][1:] == [3, None, "text"]
        assert at_work(lambda x, *, y: x + y)(torch.ones(1), y=torch.ones(1)).tolist() == [2]


def test_scores_of_a_dataset_are_computed_on_the_device(tmp_path):
    """Renders of every view against every other one are most of notebook 04's work."""
    photos, run = make_photos("car", 6, seed=4), of_the_package(tmp_path)
    images, masks = (part.unflatten(0, (2, 3)) for part in (photos.images, photos.masks.to(torch.uint8)))
    dataset = MultiViewDataset(
        images, masks, torch.ones(2, 3, dtype=torch.bool), torch.zeros(3, dtype=torch.int64), test_contents=1
    )
    near = score_dataset(stages.inverse_graphics(run), dataset, torch.tensor([0, 1]))
    with far_device() as mode:
        far = score_dataset(stages.inverse_graphics(run), dataset, torch.tensor([0, 1]))
        assert mode.launched >= 2 * 3
    assert far.same_view == pytest.approx(near.same_view, abs=1e-4)
    assert far.novel_view == pytest.approx(near.novel_view, abs=1e-4)


def test_a_renderer_is_tuned_to_a_photograph_on_its_device(photos, tmp_path):
    """What `Renderer.encode(keep=True)` does, with the properties and the photograph in the processor's memory."""

    def tuned():
        model, picture = stages.stylegan_r(of_the_package(tmp_path)), photos.image()[:1]
        read = model.encode(picture)
        kept = tuned_to(model, read, picture, steps=3)
        return kept, kept.synthesize(read), model.synthesize(read)

    _, near, _ = tuned()
    with far_device():
        kept, far, before = tuned()
        assert device_of(kept.generator) == device_of(kept.mapping) == FAR and far.device == CPU
    assert float((far - before).abs().max()) > 0.01
    assert float((far - near).abs().mean()) < 0.01  # Adam makes much of the last digits of bfloat16


def test_the_mapping_network_is_drawn_from_wherever_it_lies(photos, tmp_path):
    with far_device():
        model = stages.stylegan_r(of_the_package(tmp_path))
        assert mapping_network(model, model.encode(photos.image()[:1])).axes


def test_renderers_are_scored_on_the_device(photos, tmp_path, monkeypatch):
    """Notebook 08: the GAN's pictures of its own codes, StyleGAN-R's and DIB-R's, and KID with and without grain."""
    monkeypatch.setattr("ganverse_nb.neural_renderer.fitted_camera.fitted_camera", lambda *shot: shot[-1])  # takes long
    monkeypatch.setattr(consistency, "OBJECTS", 1)
    monkeypatch.setattr(consistency, "asked_cameras", lambda usual, azimuths: usual[:azimuths])

    def scores():
        run = of_the_package(tmp_path)
        gan, views, model = stages.teacher(run), stages.view_codes(run), stages.inverse_graphics(run)
        w, seen = sample_w(gan, 4, seed=1, psi=0.7), views.codes[:3]
        pictures = crossed_pictures(gan, seen, w, views.split_layer).transpose(0, 1)
        masks = stages.segmenter(run).segment(pictures.flatten(0, 1)).mask.unflatten(0, pictures.shape[:2])
        dataset = MultiViewDataset(
            to_bytes(pictures), masks.byte(), torch.ones(4, 3, dtype=torch.bool), views.azimuth_bin[:3],
            test_contents=2, content_w=w, view_w=seen, split_layer=views.split_layer,
        )  # fmt: skip
        warm, features = stages.stylegan_r(run), stages.perceptual(run)
        found = consistency.score_renderers(
            {"warm": warm}, gan, dataset, model, warm.encoder, features, photos.image(), azimuths=1, pictures=4
        )
        return found.numbers

    near = scores()
    with far_device() as mode:
        far = scores()
        assert mode.computed > 500 and mode.launched > 4
    assert {*near} == {*far} == {"GAN", "warm", "DIB-R"} and "grain_kid" in far["warm"]
    for name in near:
        for number in ("overlap", "color", "perceptual", "shape_spread", "texture_spread"):
            assert far[name][number] == pytest.approx(near[name][number], abs=0.01), (name, number)


def test_masks_are_learned_from_clicks_on_a_network_of_the_device(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_masks, "PICTURES", 6)
    monkeypatch.setattr(feature_masks, "ROUNDS", feature_masks.ROUNDS[::6])
    with far_device() as mode:
        gan = stages.teacher(of_the_package(tmp_path))
        points = [Click(view, *place, place[0] == 0.5) for view in range(3) for place in ((0.5, 0.55), (0.05, 0.05))]
        found = feature_masks.masks_from_clicks(gan, Clicks(weights_of(gan), 0, 2, tuple(points)))
        for lies in (CPU, FAR):
            pictures, detections = found.cut(torch.zeros(2, gan.num_ws, gan.w_dim, device=lies))
            assert pictures.device == detections.mask.device == lies
        assert mode.computed > 500


def test_meshes_are_compared_with_the_truth_from_wherever_they_lie(photos):
    pytest.importorskip("scipy")
    meshes = [photos.mesh()[i] for i in range(len(photos))]
    with far_device():
        found = score_meshes(moved(meshes, FAR), photos, ("none",), points=200)["none"]
    assert max(error.chamfer_l1 for error in found.shape) < 0.2
