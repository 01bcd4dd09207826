"""Run a detector over a data set, or take detections that exist, and say how good they are."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from multibox.data.dataset import Dataset
from multibox.detections import Detections
from multibox.errors import DataError, UsageError
from multibox.evaluation.coco import evaluate_coco
from multibox.evaluation.evaluation import Evaluation
from multibox.evaluation.results.relabel import no_detections, relabel
from multibox.evaluation.voc import AP_VERSIONS, count_objects, evaluate_voc
from multibox.system.progress import Progress

__all__ = ["METRICS", "Evaluation", "collect", "evaluate"]

METRICS = ("voc07", "voc10", "coco")

BatchDetector = Callable[[list[Path]], Sequence[Detections]]


@runtime_checkable
class TriesEach(Protocol):
    """A detector that goes on after an image that it cannot read, giving its error instead of Detections."""

    def try_each(self, sources: Iterable[Any], *, batch_size: int) -> Iterator[Detections | DataError]: ...


def evaluate(
    detector: BatchDetector | Mapping[str, Detections],
    dataset: Dataset,
    *,
    metric: str = "voc10",
    progress: Progress | None = None,
    batch_size: int = 8,
) -> Evaluation:
    """Average precision of a detector on a data set, all of whose images count.

    `detector` takes a list of image paths and gives their Detections (`multibox.Detector` does), or is a mapping from
    image id to Detections, where images that it lacks have none. `metric` is one of METRICS. `progress` is called
    with the number of images done and of all. Classes are matched by name. An image that cannot be read counts as
    without detections and is listed in `problems`.
    UsageError for an unknown metric or a batch size below 1. DataError for a data set without images, or of which no
    image can be read, for detections of unknown images, and for classes of the data set that the detector lacks.
    """
    if metric not in METRICS:
        raise UsageError(f"metric {metric!r}; it is one of {', '.join(METRICS)}")
    found, problems = collect(detector, dataset, progress=progress, batch_size=batch_size)
    if metric == "coco":
        return _coco_evaluation(dataset, detections=found, problems=problems)
    return _voc_evaluation(dataset, detections=found, metric=metric, problems=problems)


def collect(
    detector: BatchDetector | Mapping[str, Detections],
    dataset: Dataset,
    *,
    progress: Progress | None = None,
    batch_size: int = 8,
) -> tuple[list[Detections], list[str]]:
    """Detections of every image in the data set's classes and order, and a line for each that could not be read.

    Arguments and errors as for `evaluate`.
    """
    if batch_size < 1:
        raise UsageError(f"the batch size is {batch_size}; it has to be 1 or more")
    if len(dataset) == 0:
        raise DataError(f"{dataset.name}: no image to evaluate on; choose a split that has some")
    if isinstance(detector, Mapping):
        return _look_up(detector, dataset=dataset), []
    return _detect(detector, dataset=dataset, batch_size=batch_size, progress=progress)


def _look_up(found: Mapping[str, Detections], *, dataset: Dataset) -> list[Detections]:
    unknown = sorted(set(found) - {example.id for example in dataset})
    if unknown:
        raise DataError(
            f"detections of {len(unknown)} images that {dataset.name} has not, the first {unknown[0]!r}; "
            "evaluate on the split that the detections were made for"
        )
    nothing = no_detections(dataset.class_names, image_size=None)
    return [relabel(found.get(example.id, nothing), class_names=dataset.class_names) for example in dataset]


def _detect(
    detector: BatchDetector, *, dataset: Dataset, batch_size: int, progress: Progress | None
) -> tuple[list[Detections], list[str]]:
    """Detections of every image in the data set's classes, and a line about each that could not be read."""
    found: list[Detections] = []
    problems: list[str] = []
    results = _try_each(detector, paths=[example.image for example in dataset], batch_size=batch_size)
    for example, result in zip(dataset, results, strict=True):
        if not isinstance(result, Detections):
            problems.append(_named(result, path=example.image))
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
    """Detections of each image in order, or what is wrong with it.

    A detector with a `try_each` of its own decodes ahead. Others get batches, and where one fails, its images singly.
    """
    if isinstance(detector, TriesEach):
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


def _named(error: DataError | OSError, *, path: Path) -> str:
    return str(error) if str(path) in str(error) else f"{path}: {error}"


def _voc_evaluation(dataset: Dataset, *, detections: list[Detections], metric: str, problems: list[str]) -> Evaluation:
    result = evaluate_voc(dataset, detections=detections)
    return Evaluation(
        metric=metric,
        class_names=dataset.class_names,
        mean=result.mean(metric),
        numbers={version: result.mean(version) for version in AP_VERSIONS},
        ap=dict(zip(dataset.class_names, result.ap(metric).tolist(), strict=True)),
        objects={name: curve.num_objects for name, curve in zip(dataset.class_names, result.curves, strict=True)},
        num_images=len(dataset),
        num_detections=sum(map(len, detections)),
        curves=dict(zip(dataset.class_names, result.curves, strict=True)),
        problems=tuple(problems),
    )


def _coco_evaluation(dataset: Dataset, *, detections: list[Detections], problems: list[str]) -> Evaluation:
    result = evaluate_coco(dataset, detections=detections)
    return Evaluation(
        metric="coco",
        class_names=dataset.class_names,
        mean=result.numbers["AP"],
        numbers=result.numbers,
        ap=dict(zip(dataset.class_names, result.ap.tolist(), strict=True)),
        objects=dict(zip(dataset.class_names, count_objects(dataset), strict=True)),
        num_images=len(dataset),
        num_detections=sum(map(len, detections)),
        problems=tuple(problems),
    )
