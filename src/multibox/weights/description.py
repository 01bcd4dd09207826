"""The description of a detector inside a weight file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from multibox._version import __version__
from multibox.models.config import ModelConfig
from multibox.models.faults import find_fault
from multibox.weights.description_text import FORMAT, KEY, check_class_names, checked, damaged, parse_fields

__all__ = ["KEY", "Description", "checked_config", "parse_description"]


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


def parse_description(text: str, *, source: Path | str) -> Description:
    """The description in a JSON text; `source` is the name of the file in messages.

    Every value is checked, so that what is built from the result works and is not larger than a detector can be. Raises
    WeightsError that names the first wrong value.
    """
    fields = parse_fields(text, source=source)
    config = checked_config(fields["config"], source=source)
    check_class_names(fields["class_names"], priors=config.priors.count, source=source)
    return Description(fields["class_names"], config, fields["info"])


def checked_config(fields: dict[str, Any], *, source: Path | str) -> ModelConfig:
    """The config of a model that can be built, from its JSON object. Raises WeightsError as `parse_description`."""
    config = checked(ModelConfig, fields, source=source)
    fault = find_fault(config)
    if fault is not None:
        raise damaged(source, f"config.{fault}")
    return config
