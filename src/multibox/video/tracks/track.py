"""One object that is followed through frames."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float64

_TRAIL_SECONDS, _TRAIL_POINTS = 2.0, 60


@dataclass(eq=False)
class Track:
    """An object with its `id` from 1, class, estimated box in pixels, and score of its last detection.

    `since` and `seen` are the times in seconds of its first and its last detection. A track that is not `confirmed` was
    seen once; it has the id 0 until it is seen again. `trail` has the centers of its box in the last two seconds.
    """

    label: int
    name: str
    box: Float64[np.ndarray, "4"]
    score: float
    since: float
    seen: float
    id: int = 0
    lost: bool = False
    trail: deque[tuple[float, float, float]] = field(default_factory=lambda: deque(maxlen=_TRAIL_POINTS))

    @property
    def confirmed(self) -> bool:
        """Whether it was seen in two frames, or in the first one."""
        return self.id > 0

    @property
    def center(self) -> tuple[float, float]:
        """The center of its box."""
        x1, y1, x2, y2 = self.box.tolist()
        return (x1 + x2) / 2, (y1 + y2) / 2

    @property
    def foot(self) -> tuple[float, float]:
        """The middle of the lower side of its box, where a person touches the ground."""
        x1, _, x2, y2 = self.box.tolist()
        return (x1 + x2) / 2, y2

    def saw(self, box: Float64[np.ndarray, "4"], *, score: float, time: float) -> None:
        """Take over a new estimate after a detection."""
        self.box, self.score, self.seen, self.lost = box, score, time, False
        self.trail.append((time, *self.center))
        while self.trail and self.trail[0][0] < time - _TRAIL_SECONDS:
            self.trail.popleft()

    def to_json(self) -> dict[str, Any]:
        """Id, class, estimated box to 2 decimals, score, and the times of its first and last detection."""
        return {
            "id": self.id,
            "box": [round(side, 2) for side in self.box.tolist()],
            "score": round(self.score, 6),
            "label": self.label,
            "name": self.name,
            "since": round(self.since, 6),
            "seen": round(self.seen, 6),
        }
