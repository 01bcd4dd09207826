"""The numbers of an analysis of one detector."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from multibox.data.dataset import Dataset
from multibox.detections import Detections
from multibox.evaluation.analysis.costs import ErrorCosts, error_costs
from multibox.evaluation.analysis.groups import ClassGroups
from multibox.evaluation.analysis.kinds import Diagnosis, Kind, diagnose, missed_objects
from multibox.evaluation.analysis.sensitivity import Sensitivity, sensitivity
from multibox.evaluation.analysis.trend import Trend, trend
from multibox.system.progress import Progress

ALL_CLASSES = "all classes"

Confusion = tuple[str, str, int]


@dataclass(frozen=True, eq=False)
class Analysis:
    """A detector's errors on a data set.

    `counts` is the number of detections by the title of their kind; `leading` counts only the best detections of each
    class, as many as the class has objects. `missed` is the number of objects without a correct detection. `trends` has
    a column of Figure 3 for each group and one for all classes. `sensitivity` is by class. `confusions` are (detected
    class, class of the object, count) among the leading detections, most frequent first. `problems` has a line for each
    image that cannot be read.
    """

    name: str
    detections: Sequence[Detections]
    diagnosis: Diagnosis
    counts: dict[str, int]
    leading: dict[str, int]
    missed: int
    costs: ErrorCosts
    trends: dict[str, Trend]
    sensitivity: dict[str, Sensitivity]
    confusions: tuple[Confusion, ...]
    problems: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "detections": len(self.diagnosis.kind),
            "counts": self.counts,
            "leading": self.leading,
            "missed": self.missed,
            "cost": self.costs.to_json(),
            "trends": {name: numbers.to_json() for name, numbers in self.trends.items()},
            "sensitivity": {name: numbers.to_json() for name, numbers in self.sensitivity.items()},
            "confusions": [{"class": a, "object": b, "count": count} for a, b, count in self.confusions],
            "problems": list(self.problems),
        }


def analyze(
    dataset: Dataset,
    *,
    detections: Sequence[Detections],
    groups: ClassGroups,
    metric: str,
    name: str,
    problems: Sequence[str] = (),
    progress: Progress | None = None,
) -> Analysis:
    """Diagnose detections, one entry for each image. `metric` and `progress` are those of `error_costs`."""
    names = dataset.class_names
    diagnosis = diagnose(dataset, detections=detections, similar=groups.similar(names))
    leading = diagnosis.leading()
    columns = {title: [names.index(member) for member in members] for title, members in groups.shown.items()}
    columns[ALL_CLASSES] = list(range(len(names)))
    return Analysis(
        name=name,
        detections=detections,
        diagnosis=diagnosis,
        counts=_counts(diagnosis.kind),
        leading=_counts(diagnosis.kind[leading]),
        missed=int(sum(objects.sum() for objects in missed_objects(dataset, diagnosis=diagnosis))),
        costs=error_costs(dataset, detections=detections, diagnosis=diagnosis, metric=metric, progress=progress),
        trends={title: trend(diagnosis, labels=labels) for title, labels in columns.items()},
        sensitivity=sensitivity(dataset, diagnosis=diagnosis),
        confusions=_confusions(dataset, diagnosis, leading),
        problems=tuple(problems),
    )


def _counts(kinds: np.ndarray) -> dict[str, int]:
    counts = np.bincount(kinds, minlength=len(Kind)).tolist()
    return {kind.title: counts[kind] for kind in Kind}


def _confusions(dataset: Dataset, diagnosis: Diagnosis, leading: np.ndarray) -> tuple[Confusion, ...]:
    confused = leading[np.isin(diagnosis.kind[leading], (Kind.SIMILAR, Kind.OTHER))]
    pairs: Counter[tuple[str, str]] = Counter()
    for n in confused:
        of_object = dataset[diagnosis.image[n]].labels[diagnosis.target[n]]
        pairs[dataset.class_names[diagnosis.labels[n]], dataset.class_names[of_object]] += 1
    return tuple((*pair, count) for pair, count in pairs.most_common())
