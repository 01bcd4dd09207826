"""Which label file belongs to an image."""

from collections.abc import Iterable
from pathlib import Path

from multibox.data.formats.files import entries, files_with, is_image

_LABEL_FOLDERS = ("labels", "annotations", "annots")
_NOT_LABELS = frozenset(("classes", "train", "val", "valid", "test", "readme", "readme.dataset"))


class LabelFiles:
    """Finds the label file of an image: labels/a.txt for images/a.jpg, else a.txt beside the image.

    The last folder named images is replaced, in any case. Each folder is listed once.
    """

    def __init__(self) -> None:
        self._homes: dict[Path, Path | None] = {}
        self._texts: dict[Path, dict[str, Path]] = {}

    def of(self, image: Path) -> Path:
        """Return the path of the label file; the path that it should have if there is none."""
        swapped = self._home(image.parent)
        beside = self._in(image.parent).get(image.stem)
        if swapped is None:
            return beside or image.with_suffix(".txt")
        return self._in(swapped).get(image.stem) or beside or swapped / f"{image.stem}.txt"

    def without_image(self, images: Iterable[Path]) -> list[Path]:
        """Return the label files without an image file, in the label folders of these images."""
        homes: dict[Path, set[Path]] = {}
        for image in images:
            homes.setdefault(self.of(image).parent, set()).add(image.parent)
        orphans: list[Path] = []
        for labels, folders in homes.items():
            stems = {path.stem for folder in folders for path in entries(folder) if is_image(path)}
            texts = files_with(labels, (".txt",))
            orphans += [path for path in texts if path.stem not in stems and path.stem.lower() not in _NOT_LABELS]
        return sorted(orphans)

    def _home(self, folder: Path) -> Path | None:
        """Return the folder of labels of a folder of images, None if no part of its path is named images."""
        if folder not in self._homes:
            self._homes[folder] = _swapped(folder)
        return self._homes[folder]

    def _in(self, folder: Path) -> dict[str, Path]:
        """Return the text files of a folder by stem, and pipes and devices of such names, so that they are reported."""
        if folder not in self._texts:
            texts = (path for path in entries(folder) if path.suffix.lower() == ".txt")
            self._texts[folder] = {path.stem: path for path in texts}
        return self._texts[folder]


def _swapped(folder: Path) -> Path | None:
    parts = folder.parts
    place = next((place for place in reversed(range(len(parts))) if parts[place].casefold() == "images"), None)
    if place is None:
        return None
    above = Path(*parts[:place])
    siblings = {path.name.casefold(): path.name for path in entries(above)}
    name = next((siblings[name] for name in _LABEL_FOLDERS if name in siblings), "labels")
    return above.joinpath(name, *parts[place + 1 :])
