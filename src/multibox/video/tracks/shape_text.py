"""Lines and zones as users write them: NAME=x1,y1,x2,y2 and NAME=x1,y1,x2,y2,x3,y3..."""

from collections.abc import Sequence

from multibox.errors import UsageError
from multibox.video.tracks.counting import Line, Point, Zone


def parse_lines(texts: Sequence[str]) -> list[Line]:
    """Lines of texts such as `door=10,300,600,300`; without a name they are line-1, line-2, ...

    Raises UsageError for a text that is not four numbers.
    """
    lines = []
    for number, text in enumerate(texts, start=1):
        name, points = _parse(text, usual=f"line-{number}", option="--line")
        if len(points) != 2:
            raise UsageError(f"--line {text} has {2 * len(points)} numbers; a line is x1,y1,x2,y2 in pixels")
        lines.append(Line(name, points[0], points[1]))
    return lines


def parse_zones(texts: Sequence[str]) -> list[Zone]:
    """Zones of texts such as `desk=10,10,200,10,200,90`; without a name they are zone-1, zone-2, ...

    Raises UsageError for a text that is not six or more numbers, two for each corner.
    """
    zones = []
    for number, text in enumerate(texts, start=1):
        name, points = _parse(text, usual=f"zone-{number}", option="--zone")
        if len(points) < 3:
            raise UsageError(f"--zone {text} has {2 * len(points)} numbers; a zone is x1,y1,x2,y2,x3,y3,... in pixels")
        zones.append(Zone(name, tuple(points)))
    return zones


def _parse(text: str, *, usual: str, option: str) -> tuple[str, list[Point]]:
    name, equals, rest = text.rpartition("=")
    numbers = [_number(word, option=option, text=text) for word in rest.split(",")]
    if len(numbers) % 2:
        raise UsageError(f"{option} {text} has {len(numbers)} numbers; give pairs x,y in pixels")
    if equals and not name.strip():
        raise UsageError(f"{option} {text} has an empty name; write NAME=x1,y1,... or leave out '='")
    return name.strip() or usual, list(zip(numbers[::2], numbers[1::2], strict=True))


def _number(word: str, *, option: str, text: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e9:
        raise UsageError(f"{option} {text}: {word!r} is not a number of pixels; write numbers separated by commas")
    return value
