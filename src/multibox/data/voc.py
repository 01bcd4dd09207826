"""Reader of PASCAL VOC XML. The one file that knows VOC's pixels, which count from 1 and include both ends."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from multibox.data.dataset import Dataset
from multibox.data.picture_size import picture_size
from multibox.data.problem import Problem
from multibox.data.record import Box, RawDataset, RawObject, Record, to_dataset, unique_ids
from multibox.data.voc_layout import VocFolder, choose, find_voc, is_voc_year
from multibox.errors import DataError, UsageError

VOC_CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
PIXEL_RULES = ("voc", "caffe")


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
    Boxes are clipped to the picture; those without extent are dropped and named in `problems`.

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
    faults = tuple(fault for scan in scans.values() for fault in scan.faults)
    labels = {name: label for label, name in enumerate(names)}
    return RawDataset(f"{root.resolve().name} {split}", "voc", names, labels, unique_ids(records), faults=faults)


def voc_box(values: Box, pixels: str) -> Box:
    """Corners as written to continuous pixels.

    A point, both corners on one pixel, is a click and no object: it stays without extent.
    """
    x1, y1, x2, y2 = values
    if pixels == "caffe" or (x1 == x2 and y1 == y2):
        return values
    return x1 - 1, y1 - 1, x2, y2


class _Scan:
    """The parsed XML files of one folder, each read once, and the faults of those asked for."""

    def __init__(self, folder: VocFolder, pixels: str) -> None:
        self.folder = folder
        self.pixels = pixels
        self.faults: list[Problem] = []
        self.names: set[str] = set()
        self._parsed: set[str] = set()

    def records(self, ids: Sequence[str]) -> list[Record]:
        """One record for each id; a file that cannot be read gives none, and a fault."""
        found = [self._record(name) for name in ids]
        return [record for record in found if record is not None]

    def all_names(self) -> set[str]:
        """Class names in the whole folder, also in files that no split has asked for."""
        for name in self.folder.ids:
            if name not in self._parsed:
                try:
                    tree = _parse(self.folder.annotations / f"{name}.xml")
                except _Unparsable:
                    continue
                self.names |= {_text(node, "name") for node in tree.iterfind("object")} - {""}
        return self.names

    def _record(self, name: str) -> Record | None:
        path = self.folder.annotations / f"{name}.xml"
        self._parsed.add(name)
        try:
            tree = _parse(path)
        except _Unparsable as error:
            kind = "unparsable" if path.exists() else "missing_labels"
            self.faults.append(Problem(kind, "error", str(path), None, str(error)))
            return None
        objects = tuple(item for item in self._objects(path, tree) if item is not None)
        self.names |= {item.category for item in objects}
        picture, size = self._picture(name, tree), _size(tree)
        return Record(picture, name, size or picture_size(picture), path, objects, size_written=size is not None)

    def _objects(self, path: Path, tree: Element) -> list[RawObject | None]:
        items: list[RawObject | None] = []
        for number, node in enumerate(tree.iterfind("object"), start=1):
            try:
                items.append(_object(node, number, self.pixels))
            except ValueError as error:
                place = f"object {number} ({_text(node, 'name') or 'no name'})"
                self.faults.append(Problem("unparsable", "error", str(path), place, str(error)))
        return items

    def _picture(self, name: str, tree: Element) -> Path:
        files = self.folder.picture_files
        if name in files:
            return files[name]
        written = Path(_text(tree, "filename").replace("\\", "/")).name
        return files.get(Path(written).stem, self.folder.pictures / (written or f"{name}.jpg"))


class _Unparsable(Exception):
    """An XML file that cannot be read, with the reason."""


def _parse(path: Path) -> Element:
    try:
        return ElementTree.fromstring(path.read_bytes())
    except FileNotFoundError:
        raise _Unparsable("the split names this file, but it does not exist; add it or take its line out") from None
    except (OSError, ElementTree.ParseError, ValueError, LookupError) as error:
        raise _Unparsable(f"is no XML that can be read ({error}); repair or remove it") from None


def _object(node: Element, number: int, pixels: str) -> RawObject:
    name = _text(node, "name")
    if not name:
        raise ValueError("has no <name>; add the class")
    box = node.find("bndbox")
    if box is None:
        raise ValueError("has no <bndbox>; only upright boxes can be read")
    x1, y1, x2, y2 = (_number(box, tag) for tag in ("xmin", "ymin", "xmax", "ymax"))
    values = (x1, y1, x2, y2)
    return RawObject(number, name, values, voc_box(values, pixels), difficult=_flag(node, "difficult"))


def _number(box: Element, tag: str) -> float:
    text = _text(box, tag)
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"<{tag}> is {text!r}, which is no number; write the corner in pixels") from None


def _flag(node: Element, tag: str) -> bool:
    return _text(node, tag).lower() in ("1", "true", "yes")


def _text(node: Element, tag: str) -> str:
    return (node.findtext(tag) or "").strip()


def _size(tree: Element) -> tuple[int, int] | None:
    """(width, height), None where the tag is missing or says 0, as some labelling tools do."""
    try:
        width, height = int(float(_text(tree, "size/width"))), int(float(_text(tree, "size/height")))
    except (ValueError, OverflowError):
        return None
    return (width, height) if width > 0 and height > 0 else None


def _class_names(scans: Sequence[_Scan]) -> tuple[str, ...]:
    names = set[str]().union(*(scan.all_names() for scan in scans))
    if names <= set(VOC_CLASSES) and all(is_voc_year(scan.folder) for scan in scans):
        return VOC_CLASSES
    return tuple(sorted(names))
