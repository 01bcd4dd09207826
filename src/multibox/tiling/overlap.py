"""The best IoU of objects with the priors of a map, by arithmetic on one shape instead of on all its copies."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Float64

from multibox.errors import UsageError
from multibox.priors import PriorMap, PriorSpec, cell_sizes

_KEPT, _KEPT_MAPS = 2000, 200  # shapes and maps whose overlaps are remembered


class PriorOverlap:
    """Best IoU of objects (cx, cy, w, h), in pixels of the network input, with the maps of `spec`.

    Priors of one shape differ only in their centers, and those form a grid. An object's overlap with a shape is the
    product of the overlaps in x and in y, each of which can only shrink with the distance of the centers, and IoU grows
    with the product; so of all cells the one nearest in x and nearest in y is the best, and its IoU needs only the two
    distances. Raises UsageError for priors cut to the image, whose shape depends on the cell.
    """

    def __init__(self, objects: Float64[np.ndarray, "n 4"], spec: PriorSpec) -> None:
        if spec.clip:
            raise UsageError("priors that are cut to the image (clip) cannot be fitted; start from priors without it")
        self.spec = spec
        self._sides = objects[:, 2:].astype(np.float32)
        self._distances = [_distances(objects, source, spec) for source in spec.maps]
        self._areas = self._sides.prod(axis=1)
        self._of_shape = lru_cache(maxsize=_KEPT)(self._shape_overlap)
        self._of_map = lru_cache(maxsize=_KEPT_MAPS)(self._map_overlap)
        self._sizes = lru_cache(maxsize=None)(lambda source: cell_sizes(source, truncate=spec.truncate).tolist())

    def of(self, number: int, source: PriorMap) -> Float32[np.ndarray, " n"]:
        """The best IoU of each object with map `number` when that has the sizes and ratios of `source`."""
        return self._of_map(number, source)

    def _map_overlap(self, number: int, source: PriorMap) -> Float32[np.ndarray, " n"]:
        first, *others = self._sizes(source)
        best = self._of_shape(number, *first).copy()
        for width, height in others:
            np.maximum(best, self._of_shape(number, width, height), out=best)
        return best

    def _shape_overlap(self, number: int, width: float, height: float) -> Float32[np.ndarray, " n"]:
        shape = np.array([width, height], np.float32)
        if self.spec.clip_sizes:
            shape = np.minimum(shape, np.array(self.spec.input_size[::-1], np.float32))
        met = np.minimum((self._sides + shape) / 2 - self._distances[number], np.minimum(self._sides, shape)).clip(0)
        common = met[:, 0] * met[:, 1]
        return common / (self._areas + shape.prod() - common)


def _distances(objects: Float64[np.ndarray, "n 4"], source: PriorMap, spec: PriorSpec) -> Float32[np.ndarray, "n 2"]:
    """How far the nearest column and the nearest row of centers lie from the center of each object."""
    found = []
    for axis in (0, 1):  # x, y; cells, steps and input are (rows, columns)
        centers = (np.arange(source.cells[1 - axis]) + 0.5) * source.step[1 - axis]
        if spec.clip_centers:
            centers = np.minimum(centers, spec.input_size[1 - axis])
        found.append(np.abs(objects[:, axis : axis + 1] - centers).min(axis=1))
    return np.stack(found, axis=1).astype(np.float32)
