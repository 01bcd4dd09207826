"""The description of a detector inside a weight file or an exported model: one JSON text.

Its keys are `version` (of the multibox that wrote it), `format` (of the description itself), `class_names` (without
background), `config` (ModelConfig) and `info`, which is free: recipe, training data, score, origin, license.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from multibox._version import __version__
from multibox.errors import WeightsError
from multibox.models.config import ModelConfig
from multibox.weights.format1 import from_format1

KEY = "multibox"
"""The metadata entry that holds the description."""

FORMAT = 2


@dataclass(frozen=True)
class Description:
    """What a detector is, apart from its learned values. `info` must be plain JSON."""

    class_names: tuple[str, ...]
    config: ModelConfig
    info: dict[str, Any]

    def to_text(self) -> str:
        """The value of the metadata entry KEY."""
        fields = {"version": __version__, "format": FORMAT, **asdict(self), "config": self.config.to_json()}
        return json.dumps(fields)


def parse_fields(text: str, *, source: Path | str) -> dict[str, Any]:
    """The fields of a description, translated to the current format.

    `source` is the name of the file in messages. Raises WeightsError if the description is damaged or of a newer
    format, or if its model cannot be built any more.
    """
    try:
        fields: dict[str, Any] = json.loads(text)
        if fields["format"] > FORMAT:
            raise WeightsError(
                f"{source} has description format {fields['format']}, written by multibox {fields['version']}; "
                f"multibox {__version__} reads up to format {FORMAT}: install a newer multibox"
            )
        if fields["format"] == 1:
            fields = from_format1(fields)
        return {**fields, "config": _config(fields["config"], source=source), "class_names": _names(fields)}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WeightsError(f"{source} has a damaged description of its detector: copy or fetch it again") from None


def parse_description(text: str, *, source: Path | str) -> Description:
    """The description in a JSON text; arguments and errors are those of `parse_fields`."""
    fields = parse_fields(text, source=source)
    return Description(fields["class_names"], fields["config"], fields["info"])


def _names(fields: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(name) for name in fields["class_names"])


def _config(fields: dict[str, Any], *, source: Path | str) -> ModelConfig:
    from pydantic import ValidationError

    try:
        return ModelConfig.from_json(fields)
    except ValidationError as problem:
        first = problem.errors()[0]
        key = ".".join(str(part) for part in ("config", *first["loc"]))
        raise WeightsError(
            f"{source} describes a model that multibox {__version__} cannot build: {key} does not fit "
            f"({first['msg'].lower()}); convert the file with the multibox that wrote it, or choose another"
        ) from None
