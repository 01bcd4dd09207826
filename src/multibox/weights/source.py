"""A detector from whatever names one: a weight file of ours, a foreign one, or the name of published weights."""

from pathlib import Path
from typing import Any

import torch

from multibox.errors import UsageError, WeightsError
from multibox.models.ssd import SSD
from multibox.weights.file import KEY, load_weights, read_metadata
from multibox.weights.origins.foreign import read_foreign
from multibox.weights.origins.importer import convert, origin_of
from multibox.weights.registry import DETECTORS, Published, fetch_published, published, unknown_name


def open_weights(source: Path | str, *, device: torch.device | str = "cpu") -> tuple[SSD, dict[str, Any]]:
    """The detector in evaluation mode on `device`, and what is known about it.

    `source` is the path of a multibox weight file, the path of a foreign one (see import_weights), or the name of a
    published detector, which is fetched when it is first used. Raises WeightsError or UsageError.
    """
    file, entry = find_weights(source)
    if file.suffix == ".safetensors" and KEY in read_metadata(file):
        return load_weights(file, device=device)
    foreign = read_foreign(file)
    if entry is None:
        return convert(foreign).to(device), {"origin": origin_of(foreign), "file": file.name}
    return convert(foreign, model=entry.model, class_names=entry.class_names).to(device), about(entry)


def find_weights(source: Path | str) -> tuple[Path, Published | None]:
    """The weight file on this machine, and its entry in the list of published detectors if it was named by that.

    A file that exists goes before a name. Raises WeightsError for a file that does not exist or cannot be fetched,
    UsageError for an unknown name.
    """
    path = Path(source)
    if path.is_file():
        return path, None
    entry = published(str(source))
    if entry is None and (path.suffix or len(path.parts) > 1):
        raise WeightsError(f"weight file {path} does not exist: give the path of a weight file")
    if entry is None:
        raise unknown_name(str(source), among=DETECTORS)
    if entry.kind == "base":
        raise UsageError(f"{source} is a base network, not a detector: name it as base weights of a training")
    return fetch_published(entry), entry


def about(entry: Published) -> dict[str, Any]:
    """What the list tells about published weights, for the `info` of a weight file."""
    fields = {"origin": entry.name, "about": entry.about, "license": entry.license, "published_score": entry.score}
    return {key: value for key, value in fields.items() if value}
