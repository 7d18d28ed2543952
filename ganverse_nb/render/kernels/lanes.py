"""Some neighbouring pixels of a row at once: what is the same for all of them becomes SIMD instructions on a CPU.

LLVM finds those where numbers are stored side by side. Hence `multiply` and `load`, in C++ because Warp takes the
distance between two numbers of an array for unknown; hence also sums that are kept in an array.
"""

from types import SimpleNamespace

import warp as wp

from ganverse_nb.runtime.threads import made_once

LANES = 8  # as many float32 as fill a register of AVX
FLAGS = "-march=native -mllvm=-inline-threshold=9000"  # Warp's own, without its limit on how much becomes SIMD
MULTIPLY = """
    auto* cells = &wp::index(values, b, i, j);
    for (int k = 0; k < LANES; ++k) {
#if defined(__CUDA_ARCH__)
        auto found = cells[k], before = found;
        do {
            before = found;
            found = wp::atomic_cas(cells + k, before, before * factors.c[k]);
        } while (found != before);
#else
        cells[k] *= factors.c[k];
#endif
    }
"""
LOAD = """
    const auto* cells = &wp::index(values, b, i, j);
    wp::vec_t<LANES, wp::REAL> loaded;
    for (int k = 0; k < LANES; ++k)
        loaded.c[k] = cells[k];
    return loaded;
"""


@made_once
def lanes_of(real: type) -> SimpleNamespace:
    """The type `lanes`, and `multiply`, `load` and `total`, for `real` = wp.float32 or wp.float64."""
    lanes = wp.types.vector(LANES, real)
    names = {"LANES": str(LANES), "REAL": real.__name__}

    def native(code: str) -> str:
        for name, value in names.items():
            code = code.replace(name, value)
        return code

    @wp.func_native(native(MULTIPLY))
    def multiply(values: wp.array3d[real], b: int, i: int, j: int, factors: lanes): ...

    @wp.func_native(native(LOAD))
    def load(values: wp.array3d[real], b: int, i: int, j: int) -> lanes: ...

    @wp.func
    def total(v: lanes):
        return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]))

    return SimpleNamespace(lanes=lanes, multiply=multiply, load=load, total=total)
