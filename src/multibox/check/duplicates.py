"""Images that occur more than once: the same pixels under several names, and images in several splits."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from multibox.check.image_scan import ScannedImage
from multibox.data.formats.problem import Problem
from multibox.data.formats.record import RawDataset
from multibox.words import listed

_SHARED_BY_DESIGN = ({"trainval", "train"}, {"trainval", "val"})


def duplicate_problems(images: Mapping[Path, ScannedImage], splits: Mapping[Path, set[str]]) -> Iterator[Problem]:
    """Images with the pixels of another image, inside a split and across splits. `splits` are those of each image."""
    by_digest: dict[bytes, list[Path]] = defaultdict(list)
    for path, image in images.items():
        if image.digest:
            by_digest[image.digest].append(path)
    for paths in by_digest.values():
        for place, path in enumerate(paths[1:], start=1):
            yield _duplicate(path, paths[:place], splits)


def named_twice(raw: RawDataset) -> Iterator[Problem]:
    """Images that one annotation file describes under several ids."""
    if raw.file_per_image:
        return
    ids: dict[tuple[Path, Path | None], list[str]] = defaultdict(list)
    for record in raw.records:
        ids[record.image, record.annotation].append(record.id)
    for (path, _), names in ids.items():
        if len(names) > 1:
            message = f"has {len(names)} ids in one file: {listed(names)}; give its objects one id"
            yield Problem("duplicate_image", "warning", str(path), None, message)


def _duplicate(path: Path, earlier: Sequence[Path], splits: Mapping[Path, set[str]]) -> Problem:
    """The problem of an image whose pixels `earlier` images have, preferably one in the same split."""
    own = splits.get(path, set())
    in_split = next((other for other in earlier if not own or not splits.get(other) or own & splits[other]), None)
    if in_split is not None:
        return Problem("duplicate_image", "warning", str(path), None, f"the same image as {in_split}; remove one")
    message = f"in {_names(own)}, the same image as {earlier[0]} in {_names(splits[earlier[0]])}"
    return Problem("duplicate_across_splits", "warning", str(path), None, f"{message}; scores will be too high")


def overlap_problems(splits: Mapping[Path, set[str]], *, name: str) -> Iterator[Problem]:
    """Pairs of splits of the data set `name` that list the same images, except for trainval, train and val."""
    shared: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path, names in splits.items():
        for one, two in combinations(sorted(names), 2):
            if {one, two} not in _SHARED_BY_DESIGN:
                shared[one, two].append(path)
    for (one, two), paths in shared.items():
        message = f"{one} and {two} share images: {len(paths):,}, the first {paths[0].name}; scores will be too high"
        yield Problem("split_overlap", "warning", name, None, message)


def _names(splits: Iterable[str]) -> str:
    return " and ".join(sorted(splits))
