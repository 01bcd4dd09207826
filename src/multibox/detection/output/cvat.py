"""Detections as annotations of CVAT, in its format "CVAT for images 1.1"."""

from collections.abc import Sequence
from pathlib import PurePath
from xml.sax.saxutils import quoteattr

from multibox.detection.output.record import Record, TextFile
from multibox.words import escaped


class CvatImages:
    """Writes an XML document step by step. CVAT finds an image of a task by the name of its file."""

    def __init__(self, file: TextFile, class_names: Sequence[str]) -> None:
        self._file, self._count = file, 0
        labels = "".join(f"<label><name>{_text(name)}</name></label>" for name in class_names)
        self._file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n')
        self._file.write(f"<meta><task><labels>{labels}</labels></task></meta>\n")

    def add(self, record: Record) -> None:
        name, (height, width) = PurePath(record.image).name, record.detections.image_size
        self._file.write(f'<image id="{self._count}" name={_quoted(name)} width="{width}" height="{height}">\n')
        for (x1, y1, x2, y2), _, label in record.detections:
            corners = f'xtl="{x1:.2f}" ytl="{y1:.2f}" xbr="{x2:.2f}" ybr="{y2:.2f}"'
            self._file.write(f'<box label={_quoted(label)} source="auto" occluded="0" {corners} z_order="0"/>\n')
        self._file.write("</image>\n")
        self._count += 1

    def end(self) -> None:
        """Close the document."""
        self._file.write("</annotations>\n")
        self._file.flush()

    def close(self) -> None:
        """There is nothing to release."""


def _quoted(text: str) -> str:
    return quoteattr(_plain(text))


def _text(text: str) -> str:
    return _plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> str:
    """The text with characters that XML 1.0 or UTF-8 cannot hold as escapes."""
    return escaped(text).encode("utf-8", "backslashreplace").decode()
