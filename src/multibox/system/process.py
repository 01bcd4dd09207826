"""Habits of a process that computes: what the C library does with freed memory, how many threads OpenBLAS takes."""

import ctypes
import sys
from pathlib import Path

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # parameters of mallopt in glibc's malloc.h
_BLAS_SETTERS = ("scipy_openblas_set_num_threads64_", "openblas_set_num_threads64_", "openblas_set_num_threads")


def keep_freed_memory(*, block: int = 1 << 30) -> bool:
    """Let the process keep freed blocks of up to `block` bytes for its next use; False where that cannot be said.

    By default glibc gives large blocks back to the system, and whoever needs memory next pays the page faults of
    getting it again: a quarter of a training step on a processor. The process holds its largest amount until it ends.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:  # other C libraries lack it
        return False
    return bool(mallopt(_MMAP_THRESHOLD, block)) and bool(mallopt(_TRIM_THRESHOLD, 2**31 - 1))


def one_blas_thread() -> None:
    """One thread for NumPy's matrix products, which in samples are so small that threads wait for each other.

    On two cores a sample would take five times as much of the processor's time. Goes through every OpenBLAS that is
    loaded but torch's: packages bring their own, whose functions have different names.
    """
    if sys.platform != "linux":
        return
    lines = Path("/proc/self/maps").read_text().splitlines()
    for path in {line.split(maxsplit=5)[5] for line in lines if "openblas" in line and "torch" not in line}:
        library = ctypes.CDLL(path)
        for name in _BLAS_SETTERS:
            if hasattr(library, name):
                getattr(library, name)(1)
