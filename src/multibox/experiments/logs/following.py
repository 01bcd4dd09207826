"""What connects a training run with its logs."""

from collections.abc import Callable
from typing import Any

from multibox.data.dataset import Dataset
from multibox.experiments.logs.log import Broadcast, Images
from multibox.experiments.logs.validation import validation_images
from multibox.models.ssd import SSD


class Following:
    """Passes each row of the metrics on to the caller's function and to the logs, a score with images."""

    def __init__(
        self, logs: Broadcast, on_report: Callable[[dict[str, Any]], object], held_out: Dataset | None
    ) -> None:
        self._logs, self._on_report, self._held_out = logs, on_report, held_out
        self._images: Images = {}

    def see(self, model: SSD) -> None:
        """Draw images of the validation set with a model that is just being validated."""
        if self._logs.wanted and self._held_out is not None:
            self._images = validation_images(model, self._held_out)

    def report(self, row: dict[str, Any]) -> None:
        """A row of losses or a score."""
        self._on_report(row)
        self._logs.row(row)
        if "score" in row and self._images:
            self._logs.images(row["step"], self._images)
