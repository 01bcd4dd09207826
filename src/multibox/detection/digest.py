"""The identity of a detector: the SHA-256 of its file."""

import hashlib
from pathlib import Path

from multibox.detection.engines.load import is_exported
from multibox.weights.hub.client import fetch_from_hub
from multibox.weights.hub.name import is_hub_name
from multibox.weights.model_file import check_model_file
from multibox.weights.source import find_weights


def weights_digest(weights: str | Path) -> str:
    """SHA-256 of the file that `weights` names, and of the .bin beside an OpenVINO .xml.

    Published weights are downloaded first, so that workers do not do it at the same time. Raises WeightsError if the
    file does not exist, UsageError for an unknown name.
    """
    if is_exported(weights):
        path = fetch_from_hub(weights) if is_hub_name(weights) else Path(weights)
        check_model_file(path)
        files = [path, *(p for p in [path.with_suffix(".bin")] if path.suffix == ".xml" and p.is_file())]
    else:
        files = [find_weights(weights)[0]]
    sha = hashlib.sha256()
    for file in files:
        with open(file, "rb") as content:
            while block := content.read(1 << 20):
                sha.update(block)
    return sha.hexdigest()
