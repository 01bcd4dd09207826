"""`multibox detect`: find objects in images."""

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Union

import typer

from multibox.cli.console import JsonArray, complain, progress_bar, say, table
from multibox.cli.options import Batch, ClassMap, Device, Engine, Json, MaxPixels, MinScore, Precision, Stretch
from multibox.errors import DataError, UsageError
from multibox.system.launcher import place
from multibox.words import escaped

if TYPE_CHECKING:
    from multibox.detection.detector import Detector
    from multibox.detections import Detections
    from multibox.images.find import FoundImages
    from multibox.system.distributed import Processes

Results = Iterator[Union["Detections", DataError]]

_SHOWN_SCORE = 0.5


def detect(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE", help="Images, folders of images, or patterns such as 'photos/*.jpg'."),
    ],
    *,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            "-w",
            metavar="FILE",
            help="Weight file, exported model or published name; by default lite320-animals.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Folder for images with drawn detections."),
    ] = None,
    max_pixels: MaxPixels = None,
    stretch: Stretch = False,
    as_json: Json = False,
    min_score: MinScore = None,
    names: ClassMap = None,
    device: Device = None,
    batch: Batch = 8,
    precision: Precision = None,
    engine: Engine = None,
    time: Annotated[
        bool, typer.Option("--time", help="Measure each stage, image by image, and print the medians.")
    ] = False,
) -> None:
    """Find objects in images.

    Prints one line per image with all scores from 0.5, or with --json an array with one entry per image: image, width,
    height, and all detections with box (x1, y1, x2, y2 in pixels), score, label and name. --min-score changes both
    limits. An image that cannot be read is reported on standard error, the others are processed, and the exit code
    is 1. Processes started by torchrun share the images; the first one prints and draws.
    """
    from multibox.detection.detector import Detector
    from multibox.images.find import once_readable
    from multibox.images.write import result_paths
    from multibox.system.distributed import joined
    from multibox.weights.registry import DEFAULT

    _check_alone(time=time)
    images = _find(sources)
    targets = {} if out is None else result_paths(images.files, out)
    detector = Detector.load(
        weights or DEFAULT.name, device=device, precision=precision, engine=engine, batch_size=batch
    )
    detector.rename_classes(names or [])
    contents = [once_readable(path) for path in images.files]
    stages: list[dict[str, float]] = []
    started = perf_counter()
    with joined() as processes:
        results = _results(detector, contents, processes, stages=stages if time else None)
        if not processes.first:
            deque(results, maxlen=0)
            return
        _announce(weights, images.problems)
        failed = _show(images, contents, results, targets, min_score=min_score, as_json=as_json)
    say(_summary(len(images.files) + len(images.problems), failed, seconds=perf_counter() - started, out=out))
    _end(detector, stages, failed=failed)


def _end(detector: "Detector", stages: list[dict[str, float]], *, failed: int) -> None:
    """Print the times, if they were measured; the exit code is 1 if an image failed."""
    if stages:
        say(f"{detector.engine.config.description}\n{_stage_table(stages)}")
    if failed:
        raise typer.Exit(1)


def _find(sources: list[str]) -> "FoundImages":
    from multibox.images.find import find_images

    images = find_images(sources)
    if not images.files:
        raise UsageError(images.problems[0])
    return images


def _check_alone(*, time: bool) -> None:
    if time and not place().alone:
        raise UsageError(f"--time measures one process, and these are {place().count}: start it without a launcher")


def _results(
    detector: "Detector",
    files: Sequence[Path | bytes],
    processes: "Processes",
    *,
    stages: list[dict[str, float]] | None,
) -> Results:
    """Detections of each file; with `stages` one image at a time, with the times of each stage appended to it."""
    from multibox.detection.distributed import DistributedDetector

    if stages is not None:
        return _timed(detector, files, stages)
    return DistributedDetector(detector, processes).try_each(files)


