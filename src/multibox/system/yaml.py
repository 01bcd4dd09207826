"""YAML by PyYAML; every scalar stays text, so that `yes` and `1.0` are names, not a Boolean or a number."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from multibox.errors import DataError
from multibox.system.text import read_text

MAX_YAML_BYTES = 2**20


def read_yaml(path: Path) -> Any:
    """Return the document in a YAML file: text, lists and mappings. Raises DataError if it is not YAML.

    The parser is PyYAML's in Python: the one in C has no limit of depth and crashes on deep nesting.
    """
    try:
        return yaml.load(read_text(path, limit=MAX_YAML_BYTES), Loader=yaml.BaseLoader)
    except RecursionError:
        raise DataError(f"{path} is nested too deeply to be read as YAML; remove some levels") from None
    except (yaml.YAMLError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path} is not YAML ({reason}); repair or remove it") from None


def yaml_text(document: Mapping[str, Any]) -> str:
    """Return the YAML of a document, keys in their order, names quoted where YAML needs it."""
    return yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=10**9)
