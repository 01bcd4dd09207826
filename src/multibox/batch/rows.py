"""Detections as rows of a table: one row for each image, also for one that cannot be read."""

import json
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from multibox.detections import Detections
from multibox.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("width", "height", "error", "detections")
"""The columns of results, which follow `image`."""


def detection_type() -> "pa.DataType":
    """A detection: box (x1, y1, x2, y2) in pixels of the original image, score, label from 0, class name."""
    import pyarrow as pa

    fields = {
        "box": pa.list_(pa.float32(), 4),
        "score": pa.float32(),
        "label": pa.int32(),
        "name": pa.string(),
    }
    return pa.struct(fields)


def result_columns(results: Sequence[Detections | DataError], *, class_names: Sequence[str]) -> dict[str, "pa.Array"]:
    """Width, height, error and detections of each image.

    An image that cannot be read has its reason in `error`, no width and height, and an empty list of detections.
    """
    import pyarrow as pa

    found = [result if isinstance(result, Detections) else None for result in results]
    sizes = [None if one is None else one.image_size for one in found]
    return {
        "width": pa.array([None if size is None else size.width for size in sizes], pa.int32()),
        "height": pa.array([None if size is None else size.height for size in sizes], pa.int32()),
        "error": pa.array([str(one) if isinstance(one, DataError) else None for one in results], pa.string()),
        "detections": _lists(found, class_names=class_names),
    }


def _lists(found: Sequence[Detections | None], *, class_names: Sequence[str]) -> "pa.Array":
    """The detections of all images as one array of lists, without a Python object for each detection."""
    import pyarrow as pa

    kept = [one for one in found if one is not None]
    boxes = np.concatenate([np.zeros((0, 4), np.float32), *(one.boxes for one in kept)])
    scores = np.concatenate([np.zeros(0, np.float32), *(one.scores for one in kept)])
    labels = np.concatenate([np.zeros(0, np.int64), *(one.labels for one in kept)]).astype(np.int32)
    names = pa.array(list(class_names), pa.string()).take(pa.array(labels))
    columns = [pa.FixedSizeListArray.from_arrays(pa.array(boxes.ravel()), 4), pa.array(scores), pa.array(labels), names]
    counts = [0 if one is None else len(one) for one in found]
    offsets = np.cumsum([0, *counts], dtype=np.int32)
    structs = pa.StructArray.from_arrays(columns, fields=list(detection_type()))
    return pa.ListArray.from_arrays(pa.array(offsets), structs)


def to_parquet(table: "pa.Table", *, class_names: Sequence[str]) -> bytes:
    """The table as a Parquet file, compressed with Zstandard; its metadata holds the names of all classes."""
    import pyarrow.parquet as pq

    buffer = BytesIO()
    table = table.replace_schema_metadata({"multibox.class_names": json.dumps(list(class_names))})
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()
