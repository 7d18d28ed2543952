"""Trains f and the cameras (Eq 1, Eq 2, section 4.1), then the camera head."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ganverse_nb.config import InverseGraphicsConfig
from ganverse_nb.data.crops import boxes
from ganverse_nb.data.multiview import MultiViewDataset, ViewSets
from ganverse_nb.geometry.angles import angular_distance
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.inverse_graphics.augmentation import badly_cut, degraded, photographed, recolored
from ganverse_nb.inverse_graphics.camera_head import CameraHead
from ganverse_nb.inverse_graphics.camera_training import (
    learned_pose,
    random_renders,
    random_share,
    reading_loss,
    uniform,
    varied,
)
from ganverse_nb.inverse_graphics.cameras import FOV, LearnableCameras
from ganverse_nb.inverse_graphics.losses import albedo_prior, loss_terms
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.network import InverseGraphicsNetwork, repeat_mesh
from ganverse_nb.inverse_graphics.perceptual import Features, perceptual_loss
from ganverse_nb.inverse_graphics.rehearsal import tell
from ganverse_nb.inverse_graphics.template import fit_template
from ganverse_nb.inverse_graphics.windows import Window
from ganverse_nb.render.renderer import RenderOutput, render
from ganverse_nb.render.silhouette import SIGMA
from ganverse_nb.runtime.checkpoints import Checkpoints, check_identity
from ganverse_nb.runtime.draws import Draws
from ganverse_nb.runtime.files import digest
from ganverse_nb.runtime.placement import moved
from ganverse_nb.runtime.precision import bfloat16, has_bfloat16
from ganverse_nb.runtime.steps import finite_step
from ganverse_nb.runtime.team import Team
from ganverse_nb.runtime.threads import one_thread

MODEL, PHASE = "model.safetensors", "inverse_graphics"
CHECKPOINT_EVERY, LOG_EVERY = 500, 50
ROBUST_WEIGHTS = {"vertices": 30.0, "texture": 2.0}  # beside those of Eq 1
PLACED = 48  # pictures that are looked at for the place of a few renders
HEAD_WEIGHTS = {"head_azimuth": 1.0, "head_offset": 2.0, "head_rest": 2.0}
CHECKED = 8  # pictures, about so many, that tell one dataset from another
Watch = Callable[[InverseGraphicsModel], dict[str, float]]


class Dataset(Protocol):
    """What a training needs of a `MultiViewDataset`, or of `AnnotatedPhotos`."""

    @property
    def resolution(self) -> int: ...

    @property
    def train_contents(self) -> Tensor: ...

    def sample_views(self, count: int, views: int, generator: torch.Generator) -> ViewSets: ...

    def batch(self, content: Tensor, view: Tensor) -> tuple[Tensor, Tensor]: ...

    def kept_pictures(self, contents: Tensor) -> tuple[Tensor, Tensor]: ...


def template_of(dataset: Dataset, config: InverseGraphicsConfig) -> tuple[float, float, float]:
    """Half axes of the ellipsoid that is deformed: the setting's, or fitted to the masks of `dataset`.

    Raises:
        ValueError: it is to be fitted, and these are no several views of one object.
    """
    if config.template:
        x, y, z = config.template
        return x, y, z
    if not isinstance(dataset, MultiViewDataset):
        raise ValueError("A template is fitted to several views of one object; give inverse.template three half axes.")
    return fit_template(dataset, config.initial_elevation, config.initial_distance, FOV)


def new_model(
    dataset: Dataset, config: InverseGraphicsConfig, seed: int, cameras: LearnableCameras | None = None
) -> InverseGraphicsModel:
    """An untrained model for the pictures and cameras of `dataset`; the global random state stays as it was.

    Where `config.template` is empty, the ellipsoid is fitted to the masks (`fit_template`).
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = InverseGraphicsNetwork(
            dataset.resolution,
            config.texture_size,
            template=template_of(dataset, config),
            smoothing=config.smoothing,
            symmetric_shape=config.symmetric_shape,
            symmetric_texture=config.symmetric_texture,
            light=config.light,
            detail=config.detail,
        )
        elevation, distance = config.initial_elevation, config.initial_distance
        if cameras is not None:
            if isinstance(dataset, MultiViewDataset) and len(cameras) != dataset.num_views:
                raise ValueError(f"{len(cameras)} cameras for {dataset.num_views} view codes; give one for each.")
            camera = cameras().detach()
            elevation, distance = float(camera.elevation.median()), float(camera.distance.median())
        elif isinstance(dataset, MultiViewDataset):
            cameras = LearnableCameras(dataset.azimuth_bin, elevation=elevation, distance=distance)
        else:
            raise ValueError("Single photographs have no view codes; give their cameras.")
        head = CameraHead(dataset.resolution, fov=cameras.fov)
        return InverseGraphicsModel(network, head, cameras)


