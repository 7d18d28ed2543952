"""StyleGAN-R: the fine-tuned generator behind its mapping network, a renderer of camera, shape, texture, background.

`edit` and `render_both` are what section 4 does with it: properties of several pictures in one, and both renderers'
pictures of the same properties.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ganverse_nb.gan.generator import Generator
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.neural_renderer.mapping import MappingSizes, PropertyMapper
from ganverse_nb.neural_renderer.properties import Properties, PropertyEncoder
from ganverse_nb.render.renderer import RenderOutput, render
from ganverse_nb.runtime.files import atomic_path

FORMAT = "ganverse_nb StyleGAN-R 2"

Source = Properties | Tensor
"""Properties, or pictures [B, 3, R, R] in [0, 1] (of the GAN, or photographs) that are encoded first."""


class StyleGANR:
    """The neural renderer of section 3.3.

    Attributes:
        generator: the GAN, whose synthesis layers are fine-tuned.
        mapping: camera, shape, texture and background -> styles.
        encoder: reads properties off pictures; needed by `encode` only, and not part of the file.
        notes: plain JSON about how it was made.
    """

    def __init__(
        self,
        generator: Generator,
        mapping: PropertyMapper,
        encoder: PropertyEncoder | None = None,
        notes: dict[str, Any] | None = None,
    ):
        self.generator = generator.eval()
        self.mapping = mapping.eval()
        self.encoder, self.notes = encoder, dict(notes or {})

    @property
    def resolution(self) -> int:
        """R, width and height of the pictures it takes and gives; for larger ones see `synthesize_full`."""
        return self.mapping.sizes.resolution

    def styles(self, properties: Properties) -> Tensor:
        """The generator's flat styles [B, S] for properties."""
        p = properties
        return self.mapping(p.camera, p.shape, p.texture, p.background)

    def synthesize(self, properties: Properties) -> Tensor:
        """Pictures [B, 3, R, R] in [0, 1]; differentiable, nothing is checked."""
        return self.generator.squares(self.styles(properties), self.resolution)

    @torch.no_grad()
    def synthesize_full(self, properties: Properties) -> Tensor:
        """Pictures [B, 3, *generator.picture_size] in [0, 1], at the generator's own size."""
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

    def encode(
        self, images: Tensor, masks: Tensor | None = None, camera: Camera | None = None, name: str = "images"
    ) -> Properties:
        """Properties of pictures [B, 3, R, R], photographs included, see `encode_pictures`.

        Raises:
            ValueError: as `encode_pictures`, or this renderer was loaded without an encoder.
        """
        if self.encoder is None:
            raise ValueError("StyleGANR.encode needs inverse graphics: load it with encoder=PropertyEncoder(...).")
        return encode_pictures(self.encoder, self.resolution, images, masks, camera, name)

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
    def load(cls, path: str | Path, encoder: PropertyEncoder | None = None) -> StyleGANR:
        """The renderer that `save` wrote, in evaluation mode, without gradients.

        Raises:
            FileNotFoundError: no such file.
            ValueError: not such a file, of another version, or damaged.
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
        found = metadata.get("format", "")
        if found != FORMAT:
            if found.startswith(FORMAT[:-1]):
                raise ValueError(
                    f"{path} was written by another version of this package (format {found!r}, here {FORMAT!r} is "
                    "needed); delete it and run the stage stylegan_r again."
                )
            raise ValueError(f"{path} is not a StyleGAN-R of this package.")
        generator = Generator(**json.loads(metadata["generator"]))
        mapping = PropertyMapper(MappingSizes.from_json(json.loads(metadata["mapping"])))
        for prefix, module in (("generator.", generator), ("mapping.", mapping)):
            state = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            module.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
            module.requires_grad_(False)
        return cls(generator, mapping, encoder, json.loads(metadata["notes"]))


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


@torch.no_grad()
def encode_pictures(
    encoder: PropertyEncoder,
    side: int,
    images: Tensor,
    masks: Tensor | None = None,
    camera: Camera | None = None,
    name: str = "images",
) -> Properties:
    """Properties that `encoder` reads off pictures of any origin.

    Args:
        side: R, the size that the networks take.
        images: [B, 3, R, R] in [0, 1].
        masks: [B, 1, R, R] in [0, 1]; the encoder's where not given. `camera`: B cameras, likewise.
        name: what messages call the pictures.

    Raises:
        ValueError: wrong size or range, or no object in a picture.
    """
    if images.ndim != 4 or tuple(images.shape[1:]) != (3, side, side):
        raise ValueError(
            f"{name}: pictures must be [B, 3, {side}, {side}], got {tuple(images.shape)}; resize them first."
        )
    if not images.is_floating_point() or images.min() < 0 or images.max() > 1:
        raise ValueError(f"{name}: pictures must be floating point in [0, 1]; divide bytes by 255.")
    properties = encoder(images, masks, camera)
    empty = (properties.background[:, 3].mean((1, 2)) > 0.999).nonzero().flatten().tolist()
    if empty:
        raise ValueError(f"{name}: no object was found in picture {', '.join(map(str, empty))}; choose another one.")
    return properties


@dataclass(frozen=True)
class Edit:
    """Both renderers' pictures of the same properties (figure 7).

    Attributes:
        image: [B, 3, R, R] in [0, 1], StyleGAN-R's.
        dibr: DIB-R's render of the same shape and texture from the same camera; it has no background.
        properties: what was rendered.
    """

    image: Tensor
    dibr: RenderOutput
    properties: Properties


@torch.no_grad()
def render_both(model: StyleGANR, properties: Properties) -> Edit:
    """The dual renderers of section 4.2."""
    image = model.synthesize(properties)
    return Edit(image, render(properties.mesh(), properties.camera, model.resolution), properties)


def edit(
    model: StyleGANR,
    *,
    camera_from: Source | Camera,
    shape_from: Source,
    texture_from: Source,
    background_from: Source,
) -> Edit:
    """Render camera, shape, texture and background of four sources in one picture (section 4.3, figures 9 to 11).

    Pictures are segmented and sent through inverse graphics, once even if they are given several times. A source of
    one picture serves all pictures of the others.

    Raises:
        ValueError: a picture shows no object, has the wrong size, or the batch sizes do not fit.
    """
    encoded: dict[int, Properties] = {}

    def properties_of(source: Source, name: str) -> Properties:
        if isinstance(source, Properties):
            return source
        if id(source) not in encoded:
            encoded[id(source)] = model.encode(source, name=name)
        return encoded[id(source)]

    camera = camera_from if isinstance(camera_from, Camera) else properties_of(camera_from, "camera_from").camera
    properties = model.properties(
        camera,
        properties_of(shape_from, "shape_from").shape,
        properties_of(texture_from, "texture_from").texture,
        properties_of(background_from, "background_from").background,
    )
    return render_both(model, properties)
