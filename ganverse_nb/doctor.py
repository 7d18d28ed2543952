"""Whether this machine can run the project, checked by doing it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import metadata, util
from pathlib import Path

from .config import BUNDLED
from .provenance import device, processor

WEIGHTS = Path(__file__).parent / "weights"
SPACE = 5e9  # bytes; a mini run is far smaller, a paper run is not


@dataclass(frozen=True)
class Finding:
    """One line of the examination; `ok` is None for what is only worth knowing."""

    name: str
    ok: bool | None
    text: str


def examine(directory: Path) -> Iterator[Finding]:
    """Checks Python, packages, the renderer, Jupyter's kernel, the bundled weights and the space in `directory`."""
    yield Finding("python", sys.version_info >= (3, 11), f"{sys.version.split()[0]} at {sys.executable}")
    yield Finding("machine", None, f"{device()}; {processor()}")
    yield _attempt("packages", _packages)
    yield _attempt("torchvision", _torchvision)
    yield _attempt("renderer", _renderer)
    yield Finding("nvdiffrast", None, "installed" if util.find_spec("nvdiffrast") else "not installed (optional)")
    yield _attempt("kernel", _kernel)
    for category in BUNDLED:
        yield _attempt(f"weights {category}", partial(_weights, WEIGHTS / category))
    free = shutil.disk_usage(directory).free
    yield Finding(
        "disk", free > SPACE, f"{free / 1e9:.0f} GB free in {directory.resolve()}, {SPACE / 1e9:.0f} are asked for"
    )


def _attempt(name: str, check: Callable[[], str]) -> Finding:
    """Runs a check; any exception is its finding."""
    try:
        return Finding(name, True, check())
    except Exception as error:
        return Finding(name, False, " ".join(f"{type(error).__name__}: {error}".split()))


def _packages() -> str:
    from packaging.requirements import Requirement

    wrong = []
    requirements = [Requirement(text) for text in metadata.requires("ganverse_nb") or []]
    needed = [r for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})]
    for requirement in needed:
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            version = None
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement} (here {version or 'not installed'})")
    if wrong:
        raise RuntimeError(f"`pip install -e .` adds what is missing: {', '.join(wrong)}")
    return f"{len(needed)} as asked for"


def _torchvision() -> str:
    import torch
    import torchvision

    torchvision.ops.nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.ones(1), 0.5)  # fails where torch does not match
    return f"{torchvision.__version__} with torch {torch.__version__}"


def _renderer() -> str:
    from .geometry.camera import Camera
    from .geometry.mesh import uv_sphere
    from .render.rasterize import rasterize

    sphere = uv_sphere()
    clip = Camera.orbit(0.0, distance=5.0).to_clip(sphere.vertices)
    covered = (rasterize(clip, sphere.faces, 16).face_index >= 0).float().mean().item()
    if not 0.3 < covered < 0.8:
        raise RuntimeError(f"a sphere covers {covered:.0%} of its picture")
    return "draws a sphere"


def _kernel() -> str:
    import os

    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    from jupyter_client.manager import KernelManager

    command = KernelManager(kernel_name="python3").format_kernel_cmd()[0]
    if Path(command) != Path(sys.executable):
        raise RuntimeError(f"notebooks would run {command} instead of {sys.executable}")
    return "notebooks run this Python"


def _weights(folder: Path) -> str:
    from safetensors import safe_open

    files = [*sorted(folder.glob("*.safetensors")), *sorted(WEIGHTS.glob(f"*-{folder.name}.safetensors"))]
    if not files:
        raise FileNotFoundError(f"{folder} holds no weights; check out the repository again")
    for file in files:
        with safe_open(str(file), "pt") as content:
            content.keys()
    return ", ".join(f"{file.name} ({file.stat().st_size / 1e6:.1f} MB)" for file in files)
