"""Mean average precision as PASCAL VOC defined it until 2009 and from 2010, at IoU 0.5 or another one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from multibox.errors import UsageError
from multibox.evaluation.metrics.metric import Metric

if TYPE_CHECKING:
    from multibox.data.dataset import Dataset
    from multibox.detections import Detections
    from multibox.evaluation.evaluation import Evaluation


@dataclass(frozen=True)
class VocMetric(Metric):
    """The metric's name is one of `multibox.evaluation.voc.AP_VERSIONS`.

    A detection is correct if its IoU with an object is at least `iou`; VOC's own number is 0.5.
    """

    iou: float = 0.5

    def at(self, iou: float) -> "VocMetric":
        if not 0 < iou <= 1:
            raise UsageError(f"IoU {iou:g}; it must be above 0 and at most 1, for example 0.75")
        return replace(self, iou=iou, meaning=self.meaning.replace(f"IoU {self.iou:g}", f"IoU {iou:g}"))

    def evaluate(self, dataset: "Dataset", detections: "Sequence[Detections]") -> "Evaluation":
        from multibox.evaluation.evaluation import Evaluation
        from multibox.evaluation.voc import AP_VERSIONS, evaluate_voc

        result = evaluate_voc(dataset, detections=detections, iou_threshold=self.iou)
        curves = dict(zip(dataset.class_names, result.curves, strict=True))
        return Evaluation(
            metric=self.name,
            class_names=dataset.class_names,
            mean=result.mean(self.name),
            numbers={version: result.mean(version) for version in AP_VERSIONS},
            ap={name: curve.ap(self.name) for name, curve in curves.items()},
            objects={name: curve.num_objects for name, curve in curves.items()},
            num_images=len(dataset),
            num_detections=sum(map(len, detections)),
            curves=curves,
            iou=self.iou,
        )


VOC07 = VocMetric("voc07", "mAP", "IoU 0.5, precision at 11 points of recall, mean over classes (VOC 2007)")
VOC10 = VocMetric("voc10", "mAP", "IoU 0.5, area below the curve, mean over classes (VOC 2010 and later)")
