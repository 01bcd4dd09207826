"""One HTML file about a training and its evaluation, complete in itself: no script, nothing from the network."""

import base64
import math
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from multibox._version import __version__
from multibox.drawing.chart import Series, line_chart, unit_chart
from multibox.evaluation.evaluation import Evaluation
from multibox.evaluation.metrics import find_metric

_LOSSES = {"loss": "total", "confidence_loss": "confidence", "location_loss": "location"}
_WIDEST = 900  # pixels of an embedded image

Image = tuple[str, UInt8[np.ndarray, "_ _ 3"]]


def write_report(
    path: Path | str,
    *,
    title: str,
    history: Sequence[Mapping[str, Any]],
    evaluation: Evaluation | None,
    images: Sequence[Image],
    facts: Mapping[str, object],
) -> None:
    """Write the report; parts without data are left out.

    `history` are the lines of a run's metrics: step and loss, location_loss, confidence_loss, images_per_second; rows
    with a score are validations. `images` are captions and RGB images, best with boxes drawn in. `facts` go into a
    table in their order.
    """
    parts = [_tiles(history, evaluation), _losses(history), _scores(history)]
    if evaluation is not None:
        parts += [_classes(evaluation), _curves(evaluation)]
    parts += [_images(images), _facts(facts, evaluation), _problems(evaluation)]
    template = Template(files("multibox.drawing").joinpath("report.html").read_text(encoding="utf-8"))
    page = template.substitute(title=escape(title), body="\n".join(filter(None, parts)), version=escape(__version__))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(page, encoding="utf-8")


def _tiles(history: Sequence[Mapping[str, Any]], evaluation: Evaluation | None) -> str:
    """The numbers that people look for first."""
    tiles = []
    if evaluation is not None:
        tiles += [(f"{find_metric(evaluation.metric).headline}, %", _percent(evaluation.mean))]
        tiles += [("images evaluated", f"{evaluation.num_images:,}")]
        tiles += [("objects in them", f"{sum(evaluation.objects.values()):,}")]
    steps = [int(row["step"]) for row in history]
    if steps:
        tiles += [("training steps", f"{max(steps):,}")]
    speeds = [float(row["images_per_second"]) for row in history if "images_per_second" in row]
    if speeds:
        tiles += [("images/s in training", f"{float(np.median(speeds)):.3g}")]
    inside = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span></div>' for name, value in tiles
    )
    return f'<div class="tiles">{inside}</div>' if tiles else ""


def _losses(history: Sequence[Mapping[str, Any]]) -> str:
    series = [line for key, name in _LOSSES.items() if len((line := _series(history, key, name)).x) > 1]
    if not series:
        return ""
    chart = line_chart(series, x_label="training step", y_label="loss per matched prior", decimals=2)
    return _section("Loss", "What training brings down: total = confidence + location", _wide(chart))


def _scores(history: Sequence[Mapping[str, Any]]) -> str:
    series = _series(history, "score", "score")
    if len(series.x) < 2:
        return ""
    percent = Series("score", series.x, 100 * series.y)
    chart = line_chart([percent], x_label="training step", y_label="score, %", decimals=1)
    return _section("Validation during training", "Score on images that training does not see", _wide(chart))


def _classes(evaluation: Evaluation) -> str:
    """A bar for each class, the best first; classes without objects last."""
    ranked = sorted(
        evaluation.class_names, key=lambda name: (math.isnan(evaluation.ap[name]), -_number(evaluation, name))
    )
    rows = "".join(_bar(name, evaluation.ap[name], evaluation.objects[name]) for name in ranked)
    head = '<tr><th>class</th><th></th><th class="number">AP, %</th><th class="number count">objects</th></tr>'
    table = f'<table class="bars"><thead>{head}</thead><tbody>{rows}</tbody></table>'
    meaning = find_metric(evaluation.metric).meaning
    note = f"{find_metric(evaluation.metric).headline} {_percent(evaluation.mean)} %: {meaning}"
    return _section("Average precision by class", note, table)


def _bar(name: str, ap: float, objects: int) -> str:
    bar = "" if math.isnan(ap) else f'<div class="track"><i style="width:{100 * ap:.2f}%"></i></div>'
    return (
        f'<tr><th title="{escape(name)}">{escape(name)}</th><td>{bar}</td><td class="number">{_percent(ap)}</td>'
        f'<td class="number soft count">{objects:,}</td></tr>'
    )


def _curves(evaluation: Evaluation) -> str:
    """Precision over recall, a small chart for each class that has objects."""
    charts = []
    for name, curve in evaluation.curves.items():
        if curve.num_objects:
            line = Series(f"precision and recall of {name}", curve.recall, curve.precision)
            heading = f"<h3><span>{escape(name)}</span><span>AP {_percent(evaluation.ap[name])} %</span></h3>"
            charts.append(f"<div>{heading}{unit_chart(line, x_label='recall', y_label='precision')}</div>")
    if not charts:
        return ""
    note = (
        "Each point is a score threshold: how many of the objects are found, and how many of the detections are right"
    )
    return _section("Precision and recall", note, f'<div class="curves">{"".join(charts)}</div>')


def _images(images: Sequence[Image]) -> str:
    figures = "".join(
        f'<figure><img alt="{escape(caption)}" src="{_data_uri(image)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for caption, image in images
    )
    return _section("Images", "", f'<div class="images">{figures}</div>') if figures else ""


def _facts(facts: Mapping[str, object], evaluation: Evaluation | None) -> str:
    rows = [(name, str(value)) for name, value in facts.items()]
    if evaluation is not None:
        numbers = " · ".join(f"{name} {_percent(value)}" for name, value in evaluation.numbers.items())
        rows += [("all scores, %", numbers), ("detections evaluated", f"{evaluation.num_detections:,}")]
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return _section("Facts", "", f'<table class="facts">{cells}</table>') if rows else ""


def _problems(evaluation: Evaluation | None) -> str:
    if evaluation is None or not evaluation.problems:
        return ""
    items = "".join(f"<li>{escape(line)}</li>" for line in evaluation.problems)
    return _section("Problems", "These images could not be read and count as without detections", f"<ul>{items}</ul>")


def _section(heading: str, note: str, content: str) -> str:
    line = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(heading)}</h2>{line}{content}</section>"


def _wide(chart: str) -> str:
    return f'<div class="scroll">{chart}</div>'


def _series(history: Sequence[Mapping[str, Any]], key: str, name: str) -> Series:
    rows = [(float(row["step"]), float(row[key])) for row in history if key in row and "step" in row]
    table = np.array(rows, np.float64).reshape(-1, 2)
    return Series(name, table[:, 0], table[:, 1])


def _data_uri(image: UInt8[np.ndarray, "h w 3"]) -> str:
    """The image as JPEG inside an address, made smaller where it is wide."""
    height, width = image.shape[:2]
    if width > _WIDEST:
        image = cv2.resize(image, (_WIDEST, max(1, round(height * _WIDEST / width))), interpolation=cv2.INTER_AREA)
    pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()
    return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f}"


def _number(evaluation: Evaluation, name: str) -> float:
    ap = evaluation.ap[name]
    return 0.0 if math.isnan(ap) else ap
