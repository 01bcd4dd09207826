"""Run a detector over a data set, or take existing detections, and measure their average precision."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from multibox.data.dataset import Dataset
from multibox.detections import Detections
from multibox.errors import DataError, UsageError
from multibox.evaluation.evaluation import Evaluation
from multibox.evaluation.metrics import DEFAULT_METRIC, find_metric
from multibox.evaluation.results.relabel import no_detections, relabel
from multibox.system.progress import Progress

__all__ = ["Evaluation", "collect", "evaluate"]

BatchDetector = Callable[[list[Path]], Sequence[Detections]]


@runtime_checkable
class DetectorWithTryEach(Protocol):
    """A detector whose `try_each` yields, for an image that it cannot read, the error in place of Detections."""

    def try_each(self, sources: Iterable[Any], *, batch_size: int) -> Iterator[Detections | DataError]: ...


def evaluate(
    detector: BatchDetector | Mapping[str, Detections],
    dataset: Dataset,
    *,
    metric: str = DEFAULT_METRIC,
    iou: float | None = None,
    progress: Progress | None = None,
    batch_size: int = 8,
) -> Evaluation:
    """Compute the average precision of a detector on all images of a data set.

    `detector` takes a list of image paths and returns their Detections (`multibox.Detector` does), or is a mapping from
    image id to Detections; images that the mapping lacks have no detections. `metric` is the name of one of
    `multibox.evaluation.metrics.METRICS`, and `iou` the least IoU of a correct detection in the VOC metrics, None for
    0.5. `progress` is called with the number of images done and of all images. Classes are matched by name. An image
    that cannot be read counts as without detections and is listed in `problems`.

    UsageError for an unknown metric, an IoU that it cannot have, or a batch size below 1. DataError if the data set has
    no images or none can be read, for detections of unknown images, and if the detector lacks classes of the data set.
    """
    chosen = find_metric(metric, iou=iou)
    found, problems = collect(detector, dataset, progress=progress, batch_size=batch_size)
    return replace(chosen.evaluate(dataset, found), problems=tuple(problems))


def collect(
    detector: BatchDetector | Mapping[str, Detections],
    dataset: Dataset,
    *,
    progress: Progress | None = None,
    batch_size: int = 8,
) -> tuple[list[Detections], list[str]]:
    """Return the detections of every image, labeled as in the data set, and a line for each image that is unreadable.

    Arguments and errors are those of `evaluate`.
    """
    if batch_size < 1:
        raise UsageError(f"the batch size is {batch_size}; it must be 1 or more")
    if len(dataset) == 0:
        raise DataError(f"{dataset.name}: no image to evaluate on; choose a split that has some")
    if isinstance(detector, Mapping):
        return _look_up(detector, dataset=dataset), []
    return _detect(detector, dataset=dataset, batch_size=batch_size, progress=progress)


def _look_up(found: Mapping[str, Detections], *, dataset: Dataset) -> list[Detections]:
    unknown = sorted(set(found) - {example.id for example in dataset})
    if unknown:
        raise DataError(
            f"detections of {len(unknown)} images that are not in {dataset.name}, the first {unknown[0]!r}; "
            "evaluate on the split that the detections were made for"
        )
    nothing = no_detections(dataset.class_names, image_size=None)
    return [relabel(found.get(example.id, nothing), class_names=dataset.class_names) for example in dataset]


def _detect(
    detector: BatchDetector, *, dataset: Dataset, batch_size: int, progress: Progress | None
) -> tuple[list[Detections], list[str]]:
    """Return the detections of every image and a line about each image that cannot be read."""
    found: list[Detections] = []
    problems: list[str] = []
    results = _try_each(detector, paths=[example.image for example in dataset], batch_size=batch_size)
    for example, result in zip(dataset, results, strict=True):
        if not isinstance(result, Detections):
            problems.append(_with_path(result, path=example.image))
            result = no_detections(dataset.class_names, image_size=example.size)
        found.append(relabel(result, class_names=dataset.class_names))
        if progress is not None:
            progress(len(found), len(dataset))
    if len(problems) == len(dataset):
        raise DataError(f"none of the {len(dataset)} images of {dataset.name} can be read; the first: {problems[0]}")
    return found, problems


def _try_each(
    detector: BatchDetector, *, paths: list[Path], batch_size: int
) -> Iterator[Detections | DataError | OSError]:
    """Yield the detections of each image in order, or the error that reading it raised.

    A detector with its own `try_each` decodes ahead. Others get batches; if a batch fails, its images are tried singly.
    """
    if isinstance(detector, DetectorWithTryEach):
        yield from detector.try_each(paths, batch_size=batch_size)
        return
    for start in range(0, len(paths), batch_size):
        yield from _try_batch(detector, paths=paths[start : start + batch_size])


def _try_batch(detector: BatchDetector, *, paths: list[Path]) -> Sequence[Detections | DataError | OSError]:
    try:
        return detector(paths)
    except (DataError, OSError) as error:
        if len(paths) == 1:
            return [error]
    return [result for path in paths for result in _try_batch(detector, paths=[path])]


def _with_path(error: DataError | OSError, *, path: Path) -> str:
    return str(error) if str(path) in str(error) else f"{path}: {error}"
