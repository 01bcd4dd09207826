"""Splitting a data set into two parts by lists in its own format."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from multibox.data.formats.recognize import recognize
from multibox.data.holdout import held_out_images
from multibox.errors import UsageError
from multibox.system.atomic import write_atomically


@dataclass(frozen=True)
class SplitLists:
    """What was written: the files, and the number of images of each part by its name."""

    files: tuple[Path, ...]
    images: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Plain values, as `multibox data split --json` prints them."""
        return {"files": [str(path) for path in self.files], "images": self.images}


def split_lists(
    path: Path | str,
    *,
    share: float,
    out: Path | str | None = None,
    split: str | None = None,
    names: Sequence[str] = ("train", "val"),
    outside: bool = False,
    force: bool = False,
) -> SplitLists:
    """Write lists that split the training images, or those of `split`, in two; `share` of them are in the second part.

    The images are chosen by `held_out_images`, as training with this `holdout` chooses them. The lists have the format
    of the data set, and `names` are the names of the new splits. They are written below `out`, by default the folder
    of the data set itself, which is where they belong. Existing files are only replaced with `force`.

    Raises DataError if the data set cannot be read or its format has no lists, UsageError for wrong names or a share
    out of range, and if a file exists.
    """
    source = recognize(path, outside=outside)
    parts = dict.fromkeys(_checked(names))
    records = source.scan(split or source.training_split()).records
    held = held_out_images([record.image for record in records], share)
    sides = [[record for record in records if (record.image in held) == wanted] for wanted in (False, True)]
    texts = source.lists(dict(zip(parts, sides, strict=True)))
    home = Path(out) if out is not None else _folder(Path(path), source.root)
    files = {home / name: text for name, text in texts.items()}
    _require_free(files, force=force)
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, text.encode("utf-8", "surrogateescape"))
    return SplitLists(tuple(files), {name: len(side) for name, side in zip(parts, sides, strict=True)})


def _checked(names: Sequence[str]) -> Sequence[str]:
    plain = all(name and PurePosixPath(name).name == name and name not in (".", "..", "all") for name in names)
    if len(set(names)) != 2 or len(names) != 2 or not plain or any(set(name) & set("+:\0\n\\") for name in names):
        raise UsageError(f"names {', '.join(names)[:100]!r} cannot be those of two splits: give two, such as train,val")
    return names


def _folder(path: Path, root: Path) -> Path:
    return root if root.is_dir() else path.parent


def _require_free(files: dict[Path, str], *, force: bool) -> None:
    existing = next((file for file in files if file.exists()), None)
    if existing is not None and not force:
        raise UsageError(f"{existing} exists: replace it with --force, or choose other names or another --out")
