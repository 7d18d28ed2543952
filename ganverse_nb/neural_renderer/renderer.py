"""StyleGAN-R: the fine-tuned generator behind its mapping network, a renderer of camera, shape, texture, background.

`Renderer` is its front door, for pictures in any form:

renderer = Renderer.from_pretrained("car")
edit = renderer.edit("photo.jpg", azimuth=120, texture_of="other.jpg")
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganverse_nb.data.pictures import Picture, as_picture
from ganverse_nb.gan.generator import Generator, block_resolutions
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.views import moved, with_fov
from ganverse_nb.inverse_graphics.cameras import FOV
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.reconstruction import Reconstruction
from ganverse_nb.neural_renderer.compose import keep_background as compose
from ganverse_nb.neural_renderer.mapping import MappingSizes, PropertyMapper
from ganverse_nb.neural_renderer.properties import FACTORS, Properties, PropertyEncoder, mask_out
from ganverse_nb.render.renderer import RenderOutput, render
from ganverse_nb.render.shots import check_gif
from ganverse_nb.runtime.files import read_json
from ganverse_nb.runtime.shipped import SHIPPED, Shipped
from ganverse_nb.runtime.tensors import load_tensors, made_from, save_tensors
from ganverse_nb.segmentation.mask_rcnn import load_segmenter

FORMAT = "ganverse_nb StyleGAN-R 2"


class StyleGANR:
    """The neural renderer of section 3.3.

    Attributes:
        generator: the GAN, whose synthesis layers are fine-tuned.
        mapping: camera, shape, texture and background -> styles.
        encoder: reads properties off pictures; needed by `encode` only, and not part of the file.
        notes: plain JSON about how it was made.

    Raises:
        ValueError: the mapping network wants features resampled that the generator does not have.
    """

    def __init__(
        self,
        generator: Generator,
        mapping: PropertyMapper,
        encoder: PropertyEncoder | None = None,
        notes: dict[str, Any] | None = None,
    ):
        check_zoom(generator, mapping.sizes.zoom)
        self.generator = generator.eval()
        self.mapping = mapping.eval()
        self.encoder, self.notes = encoder, dict(notes or {})

    def to(self, device: torch.device | str) -> StyleGANR:
        """This renderer, its encoder excepted, moved."""
        self.generator.to(device)
        self.mapping.to(device)
        return self

    @property
    def resolution(self) -> int:
        """R, width and height of the pictures it takes and gives; for larger ones see `synthesize_full`."""
        return self.mapping.sizes.resolution

    def styles(self, properties: Properties) -> Tensor:
        """The generator's flat styles [B, S] for properties."""
        p = properties
        return self.mapping(p.camera, p.shape, p.texture, p.background)

    def synthesize(self, properties: Properties, dtype: torch.dtype = torch.float32) -> Tensor:
        """Pictures [B, 3, R, R] in [0, 1]; differentiable, nothing is checked. Convolutions in `dtype`."""
        return self.paint(self.styles(properties), properties.camera, dtype)

    def paint(self, styles: Tensor, camera: Camera, dtype: torch.dtype = torch.float32) -> Tensor:
        """`synthesize` from flat styles [B, S]; of the camera only the scale counts."""
        return self.generator.squares(styles, self.resolution, dtype, self.mapping.zoom(camera))

    def with_view_rest(self, rest: str) -> StyleGANR:
        """The same networks with another `PropertyMapper.with_rest`: "interpolate", or "mean" as Eq 3 is printed."""
        return StyleGANR(self.generator, self.mapping.with_rest(rest), self.encoder, self.notes)

    @torch.no_grad()
    def synthesize_full(self, properties: Properties) -> Tensor:
        """Pictures [B, 3, *generator.picture_size] in [0, 1], at the generator's own size."""
        return self.generator.synthesize(self.styles(properties), zoom=self.mapping.zoom(properties.camera))

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

    def save(self, path: Path, generator: bool = True) -> None:
        """Write generator and mapping network as safetensors, sizes and notes as its metadata, all or nothing.

        Args:
            generator: without it, where it is still the teacher's, which lies elsewhere.
        """
        tensors = {f"mapping.{k}": v for k, v in self.mapping.state_dict().items()}
        if generator:
            tensors |= {f"generator.{k}": v for k, v in self.generator.state_dict().items()}
        settings = {
            "generator": self.generator.settings,
            "mapping": self.mapping.sizes.as_json(),
            "notes": self.notes,
        }
        save_tensors(path, tensors, FORMAT, settings)

    @classmethod
    def load(
        cls, path: str | Path, encoder: PropertyEncoder | None = None, generator: Generator | None = None
    ) -> StyleGANR:
        """The renderer that `save` wrote, in evaluation mode, without gradients.

        Args:
            generator: of a file that was saved without it; it is not copied.

        Raises:
            FileNotFoundError: no such file.
            ValueError: not such a file, of another version, or damaged; or nobody has its generator.
        """
        what, remedy = "StyleGAN-R", "delete its folder, if it is a stage's, and run the stage again"
        tensors, metadata = load_tensors(path, FORMAT, what, remedy)
        with made_from(tensors, path, what, remedy):
            mapping = PropertyMapper(MappingSizes.from_json(json.loads(metadata["mapping"])))
            if "mapping.path.nearness" not in tensors:  # earlier ones, to which all views were as near
                usual = tensors["mapping.camera_features.mean"][1]
                tensors["mapping.path.nearness"] = usual.expand(mapping.sizes.knots).clone()
            parts: list[tuple[str, torch.nn.Module]] = [("mapping.", mapping)]
            if generator is None:
                generator = Generator(**json.loads(metadata["generator"]))
                parts.append(("generator.", generator))
            for prefix, module in parts:
                state = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
                module.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
                module.requires_grad_(False)
            generator.requires_grad_(False)
            return cls(generator, mapping, encoder, json.loads(metadata["notes"]))


