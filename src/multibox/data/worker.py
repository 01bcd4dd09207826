"""What a process that only makes training samples sets up for itself."""

import cv2
import torch

from multibox.process import keep_freed_memory, one_blas_thread

_KEPT = 256 << 20


def settle() -> None:
    """One thread for OpenCV, torch and OpenBLAS, since there is a process for each core; freed memory is kept.

    A sample goes through arrays of a megabyte or two, which the kernel would clear anew for each: a third of the time
    where Lanczos and its like are drawn.
    """
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    one_blas_thread()
    keep_freed_memory(block=_KEPT)
