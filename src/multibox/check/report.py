"""One HTML file about a checked data set, complete in itself, with images of what is wrong."""

import base64
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from string import Template

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox._version import __version__
from multibox.check.check import CheckResult
from multibox.check.image import draw_record
from multibox.check.titles import meaning_of, title_of
from multibox.data.formats.problem import Problem
from multibox.data.formats.record import Record
from multibox.tiling.coverage import Coverage, Share

_IMAGES = 8  # of each kind of problem
_LINES = 40
_CLASSES = 40


def write_check_report(result: CheckResult, path: Path | str, *, model: str = "") -> None:
    """Write the report; `model` is the name of the one whose priors were measured."""
    title = f"Data set {result.raw.name}"
    records = _records(result)
    groups = groupby(result.problems, key=lambda problem: (problem.severity, problem.kind))
    body = [_verdict(result), _tiles(result)]
    body += [_problem_section(result, list(problems), records) for _, problems in groups]
    body += [_classes(result), _coverage(result.coverage, model) if result.coverage else ""]
    page = Template(files("multibox.check").joinpath("report.html").read_text(encoding="utf-8"))
    footer = f"multibox {__version__} · format {result.raw.format}"
    text = page.substitute(title=escape(title), body="\n".join(filter(None, body)), footer=escape(footer))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


def _records(result: CheckResult) -> dict[str, Record]:
    """Records by the files that problems name: the annotation or the image."""
    by_file = {str(record.image): record for record in result.raw.records}
    return by_file | {result.raw.file_of(record): record for record in result.raw.records}


def _verdict(result: CheckResult) -> str:
    if result.ok:
        return '<p class="verdict good">Nothing stands in the way of training.</p>'
    errors = sum(problem.severity == "error" for problem in result.problems)
    rest = "is an error" if errors == 1 else "are errors"
    return f'<p class="verdict bad">{errors:,} of the problems below {rest}: correct before training.</p>'


def _tiles(result: CheckResult) -> str:
    counts = {
        severity: sum(p.severity == severity for p in result.problems) for severity in ("error", "warning", "note")
    }
    tiles = [
        (len(result.raw.records), "images"),
        (sum(result.classes.values()), "objects"),
        (len(result.raw.class_names), "classes"),
        *((count, f"{severity}s") for severity, count in counts.items()),
    ]
    inside = "".join(f'<div class="tile"><b>{value:,}</b><span>{name}</span></div>' for value, name in tiles)
    splits = " · ".join(f"{escape(name)} {count:,}" for name, count in result.splits.items())
    return f'<div class="tiles">{inside}</div><p class="note">Images in splits: {splits or "none"}</p>'


def _problem_section(result: CheckResult, problems: Sequence[Problem], records: dict[str, Record]) -> str:
    """A kind of problem: images of the first ones, the others as lines."""
    first = problems[0]
    heading = (
        f'<h2><span class="tag {first.severity}">{first.severity}</span>{escape(title_of(first.kind))}'
        f'<span class="count">{len(problems):,}</span></h2><p class="note">{escape(meaning_of(first.kind))}</p>'
    )
    figures: list[str] = []
    lines: list[str] = []
    for problem in problems:
        figure = _figure(result, problem, records) if len(figures) < _IMAGES else None
        (figures if figure else lines).append(figure or _line(problem))
    more = f"<li>… and {len(lines) - _LINES:,} more; <b>--json</b> lists all</li>" if len(lines) > _LINES else ""
    images = f'<div class="images">{"".join(figures)}</div>' if figures else ""
    listing = f"<ul>{''.join(lines[:_LINES])}{more}</ul>" if lines else ""
    return f"<section>{heading}{images}{listing}</section>"


