"""Translates descriptions of format 1, which multibox 0.1.0 wrote, to the current format.

Format 1 had one flat config for all base networks: `base` was a name, and `width`, `batch_norm`, `fine`, `full_tail`
and `lite` were fields of every model. Two of its keys had British spelling.
"""

from typing import Any

_MOVED_TO_THE_BASE = ("width", "batch_norm", "fine", "full_tail", "lite")


def from_format1(fields: dict[str, Any]) -> dict[str, Any]:
    """The same description in format 2. Raises KeyError or TypeError if a field is missing or has another type."""
    return {**fields, "format": 2, "config": _config(fields["config"]), "info": _info(fields["info"])}


def _config(old: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in old.items() if key not in _MOVED_TO_THE_BASE}
    return {**kept, "base": _base(old), "priors": _priors(old["priors"])}


def _base(old: dict[str, Any]) -> dict[str, Any]:
    """The config of the base network, with the fields that mattered for it."""
    name = old["base"]
    if name in ("vgg16", "vgg16_full"):
        return {
            "kind": "vgg16",
            "atrous": name == "vgg16",
            "width": old["width"],
            "batch_norm": old["batch_norm"],
        }
    if name == "resnet":
        return {"kind": "resnet", "width": old["width"]}
    return {"kind": name, "fine": old["fine"], "full_tail": old["full_tail"]}


def _priors(old: dict[str, Any]) -> dict[str, Any]:
    return {"clip_centers" if key == "clip_centres" else key: value for key, value in old.items()}


def _info(old: dict[str, Any]) -> dict[str, Any]:
    return {"license" if key == "licence" else key: value for key, value in old.items()}
