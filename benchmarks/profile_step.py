"""Where the time of a pass goes: `python -m benchmarks.profile_step [pictures pixels faces]`, on the CPU."""

from __future__ import annotations

import sys
import time

from torch.profiler import ProfilerActivity, profile, record_function

from benchmarks.scenes import make_scene, ours
from ganverse_nb.render import launch, rasterize, silhouette, texture

PASSES = 30


def main(batch: int = 16, resolution: int = 64, faces: int = 1280) -> None:
    """Prints the operations that take longest: PyTorch's, and each Warp kernel as `warp: name`."""
    step = ours(make_scene(batch, resolution, faces))
    plain = launch.launch

    def named(kernel, dim, *arguments):
        with record_function(f"warp: {kernel.key.rsplit('.', 1)[-1]} {dim[1:]}"):
            plain(kernel, dim, *arguments)

    for _ in range(5):
        step()
    start = time.perf_counter()
    for _ in range(PASSES):
        step()
    print(f"{(time.perf_counter() - start) / PASSES * 1e3:.2f} ms for a pass without profiling")
    for module in (rasterize, silhouette, texture):
        module.launch = named
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(PASSES):
            step()
    print(found.key_averages().table(sort_by="self_cpu_time_total", row_limit=30, max_name_column_width=45))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
