"""The kernels compile for CUDA where there is none, and as what they rely on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import warp as wp

from ganverse_nb.render.kernels import silhouette, visibility

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="Warp brings no CUDA compiler to macOS")


def ptx(kernel: wp.Kernel, folder: Path) -> str:
    wp.compile_aot_module(kernel.module, arch=80, module_dir=folder, use_ptx=True)
    (compiled,) = folder.glob("*.ptx")
    return compiled.read_text()


@pytest.mark.parametrize("real", [wp.float32, wp.float64])
def test_the_product_is_atomic_on_cuda(real: type, tmp_path: Path) -> None:
    assert "atom.global.cas" in ptx(silhouette.kernels(real).forward, tmp_path).replace("relaxed.gpu.", "")


def test_edges_are_not_fused(tmp_path: Path) -> None:
    """Fused multiplication and addition would give the two faces at an edge different values of it."""
    compiled = ptx(visibility.kernels(wp.float32).zbuffer, tmp_path)
    assert "mul.f32" in compiled.replace(".rn", "") and "fma." not in compiled
