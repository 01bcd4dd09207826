"""What a run says of itself: JSON lines in its folder and a line on standard error."""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

METRICS = "metrics.jsonl"


@runtime_checkable
class Terminal(Protocol):
    """Where a progress line can be written: standard error, or a buffer."""

    def write(self, text: str, /) -> int: ...
    def flush(self) -> None: ...
    def isatty(self) -> bool: ...


@dataclass
class Averages:
    """Running sums between two reports, kept on the device so that no step waits for them."""

    steps: int = 0
    pictures: int = 0
    total: Any = 0.0
    location: Any = 0.0
    confidence: Any = 0.0
    positives: Any = 0

    def report(self, *, seconds: float) -> dict[str, float]:
        """Means over the steps, as plain numbers rounded for reading."""
        return {
            "loss": round(float(self.total) / self.steps, 5),
            "location_loss": round(float(self.location) / self.steps, 5),
            "confidence_loss": round(float(self.confidence) / self.steps, 5),
            "positives": round(float(self.positives) / self.pictures, 2),
            "images_per_second": round(self.pictures / seconds, 2),
        }


def append_metrics(folder: Path, row: dict[str, Any]) -> None:
    """Add one line to the run's metrics."""
    with open(folder / METRICS, "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """All lines of the run's metrics; a last line that was cut off is left out."""
    path = folder / METRICS
    lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    return [json.loads(line) for line in lines[:-1]]


def keep_metrics_until(folder: Path, step: int) -> None:
    """Forget what was measured after `step`: a resumed run measures it again."""
    rows = [row for row in read_metrics(folder) if row["step"] <= step]
    (folder / METRICS).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


class ProgressLine:
    """One line that overwrites itself on a terminal, and a line every `interval` seconds elsewhere."""

    def __init__(self, *, steps: int, stream: Terminal | None = None, interval: float = 30.0) -> None:
        self.steps = steps
        self.stream: Terminal = sys.stderr if stream is None else stream
        self.live = self.stream.isatty()
        self.interval = 0.0 if self.live else interval
        self._last = -float("inf")

    def show(self, step: int, row: dict[str, float], *, batch_size: int) -> None:
        """Write the line for a report, if it is time."""
        now = time.monotonic()
        if now - self._last < self.interval and step < self.steps:
            return
        self._last = now
        left = (self.steps - step) * batch_size / max(row["images_per_second"], 1e-9)
        text = (
            f"step {step}/{self.steps}  {row['images_per_second']:.1f} images/s  loss {row['loss']:.3f} "
            f"(location {row['location_loss']:.3f}, confidence {row['confidence_loss']:.3f})  "
            f"{row['positives']:.1f} positives/image  {clock(left)} left"
        )
        self.stream.write(f"\r\x1b[2K{text}" if self.live else f"{text}\n")
        self.stream.flush()

    def say(self, text: str) -> None:
        """A message that stays, above the line."""
        self.stream.write(f"\r\x1b[2K{text}\n" if self.live else f"{text}\n")
        self.stream.flush()

    def close(self) -> None:
        if self.live:
            self.stream.write("\n")


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
