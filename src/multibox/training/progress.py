"""What a run says of itself: JSON lines in its folder and a line on standard error."""

import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from multibox.loss import MultiBoxLoss
from multibox.system.atomic import atomic_file, naming
from multibox.system.distributed import Processes

METRICS = "metrics.jsonl"


@runtime_checkable
class Terminal(Protocol):
    """Where a progress line can be written: standard error, or a buffer."""

    def write(self, text: str, /) -> int: ...
    def flush(self) -> None: ...
    def isatty(self) -> bool: ...


class Nowhere:
    """Where processes write whose like another one shows."""

    def write(self, text: str, /) -> int:
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


class Sums(NamedTuple):
    """One step: the three losses as means over its parts, and how many priors were positive."""

    total: Float[Tensor, ""]
    location: Float[Tensor, ""]
    confidence: Float[Tensor, ""]
    positives: Shaped[Tensor, ""]

    @classmethod
    def zero(cls, device: torch.device) -> "Sums":
        """Before the first part."""
        nothing = torch.zeros((), device=device)
        return cls(nothing, nothing, nothing, nothing)

    def plus(self, loss: MultiBoxLoss, *, parts: int) -> "Sums":
        """With one of `parts` parts more."""
        return Sums(
            self.total + loss.total.detach() / parts,
            self.location + loss.location.detach() / parts,
            self.confidence + loss.confidence.detach() / parts,
            self.positives + loss.positives,
        )

    def over(self, processes: Processes) -> "Sums":
        """Of a step that several processes share: means of their losses, the sum of their positives."""
        if processes.count == 1:
            return self
        means = torch.stack(self[:3]) / processes.count
        return Sums(*processes.sum(torch.cat([means, self.positives[None]])))


@dataclass
class Averages:
    """Running sums between two reports, kept on the device so that no step waits for them.

    `steps` and `images` count all; what was not finite is left out of `learned` and of the sums.
    """

    steps: int = 0
    images: int = 0
    learned: Any = 0
    total: Any = 0.0
    location: Any = 0.0
    confidence: Any = 0.0
    positives: Any = 0
    since: float = field(default_factory=time.monotonic)

    def add(self, sums: Sums, finite: Bool[Tensor, ""], *, images: int) -> None:
        """Count one more step."""
        self.steps, self.images = self.steps + 1, self.images + images
        self.learned = self.learned + finite
        for name, value in sums._asdict().items():
            setattr(self, name, getattr(self, name) + torch.where(finite, value, 0))

    def report(self) -> dict[str, float]:
        """Means over the steps, as plain numbers rounded for reading; only the speed where none of them was finite."""
        speed = {"images_per_second": round(self.images / (time.monotonic() - self.since), 2)}
        learned = int(self.learned)
        if not learned:
            return speed
        return {
            "loss": round(float(self.total) / learned, 5),
            "location_loss": round(float(self.location) / learned, 5),
            "confidence_loss": round(float(self.confidence) / learned, 5),
            "positives": round(float(self.positives) / (self.images * learned / self.steps), 2),
            **speed,
        }

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs, so that the next report of a resumed run has the same numbers."""
        return {**asdict(self), "since": time.monotonic() - self.since}

    @classmethod
    def restored(cls, state: dict[str, Any]) -> "Averages":
        """The sums as they were, with the clock going on."""
        return cls(**{**state, "since": time.monotonic() - state["since"]})


def append_metrics(folder: Path, row: dict[str, Any]) -> None:
    """Add one line to the run's metrics."""
    path = folder / METRICS
    with naming(path), open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The lines of the run's metrics up to the first that a crash cut off or damaged."""
    path = folder / METRICS
    rows: list[dict[str, Any]] = []
    for line in path.read_bytes().split(b"\n")[:-1] if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows


def keep_metrics_until(folder: Path, step: int, *, rows: list[dict[str, Any]]) -> None:
    """Write the metrics anew with those of `rows` up to `step`: what came later a resumed run measures again."""
    lines = [json.dumps(row) + "\n" for row in rows if row["step"] <= step]
    with atomic_file(folder / METRICS) as file:
        file.write("".join(lines).encode())


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
