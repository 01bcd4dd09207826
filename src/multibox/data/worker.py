"""What a process that only makes training samples sets up for itself."""

import ctypes
import sys

import cv2
import torch

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # parameters of mallopt in glibc's malloc.h
_KEPT = 256 << 20


def settle() -> None:
    """One thread for OpenCV and for torch, since there is a process for each core; freed memory is kept for reuse.

    A sample goes through arrays of a megabyte or two. Left alone, glibc gives such memory back after every sample, and
    the kernel clears it again for the next one, which takes a third of the time where Lanczos and its like are drawn.
    """
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries may lack it
        if mallopt is not None:
            mallopt(_MMAP_THRESHOLD, _KEPT)
            mallopt(_TRIM_THRESHOLD, 2 * _KEPT)
