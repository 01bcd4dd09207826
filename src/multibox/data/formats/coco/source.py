"""COCO data sets: where the annotation files are, and which of them make up a split."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from multibox.data.formats.coco.reader import read_ids, scan_coco
from multibox.data.formats.format import Source
from multibox.data.formats.record import RawDataset, merge
from multibox.errors import DataError
from multibox.words import listed

_PREFIXES = ("instances_", "image_info_")
_OTHER_TASKS = ("person_keypoints_", "captions_", "panoptic_", "stuff_")
_SAME_IMAGES = {"trainval35k": "train2017", "minival": "val2017"}
_SPLIT_FOLDERS = ("train", "valid", "val", "test")


@dataclass(frozen=True)
class CocoSource(Source):
    """A COCO data set; `files` are the annotation files by split.

    A split is the name of a file ("train2017"), the beginning of the name of exactly one ("train"), or several
    ("train2014+val2014"). "trainval35k" and "minival" are lists of image ids, <split>.txt beside the annotation files;
    without the lists they are train2017 and val2017, which have the same images. "all" is every file.
    """

    root: Path
    files: dict[str, Path]

    def splits(self) -> list[str]:
        return list(self.files)

    def count_images(self, split: str) -> int | None:
        for name in self._names(split):
            if self._id_list(name) is None:
                self._file(name)
        return None

    def scan(self, split: str) -> RawDataset:
        raws = [raw for name in self._names(split) for raw in self._scan(name)]
        return merge(raws, f"{self.root.resolve().name} {split}") if len(raws) > 1 else raws[0]

    def _names(self, split: str) -> list[str]:
        return list(self.files) if split == "all" else [name.strip() for name in split.split("+")]

    def _scan(self, name: str) -> list[RawDataset]:
        id_list = self._id_list(name)
        return [scan_coco(self._file(name))] if id_list is None else self._scan_listed(id_list)

    def _scan_listed(self, id_list: Path) -> list[RawDataset]:
        """Read the images of a list of ids from every file that has some of them."""
        wanted = {str(number) for number in read_ids(id_list)}
        raws = []
        for path in self.files.values():
            raw = scan_coco(path)
            present = tuple(record for record in raw.records if record.id in wanted)
            if present:
                raws.append(replace(raw, records=present))
                wanted -= {record.id for record in present}
        if wanted or not raws:
            missing = listed(sorted(wanted, key=int))
            raise DataError(f"{id_list}: image ids {missing} are in none of the annotation files")
        return raws

    def _id_list(self, name: str) -> Path | None:
        """Return the list of image ids of that name, None if it is an annotation file or there is no such list."""
        if name in self.files:
            return None
        lists = (path.parent / f"{name}.txt" for path in self.files.values())
        return next((path for path in lists if path.is_file()), None)

    def _file(self, name: str) -> Path:
        """Return the annotation file of a split. Raises DataError if none or several could be meant."""
        for key in (name, _SAME_IMAGES.get(name, name)):
            if key in self.files:
                return self.files[key]
        starting = [key for key in self.files if key.startswith(name)]
        if len(starting) == 1:
            return self.files[starting[0]]
        if starting:
            raise DataError(f"split {name!r} of {self.root} could be {listed(starting)}; name one")
        raise DataError(f"split {name!r} does not exist in {self.root}; it has {listed(self.files)}")


def find_coco(path: Path) -> CocoSource | None:
    """Return the COCO data set of an annotation file or folder, None if there is no file of COCO instances."""
    files = _files(path)
    return CocoSource(path, files) if files else None


def _files(path: Path) -> dict[str, Path]:
    """Return annotation files by split: "train2017" is annotations/instances_train2017.json."""
    if path.is_file():
        return {_split(path): path} if path.suffix.lower() == ".json" and _looks_like_coco(path) else {}
    candidates = [*path.glob("annotations/*.json"), *path.glob("*.json")]
    found: dict[str, Path] = {}
    for file in sorted(file for file in candidates if not file.stem.startswith(_OTHER_TASKS)):
        if _looks_like_coco(file):
            found.setdefault(_split(file), file)
    if found:
        return found
    folders = ((name, file) for name in _SPLIT_FOLDERS for file in sorted((path / name).glob("*.json")))
    return {name: file for name, file in folders if _looks_like_coco(file)}


def _split(path: Path) -> str:
    """Return the split of a file: its name without prefix, or its folder for an export of Roboflow."""
    stem = path.stem
    for prefix in _PREFIXES:
        stem = stem.removeprefix(prefix)
    return path.parent.name if stem.startswith("_annotations") else stem


def _looks_like_coco(path: Path) -> bool:
    """Whether the file starts as an object with one of COCO's keys. Results are lists; other JSON has other keys."""
    with path.open("rb") as file:
        start = file.read(65536).lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith(b"{") and re.search(rb'"(images|annotations|categories)"\s*:', start) is not None
