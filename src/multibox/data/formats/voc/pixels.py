"""VOC's pixel rule: corners in VOC files to boxes in continuous pixels, and back.

VOC counts pixels from 1 and includes both ends. Pixel k covers the interval from k-1 to k, so only the minimum corner
moves: pixels 1 to 500 are the interval from 0 to 500. No other file adds or subtracts this 1.
"""

from multibox.data.formats.record import Box
from multibox.errors import UsageError

PIXEL_RULES = ("voc", "caffe")


def require_pixel_rule(rule: str) -> None:
    """Raise UsageError if there is no pixel rule of this name."""
    if rule not in PIXEL_RULES:
        raise UsageError(f"pixel rule {rule!r} does not exist; choose one of {', '.join(PIXEL_RULES)}")


def corners_to_box(corners: Box, *, rule: str = "voc") -> Box:
    """Return the box of corners (xmin, ymin, xmax, ymax) as written.

    Rule "voc" subtracts 1 from the minimum corner. Rule "caffe" keeps the numbers, as the official code does
    (`io.cpp`, ReadXMLToAnnotatedDatum).
    """
    if rule == "caffe":
        return corners
    x1, y1, x2, y2 = corners
    return x1 - 1, y1 - 1, x2, y2


def box_to_corners(box: Box) -> Box:
    """Return the corners (xmin, ymin, xmax, ymax) of a box as VOC writes them; the inverse of rule "voc"."""
    x1, y1, x2, y2 = box
    return x1 + 1, y1 + 1, x2, y2
