"""Problems of single annotations: boxes, classes and flags."""

from collections.abc import Iterator

import numpy as np

from multibox.data.formats.examples import box_fault, box_text, too_many_objects
from multibox.data.formats.files import MAX_OBJECTS_PER_IMAGE
from multibox.data.formats.problem import Problem, Severity
from multibox.data.formats.record import RawDataset, RawObject, Record
from multibox.pairwise import pairwise_iou
from multibox.size import Size

_ROUNDING_PIXELS = 1.0  # a box may reach beyond the image by rounding
_SAME_BOX_IOU = 0.95
_ROWS_AT_ONCE = 256  # of the table of overlaps
_WHOLE_IMAGE_SHARE = 0.99
_BOX_FAULT_SEVERITIES: dict[str, Severity] = {"degenerate": "warning"}  # the others are errors


def record_problems(raw: RawDataset, record: Record) -> Iterator[Problem]:
    """Problems of the annotation of one image, without the image itself."""
    file = raw.file_of(record)
    if record.annotation is None:
        yield Problem("missing_labels", "note", file, None, "has no label file and counts as a background")
    elif not record.objects:
        yield Problem("empty", "note", file, None, "has no objects; it counts as a background")
    elif all(item.difficult for item in record.objects):
        yield Problem("all_difficult", "note", file, None, "has only difficult objects; evaluation ignores it")
    if record.annotation and not record.size_written and raw.format in ("voc", "coco"):
        yield Problem("missing_size", "note", file, None, "has no image size; it is taken from the image")
    if len(record.objects) > MAX_OBJECTS_PER_IMAGE:
        yield Problem("too_many_objects", "error", file, None, too_many_objects(record))
        return
    for item in record.objects:
        for kind, severity, message in _object_problems(raw, record, item):
            yield Problem(kind, severity, file, raw.place(item), message)
    yield from _duplicates(raw, record, file)


def _object_problems(raw: RawDataset, record: Record, item: RawObject) -> Iterator[tuple[str, Severity, str]]:
    if item.category not in raw.labels:
        kind = "class_out_of_range" if raw.format == "yolo" else "unknown_class"
        yield kind, "error", f"class {item.category!r} does not exist; there are {len(raw.class_names)} classes"
    fault = box_fault(item, record.size)
    if fault:
        kind, reason = fault
        yield kind, _BOX_FAULT_SEVERITIES.get(kind, "error"), f"box {box_text(item.values)} {reason}; it is dropped"
    elif record.size is not None:
        yield from _against_size(item, record.size)


def _against_size(item: RawObject, size: Size) -> Iterator[tuple[str, Severity, str]]:
    x1, y1, x2, y2 = item.box
    height, width = size
    beyond = max(-x1, -y1, x2 - width, y2 - height)
    if beyond > _ROUNDING_PIXELS:
        message = (
            f"box {box_text(item.values)} reaches {beyond:.3g} pixels beyond the {width} x {height} image; clipped"
        )
        yield "outside", "warning", message
    inside = (min(x2, width) - max(x1, 0)) * (min(y2, height) - max(y1, 0))
    if inside >= _WHOLE_IMAGE_SHARE * width * height:
        yield "covers_everything", "note", f"box {box_text(item.values)} covers the whole image"


def _duplicates(raw: RawDataset, record: Record, file: str) -> Iterator[Problem]:
    """Objects with the box of an earlier object, crowds left out. With different classes they contradict each other."""
    items = [item for item in record.objects if not item.crowd and box_fault(item, record.size) is None]
    boxes = np.array([item.box for item in items], dtype=np.float64).reshape(-1, 4)
    for start in range(0, len(items), _ROWS_AT_ONCE):
        overlaps = pairwise_iou(boxes[start : start + _ROWS_AT_ONCE], others=boxes)
        for row, same_box in enumerate(np.tril(overlaps >= _SAME_BOX_IOU, start - 1)):
            one, two = int(same_box.argmax()), start + row
            if same_box[one]:
                same = items[one].category == items[two].category
                kind, advice = (
                    ("duplicate_object", "remove one") if same else ("two_classes", "check that both are there")
                )
                message = f"has the same box as {raw.place(items[one])}; {advice}"
                yield Problem(kind, "warning", file, raw.place(items[two]), message)


def zero_based(raw: RawDataset) -> Iterator[Problem]:
    """VOC counts pixels from 1. A box that begins at 0 shows that a data set does not."""
    if raw.format != "voc":
        return
    moved = [item for record in raw.records for item in record.objects if item.box[:2] != item.values[:2]]
    zeros = sum(min(item.values[:2]) == 0 for item in moved)
    if zeros:
        share = f"{zeros:,} of {len(moved):,}"
        message = f"boxes that begin at pixel 0: {share}; VOC counts from 1, so use --pixel-rule caffe"
        yield Problem("zero_based", "warning", raw.name, None, message)
