"""Crossings and occupants against counts that follow from how the objects move."""

import numpy as np
import pytest

from moving_scenes import NAMES, SIZE
from multibox.errors import UsageError
from multibox.size import Size
from multibox.video.tracks.counting import Line, TrackCounter, Zone
from multibox.video.tracks.shape_text import parse_lines, parse_zones
from multibox.video.tracks.track import Track


def track(number: int, x: float, y: float, *, label: int = 1, half: float = 10.0) -> Track:
    box = np.array([x - half, y - half, x + half, y + half])
    return Track(label, NAMES[label], box, 0.9, since=0, seen=0, id=number)


def run(counter: TrackCounter, paths: dict[int, list[tuple[float, float] | None]], label: int = 1) -> dict:
    """Counts after tracks took these positions; None is a frame in which a track is not seen."""
    for frame in range(max(map(len, paths.values()))):
        here = [track(i, *path[frame], label=label) for i, path in paths.items() if path[frame] is not None]
        counter.update(here, size=SIZE, alive=frozenset(paths))
    return counter.to_json()


def steps(start: tuple[float, float], end: tuple[float, float], count: int = 10) -> list[tuple[float, float]]:
    return [tuple(a + (b - a) * n / (count - 1) for a, b in zip(start, end, strict=True)) for n in range(count)]


DOOR = Line("door", (100, 0), (100, 200))  # looking down: the right side is the left one of the image


@pytest.mark.parametrize(
    ("path", "to_left", "to_right"),
    [
        (steps((50, 100), (150, 100)), 1, 0),
        (steps((150, 100), (50, 100)), 0, 1),
        (steps((50, 100), (150, 100)) + steps((150, 100), (50, 100)), 1, 1),
        (steps((50, 250), (150, 250)), 0, 0),  # past the end of the line
        (steps((50, 100), (99, 100)), 0, 0),
        (steps((50, 190), (150, 230), 2), 0, 0),  # a jump that passes the line beyond its end
        (steps((50, 190), (150, 200), 2), 1, 0),
        ([(50, 100), None, None, (150, 100)], 1, 0),  # not seen while it crosses
        ([(50, 100), (100.5, 100), (99.7, 100), (100.4, 100), (99, 100)], 0, 0),  # trembles on the line
        ([(50, 100), (100.5, 100), (99.7, 100), (120, 100), (99.9, 100), (130, 100)], 1, 0),
    ],
)
def test_crossings_of_one_path(path, to_left: int, to_right: int):
    """One object on a known path against its crossings in both directions."""
    counts = run(TrackCounter(lines=[DOOR]), {1: path})["lines"]["door"]
    assert (counts["to_left"].get("person", 0), counts["to_right"].get("person", 0)) == (to_left, to_right)


def test_many_objects_and_classes():
    """Twelve walkers and five cars with known directions against their counts by class."""
    counter = TrackCounter(lines=[DOOR, Line("far", (600, 0), (600, 480))])
    right = {n: steps((20, 10 + 14 * n), (180, 10 + 14 * n)) for n in range(7)}
    left = {10 + n: steps((180, 10 + 14 * n), (20, 10 + 14 * n)) for n in range(5)}
    run(counter, right | left)
    counts = run(counter, {20 + n: steps((20, 20 * n), (180, 20 * n)) for n in range(1, 6)}, label=0)
    assert counts["lines"] == {
        "door": {"to_left": {"person": 7, "car": 5}, "to_right": {"person": 5}},
        "far": {"to_left": {}, "to_right": {}},
    }


def test_occupants_of_a_zone():
    """Objects that enter and leave an L-shaped zone against its occupants and visitors."""
    zone = Zone("hall", ((0, 0), (100, 0), (100, 50), (50, 50), (50, 100), (0, 100)))
    counter = TrackCounter(zones=[zone])
    assert run(counter, {1: [(25, 25)], 2: [(75, 75)]})["zones"] == {
        "hall": {"inside": {"person": 1}, "entered": {"person": 1}}
    }
    counts = run(counter, {1: [(75, 75), (25, 75)], 2: [(75, 25), (300, 300)], 3: [(60, 60), (400, 60)]})
    assert counts["zones"] == {"hall": {"inside": {"person": 1}, "entered": {"person": 2}}}


def test_the_anchor_can_be_the_foot():
    """A person whose head is beyond a horizontal line against no crossing, until the foot is."""
    line = Line("curb", (0, 100), (600, 100))
    paths = {1: steps((50, 130), (50, 95))}
    for anchor, expected in (("center", 1), ("bottom", 0)):
        counts = run(TrackCounter(lines=[line], anchor=anchor), paths)["lines"]["curb"]
        assert sum(counts["to_left"].values()) == expected


def test_shapes_follow_the_size_of_the_frames():
    """Frames that double in size against a line in the scaled place."""
    counter = TrackCounter(lines=[DOOR])
    counter.update([track(1, 50, 100)], size=SIZE, alive=frozenset({1}))
    counter.update([track(1, 180, 200)], size=Size(960, 1280), alive=frozenset({1}))
    assert counter.to_json()["lines"]["door"] == {"to_left": {}, "to_right": {}}
    counter.update([track(1, 230, 200)], size=Size(960, 1280), alive=frozenset({1}))
    assert counter.to_json()["lines"]["door"]["to_left"] == {"person": 1}
    assert counter.lines[0].start == (200, 0)


def test_tracks_that_are_gone_are_forgotten():
    """Positions that are remembered against the tracks that can come back."""
    counter = TrackCounter(lines=[DOOR], zones=[Zone("all", ((0, 0), (640, 0), (640, 480), (0, 480)))])
    for number in range(1, 500):
        counter.update([track(number, 50, 50)], size=SIZE, alive=frozenset({number}))
    assert len(counter._lines[0].last) == 1
    assert len(counter._zones[0].known) == 1
    assert counter.to_json()["zones"]["all"]["entered"] == {"person": 499}


def test_texts_of_lines_and_zones():
    """Texts with and without names against lines and zones."""
    assert parse_lines(["0,1,2.5,3", "front door=4,5,6,7"]) == [
        Line("line-1", (0, 1), (2.5, 3)),
        Line("front door", (4, 5), (6, 7)),
    ]
    assert parse_zones(["a=0,0,9,0,9,9"]) == [Zone("a", ((0, 0), (9, 0), (9, 9)))]


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_lines, "1,2,3", "has 3 numbers; give pairs"),
        (parse_lines, "1,2", "has 2 numbers; a line is"),
        (parse_lines, "1,2,1,2", "two different points"),
        (parse_lines, "1,2,x,4", "'x' is not a number"),
        (parse_lines, "1,2,nan,4", "'nan' is not a number"),
        (parse_lines, "=1,2,3,4", "empty name"),
        (parse_lines, "", "'' is not a number"),
        (parse_zones, "1,2,3,4", "a zone is"),
    ],
)
def test_wrong_texts(parse, text: str, message: str):
    """Texts that are no line or zone against UsageError."""
    with pytest.raises(UsageError, match=message):
        parse([text])


def test_names_are_different():
    """A line and a zone with one name against UsageError."""
    with pytest.raises(UsageError, match="have the name 'a'"):
        TrackCounter(lines=[Line("a", (0, 0), (1, 1))], zones=[Zone("a", ((0, 0), (1, 1), (2, 0)))])
