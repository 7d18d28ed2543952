"""One step of each stage of profile `paper` at its true size: `python -m benchmarks.rehearse`, on the CPU or a GPU.

NVIDIA's car network (config-e, 512 x 384 px), COCO's Mask R-CNN and VGG16 are there with all their channels and random
weights: time and memory do not depend on them. Every piece is a process of its own, so that its peak of memory is its
own. Writes figures/rehearsal.json, of which docs/paper_scale.md is made (`python -m benchmarks.paper_scale`).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode
from tqdm.auto import tqdm

from benchmarks.scenes import resident
from benchmarks.stand_ins import official_channels, untrained_coco, untrained_lpips
from ganverse_nb.config import Config, load_config
from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.gan.discriminator import Discriminator
from ganverse_nb.gan.generator import Generator
from ganverse_nb.gan.latents import sample_w
from ganverse_nb.gan.official.letterbox import CAR_ROWS
from ganverse_nb.gan.projection import project
from ganverse_nb.inverse_graphics.perceptual import perceptual_features
from ganverse_nb.inverse_graphics.training import Trainer, new_model
from ganverse_nb.neural_renderer.codes import exact_codes
from ganverse_nb.neural_renderer.data import CHUNK, Pictures, PropertyDataset
from ganverse_nb.neural_renderer.joint import JointStage
from ganverse_nb.neural_renderer.losses import TrainingSet
from ganverse_nb.neural_renderer.mapping import PropertyMapper
from ganverse_nb.neural_renderer.mask_student import MaskStudent, train_mask_student
from ganverse_nb.neural_renderer.properties import PropertyEncoder
from ganverse_nb.neural_renderer.renderer import StyleGANR
from ganverse_nb.neural_renderer.warm_up import new_mapping, warm_up
from ganverse_nb.runtime.files import write_json
from ganverse_nb.runtime.placement import moved
from ganverse_nb.workflow.provenance import environment

FIGURE = Path(__file__).parent.parent / "figures" / "rehearsal.json"
CONTENTS, SPLIT, PHOTOS = 8, 4, 8  # objects of the made-up dataset; the paper's k; pictures that notebook 09 projects
SOME_VIEWS = 4  # of each object, where properties are inferred first

SIZES = ("paper", "gpu", "small")
SMALL = {
    "views.views": 4,
    "multiview.resolution": 32,
    "inverse.texture_size": [16, 32],
    "inverse.pairs": 2,
    "inverse.perceptual_pictures": 2,
    "inverse.head_pictures": 2,
    "stylegan_r.hidden": 16,
    "stylegan_r.batch": 2,
}

Work = Callable[[], object]


class Scene:
    """Everything of a profile but the learning: made-up pictures, codes and weights of the true sizes.

    Args:
        config: profile `paper`'s or `gpu`'s, or a smaller one for tests.
        generator: the GAN.
        device: that computes.
    """

    def __init__(self, config: Config, generator: Generator, device: str = "cpu") -> None:
        self.config, self.device = config, device
        self.generator = generator.eval().requires_grad_(False).to(device)
        self.folder = Path(tempfile.mkdtemp(prefix="rehearsal"))
        self.rng = torch.Generator().manual_seed(0)

    @classmethod
    def of(cls, size: str, device: str = "cpu") -> Scene:
        """The car's of a profile, "paper" or "gpu"; or a "small" one, of which nothing is to be learned."""
        torch.manual_seed(0)
        if size == "paper":
            generator = Generator(512, 512, 512, 8, official_channels("config-e", 512), rows=CAR_ROWS)
            return cls(load_config("paper", "car"), generator, device)
        if size == "small":
            generator = Generator(64, 16, 16, 2, official_channels("config-e", 64, share=64), rows=(8, 56))
            return cls(load_config("paper", "car", settings=SMALL), generator, device)
        config = load_config(size, "car")
        gan = config.gan
        generator = Generator(gan.resolution, gan.z_dim, gan.w_dim, gan.mapping_layers, gan.channels)
        return cls(config, generator, device)

    def dataset(self, views_kept: int) -> MultiViewDataset:
        """Noise before noise, with a disc as mask."""
        views, side = self.config.views.views, self.config.resolution
        images = torch.randint(0, 256, (CONTENTS, views, 3, side, side), dtype=torch.uint8, generator=self.rng)
        place = (torch.arange(side) + 0.5) / side - 0.5
        disc = (place[:, None] ** 2 + place**2 < 0.3**2).to(torch.uint8).expand(CONTENTS, views, 1, side, side)
        return MultiViewDataset(
            images,
            disc.clone(),
            (torch.arange(views) < views_kept).expand(CONTENTS, views),
            torch.arange(views) * 12 // views,
            test_contents=1,
            content_w=sample_w(self.generator, CONTENTS, 1).cpu(),
            view_w=sample_w(self.generator, views, 2).cpu(),
            split_layer=SPLIT,
        )

    def trainer(self) -> Trainer:
        gan, backbone = self.generator, self.config.inverse.perceptual_backbone
        judge = Discriminator(gan.resolution, gan.channels) if backbone == "discriminator" else None
        features = untrained_lpips() if judge is None else perceptual_features(judge, backbone)
        dataset = self.dataset(self.config.views.views)
        return Trainer(dataset, self.config.inverse, self.folder, features, 0, self.device, True)

    def training_set(self) -> tuple[TrainingSet, PropertyEncoder, PropertyMapper]:
        """What both stages of StyleGAN-R learn from: f's properties of a few pictures."""
        dataset, config = self.dataset(SOME_VIEWS), self.config.stylegan_r
        model = new_model(dataset, self.config.inverse, 0).eval().to(self.device)
        pictures = Pictures.of_dataset(dataset.images, dataset.masks, dataset.keep)
        cameras = model.cameras().detach()
        properties = PropertyDataset(pictures, model.network, cameras, False, self.device, self.folder)
        codes = exact_codes(self.generator, *moved((dataset.view_w, dataset.content_w), self.device), SPLIT)
        data = TrainingSet(properties, codes, torch.arange(CONTENTS))
        mapping = new_mapping(data, cameras, None, config, 0).to(self.device)
        return data, PropertyEncoder(model.network, MaskStudent().eval().to(self.device), model.head), mapping


