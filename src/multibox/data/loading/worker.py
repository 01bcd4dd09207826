"""Settings of a process that does nothing but make training samples."""

import signal

import cv2
import torch

from multibox.system.process import keep_freed_memory, one_blas_thread

_LARGEST_KEPT_BLOCK = 256 << 20  # bytes


def use_one_core() -> None:
    """Use one thread in OpenCV, torch and OpenBLAS, because each core has its own process, and keep freed memory.

    Each sample allocates arrays of one or two megabytes. If they were returned to the kernel, it would have to clear
    them for each sample, which takes a third of the time with Lanczos and the other slow interpolations.
    """
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    one_blas_thread()
    keep_freed_memory(block=_LARGEST_KEPT_BLOCK)


def leave_stopping_to_parent() -> None:
    """Ignore Ctrl-C and the first SIGTERM, which terminals and schedulers send to all processes of a command.

    The parent process finishes its step with the next samples, then ends its workers. A second SIGTERM ends this one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: signal.signal(signal.SIGTERM, signal.SIG_DFL))
