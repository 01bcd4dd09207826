"""Translates descriptions and recipes of format 1, which multibox 0.1.0 wrote, to the current format.

Format 1 had one flat config for all base networks: `base` was a name, and `width`, `batch_norm`, `fine`, `full_tail`
and `lite` were fields of every model. Some of its keys had British spelling.
"""

from collections.abc import Mapping
from typing import Any

from multibox.tiling.file import rename_old_keys

_PRECISIONS = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}
_MOVED_TO_THE_BASE = ("width", "batch_norm", "fine", "full_tail", "lite")


def from_format1(fields: dict[str, Any]) -> dict[str, Any]:
    """The same description in format 2. Raises KeyError or TypeError if a field is missing or has another type."""
    return {**fields, "format": 2, "config": _config(fields["config"]), "info": _info(fields["info"])}


def recipe_from_format1(fields: dict[str, Any]) -> dict[str, Any]:
    """The same recipe with current names and a current config; a current recipe is returned as it is.

    Raises KeyError or TypeError if a field of an old model is missing or has another type.
    """
    fields = _with_names(fields, {"pixels": "pixel_rule"})
    for group, names in (("augmentation", {"colour": "color"}), ("loop", {"normaliser": "normalizer"})):
        if isinstance(fields.get(group), dict):
            fields[group] = _with_names(fields[group], names)
    loop, model = fields.get("loop"), fields.get("model")
    precision = loop.get("precision") if isinstance(loop, dict) else None
    if isinstance(loop, dict) and isinstance(precision, str):
        fields["loop"] = {**loop, "precision": _PRECISIONS.get(precision, precision)}
    if isinstance(model, dict) and isinstance(model.get("base"), str):
        fields["model"] = _config(model)
    return fields


def _config(old: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in old.items() if key not in _MOVED_TO_THE_BASE}
    return {**kept, "base": _base(old), "priors": rename_old_keys(old["priors"])}


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


def _info(old: dict[str, Any]) -> dict[str, Any]:
    return _with_names(old, {"licence": "license"})


def _with_names(fields: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in fields.items()}
