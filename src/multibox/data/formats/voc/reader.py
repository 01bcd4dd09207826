"""Reading the XML files of one VOC folder."""

from collections.abc import Sequence
from pathlib import Path

from multibox.data.formats.problem import Problem
from multibox.data.formats.record import Record
from multibox.data.formats.voc.layout import VocFolder
from multibox.data.formats.voc.xml import class_names_in, parse_voc
from multibox.images.decode import known_image_size


class FolderReader:
    """Reads the XML files of one folder, each once, and collects faults and class names."""

    def __init__(self, folder: VocFolder, *, pixel_rule: str) -> None:
        self.folder = folder
        self.pixel_rule = pixel_rule
        self.faults: list[Problem] = []
        self._names: dict[str, set[str]] = {}  # by file stem
        self._images: set[Path] = set()

    def records(self, ids: Sequence[str]) -> list[Record]:
        """Return one record for each id; a file that cannot be read becomes a fault instead."""
        found = [self._record(name) for name in ids]
        return [record for record in found if record is not None]

    def class_names(self) -> set[str]:
        """Return the class names in the whole folder, including files that no split asked for."""
        unread = (path for name, path in self.folder.xml_files.items() if name not in self._names)
        return set[str]().union(*self._names.values(), *map(class_names_in, unread))

    def unlabeled(self, split: str) -> list[Problem]:
        """Return the images without an XML file, if the split is the whole folder."""
        if split != "all" and (self.folder.lists or split != self.folder.split):
            return []
        message = "no XML file describes this image, so it is left out; add one (without objects for a background)"
        files = [path for stem, path in self.folder.image_files.items() if stem not in self._names]
        missing = sorted(path for path in files if path not in self._images)
        return [Problem("missing_labels", "warning", str(path), None, message) for path in missing]

    def _record(self, name: str) -> Record | None:
        path = self.folder.xml_file(name)
        if path is None:
            message = f"lists {name[:200]!r}, which is no name or outside the annotations; correct the list"
            self.faults.append(Problem("missing_labels", "error", str(self.folder.root), None, message))
            return None
        file = parse_voc(path, pixel_rule=self.pixel_rule)
        if isinstance(file, Problem):
            self._names[name] = set()
            self.faults.append(file)
            return None
        self._names[name] = {item.category for item in file.objects}
        self.faults += file.faults
        image = self._image(name, file.filename)
        size = file.size or known_image_size(image)
        return Record(image, name, size, path, file.objects, size_written=file.size is not None)

    def _image(self, name: str, filename: str) -> Path:
        """Return the image with the name of the XML file, else the image that the XML file names."""
        files = self.folder.image_files
        default = self.folder.images / (filename or f"{name}.jpg")
        image = files.get(name) or files.get(Path(filename).stem) or files.get(filename) or default
        self._images.add(image)
        return image
