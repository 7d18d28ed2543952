"""Figures of one's own photo and of the score that says whether its reconstruction can be trusted."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ganverse_nb.evaluation.domain_check import INSIDE, DomainCheck
from ganverse_nb.figures.grid import picture_grid
from ganverse_nb.figures.inverse import TURNS, letterboxed
from ganverse_nb.figures.style import BLACK, BLUE, GREY, ORANGE, plot_figure, styled
from ganverse_nb.geometry.camera import Camera
from ganverse_nb.geometry.mesh import Mesh
from ganverse_nb.inverse_graphics.domain import Verdict
from ganverse_nb.render.shots import orbit_views, textured

LINE = 0.42  # inches per kind of picture
OUTSIDE_GREY = 0.25  # brightness that is left to what the mask leaves out


def photo_card(
    image: Tensor, mask: Tensor, verdict: Verdict, mesh: Mesh | None, camera: Camera | None, size: int = 192
) -> Figure:
    """A photo [1, 3, R, R], its mask [1, 1, R, R] and, if it is in domain, mesh and texture; the verdict above them."""
    cut = image * (mask + OUTSIDE_GREY * (1 - mask)) + (1 - OUTSIDE_GREY) * (1 - mask)
    row, labels = [image[0], cut[0]], ["photo", "object"]
    if verdict.in_domain and mesh is not None and camera is not None and mesh.texture is not None:
        turned = textured(*orbit_views(mesh, TURNS), size)
        row += [textured(mesh, camera, size)[0], *turned, letterboxed(mesh.texture[0])]
        labels += ["reconstruction", *(f"azimuth {turn:.0f}°" for turn in TURNS), "texture"]
    return picture_grid(
        [row], column_labels=labels, column_groups=[2] if len(row) > 2 else [], size=size, title=f"{verdict}"
    )


@styled
def domain_scores(check: DomainCheck) -> Figure:
    """The score of every picture, by kind; those without exactly one object in a column of their own on the right."""
    kinds = list(check.scores)
    figure = plot_figure(6.3, 0.75 + LINE * len(kinds))
    axes = figure.add_subplot()
    known = [score for scores in check.scores.values() for score in scores if score is not None]
    end = 1.1 * max([*known, check.limit])
    beyond, refused = 1.12 * end, 1.3 * end
    rng = torch.Generator().manual_seed(0)
    for place, kind in enumerate(kinds):
        scores = check.scores[kind]
        x = [beyond if score is None else score for score in scores]
        spread = 0.3 if len(x) > 1 else 0.0
        y = (place + spread * (2 * torch.rand(len(x), generator=rng) - 1)).tolist()
        axes.scatter(x, y, s=9, color=BLUE if kind == INSIDE else ORANGE, alpha=0.7, linewidths=0)
        axes.text(refused, place, f"{100 * check.refused(kind):.0f} %", ha="center", va="center")
    axes.axvline(check.limit, color=BLACK, lw=1)
    axes.axvline(1.04 * end, color=GREY, lw=0.6, ls=":")
    axes.text(check.limit, -0.62, " limit", ha="left", va="bottom")
    axes.text(beyond, -0.62, "not one\nobject", ha="center", va="bottom", linespacing=0.95)
    axes.text(refused, -0.62, "refused", ha="center", va="bottom")
    axes.set(ylim=(len(kinds) - 0.4, -0.6), xlim=(min(known, default=0.0) - 0.03 * end, 1.4 * end))
    axes.set_yticks(range(len(kinds)), kinds)
    axes.set_xticks([tick for tick in axes.get_xticks() if 0 <= tick <= end])
    axes.set_xlabel("out-of-domain score", x=end / (2.8 * end), ha="center")
    axes.tick_params(left=False)
    axes.spines["left"].set_visible(False)
    return figure
