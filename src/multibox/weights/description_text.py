"""The JSON text that describes a detector inside a weight file or an exported model: its fields, checked.

Its keys are `version` (of the multibox that wrote it), `format` (of the description itself), `class_names` (without
background), `config` (ModelConfig) and `info`, which is free: recipe, training data, score, origin, license. This file
reads it without building the network's config, so that exported models run without PyTorch.
"""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from multibox._version import __version__
from multibox.errors import DataError, WeightsError
from multibox.models.rule_faults import find_class_fault
from multibox.system.json import parse_json
from multibox.weights.format1 import from_format1

T = TypeVar("T")

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


def parse_fields(text: str, *, source: Path | str) -> dict[str, Any]:
    """The fields of a description, translated to the current format; `config` is still a JSON object.

    `source` is the name of the file in messages. Raises WeightsError that names the first wrong value.
    """
    fields = _parsed(text, source=source)
    try:
        if fields["format"] == 1:
            fields = from_format1(fields)
        config, class_names, info = fields["config"], fields["class_names"], fields["info"]
    except KeyError as problem:
        raise damaged(source, f"{problem.args[0]} is missing") from None
    except (TypeError, AttributeError):
        raise damaged(source, "a field of format 1 has another type") from None
    for name, value in (("info", info), ("config", config)):
        if not isinstance(value, dict):
            raise damaged(source, f"{name} is not a JSON object")
    if not isinstance(class_names, list) or not all(isinstance(name, str) for name in class_names):
        raise damaged(source, "class_names is not a list of names")
    return {**fields, "class_names": tuple(class_names)}


def checked(kind: type[T], fields: dict[str, Any], *, source: Path | str) -> T:
    """A dataclass from its JSON object in `config`. Raises WeightsError if a field is not exactly as written."""
    from pydantic import TypeAdapter, ValidationError

    try:
        found = TypeAdapter(kind).validate_python(fields)
    except ValidationError as problem:
        first = problem.errors()[0]
        key = ".".join(str(part) for part in ("config", *first["loc"]))
        raise WeightsError(
            f"{source} describes a model that multibox {__version__} cannot build: {key} does not fit "
            f"({first['msg'].lower()}); convert the file with the multibox that wrote it, or choose another"
        ) from None
    understood = json.loads(json.dumps(asdict(found)))  # type: ignore[call-overload]
    newer = _unknown(fields, understood, key="config")
    if newer is not None:
        raise WeightsError(
            f"{source} was written by a newer multibox: {newer} is a field that multibox {__version__} does not know; "
            "install a newer multibox, or choose another file"
        )
    difference = _difference(fields, understood, key="config")
    if difference is not None:
        raise damaged(source, difference)
    return found


def check_class_names(names: tuple[str, ...], *, priors: int, source: Path | str) -> None:
    """Raise WeightsError if these cannot be the classes of a detector with so many priors."""
    fault = find_class_fault(names, priors=priors)
    if fault is not None:
        raise damaged(source, fault)


def _parsed(text: str, *, source: Path | str) -> dict[str, Any]:
    """The JSON object in the text, of a format that can be read."""
    if len(text) > MAX_CHARACTERS:
        raise damaged(source, f"it has {len(text)} characters, at most {MAX_CHARACTERS} are allowed")
    try:
        fields = parse_json(text, name=str(source))
    except DataError as problem:
        raise WeightsError(f"{source} has a damaged description of its detector ({problem})") from None
    if not isinstance(fields, dict):
        raise damaged(source, "it is not a JSON object")
    number = fields.get("format")
    if type(number) is not int or number < 1:
        raise damaged(source, f"format is {repr(number)[:100]}, it must be 1 to {FORMAT}")
    if number > FORMAT:
        number, writer = repr(number)[:100], str(fields.get("version", "of an unknown version"))[:100]
        raise WeightsError(
            f"{source} has description format {number}, written by multibox {writer}; multibox {__version__} reads up "
            f"to format {FORMAT}: install a newer multibox"
        )
    return fields


def _unknown(given: Any, understood: Any, *, key: str) -> str | None:
    """The first field that this version does not know: later versions add fields, damage does not."""
    if isinstance(given, dict) and isinstance(understood, dict):
        for name, value in given.items():
            inner = f"{key}.{name}"
            found = _unknown(value, understood[name], key=inner) if name in understood else inner[:200]
            if found is not None:
                return found
    if isinstance(given, list) and isinstance(understood, list):
        pairs = enumerate(zip(given, understood, strict=False))
        return next(filter(None, (_unknown(*pair, key=f"{key}.{i}") for i, pair in pairs)), None)
    return None


def _difference(given: Any, understood: Any, *, key: str) -> str | None:
    """The first field that is missing or converted, so that its value would not be the written one."""
    if isinstance(given, dict) and isinstance(understood, dict):
        for name in understood:
            if name not in given and re.sub(r"\.\d+", "", f"{key}.{name}") not in ADDED:
                return f"{key}.{name} is missing"
        found = (_difference(given[name], understood[name], key=f"{key}.{name}") for name in given)
        return next(filter(None, found), None)
    if isinstance(given, list) and isinstance(understood, list) and len(given) == len(understood):
        pairs = enumerate(zip(given, understood, strict=True))
        return next(filter(None, (_difference(*pair, key=f"{key}.{i}") for i, pair in pairs)), None)
    same = given == understood and isinstance(given, bool) == isinstance(understood, bool)
    return None if same else f"{key} is {repr(given)[:100]}, which is not a value that multibox writes"


def damaged(source: Path | str, fault: str) -> WeightsError:
    return WeightsError(f"{source} has a damaged description of its detector: {fault}; copy or fetch the file again")
