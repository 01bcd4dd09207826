"""The best IoU of objects with the priors of a map, computed for each shape of prior, not for each prior."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Float64

from multibox.errors import UsageError
from multibox.priors import PriorMap, PriorSpec, cell_sizes

_CACHED_SHAPES, _CACHED_MAPS = 2000, 200


class PriorOverlap:
    """Best IoU of objects (cx, cy, w, h), in pixels of the network input, with the maps of `spec`.

    Priors of one shape differ only in their centers, which form a grid. The intersection of an object with a prior is
    the product of its extents in x and in y. Each extent shrinks with the distance of the centers along its axis, and
    IoU grows with the intersection. So the best cell is the one nearest in x and nearest in y, and its IoU follows from
    these two distances. Raises UsageError for priors clipped to the image, because their shape depends on the cell.
    """

    def __init__(self, objects: Float64[np.ndarray, "n 4"], spec: PriorSpec) -> None:
        if spec.clip:
            raise UsageError("priors that are cut to the image (clip) cannot be fitted; start from priors without it")
        self.spec = spec
        self._sides = objects[:, 2:].astype(np.float32)
        self._distances = [_center_distances(objects, source, spec) for source in spec.maps]
        self._areas = self._sides.prod(axis=1)
        self._of_shape = lru_cache(maxsize=_CACHED_SHAPES)(self._shape_iou)
        self._of_map = lru_cache(maxsize=_CACHED_MAPS)(self._map_iou)
        self._shapes = lru_cache(maxsize=None)(lambda source: cell_sizes(source, truncate=spec.truncate).tolist())

    def of(self, number: int, source: PriorMap) -> Float32[np.ndarray, " n"]:
        """The best IoU of each object with map `number` if it has the sizes and ratios of `source`."""
        return self._of_map(number, source)

    def _map_iou(self, number: int, source: PriorMap) -> Float32[np.ndarray, " n"]:
        first, *others = self._shapes(source)
        best = self._of_shape(number, *first).copy()
        for width, height in others:
            np.maximum(best, self._of_shape(number, width, height), out=best)
        return best

    def _shape_iou(self, number: int, width: float, height: float) -> Float32[np.ndarray, " n"]:
        shape = np.array([width, height], np.float32)
        if self.spec.clip_sizes:
            shape = np.minimum(shape, np.array(self.spec.input_size[::-1], np.float32))
        extents = np.minimum((self._sides + shape) / 2 - self._distances[number], np.minimum(self._sides, shape))
        intersection = extents.clip(0).prod(axis=1)
        return intersection / (self._areas + shape.prod() - intersection)


def _center_distances(
    objects: Float64[np.ndarray, "n 4"], source: PriorMap, spec: PriorSpec
) -> Float32[np.ndarray, "n 2"]:
    """Distances in x and in y from the center of each object to the nearest cell center."""
    distances = []
    for axis in (0, 1):  # x, y; cells, steps and input are (vertical, horizontal)
        centers = (np.arange(source.cells[1 - axis]) + 0.5) * source.step[1 - axis]
        if spec.clip_centers:
            centers = np.minimum(centers, spec.input_size[1 - axis])
        distances.append(np.abs(objects[:, axis : axis + 1] - centers).min(axis=1))
    return np.stack(distances, axis=1).astype(np.float32)
