"""Boxes with names and scores on a copy of an image, in sizes that fit the image."""

import unicodedata
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from multibox.drawing.colors import Color, class_color
from multibox.drawing.letters import can_draw, warn_once
from multibox.drawing.tag import Pen, Rectangle, draw_tag, text_width
from multibox.words import escaped


def draw_boxes(
    image: UInt8[np.ndarray, "h w 3"],
    boxes: Float32[np.ndarray, "g 4"],
    labels: Int64[np.ndarray, " g"],
    class_names: Sequence[str],
) -> UInt8[np.ndarray, "h w 3"]:
    """A copy of the RGB image with boxes in pixels and their class names; smaller boxes are on top of larger ones."""
    order = np.argsort(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), kind="stable")
    captions = [(class_names[label], class_names[label]) for label in labels[order]]
    return draw_captioned_boxes(image, boxes[order], labels=labels[order], captions=captions)


def draw_captioned_boxes(
    image: UInt8[np.ndarray, "h w 3"],
    boxes: Float32[np.ndarray, "g 4"],
    *,
    labels: Int64[np.ndarray, " g"],
    captions: Sequence[tuple[str, str]],
    colors: Int64[np.ndarray, " g"] | None = None,
) -> UInt8[np.ndarray, "h w 3"]:
    """A copy of the RGB image with boxes in pixels, the first box on top.

    Each caption is a name and a longer text, which is used if it fits the image. `colors` are numbers
    of colors, by default the labels; the labels replace names with letters that no installed font has.
    """
    # The first box chooses the place of its tag first, and is drawn last.
    canvas = np.array(image, order="C")
    height, width = canvas.shape[:2]
    pen = Pen.for_image(height, width, boxes=len(boxes))
    frames = [_whole_pixels(box, width, height) for box in boxes]
    drawable = [_drawable(*caption, label=int(label)) for caption, label in zip(captions, labels, strict=True)]
    texts = [_fitting(caption, width, pen) for caption in drawable]
    tags: list[Rectangle] = []
    for frame, text in zip(frames, texts, strict=True):
        tags.append(_place(frame, text_width(text, pen) + 2 * pen.padding, pen, tags, (width, height)))
    numbers = labels if colors is None else colors
    order = range(len(frames) - 1, -1, -1)
    for index in order:
        _frame(canvas, frames[index], class_color(int(numbers[index])), pen.frame)
    for index in order:
        draw_tag(canvas, tags[index], texts[index], class_color(int(numbers[index])), pen)
    return canvas


def _whole_pixels(box: Float32[np.ndarray, "4"], width: int, height: int) -> Rectangle:
    """The pixels that the box touches inside the image, at least one."""
    x1, y1 = np.clip(np.floor(box[:2]), 0, [width - 1, height - 1]).astype(int).tolist()
    x2, y2 = np.clip(np.ceil(box[2:]), [x1 + 1, y1 + 1], [width, height]).astype(int).tolist()
    return x1, y1, x2, y2


def _drawable(name: str, full: str, *, label: int) -> tuple[str, str]:
    """A name and a longer text in letters that can be drawn: ASCII, those of a font, or the number of the class."""
    name, full = escaped(name), escaped(full)
    if _plain(full).isascii():
        return _plain(name), _plain(full)
    if can_draw(full):
        return name, full
    warn_once(name)
    number = f"class {label}"
    return number, _ascii(full.replace(name, number))


def _fitting(caption: tuple[str, str], width: int, pen: Pen) -> str:
    """The longer text, the name, or the start of the name: the first that fits the image."""
    name, full = caption
    for text in (full, name):
        if text_width(text, pen) + 2 * pen.padding <= width:
            return text
    while len(name) > 1 and text_width(name + "..", pen) + 2 * pen.padding > width:
        name = name[:-1]
    return name + ".."


def _plain(text: str) -> str:
    """The text without accents, because the font of OpenCV has only ASCII."""
    letters = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _ascii(text: str) -> str:
    return "".join(letter if letter.isascii() else "?" for letter in _plain(text))


def _place(frame: Rectangle, length: int, pen: Pen, taken: Sequence[Rectangle], size: tuple[int, int]) -> Rectangle:
    """The first place along the frame, inside the image, at which the tag hides the least of other tags."""
    x1, y1, x2, y2 = frame
    rows = (y1 - pen.tag, y1, y2 - pen.tag, y2)
    corners = [(x, y) for y in rows for x in (x1, x2 - length)]
    places = [_inside(x, y, length, pen.tag, size) for x, y in corners]
    return min(places, key=lambda place: sum(_overlap(place, other) for other in taken))


def _inside(x: int, y: int, length: int, tag: int, size: tuple[int, int]) -> Rectangle:
    x, y = max(0, min(x, size[0] - length)), max(0, min(y, size[1] - tag))
    return x, y, min(x + length, size[0]), min(y + tag, size[1])


def _overlap(a: Rectangle, b: Rectangle) -> int:
    return max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))


def _frame(image: UInt8[np.ndarray, "h w 3"], frame: Rectangle, color: Color, thickness: int) -> None:
    """Draw four bars inside the frame, thinner if the box is small."""
    x1, y1, x2, y2 = frame
    thickness = max(1, min(thickness, (x2 - x1) // 4, (y2 - y1) // 4))
    inside = image[y1:y2, x1:x2]
    inside[:thickness] = inside[-thickness:] = color
    inside[:, :thickness] = inside[:, -thickness:] = color