def _announce(weights: str | None, problems: Sequence[str]) -> None:
    """Name the default detector, if it is used, and the sources without images."""
    from multibox.weights.registry import DEFAULT

    if weights is None:
        say(f"{DEFAULT.name} finds {', '.join(DEFAULT.class_names)}; --weights selects another detector")
    for problem in problems:
        complain(problem)


def _show(
    images: "FoundImages",
    contents: Sequence[Path | bytes],
    results: Results,
    targets: dict[Path, Path],
    *,
    min_score: float | None,
    as_json: bool,
) -> int:
    """Print the detections of each file and draw them into its target, if it has one; returns the number of errors."""
    shown = _SHOWN_SCORE if min_score is None else min_score
    files, failed = images.files, len(images.problems)
    with _printer(as_json=as_json, shown=shown, kept=min_score or 0.0) as show:
        shown_results = _with_bar(results, total=len(files))
        for path, content, found in zip(files, contents, shown_results, strict=True):
            if isinstance(found, DataError):
                complain(found if content is path else f"{path}: {found}")
                failed += 1
                continue
            show(path, found)
            if path in targets:
                failed += _draw(content, found.above(shown), targets[path])
    return failed


def _draw(content: Path | bytes, found: "Detections", target: Path) -> int:
    """Draw the detections of one image into a file; return the number of errors."""
    from multibox.images.decode import read_image
    from multibox.images.write import write_image

    try:
        write_image(target, found.draw(read_image(content)))
    except DataError as error:
        complain(error)
        return 1
    return 0


def _timed(detector: "Detector", files: Sequence[Path | bytes], stages: list[dict[str, float]]) -> Results:
    """Detections of one image at a time; appends the times to `stages`. The first image runs twice, to warm up."""
    warm = False
    for path in files:
        try:
            if not warm:
                detector(path)
                warm = True
            found, milliseconds = detector.timed(path)
        except DataError as error:
            yield error
            continue
        stages.append(milliseconds)
        yield found


def _with_bar(results: Results, *, total: int) -> Results:
    """Show a progress bar, unless the lines on the same terminal show the progress."""
    with progress_bar("detecting", hidden=sys.stdout.isatty()) as advance:
        for done, result in enumerate(results, start=1):
            yield result
            advance(done, total)


@contextmanager
def _printer(*, as_json: bool, shown: float, kept: float) -> Iterator[Callable[[Path, "Detections"], None]]:
    if not as_json:
        yield lambda path, found: print(_line(path, found, shown=shown), flush=True)
        return
    with JsonArray() as array:
        yield lambda path, found: array.add(found.above(kept).to_json(path))


def _line(file: Path, found: "Detections", *, shown: float) -> str:
    """street.jpg: 3 person (0.98 to 0.57), dog 0.87"""
    scores: dict[str, list[float]] = {}
    for _, score, name in found.above(shown):
        scores.setdefault(escaped(name), []).append(score)
    path = escaped(str(file))
    if scores:
        return f"{path}: {', '.join(_of_class(name, of_name) for name, of_name in scores.items())}"
    best = f"; the best is {escaped(found.class_names[found.labels[0]])} {found.scores[0]:.2f}" if len(found) else ""
    return f"{path}: nothing that scores {shown:g}{best}"


def _of_class(name: str, scores: list[float]) -> str:
    if len(scores) == 1:
        return f"{name} {scores[0]:.2f}"
    return f"{len(scores)} {name} ({scores[0]:.2f} to {scores[-1]:.2f})"


def _summary(images: int, failed: int, *, seconds: float, out: Path | None) -> str:
    done = images - failed
    parts = [f"{done} image{'' if done == 1 else 's'} in {seconds:.1f} s"]
    if failed:
        parts.append(f"{failed} failed")
    if out is not None and done:
        parts.append(f"drawn in {out}")
    return ", ".join(parts)


def _stage_table(stages: list[dict[str, float]]) -> str:
    rows = [(name, f"{median(times[name] for times in stages):.2f}") for name in stages[0]]
    whole = median(sum(times.values()) for times in stages)
    return table([("stage", "median ms"), *rows, ("whole image", f"{whole:.2f}")])
