"""The losses of a step, and their averages between two reports."""

import time
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

from multibox.loss import MultiBoxLoss
from multibox.system.distributed import Processes


class StepLosses(NamedTuple):
    """The three losses of one step, averaged over its micro-batches, and the number of positive priors."""

    total: Float[Tensor, ""]
    location: Float[Tensor, ""]
    confidence: Float[Tensor, ""]
    positives: Shaped[Tensor, ""]

    @classmethod
    def zero(cls, device: torch.device) -> "StepLosses":
        """The value before the first micro-batch."""
        nothing = torch.zeros((), device=device)
        return cls(nothing, nothing, nothing, nothing)

    def plus(self, loss: MultiBoxLoss, *, micro_batches: int) -> "StepLosses":
        """Add the loss of one of `micro_batches` micro-batches."""
        return StepLosses(
            self.total + loss.total.detach() / micro_batches,
            self.location + loss.location.detach() / micro_batches,
            self.confidence + loss.confidence.detach() / micro_batches,
            self.positives + loss.positives,
        )

    def over(self, processes: Processes) -> "StepLosses":
        """Average the losses over all processes of a run, and sum their positives."""
        if processes.count == 1:
            return self
        means = torch.stack(self[:3]) / processes.count
        return StepLosses(*processes.sum(torch.cat([means, self.positives[None]])))


@dataclass
class Averages:
    """Running sums between two reports, kept on the device so that no step waits for them.

    `steps` and `images` count everything. `learned` and the sums leave out steps that were not finite.
    """

    steps: int = 0
    images: int = 0
    learned: Any = 0
    total: Any = 0.0
    location: Any = 0.0
    confidence: Any = 0.0
    positives: Any = 0
    since: float = field(default_factory=time.monotonic)

    def add(self, losses: StepLosses, finite: Bool[Tensor, ""], *, images: int) -> None:
        """Count one more step."""
        self.steps, self.images = self.steps + 1, self.images + images
        self.learned = self.learned + finite
        for name, value in losses._asdict().items():
            setattr(self, name, getattr(self, name) + torch.where(finite, value, 0))

    def report(self) -> dict[str, float]:
        """Return the means over the finite steps, rounded for reading; only the speed if no step was finite."""
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
        """Return plain values for a checkpoint, so that the next report of a resumed run has the same numbers."""
        return {**asdict(self), "since": time.monotonic() - self.since}

    @classmethod
    def restored(cls, state: dict[str, Any]) -> "Averages":
        """Return the sums of a checkpoint; the clock continues from there. Version 0.1.0 called images "pictures"."""
        sums = {"images" if key == "pictures" else key: value for key, value in state.items()}
        return cls(**{**sums, "since": time.monotonic() - state["since"]})
