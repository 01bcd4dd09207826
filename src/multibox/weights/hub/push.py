"""Publish a weight file with its model card."""

from pathlib import Path

from multibox.errors import UsageError
from multibox.weights.file import read_description
from multibox.weights.hub.card import model_card
from multibox.weights.hub.client import has_file, push_to_hub
from multibox.weights.hub.name import FILE, parse_hub_name

_CARD = "README.md"


def push_weights(
    path: Path | str,
    to: str,
    *,
    private: bool = False,
    license: str | None = None,
    message: str | None = None,
    new_card: bool = False,
) -> str:
    """Publish a weight file as model.safetensors, and a model card; return the address of the commit.

    `to` is hf://owner/name or hf://owner/name@branch. An existing card is kept unless `new_card`. Raises WeightsError
    if the file is not one of multibox or the Hub refuses, UsageError for a malformed name.
    """
    name = parse_hub_name(to)
    if name.file != FILE:
        raise UsageError(f"{to} names a file; weights are published as {FILE}: give hf://owner/name")
    description = read_description(path)
    files: dict[str, bytes | Path] = {FILE: Path(path)}
    if new_card or not has_file(name, _CARD):
        files[_CARD] = model_card(name, description, license=license or _license_of(description.info)).encode()
    return push_to_hub(name, files, private=private, message=message or f"Add {description.config.name}")


def _license_of(info: dict[str, object]) -> str | None:
    """The license in the file, as the Hub writes it."""
    text = info.get("license")
    return text.lower() if isinstance(text, str) and text.replace("-", "").replace(".", "").isalnum() else None
