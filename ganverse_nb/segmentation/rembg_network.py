"""rembg's foreground networks: it names, finds and downloads them; they are run here.

Not by `rembg.remove`, which stretches each answer to the full range, so that it finds something in any picture, and
whose masks have no confidence left in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganverse_nb.runtime.downloads import Weights
from ganverse_nb.runtime.errors import ExpectedError, cause
from ganverse_nb.runtime.extras import missing_modules, require
from ganverse_nb.runtime.threads import one_thread
from ganverse_nb.segmentation.onnx_network import OnnxNetwork, Preparation, open_session

RELEASE = "https://github.com/danielgatis/rembg/releases/download/v0.0.0"
INSTEAD = "give an ONNX file that you have (segmenter onnx:FILE)"
IMAGENET = Preparation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), logits=True)  # as BiRefNet's own code


@dataclass(frozen=True)
class RembgWeights(Weights):
    """A network that rembg downloads, to a folder of its own, and checks.

    Attributes:
        preparation: what it takes and gives.
    """

    preparation: Preparation = Preparation()

    @property
    def path(self) -> Path:
        """Where rembg finds it, or would keep it.

        Raises:
            ExpectedError: rembg is not installed.
        """
        there = self._session_class.resolve_existing(f"{self.key}.onnx")
        return Path(there or Path(self._session_class.model_dir()) / f"{self.key}.onnx")

    def find(self) -> Path | None:
        """The file, or None where it, or rembg, is not here."""
        if missing_modules(["rembg", "onnxruntime"]):
            return None
        path = self.path
        return path if path.is_file() else None

    @property
    def _session_class(self) -> Any:
        require("photos", self.name, "rembg", "onnxruntime")
        with one_thread(False):  # numba, which rembg brings, makes its number of threads torch's
            from rembg.sessions import sessions_class

        return next(found for found in sessions_class if found.name() == self.key)

    def _download(self) -> Path:
        try:
            return Path(self._session_class.download_models())
        except (OSError, ValueError) as error:  # ValueError: pooch's, of another hash
            raise ExpectedError(
                f"{self.url} could not be downloaded ({cause(error)}): try again, or download it on another machine "
                f"and put it at {self.path}, or {self.instead}."
            ) from error


DEFAULT = "isnet-general-use"
NETWORKS = {
    network.key: network
    for network in (
        RembgWeights("rembg's ISNet", f"{RELEASE}/isnet-general-use.onnx", 170, INSTEAD, DEFAULT),
        RembgWeights(
            "rembg's BiRefNet",
            f"{RELEASE}/BiRefNet-general-epoch_244.onnx",
            928,
            f"take ISNet (segmenter rembg), or {INSTEAD}",
            "birefnet-general",
            IMAGENET,
        ),
        RembgWeights(
            "rembg's small BiRefNet",
            f"{RELEASE}/BiRefNet-general-bb_swin_v1_tiny-epoch_232.onnx",
            214,
            f"take ISNet (segmenter rembg), or {INSTEAD}",
            "birefnet-general-lite",
            IMAGENET,
        ),
    )
}


def network_of(weights: str) -> RembgWeights:
    """The network that "rembg" (ISNet) or "rembg:NAME" means.

    Raises:
        ValueError: none of `NETWORKS`.

    Examples:
        >>> network_of("rembg").key, network_of("rembg:birefnet-general").megabytes
        ('isnet-general-use', 928)
    """
    name = weights.partition(":")[2] or DEFAULT
    if name not in NETWORKS:
        raise ValueError(f"No foreground network {name!r} of rembg is known here; there are {', '.join(NETWORKS)}.")
    return NETWORKS[name]


def open_rembg(network: RembgWeights, download: bool = False) -> OnnxNetwork:
    """The network, downloaded by rembg where it is not here.

    Raises:
        ExpectedError: rembg is not installed, nobody agreed to a download, or it failed.
        ValueError: the file is damaged.
    """
    require("photos", network.name, "rembg", "onnxruntime")
    return OnnxNetwork(open_session(network.get(download)), network.key, network.preparation)
