"""Notices that the process is a forked child. Such a child has only one of its parent's threads.

Libraries that started threads in the parent still count on them in the child: the first parallel computation of PyTorch
or OpenCV waits forever. With one thread they compute in the thread that calls, which works.
"""

import os
import sys
from weakref import WeakSet

_generation = 0
_prepared = 0
_owners_of_threads: WeakSet[object] = WeakSet()
_kept: list[object] = []


def generation() -> int:
    """The number of forks between the process that imported this module and the current one."""
    return _generation


def prepare_child() -> None:
    """In a forked child, let PyTorch and OpenCV compute with one thread. Does nothing in other processes."""
    global _prepared
    if _prepared == _generation:
        return
    import cv2

    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    cv2.setNumThreads(0)
    _prepared = _generation


def keep_in_children(owner_of_threads: object) -> None:
    """Never free this object in a forked child, because freeing it waits for its threads, which are not there."""
    _owners_of_threads.add(owner_of_threads)


def _begin_child() -> None:
    global _generation
    _generation += 1
    _kept.extend(_owners_of_threads)


os.register_at_fork(after_in_child=_begin_child)
