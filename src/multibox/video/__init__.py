"""Videos: frames of files, cameras and streams, detections in them, tracks, and MP4 files with what was found."""

from multibox.video.frame import Frame
from multibox.video.frames import frames
from multibox.video.tracks.tracker import Tracker, TrackerSettings

__all__ = ["Frame", "Tracker", "TrackerSettings", "frames"]
