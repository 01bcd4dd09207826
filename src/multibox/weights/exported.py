"""The description of an exported model: that of a weight file, and how the model was exported."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multibox.errors import WeightsError
from multibox.models.ssd import SSD
from multibox.weights.description import KEY, Description, parse_fields

__all__ = ["KEY", "Exported"]

PRECISIONS = ("fp32", "fp16", "bf16", "int8")
MAX_BATCH = 4096


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
        precision, raw, batch = (fields.get(key, "") for key in ("precision", "raw", "batch"))
        fits_batch = batch is None or (type(batch) is int and 1 <= batch <= MAX_BATCH)
        if precision not in PRECISIONS or not isinstance(raw, bool) or not fits_batch:
            raise WeightsError(
                f"{path} has a damaged description of its export: precision is {precision!r}, raw {raw!r}, batch "
                f"{batch!r}; export it again"
            )
        return cls(fields["class_names"], fields["config"], fields["info"], precision, raw, batch)
