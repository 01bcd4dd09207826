"""Process-wide settings: malloc, OpenBLAS threads, garbage collection; the cores that a process may use."""

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # parameters of mallopt in glibc's malloc.h
_BLAS_SETTERS = ("scipy_openblas_set_num_threads64_", "openblas_set_num_threads64_", "openblas_set_num_threads")


def keep_freed_memory(*, block: int = 1 << 30) -> bool:
    """Let the process reuse freed blocks of up to `block` bytes; return False if the C library cannot do that.

    By default glibc returns large blocks to the system, and the next allocation pays for page faults: a quarter of a
    training step on a CPU. With this setting the process holds its peak memory until it ends.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:  # other C libraries do not have it
        return False
    return bool(mallopt(_MMAP_THRESHOLD, block)) and bool(mallopt(_TRIM_THRESHOLD, 2**31 - 1))


def sleep_when_idle() -> None:
    """Let idle threads of OpenMP sleep soon, unless the user has set how they wait.

    Works only before the library is loaded, that is before PyTorch is imported. Threads that spin for long keep cores
    busy that decoding or another process needs; threads that sleep at once make small networks up to twice as slow,
    because each layer wakes them. 1,000 turns are enough from one layer to the next (benchmarks/results/
    2026-11-26-waiting.md).
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")


def one_blas_thread() -> None:
    """Use one thread for NumPy's matrix products; those of training samples are too small for several.

    With two threads a sample takes five times as much processor time. The setting applies to every loaded OpenBLAS
    except torch's: packages bring their own copies, which use different function names.
    """
    if sys.platform != "linux":
        return
    lines = Path("/proc/self/maps").read_text().splitlines()
    for path in {line.split(maxsplit=5)[5] for line in lines if "openblas" in line and "torch" not in line}:
        library = ctypes.CDLL(path)
        for name in _BLAS_SETTERS:
            if hasattr(library, name):
                getattr(library, name)(1)


def own_cores() -> int:
    """Cores that this process may use, which a container or a launcher can limit."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def without_collection() -> Iterator[None]:
    """Pause the garbage collector while millions of objects are made, among which it would search for cycles.

    Objects without cycles are freed as always.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def loading_packages() -> Iterator[None]:
    """Pause the garbage collector while packages are imported, whose objects stay: half a million with PyTorch.

    A process that leaves what it has loaded out of later searches (`gc.freeze`), as a command does, leaves these out,
    too.
    """
    with without_collection():
        yield
        if gc.get_freeze_count():
            gc.freeze()
