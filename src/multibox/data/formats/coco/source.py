"""COCO data sets: where the annotation files are, and which of them make up a split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from multibox.data.formats.coco.reader import read_ids, scan_coco
from multibox.data.formats.coco.sniff import annotation_strength
from multibox.data.formats.evidence import Evidence, Strength
from multibox.data.formats.fields import id_order
from multibox.data.formats.files import Listing, files_with, subfolders
from multibox.data.formats.format import Source
from multibox.data.formats.record import RawDataset, Record, merge
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

    files: dict[str, Path]

    def splits(self) -> list[str]:
        return list(self.files)

    def count_images(self, split: str) -> int | None:
        for name in self._names(split):
            if self._id_list(name) is None:
                self._file(name)
        return None

    def read(self, split: str) -> RawDataset:
        raws = [raw for name in self._names(split) for raw in self._scan(name)]
        return merge(raws, f"{self.root.resolve().name} {split}", self.root) if len(raws) > 1 else raws[0]

    def lists(self, parts: Mapping[str, Sequence[Record]]) -> dict[str, str]:
        """Return lists of image ids, <part>.txt beside the annotation file, as those of trainval35k."""
        home = next(iter(self.files.values())).parent
        root = self.root if self.root.is_dir() else self.root.parent
        for part in parts:
            if part in self.files:
                raise DataError(f"split {part!r} already exists in {self.root}: choose other names with --names")
        return {
            (home / f"{part}.txt").relative_to(root).as_posix(): "".join(f"{record.id}\n" for record in records)
            for part, records in parts.items()
        }

    def listings(self, split: str) -> list[Listing]:
        return [Listing(folder, (".json",)) for folder in dict.fromkeys(path.parent for path in self.files.values())]

    def _names(self, split: str) -> list[str]:
        return list(self.files) if split == "all" else [name.strip() for name in split.split("+")]

    def _scan(self, name: str) -> list[RawDataset]:
        id_list = self._id_list(name)
        return [scan_coco(self._file(name), outside=self.outside)] if id_list is None else self._scan_listed(id_list)

    def _scan_listed(self, id_list: Path) -> list[RawDataset]:
        """Read the images of a list of ids from every file that has some of them."""
        wanted = set(read_ids(id_list))
        raws = []
        for path in self.files.values():
            raw = scan_coco(path, outside=self.outside)
            present = tuple(record for record in raw.records if record.id in wanted)
            if present:
                raws.append(replace(raw, records=present))
                wanted -= {record.id for record in present}
        if wanted or not raws:
            missing = listed(sorted(wanted, key=id_order))
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
    found = _files(path)
    if not found:
        return None
    strength = max(strength for _, strength in found.values())
    files = {split: file for split, (file, weight) in found.items() if weight == strength or weight > Strength.NAMED}
    names = listed(sorted(str(file.relative_to(path)) if path.is_dir() else file.name for file in files.values()), 3)
    return CocoSource(path, files, evidence=Evidence(strength, f"COCO annotations in {names}"))


def _files(path: Path) -> dict[str, tuple[Path, Strength]]:
    """Return annotation files with their strength by split: "train2017" is annotations/instances_train2017.json."""
    if path.is_file():
        strength = Strength.NAMED if path.suffix.lower() == ".json" else None
        strength = annotation_strength(path) or strength
        return {} if strength is None else {_split(path): (path, strength)}
    children = subfolders(path)
    homes = [child for child in children if child.name.casefold() == "annotations"]
    splits = [child for child in children if child.name.casefold() in _SPLIT_FOLDERS]
    inner = [child for folder in children for child in subfolders(folder) if child.name.casefold() in _SPLIT_FOLDERS]
    for folders in ([*homes, path], splits, inner):
        found: dict[str, tuple[Path, Strength]] = {}
        files = (file for folder in folders for file in files_with(folder, (".json",)))
        for file in files:
            strength = None if file.stem.startswith(_OTHER_TASKS) else annotation_strength(file)
            if strength is not None:
                found.setdefault(_split(file), (file, strength))
        if found:
            return dict(sorted(found.items(), key=lambda pair: str(pair[1][0])))
    return {}


def _split(path: Path) -> str:
    """Return the split of a file: its name without prefix, or its folder for an export of Roboflow."""
    stem = path.stem
    for prefix in _PREFIXES:
        stem = stem.removeprefix(prefix)
    return path.parent.name if stem.startswith("_annotations") else stem
