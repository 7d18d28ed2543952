"""Freed memory is kept for the next step."""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
MOST_KEPT = 512 * 2**20
LARGEST = 32 * 2**20  # the most that glibc takes


def keep_freed_memory() -> bool:
    """Tells glibc to keep up to 512 MiB that were freed; returns whether there is a glibc to tell.

    By default it gives large blocks back to the system at once, and the next step of a training pays for a thousand
    page faults to get them again: a sixth of its time.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, musl, Windows
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST) and mallopt(M_TRIM_THRESHOLD, MOST_KEPT))
