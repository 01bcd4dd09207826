"""What is written about one image or one frame of a video, whatever the format."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from multibox.detections import Detections


@dataclass(frozen=True)
class Record:
    """Detections with the image they were found in.

    `image` is the path of an image, or the name of a video; then `index` and `time` in seconds are those of the frame.
    `extra` is what only JSON has: tracks and counts.
    """

    image: str
    detections: Detections
    index: int | None = None
    time: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """{image, width, height, detections}; before them index and time of a frame, and after them `extra`."""
        place = {} if self.index is None else {"index": self.index, "time": round(self.time or 0.0, 6)}
        return place | self.detections.to_json(self.image) | dict(self.extra)


@runtime_checkable
class TextFile(Protocol):
    """Where text is written: a file, standard output or a buffer."""

    def write(self, text: str, /) -> int: ...
    def flush(self) -> None: ...


@runtime_checkable
class RecordWriter(Protocol):
    """Writes records one by one; `end` writes what comes after the last, and `close` releases what it holds."""

    def add(self, record: Record) -> None: ...
    def end(self) -> None: ...
    def close(self) -> None: ...
