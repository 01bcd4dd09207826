"""What a metric is: a name, words for people, and an evaluation."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from multibox.errors import UsageError

if TYPE_CHECKING:
    from multibox.data.dataset import Dataset
    from multibox.detections import Detections
    from multibox.evaluation.evaluation import Evaluation


@dataclass(frozen=True)
class Metric(ABC):
    """One kind of average precision.

    `name` is what options and recipes say, `headline` what tables call its number, `meaning` half a sentence for help
    texts and reports. Modules of metrics import numpy inside `evaluate`, because command-line help reads them.
    """

    name: str
    headline: str
    meaning: str

    def at(self, iou: float) -> "Metric":
        """Return the same metric at another IoU; UsageError if it has no single IoU or if that is not above 0 to 1."""
        raise UsageError(
            f"metric {self.name} has no single IoU to set to {iou:g} ({self.meaning}): use voc07 or voc10, or leave "
            "the IoU out"
        )

    @abstractmethod
    def evaluate(self, dataset: "Dataset", detections: "Sequence[Detections]") -> "Evaluation":
        """Evaluate detections, one entry for each image in order, with labels that index `dataset.class_names`."""
