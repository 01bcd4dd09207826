"""Explanations as plain data, with boxes in pixels of the image."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64

from multibox.priors import PriorPosition
from multibox.size import Size

Box = tuple[float, float, float, float]
"""Corners x1, y1, x2, y2 in pixels of the image."""


@dataclass(frozen=True)
class PriorPlace:
    """Where a prior belongs. `position` counts from 0; `cell` is the part of the image that its cell covers.

    `scale` is the square root of the prior's area relative to the input, `ratio` its width over its height there.
    """

    index: int
    position: PriorPosition
    cells: Size
    box: Box
    cell: Box
    scale: float
    ratio: float

    def __str__(self) -> str:
        rows, columns = self.cells
        where = f"row {self.position.row + 1}, column {self.position.column + 1}"
        return (
            f"prior {self.index}: map {self.position.map + 1} of {rows} x {columns} cells, {where}, "
            f"scale {self.scale:.2f}, ratio {ratio_text(self.ratio)}"
        )

    def to_json(self) -> dict[str, Any]:
        """Maps, rows, columns and boxes count from 1, as in the text."""
        place = self.position
        return {
            "index": self.index,
            "map": place.map + 1,
            "rows": self.cells.height,
            "columns": self.cells.width,
            "row": place.row + 1,
            "column": place.column + 1,
            "box_of_cell": place.box + 1,
            "scale": round(self.scale, 4),
            "ratio": round(self.ratio, 4),
            "prior": _rounded(self.box),
            "cell": _rounded(self.cell),
        }


@dataclass(frozen=True)
class OtherBox:
    """A box that competes with a detection: its box, score and prior, and the IoU with the detection."""

    box: Box
    score: float
    prior: int
    overlap: float

    def to_json(self) -> dict[str, Any]:
        return {
            "box": _rounded(self.box),
            "score": round(self.score, 6),
            "prior": self.prior,
            "iou": round(self.overlap, 4),
        }


@dataclass(frozen=True)
class ExplainedDetection:
    """One detection: the prior that made it, its four offsets, and the scores of all classes at this prior.

    `suppressed` are the boxes of its class that it removed, the best one first. `next` is the best of them that no
    other detection removed, which would be a detection without this one.
    """

    box: Box
    score: float
    label: int
    name: str
    place: PriorPlace
    offsets: tuple[float, float, float, float]
    scores: tuple[tuple[str, float], ...]
    background: float | None
    suppressed: tuple[OtherBox, ...]
    next: OtherBox | None

    def __str__(self) -> str:
        count, after = len(self.suppressed), f"one with {self.next.score:.2f}" if self.next else "none"
        return f"{self.name} {self.score:.2f}, {self.place}; it suppressed {count} boxes, without it: {after}"

    def to_json(self) -> dict[str, Any]:
        return {
            "box": _rounded(self.box),
            "score": round(self.score, 6),
            "label": self.label,
            "name": self.name,
            **self.place.to_json(),
            "offsets": [round(value, 4) for value in self.offsets],
            "scores": {name: round(score, 6) for name, score in self.scores},
            "background": None if self.background is None else round(self.background, 6),
            "suppressed": [other.to_json() for other in self.suppressed],
            "next": self.next.to_json() if self.next else None,
        }


@dataclass(frozen=True, eq=False)
class ScoreMap:
    """For each cell of a source map the best score of its boxes and classes, and the label of that class."""

    scores: Float32[np.ndarray, "rows columns"]
    labels: Int64[np.ndarray, "rows columns"]

    def to_json(self) -> dict[str, Any]:
        return {"scores": np.round(self.scores.astype(float), 4).tolist(), "labels": self.labels.tolist()}


@dataclass(frozen=True)
class MatchedPrior:
    """A prior that training would match to an object, with their IoU."""

    place: PriorPlace
    overlap: float

    def to_json(self) -> dict[str, Any]:
        return {**self.place.to_json(), "iou": round(self.overlap, 4)}


@dataclass(frozen=True)
class ExplainedObject:
    """A labeled object: the priors that training matches to it, and why it was found or missed.

    `matches` are in order of IoU. `detection` is the position of the detection that found it, None if it was missed;
    then `reason` says why. `best` is the best box for its class among those that overlap it by 0.5 or more.
    """

    box: Box
    label: int
    name: str
    matches: tuple[MatchedPrior, ...]
    best: OtherBox | None
    detection: int | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {
            "box": _rounded(self.box),
            "label": self.label,
            "name": self.name,
            "matches": [match.to_json() for match in self.matches],
            "best": self.best.to_json() if self.best else None,
            "detection": self.detection,
            "reason": self.reason,
        }


@dataclass(frozen=True, eq=False)
class Explanation:
    """One image: its detections with a score of at least `min_score`, the scores on every source map, and its objects.

    `candidates` counts the boxes above the detector's own score threshold, over all classes. `objects` is None for an
    image without labels.
    """

    image_size: Size
    class_names: tuple[str, ...]
    min_score: float
    detections: tuple[ExplainedDetection, ...]
    maps: tuple[ScoreMap, ...]
    priors: int
    candidates: int
    objects: tuple[ExplainedObject, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Numbers rounded for people; indices of classes and detections count from 0, rows and columns from 1."""
        return {
            "width": self.image_size.width,
            "height": self.image_size.height,
            "class_names": list(self.class_names),
            "min_score": self.min_score,
            "priors": self.priors,
            "candidates": self.candidates,
            "detections": [found.to_json() for found in self.detections],
            "maps": [scores.to_json() for scores in self.maps],
            "objects": None if self.objects is None else [thing.to_json() for thing in self.objects],
        }


def ratio_text(ratio: float) -> str:
    """An aspect ratio as people write it: 1:1, 2:1, 1:3, 1.5:1."""
    wide = ratio >= 1
    text = f"{ratio if wide else 1 / ratio:.2f}".rstrip("0").rstrip(".")
    return f"{text}:1" if wide else f"1:{text}"


def _rounded(box: Box) -> list[float]:
    return [round(side, 2) for side in box]
