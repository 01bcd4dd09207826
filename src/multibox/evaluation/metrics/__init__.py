"""The metrics that commands, recipes and reports know by name. A new one is a file in this folder and a line below."""

from multibox.errors import UsageError
from multibox.evaluation.metrics.coco import COCO
from multibox.evaluation.metrics.metric import Metric
from multibox.evaluation.metrics.voc import VOC07, VOC10

__all__ = ["DEFAULT_METRIC", "METRICS", "Metric", "find_metric"]

METRICS: tuple[Metric, ...] = (VOC07, VOC10, COCO)
DEFAULT_METRIC = VOC10.name


def find_metric(name: str, *, iou: float | None = None) -> Metric:
    """Return the metric of that name, at its own IoU or at `iou`.

    UsageError for an unknown name, which lists the known ones, and for an IoU that the metric cannot have.
    """
    for metric in METRICS:
        if metric.name == name:
            return metric if iou is None else metric.at(iou)
    raise UsageError(f"metric {name!r}; it is one of {', '.join(metric.name for metric in METRICS)}")
