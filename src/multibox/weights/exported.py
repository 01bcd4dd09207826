"""The description of an exported model: that of a weight file, and how the model was exported."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multibox.errors import WeightsError
from multibox.models.ssd import SSD
from multibox.weights.description import KEY, Description, parse_fields

__all__ = ["KEY", "Exported"]


@dataclass(frozen=True)
class Exported(Description):
    """What an exported model says about itself.

    `precision` is "fp32", "fp16", "bf16" or "int8". `raw` models end with offsets and logits, others with detections.
    `batch` is the only number of images that the model accepts, None for any number.
    """

    precision: str
    raw: bool
    batch: int | None

    @classmethod
    def of(cls, model: SSD, *, info: dict[str, Any], precision: str, raw: bool, batch: int | None) -> "Exported":
        return cls(model.class_names, model.config, info, precision, raw, batch)

    @classmethod
    def from_text(cls, text: str | None, *, path: Path | str) -> "Exported":
        """The inverse of `to_text`. Raises WeightsError if there is no description, or a newer or a damaged one."""
        if text is None:
            raise WeightsError(f"{path} does not describe a multibox detector: make it with `multibox export`")
        fields = parse_fields(text, source=path)
        try:
            export = (fields["precision"], fields["raw"], fields["batch"])
        except KeyError:
            raise WeightsError(f"{path} has a damaged description of its detector: export it again") from None
        return cls(fields["class_names"], fields["config"], fields["info"], *export)