# ---- the pieces: each makes what it needs and returns the work, with the number of pictures or steps in it


def paint(scene: Scene) -> tuple[Work, int]:
    """a pass of the GAN's pictures"""
    count = scene.generator.at_once
    return lambda: scene.generator.sample(0, count=count), count


def cut(scene: Scene) -> tuple[Work, int]:
    """a pass of COCO's Mask R-CNN"""
    segmenter = untrained_coco().to(scene.device)
    pictures = torch.rand(segmenter.at_once, 3, *scene.generator.picture_size, generator=scene.rng).to(scene.device)
    return lambda: segmenter.segment(pictures), len(pictures)


def network_step(scene: Scene) -> tuple[Work, int]:
    """a step of f, with L_percept"""
    trainer = scene.trainer()
    trainer.step = scene.config.inverse.perceptual_after
    return trainer.network_step, 1


def head_step(scene: Scene) -> tuple[Work, int]:
    """a step of the camera head"""
    trainer = scene.trainer()
    trainer.step = scene.config.inverse.steps
    return trainer.head_step, 1


def infer(scene: Scene) -> tuple[Work, int]:
    """a chunk of the properties that f infers"""
    dataset = scene.dataset(scene.config.views.views)
    network = new_model(dataset, scene.config.inverse, 0).eval().network.to(scene.device)
    content, view = (rows[:CHUNK] for rows in dataset.kept_pictures(dataset.train_contents))
    images, masks = (part.to(scene.device) for part in dataset.batch(content, view))

    def work() -> object:
        with torch.no_grad():
            return network(images, masks)

    return work, len(images)


def mask_step(scene: Scene) -> tuple[Work, int]:
    """a step of the mask student"""
    dataset = scene.dataset(SOME_VIEWS)
    batch = dataset.batch(torch.arange(16) % CONTENTS, torch.arange(16) % SOME_VIEWS)
    return lambda: train_mask_student(lambda _: batch, 1, 0, progress=False, device=scene.device), 1


def warm_step(scene: Scene) -> tuple[Work, int]:
    """a step of StyleGAN-R's warm-up"""
    data, _, mapping = scene.training_set()
    config = replace(scene.config.stylegan_r, warmup_steps=1)
    return lambda: warm_up(mapping, data, config, scene.folder, 0, progress=False), 1


