"""Average precision as COCO defines it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from multibox.evaluation.metrics.metric import Metric

if TYPE_CHECKING:
    from multibox.data.dataset import Dataset
    from multibox.detections import Detections
    from multibox.evaluation.evaluation import Evaluation


class CocoMetric(Metric):
    """The numbers of the COCO API."""

    def evaluate(self, dataset: "Dataset", detections: "Sequence[Detections]") -> "Evaluation":
        from multibox.evaluation.coco import evaluate_coco
        from multibox.evaluation.evaluation import Evaluation
        from multibox.evaluation.voc import count_objects

        result = evaluate_coco(dataset, detections=detections)
        return Evaluation(
            metric=self.name,
            class_names=dataset.class_names,
            mean=result.numbers["AP"],
            numbers=result.numbers,
            ap=dict(zip(dataset.class_names, result.ap.tolist(), strict=True)),
            objects=dict(zip(dataset.class_names, count_objects(dataset), strict=True)),
            num_images=len(dataset),
            num_detections=sum(map(len, detections)),
        )


COCO = CocoMetric("coco", "AP", "mean over classes and over IoU 0.50 to 0.95 (COCO)")
