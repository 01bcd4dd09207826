"""What an exported model says about itself, in the words of the weight file and a few of its own."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from multibox._version import __version__
from multibox.errors import WeightsError
from multibox.models.config import ModelConfig
from multibox.models.ssd import SSD

KEY = "multibox"
FORMAT = 1


@dataclass(frozen=True)
class Exported:
    """The description of an exported model: what a weight file says, and how the model was exported.

    `precision` is "fp32", "fp16", "bf16" or "int8". `raw` models end with offsets and logits, others with detections.
    `batch` is the only number of images the model takes, None for any.
    """

    class_names: tuple[str, ...]
    config: ModelConfig
    info: dict[str, Any]
    precision: str
    raw: bool
    batch: int | None

    @classmethod
    def of(cls, model: SSD, *, info: dict[str, Any], precision: str, raw: bool, batch: int | None) -> "Exported":
        return cls(model.class_names, model.config, info, precision, raw, batch)

    def to_text(self) -> str:
        """One JSON text, the value of the metadata entry KEY."""
        fields = {"version": __version__, "format": FORMAT, **asdict(self), "config": self.config.to_json()}
        return json.dumps(fields)

    @classmethod
    def from_text(cls, text: str | None, *, path: Path | str) -> "Exported":
        """The inverse; raises WeightsError where there is no description, a newer or a damaged one."""
        if text is None:
            raise WeightsError(f"{path} does not describe a multibox detector: make it with `multibox export`")
        try:
            fields = json.loads(text)
            if fields["format"] > FORMAT:
                raise WeightsError(
                    f"{path} has export format {fields['format']}, written by multibox {fields['version']}; multibox "
                    f"{__version__} reads up to format {FORMAT}: install a newer multibox"
                )
            config = ModelConfig.from_json(fields["config"])
            names = tuple(fields["class_names"])
            return cls(names, config, fields["info"], fields["precision"], fields["raw"], fields["batch"])
        except (ValueError, KeyError, TypeError):
            raise WeightsError(f"{path} has a damaged description of its detector: export it again") from None
