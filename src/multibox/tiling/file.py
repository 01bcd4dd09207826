"""Priors as a JSON file, which `multibox priors fit` writes and `multibox train --set model.priors=FILE` reads."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from multibox.errors import DataError, InputError
from multibox.models.rule_faults import find_prior_fault
from multibox.priors import SPECS, PriorMap, PriorSpec
from multibox.system.atomic import atomic_file
from multibox.system.json import read_json

_NEXT_STEP = "write one with `multibox priors fit`"


def write_priors(path: Path, priors: PriorSpec, *, about: Mapping[str, Any]) -> None:
    """Write priors and facts about their origin atomically. The folder is created if it does not exist."""
    text = json.dumps({"priors": asdict(priors), "about": dict(about)}, indent=1)
    with atomic_file(path) as file:
        file.write(f"{text}\n".encode())


def find_priors(source: str) -> PriorSpec:
    """The official priors of a name of `SPECS`, or those of a file. Raises InputError as `read_priors` does."""
    return SPECS[source] if source in SPECS else read_priors(Path(source))


def read_priors(path: Path, *, like: PriorSpec | None = None) -> PriorSpec:
    """Read the priors of a file. If `like` is given, they must be for its input size and its maps.

    Raises InputError if the file does not exist, holds no priors, or holds priors of another input size or other maps.
    """
    priors = _parsed(path)
    if like is not None and _grid(priors) != _grid(like):
        raise InputError(
            f"{path} holds priors for {_described(priors)}, but the model has {_described(like)}; "
            "fit them with that model: multibox priors fit --model or --recipe"
        )
    return priors


def rename_old_keys(priors: Mapping[str, Any]) -> dict[str, Any]:
    """The plain values of a PriorSpec with current keys. Version 0.1.0 wrote `clip_centers` with British spelling."""
    return {"clip_centers" if key == "clip_centres" else key: value for key, value in priors.items()}


def _parsed(path: Path) -> PriorSpec:
    from pydantic import TypeAdapter, ValidationError

    try:
        content = rename_old_keys(read_json(path)["priors"])
        if unknown := _unknown_keys(content):
            raise InputError(f"{path}: priors have no entry {', '.join(unknown)}; {_NEXT_STEP}")
        priors = TypeAdapter(PriorSpec).validate_python(content)
    except DataError as error:
        raise InputError(f"cannot read priors: {error}; {_NEXT_STEP}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: priors.{place} does not fit: {first['msg'].lower()}; {_NEXT_STEP}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path} is not a JSON file with an entry 'priors'; {_NEXT_STEP}") from None
    fault = find_prior_fault(priors)
    if fault is not None:
        raise InputError(f"{path}: {fault}; {_NEXT_STEP}")
    return priors


def _unknown_keys(content: Mapping[str, Any]) -> list[str]:
    """Keys that no field has, which could be misspelled ones; those of maps come with the number of the map."""
    unknown = [key for key in content if key not in _names(PriorSpec)]
    maps = content.get("maps")
    for number, source in enumerate(maps if isinstance(maps, list) else (), start=1):
        if isinstance(source, dict):
            unknown += [f"{key} (map {number})" for key in source if key not in _names(PriorMap)]
    return unknown


def _names(kind: type[PriorSpec] | type[PriorMap]) -> set[str]:
    return {field.name for field in fields(kind)}


def _grid(priors: PriorSpec) -> tuple[object, ...]:
    return priors.input_size, tuple(source.cells for source in priors.maps)


def _described(priors: PriorSpec) -> str:
    height, width = priors.input_size
    cells = ", ".join(f"{source.cells[0]} x {source.cells[1]}" for source in priors.maps)
    return f"{width} x {height} with maps of {cells} cells"
