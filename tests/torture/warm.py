"""What `server` imports before it forks: the works, and what all of them are made from."""

import os
import tempfile
from contextlib import redirect_stderr
from pathlib import Path

import torch

torch.set_num_threads(1)  # threads do not survive a fork

from tests.torture import works  # noqa: E402

for make in (works.gan_photos, works.studio_photos, works.lumps, works.gan_world, works.judge, works.reconstructor):
    make()
if os.environ.get(works.WHOLE):
    for work in works.WORKS.values():  # kernels are loaded, so that no child has to
        with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
            work(Path(folder), 0.0)
