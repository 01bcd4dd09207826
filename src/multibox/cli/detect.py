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
from multibox.cli.options import BackendOption, Batch, Device, Json, PrecisionOption
from multibox.errors import DataError, UsageError
from multibox.system.launcher import place

if TYPE_CHECKING:
    from multibox.detection.detector import Detector
    from multibox.detections import Detections

Results = Iterator[Union["Detections", DataError]]

SHOWN_SCORE = 0.5


def detect(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE", help="Images, folders of images, or patterns such as 'photos/*.jpg'."),
    ],
    *,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights", "-w", metavar="FILE", help="Weight file or published name; else a small detector of animals."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Draw the detections and write the images into this folder."),
    ] = None,
    as_json: Json = False,
    min_score: Annotated[
        float | None,
        typer.Option(
            "--min-score",
            min=0,
            max=1,
            metavar="SCORE",
            help=f"Leave out lower scores; by default {SHOWN_SCORE} for text and images, nothing for --json.",
        ),
    ] = None,
    device: Device = None,
    batch: Batch = 8,
    precision: PrecisionOption = None,
    backend: BackendOption = None,
    time: Annotated[
        bool, typer.Option("--time", help="Measure each stage, one image at a time, and print the medians.")
    ] = False,
) -> None:
    """Find objects in images.

    Prints a line for each image, or with --json an array with an entry for each: image, width, height and detections
    with box (x1, y1, x2, y2 in pixels), score, label and name. An image that cannot be read is named on standard
    error, the others go on, and the exit code is 1. Processes that torchrun starts with this command share the
    images; the first prints and draws.
    """
    from multibox.detection.detector import Detector
    from multibox.detection.shared import SharedDetector
    from multibox.images.decode import read_image
    from multibox.images.find import find_images
    from multibox.images.write import result_paths, write_image
    from multibox.system.distributed import joined
    from multibox.weights.registry import DEFAULT

    if time and not place().alone:
        raise UsageError(f"--time measures one process, and these are {place().count}: start it without a launcher")
    images = find_images(sources)
    if not images.files:
        raise UsageError(images.problems[0])
    targets = {} if out is None else result_paths(images.files, out)
    source = weights or DEFAULT.name
    detector = Detector.load(source, device=device, precision=precision, backend=backend, batch_size=batch)
    shown = SHOWN_SCORE if min_score is None else min_score
    stages: list[dict[str, float]] = []
    failed, started = len(images.problems), perf_counter()
    with joined() as processes:
        shared = SharedDetector(detector, processes)
        if not processes.first:
            deque(shared.try_each(images.files), maxlen=0)
            return
        if weights is None:
            say(f"{DEFAULT.name} looks for {', '.join(DEFAULT.class_names)}; --weights takes another detector")
        for problem in images.problems:
            complain(problem)
        results = _timed(detector, images.files, stages) if time else shared.try_each(images.files)
        with _printer(as_json=as_json, shown=shown, kept=min_score or 0.0) as show:
            for path, found in zip(images.files, _with_bar(results, total=len(images.files)), strict=True):
                if isinstance(found, DataError):
                    complain(found)
                    failed += 1
                    continue
                show(path, found)
                if path in targets:
                    write_image(targets[path], found.above(shown).draw(read_image(path)))
    say(_summary(len(images.files) + len(images.problems), failed, seconds=perf_counter() - started, out=out))
    if stages:
        say(detector.engine)
        say(_stage_table(stages))
    if failed:
        raise typer.Exit(1)


def _timed(detector: "Detector", files: Sequence[Path], stages: list[dict[str, float]]) -> Results:
    """Detections of one image after the other, with their times in `stages`; the first runs once more beforehand."""
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
    """A bar, unless the lines on the same terminal show how far it is."""
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


def _line(path: Path, found: "Detections", *, shown: float) -> str:
    """street.jpg: 3 person (0.98 to 0.57), dog 0.87"""
    scores: dict[str, list[float]] = {}
    for _, score, name in found.above(shown):
        scores.setdefault(name, []).append(score)
    if scores:
        return f"{path}: {', '.join(_of_class(name, of_name) for name, of_name in scores.items())}"
    best = f"; the best is {found.class_names[found.labels[0]]} {found.scores[0]:.2f}" if len(found) else ""
    return f"{path}: nothing that scores {shown:g}{best}"


def _of_class(name: str, scores: list[float]) -> str:
    if len(scores) == 1:
        return f"{name} {scores[0]:.2f}"
    return f"{len(scores)} {name} ({scores[0]:.2f} to {scores[-1]:.2f})"


def _summary(images: int, failed: int, *, seconds: float, out: Path | None) -> str:
    done = images - failed
    parts = [f"{done} image{'' if done == 1 else 's'} in {seconds:.1f} s"]
    if failed:
        parts.append(f"{failed} not read")
    if out is not None and done:
        parts.append(f"drawn in {out}")
    return ", ".join(parts)


def _stage_table(stages: list[dict[str, float]]) -> str:
    rows = [(name, f"{median(times[name] for times in stages):.2f}") for name in stages[0]]
    whole = median(sum(times.values()) for times in stages)
    return table([("stage", "median ms"), *rows, ("whole image", f"{whole:.2f}")])
