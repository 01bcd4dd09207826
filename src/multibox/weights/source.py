"""A detector from whatever names one: a weight file of ours, a foreign one, or the name of published weights."""

from pathlib import Path
from typing import Any

import torch

from multibox.models.ssd import SSD
from multibox.weights.file import KEY, load_weights, read_metadata
from multibox.weights.foreign import read_foreign
from multibox.weights.importer import convert, import_weights, origin_of
from multibox.weights.registry import DETECTORS, Published, fetch_published, published, unknown_name


def open_weights(source: Path | str, *, device: torch.device | str = "cpu") -> tuple[SSD, dict[str, Any]]:
    """The detector in evaluation mode on `device`, and what is known about it.

    `source` is the path of a multibox weight file, the path of a foreign one (see import_weights), or the name of a
    published detector, which is fetched when it is first used. Raises WeightsError or UsageError.
    """
    path = Path(source)
    if path.suffix == ".safetensors" and path.exists() and KEY in read_metadata(path):
        return load_weights(path, device=device)
    if path.exists():
        foreign = read_foreign(path)
        return convert(foreign).to(device), {"origin": origin_of(foreign), "file": path.name}
    entry = published(str(source))
    if entry is None and path.suffix:
        return load_weights(path, device=device)  # says that the file does not exist
    if entry is None or entry.kind != "detector":
        raise unknown_name(str(source), among=DETECTORS)
    file = fetch_published(entry)
    model = import_weights(file, model=entry.model, class_names=entry.class_names)
    return model.to(device), about(entry)


def about(entry: Published) -> dict[str, Any]:
    """What the registry tells about published weights, for the `info` of a weight file."""
    fields = {"origin": entry.name, "about": entry.about, "licence": entry.licence, "published_score": entry.score}
    return {key: value for key, value in fields.items() if value}
