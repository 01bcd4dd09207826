"""What a metric is: a name, words for people, and an evaluation."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

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

    @abstractmethod
    def evaluate(self, dataset: "Dataset", detections: "Sequence[Detections]") -> "Evaluation":
        """Evaluate detections, one entry for each image in order, with labels that index `dataset.class_names`."""
