"""The bundled GANs of 64 px beside those of 128 px, with the same codes: `python -m benchmarks.large_teachers FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from ganverse_nb.categories import CATEGORIES
from ganverse_nb.gan.generator import Generator

COUNT, SEED = 8, 3


def main(path: Path) -> None:
    """Writes a picture with two rows for each category: 64 px, enlarged, and 128 px."""
    names = [f"{category}{size}" for category in CATEGORIES for size in ("", "-128")]
    figure, axes = plt.subplots(len(names), COUNT, figsize=(COUNT * 1.32, len(names) * 1.32), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    for name, line in zip(names, axes, strict=True):
        with torch.no_grad():
            pictures = Generator.from_pretrained(name).sample(SEED, count=COUNT)
        for picture, axis in zip(pictures, line, strict=True):
            axis.imshow(picture.permute(1, 2, 0).numpy(), interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        line[0].set_ylabel(name, fontsize=9)
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
