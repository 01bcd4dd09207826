"""OpenVINO itself: its import, and the one Core of this process."""

from functools import cache
from typing import TYPE_CHECKING, Any

from multibox.errors import UsageError
from multibox.words import pip_install

if TYPE_CHECKING:
    from openvino import Core


def import_openvino() -> Any:
    """Import the package; raises UsageError if it is missing."""
    try:
        import openvino
    except ImportError:
        raise UsageError(f"OpenVINO is not installed: {pip_install('openvino')}, or choose another engine") from None
    return openvino


@cache
def openvino_core() -> "Core":
    """The Core of this process, which is never freed.

    OpenVINO's CPU plugin gives the thread that loads it an alternate signal stack, and frees the stack with the plugin.
    If another thread frees the plugin, the next signal that Python handles in the first thread, such as Ctrl-C, ends
    the process with a segmentation fault (seen with OpenVINO 2026.4).
    """
    return import_openvino().Core()
