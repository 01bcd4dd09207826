"""From images to Detections: decode, resize, network, post-processing, boxes in pixels of the original."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path
from time import perf_counter
from typing import Any, overload

import numpy as np

from multibox.detection.engines.engine import Backend
from multibox.detection.engines.torch import TorchBackend
from multibox.detections import Detections
from multibox.errors import DataError, UsageError
from multibox.images.decode import read_image
from multibox.images.prepare import Prepared, prepare_ahead, resize_to_input
from multibox.models.ssd import SSD
from multibox.nms import Selection
from multibox.size import Size
from multibox.weights.registry import DEFAULT

STAGES = ("decode", "resize", "network", "post-processing")


class Detector:
    """Finds objects in images with an SSD, where its parameters lie, or with another engine.

    `precision` is "float32" or "bfloat16". `batch_size` is how many images of a list go through the network
    together. `info` is what the weight file says about itself: recipe, training data, score.
    """

    def __init__(self, model: SSD | Backend, *, precision: str = "float32", batch_size: int = 8) -> None:
        self.backend: Backend = TorchBackend(model, precision=precision) if isinstance(model, SSD) else model
        self.batch_size = _checked_batch_size(batch_size)
        self.info: dict[str, Any] = {}

    @classmethod
    def load(
        cls,
        source: str | Path = DEFAULT.name,
        *,
        device: str | None = None,
        precision: str | None = None,
        backend: str | None = None,
        batch_size: int = 8,
    ) -> "Detector":
        """A detector from a weight file of ours or another origin, an exported model, or the name of published weights.

        By default it is the small one that is part of the package, for dogs, cats, persons, sheep, horses and cows.
        Without a `device` it is on a GPU where there is one, else on the CPU; without a `backend` on the fastest engine
        that is installed, which `engine` names. `precision` is "float32" where nothing is said; an exported model has
        its own. Raises WeightsError where the file is missing or does not fit, UsageError for an unknown name, device,
        precision or backend, and for those that do not go together.
        """
        from multibox.detection.engines.load import load_backend

        loaded = load_backend(source, device=device, precision=precision, backend=backend)
        detector = cls(loaded.backend, batch_size=batch_size)
        detector.info = loaded.info
        return detector

    @property
    def engine(self) -> str:
        """What runs the network, with its version and number type."""
        return self.backend.engine

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.backend.class_names

    @property
    def input_size(self) -> Size:
        """(height, width) of the network input."""
        return self.backend.input_size

    @overload
    def __call__(self, source: list[Any] | tuple[Any, ...], *, batch_size: int | None = None) -> list[Detections]: ...
    @overload
    def __call__(self, source: Any, *, batch_size: int | None = None) -> Detections: ...
    def __call__(self, source: Any, *, batch_size: int | None = None) -> Detections | list[Detections]:
        """Detections in one image, or a list of them for a list of images.

        An image is a path, the bytes of a file, an RGB array (H, W, 3) of uint8, or a PIL image. Raises DataError for
        the first that cannot be read; `try_each` goes on instead.
        """
        if not isinstance(source, list | tuple):
            return self._detect([resize_to_input(read_image(source), self.input_size)])[0]
        return [_or_raise(found) for found in self.try_each(source, batch_size=batch_size)]

    def try_each(self, sources: Iterable[Any], *, batch_size: int | None = None) -> Iterator[Detections | DataError]:
        """Detections of each image in order, or the DataError of an image that cannot be read.

        Takes from `sources` as it goes, so a stream without end is fine; the next images are decoded meanwhile.
        """
        size = self.batch_size if batch_size is None else _checked_batch_size(batch_size)
        prepared = prepare_ahead(sources, input_size=self.input_size, ahead=2 * size - 1)
        while group := list(islice(prepared, size)):
            found = iter(self._detect([p for p in group if isinstance(p, Prepared)]))
            for item in group:
                yield item if isinstance(item, DataError) else next(found)

    def timed(self, source: Any) -> tuple[Detections, dict[str, float]]:
        """Detections in one image, and milliseconds of each of STAGES. The first call is slower than others."""
        times = [perf_counter()]
        image = read_image(source)
        times.append(perf_counter())
        prepared = resize_to_input(image, self.input_size)
        times.append(perf_counter())
        outputs = self.backend.forward(prepared.pixels[None])
        times.append(perf_counter())
        detections = self._in_pixels(self.backend.select(outputs)[0], prepared.image_size)
        times.append(perf_counter())
        spans = [1000 * (end - start) for start, end in pairwise(times)]
        return detections, dict(zip(STAGES, spans, strict=True))

    def _detect(self, images: Sequence[Prepared]) -> list[Detections]:
        if not images:
            return []
        outputs = self.backend.forward(np.stack([p.pixels for p in images]))
        selections = self.backend.select(outputs)
        return [self._in_pixels(s, p.image_size) for s, p in zip(selections, images, strict=True)]

    def _in_pixels(self, selection: Selection, image_size: Size) -> Detections:
        """Boxes from relative to pixels, without those that lay outside the image: clipped, they are empty."""
        height, width = image_size
        boxes = selection.boxes.clamp(0, 1).numpy() * np.array([width, height, width, height], dtype=np.float32)
        inside = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        scores, labels = selection.scores.float().numpy(), selection.labels.numpy()
        return Detections(boxes[inside], scores[inside], labels[inside], self.class_names, image_size)


def _or_raise(found: Detections | DataError) -> Detections:
    if isinstance(found, DataError):
        raise found
    return found


def _checked_batch_size(size: int) -> int:
    if size < 1:
        raise UsageError(f"the batch size is {size}; it has to be 1 or more")
    return size
