"""What the images themselves say: do they decode, have the size of the annotation, occur twice."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from multibox.data.formats.problem import Problem
from multibox.data.formats.record import RawDataset, Record
from multibox.errors import DataError
from multibox.images.decode import exif_orientation, read_image
from multibox.size import Size

_THREADS = 4
_BY_DESIGN = ({"trainval", "train"}, {"trainval", "val"})


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of an image: its size as shown, EXIF orientation, and a hash of its pixels.

    `fault` is (kind, message) where it could not be decoded; the rest is empty then.
    """

    size: Size = Size(0, 0)
    orientation: int = 1
    digest: bytes = b""
    fault: tuple[str, str] | None = None


def look(path: Path) -> Look:
    """Decode one image completely."""
    if not path.is_file():
        return Look(fault=("missing_image", "the image does not exist; add it or remove its annotation"))
    try:
        image = read_image(path)
        orientation = exif_orientation(path)
    except DataError as error:
        return Look(fault=("undecodable", str(error).removeprefix(f"cannot decode {path}: ")))
    digest = blake2b(repr(image.shape).encode(), digest_size=16)
    digest.update(image.data)
    return Look(Size(*image.shape[:2]), orientation, digest.digest())


def look_at_all(paths: Sequence[Path], progress: Callable[[int, int], None] | None = None) -> dict[Path, Look]:
    """Decode all images, a few at a time; `progress` is told (done, all)."""
    looks: dict[Path, Look] = {}
    with ThreadPoolExecutor(_THREADS) as pool:
        for path, seen in zip(paths, pool.map(look, paths), strict=True):
            looks[path] = seen
            if progress:
                progress(len(looks), len(paths))
    return looks


def image_problems(raw: RawDataset, record: Record, seen: Look) -> Iterator[Problem]:
    """Problems of one image, alone and against its annotation."""
    if seen.fault:
        kind, message = seen.fault
        yield Problem(kind, "error", str(record.image), None, message)
        return
    file = raw.file_of(record)
    turned = Size(*seen.size[::-1]) if seen.orientation >= 5 else seen.size  # the size as stored
    if not record.size_written:
        if seen.orientation > 1 and record.objects:
            message = f"EXIF orientation {seen.orientation} turns the image; make sure that the labels follow it"
            yield Problem("exif_rotation", "note", file, None, message)
    elif record.size == seen.size:
        if seen.orientation in (2, 3, 4) and record.objects:
            message = (
                f"EXIF orientation {seen.orientation} turns or mirrors the image; labels may be for the stored one"
            )
            yield Problem("exif_rotation", "warning", file, None, message)
    elif record.size == turned:
        message = f"the labels are for the image as stored, {_text(turned)}, but EXIF shows it as {_text(seen.size)}"
        yield Problem("exif_rotation", "error", file, None, f"{message}; apply the rotation to the image")
    elif record.size is not None:
        message = f"the annotation says {_text(record.size)}, the image is {_text(seen.size)}; correct one of them"
        yield Problem("size_mismatch", "error", file, None, message)


def duplicate_problems(looks: Mapping[Path, Look], splits: Mapping[Path, set[str]]) -> Iterator[Problem]:
    """Images of the same pixels under several names, inside a split and across splits."""
    twins: dict[bytes, list[Path]] = defaultdict(list)
    for path, seen in looks.items():
        if seen.digest:
            twins[seen.digest].append(path)
    for paths in twins.values():
        for place, path in enumerate(paths[1:], start=1):
            yield _twin(path, paths[:place], splits)


def _twin(path: Path, earlier: Sequence[Path], splits: Mapping[Path, set[str]]) -> Problem:
    mine = splits.get(path, set())
    beside = next((other for other in earlier if not mine or not splits.get(other) or mine & splits[other]), None)
    if beside is not None:
        return Problem("duplicate_image", "warning", str(path), None, f"the same image as {beside}; remove one")
    message = f"in {_names(mine)}, the same image as {earlier[0]} in {_names(splits[earlier[0]])}"
    return Problem("duplicate_across_splits", "warning", str(path), None, f"{message}; evaluation is too good")


def overlap_problems(splits: Mapping[Path, set[str]], *, name: str) -> Iterator[Problem]:
    """Images that are listed in two splits, one line for each pair of splits; trainval holds train and val."""
    pairs: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path, names in splits.items():
        ordered = sorted(names)
        for place, one in enumerate(ordered):
            for two in ordered[place + 1 :]:
                if {one, two} not in _BY_DESIGN:
                    pairs[one, two].append(path)
    for (one, two), paths in pairs.items():
        message = f"{one} and {two} share images: {len(paths):,}, the first {paths[0].name}; evaluation is too good"
        yield Problem("split_overlap", "warning", name, None, message)


def _names(splits: Iterable[str]) -> str:
    return " and ".join(sorted(splits))


def _text(size: Size) -> str:
    return f"{size.width} x {size.height}"
