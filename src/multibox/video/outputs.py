"""The files of one video: detections line by line, an MP4 file with drawn frames, cut-outs."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from multibox.detection.output.crops import write_crops
from multibox.detection.output.formats import OutputFormat, find_format, record_file
from multibox.detection.output.record import Record, RecordWriter
from multibox.errors import UsageError
from multibox.video.behind import Behind
from multibox.video.detecting import Found
from multibox.video.parts import Mp4Parts
from multibox.video.stages import StageTimes

_WAITING = 8  # frames that wait to be drawn and encoded
DRAW, ENCODE = "draw", "encode"

Draw = Callable[[Found], UInt8[np.ndarray, "h w 3"]]


@dataclass(frozen=True)
class WantedFiles:
    """What is written into `folder`: records in `form`, and on demand the video and cut-outs.

    Boxes with a score of at least `shown` are drawn and cut out.
    """

    folder: Path
    form: OutputFormat = field(default_factory=lambda: find_format("jsonl"))
    video: bool = False
    crops: bool = False
    shown: float = 0.5


@dataclass(frozen=True)
class Kept:
    """The part of an existing file that an earlier run wrote: bytes, and the largest id of a track."""

    size: int = 0
    last_id: int = 0


class VideoOutputs:
    """Writes what was found in the frames of one video. Make it with `video_outputs`."""

    def __init__(self, name: str, wanted: WantedFiles, records: RecordWriter, encoder: "Behind[Found] | None") -> None:
        self._name, self._wanted, self._records, self._encoder = name, wanted, records, encoder

    def add(self, found: Found, record: Record) -> None:
        """Write one frame; drawing and encoding follow in a thread."""
        self._records.add(record)
        if self._wanted.crops:
            shown = found.detections.above(self._wanted.shown)
            write_crops(self._wanted.folder, f"{self._name}-{found.frame.index:06}", found.frame.image, shown)
        if self._encoder is not None:
            self._encoder.add(found)


@contextmanager
def video_outputs(
    name: str,
    wanted: WantedFiles,
    class_names: tuple[str, ...],
    *,
    draw: Draw,
    times: StageTimes,
    problems: list[str],
    rate: float,
    start: float,
    kept: Kept,
    source: Path | None,
    live: bool,
) -> Iterator[VideoOutputs]:
    """The outputs of one video, complete at the end of the block; `problems` gets a line for what could not be done.

    `start` is the time at which reading begins. `source` is the file whose audio is copied. The video of a live source
    is written in parts.
    """
    path = wanted.folder / f"{name}{wanted.form.suffix}"
    target = _video_path(wanted.folder, name, start=start, source=source)
    with ExitStack() as stack:
        records = stack.enter_context(record_file(path, wanted.form, class_names, kept=kept.size))
        encoder = None
        if wanted.video:
            parts = Mp4Parts(target, rate=rate, start=None if live else start, audio=source, problems=problems)
            stack.enter_context(parts)
            encoder = stack.enter_context(Behind(_encoding(parts, draw, times), count=_WAITING))
        yield VideoOutputs(name, wanted, records, encoder)


def kept_lines(name: str, wanted: WantedFiles, *, start: float) -> Kept:
    """The existing lines that belong to frames before `start`: those of an earlier run.

    Raises UsageError if a file exists whose format cannot be continued.
    """
    path = wanted.folder / f"{name}{wanted.form.suffix}"
    if start <= 0 or not path.exists():
        return Kept()
    if wanted.form.name != "jsonl":
        raise UsageError(f"{path} exists, and only --format jsonl can be continued with --from: choose another --out")
    size = last_id = 0
    with open(path, "rb") as file:
        for line in file:
            entry = _entry(line)
            if entry is None or not entry["time"] < start:
                break
            size += len(line)
            last_id = max([last_id, *(track["id"] for track in entry.get("tracks", ()))])
    return Kept(size, last_id)


def _entry(line: bytes) -> dict[str, Any] | None:
    """The object of a whole line with a time, else None."""
    try:
        entry: Any = json.loads(line) if line.endswith(b"\n") else None
        tracks = entry.get("tracks", ())
        whole = isinstance(entry["time"], int | float) and all(isinstance(track["id"], int) for track in tracks)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return entry if whole else None


def _encoding(parts: Mp4Parts, draw: Draw, times: StageTimes) -> Callable[[Found], None]:
    def encode(found: Found) -> None:
        with times.measure(DRAW):
            image = draw(found)
        with times.measure(ENCODE):
            parts.add(image, found.frame.time)

    return encode


def _video_path(folder: Path, name: str, *, start: float, source: Path | None) -> Path:
    """The MP4 file; a video that begins later does not replace the one before. UsageError if it is the source."""
    target = folder / f"{name}.mp4"
    if start > 0 and target.exists():
        target = folder / f"{name}-from-{start:g}.mp4"
    if source is not None and target.resolve() == source.resolve():
        raise UsageError(f"--out {folder} would overwrite the video {source}: choose another folder")
    return target
