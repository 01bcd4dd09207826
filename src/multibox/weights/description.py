"""The description of a detector inside a weight file or an exported model: one JSON text.

Its keys are `version` (of the multibox that wrote it), `format` (of the description itself), `class_names` (without
background), `config` (ModelConfig) and `info`, which is free: recipe, training data, score, origin, license.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from multibox._version import __version__
from multibox.errors import DataError, WeightsError
from multibox.models.config import ModelConfig
from multibox.models.faults import find_class_fault, find_fault
from multibox.system.json import parse_json
from multibox.weights.format1 import from_format1

KEY = "multibox"
"""The metadata entry that holds the description."""

FORMAT = 2

ADDED = (
    "config.score_function",
    "config.box_code",
    "config.base.source_norm",
    "config.detection.eta",
    "config.priors.maps.boxes",
    "config.priors.maps.offset",
    "config.priors.maps.clip",
    "config.priors.maps.variances",
    "config.priors.maps.image_size",
)
"""Fields that files of the same format may lack, because they were added later; their default is the old meaning."""

MAX_CHARACTERS = 8 << 20
"""The longest description. That of a detector with thousands of classes has a few hundred thousand."""


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

    `source` is the name of the file in messages. Every value is checked, so that what is built from the result works
    and is not larger than a detector can be. Raises WeightsError that names the first wrong value.
    """
    fields = _parsed(text, source=source)
    try:
        if fields["format"] == 1:
            fields = from_format1(fields)
        config, class_names, info = fields["config"], fields["class_names"], fields["info"]
    except KeyError as problem:
        raise _wrong(source, f"{problem.args[0]} is missing") from None
    except (TypeError, AttributeError):
        raise _wrong(source, "a field of format 1 has another type") from None
    if not isinstance(info, dict):
        raise _wrong(source, "info is not a JSON object")
    if not isinstance(class_names, list) or not all(isinstance(name, str) for name in class_names):
        raise _wrong(source, "class_names is not a list of names")
    built = _config(config, source=source)
    fault = find_class_fault(class_names, priors=built.priors.count)
    if fault is not None:
        raise _wrong(source, fault)
    return {**fields, "config": built, "class_names": tuple(class_names)}


def parse_description(text: str, *, source: Path | str) -> Description:
    """The description in a JSON text; arguments and errors are those of `parse_fields`."""
    fields = parse_fields(text, source=source)
    return Description(fields["class_names"], fields["config"], fields["info"])


def _parsed(text: str, *, source: Path | str) -> dict[str, Any]:
    """The JSON object in the text, of a format that can be read."""
    if len(text) > MAX_CHARACTERS:
        raise _wrong(source, f"it has {len(text)} characters, at most {MAX_CHARACTERS} are allowed")
    try:
        fields = parse_json(text, name=str(source))
    except DataError as problem:
        raise WeightsError(f"{source} has a damaged description of its detector ({problem})") from None
    if not isinstance(fields, dict):
        raise _wrong(source, "it is not a JSON object")
    number = fields.get("format")
    if type(number) is not int or number < 1:
        raise _wrong(source, f"format is {repr(number)[:100]}, it must be 1 to {FORMAT}")
    if number > FORMAT:
        number, writer = repr(number)[:100], str(fields.get("version", "of an unknown version"))[:100]
        raise WeightsError(
            f"{source} has description format {number}, written by multibox {writer}; multibox {__version__} reads up "
            f"to format {FORMAT}: install a newer multibox"
        )
    return fields


def _config(fields: Any, *, source: Path | str) -> ModelConfig:
    from pydantic import ValidationError

    if not isinstance(fields, dict):
        raise _wrong(source, "config is not a JSON object")
    try:
        config = ModelConfig.from_json(fields)
    except ValidationError as problem:
        first = problem.errors()[0]
        key = ".".join(str(part) for part in ("config", *first["loc"]))
        raise WeightsError(
            f"{source} describes a model that multibox {__version__} cannot build: {key} does not fit "
            f"({first['msg'].lower()}); convert the file with the multibox that wrote it, or choose another"
        ) from None
    difference = _difference(fields, json.loads(json.dumps(config.to_json())), key="config")
    fault = find_fault(config)
    if difference is not None or fault is not None:
        raise _wrong(source, difference or f"config.{fault}")
    return config


def _difference(given: Any, understood: Any, *, key: str) -> str | None:
    """The first field that is missing, unknown or converted, so that its value would not be the written one."""
    if isinstance(given, dict) and isinstance(understood, dict):
        for name in (*understood, *given):
            if name not in given and re.sub(r"\.\d+", "", f"{key}.{name}") not in ADDED:
                return f"{key}.{name} is missing"
            if name not in understood:
                return f"{key}.{name} is not a field of this multibox"
        found = (_difference(given[name], understood[name], key=f"{key}.{name}") for name in given)
        return next(filter(None, found), None)
    if isinstance(given, list) and isinstance(understood, list) and len(given) == len(understood):
        pairs = enumerate(zip(given, understood, strict=True))
        return next(filter(None, (_difference(*pair, key=f"{key}.{i}") for i, pair in pairs)), None)
    same = given == understood and isinstance(given, bool) == isinstance(understood, bool)
    return None if same else f"{key} is {repr(given)[:100]}, which is not a value that multibox writes"


def _wrong(source: Path | str, fault: str) -> WeightsError:
    return WeightsError(f"{source} has a damaged description of its detector: {fault}; copy or fetch the file again")
