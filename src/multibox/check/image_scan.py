"""Scanning the images of a data set: whether each decodes, and whether its size and rotation fit its annotation."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from multibox.data.formats.problem import Problem
from multibox.data.formats.record import RawDataset, Record
from multibox.errors import DataError
from multibox.images.decode import exif_orientation, narrow_range, read_image
from multibox.images.settings import stretches_16_bits
from multibox.size import Size
from multibox.system.progress import Progress
from multibox.words import escaped

_DECODING_THREADS = 4


@dataclass(frozen=True, slots=True)
class ScannedImage:
    """Facts about a decoded image: its upright size, EXIF orientation, a hash of its pixels, and the
    values of a 16-bit image that uses a small part of their range.

    `fault` is (kind, message) if the image cannot be decoded; then the other fields are empty.
    """

    size: Size = Size(0, 0)
    orientation: int = 1
    digest: bytes = b""
    narrow: tuple[int, int] | None = None
    fault: tuple[str, str] | None = None


def scan_image(path: Path) -> ScannedImage:
    """Decode one image completely."""
    if not path.exists():
        return ScannedImage(fault=("missing_image", "the image does not exist; add it or remove its annotation"))
    try:
        image = read_image(path)
        orientation, narrow = exif_orientation(path), narrow_range(path)
    except DataError as error:
        reason = str(error).removeprefix(escaped(f"cannot decode {path}: "))
        reason = reason.removeprefix(escaped(f"cannot open the image {path}: "))
        return ScannedImage(fault=("undecodable", reason))
    digest = blake2b(repr(image.shape).encode(), digest_size=16)
    digest.update(image.data)
    return ScannedImage(Size(*image.shape[:2]), orientation, digest.digest(), narrow)


def scan_images(paths: Sequence[Path], progress: Progress | None = None) -> dict[Path, ScannedImage]:
    """Decode all images in a few threads."""
    scanned: dict[Path, ScannedImage] = {}
    with ThreadPoolExecutor(_DECODING_THREADS) as pool:
        for path, image in zip(paths, pool.map(scan_image, paths), strict=True):
            scanned[path] = image
            if progress:
                progress(len(scanned), len(paths))
    return scanned


def image_problems(raw: RawDataset, record: Record, image: ScannedImage) -> Iterator[Problem]:
    """Problems of one image alone, and in comparison with its annotation."""
    if image.fault:
        kind, message = image.fault
        yield Problem(kind, "error", str(record.image), None, message)
        return
    if image.narrow and not stretches_16_bits():
        low, high = image.narrow
        message = (
            f"its 16-bit values are {low} to {high}, a small part of 0 to 65535, so it is nearly uniform in 8 bits; "
            "use --stretch-16-bit when checking, training and detecting"
        )
        yield Problem("narrow_range", "warning", str(record.image), None, message)
    file = raw.file_of(record)
    if not record.size_written:
        if image.orientation > 1 and record.objects:
            message = f"EXIF orientation {image.orientation} turns the image; make sure that the labels follow it"
            yield Problem("exif_rotation", "note", file, None, message)
    elif record.size == image.size:
        if image.orientation in (2, 3, 4) and record.objects:
            message = (
                f"EXIF orientation {image.orientation} turns or mirrors the image; labels may be for the stored one"
            )
            yield Problem("exif_rotation", "warning", file, None, message)
    elif record.size is not None:
        yield _size_problem(file, record.size, image)


def _size_problem(file: str, annotated: Size, image: ScannedImage) -> Problem:
    """The problem of an image whose annotation has another size: perhaps the size before the EXIF rotation."""
    stored = Size(*image.size[::-1]) if image.orientation >= 5 else image.size
    if annotated == stored:
        message = f"the labels are for the image as stored, {_text(stored)}, but EXIF shows it as {_text(image.size)}"
        return Problem("exif_rotation", "error", file, None, f"{message}; apply the rotation to the image")
    message = f"the annotation says {_text(annotated)}, the image is {_text(image.size)}; correct one of them"
    return Problem("size_mismatch", "error", file, None, message)


def _text(size: Size) -> str:
    return f"{size.width} x {size.height}"
