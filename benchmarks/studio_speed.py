"""Photos per second of the studio's two editions: `python -m benchmarks.studio_speed [category]`.

Batches of the two editions take turns, so that whatever else the machine does slows both; the ratio of the processor
times is what can be compared between machines.
"""

from __future__ import annotations

import sys
import time
from statistics import median

from ganverse_nb.studio.photos import BATCH, make_photos

ORDERS = ((1, 64), (2, 64), (1, 128), (2, 128))  # edition, pixels
ROUNDS = 5


def measure(category: str, rounds: int = ROUNDS) -> dict[tuple[int, int], tuple[float, float]]:
    """Median processor time and wall time, in milliseconds per photo, of each of ORDERS."""
    times: dict[tuple[int, int], list[tuple[float, float]]] = {order: [] for order in ORDERS}
    for edition, resolution in ORDERS:
        make_photos(category, BATCH, 0, resolution, edition=edition)  # kernels are compiled
    for number in range(rounds):
        for edition, resolution in ORDERS:
            began = time.process_time(), time.perf_counter()
            make_photos(category, BATCH, 1 + number, resolution, edition=edition)
            spent = time.process_time() - began[0], time.perf_counter() - began[1]
            times[edition, resolution].append((1e3 * spent[0] / BATCH, 1e3 * spent[1] / BATCH))
    return {order: (median(t[0] for t in some), median(t[1] for t in some)) for order, some in times.items()}


def main() -> None:
    """Prints the table."""
    category = sys.argv[1] if len(sys.argv) > 1 else "car"
    found = measure(category)
    base = found[1, 64][0]
    print(f"{category}: edition, pixels, processor ms and wall ms per photo, photos/s (wall), of edition 1 at 64 px")
    for (edition, resolution), (processor, wall) in found.items():
        print(f"{edition} {resolution:5d} {processor:7.1f} {wall:7.1f} {1e3 / wall:7.1f} {processor / base:6.2f}")


if __name__ == "__main__":
    main()
