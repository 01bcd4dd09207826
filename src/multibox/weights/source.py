"""Opens a detector from a multibox weight file, a foreign one, or the name of published weights."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from multibox.errors import UsageError, WeightsError
from multibox.models.ssd import SSD
from multibox.priors import PriorSpec
from multibox.size import Size
from multibox.weights.description import KEY
from multibox.weights.file import load_weights, read_metadata
from multibox.weights.hub.client import fetch_from_hub
from multibox.weights.hub.name import is_hub_name
from multibox.weights.origins.kind import kind_of_file
from multibox.weights.origins.origin import ImportChoices
from multibox.weights.origins.strangers import find_strange_folder
from multibox.weights.registry.detectors import DETECTORS
from multibox.weights.registry.entry import Published
from multibox.weights.registry.fetch import (
    fetch_prototxt,
    fetch_published,
    published,
    published_file,
    unknown_name,
)


def open_weights(source: Path | str, *, device: torch.device | str = "cpu") -> tuple[SSD, dict[str, Any]]:
    """The detector in evaluation mode on `device`, and what is known about it.

    `source` is the path of a multibox weight file, the path of a foreign one (see import_weights), a name on the Hub
    (hf://owner/name@revision), or the name of a published detector. Names are downloaded on first use. A foreign file
    whose SHA-256 is that of a published detector gets the class names of that. Raises WeightsError or UsageError.
    """
    file, entry = find_weights(source)
    if kind_of_file(file) == "safetensors" and KEY in read_metadata(file):
        return load_weights(file, device=device)
    model, info = _imported(file, entry, ImportChoices())
    return model.to(device), info


def import_named(
    source: Path | str,
    *,
    priors: str | PriorSpec | None = None,
    class_names: Sequence[str] | None = None,
    channels: str | None = None,
    size: Size | None = None,
    prototxt: Path | str | None = None,
    mean: Sequence[float] | None = None,
    scale: float | None = None,
) -> tuple[SSD, dict[str, Any]]:
    """A foreign detector from a file or by its published name, and what is known about it.

    The options and errors are those of `import_weights`; for a published detector the list supplies what is None.
    """
    file, entry = find_weights(source)
    normalization = None if mean is None else tuple(mean)
    choices = ImportChoices(priors, class_names, channels, size, prototxt, normalization, scale)
    return _imported(file, entry, choices)


def _imported(file: Path, entry: Published | None, choices: ImportChoices) -> tuple[SSD, dict[str, Any]]:
    """The detector of a foreign file; for a published name, the .prototxt file of a Caffe model is fetched, too."""
    from multibox.weights.origins.foreign_weights import read_foreign_weights  # own weights need no importer
    from multibox.weights.origins.recognize import convert, origin_of

    foreign = read_foreign_weights(file)
    if entry is not None and choices.prototxt is None:
        choices = replace(choices, prototxt=fetch_prototxt(entry))
    entry = entry or published_file(file)
    if entry is None:
        origin = origin_of(foreign) if choices.prototxt is None else "Caffe"
        return convert(foreign, choices), {"origin": origin, "file": file.name}
    filled = replace(
        choices, priors=choices.priors or entry.priors, class_names=choices.class_names or entry.class_names
    )
    return convert(foreign, filled), about(entry)


def find_weights(source: Path | str) -> tuple[Path, Published | None]:
    """The path of the weight file, and its entry in the list of published detectors if `source` is a name of that list.

    An existing file has priority over a name. Raises WeightsError for a file that does not exist or cannot be fetched,
    UsageError for an unknown name.
    """
    if is_hub_name(source):
        return fetch_from_hub(source), None
    path = Path(source)
    if path.is_file():
        return path, None
    entry = published(str(source))
    if entry is None and path.is_dir():
        raise _folder(path)
    if entry is None and (path.suffix or len(path.parts) > 1):
        raise WeightsError(f"weight file {path} does not exist: give the path of a weight file")
    if entry is None:
        raise unknown_name(str(source), among=DETECTORS)
    if entry.kind == "base":
        raise UsageError(f"{source} is a base network, not a detector: use it as base weights of a training")
    return fetch_published(entry), entry


def _folder(path: Path) -> WeightsError:
    stranger = find_strange_folder(path)
    if stranger is not None:
        return WeightsError(f"{path} is {stranger.what}, which cannot be imported: {stranger.advice}")
    return WeightsError(f"{path} is a folder: give a weight file, for example {_weight_file_in(path)}")


def _weight_file_in(folder: Path) -> Path:
    """A weight file in the folder; the name that a training gives to it if there is none."""
    return min(folder.glob("*.safetensors"), default=folder / "last.safetensors")


def about(entry: Published) -> dict[str, Any]:
    """The facts in the list of published weights, for the `info` of a weight file."""
    fields = {"origin": entry.name, "about": entry.about, "license": entry.license, "published_score": entry.score}
    return {key: value for key, value in fields.items() if value}
