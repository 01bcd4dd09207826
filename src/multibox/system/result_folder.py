"""Folders of results that a command replaces when it runs again, and never folders with other files."""

from pathlib import Path

from multibox.errors import DataError, UsageError
from multibox.system.json import read_json


def prepare_result_folder(out: Path, *, numbers: str, made_by: str) -> None:
    """Create the folder, or delete the files that an earlier run wrote into it.

    `numbers` is the JSON file of the results, which names the command ("made_by") and its "files". Raises UsageError if
    the folder holds files of something else.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; --out takes a folder")
    out.mkdir(parents=True, exist_ok=True)
    present = {file.name for file in out.iterdir()}
    if present:
        for name in _files_of(out / numbers, made_by=made_by) & present:
            (out / name).unlink()


def _files_of(numbers: Path, *, made_by: str) -> set[str]:
    """The names of the files that an earlier run wrote into the folder."""
    try:
        document = read_json(numbers)
        if document["made_by"] != made_by:
            raise KeyError(made_by)
        return {str(name) for name in document["files"] if Path(name).name == name}
    except (DataError, KeyError, TypeError):
        raise UsageError(
            f"{numbers.parent} holds files, but none of `{made_by}`; --out takes a new or empty folder"
        ) from None
