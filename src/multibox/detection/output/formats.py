"""The table of formats in which detections are written.

To add a format, write a module beside this one with a class that is a `RecordWriter` and is made from a text file and
the class names, and add a line to FORMATS. This module imports no format until it is used, so that the command line can
read the table quickly.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from multibox.errors import UsageError
from multibox.system.atomic import atomic_file, naming

if TYPE_CHECKING:
    from multibox.detection.output.record import RecordWriter, TextFile


@dataclass(frozen=True)
class OutputFormat:
    """One line of the table: name, suffix of files, and the class that writes it, in a module of this folder.

    A file that `grows` is complete after every record: it is written in place, can be followed while it is written, and
    keeps what it has if the process is killed. Others appear at the end. `labels` are for people to correct: of images,
    not of videos, and only with the scores that are shown. A `folder` is a data set with links to its images.
    """

    name: str
    suffix: str
    module: str
    written_by: str
    grows: bool = False
    labels: bool = False
    folder: bool = False

    def writer(self, file: "TextFile", class_names: Sequence[str]) -> "RecordWriter":
        """A writer into an open file."""
        made: RecordWriter = getattr(import_module(f"{__package__}.{self.module}"), self.written_by)(file, class_names)
        return made


FORMATS = (
    OutputFormat("jsonl", ".jsonl", "jsonl", "JsonLines", grows=True),
    OutputFormat("csv", ".csv", "csv", "CommaSeparated", grows=True),
    OutputFormat("coco", ".json", "coco", "CocoDocument"),
    OutputFormat("labelstudio", ".labelstudio.json", "labelstudio", "LabelStudioTasks", labels=True),
    OutputFormat("cvat", ".cvat.xml", "cvat", "CvatImages", labels=True),
    OutputFormat("voc", "-voc", "dataset", "DatasetFolder", labels=True, folder=True),
    OutputFormat("yolo", "-yolo", "dataset", "DatasetFolder", labels=True, folder=True),
)
FORMAT_NAMES = tuple(one.name for one in FORMATS)


def find_format(name: str) -> OutputFormat:
    """The line of the table with this name; raises UsageError for an unknown name."""
    for one in FORMATS:
        if one.name == name:
            return one
    raise UsageError(f"format {name!r} is not known: choose one of {', '.join(FORMAT_NAMES)}")


@contextmanager
def written_to(file: "TextFile", form: OutputFormat, class_names: Sequence[str]) -> Iterator["RecordWriter"]:
    """A writer to an open file; the end is not written if the block raises."""
    writer = form.writer(file, class_names)
    try:
        yield writer
        writer.end()
    finally:
        writer.close()


@contextmanager
def record_file(
    path: Path, form: OutputFormat, class_names: Sequence[str], *, kept: int = 0
) -> Iterator["RecordWriter"]:
    """A writer to the file or folder at `path`; of an existing file that grows, the first `kept` bytes stay."""
    if form.folder:
        from multibox.detection.output.dataset import DatasetFolder

        folder = DatasetFolder(path, form.name, class_names)
        yield folder
        folder.end()
        return
    if not form.grows:
        with (
            atomic_file(path, durable=False) as binary,
            _text(binary) as file,
            written_to(file, form, class_names) as writer,
        ):
            yield writer
        return
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "r+b" if kept else "wb") as binary, _text(binary) as file:
            binary.truncate(kept)
            binary.seek(kept)
            with written_to(file, form, class_names) as writer:
                yield writer


@contextmanager
def _text(binary: Any) -> Iterator[TextIO]:
    """A text layer in UTF-8 that leaves the file below open."""
    file = io.TextIOWrapper(binary, encoding="utf-8", newline="\n", write_through=True)
    yield file
    file.flush()
    file.detach()
