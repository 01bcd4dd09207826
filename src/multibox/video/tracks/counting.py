"""Lines that tracks cross and zones that they are in, counted by class."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from multibox.errors import UsageError
from multibox.size import Size
from multibox.video.tracks.track import Track

Point = tuple[float, float]
Anchor = Literal["center", "bottom"]

_DEAD = 0.05
"""Half the width of a line, in shorter sides of a box: a box that trembles on the line does not cross it."""


@dataclass(frozen=True)
class Line:
    """A line from `start` to `end` in pixels. Its right side is that of somebody who looks from start to end."""

    name: str
    start: Point
    end: Point

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise UsageError(f"the line {self.name} begins and ends at {self.start}: give two different points")


@dataclass(frozen=True)
class Zone:
    """A polygon with its `corners` in pixels."""

    name: str
    corners: tuple[Point, ...]

    def __post_init__(self) -> None:
        if len(self.corners) < 3:
            raise UsageError(f"the zone {self.name} has {len(self.corners)} corners: give three or more")


@dataclass
class _LineCount:
    line: Line
    to_left: Counter[str] = field(default_factory=Counter)
    to_right: Counter[str] = field(default_factory=Counter)
    last: dict[int, Point] = field(default_factory=dict)  # where each track was last beside the line


@dataclass
class _ZoneCount:
    zone: Zone
    inside: Counter[str] = field(default_factory=Counter)
    entered: Counter[str] = field(default_factory=Counter)
    known: set[int] = field(default_factory=set)  # tracks that are counted in `entered`


class TrackCounter:
    """Counts which tracks cross lines, in which direction, and which are in zones, frame by frame.

    A track is where its anchor is: the center of its box, or the middle of the lower side. It crosses a line when its
    anchor gets to the other side between the ends of the line. `entered` counts each track once for each zone.
    """

    def __init__(self, *, lines: Sequence[Line] = (), zones: Sequence[Zone] = (), anchor: Anchor = "center") -> None:
        names = [line.name for line in lines] + [zone.name for zone in zones]
        for name, number in Counter(names).items():
            if number > 1:
                raise UsageError(f"{number} lines or zones have the name {name!r}: give each a name of its own")
        self._lines = [_LineCount(line) for line in lines]
        self._zones = [_ZoneCount(zone) for zone in zones]
        self._anchor = anchor
        self._size: Size | None = None

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines, in pixels of the last frame."""
        return tuple(count.line for count in self._lines)

    @property
    def zones(self) -> tuple[Zone, ...]:
        """The zones, in pixels of the last frame."""
        return tuple(count.zone for count in self._zones)

    def update(self, tracks: Iterable[Track], *, size: Size, alive: frozenset[int]) -> None:
        """Count the visible tracks of the next frame; `alive` are the ids of all that can be seen again.

        If the size of the frames changes, lines and zones are scaled with it.
        """
        self._follow(size)
        visible = list(tracks)
        for line_count in self._lines:
            _forget(line_count.last, alive)
            for track in visible:
                _cross(line_count, track, self._where(track))
        for zone_count in self._zones:
            zone_count.known &= alive
            inside = [track for track in visible if _inside(self._where(track), zone_count.zone.corners)]
            zone_count.inside = Counter(track.name for track in inside)
            zone_count.entered.update(track.name for track in inside if track.id not in zone_count.known)
            zone_count.known |= {track.id for track in inside}

    def to_json(self) -> dict[str, Any]:
        """{"lines": {NAME: {"to_left": {CLASS: n}, "to_right": {}}}, "zones": {NAME: {"inside": {}, "entered": {}}}}"""
        lines = {c.line.name: {"to_left": dict(c.to_left), "to_right": dict(c.to_right)} for c in self._lines}
        zones = {c.zone.name: {"inside": dict(c.inside), "entered": dict(c.entered)} for c in self._zones}
        return ({"lines": lines} if lines else {}) | ({"zones": zones} if zones else {})

    def _where(self, track: Track) -> Point:
        return track.foot if self._anchor == "bottom" else track.center

    def _follow(self, size: Size) -> None:
        if self._size is not None and size != self._size:
            x, y = size.width / self._size.width, size.height / self._size.height
            for line in self._lines:
                line.line = Line(line.line.name, _scaled(line.line.start, x, y), _scaled(line.line.end, x, y))
                line.last = {track: _scaled(point, x, y) for track, point in line.last.items()}
            for zone in self._zones:
                zone.zone = Zone(zone.zone.name, tuple(_scaled(corner, x, y) for corner in zone.zone.corners))
        self._size = size


def _cross(count: _LineCount, track: Track, here: Point) -> None:
    """Count the track if it got to the other side of the line, and remember where it is."""
    line = count.line
    x1, y1, x2, y2 = track.box.tolist()
    length = ((line.end[0] - line.start[0]) ** 2 + (line.end[1] - line.start[1]) ** 2) ** 0.5
    side = _side(here, line.start, line.end)
    if abs(side) <= _DEAD * min(x2 - x1, y2 - y1) * length:
        return
    before = count.last.get(track.id)
    count.last[track.id] = here
    if before is None:
        return
    from_side = _side(before, line.start, line.end)
    if from_side * side < 0 and _side(line.start, before, here) * _side(line.end, before, here) <= 0:
        (count.to_right if side > 0 else count.to_left)[track.name] += 1


def _side(point: Point, start: Point, end: Point) -> float:
    """Positive on the right of the way from start to end, as y points down; its size is distance x length."""
    return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])


def _inside(point: Point, corners: Sequence[Point]) -> bool:
    """Whether a ray from the point to the right crosses the sides of the polygon an odd number of times."""
    x, y = point
    inside = False
    for (x1, y1), (x2, y2) in zip(corners, (*corners[1:], corners[0]), strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            inside = not inside
    return inside


def _scaled(point: Point, x: float, y: float) -> Point:
    return point[0] * x, point[1] * y


def _forget(last: dict[int, Point], alive: frozenset[int]) -> None:
    for track in [track for track in last if track not in alive]:
        del last[track]
