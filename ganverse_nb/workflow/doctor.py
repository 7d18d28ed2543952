"""Whether this machine can run the project, checked by doing it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import metadata, util
from pathlib import Path

from ganverse_nb.categories import CATEGORIES
from ganverse_nb.config import PROFILES, load_config
from ganverse_nb.runtime.errors import ExpectedError
from ganverse_nb.runtime.extras import EXTRAS, missing_modules
from ganverse_nb.runtime.files import sha256
from ganverse_nb.runtime.shipped import INSTALL_AGAIN, known_sha256
from ganverse_nb.workflow.provenance import device, processor

WEIGHTS = Path(__file__).parents[1] / "weights"
SPACE = 5e9  # bytes; a mini run is far smaller, a paper run is not
MEMORY = 3e9  # bytes; a mini run takes about two


@dataclass(frozen=True)
class Finding:
    """One line of the examination; `ok` is None for what is only worth knowing."""

    name: str
    ok: bool | None
    text: str


def examine(directory: Path) -> Iterator[Finding]:
    """Checks Python, packages, the renderer, Jupyter's kernel, weights, memory and the space in `directory`; at the end
    what of the project runs here."""
    yield Finding("python", sys.version_info >= (3, 11), f"{sys.version.split()[0]} at {sys.executable}")
    yield Finding("machine", None, f"{device()}; {processor()}")
    yield _attempt("packages", _packages)
    yield _attempt("torchvision", _torchvision)
    yield Finding("gpu", None, _gpu())
    yield _attempt("renderer", _renderer)
    yield _nvdiffrast()
    without = {extra: missing for extra, modules in EXTRAS.items() if (missing := missing_modules(modules))}
    yield Finding("extras", None, _extras(without))
    yield Finding("photographs", None, _photographs("photos" not in without))
    if "notebooks" not in without:
        yield _attempt("kernel", _kernel)
    bundled = [_attempt(f"weights {category}", partial(_weights, WEIGHTS / category)) for category in CATEGORIES]
    yield from bundled
    yield _optional_weights()
    memory = _memory()
    if memory is not None:
        yield Finding("memory", memory > MEMORY, f"{memory / 1e9:.1f} GB, {MEMORY / 1e9:.0f} are asked for")
    free = shutil.disk_usage(directory).free
    yield Finding(
        "disk", free > SPACE, f"{free / 1e9:.0f} GB free in {directory.resolve()}, {SPACE / 1e9:.0f} are asked for"
    )
    whole = [category for category, finding in zip(CATEGORIES, bundled) if finding.ok]
    others = [category for category in CATEGORIES if category not in whole]
    runs = f"every notebook for {', '.join(whole)}" if whole else "no notebook before its weights are there"
    if "notebooks" in without:
        runs = f"pictures of meshes, reconstruct and edit, no notebook; the networks of {', '.join(whole) or 'nothing'}"
    unmarked = [category for category in whole if not (WEIGHTS / category / "keypoints.json").is_file()]
    runs += f" (03 after its keypoints are placed for {', '.join(unmarked)})" if unmarked else ""
    after = f"; {', '.join(others)} after `ganverse train-gan --category ...`" if others else ""
    yield Finding("what runs", None, f"{runs}{_profiles(whole)}{after}")


def _profiles(categories: list[str]) -> str:
    """Which profiles can begin for these categories, and what the others lack."""
    from ganverse_nb.workflow.needs import missing, needs

    try:
        found = {p: [need for c in categories for need in missing(needs(load_config(p, c)))] for p in PROFILES}
    except ExpectedError as error:
        return f"; {error}"
    ready = [profile for profile, lacking in found.items() if categories and not lacking]
    told = [f"{p} lacks {', '.join(dict.fromkeys(need.name for need in found[p]))}" for p in found if found[p]]
    more = f"; {'; '.join(told)} (`ganverse check --profile NAME` says how to get them)" if told else ""
    return f", profiles {', '.join(ready) or 'none'}{more}" if categories else ""


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
        raise RuntimeError(f"`pip install .` adds what is missing: {', '.join(wrong)}")
    return f"{len(needed)} as asked for"


def _torchvision() -> str:
    import torch
    import torchvision

    torchvision.ops.nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.ones(1), 0.5)  # fails where torch does not match
    return f"{torchvision.__version__} with torch {torch.__version__}"


def _gpu() -> str:
    import torch

    if not torch.cuda.is_available():
        return "none that torch can use; everything runs on the processor"
    free, total = torch.cuda.mem_get_info()
    return f"{torch.cuda.get_device_name(0)}, {free / 1e9:.0f} of {total / 1e9:.0f} GB free, CUDA {torch.version.cuda}"


def _renderer(backend: str = "warp", device: str = "cpu") -> str:
    from ganverse_nb.geometry.camera import Camera
    from ganverse_nb.geometry.mesh import uv_sphere
    from ganverse_nb.render.rasterize import rasterize

    sphere = uv_sphere()
    clip = Camera.orbit(0.0, distance=5.0).to_clip(sphere.vertices).to(device)
    covered = (rasterize(clip, sphere.faces.to(device), 16, backend=backend).face_index >= 0).float().mean().item()
    if not 0.3 < covered < 0.8:
        raise RuntimeError(f"a sphere covers {covered:.0%} of its picture")
    return f"draws a sphere ({backend}, {device})"


def _nvdiffrast() -> Finding:
    """Optional; but where it is installed and there is a GPU, it must draw."""
    import torch

    if not util.find_spec("nvdiffrast"):
        return Finding("nvdiffrast", None, "not installed (optional); Warp draws instead")
    if not torch.cuda.is_available():
        return Finding("nvdiffrast", None, "installed, but there is no GPU for it; Warp draws instead")
    return _attempt("nvdiffrast", partial(_renderer, "nvdiffrast", "cuda"))


def _extras(without: dict[str, list[str]]) -> str:
    """Which extras of the installation are there, and how the others get here."""
    there = ", ".join(extra for extra in EXTRAS if extra not in without) or "none"
    lacking = [f"pip install 'ganverse_nb[{extra}]' adds {', '.join(names)}" for extra, names in without.items()]
    return "; ".join([f"{there} installed", *lacking])


def _photographs(has_rembg: bool) -> str:
    """Who cuts real photographs out; rembg itself is not loaded, which takes a minute the first time."""
    if has_rembg:
        return "cut out by rembg where `--segmenter rembg` asks for it: recommended for photographs of your own"
    return "cut out by the small segmenter, which has seen the studio's only; rembg (extra photos) is far better"


def _optional_weights() -> Finding:
    """Which of the weights that cannot be shipped are on disk, and what takes the place of the others."""
    from ganverse_nb.workflow.weights import WEIGHTS as KNOWN

    instead = {
        "coco": "the bundled Mask R-CNN instead",
        "vgg16": "the discriminator's features instead of LPIPS",
        "inception": "KID on own features instead of FID",
    }
    try:
        there = {name: KNOWN[name].find() is not None for name in instead}
    except ExpectedError as error:
        return Finding("optional weights", False, str(error))
    told = [f"{KNOWN[name].name}" if here else f"no {name} ({instead[name]})" for name, here in there.items()]
    fetch = "" if all(there.values()) else "; `ganverse fetch-weights NAME` downloads one"
    return Finding("optional weights", None, "; ".join(told) + fetch)


def _memory() -> float | None:
    """Bytes of memory in this machine; None where the system does not say."""
    import os

    if not {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= set(getattr(os, "sysconf_names", {})):
        return None
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def _kernel() -> str:
    import os

    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    from jupyter_client.manager import KernelManager

    command = KernelManager(kernel_name="python3").format_kernel_cmd()[0]
    if Path(command) != Path(sys.executable):
        raise RuntimeError(f"notebooks would run {command} instead of {sys.executable}")
    return "notebooks run this Python"


def _weights(folder: Path) -> str:
    from ganverse_nb.runtime.tensors import read_tensors

    files = [*sorted(folder.glob("*.safetensors")), *sorted(WEIGHTS.glob(f"*-{folder.name}.safetensors"))]
    if not files:
        raise FileNotFoundError(f"{folder} holds no weights; check out the repository again")
    for file in files:
        known = known_sha256(file)
        if known is None:
            read_tensors(file, "file of weights", INSTALL_AGAIN)
        elif sha256(file) != known:
            raise RuntimeError(f"{file} is damaged; {INSTALL_AGAIN}")
    return ", ".join(f"{file.name} ({file.stat().st_size / 1e6:.1f} MB)" for file in files)
