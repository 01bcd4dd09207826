"""Reader of ILSVRC detection (DET): Annotations/DET and Data/DET with folders train and val, lists in ImageSets/DET."""

from collections.abc import Iterator
from pathlib import Path

from multibox.data.classes.ilsvrc import ILSVRC_NAMES
from multibox.data.dataset import Dataset
from multibox.data.formats.problem import Problem
from multibox.data.formats.record import RawDataset, Record, to_dataset, unique_ids
from multibox.data.formats.voc.xml import parse_voc
from multibox.errors import DataError
from multibox.images.decode import known_image_size
from multibox.words import listed

_SUFFIX = ".JPEG"


def read_ilsvrc(root: Path | str, *, split: str = "train") -> Dataset:
    """Read the folder that holds Annotations/DET, or one that holds it as ILSVRC or ILSVRC<year>.

    `split` is a list of ImageSets/DET ("val", "val1", "val2", "train_1", …) or a folder of Annotations/DET ("train":
    every XML file below it), "all", or several: "train+val1", as the official model was trained. In lists of one
    class, lines with -1 are left out. Class names are the 200 synsets in the challenge's order; `ILSVRC_NAMES` has
    their names and can be given to `load_dataset` as `rename`. Corners are taken as they stand: they count from 0.

    Raises DataError for a folder that is none, a split that does not exist and XML files that cannot be read.
    """
    return to_dataset(scan_ilsvrc(root, split=split))


def find_ilsvrc(root: Path) -> Path | None:
    """The folder that holds Annotations/DET, None where there is none."""
    homes = [root, *sorted(root.glob("ILSVRC*"))] if root.is_dir() else []
    return next((home for home in homes if (home / "Annotations/DET").is_dir()), None)


def scan_ilsvrc(root: Path | str, *, split: str = "train") -> RawDataset:
    """The same as `read_ilsvrc`, as written and unjudged."""
    home = find_ilsvrc(Path(root))
    if home is None:
        raise DataError(f"{root} is no ILSVRC data set: no folder Annotations/DET in it")
    paths = [path for part in split.split("+") for path in _annotations(home, part.strip())]
    files = [(path, parse_voc(path, pixels="caffe")) for path in dict.fromkeys(paths)]
    records, faults = [], []
    for path, file in files:
        if isinstance(file, Problem):
            faults.append(file)
            continue
        faults += file.faults
        image = _image(home, path)
        size = file.size or known_image_size(image)
        records.append(Record(image, path.stem, size, path, file.objects, size_written=file.size is not None))
    labels = {synset: label for label, synset in enumerate(ILSVRC_NAMES)}
    name = f"{home.resolve().name} DET {split}"
    return RawDataset(name, "ilsvrc", tuple(ILSVRC_NAMES), labels, unique_ids(records), faults=tuple(faults))


def ilsvrc_splits(home: Path) -> list[str]:
    """Lists and folders of annotations, those of one class left out."""
    lists = {path.stem for path in (home / "ImageSets/DET").glob("*.txt")}
    folders = {path.name for path in (home / "Annotations/DET").iterdir() if path.is_dir()}
    return sorted(name for name in lists | folders if not name.startswith("train_"))


def _annotations(home: Path, split: str) -> Iterator[Path]:
    annotations, lists = home / "Annotations/DET", home / "ImageSets/DET"
    if split == "all":
        yield from sorted(annotations.rglob("*.xml"))
    elif (lists / f"{split}.txt").is_file():
        lines = (lists / f"{split}.txt").read_text(encoding="utf-8").splitlines()
        rows = [line.split() for line in lines if line.strip()]
        yield from (_listed(annotations, split, row[0]) for row in rows if row[-1] != "-1")
    elif (annotations / split).is_dir():
        yield from sorted((annotations / split).rglob("*.xml"))
    else:
        raise DataError(f"split {split!r} does not exist in {home}; it has {listed(ilsvrc_splits(home))}")


def _listed(annotations: Path, split: str, name: str) -> Path:
    """val1 and val2 lie in the folder val, train_1 to train_200 in train; some lists say so themselves."""
    folder = next((folder for folder in ("train", "val", "test") if split.startswith(folder)), "")
    inside = annotations / folder / f"{name}.xml"
    return inside if inside.is_file() or not (annotations / f"{name}.xml").is_file() else annotations / f"{name}.xml"


def _image(home: Path, annotation: Path) -> Path:
    return home / "Data/DET" / annotation.relative_to(home / "Annotations/DET").with_suffix(_SUFFIX)
