"""The paper's size without its pictures: 234,000 made-up entries of 512 x 384 in sparse files, and how much is held.

What counts is anonymous memory, which only the end of a process gives back: pages of mapped files are dropped by the
system where it needs their room. The bound here holds for both together.
"""

import json
import subprocess
import sys

import pytest

CONTENTS, VIEWS, TEST = 6000, 39, 300
BOUND = 8e9  # bytes
READERS = """
import json, resource, sys, threading, time
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap
from torch import Tensor

from ganverse_nb.config import load_config
from ganverse_nb.data.multiview import MultiViewDataset
from ganverse_nb.evaluation.photo_comparison import gan_test_set
from ganverse_nb.evaluation.scorecard import held_out_pairs, held_out_properties
from ganverse_nb.geometry.mesh import Mesh, uv_sphere
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.framing import Framing
from ganverse_nb.inverse_graphics.template import fit_template
from ganverse_nb.inverse_graphics.training import training_identity
from ganverse_nb.neural_renderer.codes import Codes
from ganverse_nb.neural_renderer.data import SHAPES, TEXTURES, Pictures, PropertyDataset
from ganverse_nb.neural_renderer.held_out import HeldOut
from ganverse_nb.neural_renderer.losses import TrainingSet, draw_scenes
from ganverse_nb.neural_renderer.warm_up import shapes_of
from ganverse_nb.runtime.arrays import map_array

folder, (contents, views, test) = Path(sys.argv[1]), map(int, sys.argv[2:5])
HEIGHT, WIDTH, TEXTURE = 384, 512, (256, 512)
SPHERE = uv_sphere()


def sparse(name: str, *shape: int, dtype: type = np.uint8) -> Tensor:
    open_memmap(folder / f"{name}.npy", "w+", dtype, shape)
    return map_array(folder / f"{name}.npy", "")


def anonymous() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssShmem")))


def watch() -> None:
    while True:
        peak[0] = max(peak[0], anonymous())
        time.sleep(0.002)


def infer(images: Tensor, masks: Tensor) -> Mesh:
    count = len(images)
    return Mesh(SPHERE.vertices.repeat(count, 1, 1), SPHERE.faces, SPHERE.face_uvs, torch.zeros(count, 3, *TEXTURE))


class Model:
    cameras = LearnableCameras(torch.arange(views) % 12)
    network = staticmethod(infer)


before, peak = anonymous(), [0]
threading.Thread(target=watch, daemon=True).start()
images = sparse("images", contents, views, 3, HEIGHT, WIDTH)
masks = sparse("masks", contents, views, 1, HEIGHT, WIDTH)
masks.numpy()[-50:, :, 0, 200, 100:300] = 1  # a copy of these pages: what has a box
keep = torch.ones(contents, views, dtype=torch.bool)
bins = torch.arange(views) % 12
dataset = MultiViewDataset(images, masks, keep, bins, test_contents=test)
config, rng = load_config("paper"), torch.Generator().manual_seed(0)
every, cameras = torch.arange(contents), Model.cameras().detach()

training_identity(dataset, config.inverse, None, 0, Model.cameras)
fit_template(dataset, 0.0, 2.3, 30.0)
Framing.of(dataset, cameras.azimuth)
for _ in range(3):  # f
    shots = dataset.sample_views(config.inverse.pairs, 2, rng)
    pictures = [dataset.batch(shots.content, view) for view in shots.views]
for _ in range(3):  # the camera head
    content, view = dataset.kept_pictures(dataset.train_contents)
    dataset.batch(*(part[torch.randint(len(content), (8,), generator=rng)] for part in (content, view)))
gan_test_set(dataset, Model, dataset.train_contents).batch(torch.randint(len(content), (48,), generator=rng))
held_out_properties(Model, dataset)
held_out_pairs(Model, dataset)

pictures = Pictures.of_dataset(dataset.images, dataset.masks, dataset.keep)
data = PropertyDataset(pictures, infer, cameras)
data._kept = {  # as `filled` gives them, without reading everything once for its checksums
    SHAPES: sparse(SHAPES, len(pictures), *SPHERE.vertices.shape[1:], dtype=np.float16),
    TEXTURES: sparse(TEXTURES, len(pictures), 3, *TEXTURE),
}
pictures.identity()
shapes_of(data)
HeldOut.of(data, range(contents - test - 16, contents - test), 0)
scenes = TrainingSet(data, Codes(torch.zeros(views, 8), torch.zeros(contents, 8)), data.usable(range(contents - test)))
scenes.texture_variance()
for _ in range(3):
    draw_scenes(scenes, config.stylegan_r, rng)
    rows = data.sample_rows(scenes.draw_contents(16, rng), rng)
    data.images(rows), data.masks(rows)
size = sum(path.stat().st_size for path in folder.glob("*.npy"))
most = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"files": size, "anonymous": peak[0] - before, "resident": most, "pictures": len(pictures)}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_234_000_pictures_are_read_in_at_most_eight_gigabytes(tmp_path):
    arguments = [str(number) for number in (CONTENTS, VIEWS, TEST)]
    done = subprocess.run(
        [sys.executable, "-c", READERS, tmp_path, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    print(found)
    assert found["pictures"] == 234_000 and found["files"] > 270e9
    assert found["anonymous"] < found["resident"] < BOUND
