"""Objects with known identities that move through a scene, and what an imperfect detector finds of them."""

from dataclasses import dataclass

import numpy as np

from multibox.detections import Detections
from multibox.size import Size

SIZE = Size(480, 640)
NAMES = ("car", "person")


@dataclass(frozen=True)
class Moving:
    """An object: class, first and last frame, and its box in each of them, by a path of its own."""

    label: int
    first: int
    last: int
    start: tuple[float, float]
    speed: tuple[float, float]
    size: tuple[float, float]
    wave: float

    def box(self, frame: int) -> tuple[float, float, float, float]:
        """(x1, y1, x2, y2) in the frame with this number."""
        passed = frame - self.first
        x = self.start[0] + self.speed[0] * passed
        y = self.start[1] + self.speed[1] * passed + self.wave * np.sin(passed / 15)
        return x, y, x + self.size[0], y + self.size[1]


def scene(*, seed: int, frames: int, objects: int) -> list[dict[int, tuple[float, float, float, float]]]:
    """True boxes by identity in each frame: objects come and go, pass each other and sway; ids from 0."""
    moving = movers(seed=seed, frames=frames, objects=objects)
    return [{i: m.box(frame) for i, m in enumerate(moving) if m.first <= frame <= m.last} for frame in range(frames)]


def movers(*, seed: int, frames: int, objects: int) -> list[Moving]:
    """Objects of two classes in rows of their own, with speeds in both directions; half of them come later."""
    rng = np.random.default_rng(seed)
    result = []
    for number in range(objects):
        first = 0 if number % 2 == 0 else int(rng.integers(1, frames // 2))
        last = frames - 1 if number % 3 else int(rng.integers(frames // 2 + 10, frames))
        start = (float(rng.uniform(100, 450)), 20 + 420 / objects * number)
        speed = (float(rng.uniform(-2.5, 2.5)), float(rng.uniform(-0.3, 0.3)))
        size = (float(rng.uniform(30, 60)), float(rng.uniform(50, 90)))
        result.append(Moving(number % 2, first, last, start, speed, size, wave=float(rng.uniform(0, 10))))
    return result


def detected(
    truth: list[dict[int, tuple[float, float, float, float]]],
    *,
    seed: int,
    dropped: float = 0.1,
    jitter: float = 0.05,
    weak: float = 0.15,
    false: float = 0.0,
) -> list[Detections]:
    """What a detector finds: each box is dropped with a probability, its sides move by a share of its size, some of
    the scores are low, and there are false detections with medium scores."""
    rng = np.random.default_rng(seed)
    frames = []
    for boxes in truth:
        rows = []
        for identity, box in boxes.items():
            if rng.random() < dropped:
                continue
            width, height = box[2] - box[0], box[3] - box[1]
            moved = np.array(box) + rng.normal(0, jitter, 4) * np.array([width, height, width, height])
            score = rng.uniform(0.15, 0.45) if rng.random() < weak else rng.uniform(0.65, 0.99)
            rows.append((score, identity % 2, moved))
        for _ in range(rng.poisson(false)):
            corner = rng.uniform(0, 400, 2)
            rows.append((rng.uniform(0.1, 0.5), int(rng.integers(2)), np.concatenate([corner, corner + 50])))
        frames.append(as_detections(rows))
    return frames


def as_detections(rows: list[tuple[float, int, np.ndarray]], size: Size = SIZE) -> Detections:
    """Detections of (score, label, box), best first."""
    rows = sorted(rows, key=lambda row: -row[0])
    return Detections(
        np.array([box for _, _, box in rows], dtype=np.float32).reshape(-1, 4),
        np.array([score for score, _, _ in rows], dtype=np.float32),
        np.array([label for _, label, _ in rows], dtype=np.int64),
        NAMES,
        size,
    )
