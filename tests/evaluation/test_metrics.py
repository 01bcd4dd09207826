"""The tuple of metrics: names lead to metrics, each evaluates noisy scenes, and a new one needs no other place."""

from dataclasses import dataclass

import numpy as np
import pytest

from evaluation_cases import noisy_scenes
from multibox.cli.options import Metric as MetricOption
from multibox.errors import UsageError
from multibox.evaluation.coco import evaluate_coco
from multibox.evaluation.evaluation import Evaluation
from multibox.evaluation.metrics import DEFAULT_METRIC, METRICS, Metric, find_metric
from multibox.evaluation.voc import evaluate_voc


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_found_and_evaluates(metric: Metric) -> None:
    """Its name, its words and the facts of its evaluation of noisy scenes against the data set."""
    dataset, detections = noisy_scenes(np.random.default_rng(5), images=9, grid=False)
    assert find_metric(metric.name) is metric
    found = metric.evaluate(dataset, detections)
    assert (found.metric, found.class_names, found.num_images) == (metric.name, dataset.class_names, 9)
    assert 0 < found.mean < 1
    assert list(found.ap) == list(found.objects) == list(dataset.class_names)
    assert metric.headline
    assert metric.meaning


def test_coco_is_its_function() -> None:
    """Mean and APs of noisy scenes against the function that the metric is made of."""
    dataset, detections = noisy_scenes(np.random.default_rng(5), images=9, grid=False)
    found = find_metric("coco").evaluate(dataset, detections)
    expected = evaluate_coco(dataset, detections=detections)
    assert (found.mean, list(found.ap.values())) == (expected.numbers["AP"], expected.ap.tolist())


@pytest.mark.parametrize("name", ["voc07", "voc10"])
@pytest.mark.parametrize("iou", [0.1, 0.5, 0.75, 1.0])
def test_voc_metrics_at_any_iou(name: str, iou: float) -> None:
    """The mean and every class's AP at an IoU against curves at that threshold, and the words about it."""
    dataset, detections = noisy_scenes(np.random.default_rng(5), images=9, grid=False)
    metric = find_metric(name, iou=iou)
    found = metric.evaluate(dataset, detections)
    curves = evaluate_voc(dataset, detections=detections, iou_threshold=iou)
    assert (found.mean, list(found.ap.values())) == (curves.mean(name), curves.ap(name).tolist())
    assert (found.iou, found.to_json()["iou"]) == (iou, iou)
    assert metric.meaning.startswith(f"IoU {iou:g}, ")
    assert ("mean (" + (name if iou == 0.5 else f"{name}, IoU {iou:g}") + ")") in found.table()
    assert (metric == find_metric(name)) == (iou == 0.5)


def test_an_iou_that_a_metric_cannot_have() -> None:
    """IoUs outside of 0 to 1, and any IoU for COCO's mean over several, against errors with the value."""
    for iou, words in ((0.0, "IoU 0;"), (1.5, "IoU 1.5;"), (float("nan"), "IoU nan;")):
        with pytest.raises(UsageError, match=f"{words} it must be above 0 and at most 1"):
            find_metric("voc10", iou=iou)
    with pytest.raises(UsageError, match=r"metric coco has no single IoU to set to 0\.7"):
        find_metric("coco", iou=0.7)


def test_an_unknown_name_lists_the_known() -> None:
    """The error for a name that does not exist against the names of all metrics."""
    with pytest.raises(UsageError, match=f"'map'; it is one of {', '.join(m.name for m in METRICS)}"):
        find_metric("map")
    assert DEFAULT_METRIC == "voc10"


def test_the_option_names_every_metric() -> None:
    """The placeholder and the help text of --metric against the names and meanings of the tuple."""
    (option,) = MetricOption.__metadata__  # type: ignore[attr-defined]
    assert option.metavar == "|".join(metric.name for metric in METRICS)
    for metric in METRICS:
        assert f"{metric.name}: {metric.meaning}" in option.help


@dataclass(frozen=True)
class CountMetric(Metric):
    """The share of images with a detection: as little as a metric can be."""

    def evaluate(self, dataset, detections):  # type: ignore[no-untyped-def]
        share = sum(len(found) > 0 for found in detections) / len(dataset)
        zeros = dict.fromkeys(dataset.class_names, 0)
        ap = dict.fromkeys(dataset.class_names, share)
        return Evaluation(self.name, dataset.class_names, share, {"share": share}, ap, zeros, len(dataset), 0)


def test_a_new_metric_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """`evaluate` and the costs of errors in a metric that is only added to the tuple against its own number."""
    from multibox.evaluation import metrics
    from multibox.evaluation.analysis.costs import error_costs
    from multibox.evaluation.analysis.groups import ClassGroups
    from multibox.evaluation.analysis.kinds import diagnose
    from multibox.evaluation.evaluate import evaluate

    monkeypatch.setattr(metrics, "METRICS", (*METRICS, CountMetric("count", "share", "images with a detection")))
    dataset, detections = noisy_scenes(np.random.default_rng(6), images=8, grid=False)
    by_id = dict(zip((example.id for example in dataset), detections, strict=True))
    evaluation = evaluate(by_id, dataset, metric="count")
    share = sum(len(found) > 0 for found in detections) / 8
    assert (evaluation.mean, evaluation.numbers) == (share, {"share": share})
    similar = ClassGroups({}, {}, "none").similar(dataset.class_names)
    diagnosis = diagnose(dataset, detections=detections, similar=similar)
    costs = error_costs(dataset, detections=detections, diagnosis=diagnosis, metric="count")
    assert (costs.metric, costs.ap, costs.gain["missed"]) == ("count", share, 0)
