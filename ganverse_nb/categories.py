"""What is known of a category, as data: of the three that come with the package, and of one's own in a TOML file.

This is the one place outside of the studio and the shipped weights where a category's name decides anything. What the
studio knows of its objects, how they are built and painted, is `studio.categories`.

Examples:
    >>> find_category("horse").masks
    (0.05, 1.0)
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ganverse_nb.runtime.errors import SettingError, sentence
from ganverse_nb.runtime.settings import later

SYMMETRIES, POSES = ("left-right", "none"), ("upright", "free")
FITTED = "fitted"  # a template, in a file


@dataclass(frozen=True)
class PaperFacts:
    """What the paper did with a category of its own.

    Attributes:
        network: file of the GAN that profile `paper` looks for in `gans/`, and its `resolution` in pixels.
        photographs: folder of annotated photographs, as its archive unpacks; "" where nobody annotated such.
        contents, views, kept, kept_share: of its multi-view dataset.
    """

    network: str
    resolution: int
    photographs: str
    contents: int
    views: int
    kept: int
    kept_share: float


@dataclass(frozen=True)
class Category:
    """One kind of object, whoever has it.

    Attributes:
        name: small letters, digits and underscores.
        plural: in words; "" for the name with an s.
        coco: COCO's word for it, where that is not its name; its Mask R-CNN then makes masks.
        template: half axes x, y, z, in world units, of the ellipsoid that is deformed; None: fitted to the masks.
        symmetry: "left-right" where objects mirror each other in their middle plane (x = 0), or "none".
        masks: the smallest and the largest share of the picture that an object may cover.
        pose: "upright", or "free" where objects are also seen steeply from above and from below.
        truncation: of contents, in (0, 1]; below 1 they vary less and are drawn better.
        views: how many view codes are looked for around the object.
        images: folder of pictures that a GAN is trained on; "" for the studio's.
        source: the file that all this was read from; "" of the package's own.
        patience: of the pose regressor's training, how many times as long it is, where parts of the objects mislead it.
        paper: what the paper did with it; None where it did nothing.
        kin: what it is one of, where parts of one kind look like another's: "animal".
        keypoints: names of points that can be marked on an object (notebook 03); those on its two sides begin with
            left_ and right_.
    """

    name: str
    plural: str = ""
    coco: str = ""
    template: tuple[float, float, float] | None = None
    symmetry: str = "left-right"
    masks: tuple[float, float] = (0.05, 0.9)
    pose: str = "upright"
    truncation: float = 0.8
    views: int = 24
    images: str = ""
    source: str = ""
    patience: int = 1
    paper: PaperFacts | None = None
    keypoints: tuple[str, ...] = later(())
    kin: str = later("")

    @property
    def objects(self) -> str:
        """Several of them, in words."""
        return self.plural or f"{self.name}s"

    @property
    def is_own(self) -> bool:
        """Whether it is a user's, of which the studio has no photos and the package no networks."""
        return self.name not in CATEGORIES


