"""What TFLite files say beside their graph: class names and the normalization of the input.

Metadata writers append files, such as a list of labels, as a zip archive behind the model, and describe inputs in a
second FlatBuffer (the public metadata_schema.fbs).
"""

import io
import struct
from zipfile import BadZipFile, ZipFile

import numpy as np

from multibox.weights.origins.flatbuffer import Table
from multibox.weights.origins.tensorflow.labels import MAX_BYTES, parse_labels

_NORMALIZATION = 1  # of the union ProcessUnitOptions


def read_labels(data: memoryview) -> tuple[str, ...] | None:
    """The class names in the archive behind the model, None if there is no archive or no list of labels in it."""
    if b"PK\x05\x06" not in bytes(data[-70_000:]):
        return None
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            lists = [part for part in archive.infolist() if part.filename.lower().endswith((".txt", ".pbtxt"))]
            chosen = next((part for part in lists if "label" in part.filename.lower()), lists[0] if lists else None)
            if chosen is None or chosen.file_size > MAX_BYTES:
                return None
            text = archive.read(chosen).decode("utf-8", "replace")
    except (BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError):
        return None
    return parse_labels(text)


def read_normalization(model: Table, buffers: list[Table]) -> tuple[float, float] | None:
    """Mean and deviation of the first input, None if the metadata does not name them or is damaged."""
    try:
        described = _described(model, buffers)
        for unit in described.tables(4) if described is not None else []:
            options = unit.table(1)
            if unit.integer(0, "b") == _NORMALIZATION and options is not None:
                return _pair(options.array(0, "<f4"), options.array(1, "<f4"))
    except (ValueError, struct.error):
        pass
    return None


def _described(model: Table, buffers: list[Table]) -> Table | None:
    """The TensorMetadata of the first input."""
    for entry in model.tables(6):
        if entry.text(0) == "TFLITE_METADATA" and entry.integer(1, "I") < len(buffers):
            subgraphs = Table.root(buffers[entry.integer(1, "I")].bytes(0)).tables(3)
            inputs = subgraphs[0].tables(2) if subgraphs else []
            return inputs[0] if inputs else None
    return None


def _pair(means: np.ndarray, deviations: np.ndarray) -> tuple[float, float] | None:
    """One number of each, if they are the same for all channels."""
    if not len(means) or not len(deviations) or np.ptp(means) or np.ptp(deviations) or not deviations[0] > 0:
        return None
    return float(means[0]), float(deviations[0])
