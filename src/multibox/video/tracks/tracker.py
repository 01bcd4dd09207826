"""ByteTrack (Zhang et al., ECCV 2022): every detection box is associated, those with low scores in a second step.

The steps are those of the paper's Algorithm 1: low scores are compared with all tracks that remain, lost ones too; the
authors' code takes only those seen in the frame before. Limits of overlap, and scores multiplied with the IoU in the
first step, are those of the authors' code. Times are in seconds, and a track keeps its class, which the paper has not.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int64

from multibox.detections import Detections
from multibox.errors import UsageError
from multibox.pairwise import pairwise_iou
from multibox.size import Size
from multibox.video.tracks.assignment import assign, import_lap, overlap_cost
from multibox.video.tracks.motion import STEP, Motion
from multibox.video.tracks.track import Track

_FIRST, _SECOND, _TENTATIVE = 0.8, 0.5, 0.7
"""Largest costs of a pair in the three associations: with high scores, with low scores, of tracks seen once."""

_SAME_TIME = 1e-6
"""Seconds by which equal times can differ after rounding."""

_SAME = 0.85
"""IoU from which a lost track and a visible one are the same object."""


@dataclass(frozen=True)
class TrackerSettings:
    """Scores and times that decide about tracks.

    Detections with a score of at least `high` are associated first, those from `low` on in a second step, and one from
    `new` on that belongs to no track starts one. A track without detections is still shown for `coast` seconds, where
    it is expected to be, and given up after `lost` seconds.
    """

    high: float = 0.5
    low: float = 0.1
    new: float = 0.6
    lost: float = 1.0
    coast: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= self.new <= 1:
            raise UsageError(
                f"scores of the tracker are low {self.low:g}, high {self.high:g}, new {self.new:g}: "
                "they must not fall, and be between 0 and 1"
            )
        if not 0 < self.lost < float("inf"):
            raise UsageError(f"tracks are given up after {self.lost:g} s; it must be more than 0")
        if not 0 <= self.coast <= self.lost:
            raise UsageError(f"tracks are shown for {self.coast:g} s without detections; it must be 0 to {self.lost:g}")


class Tracker:
    """Follows objects through the frames of one video; tracks keep their class.

    Give it all detections of a frame, with low scores too: they continue tracks through occlusion. Times are in
    seconds and may have any distances. `first_id` is the id of the first track. Raises UsageError if the package lap is
    not installed.
    """

    def __init__(self, settings: TrackerSettings = TrackerSettings(), *, first_id: int = 1) -> None:
        import_lap()
        self._settings = settings
        self._tracks: list[Track] = []
        self._motion = Motion.start(np.zeros((0, 4)))
        self._next_id = first_id
        self._time: float | None = None
        self._size: Size | None = None

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The confirmed tracks that were seen in the last frame, or `coast` seconds before at most, by id."""
        earliest = (self._time or 0.0) - self._settings.coast - _SAME_TIME
        shown = [track for track in self._tracks if track.confirmed and track.seen >= earliest]
        return tuple(sorted(shown, key=lambda track: track.id))

    @property
    def ids(self) -> frozenset[int]:
        """The ids of all tracks that can still be seen again."""
        return frozenset(track.id for track in self._tracks if track.confirmed)

    def update(self, detections: Detections, *, time: float) -> Detections:
        """Associate the detections of the next frame; returns them with the ids of confirmed tracks in `tracks`."""
        first_frame = self._time is None
        self._move(detections.image_size, time)
        matched = np.full(len(detections), -1)  # the row of the track of each detection
        high = np.flatnonzero(detections.scores >= self._settings.high)
        low = np.flatnonzero((detections.scores >= self._settings.low) & (detections.scores < self._settings.high))
        self._associate(detections, high, matched, self._rows(confirmed=True), limit=_FIRST, fused=True)
        remaining = self._free(matched, self._rows(confirmed=True))
        self._associate(detections, low, matched, remaining, limit=_SECOND, fused=False)
        rest = high[matched[high] < 0]
        self._associate(detections, rest, matched, self._rows(confirmed=False), limit=_TENTATIVE, fused=True)
        self._correct(detections, matched, time)
        self._start(detections, rest[matched[rest] < 0], matched, time, confirmed=first_frame)
        alive = self._alive(set(matched[matched >= 0].tolist()))
        id_of = {row: self._tracks[row].id for row in alive if self._tracks[row].confirmed}
        ids = np.array([id_of.get(row, -1) for row in matched.tolist()], dtype=np.int64)
        self._keep(alive)
        return replace(detections, tracks=ids)

    def _move(self, size: Size, time: float) -> None:
        """Move the tracks to a new time, and to a new image size if it changed; drop those lost for too long."""
        if self._size is not None and size != self._size:
            self._motion.scale(size.width / self._size.width, size.height / self._size.height)
        elapsed = 0.0 if self._time is None else max(0.0, time - self._time)
        self._size, self._time = size, time
        self._keep(
            [row for row, track in enumerate(self._tracks) if time - track.seen <= self._settings.lost + _SAME_TIME]
        )
        self._motion.keep_height(self._rows(confirmed=True, lost=True))
        self._motion.predict(elapsed / STEP)

    def _rows(self, *, confirmed: bool, lost: bool | None = None) -> Int64[np.ndarray, " k"]:
        rows = [
            row
            for row, track in enumerate(self._tracks)
            if track.confirmed == confirmed and (lost is None or track.lost == lost)
        ]
        return np.array(rows, dtype=np.int64)

    def _free(self, matched: Int64[np.ndarray, " n"], rows: Int64[np.ndarray, " k"]) -> Int64[np.ndarray, " j"]:
        return rows[~np.isin(rows, matched)]

    def _associate(
        self,
        detections: Detections,
        columns: Int64[np.ndarray, " m"],
        matched: Int64[np.ndarray, " n"],
        rows: Int64[np.ndarray, " k"],
        *,
        limit: float,
        fused: bool,
    ) -> None:
        """Write the rows of tracks to which detections are assigned into `matched`."""
        cost = overlap_cost(
            self._motion.boxes()[rows],
            labels=np.array([self._tracks[row].label for row in rows], dtype=np.int64),
            others=detections.boxes[columns],
            other_labels=detections.labels[columns],
            scores=detections.scores[columns] if fused else None,
        )
        pairs = assign(cost, limit=limit)
        matched[columns[pairs.detections]] = rows[pairs.tracks]

    def _correct(self, detections: Detections, matched: Int64[np.ndarray, " n"], time: float) -> None:
        """Correct the tracks that have a detection, confirm those seen twice, and mark the others as lost."""
        columns = np.flatnonzero(matched >= 0)
        self._motion.correct(matched[columns], detections.boxes[columns])
        boxes = self._motion.boxes()
        for track in self._tracks:
            track.lost = True
        for row, column in sorted(zip(matched[columns].tolist(), columns.tolist(), strict=True)):
            track = self._tracks[row]
            if not track.confirmed:
                self._confirm(track)
            track.saw(boxes[row], score=float(detections.scores[column]), time=time)
        for row, track in enumerate(self._tracks):
            track.box = boxes[row]

    def _start(
        self,
        detections: Detections,
        columns: Int64[np.ndarray, " m"],
        matched: Int64[np.ndarray, " n"],
        time: float,
        *,
        confirmed: bool,
    ) -> None:
        """Start a track with each of these detections that scores enough."""
        columns = columns[detections.scores[columns] >= self._settings.new]
        matched[columns] = len(self._tracks) + np.arange(len(columns))
        self._motion = self._motion.join(Motion.start(detections.boxes[columns]))
        for column in columns.tolist():
            label, score = int(detections.labels[column]), float(detections.scores[column])
            box = detections.boxes[column].astype(np.float64)
            track = Track(label, detections.class_names[label], box, score, since=time, seen=time)
            track.saw(box, score=score, time=time)
            if confirmed:
                self._confirm(track)
            self._tracks.append(track)

    def _confirm(self, track: Track) -> None:
        track.id, self._next_id = self._next_id, self._next_id + 1

    def _alive(self, seen: set[int]) -> list[int]:
        """Rows of tracks to keep: confirmed ones, those seen for the first time, and no duplicates.

        Of a visible and a lost track that overlap, the one that was followed for a shorter time is dropped.
        """
        alive = [row for row, track in enumerate(self._tracks) if track.confirmed or row in seen]
        visible = [row for row in alive if not self._tracks[row].lost]
        lost = [row for row in alive if self._tracks[row].lost]
        if not visible or not lost:
            return alive
        boxes = self._boxes()
        dropped = set()
        for i, j in np.argwhere(pairwise_iou(boxes[visible], others=boxes[lost]) > _SAME):
            one, other = visible[i], lost[j]
            if self._tracks[one].label == self._tracks[other].label:
                dropped.add(other if self._age(one) > self._age(other) else one)
        return [row for row in alive if row not in dropped]

    def _boxes(self) -> Float64[np.ndarray, "n 4"]:
        return np.array([track.box for track in self._tracks]).reshape(-1, 4)

    def _age(self, row: int) -> float:
        return self._tracks[row].seen - self._tracks[row].since

    def _keep(self, rows: list[int]) -> None:
        if len(rows) < len(self._tracks):
            self._tracks = [self._tracks[row] for row in rows]
            self._motion = self._motion.take(np.array(rows, dtype=np.int64))
