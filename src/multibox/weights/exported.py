"""The description of an exported model: that of a weight file, and how the model was exported."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from multibox.errors import WeightsError
from multibox.models.ssd import SSD
from multibox.weights.description import KEY, Description, parse_fields

__all__ = ["KEY", "Exported"]

PRECISIONS = ("fp32", "fp16", "bf16", "int8")
End = Literal["detections", "boxes", "raw"]
ENDS: tuple[End, ...] = get_args(End)
MAX_BATCH = 4096


@dataclass(frozen=True)
class Exported(Description):
    """What an exported model says about itself.

    `precision` is "fp32", "fp16", "bf16" or "int8". A model ends with "detections", with the "boxes" and scores of all
    priors, or "raw", with offsets and logits. `batch` is the only number of images that the model accepts, None for any
    number.
    """

    precision: str
    end: End
    batch: int | None

    @classmethod
    def of(cls, model: SSD, *, info: dict[str, Any], precision: str, end: End, batch: int | None) -> "Exported":
        return cls(model.class_names, model.config, info, precision, end, batch)

    @classmethod
    def from_text(cls, text: str | None, *, path: Path | str) -> "Exported":
        """The inverse of `to_text`. Raises WeightsError if there is no description, or a newer or a damaged one."""
        if text is None:
            raise WeightsError(f"{path} does not describe a multibox detector: make it with `multibox export`")
        fields = parse_fields(text, source=path)
        precision, batch = (fields.get(key, "") for key in ("precision", "batch"))
        end = _end(fields)
        fits_batch = batch is None or (type(batch) is int and 1 <= batch <= MAX_BATCH)
        if precision not in PRECISIONS or end not in ENDS or not fits_batch:
            raise WeightsError(
                f"{path} has a damaged description of its export: precision is {precision!r}, end {end!r}, batch "
                f"{batch!r}; export it again"
            )
        return cls(fields["class_names"], fields["config"], fields["info"], precision, end, batch)


def _end(fields: dict[str, Any]) -> Any:
    """The entry "end"; multibox 0.1.0 wrote an entry "raw", which is true or false."""
    old = fields.get("raw")
    return fields.get("end", ("raw" if old else "detections") if isinstance(old, bool) else None)
