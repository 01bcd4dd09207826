"""`multibox detect` for images."""

import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Union

import typer

from multibox.cli.console import complain, progress_bar, say
from multibox.cli.detect.lines import line_of, stage_medians, summary
from multibox.cli.detect.wanted import RESULTS, Print, Wanted, printer
from multibox.errors import DataError, UsageError
from multibox.system.launcher import place

if TYPE_CHECKING:
    from multibox.detection.detector import Detector
    from multibox.detections import Detections
    from multibox.images.find import FoundImages
    from multibox.system.distributed import Processes

Results = Iterator[Union["Detections", DataError]]


@dataclass(frozen=True)
class Images:
    """Image files, what cannot be used of the sources, and the file of each drawn image."""

    found: "FoundImages"
    targets: dict[Path, Path]

    @property
    def number(self) -> int:
        """How many files there are."""
        return len(self.found.files)


def find(sources: list[str], wanted: Wanted, *, time: bool) -> Images:
    """The images of the sources. Raises DataError if there are none, UsageError if a result would overwrite one."""
    from multibox.images.find import find_images
    from multibox.images.write import result_paths

    if time and not place().alone:
        raise UsageError(f"--time measures one process, and these are {place().count}: start it without a launcher")
    images = find_images(sources)
    if not images.files:
        raise DataError(images.problems[0])
    targets = result_paths(images.files, wanted.out) if wanted.out is not None and wanted.drawn else {}
    return Images(images, targets)


def detect_images(images: Images, detector: "Detector", wanted: Wanted, *, time: bool, reason: str | None) -> None:
    """Detect in all images; the exit code is 1 if one of them failed.

    `time` also prints the engine, and the `reason` why it is the default.
    """
    from multibox.images.find import once_readable
    from multibox.system.distributed import joined

    contents = [once_readable(path) for path in images.found.files]
    stages: list[dict[str, float]] = []
    started = perf_counter()
    with joined() as processes:
        results = _results(detector, contents, processes, stages=stages if time else None)
        if not processes.first:
            deque(results, maxlen=0)
            return
        for problem in images.found.problems:
            complain(problem)
        failed = _show(images, contents, results, wanted, detector.class_names) + len(images.found.problems)
    number = images.number + len(images.found.problems)
    done = "drawn" if wanted.drawn else "results"
    say(summary(number, "image", failed=failed, seconds=perf_counter() - started, out=wanted.out, done=done))
    if stages:
        say("\n".join(filter(None, [detector.engine.config.description, reason, stage_medians(stages)])))
    if failed:
        raise typer.Exit(1)


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


def _show(
    images: Images,
    contents: Sequence[Path | bytes],
    results: Results,
    wanted: Wanted,
    class_names: tuple[str, ...],
) -> int:
    """Print the detections of each file and write what is wanted; returns the number of errors."""
    from multibox.detection.output.record import Record
    from multibox.detection.output.selection import labels_of

    files, failed = images.found.files, 0
    labels = labels_of(wanted.classes, class_names)
    crops = _CropNames()
    with _printers(wanted, class_names) as show:
        for path, content, found in zip(files, contents, _with_bar(results, total=len(files)), strict=True):
            if isinstance(found, DataError):
                complain(found if content is path else f"{path}: {found}")
                failed += 1
                continue
            chosen = found.of_classes(labels)
            show(Record(str(path), chosen.above(wanted.kept if wanted.machine else 0)))
            failed += _write(content, chosen.above(wanted.shown), images.targets.get(path), wanted, crops.of(path))
    return failed


def _write(content: Path | bytes, found: "Detections", target: Path | None, wanted: Wanted, name: str) -> int:
    """Draw the detections of one image and cut them out, as wanted; return the number of errors."""
    from multibox.detection.output.crops import write_crops
    from multibox.images.decode import read_image
    from multibox.images.write import write_image

    if target is None and not wanted.crops:
        return 0
    try:
        image = read_image(content)
        if target is not None:
            write_image(target, found.draw(image))
        if wanted.crops and wanted.out is not None:
            write_crops(wanted.out, name, image, found)
    except DataError as error:
        complain(error)
        return 1
    return 0


class _CropNames:
    """A name for the cut-outs of each image: its stem, with a number if another image has the same."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def of(self, path: Path) -> str:
        number = self._taken[path.stem] = self._taken.get(path.stem, 0) + 1
        return path.stem if number == 1 else f"{path.stem}_{number}"


@contextmanager
def _printers(wanted: Wanted, class_names: tuple[str, ...]) -> Iterator[Print]:
    """Standard output, and the file of --format in --out if both are given."""
    from multibox.detection.output.formats import find_format, record_file

    with ExitStack() as stack:
        show = stack.enter_context(
            printer(wanted, class_names, line=lambda one: line_of(one.image, one.detections, shown=wanted.shown))
        )
        if wanted.form is None or wanted.out is None:
            yield show
            return
        form = find_format(wanted.form)
        writer = stack.enter_context(record_file(wanted.out / f"{RESULTS}{form.suffix}", form, class_names))
        yield writer.add


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