def joint_step(scene: Scene) -> tuple[Work, int]:
    """a step of StyleGAN-R's joint stage"""
    data, encoder, mapping = scene.training_set()
    stage = JointStage(StyleGANR(scene.generator, mapping), data, encoder, scene.config.stylegan_r, 0)
    return lambda: stage.step(1), 1


def projection_step(scene: Scene) -> tuple[Work, int]:
    """a step of looking for latent codes (notebook 09)"""
    photos = scene.generator.sample(1, count=PHOTOS)

    def squared(a: Tensor, b: Tensor) -> Tensor:
        return (a - b).square().mean()

    return lambda: project(scene.generator, photos, "w+", squared, steps=1, progress=False), 1


PIECES = {
    work.__name__: work
    for work in (paint, cut, network_step, head_step, infer, mask_step, warm_step, joint_step, projection_step)
}


def measure(name: str, scene: Scene, seconds: float = 0.0) -> dict[str, Any]:
    """Does a piece once; seconds of computation of all its threads, floating point operations and the peak of memory.

    What Warp's kernels render is in the seconds, not in the operations. The peak is of the whole process, of a GPU that
    of PyTorch's.

    Args:
        seconds: for which it is done again, and again: `again_seconds` is then the median of these, by the clock.
    """
    on_gpu = scene.device.startswith("cuda")
    work, count = PIECES[name](scene)
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is held now
    before, began = time.process_time(), time.perf_counter()
    with FlopCounterMode(display=False) as counter:
        _done(work, on_gpu)
    row = {"piece": name, "what": (PIECES[name].__doc__ or "").strip(), "count": count}
    row |= {"cpu_seconds": time.process_time() - before, "wall_seconds": time.perf_counter() - began}
    again, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until:
        again.append(_done(work, on_gpu))
    row |= {"again": len(again), "again_seconds": statistics.median(again)} if again else {}
    peak = torch.cuda.max_memory_allocated() / 2**20 if on_gpu else resident("VmHWM")
    return row | {"teraflops": counter.get_total_flops() / 1e12, "peak_mib": peak}


def _done(work: Work, on_gpu: bool) -> float:
    """Seconds until a work is done."""
    began = time.perf_counter()
    work()
    if on_gpu:
        torch.cuda.synchronize()
    return time.perf_counter() - began


def rehearse(names: list[str], output: Path, options: Sequence[str] = ()) -> int:
    """Every piece in a process of its own, on one thread; what was measured before stays for the others.

    Args:
        options: of the command line, for each of these processes.
    """
    rows = {row["piece"]: row for row in json.loads(output.read_text())["rows"]} if output.is_file() else {}
    failed = []
    for name in tqdm(names, desc="rehearsal", unit="piece"):
        command = [sys.executable, "-m", "benchmarks.rehearse", *options, "--piece", name]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
        if done.returncode:
            failed.append(name)
            print(f"rehearse: {name} failed: {(done.stderr.strip().splitlines() or ['killed'])[-1]}", file=sys.stderr)
            continue
        rows[name] = json.loads(done.stdout.splitlines()[-1])
        ordered = [rows[piece] for piece in PIECES if piece in rows]
        write_json(output, {"machine": environment(), "rows": ordered})
    return 1 if failed else 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rehearse", description=__doc__.splitlines()[0])
    parser.add_argument("pieces", nargs="*", metavar="PIECE", help=f"of {', '.join(PIECES)} (default: all)")
    parser.add_argument("--piece", choices=PIECES, help="this one here, as a line of JSON")
    parser.add_argument("--output", type=Path, default=FIGURE, metavar="FILE")
    parser.add_argument("--size", choices=SIZES, default="paper", help="a profile's; small: only whether it runs")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--seconds", type=float, default=0.0, help="for which each piece is repeated (default: once)")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.pieces if name not in PIECES]
    if unknown:
        parser.error(f"there is no piece {unknown[0]!r}; there are {', '.join(PIECES)}")
    if options.piece:
        print(json.dumps(measure(options.piece, Scene.of(options.size, options.device), options.seconds)))
        return 0
    passed = ["--size", options.size, "--device", options.device, "--seconds", str(options.seconds)]
    return rehearse(options.pieces or list(PIECES), options.output, passed)


if __name__ == "__main__":
    sys.exit(main())
