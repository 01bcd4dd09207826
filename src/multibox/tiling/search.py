"""A local search for sizes and ratios of priors that cover given objects better with a limited number of boxes."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import numpy as np
from jaxtyping import Float32, Float64

from multibox.errors import UsageError
from multibox.priors import PriorMap, PriorSpec
from multibox.system.progress import Progress
from multibox.tiling.moves import Limits, changes, fewer, more, scaled
from multibox.tiling.overlap import PriorOverlap

Maps = tuple[PriorMap, ...]

_COVERED_IOU = 0.5
_MEAN_IOU_WEIGHT = 0.25
_SAMPLES_WEIGHT = 0.5
_LOST_COVERAGE_WEIGHT = 10.0
_LEAST_GAIN = 1e-5
_MAX_ROUNDS = 20
_START_FACTORS = (1.0, 0.75, 1.33)  # the search also begins at the start with all sizes smaller or larger


def search_priors(
    objects: Float64[np.ndarray, "n 4"],
    start: PriorSpec,
    *,
    boxes: int,
    samples: Float64[np.ndarray, "m 4"] | None = None,
    progress: Progress | None = None,
) -> PriorSpec:
    """The priors with the best score that is found, at most `boxes` of them, on the maps of `start`.

    `objects` are (cx, cy, w, h) in pixels of the input, as whole images show them; `samples` are objects as training
    samples show them. The score is the share of the objects that some prior overlaps with an IoU of at least 0.5, plus
    a quarter of their mean best IoU. The score of the samples counts half. Coverage that the start has of the objects
    is not traded for anything else. Sizes stay within a factor of 2 of those of their map at the start, and min sizes
    do not descend from map to map.

    The search is deterministic: each step takes the best single change of a map, then the best trade of one box shape
    for others. Raises UsageError if `boxes` are not enough for one prior in each cell.
    """
    fewest = sum(source.cells[0] * source.cells[1] for source in start.maps)
    if boxes < fewest:
        raise UsageError(f"{boxes} boxes are too few: with one prior in each cell of the maps there are {fewest}")
    score = _Score(start, objects, samples, keep=boxes >= start.count)
    search = _HillClimb(score, start, boxes)
    found = []
    for done, factor in enumerate(_START_FACTORS, start=1):
        maps = start.maps if factor == 1 else tuple(scaled(source, factor) for source in start.maps)
        found.append(search.climb(search.within_budget(maps)))
        if progress:
            progress(done, len(_START_FACTORS))
    return replace(start, maps=max(found, key=score.of))


class _Score:
    """The score of a tiling. With `keep`, losing coverage that the start has outweighs everything else."""

    def __init__(
        self,
        start: PriorSpec,
        objects: Float64[np.ndarray, "n 4"],
        samples: Float64[np.ndarray, "m 4"] | None,
        *,
        keep: bool,
    ) -> None:
        self.object_count = len(objects)
        self.overlap = PriorOverlap(objects if samples is None else np.concatenate([objects, samples]), start)
        self.start_coverage = (
            float((self.best(start.maps)[: self.object_count] >= _COVERED_IOU).mean()) if keep else 0.0
        )

    def best(self, maps: Maps, *, without: int | None = None) -> Float32[np.ndarray, " k"]:
        """The best IoU of each object and sample with all maps, or with all but one."""
        parts = [self.overlap.of(k, source) for k, source in enumerate(maps) if k != without]
        return np.max(parts, axis=0) if parts else np.zeros_like(self.overlap.of(0, maps[0]))

    def of(self, maps: Maps) -> float:
        return self.of_best(self.best(maps))

    def of_best(self, best: Float32[np.ndarray, " k"]) -> float:
        objects, samples = best[: self.object_count], best[self.object_count :]
        covered = np.count_nonzero(objects >= _COVERED_IOU) / self.object_count
        lost = max(0.0, self.start_coverage - covered)
        value = covered + _MEAN_IOU_WEIGHT * float(objects.mean()) - _LOST_COVERAGE_WEIGHT * lost
        if len(samples):
            value += _SAMPLES_WEIGHT * _samples_score(samples)
        return value


class _HillClimb:
    """Single changes and trades that lead from one tiling to better ones, inside the limits and the budget."""

    def __init__(self, score: _Score, start: PriorSpec, boxes: int) -> None:
        self.score, self.boxes = score, boxes
        self.limits = [Limits.around(source) for source in start.maps]

    def within_budget(self, maps: Maps) -> Maps:
        """Remove shapes until the budget holds, each time the one with the smallest loss for each box that it frees."""
        while _count(maps) > self.boxes:
            now, ways = self.score.of(maps), self._without_one(maps)
            maps = min(ways, key=lambda way: (now - self.score.of(way)) / (_count(maps) - _count(way)))
        return maps

    def climb(self, maps: Maps) -> Maps:
        for _ in range(_MAX_ROUNDS):
            before = self.score.of(maps)
            for number in range(len(maps)):
                maps = self._improve(maps, number)
            maps = self._trade(maps)
            if self.score.of(maps) < before + _LEAST_GAIN:
                break
        return maps

    def _improve(self, maps: Maps, number: int) -> Maps:
        """Make the best single change of a map, as long as one helps."""
        value = self.score.of(maps)
        while True:
            ways = self._swapped(maps, number, changes(maps[number]))
            scores = self._scores(maps, number, ways)
            if not scores or max(scores) < value + _LEAST_GAIN:
                return maps
            value = max(scores)
            maps = ways[scores.index(value)]

    def _trade(self, maps: Maps) -> Maps:
        """The best of three: no change; shapes added within the budget; one shape exchanged for others."""
        ways = [maps, *(self._filled(way) for way in (maps, *self._without_one(maps)))]
        scores = [self.score.of(way) for way in ways]
        best = max(scores)
        return ways[scores.index(best)] if best >= scores[0] + _LEAST_GAIN else maps

    def _filled(self, maps: Maps) -> Maps:
        """Add the shape that helps most, as long as one helps and fits into the budget."""
        while True:
            least, chosen = self.score.of(maps) + _LEAST_GAIN, None
            for number in range(len(maps)):
                ways = [way for way in self._swapped(maps, number, more(maps[number])) if _count(way) <= self.boxes]
                for way, value in zip(ways, self._scores(maps, number, ways), strict=True):
                    if value > least:
                        least, chosen = value, way
            if chosen is None:
                return maps
            maps = chosen

    def _scores(self, maps: Maps, number: int, ways: list[Maps]) -> list[float]:
        """The scores of tilings that differ from `maps` in one map."""
        if not ways:
            return []
        rest = self.score.best(maps, without=number)
        return [self.score.of_best(np.maximum(rest, self.score.overlap.of(number, way[number]))) for way in ways]

    def _without_one(self, maps: Maps) -> list[Maps]:
        return [way for number in range(len(maps)) for way in self._swapped(maps, number, fewer(maps[number]))]

    def _swapped(self, maps: Maps, number: int, sources: Iterable[PriorMap]) -> list[Maps]:
        """The tilings with one of `sources` as map `number`, as far as the limits allow them."""
        allowed = (source for source in sources if self.limits[number].allow(source))
        ways = [(*maps[:number], source, *maps[number + 1 :]) for source in allowed]
        return [way for way in ways if all(a.min_size <= b.min_size for a, b in pairwise(way))]


def _samples_score(best: Float32[np.ndarray, " k"]) -> float:
    return float((best >= _COVERED_IOU).mean() + _MEAN_IOU_WEIGHT * best.mean())


def _count(maps: Maps) -> int:
    return sum(source.count for source in maps)
