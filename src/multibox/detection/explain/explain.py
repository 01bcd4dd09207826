"""Why each detection is there: its prior, its scores, and the boxes that it suppressed."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float32

from multibox.boxes import iou
from multibox.data.dataset import Example
from multibox.detection.detector import Detector
from multibox.detection.explain.explanation import ExplainedDetection, Explanation, ScoreMap
from multibox.detection.explain.fates import Candidate, Fate, follow_candidates
from multibox.detection.explain.objects import explain_objects
from multibox.detection.explain.outputs import NetworkOutputs, network_outputs
from multibox.detection.explain.places import Places
from multibox.errors import UsageError
from multibox.images.decode import read_image
from multibox.images.prepare import resize_to_input
from multibox.size import Size


def explain(detector: Detector, source: Any, *, min_score: float = 0.3, labels: Example | None = None) -> Explanation:
    """Explain the detections in one image that have a score of at least `min_score`.

    `source` is a path, the bytes of a file, an RGB array or a PIL image. `labels` are the objects of the image, with
    labels that index the detector's class names; with them, the explanation says which priors training matches to each
    object, and why an object was missed. Raises DataError for an image that cannot be read, and UsageError if the
    engine does not show the scores of all priors.
    """
    image = resize_to_input(read_image(source), detector.input_size)
    outputs = network_outputs(detector, image)
    return explain_outputs(outputs, image.image_size, min_score=min_score, labels=labels)


def explain_one(detector: Detector, source: Any, *, prior: int, name: str) -> ExplainedDetection:
    """Explain the detection that a prior made for the class of a name.

    Raises UsageError if the image has changed since, so that it has no such detection.
    """
    image = resize_to_input(read_image(source), detector.input_size)
    outputs = network_outputs(detector, image)
    fates = follow_candidates(outputs.boxes, outputs.scores, settings=outputs.config.detection)
    for one in fates:
        if one.fate is Fate.KEPT and one.prior == prior and outputs.class_names[one.label] == name:
            return explain_candidate(outputs, Places(outputs, image.image_size), one, fates)
    raise UsageError(f"prior {prior} gives no {name} in this image now: it has changed; detect in it again")


def explain_outputs(
    outputs: NetworkOutputs, image_size: Size, *, min_score: float, labels: Example | None = None
) -> Explanation:
    """The explanation from what the network says at all priors."""
    places = Places(outputs, image_size)
    fates = follow_candidates(outputs.boxes, outputs.scores, settings=outputs.config.detection)
    shown = [one for one in fates if one.fate is Fate.KEPT and one.score >= min_score and _has_area(outputs, one)]
    return Explanation(
        image_size,
        outputs.class_names,
        min_score,
        detections=tuple(explain_candidate(outputs, places, one, fates) for one in shown),
        maps=score_maps(outputs),
        priors=len(outputs.boxes),
        candidates=len(fates),
        objects=None if labels is None else explain_objects(outputs, places, shown, fates, labels, image_size),
    )


def explain_candidate(
    outputs: NetworkOutputs, places: Places, candidate: Candidate, fates: list[Candidate]
) -> ExplainedDetection:
    """One detection; `fates` are all candidates of the image."""
    gone = [one for one in fates if one.suppressors and one.suppressors[0] is candidate]
    overlaps = _overlaps(outputs, candidate, gone)
    others = [
        places.other(one.prior, score=one.score, overlap=overlap) for one, overlap in zip(gone, overlaps, strict=True)
    ]
    freed = [other for one, other in zip(gone, others, strict=True) if len(one.suppressors) == 1]
    scores = outputs.scores[candidate.prior]
    order = np.argsort(-scores, kind="stable")
    x, y, w, h = outputs.offsets[candidate.prior].tolist()
    return ExplainedDetection(
        places.inside(outputs.boxes[candidate.prior]),
        candidate.score,
        candidate.label,
        outputs.class_names[candidate.label],
        places.prior(candidate.prior),
        offsets=(x, y, w, h),
        scores=tuple((outputs.class_names[label], float(scores[label])) for label in order),
        background=None if outputs.background is None else float(outputs.background[candidate.prior]),
        suppressed=tuple(others),
        next=freed[0] if freed else None,
    )


def score_maps(outputs: NetworkOutputs) -> tuple[ScoreMap, ...]:
    """The best score in each cell of each source map."""
    maps, first = [], 0
    for source in outputs.config.priors.maps:
        shape = (*source.cells, source.boxes_per_cell * outputs.scores.shape[1])
        cells = outputs.scores[first : first + source.count].reshape(shape)
        maps.append(ScoreMap(cells.max(axis=2), cells.argmax(axis=2) % outputs.scores.shape[1]))
        first += source.count
    return tuple(maps)


def _has_area(outputs: NetworkOutputs, candidate: Candidate) -> bool:
    """Whether something of the box is inside the image; a Detector drops the others."""
    x1, y1, x2, y2 = outputs.boxes[candidate.prior].clip(0, 1)
    return bool(x2 > x1 and y2 > y1)


def _overlaps(outputs: NetworkOutputs, candidate: Candidate, others: list[Candidate]) -> list[float]:
    box = torch.from_numpy(outputs.boxes[[candidate.prior]])
    rows: Float32[np.ndarray, "n 4"] = outputs.boxes[[one.prior for one in others]]
    found: list[float] = iou(box, torch.from_numpy(rows))[0].tolist()
    return found
