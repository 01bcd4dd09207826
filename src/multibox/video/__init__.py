"""Videos: frames of files, cameras and streams, detections in them, tracks, and MP4 files with what was found."""

from multibox.video.frame import Frame
from multibox.video.frames import frames

__all__ = ["Frame", "frames"]
