"""Tracks and counts added to what was found in a frame, and how they are drawn."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import UInt8

from multibox.detections import Detections
from multibox.drawing.colors import class_color
from multibox.drawing.paths import Shape, draw_paths, draw_shapes
from multibox.size import Size
from multibox.video.detecting import Found
from multibox.video.tracks.counting import Anchor, Line, TrackCounter, Zone
from multibox.video.tracks.track import Track
from multibox.video.tracks.tracker import Tracker, TrackerSettings


@dataclass(frozen=True)
class Following:
    """What is followed and counted."""

    settings: TrackerSettings = field(default_factory=TrackerSettings)
    lines: tuple[Line, ...] = ()
    zones: tuple[Zone, ...] = ()
    anchor: Anchor = "center"

    def check(self) -> None:
        """Raise UsageError for two lines or zones of one name."""
        TrackCounter(lines=self.lines, zones=self.zones)


class Follower:
    """Gives the detections of one video their tracks, frame by frame, and counts them. Ids begin with `first_id`."""

    def __init__(self, following: Following, *, first_id: int = 1) -> None:
        self._tracker = Tracker(following.settings, first_id=first_id)
        self._counter = TrackCounter(lines=following.lines, zones=following.zones, anchor=following.anchor)
        self.numbers: dict[str, int] = {}
        self._counted: set[int] = set()

    @property
    def counts(self) -> dict[str, Any]:
        """The counts of lines and zones, as `TrackCounter.to_json` returns them."""
        return self._counter.to_json()

    def follow(self, found: Found) -> Found:
        """The detections with ids, the tracks and counts for JSON, and what is drawn of them."""
        detections = self._tracker.update(found.detections, time=found.frame.time)
        tracks, size = self._tracker.tracks, detections.image_size
        self._counter.update(tracks, size=size, alive=self._tracker.ids)
        self._count(tracks)
        extra: dict[str, Any] = {"tracks": [track.to_json() for track in tracks]}
        if counts := self.counts:
            extra["counts"] = counts
        return Found(found.frame, detections, extra, self._drawn(tracks, detections.class_names, size))

    def _count(self, tracks: tuple[Track, ...]) -> None:
        """Add new tracks to the numbers by class."""
        self._counted &= self._tracker.ids
        for track in tracks:
            if track.id not in self._counted:
                self._counted.add(track.id)
                self.numbers[track.name] = self.numbers.get(track.name, 0) + 1

    def _drawn(self, tracks: tuple[Track, ...], class_names: tuple[str, ...], size: Size) -> "TracksDrawn":
        counts = self.counts
        shapes = [
            Shape(np.array([line.start, line.end]), _line_rows(line.name, counts["lines"][line.name]))
            for line in self._counter.lines
        ]
        shapes += [
            Shape(np.array(zone.corners), _zone_rows(zone.name, counts["zones"][zone.name]))
            for zone in self._counter.zones
        ]
        trails = [(track.id, np.array([point[1:] for point in track.trail])) for track in tracks]
        return TracksDrawn(_as_detections(tracks, class_names, size), tuple(trails), tuple(shapes))


@dataclass(frozen=True, eq=False)
class TracksDrawn:
    """Boxes of tracks, their trails by id, and lines and zones with their counts, as they are at one frame."""

    boxes: Detections
    trails: tuple[tuple[int, np.ndarray], ...]
    shapes: tuple[Shape, ...]

    def draw(self, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
        """A copy of the image with all of them."""
        canvas = np.array(image)
        draw_shapes(canvas, self.shapes)
        draw_paths(canvas, [(points, class_color(number)) for number, points in self.trails])
        return self.boxes.draw(canvas)


def _as_detections(tracks: tuple[Track, ...], class_names: tuple[str, ...], size: Size) -> Detections:
    """The estimated boxes of tracks, best score first."""
    ordered = sorted(tracks, key=lambda track: -track.score)
    limits = np.array([size.width, size.height] * 2, dtype=np.float32)
    return Detections(
        np.clip(np.array([track.box for track in ordered], dtype=np.float32).reshape(-1, 4), 0, limits),
        np.array([track.score for track in ordered], dtype=np.float32),
        np.array([track.label for track in ordered], dtype=np.int64),
        class_names,
        size,
        tracks=np.array([track.id for track in ordered], dtype=np.int64),
        priors=np.full(len(ordered), -1),
    )


def _line_rows(name: str, counts: dict[str, dict[str, int]]) -> tuple[str, ...]:
    return (name, f"right: {_numbers(counts['to_right'])}", f"left: {_numbers(counts['to_left'])}")


def _zone_rows(name: str, counts: dict[str, dict[str, int]]) -> tuple[str, ...]:
    return (name, f"inside: {_numbers(counts['inside'])}", f"entered: {_numbers(counts['entered'])}")


def _numbers(counts: dict[str, int]) -> str:
    """3 person, 1 dog"""
    return ", ".join(f"{number} {name}" for name, number in counts.items()) or "0"
