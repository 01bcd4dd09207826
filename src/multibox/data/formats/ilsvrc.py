"""ILSVRC detection (DET): Annotations/DET and Data/DET with folders train and val, lists in ImageSets/DET."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from multibox.data.classes.ilsvrc import ILSVRC_NAMES
from multibox.data.formats.format import Source
from multibox.data.formats.problem import Problem
from multibox.data.formats.record import RawDataset, Record, unique_ids
from multibox.data.formats.voc.xml import VocFile, parse_voc
from multibox.errors import DataError
from multibox.images.decode import known_image_size
from multibox.words import listed

_SUFFIX = ".JPEG"


@dataclass(frozen=True)
class IlsvrcSource(Source):
    """An ILSVRC DET data set; `root` is the folder that holds Annotations/DET.

    A split is a list of ImageSets/DET ("val", "val1", "val2", "train_1", …), a folder of Annotations/DET ("train":
    every XML file below it), "all", or several: "train+val1", which the official model was trained on. In lists of one
    class, lines with -1 are skipped. Class names are the 200 synsets in the challenge's order. Corners count from 0
    and are kept as written.
    """

    root: Path

    def splits(self) -> list[str]:
        """Return lists and folders of annotations, without the lists of one class."""
        lists = {path.stem for path in self._lists.glob("*.txt")}
        folders = {path.name for path in self._annotations.iterdir() if path.is_dir()}
        return sorted(name for name in lists | folders if not name.startswith("train_"))

    def scan(self, split: str) -> RawDataset:
        paths = dict.fromkeys(path for name in split.split("+") for path in self._files(name.strip()))
        files = [(path, parse_voc(path, pixel_rule="caffe")) for path in paths]
        records = [self._record(path, file) for path, file in files if isinstance(file, VocFile)]
        faults = [fault for _, file in files for fault in ([file] if isinstance(file, Problem) else file.faults)]
        labels = {synset: label for label, synset in enumerate(ILSVRC_NAMES)}
        name = f"{self.root.resolve().name} DET {split}"
        return RawDataset(name, "ilsvrc", tuple(ILSVRC_NAMES), labels, unique_ids(records), faults=tuple(faults))

    @property
    def _annotations(self) -> Path:
        return self.root / "Annotations/DET"

    @property
    def _lists(self) -> Path:
        return self.root / "ImageSets/DET"

    def _files(self, split: str) -> Iterator[Path]:
        """Yield the XML files of one split. Raises DataError if it does not exist."""
        id_list = self._lists / f"{split}.txt"
        if split == "all":
            yield from sorted(self._annotations.rglob("*.xml"))
        elif id_list.is_file():
            rows = [line.split() for line in id_list.read_text(encoding="utf-8").splitlines() if line.strip()]
            yield from (self._listed_file(split, row[0]) for row in rows if row[-1] != "-1")
        elif (self._annotations / split).is_dir():
            yield from sorted((self._annotations / split).rglob("*.xml"))
        else:
            raise DataError(f"split {split!r} does not exist in {self.root}; it has {listed(self.splits())}")

    def _listed_file(self, split: str, name: str) -> Path:
        """Return the XML file of an entry: val1 and val2 are in the folder val, train_1 to train_200 in train.

        Some lists name the folder themselves.
        """
        folder = next((folder for folder in ("train", "val", "test") if split.startswith(folder)), "")
        inside, outside = self._annotations / folder / f"{name}.xml", self._annotations / f"{name}.xml"
        return outside if outside.is_file() and not inside.is_file() else inside

    def _record(self, annotation: Path, file: VocFile) -> Record:
        image = self.root / "Data/DET" / annotation.relative_to(self._annotations).with_suffix(_SUFFIX)
        size = file.size or known_image_size(image)
        return Record(image, annotation.stem, size, annotation, file.objects, size_written=file.size is not None)


def find_ilsvrc(root: Path) -> IlsvrcSource | None:
    """Return the data set in `root` or in a folder ILSVRC* below it, None if there is no Annotations/DET."""
    homes = [root, *sorted(root.glob("ILSVRC*"))] if root.is_dir() else []
    home = next((home for home in homes if (home / "Annotations/DET").is_dir()), None)
    return None if home is None else IlsvrcSource(home)
