"""Frames of an image sequence: numbered image files, or the images of a folder in the order of their names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from multibox.errors import DataError
from multibox.images.decode import read_image
from multibox.images.find import find_images
from multibox.video.frame import Frame

USUAL_RATE = 25.0


@dataclass
class ImageSequence:
    """Image files as a video of `rate` frames per second. `problems` has a line for each image that cannot be read."""

    pattern: str
    rate: float = USUAL_RATE
    problems: list[str] = field(default_factory=list)

    def files(self) -> list[Path]:
        """The images in order. Raises DataError if there are none."""
        path = Path(self.pattern)
        found = list(find_images([path]).files) if path.is_dir() else _numbered(path)
        if not found:
            raise DataError(f"the image sequence {self.pattern} has no images; %d or %04d is the place of the number")
        return found

    def frames(self, *, every: int = 1, start: float = 0.0, end: float | None = None) -> Iterator[Frame]:
        """Frames with start <= time < end seconds whose index is a multiple of `every`; bad images are left out."""
        self.problems = []
        for index, path in enumerate(self.files()):
            time = index / self.rate
            if end is not None and time >= end:
                return
            if time < start or index % every:
                continue
            try:
                yield Frame(read_image(path), time, index)
            except DataError as error:
                self.problems.append(str(error))


def _numbered(pattern: Path) -> list[Path]:
    """The files that a name with %d or %04d stands for, by number."""
    before, number, after = re.split(r"(%(?:0[1-9])?d)", pattern.name)
    digits = rf"\d{{{number[2]},}}" if len(number) > 2 else r"\d+"
    name = re.compile(f"{re.escape(before)}({digits}){re.escape(after)}")
    folder = pattern.parent
    files = folder.iterdir() if folder.is_dir() else ()
    numbered = [(int(match[1]), path) for path in files if (match := name.fullmatch(path.name))]
    return [path for _, path in sorted(numbered)]
