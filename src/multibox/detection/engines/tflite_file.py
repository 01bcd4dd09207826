"""Reads the metadata of a .tflite file, which is a flatbuffer."""

import struct
from pathlib import Path

from multibox.errors import UsageError, WeightsError
from multibox.words import pip_install

DESCRIPTION = b'"priors_sha256": "'
"""Part of the description of every exported .tflite file."""


def read_metadata(content: bytes, name: str, *, path: Path | str) -> str | None:
    """The text of a metadata entry, None if there is none; needs ai-edge-litert. Raises WeightsError if damaged."""
    try:
        from ai_edge_litert.schema_py_generated import Model
    except ImportError:
        raise UsageError(f"LiteRT is not installed: {pip_install('ai-edge-litert')}") from None
    if content[4:8] != b"TFL3":
        raise WeightsError(f"{path} is not a LiteRT model: it begins with {content[:8]!r}; export it again")
    try:
        model = Model.GetRootAs(content, 0)
        if not model.SubgraphsLength():  # for which LiteRT ends the process
            raise ValueError("no graph")
        for number in range(min(model.MetadataLength(), 1000)):
            entry = model.Metadata(number)
            if entry.Name() == name.encode():
                return bytes(model.Buffers(entry.Buffer()).DataAsNumpy()).decode()
    except (struct.error, IndexError, TypeError, ValueError, AttributeError):
        raise WeightsError(f"{path} has a damaged structure: export it again, or copy it again") from None
    return None
