"""The recall lines of Figure 3 by loops, from the description of the authors' program (Hoiem et al., ECCV 2012).

Detections of a class are visited by score over all images. Each gets the free object of its class that it overlaps
most, if the IoU is large enough; a detection that has only taken objects at this IoU is a duplicate. For the weak
criterion the duplicates then go to the end of the ranking, and recall is read at a rank.
"""

from collections.abc import Sequence
from math import ceil

from multibox.data.dataset import Dataset
from multibox.detections import Detections
from oracles.slow import iou


def recall_at(
    dataset: Dataset, detections: Sequence[Detections], *, label: int, multiple: float, iou_threshold: float, weak: bool
) -> float:
    """Return the share of a class's objects found by its best `multiple` times as many detections."""
    ranking = [
        (float(score), image, box)
        for image, found in enumerate(detections)
        for box, score, of_class in zip(found.boxes.tolist(), found.scores, found.labels, strict=True)
        if of_class == label
    ]
    ranking.sort(key=lambda entry: -entry[0])
    objects = {
        (image, number): box
        for image, example in enumerate(dataset)
        for number, box in enumerate(example.boxes.tolist())
        if example.labels[number] == label
    }
    taken: set[tuple[int, int]] = set()
    correct, duplicates = [], []
    for _, image, box in ranking:
        near = {key: iou(box, other) for key, other in objects.items() if key[0] == image}
        near = {key: overlap for key, overlap in near.items() if overlap >= iou_threshold}
        free = [key for key in near if key not in taken]
        if free:
            taken.add(max(free, key=lambda key: near[key]))
        (duplicates if weak and near and not free else correct).append(bool(free))
    ordered = correct + duplicates
    return sum(ordered[: ceil(multiple * len(objects))]) / len(objects)