def train_inverse_graphics(
    dataset: Dataset,
    config: InverseGraphicsConfig,
    directory: Path,
    features: Features | None = None,
    seed: int = 0,
    device: str = "cpu",
    bf16: bool = True,
    cameras: LearnableCameras | None = None,
    watch: Watch | None = None,
) -> InverseGraphicsModel:
    """Train on the training contents of `dataset`; an interrupted call continues from its last checkpoint.

    Processes that were started together share the objects of each step (`runtime.team`).

    Args:
        features: for L_percept, which is added after `config.perceptual_after` steps; see `perceptual_features`.
        bf16: bfloat16 for the convolutions; vertices, cameras, rendering and losses stay in float32.
        cameras: known ones, or to begin at, see `LearnableCameras.of`; without them one is learned for each view code.
        watch: further numbers to log, from the model as it is.

    Returns:
        The model in evaluation mode, also written to `directory`/model.safetensors.

    Raises:
        ValueError: a perceptual term is wanted without features, or nothing to learn from; `directory` belongs to a
            training with other settings, pictures or initial cameras, or its checkpoint is damaged; a batch that the
            processes cannot share evenly.
        DivergedError: it came to numbers that are not finite.
    """
    if features is None and config.weight_perceptual > 0 and config.perceptual_after < config.steps:
        raise ValueError("Training with a perceptual term needs features; pass them or set weight_perceptual to 0.")
    trainer = Trainer(dataset, config, directory, features, seed, device, bf16, cameras, watch)
    path, identity, team = directory / MODEL, trainer.identity, trainer.team
    if path.is_file():
        trainer.checkpoints.remove()  # killed just before it was deleted
        finished = InverseGraphicsModel.load(path)
        check_identity(path, finished.notes.get("identity"), identity)
        return finished
    directory.mkdir(parents=True, exist_ok=True)
    with one_thread(has_bfloat16(device)):  # in float32 the convolutions are worth more threads: 90 instead of 119 ms
        trainer.fit()
    model = trainer.model.cpu().eval()
    if team.is_main:
        model.save(path, perceptual=identity["features"], steps=config.steps, seed=seed, identity=identity)
        trainer.checkpoints.remove()
    team.wait()
    return model


