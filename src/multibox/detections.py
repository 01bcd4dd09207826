"""What a detector returns for one image."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from multibox.class_map import renamed
from multibox.errors import UsageError
from multibox.size import Size

if TYPE_CHECKING:
    from pathlib import Path


@runtime_checkable
class Origin(Protocol):
    """What made the detections of an image, and can say why."""

    def explain(self, *, prior: int, name: str) -> Any:
        """The explanation of one detection, a `multibox.detection.explain.explanation.ExplainedDetection`."""


@dataclass(frozen=True, eq=False)
class Detections:
    """Boxes (N, 4) in pixels of the original image, scores (N,), labels (N,) into `class_names`; best score first.

    `priors` (N,) are the indices of the priors that made the detections, or -1 if they are not known: for detections
    read from a file, and for models exported without this output. `PriorSpec.position` turns an index into source map,
    row, column and box. `tracks` (N,) are the ids that `multibox.video.Tracker` gave, from 1, or -1 for detections that
    belong to no track. `origin` is the detector with the image, for
    `explain`; an image in memory is not kept for it. Iterating yields (box, score, name) for each detection.
    """

    boxes: Float32[np.ndarray, "n 4"]
    scores: Float32[np.ndarray, " n"]
    labels: Int64[np.ndarray, " n"]
    class_names: tuple[str, ...]
    image_size: Size
    priors: Int64[np.ndarray, " n"] = None  # type: ignore[assignment]
    tracks: Int64[np.ndarray, " n"] = None  # type: ignore[assignment]
    origin: Origin | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("priors", "tracks"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, np.full(len(self.scores), -1))

    def __len__(self) -> int:
        return len(self.scores)

    def __iter__(self) -> Iterator[tuple[np.ndarray, float, str]]:
        for box, score, label in zip(self.boxes, self.scores, self.labels, strict=True):
            yield box, float(score), self.class_names[label]

    def above(self, threshold: float) -> "Detections":
        """The detections with a score of at least `threshold`."""
        return self.take(np.flatnonzero(self.scores >= threshold))

    def take(self, rows: Int64[np.ndarray, " m"]) -> "Detections":
        """The detections in these rows, in this order."""
        return replace(
            self,
            boxes=self.boxes[rows],
            scores=self.scores[rows],
            labels=self.labels[rows],
            priors=self.priors[rows],
            tracks=self.tracks[rows],
        )

    def of_classes(self, labels: Collection[int] | None) -> "Detections":
        """The detections whose label is one of `labels`; all of them for None."""
        return self if labels is None else self.take(np.flatnonzero(np.isin(self.labels, list(labels))))

    def explain(self, row: int) -> Any:
        """Why the detection in this row is there: its prior and offsets, all class scores, and what it suppressed.

        Returns a `multibox.detection.explain.explanation.ExplainedDetection`; the network runs once more. Raises
        IndexError for a row that does not exist, and UsageError if the detections do not come from a Detector, if the
        engine does not show the scores of all priors, or if an image in memory is gone.
        """
        if not 0 <= row < len(self):
            raise IndexError(f"there is no detection {row}: the rows are 0 to {len(self) - 1}")
        if self.origin is None or self.priors[row] < 0:
            raise UsageError("these detections cannot be explained: that needs those of a Detector in a whole image")
        return self.origin.explain(prior=int(self.priors[row]), name=self.class_names[self.labels[row]])

    def to_supervision(self) -> Any:
        """The same detections as `supervision.Detections`, with tracker ids if there are tracks.

        Raises UsageError if the package supervision is not installed; beware that it brings opencv-python.
        """
        try:
            import supervision
        except ImportError:
            raise UsageError("to_supervision needs the package supervision: pip install supervision") from None
        return supervision.Detections(
            xyxy=self.boxes.copy(),
            confidence=self.scores.copy(),
            class_id=self.labels.copy(),
            tracker_id=self.tracks.copy() if (self.tracks >= 0).any() else None,
            data={"class_name": np.array([self.class_names[label] for label in self.labels], dtype=np.str_)},
        )

    def renamed(self, names: Mapping[str, str]) -> "Detections":
        """The same detections with new names for classes; several classes can get one name.

        `names` maps class names to new ones; other classes keep theirs. Classes that get one name had their own
        suppression, so that an object can have a detection of each.
        """
        class_names = renamed(self.class_names, names)
        new_labels = np.array([class_names.index(names.get(name, name)) for name in self.class_names], dtype=np.int64)
        return replace(self, labels=new_labels[self.labels], class_names=class_names)

    def draw(self, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
        """A copy of the RGB image with every box, its class name and its score or track; the best is on top.

        The class decides the color, or the track if there is one.
        """
        from multibox.drawing.boxes import draw_captioned_boxes

        captions = [
            (name, f"{name} {score:.2f}" if track < 0 else f"{name} {track}")
            for (_, score, name), track in zip(self, self.tracks, strict=True)
        ]
        colors = np.where(self.tracks < 0, self.labels, self.tracks)
        return draw_captioned_boxes(image, self.boxes, labels=self.labels, captions=captions, colors=colors)

    def to_json(self, image: "Path | str") -> dict[str, Any]:
        """One entry of `multibox detect --json`: boxes to 2 decimals, scores to 6, and ids of tracks."""
        height, width = self.image_size
        rows = [
            {
                "box": [round(float(side), 2) for side in box],
                "score": round(score, 6),
                "label": int(label),
                "name": name,
                **({} if track < 0 else {"track": int(track)}),
            }
            for (box, score, name), label, track in zip(self, self.labels, self.tracks, strict=True)
        ]
        return {"image": str(image), "width": width, "height": height, "detections": rows}
