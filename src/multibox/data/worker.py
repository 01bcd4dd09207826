"""What a process that only makes training samples sets up for itself."""

import ctypes
import sys
from pathlib import Path

import cv2
import torch

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # parameters of mallopt in glibc's malloc.h
_KEPT = 256 << 20
_BLAS_SETTERS = ("scipy_openblas_set_num_threads64_", "openblas_set_num_threads64_", "openblas_set_num_threads")


def settle() -> None:
    """One thread for OpenCV, torch and OpenBLAS, since there is a process for each core; freed memory is kept.

    The matrix products of a sample are so small that OpenBLAS's threads would spend their time waiting for each other:
    on two cores a sample would take five times as much of the processor's time.
    A sample goes through arrays of a megabyte or two. Left alone, glibc gives such memory back after every sample, and
    the kernel clears it again for the next one, which takes a third of the time where Lanczos and its like are drawn.
    """
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    if sys.platform == "linux":
        _one_blas_thread()
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries may lack it
        if mallopt is not None:
            mallopt(_MMAP_THRESHOLD, _KEPT)
            mallopt(_TRIM_THRESHOLD, 2 * _KEPT)


def _one_blas_thread() -> None:
    """For every OpenBLAS that is loaded: packages bring their own, whose functions have different names."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    for path in {line.split(maxsplit=5)[5] for line in lines if "openblas" in line}:
        library = ctypes.CDLL(path)
        for name in _BLAS_SETTERS:
            if hasattr(library, name):
                getattr(library, name)(1)
