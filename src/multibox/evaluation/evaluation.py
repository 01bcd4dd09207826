"""The result of an evaluation: numbers, curves, and a table for the terminal."""

import math
from dataclasses import dataclass, field
from typing import Any

from multibox.evaluation.voc import Curve
from multibox.words import escaped


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How good a detector is on a data set.

    `mean` is the headline number of the metric, and `numbers` holds all its numbers: the VOC metrics have the mAP in
    the versions voc07, voc10 and integral, the COCO metric its twelve. `ap` and `objects` are by class; `objects`
    counts neither difficult nor crowd objects. `iou` is the threshold of the VOC metrics and None for COCO's mean over
    several. A class without objects has AP nan and is left out of the mean. `curves`, by class, exist for the VOC
    metrics only. `problems` has a line for each image that could not be read; such images count as without detections.
    """

    metric: str
    class_names: tuple[str, ...]
    mean: float
    numbers: dict[str, float]
    ap: dict[str, float]
    objects: dict[str, int]
    num_images: int
    num_detections: int
    curves: dict[str, Curve] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    iou: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return everything except the curves as plain values for json.dumps; nan becomes None."""
        return {
            "metric": self.metric,
            "iou": self.iou,
            "mean": _json_number(self.mean),
            "numbers": {name: _json_number(value) for name, value in self.numbers.items()},
            "ap": {name: _json_number(value) for name, value in self.ap.items()},
            "objects": dict(self.objects),
            "num_images": self.num_images,
            "num_detections": self.num_detections,
            "problems": list(self.problems),
        }

    @property
    def _title(self) -> str:
        """The metric, with its IoU unless it is VOC's own 0.5."""
        return self.metric if self.iou in (None, 0.5) else f"{self.metric}, IoU {self.iou:g}"

    def table(self) -> str:
        """Return aligned text: objects and AP in per cent of each class, the mean, all numbers, and the counts."""
        rows = [("class", "objects", "AP %")]
        rows += [(escaped(name), str(self.objects[name]), _percent(self.ap[name])) for name in self.class_names]
        rows += [(f"mean ({self._title})", str(sum(self.objects.values())), _percent(self.mean))]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]
        rule = "-" * len(lines[0])
        numbers = "  ".join(f"{name} {_percent(value)}" for name, value in self.numbers.items())
        counts = f"{self.num_images} images, {self.num_detections} detections"
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], "", numbers, counts, *self.problems])


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.1f}"


def _json_number(value: float) -> float | None:
    return None if math.isnan(value) else value
