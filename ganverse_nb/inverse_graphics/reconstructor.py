"""A photograph of one's own: mask, camera, mesh and texture, and whether they can be trusted.

result = Reconstructor.from_pretrained("car")("photo.jpg")
result.save("car.glb")
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ganverse_nb.data.masks import as_mask, scaled_mask
from ganverse_nb.data.photo import read_photo
from ganverse_nb.data.pictures import LARGEST, Picture, on_white, photograph
from ganverse_nb.inverse_graphics.camera_head import CameraReading
from ganverse_nb.inverse_graphics.domain import Domain, Verdict
from ganverse_nb.inverse_graphics.framing import Framing
from ganverse_nb.inverse_graphics.given_masks import window_mask
from ganverse_nb.inverse_graphics.inference import reconstruct_and_compare
from ganverse_nb.inverse_graphics.model import InverseGraphicsModel
from ganverse_nb.inverse_graphics.photo_camera import PhotoCamera, load_photo_camera
from ganverse_nb.inverse_graphics.photo_fit import fit_photo
from ganverse_nb.inverse_graphics.reconstruction import Reconstruction, Refusal
from ganverse_nb.inverse_graphics.refine import refine_hypotheses
from ganverse_nb.inverse_graphics.sight import Sight, see
from ganverse_nb.runtime.batches import in_batches
from ganverse_nb.runtime.errors import sentence
from ganverse_nb.runtime.shipped import SHIPPED, Shipped
from ganverse_nb.segmentation.cutout import Cutout
from ganverse_nb.segmentation.mask_rcnn import load_segmenter, photo_weights
from ganverse_nb.segmentation.segmenter import Segmenter
from ganverse_nb.segmentation.squares import cut_window, square_outline, whole_square

FINE = 512  # pixels of a window at most that a fit sees: more are not in its texture
COARSE = 1024  # pixels of a photograph's longer side, and TIMES those that f takes, are enough where nothing is fitted
TIMES = 16
BATCH = 4  # pictures of many that are looked at together, in half a second: more at once are no faster
AT_ONCE = 8_000_000  # pixels of pictures that are looked at together, but for the last one of them


@dataclass(frozen=True)
class Given:
    """A picture that was read.

    Attributes:
        name, notes: as in `Reconstruction`.
        image: in RGB.
        cutout: the object, where the picture or somebody tells it; else None.
        source: who does; "" where nobody.
    """

    name: str
    image: Image.Image
    notes: tuple[str, ...]
    cutout: Cutout | None
    source: str


Fine = tuple[Tensor, Tensor, CameraReading]  # what a fit sees of a photograph, see `fine`, and its camera as read


class Reconstructor:
    """From a photograph of any size to a textured mesh, the camera it was taken from, and a verdict.

    Args:
        model: f and its camera head.
        segmenter: cuts the object out.
        domain: judges whether the reconstruction can be trusted.
        framing: how large objects stand in the pictures that f knows.
        camera: has an opinion on where photographs were taken from; None where no network has one.

    Examples:
        >>> reconstructor = Reconstructor.from_pretrained("car")
        >>> photo = make_photos("car", 1, seed=3, resolution=128).images[0]  # or a path, a Pillow image, an array
        >>> result = reconstructor(photo)
        >>> result.verdict.in_domain, result.mesh.vertices.shape, result.mask.shape
        (True, torch.Size([1, 642, 3]), torch.Size([1, 1, 64, 64]))
    """

    def __init__(
        self,
        model: InverseGraphicsModel,
        segmenter: Segmenter,
        domain: Domain,
        framing: Framing,
        camera: PhotoCamera | None = None,
    ) -> None:
        self.model, self.segmenter, self.domain, self.framing = model, segmenter, domain, framing
        self.camera = camera

    @classmethod
    def from_pretrained(cls, category: str = "car", segmenter: str | None = None) -> Reconstructor:
        """The networks that come with the package for a category.

        Args:
            category: its name ("car"; of another size "car-128", where the package has that).
            segmenter: who cuts the object out, as `load_segmenter` names them: "rembg" is far better on photographs
                than the small one that comes with the package, and asks before it downloads its network once.

        Raises:
            ExpectedError: the package has none for it, or its files are damaged; the message says what to do.
            FileNotFoundError, ValueError: what `load_segmenter` raises.

        Examples:
            >>> Reconstructor.from_pretrained("horse").resolution
            64
        """
        shipped = Shipped.of(category)
        category = shipped.category
        return cls(
            InverseGraphicsModel.load(shipped.file("inverse_graphics", SHIPPED["inverse_graphics"][0])),
            load_segmenter(category, segmenter or photo_weights(category, shipped.segmenter, shipped.photo_segmenter)),
            Domain.load(shipped.file("domain", SHIPPED["domain"][0])),
            Framing.load(shipped.file("framing", SHIPPED["framing"][0])),
            load_photo_camera(category),
        )

    @property
    def resolution(self) -> int:
        """Width and height of the pictures that f takes."""
        return self.model.resolution

    def __call__(self, picture: Picture, refine: bool = False, mask: Picture | None = None) -> Reconstruction:
        """The reconstruction of the object in a picture of any size, in any of the forms of `as_picture`.

        The object is looked for in the whole picture, cut out and scaled to be as large as f knows objects. Of several
        the largest is taken; the verdict says that there are several. What `read_photo` says of borders, of alpha
        channels, which serve as masks, and of panoramas holds.

        Args:
            refine: try the likeliest cameras, and fit the best one, shape and texture to the picture (`fit_photo`; a
                few seconds), of which as many pixels are used as there are, up to 512 on a side.
            mask: of the object, in any of the forms of `data.masks.as_mask` and of the picture's size, instead of the
                segmenter's.

        Raises:
            FileNotFoundError, ValueError: no picture that can be read, see `as_picture`, a panorama, or no mask of it,
                see `data.masks.as_mask`.
        """
        ((result, window),) = self._reconstruct([self._read(picture, mask, refine)], refine)
        return self._refined(result, window)

    def many(
        self,
        pictures: Iterable[Picture],
        refine: bool = False,
        batch: int = BATCH,
        threads: int | None = None,
        mask_of: Callable[[Picture], Picture | None] | None = None,
    ) -> Iterator[Reconstruction | Refusal]:
        """The reconstruction of each of many pictures, in their order, as they are made; of thousands of files, say.

        The same as one at a time to float rounding, and several times as fast: `batch` pictures are looked at together,
        each batch by a thread of its own. A picture that cannot be read gives a `Refusal`, and does not stop the rest.

        Args:
            pictures: in any of the forms of `as_picture`; a few batches are taken ahead.
            refine: as of a single picture, one after the other.
            threads: as many as torch has where nothing is said; no number depends on them, but for a refinement's.
            mask_of: the mask of a picture, as a single picture has it; None where the segmenter is to cut it out.

        Examples:
            >>> photos = list(make_photos("car", 2, seed=3, resolution=128).images)
            >>> results = Reconstructor.from_pretrained("car").many([photos[0], "no.jpg", photos[1]])
            >>> [result.refusal for result in results]
            ['', 'There is no picture at no.jpg.', '']
        """
        for part in in_batches(partial(self._look, refine, mask_of), pictures, batch, threads):
            for result, window in part:
                yield self._refined(result, window) if isinstance(result, Reconstruction) else result

    def _look(
        self,
        refine: bool,
        mask_of: Callable[[Picture], Picture | None] | None,
        pictures: Sequence[Picture],
        stopped: Callable[[], bool],
    ) -> list[tuple[Reconstruction | Refusal, Fine | None]]:
        """`_reconstruct` of the pictures that can be read, of so many at once as memory is stated to be taken for."""
        found: dict[int, tuple[Reconstruction | Refusal, Fine | None]] = {}
        read: dict[int, Given] = {}
        for place, picture in enumerate(pictures):
            if stopped():
                break
            try:
                read[place] = self._read(picture, mask_of and mask_of(picture), refine)
            except (ValueError, OSError, MemoryError) as error:
                name = str(picture) if isinstance(picture, (str, Path)) else "the picture"
                found[place] = Refusal(name, sentence(error)), None
            pixels = sum(given.image.width * given.image.height for given in read.values())
            if pixels >= AT_ONCE or place == len(pictures) - 1:
                found |= zip(read, self._reconstruct(list(read.values()), refine), strict=True)
                read = {}
        return [found[place] for place in sorted(found)]

    def _read(self, picture: Picture, mask: Picture | None, refine: bool) -> Given:
        largest = LARGEST if refine else max(COARSE, TIMES * self.resolution)
        if mask is None:
            photo = read_photo(picture, self.resolution, largest)
            cutout = Cutout.of_foreground(photo.alpha) if photo.alpha else None
            return Given(photo.name, photo.image, photo.notes, cutout, "alpha" if photo.alpha else "")
        whole, size, notes = photograph(picture, largest)
        name = str(picture) if isinstance(picture, (str, Path)) else "the picture"
        cutout = Cutout.of_mask(scaled_mask(as_mask(mask, size), whole.size))
        return Given(name, on_white(whole), notes, cutout, "given")

    def _reconstruct(self, given: Sequence[Given], refine: bool) -> list[tuple[Reconstruction, Fine | None]]:
        """What is made of pictures before they are refined, and what that needs; None where there is no need."""
        if not given:
            return []
        unknown = iter(self.segmenter.cut_outs([one.image for one in given if one.cutout is None]))
        cutouts = [next(unknown) if one.cutout is None else one.cutout for one in given]
        sight = self.see([one.image for one in given], cutouts)
        rows = sight.masks.flatten(1).any(1).nonzero().flatten()
        overlap = torch.zeros(len(given))
        if len(rows):
            opinion = None if sight.opinion is None else sight.opinion[rows]
            meshes, cameras, overlap[rows] = reconstruct_and_compare(
                sight.images[rows], sight.masks[rows], self.model, opinion=opinion
            )
        places = {row: place for place, row in enumerate(rows.tolist())}
        results = []
        for row, (one, verdict) in enumerate(zip(given, self.domain.judge(sight, self.model, overlap), strict=True)):
            place, own = places.get(row), one.cutout is None
            result = Reconstruction(
                one.name,
                sight.images[row : row + 1],
                sight.masks[row : row + 1],
                verdict,
                None if place is None else meshes[place],
                None if place is None else cameras[place],
                None,
                self.segmenter.source if own else one.source,
                one.notes,
                self.segmenter.advice if own and not verdict.in_domain else "",
            )
            fits = refine and place is not None
            window = None
            if fits:
                reading = sight.read(self.model, torch.tensor([row]))
                window = *fine(one.image, cutouts[row], sight.corners[row], self.resolution), reading
            results.append((result, window))
        return results

    def _refined(self, result: Reconstruction, window: Fine | None) -> Reconstruction:
        if window is None or result.mesh is None:
            return result
        picture, mask, reading = window
        hypotheses = refine_hypotheses(result.mesh, reading, result.image, result.mask)
        mesh, camera = fit_photo(result.mesh, hypotheses.best(), picture, mask)
        return replace(result, mesh=mesh, camera=camera, hypotheses=hypotheses)

    def judge(self, photos: Sequence[Image.Image]) -> list[Verdict]:
        """The verdicts on photographs, without their reconstructions."""
        return self.domain.judge(self.see(photos), self.model)

    def see(self, photos: Sequence[Image.Image], cutouts: Sequence[Cutout] | None = None) -> Sight:
        """What f sees of photographs, cut out by the segmenter or, where `cutouts` are given, by somebody else."""
        cutouts = self.segmenter.cut_outs(photos) if cutouts is None else cutouts
        return see(photos, cutouts, self.segmenter, self.model, self.framing, self.camera)


def fine(photo: Image.Image, cutout: Cutout, corner: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
    """A window of a photograph at its own resolution, [1, 3, S, S], `resolution` to FINE pixels, and the mask in it."""
    square, outline = whole_square(photo), square_outline(cutout.outline)
    size = max(resolution, min(FINE, round(float(corner[2]) * square.width)))
    left, top, side = corner.tolist()
    return cut_window(square, left, top, side, size), window_mask(outline, corner, size)