TEMPLATE = (0.22, 0.17, 0.5)  # of a car's size; it serves the studio's animals, too
CATEGORIES = {
    category.name: category
    for category in (
        Category(
            "car",
            "cars",
            "car",
            TEMPLATE,
            masks=(0.10, 1.0),
            truncation=1.0,
            # 2048 + 3008 styles, 512 x 384 pixels
            paper=PaperFacts("stylegan2-car-config-e", 512, "PASCAL3D+_release1.1", 6000, 39, 55429, 0.237),
        ),
        Category(
            "horse",
            "horses",
            "horse",
            TEMPLATE,
            masks=(0.05, 1.0),  # 9 to 14 of 100 photos of the animals show less than 0.1
            truncation=1.0,
            paper=PaperFacts("stylegan2-horse-config-f", 256, "", 1000, 22, 16392, 0.745),
            kin="animal",
        ),
        Category(
            "bird",
            "birds",
            "bird",
            TEMPLATE,
            masks=(0.05, 1.0),
            truncation=0.8,  # the worst view code slips by 8 degrees, not 14
            patience=3,  # folded and spread wings fool the regressor: 4.4 degrees wrong on photos, then 2.7
            paper=PaperFacts("bird", 256, "CUB_200_2011", 1000, 8, 7948, 0.994),
            kin="animal",
        ),
    )
}
_TURNED_ANIMALS = {  # how their StyleGAN-R keeps to the scene that it is asked for
    "overlap": ">= 0.82",
    "azimuth_error_deg": "<= 5",
    "azimuth_error_p90_deg": "<= 15",
    **{f"{how}{what}_correlation": ">= 0.9" for how in ("", "fitted_") for what in ("elevation", "scale")},
    **{f"{how}{what}_gain": ">= 0.8" for how in ("", "fitted_") for what in ("elevation", "scale")},
}
_ANIMALS = {
    "inverse.gan_test_iou": ">= 0.9",
    "inverse.gan_novel_view_iou": ">= 0.84",
    **{f"consistency.stylegan_r.{name}": bar for name, bar in _TURNED_ANIMALS.items()},
}
FULL_BARS: dict[str, dict[str, str]] = {  # what profile `full` is held to, where every other is held to something else
    "car": {
        "gan.view_deviation_deg": "<= 4",
        "inverse.gan_test_iou": ">= 0.95",
        "inverse.gan_novel_view_iou": ">= 0.92",
        "truth.chamfer": "<= 0.016",
        "truth.volume_iou": ">= 0.82",
        "consistency.stylegan_r.overlap": ">= 0.92",
        "consistency.stylegan_r.azimuth_error_deg": "<= 2",
        "consistency.stylegan_r.azimuth_error_p90_deg": "<= 5",
        "consistency.stylegan_r.kid": "<= 1.2 x consistency.gan.kid",
        "runtime.total_minutes": "<= 120",
    },
    "horse": {
        **_ANIMALS,
        "truth.chamfer": "<= 0.022",
        "truth.volume_iou": ">= 0.65",
        "runtime.total_minutes": "<= 120",
    },
    "bird": {
        **_ANIMALS,
        "truth.chamfer": "<= 0.018",
        "truth.volume_iou": ">= 0.72",
        "runtime.total_minutes": "<= 120",
    },
}
DEFAULT = next(iter(CATEGORIES))  # the category that is meant where none is given, and that of the paper's numbers


def paper_facts(name: str) -> dict[str, Any]:
    """Category -> one of the `PaperFacts`, of those that the paper has."""
    return {c.name: getattr(c.paper, name) for c in CATEGORIES.values() if c.paper}


def find_category(given: str | Path | Mapping[str, Any] | Category) -> Category:
    """A category by the name of one of the package's, by its TOML file, or by what a run's config.json says of it.

    Raises:
        SettingError: unknown, or a file that cannot be used; the message says what to do.
    """
    if isinstance(given, Category):
        return given
    if isinstance(given, Mapping):
        return _made(given, "config.json", ("patience", "paper"))
    if str(given) in CATEGORIES:
        return CATEGORIES[str(given)]
    if str(given).endswith(".toml"):
        return read_category(given)
    known = ", ".join(CATEGORIES)
    begin = f"Unknown category {given!r}; the categories of the package are {known}."
    if not re.fullmatch(NAME, str(given)):
        raise SettingError(f"{begin} One of your own is named by its file, as in --category mug.toml.")
    raise SettingError(
        f"{begin} For pictures of your own, `ganverse new-category {given} --images FOLDER` writes {given}.toml; then "
        f"give --category {given}.toml."
    )


NAME = r"[a-z0-9][a-z0-9_]*"


def own_category(name: str, **known: Any) -> Category:
    """A user's category, checked.

    Raises:
        SettingError: a name that is none or that the package has, or a value that is not understood.
    """
    return _checked(Category(name, **known), "This category")


