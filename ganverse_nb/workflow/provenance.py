"""Where a number comes from: versions, machine, commit."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from ganverse_nb.runtime.cores import cores

PACKAGES = ("torch", "torchvision", "warp-lang", "nvdiffrast", "lpips", "numpy", "scipy", "trimesh", "safetensors")


def environment() -> dict[str, Any]:
    """Versions, device, processor and commit of this process, as JSON types; what is absent is None."""
    import torch

    import ganverse_nb

    versions = {"ganverse_nb": ganverse_nb.__version__, "python": platform.python_version()}
    return {
        "device": device(),
        "cpu": processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "commit": commit(),
        "versions": versions | {name: _version(name) for name in PACKAGES} | {"torch": torch.__version__},
    }


def device() -> str:
    """One line that names what computes: the GPU, else the processor."""
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else f"cpu, {cores()} cores"


def processor() -> str:
    """The processor's name and the cores this process may use."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(errors="replace").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor() or platform.machine()}, {cores()} cores"


def commit() -> str | None:
    """The commit of the checkout this package is in, with '-dirty' where tracked files differ from it.

    None where the package is not part of a checkout, and where git is not installed.
    """
    here = Path(__file__).parent
    try:
        _git(here, "ls-files", "--error-unmatch", Path(__file__).name)
        head = _git(here, "rev-parse", "--short=12", "HEAD")
        # The pictures and numbers that a run writes do not change what made them.
        changed = _git(here, "status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)figures")
    except (OSError, subprocess.SubprocessError):
        return None
    return head + ("-dirty" if changed else "")


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout.strip()


def _version(name: str) -> str | None:
    """As it was installed, which does not depend on what this process has imported; else as the module says."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        module = sys.modules.get(name)
        return getattr(module, "__version__", None)