def check_zoom(generator: Generator, side: int) -> None:
    """Raises a ValueError where `side` (`stylegan_r.zoom_at`) is not 0 and no block of the generator has that side."""
    sides = block_resolutions(generator.resolution, generator.channels)
    if side and side not in sides:
        raise ValueError(f"stylegan_r.zoom_at is one of {', '.join(map(str, sides))} for this GAN, or 0; got {side}.")


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

    Examples:
        >>> photo = make_photos("car", 1, seed=3, resolution=128).images[0]
        >>> edit = Renderer.from_pretrained("car").edit(photo, azimuth=90)
        >>> edit.image.shape, edit.dibr.silhouette.shape
        (torch.Size([1, 3, 64, 64]), torch.Size([1, 1, 64, 64]))
    """

    image: Tensor
    dibr: RenderOutput
    properties: Properties


@dataclass(frozen=True)
class KeptProperties(Properties):
    """Properties of a picture with a renderer of its own, whose picture of them is that picture (`Renderer.encode`).

    What is changed is kept too: `replace` gives properties that are rendered by the same renderer.
    """

    tuned: StyleGANR


@torch.no_grad()
def render_both(model: StyleGANR, properties: Properties) -> Edit:
    """The dual renderers of section 4.2."""
    image = model.synthesize(properties)
    return Edit(image, render(properties.mesh(), properties.camera, model.resolution), properties)


class Renderer:
    """StyleGAN-R for pictures in any form: takes them apart and renders what was changed.

    Args:
        stylegan_r: the trained networks; with an encoder, where pictures are to be given.

    Examples:
        >>> renderer = Renderer.from_pretrained("car")
        >>> photo, other = make_photos("car", 2, seed=3, resolution=128).images  # or paths, Pillow images, arrays
        >>> edit = renderer.edit(photo, azimuth=120, texture_of=other)
        >>> edit.image.shape, edit.dibr.rgb.shape
        (torch.Size([1, 3, 64, 64]), torch.Size([1, 3, 64, 64]))
    """

    def __init__(self, stylegan_r: StyleGANR) -> None:
        self.stylegan_r = stylegan_r

    @classmethod
    def from_pretrained(cls, source: str | Path = "car") -> Renderer:
        """The networks that come with the package, or those of a run.

        Args:
            source: a category ("car"; of another size "car-128", where the package has that), the directory of a run,
                or the .safetensors of a StyleGAN-R. A file outside of a run's directory brings no inverse graphics:
                `edit` then takes `Properties` only.

        Raises:
            FileNotFoundError: no such file, or no directory of a run.
            ValueError: a file that is not a StyleGAN-R of this version of the package, or is damaged.
            ExpectedError: the package has no networks for that category, or they are damaged.

        Examples:
            >>> Renderer.from_pretrained("horse").resolution
            64
        """
        path = Path(source)
        if path.suffix == ".safetensors":
            run = path.parent.parent
            return cls(StyleGANR.load(path, _encoder_of_run(run) if (run / "config.json").is_file() else None))
        if (path / "config.json").is_file():
            model = path / "stylegan_r" / SHIPPED["stylegan_r"][0]
            return cls(StyleGANR.load(model, _encoder_of_run(path)))
        if len(path.parts) > 1:
            raise FileNotFoundError(f"{path} is no directory of a run: it holds no config.json.")
        shipped = Shipped.of(str(source))
        inverse = InverseGraphicsModel.load(shipped.file("inverse_graphics", SHIPPED["inverse_graphics"][0]))
        encoder = PropertyEncoder.of(inverse, load_segmenter(shipped.category, shipped.segmenter))
        return cls(StyleGANR.load(shipped.file("stylegan_r", SHIPPED["stylegan_r"][0]), encoder))

    @property
    def resolution(self) -> int:
        """R, width and height of its pictures."""
        return self.stylegan_r.resolution

    def encode(self, picture: Picture | Reconstruction, keep: bool = False) -> Properties:
        """Camera, shape, texture and background of one picture: the square in its middle, scaled to R x R.

        Args:
            picture: of any size, in any of the forms of `as_picture`; or, for photographs, what a `Reconstructor` made
                of one: its window, its mask, and camera, shape and texture as they were refined.
            keep: tune a copy of the generator until its picture of these properties is this very picture (some
                seconds); turned, scaled and swapped it still follows. The result is `KeptProperties`.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: a picture that cannot be read or shows no object, or this renderer has no encoder.

        Examples:
            >>> renderer = Renderer.from_pretrained("car")
            >>> properties = renderer.encode(make_photos("car", 1, seed=3, resolution=128).images[0])
            >>> properties.shape.shape, properties.background.shape
            (torch.Size([1, 642, 3]), torch.Size([1, 4, 64, 64]))
        """
        if isinstance(picture, Reconstruction):
            image, properties = picture.image, self._reconstructed(picture)
        else:
            name = str(picture) if isinstance(picture, (str, Path)) else "the picture"
            image = as_picture(picture, self.resolution)
            properties = self.stylegan_r.encode(image, name=name)
        return self.keep(properties, image) if keep else properties

    def keep(self, properties: Properties, image: Tensor) -> KeptProperties:
        """Properties whose own renderer shows `image` [1, 3, R, R] in [0, 1] for them; see `encode`.

        Raises:
            ValueError: more than one picture, or one of another size.
        """
        from ganverse_nb.neural_renderer.pivotal import tuned_to  # which tunes what is defined here

        parts = {name: getattr(properties, name) for name in FACTORS}
        return KeptProperties(**parts, tuned=tuned_to(self.stylegan_r, properties, image))

    def _reconstructed(self, made: Reconstruction) -> Properties:
        """Raises a ValueError where no object was found, or f of another resolution made it."""
        if made.mesh is None or made.mesh.texture is None or made.camera is None:
            raise ValueError(f"{made.name}: no object was found; choose another one.")
        if made.image.shape[-1] != self.resolution:
            raise ValueError(
                f"{made.name} was reconstructed at {made.image.shape[-1]} px, this renderer takes {self.resolution}."
            )
        height, width = self.stylegan_r.mapping.sizes.texture
        texture = torch.nn.functional.interpolate(made.mesh.texture, (height, width), mode="area")
        camera = with_fov(made.camera, FOV)  # the refinement finds any; here distance means size
        return Properties(camera, made.mesh.vertices, texture, mask_out(made.image, (made.mask > 0.5).float()))

    def edit(
        self,
        source: Properties | Picture | Reconstruction,
        *,
        azimuth: float | None = None,
        elevation: float | None = None,
        scale: float = 1.0,
        shape_of: Properties | Picture | Reconstruction | None = None,
        texture_of: Properties | Picture | Reconstruction | None = None,
        background_of: Properties | Picture | Reconstruction | None = None,
        keep_background: bool = False,
    ) -> Edit:
        """Render a picture, or properties, with another camera, shape, texture or background (section 4.3).

        Args:
            source: a picture in any of the forms of `as_picture`, a `Reconstruction`, or what `encode` made of either.
            azimuth: degrees, in place of the source's; 0 sees the front, 90 the object's left side.
            elevation: degrees above the horizon, -90 to 90, in place of the source's.
            scale: size of the object relative to the source: the camera's distance is divided by it.
            shape_of, texture_of, background_of: where these come from instead, like `source`.
            keep_background: put the object before the very pixels of the background, where they are known, with the
                shadow that it was rendered with; else the background is rendered as well.

        Returns:
            an `Edit` of one picture, or of as many as `source` has properties.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: a number out of range, sources of different numbers of pictures, or as `encode`.

        Examples:
            >>> renderer = Renderer.from_pretrained("car")
            >>> properties = renderer.encode(make_photos("car", 1, seed=3, resolution=128).images[0])
            >>> edit = renderer.edit(properties, elevation=20, scale=1.25)
            >>> round(float(properties.camera.distance / edit.properties.camera.distance), 4)
            1.25
        """
        _check_controls(azimuth, elevation, scale)
        own = self._properties(source)
        camera = own.camera
        if azimuth is not None or elevation is not None or scale != 1.0:
            camera = moved(camera, azimuth, elevation, camera.distance / scale)
        shape, texture, background = (
            own if other is None else self._properties(other) for other in (shape_of, texture_of, background_of)
        )
        changed = self.stylegan_r.properties(camera, shape.shape, texture.texture, background.background)
        model = own.tuned if isinstance(own, KeptProperties) else self.stylegan_r
        edit = render_both(model, changed)
        if not keep_background:
            return edit
        if self.stylegan_r.encoder is None:
            raise ValueError("edit: keep_background needs an encoder, which finds the object in the rendered picture.")
        mask = self.stylegan_r.encoder.mask(edit.image)
        return replace(edit, image=compose(edit.image, mask, changed.background))

    def save_turntable(self, source: Properties | Picture | Reconstruction, path: str | Path, views: int = 48) -> None:
        """Writes an endless GIF of an object that turns once, by StyleGAN-R and beside it by DIB-R.

        Args:
            source: as in `edit`.

        Raises:
            ValueError: a file name without .gif, several objects, or as `edit`.

        Examples:
            >>> photo = make_photos("car", 1, seed=3, resolution=128).images[0]
            >>> Renderer.from_pretrained("car").save_turntable(photo, folder / "turn.gif", views=4)
            >>> (folder / "turn.gif").is_file()
            True
        """
        from ganverse_nb.neural_renderer.turning import save_turning  # which turns what is defined here

        check_gif(path)  # before anything that takes long
        own = self._properties(source)
        save_turning(own.tuned if isinstance(own, KeptProperties) else self.stylegan_r, own, path, views)

    def _properties(self, source: Properties | Picture | Reconstruction) -> Properties:
        return source if isinstance(source, Properties) else self.encode(source)


def _check_controls(azimuth: float | None, elevation: float | None, scale: float) -> None:
    if azimuth is not None and not math.isfinite(azimuth):
        raise ValueError(f"edit: azimuth must be a finite number of degrees, got {azimuth}.")
    if elevation is not None and not -90 <= elevation <= 90:
        raise ValueError(f"edit: elevation must lie between -90 and 90 degrees, got {elevation}.")
    if not 0 < scale < math.inf:
        raise ValueError(f"edit: scale must be positive, got {scale}; 1 is the source's own size.")


def _encoder_of_run(run: Path) -> PropertyEncoder:
    """Inverse graphics and segmenter of a run's directory."""
    config = read_json(run / "config.json")
    settings = config["segmenter"]
    inverse = InverseGraphicsModel.load(run / "inverse_graphics" / SHIPPED["inverse_graphics"][0])
    segmenter = load_segmenter(config["category"], settings["weights"])
    if "score" in settings:  # a run of the default tells none
        segmenter.threshold = settings["score"]
    return PropertyEncoder.of(inverse, segmenter)
