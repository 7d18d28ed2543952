"""The layers of the installation: which packages come with which extra, and the sentence for one that is missing."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from ganverse_nb.runtime.errors import ExpectedError

EXTRAS = {
    "notebooks": (
        "IPython",
        "anywidget",
        "ipykernel",
        "ipywidgets",
        "jupyter_client",
        "jupyterlab",
        "jupytext",
        "matplotlib",
        "nbclient",
        "nbconvert",
        "nbformat",
        "papermill",
        "plotly",
        "traitlets",
        "voila",
    ),
    "train": ("accelerate", "lpips", "scipy"),
    "eval": ("DracoPy", "lpips", "scipy", "torch_fidelity"),
    "cluster": ("submitit",),
    "photos": ("onnxruntime", "pillow_heif", "rembg"),
}
"""Extra -> the modules it brings beyond the base, which renders, reconstructs and edits without any of them."""


def require(extra: str, what: str, *modules: str) -> None:
    """Whether the packages that `what` needs are installed: called before they are imported.

    Args:
        extra: one of `EXTRAS`, which brings them.
        what: needs them, in words that begin a sentence.
        modules: all of the extra's where none is named.

    Raises:
        ExpectedError: one is missing; the message says how to install it.
    """
    if missing := missing_modules(modules or EXTRAS[extra]):
        raise ExpectedError(_sentence(what, missing, extra))


def missing_modules(modules: Sequence[str]) -> list[str]:
    """Those of the modules that are not installed."""
    return [name for name in modules if not _is_installed(name)]


def missing_extra(error: ModuleNotFoundError) -> ExpectedError | None:
    """The sentence for an import that failed for want of an extra; None for any other, which is a bug."""
    name = (error.name or "").partition(".")[0]
    extra = next((extra for extra, modules in EXTRAS.items() if name in modules), None)
    return None if extra is None else ExpectedError(_sentence("This", [name], extra))


def _sentence(what: str, missing: list[str], extra: str) -> str:
    come = "comes" if len(missing) == 1 else "come"
    return f"{what} needs {', '.join(missing)}, which {come} with pip install 'ganverse_nb[{extra}]'."


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
