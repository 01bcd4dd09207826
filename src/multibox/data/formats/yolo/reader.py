"""Reader of YOLO label files: one line `class cx cy width height` per object, relative to the image."""

from collections.abc import Sequence
from pathlib import Path

from multibox.data.formats.files import MAX_CLASSES
from multibox.data.formats.problem import Problem
from multibox.data.formats.record import Box, RawObject, Record
from multibox.data.formats.yolo.labels import LabelFiles
from multibox.errors import DataError
from multibox.images.decode import known_image_size
from multibox.size import Size
from multibox.system.text import read_lines
from multibox.words import escaped

_OUTLINE_ROUNDING = 0.01  # of the side of the image, by which an outline may leave it


class LabelReader:
    """Reads the label files of a data set and collects faults.

    `keypoint_numbers` is how many numbers of key points follow each box. Without it a longer line is an outline; if
    every longer line could also be a box with key points, `ambiguous` is a fault, because a guess would give wrong
    boxes.
    """

    def __init__(self, labels: LabelFiles, *, keypoint_numbers: int, named_classes: int) -> None:
        self.faults: list[Problem] = []
        self._labels = labels
        self._keypoint_numbers = keypoint_numbers
        self._named_classes = named_classes
        self._outlines: set[int] = set()  # lengths of the lines
        self._certain = False
        self._first_outline = ""

    def record(self, image: Path) -> Record:
        """Return the record of an image and its label file.

        An image without a label file is a background. An image without a readable header gets no objects, because
        its size in pixels is unknown; decoding it reports the problem.
        """
        size, path = known_image_size(image), self._labels.of(image)
        if not path.exists():
            return Record(image, image.stem, size, None, size_written=False)
        items: list[RawObject] = []
        for number, text in enumerate(self._lines(path), start=1):
            try:
                items += [self._object(text, number, size or Size(1, 1), path)] if text.strip() else []
            except ValueError as error:
                self.faults.append(Problem("unparsable", "error", str(path), f"line {number}", str(error)))
        return Record(image, image.stem, size, path, tuple(items) if size else (), size_written=False)

    def ambiguous(self) -> list[Problem]:
        """Return the fault of a data set in which longer lines could be outlines or key points."""
        if self._certain or len(self._outlines) != 1:
            return []
        numbers = next(iter(self._outlines))
        message = (
            f"{numbers + 1} numbers could be an outline or a box with key points, as in all such lines; "
            "write kpt_shape in data.yaml for key points, or convert the outlines to boxes"
        )
        return [Problem("unparsable", "error", self._first_outline, None, message)]

    def _lines(self, path: Path) -> list[str]:
        try:
            return read_lines(path)
        except DataError as error:
            message = f"{str(error).removeprefix(escaped(f'{path} '))}; repair or remove it"
            self.faults.append(Problem("unparsable", "error", str(path), None, message))
            return []

    def _object(self, text: str, number: int, size: Size, path: Path) -> RawObject:
        words = text.split()
        category, numbers = self._numbers(text, words)
        if len(numbers) == 4 or (self._keypoint_numbers and len(numbers) == 4 + self._keypoint_numbers):
            values: Box = (numbers[0], numbers[1], numbers[2], numbers[3])
        elif self._keypoint_numbers or len(numbers) < 6 or len(numbers) % 2:
            raise ValueError(f"{_short(text)} has {len(words)} numbers; {self._expected(len(numbers))}")
        else:
            values = self._outline(numbers, text, f"{path}, line {number}")
        return RawObject(number, str(category), values, _to_pixels(values, size))

    def _numbers(self, text: str, words: Sequence[str]) -> tuple[int, list[float]]:
        try:
            category, numbers = int(float(words[0])), [float(word) for word in words[1:]]
        except (ValueError, OverflowError):
            raise ValueError(f"{_short(text)} is not a label; write 'class cx cy width height'") from None
        if float(words[0]) != category or category < 0:
            raise ValueError(f"class {words[0]!r} is not a whole number; write the number of the class, from 0")
        if category >= MAX_CLASSES and not self._named_classes:
            raise ValueError(f"class {category} is beyond {MAX_CLASSES - 1:,}, the largest class number; correct it")
        return category, numbers

    def _expected(self, numbers: int) -> str:
        if self._keypoint_numbers:
            return f"kpt_shape asks for a class, a box and {self._keypoint_numbers} numbers of key points"
        hint = "; five more than the class are a box with its score, as in predictions" if numbers == 5 else ""
        return f"write 'class cx cy width height'{hint}"

    def _outline(self, numbers: Sequence[float], text: str, place: str) -> Box:
        if not all(-_OUTLINE_ROUNDING <= value <= 1 + _OUTLINE_ROUNDING for value in numbers):  # also for NaN
            raise ValueError(
                f"{_short(text)} is not an outline: values are outside 0 to 1; for key points write kpt_shape in "
                "data.yaml, else write 'class cx cy width height'"
            )
        if len(numbers) == 6 and numbers[5] == int(numbers[5]):
            raise ValueError(
                f"{_short(text)} could be an outline, or a box with score and track; write 'class cx cy width height'"
            )
        self._outlines.add(len(numbers))
        self._first_outline = self._first_outline or place
        self._certain = self._certain or not _could_be_keypoints(numbers)
        return _around(numbers)


def _could_be_keypoints(numbers: Sequence[float]) -> bool:
    """Whether all points after the first two pairs are in the box that these would be; (0, 0) is an unseen point."""
    cx, cy, width, height = numbers[:4]
    points = zip(numbers[4::2], numbers[5::2], strict=True)
    reach = 0.01
    return all(
        (x == 0 and y == 0) or (abs(x - cx) <= width / 2 + reach and abs(y - cy) <= height / 2 + reach)
        for x, y in points
    )


def _short(text: str) -> str:
    line = text.strip()
    return repr(line if len(line) <= 60 else f"{line[:60]}…")


def _around(outline: Sequence[float]) -> Box:
    """Return center and size of the box around an outline x1 y1 x2 y2 x3 y3 …."""
    left, right = min(outline[::2]), max(outline[::2])
    top, bottom = min(outline[1::2]), max(outline[1::2])
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top


def _to_pixels(values: Box, size: Size) -> Box:
    """Return the corners in pixels of a relative center and size."""
    cx, cy, w, h = values
    height, width = size
    return (cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height
