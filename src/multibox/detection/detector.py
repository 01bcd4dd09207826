"""From images to Detections: decode, resize, network, postprocessing, boxes in pixels of the original image."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union, overload

import numpy as np

from multibox.array_nms import ArraySelection
from multibox.class_map import class_map, renamed
from multibox.detection.engines.engine import Engine, EngineConfig
from multibox.detection.engines.load import load_engine
from multibox.detection.explain.origin import ImageOrigin
from multibox.detections import Detections
from multibox.errors import DataError, UsageError
from multibox.images.decode import read_image
from multibox.images.prepare import Prepared, prepare, prepare_ahead, resize_to_input
from multibox.size import Size
from multibox.system.clock import Clock
from multibox.system.fork import generation, prepare_child
from multibox.weights.registry.detectors import DEFAULT

if TYPE_CHECKING:
    from multibox.detection.tiles.detector import TiledDetector
    from multibox.models.ssd import SSD

STAGES = ("decode", "resize", "network", "postprocessing")


class Detector:
    """Finds objects in images with an SSD, on the device of its parameters, or with another engine.

    `precision` is "fp32" or "bf16" and counts for an SSD only. `batch_size` is the number of images of a list that go
    through the network together. `info` is the metadata of the weight file: recipe, training data, score. `names` are
    new names of classes by their names in the model; see `rename_classes`.

    Any number of threads may use one detector; each gets the results that it would get alone. `pickle` and
    `copy.deepcopy` work: PyTorch and OpenVINO engines store their weights, ONNX Runtime's the path of its file. In a
    forked child, engines of PyTorch on the CPU work with one thread; others raise UsageError. Start processes with
    multiprocessing's "spawn" to use all threads.
    """

    def __init__(self, model: Union["SSD", Engine], *, precision: str = "fp32", batch_size: int = 8) -> None:
        self.engine = _engine_of(model, precision=precision)
        self.batch_size = _checked_batch_size(batch_size)
        self.info: dict[str, Any] = {}
        self.names: dict[str, str] = {}
        self._generation = generation()

    @classmethod
    def load(
        cls,
        source: str | Path = DEFAULT.name,
        *,
        device: str | None = None,
        precision: str | None = None,
        engine: str | None = None,
        batch_size: int = 8,
        images: int | None = None,
    ) -> "Detector":
        """Load a weight file of multibox or another origin, an exported model, or published weights by name.

        hf://owner/name@revision is model.safetensors in a repository of the Hugging Face Hub.

        The default is the small detector in the package, for dogs, cats, persons, sheep, horses and cows. The default
        `device` is a GPU if there is one, else the CPU; the default `engine` is the fastest one that is installed.
        `precision` is "fp32" or "bf16"; an exported model has its own. `images` is the number of images to come, if
        it is known: for a few, an engine that starts soon is the default. Raises WeightsError if the file is missing
        or does not fit, UsageError for an unknown name, device, precision or engine, and for combinations that do not
        go together.
        """
        prepare_child()
        loaded = load_engine(source, device=device, precision=precision, engine=engine, images=images)
        detector = cls(loaded.engine, batch_size=batch_size)
        detector.info = loaded.info
        return detector

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes without background, with their new names."""
        return renamed(self.engine.config.class_names, self.names)

    def rename_classes(self, pairs: Sequence[str]) -> None:
        """Give classes other names, as `--map` does: each of `pairs` is a text such as "cattle=cow".

        Several classes can get one name. Raises UsageError for a class that the detector lacks.
        """
        self.names = class_map(pairs, known=self.engine.config.class_names)

    @property
    def input_size(self) -> Size:
        """Size of the network input."""
        return self.engine.config.input_size

    @overload
    def __call__(self, source: list[Any] | tuple[Any, ...], *, batch_size: int | None = None) -> list[Detections]: ...
    @overload
    def __call__(self, source: Any, *, batch_size: int | None = None) -> Detections: ...
    def __call__(self, source: Any, *, batch_size: int | None = None) -> Detections | list[Detections]:
        """Detections in one image, or a list of them for a list of images.

        An image is a path, the bytes of a file, an RGB array (H, W, 3) of uint8, or a PIL image. Raises DataError for
        the first image that cannot be read; `try_each` continues instead.
        """
        self._check_process()
        if not isinstance(source, list | tuple):
            return self._detect_one(source)
        return [_or_raise(found) for found in self.try_each(source, batch_size=batch_size)]

    def try_each(self, sources: Iterable[Any], *, batch_size: int | None = None) -> Iterator[Detections | DataError]:
        """Detections of each image in order, or the DataError of an image that cannot be read.

        `sources` is read step by step, so it may be an endless stream; the next images are decoded in the background.
        """
        size = self.batch_size if batch_size is None else _checked_batch_size(batch_size)
        prepared = prepare_ahead(sources, input_size=self.input_size, ahead=2 * size - 1)
        yield from self.detect_prepared(prepared, batch_size=size)

    def detect_prepared(
        self, prepared: Iterable[Prepared | DataError], *, batch_size: int | None = None
    ) -> Iterator[Detections | DataError]:
        """Detections of each image that is already resized to the input, in order; errors are passed on."""
        self._check_process()
        size = self.batch_size if batch_size is None else _checked_batch_size(batch_size)
        images = iter(prepared)
        while group := list(islice(images, size)):
            found = iter(self.detect_batch([p for p in group if isinstance(p, Prepared)]))
            for item in group:
                yield item if isinstance(item, DataError) else next(found)

    def detect_batch(self, images: Sequence[Prepared], *, clock: Clock | None = None) -> list[Detections]:
        """Detections in images that are resized already, which go through the network together.

        `clock` marks the last two of STAGES.
        """
        self._check_process()
        if not images:
            return []
        outputs = self.engine.forward(np.stack([p.pixels for p in images]))
        if clock is not None:
            clock.mark("network")
        found = self._detections(outputs, images)
        if clock is not None:
            clock.mark("postprocessing")
        return found

    def tiled(self, tiles: str = "auto", *, overlap: float = 0.2) -> "TiledDetector":
        """The same detector, which looks at each image as a whole and in overlapping tiles: for small objects.

        `tiles` is ROWSxCOLUMNS, or "auto" for tiles of at most twice the size of the network input. `overlap` is the
        part of a tile that it shares with its neighbor. Raises UsageError for other values.
        """
        from multibox.detection.tiles.detector import TiledDetector
        from multibox.detection.tiles.layout import parse_layout

        return TiledDetector(self, parse_layout(tiles, overlap=overlap))

    def timed(self, source: Any) -> tuple[Detections, dict[str, float]]:
        """Detections in one image, and milliseconds of each of STAGES. The first call is slower than others."""
        found, milliseconds = self.timed_batch([source])
        return found[0], milliseconds

    def timed_batch(self, sources: Sequence[Any]) -> tuple[list[Detections], dict[str, float]]:
        """Detections in images that go through the network together, and milliseconds of each of STAGES for all."""
        self._check_process()
        clock = Clock()
        images = [read_image(source) for source in sources]
        clock.mark("decode")
        prepared = [resize_to_input(image, self.input_size) for image in images]
        clock.mark("resize")
        found = self.detect_batch(prepared, clock=clock)
        return found, clock.milliseconds()

    def _detect_one(self, source: Any) -> Detections:
        return self.detect_batch([prepare(source, self.input_size)])[0]

    def _check_process(self) -> None:
        """Prepare for use in a child that was forked after the detector was made; raise UsageError if impossible."""
        if self._generation == generation():
            return
        config = self.engine.config
        if not config.survives_fork:
            raise UsageError(
                f"this detector ({config.description}) was made before the process was forked, and its engine does not "
                "work in a forked child: load it in the child, or start the child with multiprocessing's 'spawn'"
            )
        prepare_child()
        self._generation = generation()

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _generation=generation())

    def _detections(self, outputs: Any, images: Sequence[Prepared]) -> list[Detections]:
        selections = self.engine.postprocess(outputs)
        return [self._in_pixels(s, p) for s, p in zip(selections, images, strict=True)]

    def _in_pixels(self, selection: ArraySelection, image: Prepared) -> Detections:
        """Scale boxes to pixels and drop empty ones: boxes outside the image, after clipping."""
        height, width = image.image_size
        boxes = selection.boxes * np.array([width, height, width, height], dtype=np.float32)
        inside = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        scores, labels, priors = (values[inside] for values in selection[1:])
        class_names = self.engine.config.class_names
        origin = ImageOrigin(self, image.source)
        found = Detections(boxes[inside], scores, labels, class_names, image.image_size, priors, origin=origin)
        return found.renamed(self.names) if self.names else found


def _engine_of(model: Union["SSD", Engine], *, precision: str) -> Engine:
    """The engine itself, or PyTorch for an SSD."""
    if isinstance(model.config, EngineConfig):
        return model
    from multibox.detection.engines.torch import TorchEngine

    return TorchEngine(model, precision=precision)


def _or_raise(found: Detections | DataError) -> Detections:
    if isinstance(found, DataError):
        raise found
    return found


def _checked_batch_size(size: int) -> int:
    if size < 1:
        raise UsageError(f"the batch size is {size}; it must be 1 or more")
    return size
