"""ILSVRC detection (DET): Annotations/DET and Data/DET with folders train and val, lists in ImageSets/DET."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from multibox.data.classes.ilsvrc import ILSVRC_NAMES
from multibox.data.formats.evidence import Evidence, Strength
from multibox.data.formats.files import Listing, files_below, files_with, inside, subfolders, usable_name
from multibox.data.formats.format import Source
from multibox.data.formats.problem import Problem
from multibox.data.formats.record import RawDataset, Record, unique_ids
from multibox.data.formats.voc.xml import VocFile, parse_voc
from multibox.errors import DataError
from multibox.images.decode import known_image_size
from multibox.system.text import read_lines
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

    def splits(self) -> list[str]:
        """Return lists and folders of annotations, without the lists of one class."""
        lists = {path.stem for path in files_with(self._lists, (".txt",))}
        folders = {path.name for path in subfolders(self._annotations)}
        return sorted(name for name in lists | folders if not name.startswith("train_"))

    def read(self, split: str) -> RawDataset:
        paths = dict.fromkeys(path for name in split.split("+") for path in self._files(name.strip()))
        files = [(path, parse_voc(path, pixel_rule="caffe")) for path in paths]
        records = [self._record(path, file) for path, file in files if isinstance(file, VocFile)]
        faults = [fault for _, file in files for fault in ([file] if isinstance(file, Problem) else file.faults)]
        labels = {synset: label for label, synset in enumerate(ILSVRC_NAMES)}
        name = f"{self.root.resolve().name} DET {split}"
        return RawDataset(
            name, "ilsvrc", tuple(ILSVRC_NAMES), labels, unique_ids(records, self.root), faults=tuple(faults)
        )

    def lists(self, parts: Mapping[str, Sequence[Record]]) -> dict[str, str]:
        """Return ImageSets/DET/<part>.txt with the paths of the XML files below Annotations/DET."""
        files = {}
        for part, records in parts.items():
            if part in self.splits():
                raise DataError(f"split {part!r} already exists in {self.root}: choose other names with --names")
            annotations = [record.annotation for record in records if record.annotation is not None]
            names = [path.relative_to(self._annotations).with_suffix("").as_posix() for path in annotations]
            files[f"ImageSets/DET/{part}.txt"] = "".join(f"{name} {i}\n" for i, name in enumerate(names, start=1))
        return files

    def listings(self, split: str) -> list[Listing]:
        names = [name.strip() for name in split.split("+")]
        folders = [self._annotations if name == "all" else self._annotations / name for name in names]
        lists = Listing(self._lists, (".txt",))
        return [lists, *(Listing(folder, (".xml",), below=True) for folder in folders)]

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
            yield from files_below(self._annotations, (".xml",))
        elif id_list.is_file():
            rows = [line.split() for line in read_lines(id_list) if line.strip()]
            yield from (self._listed_file(split, row[0]) for row in rows if row[-1] != "-1")
        elif (self._annotations / split).is_dir():
            yield from files_below(self._annotations / split, (".xml",))
        else:
            raise DataError(f"split {split!r} does not exist in {self.root}; it has {listed(self.splits())}")

    def _listed_file(self, split: str, name: str) -> Path:
        """Return the XML file of an entry: val1 and val2 are in the folder val, train_1 to train_200 in train.

        Some lists name the folder themselves.
        """
        if not usable_name(name):
            raise DataError(f"{self._lists / split}.txt lists {name[:100]!r}, which cannot be the name of a file")
        folder = next((folder for folder in ("train", "val", "test") if split.startswith(folder)), "")
        home, elsewhere = self._annotations / folder / f"{name}.xml", self._annotations / f"{name}.xml"
        path = elsewhere if elsewhere.is_file() and not home.is_file() else home
        if not inside(path, self._annotations):
            raise DataError(f"{self._lists / split}.txt lists {name!r}, which is outside the annotations; correct it")
        return path

    def _record(self, annotation: Path, file: VocFile) -> Record:
        image = self.root / "Data/DET" / annotation.relative_to(self._annotations).with_suffix(_SUFFIX)
        size = file.size or known_image_size(image)
        return Record(image, annotation.stem, size, annotation, file.objects, size_written=file.size is not None)


def find_ilsvrc(root: Path) -> IlsvrcSource | None:
    """Return the data set in `root` or in a folder ILSVRC* below it, None if there is no Annotations/DET."""
    homes = [root, *(home for home in subfolders(root) if home.name.startswith("ILSVRC"))]
    home = next((home for home in homes if (home / "Annotations/DET").is_dir()), None)
    return (
        None if home is None else IlsvrcSource(home, evidence=Evidence(Strength.DECLARED, "the folder Annotations/DET"))
    )