def training_identity(
    dataset: Dataset,
    config: InverseGraphicsConfig,
    features: Features | None,
    seed: int,
    cameras: LearnableCameras,
) -> dict[str, Any]:
    """What decides how a training ends, in plain JSON types; of pictures and initial cameras checksums."""
    content, view = dataset.kept_pictures(dataset.train_contents)
    some = slice(None, None, max(1, len(content) // CHECKED))
    images, _ = dataset.batch(content[some], view[some])
    checksum = int((images * 255).round().long().sum())
    rounded = {name: (1e3 * value).round().long() for name, value in cameras.state_dict().items()}
    return {
        "inverse": asdict(config),
        "seed": seed,
        "features": "none" if features is None else features.name,
        "pictures": {"count": len(content), "resolution": dataset.resolution, "checksum": checksum},
        "initial_cameras": digest(rounded),
    }


class Trainer:
    """The state of a training and how it goes on; use `train_inverse_graphics`.

    Processes of a team have their share of the objects of each step, of the cameras all of them have all: in a step
    each gives those of its objects a gradient, and the mean over the processes is what is followed.
    """

    def __init__(
        self,
        dataset: Dataset,
        config: InverseGraphicsConfig,
        directory: Path,
        features: Features | None,
        seed: int,
        device: str,
        bf16: bool,
        cameras: LearnableCameras | None = None,
        watch: Watch | None = None,
        team: Team | None = None,
    ) -> None:
        self.dataset, self.config, self.directory, self.features = dataset, config, directory, moved(features, device)
        self.team = team or Team.from_environment()
        self.objects = self.team.share(config.pairs, "inverse.pairs", 2 if config.robust_steps else 1)  # of a step
        self.heads = self.team.share(config.head_pictures, "inverse.head_pictures") if config.head_steps else 0
        self.device, self.bf16, self.watch = device, bf16, watch
        self.model = new_model(dataset, config, seed, cameras).to(device).train()
        network, cameras, head = self.model.network, self.model.cameras, self.model.head
        self.optimizers = {
            "network": torch.optim.Adam(
                [
                    {"params": list(network.parameters()), "lr": config.lr},
                    {"params": list(cameras.parameters()), "lr": config.camera_lr},
                ],
                fused=True,  # 5 times faster than the default on a CPU
            ),
            "robust": torch.optim.Adam(network.parameters(), lr=config.robust_lr, fused=True),
            "head": torch.optim.Adam(head.parameters(), lr=config.head_lr, fused=True),
        }
        self.base_lr = {k: [g["lr"] for g in o.param_groups] for k, o in self.optimizers.items()}
        self.generator = torch.Generator().manual_seed(seed)
        self.draws = Draws(self.generator, self.team)
        self.identity = training_identity(dataset, config, features, seed, self.model.cameras)
        self.checkpoints = Checkpoints(directory, PHASE, self.identity, advice(config), writes=self.team.is_main)
        self.before: InverseGraphicsNetwork | None = None  # f as it was when the robust steps began
        self.step = 0

    # The loop

    def fit(self) -> None:
        """Steps 0..steps train f and the cameras, `robust_steps` f alone, `head_steps` the camera head."""
        config = self.config
        robust, total = config.steps + config.robust_steps, config.steps + config.robust_steps + config.head_steps
        self.step = self.checkpoints.resume(self.restore)
        self.team.agree(self.model.state_dict().values())
        tell(self)
        mark, mark_step = time.perf_counter(), self.step
        quiet = not self.team.is_main
        with tqdm(total=total, initial=self.step, desc="inverse graphics", unit="step", disable=quiet) as bar:
            while self.step < total:
                if self.step < config.steps:
                    row = self.network_step()
                else:
                    row = self.robust_step() if self.step < robust else self.head_step()
                self.step += 1
                bar.update()
                if self.step % LOG_EVERY == 0 or self.step == total:
                    seconds = (time.perf_counter() - mark) / (self.step - mark_step)
                    mark, mark_step = time.perf_counter(), self.step
                    values = {k: float(v) for k, v in row.items()}
                    values |= self.watch(self.model) if self.watch else {}
                    bar.set_postfix({k: f"{v:.3f}" for k, v in values.items() if k.endswith("iou")})
                    self.checkpoints.log(self.step, **values, seconds_per_step=seconds)
                if self.step % CHECKPOINT_EVERY == 0 or self.checkpoints.due():
                    self.checkpoints.save(self.step, **self.state())
        self.checkpoints.check(self.step, self.model.state_dict())

    def network_step(self) -> dict[str, Tensor]:
        """One step of Eq 2 over `config.pairs` random objects in `config.views_per_object` views each; the terms.

        f predicts each object from the first of its views, and all of them must be explained; one view is Eq 1.
        """
        config, cameras = self.config, self.model.cameras
        self.set_lr("network", self.step / config.steps)
        shots = self.sample_views(config.pairs)
        mirrored = self.mirrored(self.objects)
        pictures = self.pictures(shots, mirrored)
        images, masks = (torch.cat(parts) for parts in zip(*pictures, strict=True))
        shown, shown_mask = pictures[0]
        with self.autocast():
            mesh, light = self.model.network.predict(shown, shown_mask)
        camera = cameras(torch.cat(shots.views).to(self.device), mirrored.repeat(len(pictures)).to(self.device))
        terms = self.terms(mesh, camera, images, masks, light)
        weights = {k: getattr(config, f"weight_{k}") for k in terms}
        loss = torch.stack([weights[k] * v for k, v in terms.items()]).sum()
        return self.update("network", loss, {"loss": loss, **terms})

    def robust_step(self) -> dict[str, Tensor]:
        """One step of f on pictures as photographs are; the cameras are fixed.

        Half of the objects are those of Eq 2, recoloured alike in every view, whose first view is then degraded and
        badly cut out; the others are renders, from anywhere, of `varied` meshes that f made before these steps began,
        which it has to find again.
        """
        config, model, draws = self.config, self.model, self.draws
        if self.before is None:
            self.before = deepcopy(model.network).requires_grad_(False).eval()
        self.set_lr("robust", (self.step - config.steps) / config.robust_steps)
        shots, count = self.sample_views(max(1, config.pairs // 2)), max(1, self.objects // 2)
        mirrored = self.mirrored(count)
        views = self.pictures(shots, mirrored)
        images, masks = (torch.cat(parts) for parts in zip(*views, strict=True))
        with torch.no_grad(), self.autocast():
            known = self.before(*views[0])
        tall, tall_masks = (torch.cat(parts, 2) for parts in zip(*views, strict=True))
        images = torch.cat(recolored(tall, tall_masks, draws).chunk(len(views), 2))

        wanted = varied(known, draws)
        assert wanted.texture is not None
        texture_wanted = recolored(wanted.texture, torch.ones_like(wanted.texture[:, :1]), draws)
        wanted = replace(wanted, texture=texture_wanted)
        azimuth = uniform(draws, -180, 180, count)
        shown, shown_masks, _ = random_renders(
            wanted, self.dataset.resolution, config.elevations, model.cameras.fov, draws, azimuth,
            self.placed(azimuth), lit=0.2,
        )  # fmt: skip
        taken = torch.cat([images[:count], shown])
        cut = badly_cut(taken, torch.cat([masks[:count], shown_masks]), draws)
        with self.autocast():
            mesh, light = model.network.predict(degraded(taken, draws), cut)
        assert mesh.texture is not None
        first = Mesh(mesh.vertices[:count], mesh.faces, mesh.face_uvs, mesh.texture[:count])
        camera = model.cameras(torch.cat(shots.views).to(self.device), mirrored.repeat(len(views)).to(self.device))
        terms = self.terms(first, camera.detach(), images, masks, None if light is None else light[:count])
        loss = torch.stack([getattr(config, f"weight_{k}") * v for k, v in terms.items()]).sum()
        vertices = (mesh.vertices[count:] - wanted.vertices).abs().mean()
        texture = (mesh.texture[count:] - texture_wanted).abs().mean()
        loss = loss + ROBUST_WEIGHTS["vertices"] * vertices + ROBUST_WEIGHTS["texture"] * texture
        found = {"vertices": vertices, "texture": texture, **terms}
        return self.update("robust", loss, {f"robust_{name}": value for name, value in found.items()})

    def placed(self, azimuth: Tensor) -> tuple[Tensor, Tensor]:
        """How large, and where, the dataset shows objects from about `azimuth` [B] degrees: see `random_renders`."""
        content, view = self.dataset.kept_pictures(self.dataset.train_contents)
        some = torch.randint(len(content), (PLACED,), generator=self.generator)
        center, side = boxes(self.dataset.batch(content[some], view[some])[1])
        seen = self.model.cameras(view[some].to(self.device)).azimuth.detach().cpu()
        near = angular_distance(azimuth[:, None], seen[None]).argmin(1)
        return side[near], (center[near] - 0.5) * torch.tensor([1.0, -1.0])

    def terms(
        self, mesh: Mesh, camera: Camera, images: Tensor, masks: Tensor, light: Tensor | None = None
    ) -> dict[str, Tensor]:
        """The terms of Eq 1; `mesh` [B], seen by each B of `camera` [kB], is compared with `images` [kB]: k views.

        In Eq 2 the light L_k belongs to object k as its shape and texture do: `light` [B, 9] is that of all its views.
        """
        self.checkpoints.check(self.step + 1, {"shape": mesh.vertices, **vars(camera)})  # what cannot be rendered
        times = len(images) // len(mesh)
        shone = None if light is None else light.repeat(times, 1)
        output = self.render(repeat_mesh(mesh, times), camera, self.sigma(), shone)
        terms = loss_terms(output, images, masks, mesh, self.model.network.offsets(mesh.vertices))
        if self.config.weight_albedo_prior and mesh.texture is not None:
            terms["albedo_prior"] = albedo_prior(mesh.texture)
        if self.step >= self.config.perceptual_after and self.features is not None and self.config.weight_perceptual:
            some, share = self.draws.some(len(images), self.config.perceptual_pictures)
            inside = masks[some] * output.mask[some]
            looks = perceptual_loss(self.features, output.rgb[some], images[some], inside) if len(some) else 0.0
            terms["perceptual"] = looks * images.new_tensor(share)
        return terms

    def head_step(self) -> dict[str, Tensor]:
        """One step of the camera head; f is fixed.

        It learns from pictures of the dataset with the learned cameras, and from renders of the meshes that f makes of
        them, from anywhere; all as photographs and segmenters would have them.
        """
        config, model, draws = self.config, self.model, self.draws
        self.set_lr("head", (self.step - config.steps - config.robust_steps) / config.head_steps)
        content, view = self.dataset.kept_pictures(self.dataset.train_contents)
        pick = draws.randint(len(content), self.heads)
        mirrored = self.mirrored(len(pick))
        images, masks = (t.to(self.device) for t in self.dataset.batch(content[pick], view[pick]))
        images, masks = flip_where(images, mirrored), flip_where(masks, mirrored)
        with torch.no_grad(), self.autocast():
            mesh = model.network(images, masks)
        fov, size = model.cameras.fov, self.dataset.resolution
        share, offset = (t.to(self.device) for t in random_share(len(pick), draws))
        window = Window.around(masks, share, offset)
        pose = window.inside(learned_pose(model.cameras, view[pick].to(self.device), mirrored.to(self.device)), fov)
        many = varied(repeat_mesh(mesh, config.head_renders), draws)
        shown, shown_masks, shown_pose = random_renders(many, size, config.elevations, fov, draws)
        images, masks = (torch.cat(p) for p in zip(window.cut(images, masks), (shown, shown_masks), strict=True))
        images = photographed(images, masks, draws)
        masks = badly_cut(images, masks, draws)
        with self.autocast():
            reading = model.head.read_window(images, masks)
        terms = reading_loss(reading, pose.joined(shown_pose))
        weights = torch.tensor([HEAD_WEIGHTS[name] for name in terms], device=self.device)
        return self.update("head", (weights * torch.stack(list(terms.values()))).sum(), terms)

    # Parts

    def sample_views(self, count: int) -> ViewSets:
        """This process' share of `count` random objects in `config.views_per_object` views each."""
        shots = self.dataset.sample_views(count, self.config.views_per_object, self.generator)
        return ViewSets(self.team.shard(shots.content), self.team.shard(shots.view))

    def mirrored(self, count: int) -> Tensor:
        """[count] bool, which of this process' objects are shown mirrored."""
        return self.draws.rand(count) < (0.5 if self.config.mirror_pictures else 0.0)

    def pictures(self, shots: ViewSets, mirrored: Tensor) -> list[tuple[Tensor, Tensor]]:
        """(images, masks) of the objects [B] for every view, mirrored where `mirrored` [B]."""
        found = []
        for view in shots.views:
            images, masks = self.dataset.batch(shots.content, view)
            found.append((flip_where(images, mirrored).to(self.device), flip_where(masks, mirrored).to(self.device)))
        return found

    def render(self, mesh: Mesh, camera: Camera, sigma: float = SIGMA, light: Tensor | None = None) -> RenderOutput:
        return render(mesh, camera, self.dataset.resolution, sigma=sigma, light=light)

    def sigma(self) -> float:
        """Softness of the silhouette: the first of `config.sigma` for half of f's steps, the second from 80 % on.

        The soft silhouette is never smaller than the object, so where it meets the mask best the object is too small:
        by 0.35 pixels of 64 at sigma 1/7000, which is 6 % of a car's IoU and degrees of its camera. The sharper it
        gets, the less; but a sharp one reaches too few pixels to begin with.
        """
        first, last = self.config.sigma
        progress = min(max((self.step / self.config.steps - 0.5) / 0.3, 0.0), 1.0)
        return first * (last / first) ** progress

    def autocast(self) -> AbstractContextManager[Any]:
        return bfloat16(self.bf16, self.device)

    def set_lr(self, name: str, progress: float) -> None:
        """Full for the first half, then down a cosine to 2 %: the last steps average over the noise of the pairs.

        The cameras do the same within their share of the steps, and then stay: once f tells the views apart, it can
        trade a shape that differs between views for a turn of their cameras. Without `decay_lr` nothing changes.
        """
        if not self.config.decay_lr:
            return
        shares = [1.0, self.config.camera_share] if name == "network" else [1.0]
        for group, base, share in zip(self.optimizers[name].param_groups, self.base_lr[name], shares, strict=True):
            group["lr"] = base * decay(progress / share)

    def update(self, name: str, loss: Tensor, terms: dict[str, Tensor]) -> dict[str, Tensor]:
        """One step of an optimiser, see `finite_step`; returns what is to be told of it, means over the whole batch."""
        optimizer, told = self.optimizers[name], {k: v.detach() for k, v in terms.items()}
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        learned = [p for group in optimizer.param_groups for p in group["params"]]
        self.team.average_gradients(learned, list(told.values()))
        for group in optimizer.param_groups:
            limit = self.config.clip_gradients or math.inf
            torch.nn.utils.clip_grad_norm_(group["params"], limit)
        finite_step(optimizer, self.checkpoints, self.step + 1, told.values())
        return told

    # Interruption

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs to go on as if never stopped."""
        return {
            "model": self.model.state_dict(),
            "optimizers": {k: o.state_dict() for k, o in self.optimizers.items()},
            "generator": self.generator.get_state(),
            "before": None if self.before is None else self.before.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        self.model.load_state_dict(state["model"])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        self.generator.set_state(state["generator"])
        if state["before"] is not None:
            self.before = deepcopy(self.model.network).requires_grad_(False).eval()
            self.before.load_state_dict(state["before"])


def advice(config: InverseGraphicsConfig) -> str:
    """What to try where a training diverges."""
    names = ("lr", "camera_lr", "robust_lr", "head_lr")
    rates = ", ".join(f"inverse.{name} (now {getattr(config, name):g})" for name in names)
    clip = config.clip_gradients
    return f"a lower {rates}, or inverse.clip_gradients=1 (now {f'{clip:g}' if clip else 'off'})"


def flip_where(pictures: Tensor, mirrored: Tensor) -> Tensor:
    """Pictures [B, C, H, W] mirrored left to right where `mirrored` [B] bool."""
    return torch.where(mirrored.to(pictures.device)[:, None, None, None], pictures.flip(-1), pictures)


def decay(progress: float) -> float:
    """1 until a progress of 0.5, then down half a cosine to 0.02 at 1, and 0 after that."""
    if progress < 0.5:
        return 1.0
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (2 * progress - 1))) if progress <= 1 else 0.0
