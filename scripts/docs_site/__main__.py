"""`python -m scripts.docs_site FOLDER`: write all pages of the site into a folder, which is emptied first."""

import shutil
import sys
from pathlib import Path

from scripts.docs_site.command_line import command_pages
from scripts.docs_site.guides import ROOT, write_guides
from scripts.docs_site.python_names import python_pages


def write_site(folder: Path) -> None:
    """Write guides, the reference of the command line, and that of the Python names into `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    write_guides(ROOT, folder)
    for name, text in (command_pages() | python_pages()).items():
        page = folder / "reference" / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, "utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m scripts.docs_site FOLDER")
    write_site(Path(sys.argv[1]))
