"""What a search may change about the priors of one map: sizes, ratios, and how many boxes a cell has."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from multibox.priors import PriorMap

RATIOS = (1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
_MOST_RATIOS = 4
_REACH = 2.0  # a map keeps sizes of its own order, which its receptive field and its step were made for
_FACTORS = tuple(2 ** (eighths / 8) for eighths in range(-8, 9) if eighths)
_PIXELS = (-2, -1, 1, 2)


@dataclass(frozen=True)
class Limits:
    """The least and the largest min_size and max_size of a map, in pixels of the input."""

    low: float
    high: float
    highest: float

    @classmethod
    def around(cls, source: PriorMap) -> "Limits":
        """From half the map's min size to twice its min and max sizes."""
        return cls(source.min_size / _REACH, source.min_size * _REACH, (source.max_size or source.min_size) * _REACH)

    def allow(self, source: PriorMap) -> bool:
        if not self.low <= source.min_size <= self.high:
            return False
        return source.max_size is None or source.min_size < source.max_size <= self.highest


def changes(source: PriorMap) -> Iterator[PriorMap]:
    """The map with another min size, max size, both, or one other ratio; as many boxes in a cell."""
    for small in _near(source.min_size):
        yield replace(source, min_size=small)
    if source.max_size is not None:
        for large in _near(source.max_size):
            yield replace(source, max_size=large)
        for factor in _FACTORS:
            yield scaled(source, factor)
    for place in range(len(source.ratios)):
        for ratio in RATIOS:
            if ratio not in source.ratios:
                yield _with_ratios(source, (*source.ratios[:place], ratio, *source.ratios[place + 1 :]))


def fewer(source: PriorMap) -> Iterator[PriorMap]:
    """The map without its larger square, or without one ratio."""
    if source.max_size is not None:
        yield replace(source, max_size=None)
    for ratio in source.ratios:
        yield replace(source, ratios=tuple(r for r in source.ratios if r != ratio))


def more(source: PriorMap) -> Iterator[PriorMap]:
    """The map with a larger square, where it has none, or with one more ratio."""
    if source.max_size is None:
        for factor in _FACTORS:
            if factor > 1:
                yield replace(source, max_size=_whole(source.min_size * factor**2))
    if len(source.ratios) < _MOST_RATIOS:
        for ratio in RATIOS:
            if ratio not in source.ratios:
                yield _with_ratios(source, (*source.ratios, ratio))


def scaled(source: PriorMap, factor: float) -> PriorMap:
    """The map with both sizes multiplied, in whole pixels."""
    large = source.max_size and _whole(source.max_size * factor)
    return replace(source, min_size=_whole(source.min_size * factor), max_size=large)


def _with_ratios(source: PriorMap, ratios: tuple[float, ...]) -> PriorMap:
    return replace(source, ratios=tuple(sorted(ratios)))


def _near(size: float) -> list[float]:
    """Other sizes in whole pixels: far ones by a factor, near ones by a pixel or two."""
    sizes = {_whole(size * factor) for factor in _FACTORS} | {_whole(size + step) for step in _PIXELS}
    return sorted(sizes - {size})


def _whole(size: float) -> float:
    return float(max(1, round(size)))
