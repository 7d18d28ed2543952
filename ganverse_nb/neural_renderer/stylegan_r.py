"""StyleGAN-R: the fine-tuned generator behind its mapping network, a renderer of camera, shape, texture, background."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ganverse_nb.gan.generator import Generator
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.neural_renderer.mapping import MappingNetwork, MappingSizes
from ganverse_nb.neural_renderer.observer import Observer
from ganverse_nb.neural_renderer.properties import Properties
from ganverse_nb.runtime.files import atomic_path

FORMAT = "ganverse_nb StyleGAN-R 1"


class StyleGANR:
    """The neural renderer of section 3.3.

    Attributes:
        generator: the GAN, whose synthesis layers are fine-tuned.
        mapping: camera, shape, texture and background -> styles.
        observer: reads properties off pictures; needed by `encode` only, and not part of the file.
        notes: plain JSON about how it was made.
    """

    def __init__(
        self,
        generator: Generator,
        mapping: MappingNetwork,
        observer: Observer | None = None,
        notes: dict[str, Any] | None = None,
    ):
        self.generator = generator.eval()
        self.mapping = mapping.eval()
        self.observer, self.notes = observer, dict(notes or {})

    @property
    def resolution(self) -> int:
        """Width and height of the pictures it takes and gives; the generator's own may be larger, see `paint`."""
        return self.mapping.sizes.resolution

    def synthesize(self, properties: Properties) -> Tensor:
        """Pictures [B, 3, R, R] in [0, 1]; differentiable, nothing is checked."""
        return self.generator.squares(self.styles(properties), self.resolution)

    def styles(self, properties: Properties) -> Tensor:
        """The generator's flat styles [B, S] for properties."""
        p = properties
        return self.mapping(p.camera, p.shape, p.texture, p.background)

    @torch.no_grad()
    def paint(self, properties: Properties) -> Tensor:
        """Pictures [B, 3, *generator.picture_size] in [0, 1]: as large as the generator makes them, to be looked at."""
        return self.generator.synthesize(self.styles(properties))

    @torch.no_grad()
    def render(self, camera: Camera, shape: Tensor, texture: Tensor, background: Tensor) -> Tensor:
        """Render properties; any of them may be a single one, which is used for all pictures.

        Args:
            camera: 1 or B cameras; azimuth, elevation and distance count, fov and target are those of the data.
            shape: [B or 1, V, 3] vertices.
            texture: [B or 1, 3, Ht, Wt] in [0, 1].
            background: [B or 1, 4, R, R] from `mask_out`, or [B or 1, 3, R, R] pictures that show no object.

        Returns:
            [B, 3, R, R] in [0, 1].

        Raises:
            ValueError: a shape that this renderer was not made for, or batch sizes that do not fit.
        """
        return self.synthesize(self.properties(camera, shape, texture, background))

    def properties(self, camera: Camera, shape: Tensor, texture: Tensor, background: Tensor) -> Properties:
        """The arguments of `render`, checked and brought to one batch size."""
        if background.ndim == 4 and background.shape[1] == 3:
            background = torch.cat([background, torch.ones_like(background[:, :1])], 1)
        sizes, side = self.mapping.sizes, self.resolution
        wanted = {"shape": (sizes.vertices, 3), "texture": (3, *sizes.texture), "background": (4, side, side)}
        given = {"shape": shape, "texture": texture, "background": background}
        for name, size in wanted.items():
            if tuple(given[name].shape[1:]) != size:
                raise ValueError(
                    f"StyleGAN-R: {name} must be [B, {', '.join(map(str, size))}], got {tuple(given[name].shape)}."
                )
        counts = {"camera": len(camera)} | {name: len(tensor) for name, tensor in given.items()}
        batch = max(counts.values())
        if any(count not in (1, batch) for count in counts.values()):
            raise ValueError(f"StyleGAN-R: the batch sizes differ: {counts}; give one, or as many of each.")
        everyone = torch.zeros(batch, dtype=torch.int64)
        rows = torch.arange(batch)

        def repeated(count: int) -> Tensor:
            return everyone if count == 1 else rows

        return Properties(
            camera[repeated(len(camera))],
            *(tensor[repeated(len(tensor))] for tensor in (shape, texture, background)),
        )

    @torch.no_grad()
    def encode(self, images: Tensor, masks: Tensor | None = None, camera: Camera | None = None) -> Properties:
        """Properties of pictures [B, 3, R, R], photographs included; mask and camera are found where not given.

        Raises:
            ValueError: this renderer was loaded without an observer.
        """
        if self.observer is None:
            raise ValueError("StyleGANR.encode needs inverse graphics: load the renderer with observer=Observer(...).")
        return self.observer(images, masks, camera)

    def save(self, path: Path) -> None:
        """Write generator and mapping network as safetensors, sizes and notes as its metadata, all or nothing."""
        tensors = {f"generator.{k}": v for k, v in self.generator.state_dict().items()}
        tensors |= {f"mapping.{k}": v for k, v in self.mapping.state_dict().items()}
        metadata = {
            "format": FORMAT,
            "generator": json.dumps(generator_settings(self.generator)),
            "mapping": json.dumps(self.mapping.sizes.as_json()),
            "notes": json.dumps(self.notes),
        }
        with atomic_path(path) as temporary:
            save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, temporary, metadata=metadata)

    @classmethod
    def load(cls, path: str | Path, observer: Observer | None = None) -> StyleGANR:
        """What `save` wrote.

        Raises:
            FileNotFoundError: no such file.
            ValueError: not such a file, or damaged.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"No StyleGAN-R at {path}; run the stage stylegan_r first.")
        try:
            with safe_open(path, "pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        except SafetensorError as error:
            raise ValueError(f"{path} is damaged ({error}); delete it and run the stage stylegan_r again.") from error
        if metadata.get("format") != FORMAT:
            raise ValueError(f"{path} is not a StyleGAN-R of this version of the package.")
        generator = Generator(**json.loads(metadata["generator"]))
        mapping = MappingNetwork(MappingSizes.from_json(json.loads(metadata["mapping"])))
        for prefix, module in (("generator.", generator), ("mapping.", mapping)):
            module.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
        for module in (generator, mapping):
            module.requires_grad_(False)
        return cls(generator, mapping, observer, json.loads(metadata["notes"]))


def generator_settings(generator: Generator) -> dict[str, Any]:
    """The arguments that make a generator of the same sizes."""
    return {
        "resolution": generator.resolution,
        "z_dim": generator.z_dim,
        "w_dim": generator.w_dim,
        "mapping_layers": len(generator.mapping.layers),
        "channels": list(generator.channels),
        "conv_clamp": generator.conv_clamp,
        "rows": generator.rows,
    }
