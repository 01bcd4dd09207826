"""Holding out a share of the images for validation, so that the same images are held out when others are added."""

import re
from collections import defaultdict
from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import blake2b, file_digest
from pathlib import Path

from multibox.data.dataset import Dataset
from multibox.errors import DataError, UsageError
from multibox.words import counted, listed

VALIDATION_SPLITS = ("val", "valid", "validation")
"""Names of splits that score a training, if they share no image with it."""

LARGEST_SHARE = 0.9
_THREADS = 4

_COPY = re.compile(
    r"([ _-]*\(\d+\)|[ _-]copy( ?\d+)?|[_-](aug|augmented|flip|flipped|hflip|vflip|mirror|mirrored|rot|rotated|crop|"
    r"cropped|blur|blurred|noise|bright|dark)[a-z]*[_-]?\d*|[_.](jpe?g|png)\.rf\.[0-9a-f]+)$",
    re.IGNORECASE,
)
"""Ends of names that mark a copy or an augmented version of another image, also those of Roboflow's exports."""

_COUNT = re.compile(r"(\(\d+\)|(?<!\d)(?!180$|270$)\d{3,})$")
"""Ends of names that can number all images of a folder: "photo (12)" from a file manager, "night_dark_0012". Three
digits can also be the angle of a rotated copy.
"""


@dataclass(frozen=True)
class HeldOut:
    """The data set in two parts, and a line about the second one."""

    train: Dataset
    held: Dataset
    line: str


def hold_out(dataset: Dataset, share: float) -> HeldOut:
    """Split a data set by `held_out_images`. Raises its errors."""
    held = held_out_images([example.image for example in dataset], share)
    parts = [
        replace(dataset, name=name, examples=tuple(e for e in dataset if (e.image in held) == wanted))
        for name, wanted in ((dataset.name, False), (f"{dataset.name}, held out", True))
    ]
    return HeldOut(parts[0], parts[1], _line(dataset, parts[1], share))


def _line(dataset: Dataset, held: Dataset, share: float) -> str:
    labels = {int(label) for example in held for label in example.labels}
    used = {int(label) for example in dataset for label in example.labels}
    lacking = [dataset.class_names[label] for label in sorted(used - labels)]
    without = f"; none of them shows {listed(lacking, limit=5)}" if lacking else ""
    return (
        f"holding out {len(held):,} of {counted(len(dataset), 'image')} ({len(held) / len(dataset):.0%}, {share:g} "
        f"asked) with {counted(held.num_objects, 'object')} for validation, chosen by their content{without}"
    )


def held_out_images(images: Sequence[Path], share: float) -> frozenset[Path]:
    """About this share of the images, between 0 and 0.9, chosen by the content of their files.

    An image is held out if the digest of its file, as a number from 0 to 1, is below the share: more images change
    nothing for those that were there. Files with the same content are on the same side, and so are copies and augmented
    versions by their names, such as "cup.jpg", "cup copy.jpg" and "cup_flip.jpg" in one folder. Numbers such as that of
    "cup (2).jpg" mark a copy only if "cup.jpg" is there. Of few images at least one is held out, and at least one is
    not. An image whose file is missing counts by its name.

    Raises UsageError for another share, DataError if all images would have to be on one side.
    """
    if not 0 < share <= LARGEST_SHARE:
        raise UsageError(f"a share of {share:g} cannot be held out: choose more than 0 and at most {LARGEST_SHARE:g}")
    groups = _groups(list(dict.fromkeys(images)))
    if len(groups) < 2:
        raise DataError(
            f"{counted(len(images), 'image')} cannot be split, because all are copies of one another: add others, or "
            "train without holding out"
        )
    by_value = sorted(groups, key=lambda group: group[0])
    count = sum(value < share for value, _ in by_value)
    count = min(max(count, 1), len(by_value) - 1)
    return frozenset(image for _, members in by_value[:count] for image in members)


def _groups(images: Sequence[Path]) -> list[tuple[float, list[Path]]]:
    """Groups of images that belong on one side, each with a number from 0 to 1.

    The number is that of the image with the shortest name, which is the original among its copies.
    """
    with ThreadPoolExecutor(_THREADS) as pool:
        digests = dict(zip(images, pool.map(_digest, images), strict=True))
    first: dict[object, Path] = {}
    parents = {image: image for image in images}

    def root(image: Path) -> Path:
        while parents[image] != image:
            parents[image] = image = parents[parents[image]]
        return image

    stems = {(image.parent, image.stem.casefold()) for image in images}
    for image in images:
        for key in (digests[image], (image.parent, _original(image, stems))):
            parents[root(image)] = root(first.setdefault(key, image))
    members: dict[Path, list[Path]] = defaultdict(list)
    for image in images:
        members[root(image)].append(image)
    return [(_number(digests[min(group, key=_rank)]), group) for group in members.values()]


def _original(image: Path, stems: Set[tuple[Path, str]]) -> str:
    """The name of the image that this one is a version of, if all names in its folder are `stems`."""
    name, stem = original_name(image.stem), image.stem.casefold()
    while _COUNT.search(stem) is None and (shorter := _COPY.sub("", stem)) != stem and shorter:
        stem = shorter
    return name if (image.parent, name) in stems else stem


def original_name(stem: str) -> str:
    """The name without what marks a copy or an augmented version, in lower case."""
    shorter = _COPY.sub("", stem)
    while shorter and shorter != stem:
        stem, shorter = shorter, _COPY.sub("", shorter)
    return stem.casefold()


def _rank(image: Path) -> tuple[int, str]:
    return len(image.stem), str(image)


def _digest(image: Path) -> bytes:
    try:
        if image.is_file():
            with open(image, "rb") as file:
                return file_digest(file, _blake).digest()
    except OSError:
        pass
    return _blake(image.name.encode("utf-8", "surrogateescape")).digest()


def _blake(data: bytes = b"") -> "blake2b":
    return blake2b(data, digest_size=16)


def _number(digest: bytes) -> float:
    return int.from_bytes(digest[:7], "big") / 256**7