def read_category(path: str | Path) -> Category:
    """A category of one's own from its TOML file; `images` in it is meant from the folder of the file.

    Raises:
        SettingError: no such file, no TOML, an unknown key, or a value that is not understood.
    """
    path = Path(path).expanduser().absolute()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingError(
            f"There is no file {path} of a category; `ganverse new-category NAME --images FOLDER` writes one."
        ) from None
    except OSError as error:
        raise SettingError(sentence(error)) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"{path} cannot be read as TOML ({error}).") from None
    images = content.get("images", "")
    if isinstance(images, str) and images:
        content["images"] = str(path.parent / Path(images).expanduser())
    return _made(content | {"source": str(path)}, str(path))


def _made(content: Mapping[str, Any], where: str, others: tuple[str, ...] = ()) -> Category:
    keys = [field.name for field in fields(Category) if field.name not in ("patience", "paper")]
    unknown = [key for key in content if key not in (*keys, *others)]
    if unknown:
        named = ", ".join(map(repr, unknown))
        raise SettingError(
            f"{where} has the unknown key{'s' * (len(unknown) > 1)} {named}; a category has "
            f"{', '.join(k for k in keys if k != 'source')}."
        )
    if "name" not in content:
        raise SettingError(f'{where} has no name; write one, as in name = "mug".')
    known: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in content.items()}
    if known.get("template") == FITTED:
        known["template"] = None
    return _checked(Category(**known), where)


def _checked(category: Category, where: str) -> Category:
    def refuse(what: str) -> None:
        raise SettingError(f"{where}: {what}.")

    c = category
    if not isinstance(c.name, str) or not re.fullmatch(NAME, c.name):
        refuse(f"a category's name has small letters, digits and underscores, got {c.name!r}")
    if c.name in CATEGORIES:
        refuse(
            f"{c.name!r} is a category of the studio; give pictures of your own another name, as in my_{c.name}",
        )
    for name in ("plural", "coco", "images", "source"):
        if not isinstance(getattr(c, name), str):
            refuse(f"{name} is text in quotation marks, got {getattr(c, name)!r}")
    if c.template is not None and not _numbers(c.template, 3, 0.0, 2.0):
        refuse(f'template is "fitted" or three half axes, as in [0.2, 0.2, 0.5], got {c.template!r}')
    if c.symmetry not in SYMMETRIES:
        refuse(f"symmetry is one of {', '.join(SYMMETRIES)}, got {c.symmetry!r}")
    if c.pose not in POSES:
        refuse(f"pose is one of {', '.join(POSES)}, got {c.pose!r}")
    if not _numbers(c.masks, 2, 0.0, 1.0) or c.masks[0] >= c.masks[1]:
        refuse(f"masks is the smallest and the largest share of a picture, as in [0.05, 0.9], got {c.masks!r}")
    if not _numbers((c.truncation,), 1, 0.0, 1.0):
        refuse(f"truncation is a number above 0 and at most 1, got {c.truncation!r}")
    points = c.keypoints
    if not (isinstance(points, tuple) and all(isinstance(p, str) and re.fullmatch(NAME, p) for p in points)):
        refuse(f'keypoints is a list of names, as in ["left_handle", "right_handle", "rim"], got {points!r}')
    if len(set(points)) != len(points):
        refuse(f"keypoints names a point twice: {max(points, key=points.count)!r}")
    if isinstance(c.views, bool) or not isinstance(c.views, int) or not 4 <= c.views <= 200:
        refuse(f"views is a whole number from 4 to 200, got {c.views!r}")
    return category


def _numbers(values: Any, count: int, low: float, high: float) -> bool:
    """Whether these are so many numbers, above `low` and at most `high`."""
    if not isinstance(values, tuple) or len(values) != count:
        return False
    return all(isinstance(v, (int, float)) and not isinstance(v, bool) and low < v <= high for v in values)
