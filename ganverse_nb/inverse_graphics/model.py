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
from ganverse_nb.runtime.tensors import load_tensors, made_from, save_tensors

FORMAT = "ganverse_nb inverse graphics 3"


class InverseGraphicsModel(nn.Module):
    """`network` (f), `head` (cameras for pictures without one), `cameras` (one camera per view code).

    Attributes:
        notes: how it was made, where its file told.
    """

    def __init__(self, network: InverseGraphicsNetwork, head: CameraHead, cameras: LearnableCameras) -> None:
        super().__init__()
        self.network, self.head, self.cameras = network, head, cameras
        self.notes: dict[str, Any] = {}

    @property
    def resolution(self) -> int:
        """Width and height of the pictures it takes."""
        return self.network.resolution

    def save(self, path: Path, **notes: Any) -> None:
        """Write a safetensors file with the settings and `notes` (plain JSON) in its metadata."""
        settings = {
            "network": self.network.settings,
            "head": self.head.settings,
            "cameras": {"views": len(self.cameras), "fov": self.cameras.fov},
        }
        facts = {"settings": settings, "notes": notes}
        save_tensors(path, self.state_dict(), FORMAT, facts)

    @classmethod
    def load(cls, path: Path) -> InverseGraphicsModel:
        """The model of `path`, in evaluation mode.

        Raises:
            FileNotFoundError: no such file.
            ValueError: not such a file, or damaged.
        """
        what, remedy = "inverse graphics model", "delete its folder, if it is a stage's, and run the stage again"
        tensors, metadata = load_tensors(path, FORMAT, what, remedy)
        with made_from(tensors, path, what, remedy):
            settings = json.loads(metadata["settings"])
            cameras = settings["cameras"]
            model = cls(
                InverseGraphicsNetwork(**settings["network"]),
                CameraHead(**settings["head"]),
                LearnableCameras(torch.zeros(cameras["views"], dtype=torch.int64), fov=cameras["fov"]),
            )
            model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
            model.notes = json.loads(metadata["notes"])
        return model.eval()
