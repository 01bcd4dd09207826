"""Where a COCO data set keeps its annotation files, and which of them a split means."""

import re
from pathlib import Path

from multibox.data.formats.coco.reader import read_ids, scan_coco
from multibox.data.formats.record import RawDataset, merge
from multibox.errors import DataError
from multibox.words import listed

_PREFIXES = ("instances_", "image_info_")
_OTHERS = ("person_keypoints_", "captions_", "panoptic_", "stuff_")
_ALIASES = {"trainval35k": "train2017", "minival": "val2017"}
_PARTS = ("train", "valid", "val", "test")


def find_coco(path: Path) -> dict[str, Path]:
    """Annotation files by split: "train2017" is annotations/instances_train2017.json. Empty where there is none."""
    if path.is_file():
        return {_split(path): path} if path.suffix.lower() == ".json" and _looks_like_coco(path) else {}
    candidates = [*path.glob("annotations/*.json"), *path.glob("*.json")]
    files = sorted(file for file in candidates if not file.stem.startswith(_OTHERS))
    found: dict[str, Path] = {}
    for file in files:
        if _looks_like_coco(file):
            found.setdefault(_split(file), file)
    parts = {name: file for name in _PARTS for file in sorted((path / name).glob("*.json")) if _looks_like_coco(file)}
    return found or parts


def scan_coco_split(files: dict[str, Path], split: str, root: Path) -> RawDataset:
    """The images of a split: "train2017", "train" where one file only begins so, or several ("train2014+val2014").

    "trainval35k" and "minival" are the lists <split>.txt of image ids where there is one beside the annotation files;
    otherwise they are train2017 and val2017, which have the same images. "all" is every file.
    """
    names = list(files) if split == "all" else [part.strip() for part in split.split("+")]
    raws = [raw for name in names for raw in _scan(files, name, root)]
    return merge(raws, f"{root.resolve().name} {split}") if len(raws) > 1 else raws[0]


def _scan(files: dict[str, Path], split: str, root: Path) -> list[RawDataset]:
    id_list = next((file for path in files.values() if (file := path.parent / f"{split}.txt").is_file()), None)
    if split not in files and id_list is not None:
        return _listed_images(files, id_list)
    return [scan_coco(files[_resolve(files, split, root)])]


def _listed_images(files: dict[str, Path], id_list: Path) -> list[RawDataset]:
    """The images of a list of ids, from every file that has some of them."""
    wanted = set(read_ids(id_list))
    raws = []
    for path in files.values():
        raw = scan_coco(path)
        present = {int(record.id) for record in raw.records} & wanted
        if present:
            raws.append(scan_coco(path, ids=present))
            wanted -= present
    if wanted or not raws:
        raise DataError(f"{id_list}: image ids {listed(map(str, sorted(wanted)))} are in none of the annotation files")
    return raws


def _resolve(files: dict[str, Path], split: str, root: Path) -> str:
    for name in (split, _ALIASES.get(split, split)):
        if name in files:
            return name
    starting = [name for name in files if re.fullmatch(rf"{re.escape(split)}\d*.*", name)]
    if len(starting) == 1:
        return starting[0]
    rule = f"could be {listed(starting)}; name one" if starting else f"does not exist; there are {listed(files)}"
    raise DataError(f"split {split!r} of {root} {rule}")


def _split(path: Path) -> str:
    stem = path.stem
    for prefix in _PREFIXES:
        stem = stem.removeprefix(prefix)
    return path.parent.name if stem.startswith("_annotations") else stem


def _looks_like_coco(path: Path) -> bool:
    """Whether the file begins as an object with a key of COCO's; results are lists, other JSON has other keys."""
    with path.open("rb") as file:
        start = file.read(65536).lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith(b"{") and re.search(rb'"(images|annotations|categories)"\s*:', start) is not None
