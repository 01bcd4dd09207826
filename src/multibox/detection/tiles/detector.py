"""A detector that looks at an image as a whole and in tiles."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from multibox.detection.detector import Detector
from multibox.detection.tiles.layout import Layout
from multibox.detection.tiles.seams import Tile, merge_tiles
from multibox.detections import Detections
from multibox.errors import DataError, UsageError
from multibox.images.decode import read_image
from multibox.images.prepare import Prepared, map_ahead, resize_to_input
from multibox.size import Size


@dataclass(frozen=True, eq=False)
class _Pieces:
    """The tiles of an image at the network's input size; the last one is the whole image, if it is not the only one."""

    prepared: list[Prepared]
    tiles: list[Tile]
    image_size: Size


class TiledDetector(Detector):
    """Finds small objects in large images: in overlapping tiles and in the whole image.

    Works like the detector that it was made from, and needs its time for each tile. Make it with `Detector.tiled`.
    """

    def __init__(self, detector: Detector, layout: Layout) -> None:
        vars(self).update(vars(detector))
        self._layout = layout

    def try_each(self, sources: Iterable[Any], *, batch_size: int | None = None) -> Iterator[Detections | DataError]:
        """Detections of each image in order, or the DataError of an image that cannot be read."""
        waiting: deque[_Pieces | DataError] = deque()

        def pieces() -> Iterator[Prepared | DataError]:
            for cut in map_ahead(self._cut, sources, ahead=2):
                waiting.append(cut)
                yield from [cut] if isinstance(cut, DataError) else cut.prepared

        results = self.detect_prepared(pieces(), batch_size=batch_size)
        for result in results:
            cut = waiting.popleft()
            if isinstance(cut, DataError):
                yield cut
                continue
            found = [result, *(next(results) for _ in cut.prepared[1:])]
            yield self._merged([one for one in found if isinstance(one, Detections)], cut)

    def timed_batch(self, sources: Sequence[Any]) -> tuple[list[Detections], dict[str, float]]:
        """Not available, because the stages of tiles overlap. Raises UsageError."""
        raise UsageError("times of stages are measured without tiles: leave out --tiles or --time")

    def _detect_one(self, source: Any) -> Detections:
        (found,) = self.try_each([source])
        if isinstance(found, DataError):
            raise found
        return found

    def _cut(self, source: Any) -> _Pieces | DataError:
        try:
            image = read_image(source)
        except DataError as error:
            return error
        size = Size(*image.shape[:2])
        tiles = self._layout.tiles(size, input_size=self.input_size)
        if len(tiles) > 1:
            tiles.append((0, 0, size.width, size.height))
        prepared = [resize_to_input(image[y1:y2, x1:x2], self.input_size) for x1, y1, x2, y2 in tiles]
        return _Pieces(prepared, tiles, size)

    def _merged(self, found: list[Detections], cut: _Pieces) -> Detections:
        if len(found) == 1:
            return found[0]
        settings = self.engine.config.model.detection
        return merge_tiles(found, cut.tiles, image_size=cut.image_size, settings=settings)
