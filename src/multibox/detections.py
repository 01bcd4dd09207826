"""What a detector returns for one image."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from multibox.size import Size

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, eq=False)
class Detections:
    """Boxes (N, 4) in pixels of the original image, scores (N,), labels (N,) into `class_names`; best score first.

    Iterating gives (box, score, name) for each detection.
    """

    boxes: Float32[np.ndarray, "n 4"]
    scores: Float32[np.ndarray, " n"]
    labels: Int64[np.ndarray, " n"]
    class_names: tuple[str, ...]
    image_size: Size

    def __len__(self) -> int:
        return len(self.scores)

    def __iter__(self) -> Iterator[tuple[np.ndarray, float, str]]:
        for box, score, label in zip(self.boxes, self.scores, self.labels, strict=True):
            yield box, float(score), self.class_names[label]

    def above(self, threshold: float) -> "Detections":
        """Only the detections with a score of at least `threshold`."""
        keep = self.scores >= threshold
        return Detections(self.boxes[keep], self.scores[keep], self.labels[keep], self.class_names, self.image_size)

    def draw(self, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
        """A copy of the RGB image with every box, its class name and its score."""
        from multibox.drawing.boxes import draw_detections

        return draw_detections(image, self)

    def to_json(self, image: "Path | str") -> dict[str, Any]:
        """One entry of `multibox detect --json`: boxes to 2 decimals, scores to 6."""
        height, width = self.image_size
        rows = [
            {
                "box": [round(float(side), 2) for side in box],
                "score": round(score, 6),
                "label": int(label),
                "name": name,
            }
            for (box, score, name), label in zip(self, self.labels, strict=True)
        ]
        return {"image": str(image), "width": width, "height": height, "detections": rows}
