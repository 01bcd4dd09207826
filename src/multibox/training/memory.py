"""Memory habits of the C library, which cost a quarter of a training step on a processor."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_* of malloc.h


def keep_freed_memory() -> bool:
    """Let the process keep large blocks that are freed, for the next step to use; False where that is not possible.

    By default glibc gives each one back to the system, and every step pays the page faults of getting it again. The
    process holds its largest amount until it ends. Only glibc has these settings.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, 1 << 30)) and bool(mallopt(_TRIM_THRESHOLD, 2**31 - 1))
