"""Foreground networks in ONNX files, run by onnxruntime: a picture in, how surely each pixel is foreground out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from ganverse_nb.runtime.extras import require

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

DYNAMIC = 1024  # pixels, where a file leaves the size of its input open: what ISNet and BiRefNet are trained with
ANSWERS = 'its first output is not in 0 to 1 as a foreground network\'s is; "rembg:NAME" knows those that differ'


@dataclass(frozen=True)
class Preparation:
    """What a family of networks takes and gives.

    Attributes:
        mean, std: of each colour; the network takes `(rgb - mean) / std` of rgb in [0, 1].
        logits: whether it answers with log-odds instead of numbers in [0, 1].
    """

    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    logits: bool = False


class OnnxNetwork:
    """A network with one picture as its input, [1, 3, H, W] float32, whose first output is [1, 1, h, w] or [1, h, w].

    Args:
        session: onnxruntime's, of such a network.
        name: of the network or its file, for messages.
        preparation: as the network was trained; as ISNet's where nothing is said.

    Raises:
        ValueError: a network with another input.
    """

    def __init__(self, session: InferenceSession, name: str, preparation: Preparation | None = None) -> None:
        self.session, self.name, self.preparation = session, name, preparation or Preparation()
        inputs = session.get_inputs()
        shape = list(inputs[0].shape)
        if (
            len(inputs) != 1
            or len(shape) != 4
            or shape[0] not in (1, None)
            and isinstance(shape[0], int)
            or shape[1] != 3
        ):
            told = " and ".join(str(list(one.shape)) for one in inputs)
            raise ValueError(f"{name} takes {told}; a foreground network takes one picture, [1, 3, H, W].")
        if inputs[0].type != "tensor(float)":
            raise ValueError(f"{name} takes {inputs[0].type}; a foreground network takes tensor(float), 32 bits.")
        height, width = (side if isinstance(side, int) else DYNAMIC for side in shape[2:])
        self.size = (width, height)

    @classmethod
    def load(cls, path: Path) -> OnnxNetwork:
        """The network of a file.

        Raises:
            ExpectedError: onnxruntime is not installed.
            FileNotFoundError: there is no such file.
            ValueError: it is damaged, no ONNX file, or a network with another input.
        """
        if not path.is_file():
            raise FileNotFoundError(f"There is no foreground network at {path} (segmenter onnx:FILE).")
        return cls(open_session(path), str(path))

    def confidence(self, photo: Image.Image) -> np.ndarray:
        """[h, w] float32 in [0, 1] at the network's resolution, of a picture in RGB.

        Raises:
            ValueError: the network answers with something else.
        """
        scaled = photo if photo.size == self.size else photo.resize(self.size, Image.Resampling.LANCZOS)
        rgb = np.asarray(scaled.convert("RGB"), np.float32) / 255
        prepared = (rgb - self.preparation.mean) / self.preparation.std
        feeds = {self.session.get_inputs()[0].name: prepared.transpose(2, 0, 1)[None].astype(np.float32)}
        answer: np.ndarray = np.asarray(self.session.run(None, feeds)[0], np.float32)
        if answer.ndim not in (3, 4) or any(side != 1 for side in answer.shape[:-2]):
            raise ValueError(f"{self.name} answers with {list(answer.shape)}, not with one mask, [1, 1, h, w].")
        answer = answer.reshape(answer.shape[-2:])
        if self.preparation.logits:
            answer = np.asarray(1 / (1 + np.exp(-answer.clip(-60, 60))), np.float32)
        if not (answer.min() >= -1e-3 and answer.max() <= 1 + 1e-3):  # NaN is neither
            raise ValueError(f"{self.name} answers with {answer.min():.3g} to {answer.max():.3g}: {ANSWERS}.")
        return answer.clip(0, 1)


def session_options() -> dict[str, object]:
    """onnxruntime's `sess_options`: as many threads as torch, no warnings about graphs of others."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    return {"sess_options": options}


def open_session(path: Path) -> InferenceSession:
    """onnxruntime's session for a file, on whatever device it supports here.

    Raises:
        ExpectedError: onnxruntime is not installed.
        ValueError: the file is damaged or no ONNX network.
    """
    require("photos", "A foreground network", "onnxruntime")
    import onnxruntime

    try:
        return onnxruntime.InferenceSession(
            str(path), **session_options(), providers=onnxruntime.get_available_providers()
        )
    except Exception as error:  # onnxruntime raises classes of its own, which share no base but this
        raise ValueError(f"{path} is damaged or no ONNX network ({str(error).splitlines()[0]}).") from None
