"""A window that shows frames while they are processed."""

import os
import sys

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox.errors import UsageError

_QUIT_KEYS = (ord("q"), 27)  # 27 is Escape


class Window:
    """A window on the display of this machine. `closed` becomes True when the user presses q or Escape, or closes it.

    Raises UsageError if there is no display, or OpenCV was built without windows.
    """

    def __init__(self, title: str) -> None:
        require_windows()
        self._title = title
        self.closed = False
        self._open = False

    def show(self, image: UInt8[np.ndarray, "h w 3"]) -> None:
        """Show an RGB image, and look at keys; the window opens with the first image, in its size."""
        if not self._open:
            cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            cv2.resizeWindow(self._title, image.shape[1], image.shape[0])
            self._open = True
        cv2.imshow(self._title, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        key = cv2.waitKey(1)
        self.closed |= key in _QUIT_KEYS or cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1

    def close(self) -> None:
        """Close the window."""
        if self._open:
            cv2.destroyAllWindows()


def require_windows() -> None:
    """Raise UsageError if no window can be opened here."""
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise UsageError("--show needs a display, and DISPLAY is not set: write the video with --out DIR --save-video")
    gui = next((line for line in cv2.getBuildInformation().splitlines() if line.strip().startswith("GUI:")), "NONE")
    if "NONE" in gui:
        raise UsageError(
            "--show needs an OpenCV with windows, and opencv-python-headless has none: pip install opencv-python, or "
            "write the video with --out DIR --save-video"
        )
