"""What a process that only makes training samples sets up for itself."""

import signal

import cv2
import torch

from multibox.system.process import keep_freed_memory, one_blas_thread

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


def leave_stopping_to_parent() -> None:
    """Ignore Ctrl-C and the first SIGTERM, which a terminal or a scheduler sends to all processes of a command.

    The parent finishes its step with the samples that come, then ends its workers; a second SIGTERM ends this one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: signal.signal(signal.SIGTERM, signal.SIG_DFL))
