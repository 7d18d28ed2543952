"""The user study (appendix F): what its raters see (Fig I), and its tables (1c = B a, and B b)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from PIL import Image
from tqdm.auto import tqdm

from ganverse_nb.evaluation.user_study.analysis import StudyResult
from ganverse_nb.evaluation.user_study.answers import Votes
from ganverse_nb.evaluation.user_study.survey import QUESTIONS, Comparison, Survey
from ganverse_nb.figures.style import BLUE, CAPTION, FONT, LIGHT, MARGIN, empty_figure, inches_axes, styled
from ganverse_nb.figures.tables import number_table
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.render.shots import orbit_views, plain, textured
from ganverse_nb.studio.photos import Photos

AZIMUTHS = [30.0, 90.0, 150.0, 210.0, 270.0, 330.0]
DISTANCE = 2.7  # objects longer than 1, or off centre, fit as well into the picture
SIDE = 128  # pixels of each view
ORDER = ("overall", "shape", "texture")  # as the paper's tables have it
PERCENT = 100.0
SQUARE = 1.5  # inches of the input picture in Figure I


def with_balls(mesh: Mesh, count: int) -> Mesh:
    """The meshes, but the last `count` are grey balls: results that nobody can prefer."""
    assert mesh.texture is not None
    vertices, texture = mesh.vertices.clone(), mesh.texture.clone()
    vertices[-count:] = 0.3 * torch.nn.functional.normalize(vertices[-count:], dim=-1)
    texture[-count:] = 0.5
    return replace(mesh, vertices=vertices, texture=texture)


def comparisons(photos: Photos, first: Mesh, second: Mesh, checks: int = 0) -> list[Comparison]:
    """Each photograph with both systems' results from six sides; the last `checks` are attention checks."""
    shown = []
    for i, picture in enumerate(tqdm(photos.image(), "drawing the survey", leave=False)):
        both = [orbit_views(mesh[i], AZIMUTHS, distance=DISTANCE) for mesh in (first, second)]
        shapes = torch.stack([plain(*views, SIDE) for views in both])
        painted = torch.stack([textured(*views, SIDE) for views in both])
        shown.append(Comparison(picture, shapes, painted, check=i >= len(photos) - checks))
    return shown


@styled
def study_interface(survey: Survey) -> Figure:
    """Figure I: the first comparison that is no attention check as raters see it, with its three questions."""
    item = next(item for item in survey.items if not item.check)
    picture, first, second = (_pixels(survey.picture(item.id, name)) for name in ("input", "a", "b"))
    wide, gap, line = 6.0, 0.32, 0.24
    high = wide * first.shape[0] / first.shape[1]
    left = MARGIN + SQUARE + 0.25
    below = len(QUESTIONS) * 2 * line + 0.2
    figure = empty_figure(left + wide + MARGIN, 2 * (high + gap) + below + 2 * MARGIN)
    axes = inches_axes(figure)
    top = 2 * (high + gap) + below + MARGIN + CAPTION
    _place(axes, picture, MARGIN, top - gap - SQUARE, SQUARE, SQUARE, "Input")
    for index, views in enumerate((first, second)):
        y = top - (index + 1) * (gap + high)
        _place(axes, views, left, y, wide, high, f"Trial {index + 1}")
    width, height = figure.get_size_inches()
    axes.set(xlim=(0, width), ylim=(0, height))  # pictures move them
    y = top - 2 * (gap + high) - 0.2
    for name, text in QUESTIONS.items():
        axes.text(MARGIN, y, f"{name.capitalize()}.", ha="left", va="center", fontweight="bold")
        axes.text(MARGIN + 0.75, y, text, ha="left", va="center")
        for option, x in (("Trial 1", 0.0), ("Trial 2", 1.1), ("No preference", 2.2)):
            axes.add_patch(Circle((MARGIN + 0.82 + x, y - line), 0.05, fill=False, color=BLUE))
            axes.text(MARGIN + 0.94 + x, y - line, option, ha="left", va="center", fontsize=FONT - 1)
        y -= 2 * line
    return figure


def preference_table(votes: Votes, results: Mapping[str, StudyResult]) -> Figure:
    """Tables 1c and B (a): shares of the votes in percent with 95 % intervals (items resampled)."""
    columns, groups = [], {}  # type: list[str], dict[str, tuple[int, int]]
    for question in ORDER:
        groups[question] = (len(columns), len(columns) + 2)
        columns += ["%", "from", "to"]
    rows = []
    for index, name in enumerate((*votes.systems, "no preference")):
        found = [results[question].preference for question in ORDER]
        rows.append((name, [PERCENT * x for p in found for x in (p.share[index], *p.bootstrap[index])]))
    return number_table(columns, rows, formats=[".1f"] * 9, groups=groups, total=False, title=_who(votes))


def agreement_table(votes: Votes, results: Mapping[str, StudyResult]) -> Figure:
    """Table B (b), transposed, with what tells agreement and preference from chance. In percent but for kappa and p."""
    groups = {"raters agree": (0, 4), "comparisons": (5, 7), "shown first": (8, 9)}
    columns = ["all", "two", "none", "≥ 2 by chance", "κ", "won", "lost", "p", "%", "p"]
    rows = []
    for question in ORDER:
        a, p, place = results[question].agreement, results[question].preference, results[question].position
        shares = [PERCENT * x for x in (a.all_agree, a.some_agree, a.none_agree, a.chance)]
        rows.append((question, [*shares, a.kappa, p.wins, p.losses, p.p_value, PERCENT * place.share, place.p_value]))
    formats = [".1f", ".1f", ".1f", ".1f", ".3f", "d", "d", ".2g", ".1f", ".2g"]
    return number_table(columns, rows, formats=formats, groups=groups, total=False, title=_who(votes))


def _who(votes: Votes) -> str:
    """Whose votes: an automatic rater's must never be taken for people's."""
    if votes.automatic:
        return "Votes of the automatic rater, from three standpoints; no person voted"
    return f"Votes of {len(votes.raters)} people"


def _place(axes: Axes, picture: np.ndarray, x: float, y: float, width: float, height: float, title: str) -> None:
    axes.imshow(picture, extent=(x, x + width, y, y + height), aspect="auto", zorder=1)
    axes.text(x, y + height + 0.05, title, ha="left", va="bottom", fontweight="bold")
    axes.plot([x, x + width, x + width, x, x], [y, y, y + height, y + height, y], color=LIGHT, lw=0.8, zorder=2)


def _pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
