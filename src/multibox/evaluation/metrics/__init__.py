"""The metrics that commands, recipes and reports know by name. A new one is a file in this folder and a line below."""

from multibox.errors import UsageError
from multibox.evaluation.metrics.coco import COCO
from multibox.evaluation.metrics.metric import Metric
from multibox.evaluation.metrics.voc import VOC07, VOC10

__all__ = ["DEFAULT_METRIC", "METRICS", "Metric", "find_metric"]

METRICS: tuple[Metric, ...] = (VOC07, VOC10, COCO)
DEFAULT_METRIC = VOC10.name


def find_metric(name: str) -> Metric:
    """Return the metric of that name; UsageError, listing those that exist, for any other name."""
    for metric in METRICS:
        if metric.name == name:
            return metric
    raise UsageError(f"metric {name!r}; it is one of {', '.join(metric.name for metric in METRICS)}")
