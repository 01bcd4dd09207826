"""Labeled objects: which priors training matches to each, and why a missed object was missed."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32

from multibox.boxes import iou
from multibox.data.dataset import Example
from multibox.detection.explain.explanation import ExplainedObject, MatchedPrior, OtherBox
from multibox.detection.explain.fates import Candidate, Fate
from multibox.detection.explain.outputs import NetworkOutputs
from multibox.detection.explain.places import Places
from multibox.matching import match
from multibox.size import Size

FOUND_OVERLAP = 0.5  # IoU at which PASCAL VOC counts an object as found


@dataclass(frozen=True, eq=False)
class _Table:
    """IoU of every object (rows) with all priors and with all decoded boxes, as the image shows them."""

    priors: Float32[np.ndarray, "g p"]
    boxes: Float32[np.ndarray, "g p"]


def explain_objects(
    outputs: NetworkOutputs,
    places: Places,
    shown: list[Candidate],
    fates: list[Candidate],
    labels: Example,
    image_size: Size,
) -> tuple[ExplainedObject, ...]:
    """One entry for each object. A detection finds one object at most, the one that it overlaps most."""
    relative = labels.boxes / np.array([image_size.width, image_size.height] * 2, dtype=np.float32)
    objects = torch.from_numpy(relative.astype(np.float32))
    priors, boxes = torch.from_numpy(outputs.priors), torch.from_numpy(outputs.boxes).clamp(0, 1)
    table = _Table(iou(objects, priors).numpy(), iou(objects, boxes).numpy())
    matches = match(priors, objects[None], torch.ones(1, len(objects), dtype=torch.bool))
    owners = matches.index[0].numpy()
    finders = _finders(table, shown, labels)
    return tuple(
        ExplainedObject(
            places.pixels(relative[row].astype(np.float32)),
            int(label),
            outputs.class_names[label],
            matches=_matched(places, table.priors[row], owners, row),
            best=_best(outputs, places, table.boxes[row], int(label)),
            detection=finders.get(row),
            reason=_found(shown[finders[row]])
            if row in finders
            else _reason(outputs, table, row, int(label), shown, fates),
        )
        for row, label in enumerate(labels.labels)
    )


def _finders(table: _Table, shown: list[Candidate], labels: Example) -> dict[int, int]:
    """Positions of detections by the object that each finds, the better detection first, as in the evaluation."""
    finders: dict[int, int] = {}
    for position, detection in enumerate(shown):
        overlaps = np.where(labels.labels == detection.label, table.boxes[:, detection.prior], -1.0)
        row = int(overlaps.argmax()) if len(overlaps) else -1
        if row >= 0 and overlaps[row] >= FOUND_OVERLAP:
            finders.setdefault(row, position)
    return finders


def _matched(places: Places, overlaps: np.ndarray, owners: np.ndarray, row: int) -> tuple[MatchedPrior, ...]:
    priors = np.flatnonzero(owners == row)
    order = priors[np.argsort(-overlaps[priors], kind="stable")]
    return tuple(MatchedPrior(places.prior(int(prior)), float(overlaps[prior])) for prior in order)


def _best(outputs: NetworkOutputs, places: Places, overlaps: np.ndarray, label: int) -> OtherBox | None:
    prior = _best_prior(outputs, overlaps, label)
    if prior is None:
        return None
    return places.other(prior, score=float(outputs.scores[prior, label]), overlap=float(overlaps[prior]))


def _best_prior(outputs: NetworkOutputs, overlaps: np.ndarray, label: int) -> int | None:
    """The prior with the best score for the class among those whose boxes find the object."""
    near = np.flatnonzero(overlaps >= FOUND_OVERLAP)
    return int(near[outputs.scores[near, label].argmax()]) if len(near) else None


def _found(detection: Candidate) -> str:
    return f"found with a score of {detection.score:.2f}"


def _reason(
    outputs: NetworkOutputs, table: _Table, row: int, label: int, shown: list[Candidate], fates: list[Candidate]
) -> str:
    """One sentence about why no detection found the object."""
    prior = _best_prior(outputs, table.boxes[row], label)
    if prior is None:
        return _no_box(table, row)
    score, name = float(outputs.scores[prior, label]), outputs.class_names[label]
    fate = next((one for one in fates if one.prior == prior and one.label == label), None)
    if fate in shown:
        return f"its best box for {name}, with a score of {score:.2f}, is a detection that finds another object"
    if fate is None or fate.fate is Fate.KEPT:
        return _too_low(outputs, prior, label)
    if fate.fate is Fate.SUPPRESSED:
        other = fate.suppressors[0]
        overlap = table.boxes[row, other.prior]
        near = "finds another object" if overlap >= FOUND_OVERLAP else f"overlaps the object by {overlap:.2f} only"
        return (
            f"its best box for {name} has a score of {score:.2f}, but a better box with {other.score:.2f} suppressed "
            f"it, which {near}"
        )
    return f"its best box for {name} has a score of {score:.2f}, but it is {fate.fate.value}"


def _no_box(table: _Table, row: int) -> str:
    best = float(table.priors[row].max())
    text = f"no box overlaps it by {FOUND_OVERLAP} or more (the best by {table.boxes[row].max():.2f})"
    if best < FOUND_OVERLAP:
        return f"{text}; no prior does either (the best by {best:.2f}), so training gives it a single prior"
    return text


def _too_low(outputs: NetworkOutputs, prior: int, label: int) -> str:
    """The score of the best box for the class, and what the network sees there instead."""
    scores = outputs.scores[prior]
    text = f"its best box for {outputs.class_names[label]} has a score of {scores[label]:.2f}, too low to be shown"
    rival = int(scores.argmax())
    if rival != label and scores[rival] > scores[label]:
        return f"{text}; the same box has {scores[rival]:.2f} for {outputs.class_names[rival]}"
    if outputs.background is not None:
        return f"{text}; the background has {outputs.background[prior]:.2f} there"
    return text
