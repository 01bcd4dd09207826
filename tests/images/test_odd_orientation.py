"""EXIF blocks that are not as the standard wants: the size from the header is that of the decoded image."""

import io
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from multibox.images.decode import exif_orientation, image_size, read_image
from multibox.size import Size

Entry = tuple[int, int, int, bytes]


def block(order: str, entries: Sequence[Entry], *, cut: int = 0) -> bytes:
    body = struct.pack(order + "H", len(entries))
    body += b"".join(struct.pack(order + "HHI", *entry[:3]) + entry[3] for entry in entries) + bytes(4)
    content = b"Exif\0\0" + (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8) + body
    content = content[: len(content) - cut]
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content


def short(order: str, value: int) -> Entry:
    return 274, 3, 1, struct.pack(order + "HH", value, 0)


def segments(order: str) -> dict[str, bytes]:
    turned, upright = block(order, [short(order, 6)]), block(order, [short(order, 1)])
    return {
        "short": turned,
        "long": block(order, [(274, 4, 1, struct.pack(order + "I", 6))]),
        "byte": block(order, [(274, 1, 1, bytes([6, 0, 0, 0]))]),
        "twice": block(order, [short(order, 6), short(order, 1)]),
        "two blocks, the first turned": turned + upright,
        "two blocks, the second turned": upright + turned,
        "cut": block(order, [short(order, 6)], cut=4),
        "cut in the entry": block(order, [short(order, 6)], cut=9),
        "a value of 9": block(order, [short(order, 9)]),
        "a value of 0, then a block": block(order, [short(order, 0)]) + turned,
        "stray bytes before it": b"\xff\xfe\0\4hi\0\x12\x34" + turned,
        "a stray byte after it": turned + b"\0",
        "a marker without content before it": b"\xff\x01" + turned,
        "an offset beyond the block": turned.replace(struct.pack(order + "I", 8), struct.pack(order + "I", 9999), 1),
    }


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", segments("<"))
def test_header_and_decoder_agree(name: str, order: str, tmp_path: Path) -> None:
    """The size and the orientation of the header against the decoded image, whole and at half the size."""
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40)).save(buffer, "JPEG")
    plain, path = buffer.getvalue(), tmp_path / "a.jpg"
    path.write_bytes(plain[:2] + segments(order)[name] + plain[2:])
    height, width = read_image(path).shape[:2]
    assert image_size(path) == Size(height, width)
    assert (exif_orientation(path) >= 5) == (height == 60)
    assert read_image(path, reduce=2).shape[:2] == (height // 2, width // 2)


@pytest.mark.parametrize(("name", "turned"), [("two blocks, the second turned", False), ("byte", True), ("long", True)])
def test_what_viewers_show(name: str, turned: bool, tmp_path: Path) -> None:
    """The first of two blocks counts, and other integer types are read, as in PIL."""
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40)).save(buffer, "JPEG")
    path = tmp_path / "a.jpg"
    path.write_bytes(buffer.getvalue()[:2] + segments(">")[name] + buffer.getvalue()[2:])
    assert image_size(path) == (Size(60, 40) if turned else Size(40, 60))


@pytest.mark.parametrize("kind", [1, 3, 4])
def test_tiff(kind: int, tmp_path: Path) -> None:
    """A turned TIFF file with an orientation of each integer type: the size that is read is that of the image."""
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40)).save(buffer, "TIFF", tiffinfo={274: 6})
    data = buffer.getvalue()
    place = data.index(struct.pack("<HHI", 274, 3, 1))
    path = tmp_path / "a.tif"
    path.write_bytes(data[:place] + struct.pack("<HHI", 274, kind, 1) + data[place + 8 :])
    assert image_size(path) == Size(*read_image(path).shape[:2])
