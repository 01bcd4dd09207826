"""One HTML file about a training and its evaluation."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from multibox.drawing.chart import Series, line_chart, unit_chart
from multibox.drawing.html import Markup, jpeg_uri, percent, write_page
from multibox.evaluation.evaluation import Evaluation
from multibox.evaluation.metrics import find_metric

IMAGE_WIDTH = 900  # pixels of an embedded image, at most

_LOSSES = {"loss": "total", "confidence_loss": "confidence", "location_loss": "location"}

History = Sequence[Mapping[str, Any]]
CaptionedImage = tuple[str, UInt8[np.ndarray, "_ _ 3"]]


def write_report(
    path: Path | str,
    *,
    title: str,
    history: History,
    evaluation: Evaluation | None,
    images: Sequence[CaptionedImage],
    facts: Mapping[str, object],
) -> None:
    """Write the report; parts without data are left out.

    `history` holds the rows of a run's metrics: step and loss, location_loss, confidence_loss, images_per_second; rows
    with a score are validations. `images` are captions and RGB images, usually with boxes drawn in. `facts` become a
    table in their order.
    """
    values = {
        "title": title,
        "numbers": _headline_numbers(history, evaluation),
        "losses": _loss_chart(history),
        "scores": _score_chart(history),
        "metric": _metric_note(evaluation) if evaluation else "",
        "classes": _class_rows(evaluation) if evaluation else [],
        "curves": _curves(evaluation) if evaluation else [],
        "images": [(caption, jpeg_uri(image, max_width=IMAGE_WIDTH, quality=88)) for caption, image in images],
        "rows": [*((name, str(value)) for name, value in facts.items()), *_evaluation_facts(evaluation)],
        "problems": evaluation.problems if evaluation else (),
    }
    write_page(path, "experiments/report.html", values)


def _headline_numbers(history: History, evaluation: Evaluation | None) -> list[tuple[str, str]]:
    """Names and numbers that people look for first."""
    numbers = []
    if evaluation is not None:
        numbers += [
            (f"{find_metric(evaluation.metric).headline}, %", percent(evaluation.mean)),
            ("images evaluated", f"{evaluation.num_images:,}"),
            ("objects in them", f"{sum(evaluation.objects.values()):,}"),
        ]
    steps = [int(row["step"]) for row in history]
    if steps:
        numbers.append(("training steps", f"{max(steps):,}"))
    speeds = [float(row["images_per_second"]) for row in history if "images_per_second" in row]
    if speeds:
        numbers.append(("images/s in training", f"{float(np.median(speeds)):.3g}"))
    return numbers


def _loss_chart(history: History) -> Markup | None:
    series = [line for key, name in _LOSSES.items() if len((line := _series(history, key, name)).x) > 1]
    if not series:
        return None
    return Markup(line_chart(series, x_label="training step", y_label="loss per matched prior", decimals=2))


def _score_chart(history: History) -> Markup | None:
    series = _series(history, "score", "score")
    if len(series.x) < 2:
        return None
    shown = Series("score", series.x, 100 * series.y)
    return Markup(line_chart([shown], x_label="training step", y_label="score, %", decimals=1))


def _metric_note(evaluation: Evaluation) -> str:
    metric = find_metric(evaluation.metric)
    return f"{metric.headline} {percent(evaluation.mean)} %: {metric.meaning}"


def _class_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """A row for each class: highest AP first, classes without objects last."""
    rows = [
        {"name": name, "ap": ap, "shares": [] if math.isnan(ap) else [ap], "objects": evaluation.objects[name]}
        for name, ap in evaluation.ap.items()
    ]
    return sorted(rows, key=lambda row: -math.inf if math.isnan(row["ap"]) else row["ap"], reverse=True)


def _curves(evaluation: Evaluation) -> list[dict[str, Any]]:
    """A small chart of precision over recall for each class that has objects."""
    return [
        {
            "name": name,
            "ap": evaluation.ap[name],
            "chart": Markup(
                unit_chart(
                    Series(f"precision and recall of {name}", curve.recall, curve.precision),
                    x_label="recall",
                    y_label="precision",
                )
            ),
        }
        for name, curve in evaluation.curves.items()
        if curve.num_objects
    ]


def _evaluation_facts(evaluation: Evaluation | None) -> list[tuple[str, str]]:
    if evaluation is None:
        return []
    numbers = " · ".join(f"{name} {percent(value)}" for name, value in evaluation.numbers.items())
    return [("all scores, %", numbers), ("detections evaluated", f"{evaluation.num_detections:,}")]


def _series(history: History, key: str, name: str) -> Series:
    rows = [(float(row["step"]), float(row[key])) for row in history if key in row and "step" in row]
    table = np.array(rows, np.float64).reshape(-1, 2)
    return Series(name, table[:, 0], table[:, 1])
