"""What `server` imports before it forks: the works, and what all of them are made from."""

import os
import tempfile
import threading
from contextlib import redirect_stderr
from pathlib import Path

import torch
from tqdm import tqdm

torch.set_num_threads(1)  # threads do not survive a fork
tqdm.set_lock(threading.RLock())  # that of all processes stays taken where one is killed that has it

from tests.torture import works  # noqa: E402

for make in (works.gan_photos, works.studio_photos, works.lumps, works.gan_world, works.judge, works.reconstructor):
    make()
if os.environ.get(works.WHOLE):
    for work in works.WORKS.values():  # kernels are loaded, so that no child has to
        with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
            work(Path(folder), 0.0)
