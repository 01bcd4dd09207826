"""Parts of a multipart/form-data body that is in memory."""

from dataclasses import dataclass, field
from email.message import Message
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from multibox.service.problem import Problem

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_MOST_TEXT = 10_000  # bytes of a part that is not a file


@dataclass
class Part:
    """One part: its field name, the name of its file if it has one, and its content."""

    name: str = ""
    file: str | None = None
    content: bytearray = field(default_factory=bytearray)


def read_parts(body: bytes, *, content_type: str, limit: int) -> list[Part]:
    """The parts of a body, `limit` at most.

    Raises Problem: 400 if the body is not valid multipart/form-data, 413 if it has too many parts or long text fields.
    """
    collector = _Collector(limit)
    try:
        parser = MultipartParser(_boundary(content_type), collector.callbacks(), max_header_count=8)
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise _invalid(str(error)) from None
    if not collector.complete:
        raise _invalid("its last boundary is missing")
    return collector.parts


def _boundary(content_type: str) -> bytes:
    boundary = _parsed(content_type).get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise _invalid("its Content-Type names no boundary")
    return boundary.encode("latin-1", "replace")


def _parsed(header: str) -> Message:
    message = Message()
    message["content-type"] = header
    return message


def _invalid(reason: str) -> Problem:
    return Problem(400, "bad_multipart", f"the body is not valid multipart/form-data: {' '.join(reason.split())[:200]}")


class _Collector:
    """Receives what the parser finds."""

    def __init__(self, limit: int) -> None:
        self.parts: list[Part] = []
        self.complete = False
        self._limit = limit
        self._header, self._value = bytearray(), bytearray()

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self.on_part_begin,
            "on_part_data": self.on_part_data,
            "on_header_field": self.on_header_field,
            "on_header_value": self.on_header_value,
            "on_header_end": self.on_header_end,
            "on_end": self.on_end,
        }

    def on_part_begin(self) -> None:
        if len(self.parts) >= self._limit:
            raise Problem(413, "too_many_parts", f"the body has more than {self._limit} parts: send fewer images")
        self.parts.append(Part())

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        name, value = bytes(self._header).lower(), self._value.decode("utf-8", "replace")
        self._header.clear()
        self._value.clear()
        if name == b"content-disposition":
            part, message = self.parts[-1], _parsed(value)
            part.name = _text(message.get_param("name")) or ""
            part.file = _text(message.get_param("filename"))

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = self.parts[-1]
        part.content += data[start:end]
        if part.file is None and not is_image_field(part.name) and len(part.content) > _MOST_TEXT:
            raise Problem(413, "long_field", f"a text field has more than {_MOST_TEXT:,} bytes: send files with a name")

    def on_end(self) -> None:
        self.complete = True


def is_image_field(name: str) -> bool:
    """Whether a part with this name holds an image, also if it has no file name."""
    return name in ("image", "images", "file", "files")


def _text(value: object) -> str | None:
    """A parameter of a header; RFC 2231 values are triples whose last element is the text."""
    if isinstance(value, tuple):
        value = value[-1]
    return value[:255] if isinstance(value, str) else None
