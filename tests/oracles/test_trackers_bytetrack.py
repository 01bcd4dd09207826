"""Tracks against those of the ByteTrack in the package `trackers` 2.6.1 on detections in two real videos.

`trackers_bytetrack.npz` has, for each video, detections in eighths of a pixel with scores in 255ths, and the ids that
`ByteTrackTracker(lost_track_buffer=30, frame_rate=rate, track_activation_threshold=0.6, high_conf_det_threshold=0.5)`
gave them (-1: none): persons found by lite320-animals, and cars by an SSD MobileNetV2 of Open Images. That
implementation has another Kalman filter and other limits of overlap, so a few frames may differ.
"""

from pathlib import Path

import numpy as np
import pytest

from multibox.detections import Detections
from multibox.size import Size
from multibox.video.tracks.tracker import Tracker, TrackerSettings
from oracles.slow_tracking import Frame, idf1, mota

pytest.importorskip("lap", reason="the package lap is not installed")

RECORDED = np.load(Path(__file__).parents[1] / "data_files" / "trackers_bytetrack.npz")


def both(name: str) -> tuple[list[Frame], list[Frame]]:
    """Boxes by id in each frame: of the package, and of this tracker on the same detections."""
    frames, rate = RECORDED[f"{name}_frames"], float(RECORDED[f"{name}_rate"])
    tracker = Tracker(TrackerSettings(high=0.5, new=0.6, lost=1.0, coast=0))
    theirs, ours = [], []
    for number in range(int(RECORDED[f"{name}_count"])):
        rows = np.flatnonzero(frames == number)
        detections = Detections(
            (RECORDED[f"{name}_boxes"][rows] / 8).astype(np.float32),
            (RECORDED[f"{name}_scores"][rows] / 255).astype(np.float32),
            np.zeros(len(rows), dtype=np.int64),
            (name,),
            Size(432, 768),
        )
        tracked = tracker.update(detections, time=number / rate)
        ours.append(_by_id(detections.boxes, tracked.tracks))
        theirs.append(_by_id(detections.boxes, RECORDED[f"{name}_ids"][rows]))
    return theirs, ours


def _by_id(boxes: np.ndarray, ids: np.ndarray) -> Frame:
    return {int(i): tuple(map(float, box)) for box, i in zip(boxes, ids, strict=True) if i >= 0}


@pytest.mark.parametrize(("name", "agreement"), [("person", 0.99), ("car", 0.9)])
def test_the_same_identities(name: str, agreement: float):
    """IDF1 and MOTA of our tracks with those of the package as truth, and the number of tracks."""
    theirs, ours = both(name)
    assert idf1(theirs, ours) > agreement
    assert mota(theirs, ours) > agreement - 0.1
    assert _ids(ours) == _ids(theirs) == {"person": 6, "car": 4}[name]


def _ids(frames: list[Frame]) -> int:
    return len({identity for frame in frames for identity in frame})
