"""What the stage leaves behind: f, the camera head and the optimised cameras, in one safetensors file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganverse_nb.inverse_graphics.camera_head import CameraHead
from ganverse_nb.inverse_graphics.cameras import LearnableCameras
from ganverse_nb.inverse_graphics.network import InverseGraphicsNetwork
from ganverse_nb.runtime.files import atomic_path

FORMAT = "ganverse_nb inverse graphics 2"


class InverseGraphicsModel(nn.Module):
    """`network` (f), `head` (cameras for pictures without one), `cameras` (one camera per view code)."""

    def __init__(self, network: InverseGraphicsNetwork, head: CameraHead, cameras: LearnableCameras) -> None:
        super().__init__()
        self.network, self.head, self.cameras = network, head, cameras

    @property
    def resolution(self) -> int:
        """Width and height of the pictures it takes."""
        return self.network.resolution

    def save(self, path: Path, half: bool = False, **notes: Any) -> None:
        """Write a safetensors file (`half`: float16) with the settings and `notes` (plain JSON) in its metadata."""
        from safetensors.torch import save_file

        state = {k: v.detach().cpu().contiguous() for k, v in self.state_dict().items()}
        if half:
            state = {
                k: v.half() if v.is_floating_point() and not k.startswith("cameras.") else v for k, v in state.items()
            }
        settings = {
            "network": self.network.settings,
            "head": self.head.settings,
            "cameras": {"views": len(self.cameras), "fov": self.cameras.fov},
        }
        metadata = {"format": FORMAT, "settings": json.dumps(settings), "notes": json.dumps(notes)}
        with atomic_path(path) as partial:
            save_file(state, partial, metadata=metadata)

    @classmethod
    def load(cls, path: Path) -> InverseGraphicsModel:
        """The model of `path`, in evaluation mode.

        Raises:
            FileNotFoundError: no such file.
            ValueError: not such a file, or damaged.
        """
        from safetensors import SafetensorError, safe_open

        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"No inverse graphics model at {path}; run the stage inverse_graphics first.")
        try:
            with safe_open(path, "pt") as file:
                metadata = file.metadata() or {}
                state = {k: file.get_tensor(k).float() for k in file.keys()}  # noqa: SIM118 (not a dict)
        except SafetensorError as error:
            raise ValueError(
                f"{path} is damaged ({error}); delete it and run the stage inverse_graphics again."
            ) from error
        if metadata.get("format") != FORMAT:
            raise ValueError(f"{path} is not an inverse graphics model of this package.")
        settings = json.loads(metadata["settings"])
        cameras = settings["cameras"]
        model = cls(
            InverseGraphicsNetwork(**settings["network"]),
            CameraHead(**settings["head"]),
            LearnableCameras(torch.zeros(cameras["views"], dtype=torch.int64), fov=cameras["fov"]),
        )
        model.load_state_dict(state)
        return model.eval()
