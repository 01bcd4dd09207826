"""The handwritten pages, copied into the site with adapted links."""

import os
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_ROOT_PAGES = ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")

_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"(^```.*?^```$)", flags=re.DOTALL | re.MULTILINE)


def guide_pages(root: Path) -> dict[Path, Path]:
    """Where each file of the repository is on the site, both relative; files that are not named are not published."""
    pages = {
        Path(name): Path(name.lower()) for name in ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
    }
    pages |= {Path("docs") / file: file for file in _files(root / "docs")}
    reports = [file for file in _files(root / "benchmarks") if file.suffix == ".md"]
    return pages | {Path("benchmarks") / file: Path("benchmarks") / _report_name(file) for file in reports}


def _report_name(file: Path) -> str:
    if file.name != "README.md":
        return file.name
    return f"{file.parent.name or 'index'}.md"


def _files(folder: Path) -> list[Path]:
    return sorted(file.relative_to(folder) for file in folder.rglob("*") if file.is_file())


def write_guides(root: Path, folder: Path) -> None:
    """Copy the written pages and their images, and adapt the links of the pages."""
    pages = guide_pages(root)
    for source, target in pages.items():
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".md":
            text = relinked((root / source).read_text("utf-8"), source, pages)
            (folder / target).write_text(text, "utf-8")
        else:
            shutil.copyfile(root / source, folder / target)


def relinked(text: str, source: Path, pages: dict[Path, Path]) -> str:
    """The page with links between files of the repository turned into links between pages of the site.

    A link to a file that is not on the site becomes its text and the path of the file.
    """
    parts = _FENCE.split(text)
    return "".join(p if p.startswith("```") else _LINK.sub(lambda m: _link(m, source, pages), p) for p in parts)


def _link(match: re.Match[str], source: Path, pages: dict[Path, Path]) -> str:
    image, words, address = match.groups()
    file, mark, anchor = address.partition("#")
    if not file or "://" in address:
        return match[0]
    path = Path(os.path.normpath(source.parent / file))
    here = pages[source]
    if path in pages:
        return f"{image}[{words}]({os.path.relpath(pages[path], here.parent)}{mark}{anchor})"
    if path.parts[:2] == ("docs", "reference"):  # generated from the code, so only on the site
        return f"{image}[{words}]({os.path.relpath(path.relative_to('docs'), here.parent)}{mark}{anchor})"
    return words if f"`{path}`" == words else f"{words} (`{path}`)"
