"""The pages of the web site: what is generated from the code, the navigation, and every link between files."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

import multibox
from multibox.cli import app
from scripts.docs_site.__main__ import write_site
from scripts.docs_site.guides import ROOT, guide_pages, relinked
from scripts.docs_site.markdown import escaped, first_sentence

FENCE = re.compile(r"^```.*?^```$", flags=re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", flags=re.MULTILINE)
REPOSITORY_PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").rglob("*.md")]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_site(folder)
    return folder


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, by the rule of Python-Markdown and GitHub."""
    headings = HEADING.findall(FENCE.sub("", page.read_text("utf-8")))
    words = [re.sub(r"[^\w\s-]", "", heading.replace("\\", "")).strip().lower() for heading in headings]
    return {re.sub(r"\s", "-", text) for text in words}


def broken_links(page: Path) -> Iterator[str]:
    """Links of a page to files or headings that do not exist."""
    for address in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        if "://" in address or address.startswith("mailto:"):
            continue
        file, _, anchor = address.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            yield address


def navigation(entries: list[object]) -> Iterator[str]:
    """The pages named in `nav` of zensical.toml, in order."""
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        elif isinstance(entry, dict):
            for value in entry.values():
                yield from navigation(value if isinstance(value, list) else [value])


@pytest.mark.parametrize("page", REPOSITORY_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_the_repository(page: Path):
    """Every relative link of a Markdown file against the files and headings of the repository."""
    links = [link for link in broken_links(page) if not link.startswith("reference/")]
    assert links == []


def test_links_of_the_site(site: Path):
    """Every relative link of every page against the pages and headings of the site."""
    pages = sorted(site.rglob("*.md"))
    assert {str(p.relative_to(site)): found for p in pages if (found := list(broken_links(p)))} == {}


def test_every_page_is_in_the_navigation(site: Path):
    """`nav` in zensical.toml against the pages that are written: add new pages there."""
    settings = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]
    named = list(navigation(settings["nav"]))
    assert sorted(named) == sorted(str(page.relative_to(site)) for page in site.rglob("*.md"))
    assert (site / settings["extra_css"][0]).is_file()


def test_every_command_has_its_options(site: Path):
    """Each command of the program has a page or a section, with all of its options."""
    program = typer.main.get_command(app)
    for name, command in program.commands.items():
        text = (site / f"reference/command-line/{name}.md").read_text("utf-8")
        for below, subcommand in getattr(command, "commands", {"": command}).items():
            assert re.search(rf"^#+ multibox {name} {below}".strip() + "$", text, flags=re.MULTILINE)
            options = [o for p in subcommand.params if p.param_type_name == "option" for o in p.opts]
            assert [option for option in options if option not in text] == []


def test_every_public_name_has_a_section(site: Path):
    """`multibox.__all__` against the headings of the reference of Python."""
    pages = (site / "reference/python").glob("*.md")
    headings = {heading for page in pages for heading in HEADING.findall(page.read_text("utf-8"))}
    assert {*multibox.__all__, *multibox.video.__all__} - {"__version__"} <= headings


def test_signatures_are_written_as_in_the_code(site: Path):
    """One function's parameters and one class's fields against the page."""
    detection = (site / "reference/python/detection.md").read_text("utf-8")
    assert 'class Detections(\n    boxes: Float32[np.ndarray, "n 4"],\n' in detection
    assert "above(threshold: float) -> Detections" in detection


def test_links_out_of_the_site_become_text():
    """A page of the site becomes a link to it, source code its path, another site stays; code is left alone."""
    pages = guide_pages(ROOT)
    text = "[a](../ARCHITECTURE.md#words) [b](../src/multibox/nms.py) [c](https://example.org/)\n```\n[d](../x)\n```"
    expected = "[a](architecture.md#words) b (`src/multibox/nms.py`) [c](https://example.org/)\n```\n[d](../x)\n```"
    assert relinked(text, Path("docs/data.md"), pages) == expected


def test_plain_text_is_escaped():
    """Characters that Markdown would interpret, outside and inside of code."""
    assert escaped("a*b_c <d> `e*f`") == r"a\*b\_c &lt;d> `e*f`"
    assert first_sentence("Read it: all\nof it. Then more.\n\nMore.") == "Read it: all of it."
