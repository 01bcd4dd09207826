"""PASCAL VOC data sets: devkits, year folders, folders like them, folders of XML files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from multibox.data.classes.voc import VOC_CLASSES
from multibox.data.dataset import Dataset
from multibox.data.formats.evidence import Evidence, Strength
from multibox.data.formats.examples import to_dataset
from multibox.data.formats.files import Listing
from multibox.data.formats.format import Source
from multibox.data.formats.record import RawDataset, Record, unique_ids
from multibox.data.formats.voc.layout import VocFolder, find_voc_folders
from multibox.data.formats.voc.pixels import require_pixel_rule
from multibox.data.formats.voc.reader import FolderReader
from multibox.errors import DataError
from multibox.words import counted, listed


@dataclass(frozen=True)
class VocSource(Source):
    """A VOC data set: one folder of XML files, or one for each year or split.

    A split is a list in ImageSets ("train", "test", …), a folder of a split, or several with their years, such as
    "2007:trainval+2012:trainval". `class_names` are the classes if given; the 20 classes of VOC if every folder is a
    year of VOC and has no other names; else the sorted names of the whole data set, so that all splits agree.
    """

    folders: tuple[VocFolder, ...]
    pixel_rule: str = "voc"
    class_names: tuple[str, ...] | None = None

    def splits(self) -> list[str]:
        return sorted({name for folder in self.folders for name in folder.splits})

    def everything(self) -> str | None:
        return "all"

    def count_images(self, split: str) -> int | None:
        return sum(len(ids) for _, ids in self.select(split))

    def lists(self, parts: Mapping[str, Sequence[Record]]) -> dict[str, str]:
        """Return ImageSets/Main/<part>.txt of every folder that has images of the part."""
        files: dict[str, str] = {}
        for part, records in parts.items():
            self._require_new(part)
            for folder in self.folders:
                names = _names_in(folder, records)
                if names:
                    home = next((path.parent for path in folder.lists.values()), folder.root / "ImageSets/Main")
                    files[(home / f"{part}.txt").relative_to(self.root).as_posix()] = "".join(f"{n}\n" for n in names)
        return files

    def _require_new(self, part: str) -> None:
        if part in self.splits():
            raise DataError(f"split {part!r} already exists in {self.root}: choose other names with --names")

    def with_pixel_rule(self, rule: str) -> "VocSource":
        require_pixel_rule(rule)
        return replace(self, pixel_rule=rule)

    def read(self, split: str) -> RawDataset:
        selected = self.select(split)
        readers = {folder.root: FolderReader(folder, pixel_rule=self.pixel_rule) for folder, _ in selected}
        records = [record for folder, ids in selected for record in readers[folder.root].records(ids)]
        names = self.class_names if self.class_names is not None else _class_names(list(readers.values()))
        faults = tuple(fault for reader in readers.values() for fault in (*reader.faults, *reader.unlabeled(split)))
        labels = {name: label for label, name in enumerate(names)}
        return RawDataset(
            f"{self.root.resolve().name} {split}", "voc", names, labels, unique_ids(records, self.root), faults=faults
        )

    def listings(self, split: str) -> list[Listing]:
        folders = {folder.root: folder for folder, _ in self.select(split)}.values()
        lists = dict.fromkeys(path.parent for folder in folders for path in folder.lists.values())
        annotations = [Listing(folder.annotations, (".xml",)) for folder in folders]
        return [*annotations, *(Listing(folder, (".txt",)) for folder in lists)]

    def select(self, split: str) -> list[tuple[VocFolder, tuple[str, ...]]]:
        """Return the folders and ids of a split. Raises DataError if the split or its year does not exist."""
        return [pair for term in split.split("+") for pair in self._select_term(term.strip())]

    def _select_term(self, term: str) -> list[tuple[VocFolder, tuple[str, ...]]]:
        """Return the folders and ids of "trainval" or "2007:trainval"; the year may be a folder of a split."""
        part, _, split = term.rpartition(":")
        part = part.removeprefix("VOC")
        inside = [folder for folder in self.folders if not part or part in (folder.year, folder.split)]
        if not inside:
            has = listed(name for folder in self.folders if (name := folder.year or folder.split))
            raise DataError(f"year {part!r} is not in {self.root}; it has {has or 'no folder of a year'}")
        found = [(folder, ids) for folder in inside if (ids := folder.ids_of(split)) is not None]
        if not found:
            splits = sorted({name for folder in inside for name in folder.splits})
            raise DataError(f"split {split!r} does not exist in {self.root}; it has {listed([*splits, 'all'])}")
        return found


def _names_in(folder: VocFolder, records: Sequence[Record]) -> list[str]:
    """Return the ids of the records whose XML file is in this folder, as its lists write them."""
    files = [record.annotation for record in records if record.annotation is not None]
    inside = [file for file in files if file.is_relative_to(folder.annotations)]
    return [file.relative_to(folder.annotations).with_suffix("").as_posix() for file in inside]


def find_voc(root: Path) -> VocSource | None:
    """Return the VOC data set at `root`, None if its usual folders have no XML files."""
    folders = find_voc_folders(root)
    return VocSource(root, folders, evidence=_evidence(folders)) if folders else None


def _evidence(folders: Sequence[VocFolder]) -> Evidence:
    files = sum(len(folder.xml_files) for folder in folders)
    text = f"{counted(files, 'XML file')} in {folders[0].annotations}"
    if any(folder.lists for folder in folders):
        return Evidence(Strength.DECLARED, f"{text} and lists in ImageSets")
    apart = any(folder.annotations != folder.root or folder.split for folder in folders)
    return Evidence(Strength.STRUCTURED if apart else Strength.LOOSE, text)


def read_voc(
    root: Path | str,
    *,
    split: str = "trainval",
    class_names: Sequence[str] | None = None,
    pixel_rule: str = "voc",
) -> Dataset:
    """Read a VOC data set with given classes; see `VocSource` for splits and `corners_to_box` for the pixel rule.

    Boxes are clipped to the image. Boxes without extent are dropped and listed in `problems`.

    Raises DataError if `root` is not a VOC data set, the split does not exist, an XML file cannot be parsed, or an
    object's class is not in `class_names`; UsageError for an unknown pixel rule.
    """
    source = find_voc(Path(root))
    if source is None:
        raise DataError(f"{root} is not a VOC data set: no XML files in it, in its Annotations or in VOC<year> folders")
    names = None if class_names is None else tuple(class_names)
    return to_dataset(replace(source.with_pixel_rule(pixel_rule), class_names=names).scan(split))


def _class_names(readers: Sequence[FolderReader]) -> tuple[str, ...]:
    names = set[str]().union(*(reader.class_names() for reader in readers))
    if names <= set(VOC_CLASSES) and all(reader.folder.year for reader in readers):
        return VOC_CLASSES
    return tuple(sorted(names))