def _figure(result: CheckResult, problem: Problem, records: dict[str, Record]) -> str | None:
    record = records.get(problem.file)
    image = draw_record(result.raw, record, problem.object) if record else None
    if image is None:
        return None
    place = f" · {escape(problem.object)}" if problem.object else ""
    caption = f"<b>{escape(Path(problem.file).name)}{place}</b>{escape(problem.message)}"
    alt = escape(f"{Path(problem.file).name}: {problem.message}")
    return f'<figure><img alt="{alt}" src="{_data_uri(image)}"><figcaption>{caption}</figcaption></figure>'


def _line(problem: Problem) -> str:
    place = f" · {escape(problem.object)}" if problem.object else ""
    return f"<li><b>{escape(problem.file)}{place}</b> {escape(problem.message)}</li>"


def _classes(result: CheckResult) -> str:
    ranked = sorted(result.classes.items(), key=lambda pair: -pair[1])
    most = max(ranked[0][1], 1) if ranked else 1
    rows = "".join(_row(name, [count / most], [f"{count:,}"]) for name, count in ranked[:_CLASSES])
    note = f"The {_CLASSES} most frequent of {len(ranked):,}" if len(ranked) > _CLASSES else "Objects of each class"
    head = '<thead><tr><th>class</th><th></th><th class="number">objects</th></tr></thead>'
    return f'<section><h2>Classes</h2><p class="note">{note}</p><table>{head}<tbody>{rows}</tbody></table></section>'


def _coverage(coverage: Coverage, model: str) -> str:
    """Bars of the shares reached at 0.7 and 0.5, for everything, sizes and the least reached classes."""
    height, width = coverage.input_size
    head = (
        '<thead><tr><th></th><th><span class="key"></span>IoU 0.7<span class="key pale"></span>IoU 0.5</th>'
        '<th class="number">0.5, %</th><th class="number">0.7, %</th><th class="number">matched, %</th>'
        '<th class="number">priors each</th><th class="number">objects</th></tr></thead>'
    )
    note = (
        f"The part of the objects that one of the {coverage.priors:,} priors of {model or 'the model'} overlaps at "
        f"{width} x {height}, over {coverage.images:,} images. Matching gives the others their best free prior, "
        "and they learn from that one alone."
    )
    rows = "".join(_shares(coverage))
    return (
        f'<section><h2>Coverage by priors</h2><p class="note">{escape(note)}</p>'
        f'<table class="coverage">{head}<tbody>{rows}</tbody></table></section>'
    )


def _shares(coverage: Coverage) -> Iterator[str]:
    yield _share("all objects", coverage.everything)
    for name, share in coverage.sizes.items():
        yield _share(name, share, gap=name == next(iter(coverage.sizes)))
    present = [(name, share) for name, share in coverage.classes.items() if share.objects]
    for place, (name, share) in enumerate(sorted(present, key=lambda pair: pair[1].overlap_50)[:_CLASSES]):
        yield _share(name, share, gap=place == 0)


def _share(name: str, share: Share, *, gap: bool = False) -> str:
    numbers = [f"{100 * part:.1f}" for part in (share.overlap_50, share.overlap_70, share.matched)]
    numbers += [f"{share.positives:.1f}", f"{share.objects:,}"]
    return _row(name, [share.overlap_50, share.overlap_70], numbers, gap=gap)


def _row(name: str, parts: Sequence[float], numbers: Sequence[str], *, gap: bool = False) -> str:
    """A table row with a bar; of two parts the first is the pale one behind."""
    styles = [' class="pale"', ""] if len(parts) == 2 else [""]
    bars = "".join(f'<i{style} style="width:{100 * part:.2f}%"></i>' for style, part in zip(styles, parts, strict=True))
    cells = "".join(f'<td class="number{" soft" if place else ""}">{text}</td>' for place, text in enumerate(numbers))
    start = f'<tr{" class=gap" if gap else ""}><th title="{escape(name)}">{escape(name)}</th>'
    return f'{start}<td><div class="track">{bars}</div></td>{cells}</tr>'


def _data_uri(image: UInt8[np.ndarray, "h w 3"]) -> str:
    pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 84])[1].tobytes()
    return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")
