"""Reader of PASCAL VOC data sets: devkits, year folders, folders like them, folders of XML files."""

from collections.abc import Sequence
from pathlib import Path

from multibox.data.classes.voc import VOC_CLASSES
from multibox.data.dataset import Dataset
from multibox.data.formats.problem import Problem
from multibox.data.formats.record import RawDataset, Record, to_dataset, unique_ids
from multibox.data.formats.voc.layout import VocFolder, choose, find_voc, is_voc_year
from multibox.data.formats.voc.xml import PIXEL_RULES, class_names_in, parse_voc
from multibox.errors import DataError, UsageError
from multibox.images.decode import known_image_size


def read_voc(
    root: Path | str,
    *,
    split: str = "trainval",
    class_names: Sequence[str] | None = None,
    pixels: str = "voc",
) -> Dataset:
    """Read a VOC devkit, a year folder, a folder like one (Annotations, JPEGImages) or a folder of XML files.

    `split` is a list in ImageSets ("train", "test", …), "all" for every XML file, or several with their years:
    "2007:trainval+2012:trainval". Class names are those given; the 20 of VOC where the folder is a VOC year and names
    no others; else the sorted names of the whole folder, so that every split has the same classes.
    `pixels` is the rule for the corners: "voc" takes 1 from the minimum corner (pixels count from 1, both ends
    included), "caffe" takes the numbers as they stand (the official code, `io.cpp` ReadXMLToAnnotatedDatum).
    Boxes are clipped to the image; those without extent are dropped and named in `problems`.

    Raises DataError for a folder that is no VOC data set, a split that does not exist, an XML file that does not parse
    and a class that is not among `class_names`; UsageError for an unknown pixel rule.
    """
    return to_dataset(scan_voc(root, split=split, class_names=class_names, pixels=pixels))


def scan_voc(
    root: Path | str, *, split: str = "trainval", class_names: Sequence[str] | None = None, pixels: str = "voc"
) -> RawDataset:
    """Everything the split's XML files say, unjudged; arguments and errors for the folder as in `read_voc`."""
    if pixels not in PIXEL_RULES:
        raise UsageError(f"pixel rule {pixels!r} does not exist; choose one of {', '.join(PIXEL_RULES)}")
    root = Path(root)
    folders = find_voc(root)
    if not folders:
        raise DataError(f"{root} is no VOC data set: no XML files in it, in its Annotations or in VOC<year> folders")
    chosen = choose(folders, split, root)
    scans = {folder.root: _Scan(folder, pixels) for folder, _ in chosen}
    records = [record for folder, ids in chosen for record in scans[folder.root].records(ids)]
    names = tuple(class_names) if class_names is not None else _class_names(list(scans.values()))
    faults = tuple(fault for scan in scans.values() for fault in (*scan.faults, *scan.unlabeled(split)))
    labels = {name: label for label, name in enumerate(names)}
    return RawDataset(f"{root.resolve().name} {split}", "voc", names, labels, unique_ids(records), faults=faults)


class _Scan:
    """The parsed XML files of one folder, each read once, and the faults of those asked for."""

    def __init__(self, folder: VocFolder, pixels: str) -> None:
        self.folder = folder
        self.pixels = pixels
        self.faults: list[Problem] = []
        self._names: dict[str, set[str]] = {}  # by file stem
        self._images: set[Path] = set()

    def records(self, ids: Sequence[str]) -> list[Record]:
        """One record for each id; a file that cannot be read gives none, and a fault."""
        found = [self._record(name) for name in ids]
        return [record for record in found if record is not None]

    def class_names(self) -> set[str]:
        """Those in the whole folder, also in files that no split has asked for."""
        unread = [name for name in self.folder.ids if name not in self._names]
        return set[str]().union(*self._names.values(), *(class_names_in(self._path(name)) for name in unread))

    def unlabeled(self, split: str) -> list[Problem]:
        """Images without an XML file, where the split is the whole folder."""
        if split != "all" and (self.folder.splits or split != self.folder.part):
            return []
        message = "no XML file describes this image, so it is left out; add one (without objects for a background)"
        files = [path for stem, path in self.folder.image_files.items() if stem not in self._names]
        missing = sorted(path for path in files if path not in self._images)
        return [Problem("missing_labels", "warning", str(path), None, message) for path in missing]

    def _record(self, name: str) -> Record | None:
        path = self._path(name)
        file = parse_voc(path, pixels=self.pixels)
        if isinstance(file, Problem):
            self._names[name] = set()
            self.faults.append(file)
            return None
        self._names[name] = {item.category for item in file.objects}
        self.faults += file.faults
        image = self._image(name, file.filename)
        size = file.size or known_image_size(image)
        return Record(image, name, size, path, file.objects, size_written=file.size is not None)

    def _path(self, name: str) -> Path:
        return self.folder.annotations / f"{name}.xml"

    def _image(self, name: str, filename: str) -> Path:
        """The image named like the XML file, else that which the XML file names."""
        files = self.folder.image_files
        default = self.folder.images / (filename or f"{name}.jpg")
        image = files.get(name) or files.get(Path(filename).stem) or default
        self._images.add(image)
        return image


def _class_names(scans: Sequence[_Scan]) -> tuple[str, ...]:
    names = set[str]().union(*(scan.class_names() for scan in scans))
    if names <= set(VOC_CLASSES) and all(is_voc_year(scan.folder) for scan in scans):
        return VOC_CLASSES
    return tuple(sorted(names))
