"""The files of one video: detections line by line, an MP4 file with drawn frames, cut-outs."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from multibox.detection.output.crops import write_crops
from multibox.detection.output.formats import OutputFormat, find_format, record_file
from multibox.detection.output.record import Record, RecordWriter
from multibox.errors import UsageError
from multibox.video.behind import Behind
from multibox.video.detecting import Found
from multibox.video.mp4 import Mp4Writer, mp4_writer
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
    rate: float,
    start: float,
    source: Path | None,
) -> Iterator[tuple[VideoOutputs, list[str]]]:
    """The outputs of one video, complete at the end of the block, and a list that gets their problems.

    `start` is the time at which reading begins: earlier lines of an existing file of JSON Lines are kept. `source` is
    the file whose audio is copied.
    """
    problems: list[str] = []
    path = wanted.folder / f"{name}{wanted.form.suffix}"
    kept = _kept_bytes(path, wanted.form, start)
    target = _video_path(wanted.folder, name, start=start, source=source)
    with ExitStack() as stack:
        records = stack.enter_context(record_file(path, wanted.form, class_names, kept=kept))
        encoder = None
        if wanted.video:
            writer = stack.enter_context(mp4_writer(target, rate=rate, start=start, audio=source))
            stack.callback(lambda: problems.extend(writer.problems))
            encoder = stack.enter_context(Behind(_encoding(writer, draw, times), count=_WAITING))
        yield VideoOutputs(name, wanted, records, encoder), problems


def _encoding(writer: Mp4Writer, draw: Draw, times: StageTimes) -> Callable[[Found], None]:
    def encode(found: Found) -> None:
        with times.measure(DRAW):
            image = draw(found)
        with times.measure(ENCODE):
            writer.add(image, found.frame.time)

    return encode


def _video_path(folder: Path, name: str, *, start: float, source: Path | None) -> Path:
    """The MP4 file; a video that begins later does not replace the one before. UsageError if it is the source."""
    target = folder / f"{name}.mp4"
    if start > 0 and target.exists():
        target = folder / f"{name}-from-{start:g}.mp4"
    if source is not None and target.resolve() == source.resolve():
        raise UsageError(f"--out {folder} would overwrite the video {source}: choose another folder")
    return target


def _kept_bytes(path: Path, form: OutputFormat, start: float) -> int:
    """How many bytes of existing lines belong to frames before `start`: those of an earlier run."""
    if start <= 0 or not path.exists():
        return 0
    if form.name != "jsonl":
        raise UsageError(f"{path} exists, and only --format jsonl can be continued with --from: choose another --out")
    kept = 0
    with open(path, "rb") as file:
        for line in file:
            try:
                if not json.loads(line)["time"] < start or not line.endswith(b"\n"):
                    break
            except (ValueError, KeyError, TypeError):
                break
            kept += len(line)
    return kept
