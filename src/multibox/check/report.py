"""One HTML file about a checked data set, with images of what is wrong."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from multibox.check.check import CheckResult
from multibox.check.problem_image import draw_problem
from multibox.check.titles import meaning_of, title_of
from multibox.data.formats.problem import Problem
from multibox.data.formats.record import Record
from multibox.drawing.html import jpeg_uri, write_page
from multibox.tiling.coverage import Coverage, GroupCoverage

MAX_FIGURES = 8  # of each kind of problem
MAX_LINES = 40  # of each kind of problem
MAX_CLASSES = 40


@dataclass
class ProblemGroup:
    """Problems of one kind: the first ones as images, the others as lines of place and message."""

    severity: str
    title: str
    meaning: str
    count: int
    figures: list[dict[str, str]] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)
    more: int = 0


def write_check_report(result: CheckResult, path: Path | str, *, model: str = "") -> None:
    """Write the report; `model` is the name of the model that the measured priors belong to."""
    records = _records_by_file(result)
    by_kind = groupby(result.problems, key=lambda problem: (problem.severity, problem.kind))
    coverage = result.coverage
    values = {
        "title": f"Data set {result.raw.name}",
        "errors": sum(problem.severity == "error" for problem in result.problems),
        "numbers": _headline_numbers(result),
        "splits": " · ".join(f"{name} {count:,}" for name, count in result.splits.items()) or "none",
        "groups": [_group(result, list(problems), records) for _, problems in by_kind],
        "classes": _class_rows(result),
        "classes_note": _class_note(result),
        "coverage": _coverage_rows(coverage) if coverage else [],
        "coverage_note": _coverage_note(coverage, model) if coverage else "",
        "format": result.raw.format,
    }
    write_page(path, "check/report.html", values)


def _records_by_file(result: CheckResult) -> dict[str, Record]:
    """Records by the file that a problem names: the annotation or the image."""
    by_image = {str(record.image): record for record in result.raw.records}
    return by_image | {result.raw.file_of(record): record for record in result.raw.records}


def _headline_numbers(result: CheckResult) -> list[tuple[str, str]]:
    severities = Counter(problem.severity for problem in result.problems)
    numbers = {
        "images": len(result.raw.records),
        "objects": sum(result.classes.values()),
        "classes": len(result.raw.class_names),
        "errors": severities["error"],
        "warnings": severities["warning"],
        "notes": severities["note"],
    }
    return [(name, f"{value:,}") for name, value in numbers.items()]


def _group(result: CheckResult, problems: Sequence[Problem], records: dict[str, Record]) -> ProblemGroup:
    first = problems[0]
    group = ProblemGroup(first.severity, title_of(first.kind), meaning_of(first.kind), len(problems))
    for problem in problems:
        figure = _figure(result, problem, records) if len(group.figures) < MAX_FIGURES else None
        if figure:
            group.figures.append(figure)
        else:
            group.lines.append((_place(problem.file, problem), problem.message))
    group.more = max(0, len(group.lines) - MAX_LINES)
    group.lines = group.lines[:MAX_LINES]
    return group


def _figure(result: CheckResult, problem: Problem, records: dict[str, Record]) -> dict[str, str] | None:
    """Image, place and message of a problem; None if it has no image that decodes."""
    record = records.get(problem.file)
    image = draw_problem(result.raw, record, problem.object) if record else None
    if image is None:
        return None
    place = _place(Path(problem.file).name, problem)
    return {"source": jpeg_uri(image), "place": place, "message": problem.message}


def _place(file: str, problem: Problem) -> str:
    return f"{file} · {problem.object}" if problem.object else file


def _class_rows(result: CheckResult) -> list[tuple[str, float, int]]:
    """Name, count relative to the most frequent class, and count; the most frequent classes first."""
    ranked = sorted(result.classes.items(), key=lambda pair: -pair[1])
    most = max([1, *result.classes.values()])
    return [(name, count / most, count) for name, count in ranked[:MAX_CLASSES]]


def _class_note(result: CheckResult) -> str:
    count = len(result.classes)
    return f"The {MAX_CLASSES} most frequent of {count:,}" if count > MAX_CLASSES else "Objects of each class"


def _coverage_rows(coverage: Coverage) -> list[list[tuple[str, GroupCoverage]]]:
    """Blocks of rows: all objects, objects by size, and the classes that the priors reach least."""
    present = [(name, share) for name, share in coverage.classes.items() if share.objects]
    least = sorted(present, key=lambda pair: pair[1].overlap_50)[:MAX_CLASSES]
    return [[("all objects", coverage.everything)], list(coverage.sizes.items()), least]


def _coverage_note(coverage: Coverage, model: str) -> str:
    height, width = coverage.input_size
    return (
        f"The share of the objects that one of the {coverage.priors:,} priors of {model or 'the model'} overlaps at "
        f"{width} x {height}, over {coverage.images:,} images. Each of the other objects gets its best free prior in "
        "matching and learns from that prior only."
    )
