"""The changes that a search tries on the priors of one map: sizes, ratios, and the number of boxes in a cell."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from multibox.priors import PriorMap

RATIOS = (1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
_MAX_RATIOS = 4
_LARGEST_FACTOR = 2.0  # sizes stay near those that the receptive field and the step of the map were made for
_SIZE_FACTORS = tuple(2 ** (eighths / 8) for eighths in range(-8, 9) if eighths)
_SIZE_STEPS = (-2, -1, 1, 2)  # pixels


@dataclass(frozen=True)
class Limits:
    """The range of a map's min size, and the largest value of its max size, in pixels of the input."""

    smallest_min: float
    largest_min: float
    largest_max: float

    @classmethod
    def around(cls, source: PriorMap) -> "Limits":
        """From half the map's min size to twice its min and max sizes."""
        largest = (source.max_size or source.min_size) * _LARGEST_FACTOR
        return cls(source.min_size / _LARGEST_FACTOR, source.min_size * _LARGEST_FACTOR, largest)

    def allow(self, source: PriorMap) -> bool:
        if not self.smallest_min <= source.min_size <= self.largest_min:
            return False
        return source.max_size is None or source.min_size < source.max_size <= self.largest_max


def changes(source: PriorMap) -> Iterator[PriorMap]:
    """The map with another min size, another max size, both, or one other ratio. The number of boxes stays.

    A map with listed boxes has no changes: its boxes follow no sizes and ratios.
    """
    if source.boxes:
        return
    for small in _near(source.min_size):
        yield replace(source, min_size=small)
    if source.max_size is not None:
        for large in _near(source.max_size):
            yield replace(source, max_size=large)
        for factor in _SIZE_FACTORS:
            yield scaled(source, factor)
    for place in range(len(source.ratios)):
        for ratio in RATIOS:
            if ratio not in source.ratios:
                yield _with_ratios(source, (*source.ratios[:place], ratio, *source.ratios[place + 1 :]))


def fewer(source: PriorMap) -> Iterator[PriorMap]:
    """The map without its larger square, or without one of its ratios. None if its boxes are listed."""
    if source.boxes:
        return
    if source.max_size is not None:
        yield replace(source, max_size=None)
    for ratio in source.ratios:
        yield replace(source, ratios=tuple(r for r in source.ratios if r != ratio))


def more(source: PriorMap) -> Iterator[PriorMap]:
    """The map with a larger square, if it has none, or with one more ratio. None if its boxes are listed."""
    if source.boxes:
        return
    if source.max_size is None:
        for factor in _SIZE_FACTORS:
            if factor > 1:
                yield replace(source, max_size=_whole_pixels(source.min_size * factor**2))
    if len(source.ratios) < _MAX_RATIOS:
        for ratio in RATIOS:
            if ratio not in source.ratios:
                yield _with_ratios(source, (*source.ratios, ratio))


def scaled(source: PriorMap, factor: float) -> PriorMap:
    """The map with both sizes multiplied by the factor and rounded to whole pixels. A map with listed boxes stays."""
    if source.boxes:
        return source
    large = source.max_size and _whole_pixels(source.max_size * factor)
    return replace(source, min_size=_whole_pixels(source.min_size * factor), max_size=large)


def _with_ratios(source: PriorMap, ratios: tuple[float, ...]) -> PriorMap:
    return replace(source, ratios=tuple(sorted(ratios)))


def _near(size: float) -> list[float]:
    """Other sizes in whole pixels: the size times each factor, and the size plus each step."""
    sizes = {_whole_pixels(size * factor) for factor in _SIZE_FACTORS}
    sizes |= {_whole_pixels(size + step) for step in _SIZE_STEPS}
    return sorted(sizes - {size})


def _whole_pixels(size: float) -> float:
    return float(max(1, round(size)))
